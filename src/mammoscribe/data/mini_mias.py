"""mini-MIAS: digitised MLO films with tissue class and lesions as circles (Suckling et al. 1994)."""

import csv
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

from mammoscribe.data.folds import fold
from mammoscribe.domain.exam import Exam
from mammoscribe.domain.view import Box, Laterality, Projection, SpacingSource, View, standard_view_id
from mammoscribe.support.errors import InputError

SIDE_PX = 1024
SPACING_MM = 0.2
MASS_KINDS = frozenset({"CIRC", "SPIC", "MISC"})
KINDS = MASS_KINDS | {"CALC", "ARCH", "ASYM"}


@dataclass(frozen=True)
class MiasLesion:
    """One abnormality.

    Args:
        kind: CIRC, SPIC, MISC (masses), CALC (a cluster), ARCH or ASYM.
        severity: `B` benign or `M` malignant.
        box: around the circle given, in stored pixels; None when no coordinates were given.
    """

    kind: str
    severity: str
    box: Box | None

    @property
    def malignant(self) -> bool:
        """Whether the lesion is malignant."""
        return self.severity == "M"

    @property
    def mass(self) -> bool:
        """Whether the lesion is a mass of any margin."""
        return self.kind in MASS_KINDS


@dataclass(frozen=True)
class MiasFilm:
    """One film: an exam of one MLO view, its tissue class and its lesions (none in a normal film).

    Args:
        name: `mdb005`.
        exam: one view, spacing 0.2 mm declared.
        patient_id: the pair of films, `mias-3`.
        tissue: `F` fatty, `G` fatty-glandular, `D` dense-glandular; not the BI-RADS density.
        lesions: empty for NORM.
    """

    name: str
    exam: Exam
    patient_id: str
    tissue: str
    lesions: tuple[MiasLesion, ...]

    @property
    def view(self) -> View:
        """The only view."""
        return self.exam.views[0]

    @property
    def normal(self) -> bool:
        """Whether the film is labelled NORM."""
        return not self.lesions

    @property
    def boxes(self) -> tuple[Box, ...]:
        """Boxes of the lesions that have coordinates."""
        return tuple(lesion.box for lesion in self.lesions if lesion.box is not None)

    @property
    def has_coordinates(self) -> bool:
        """False when a lesion is known but not where: such a film trains neither a box nor `no object`."""
        return all(lesion.box is not None for lesion in self.lesions)

    @property
    def fold(self) -> int:
        """Fold 0..4 of the patient."""
        return fold(self.patient_id)


def read_mini_mias(root: Path) -> list[MiasFilm]:
    """Every film of `root`, the folder with `labels.csv` and `images/`, by name.

    Raises:
        InputError: when the labels are missing or a row cannot be read.
    """
    table = Path(root) / "labels.csv"
    if not table.is_file():
        raise InputError(f"no mini-MIAS labels in {root}", "a folder with labels.csv and images/")
    with table.open(newline="", encoding="utf-8-sig") as stream:
        rows = sorted(csv.DictReader(stream), key=lambda r: r["name"])
    try:
        return [_film(Path(root), list(group)) for _, group in groupby(rows, key=lambda r: r["name"])]
    except (KeyError, ValueError) as error:
        raise InputError(f"{table} has a row that cannot be read ({error})") from error


def _film(root: Path, rows: list[dict[str, str]]) -> MiasFilm:
    first = rows[0]
    laterality, projection = Laterality(first["laterality"]), Projection(first["view"])
    view = View(
        standard_view_id(laterality, projection), laterality, projection, SIDE_PX, SIDE_PX,
        str(root / "images" / f"{first['name']}.jpg"),
        spacing_mm=(SPACING_MM, SPACING_MM), spacing_source=SpacingSource.DECLARED,
    )  # fmt: skip
    patient = f"mias-{first['pair']}"
    lesions = tuple(_lesion(row) for row in rows if row["abnormality"] != "NORM")
    return MiasFilm(first["name"], Exam(f"mias-{first['name']}", (view,), patient), patient, first["tissue"], lesions)


def _lesion(row: dict[str, str]) -> MiasLesion:
    if row["abnormality"] not in KINDS:
        raise ValueError(f"{row['name']} has the abnormality {row['abnormality']!r}")
    return MiasLesion(row["abnormality"], row["severity"], circle_box(row["x"], row["y"], row["r"]))


def circle_box(x: str, y: str, radius: str) -> Box | None:
    """The box around a circle whose centre counts rows from the bottom; pixel i covers [i, i + 1).

    Args:
        x, y, radius: in pixels, as the list of films writes them; a blank one gives None, as does a circle outside.

    Raises:
        ValueError: when one is no number.
    """
    if not (x and y and radius):
        return None
    across, down, reach = float(x) + 0.5, SIDE_PX - (float(y) + 0.5), max(float(radius), 1.0)
    return Box(across - reach, down - reach, across + reach, down + reach).clipped(SIDE_PX, SIDE_PX)
