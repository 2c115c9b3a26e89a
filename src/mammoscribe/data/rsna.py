"""RSNA 2023 screening mammography, 512-pixel export: exams and per-breast labels of every patient.

The pictures are squashed to a square and carry no pixel spacing. BI-RADS there is 0, 1 or 2 (one site only) and every
labelled cancer is 0: it is the recall label, never an ordinal one.
"""

import csv
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

from mammoscribe.data.folds import fold
from mammoscribe.domain.exam import Exam
from mammoscribe.domain.view import Laterality, Projection, SpacingSource, View, standard_view_id
from mammoscribe.support.errors import InputError

__all__ = ["SIDE_PX", "RsnaBreast", "RsnaExam", "RsnaImage", "fold", "read_rsna"]

SIDE_PX = 512
_COLUMNS = "file_name patient_id image_id laterality view age cancer BIRADS density machine_id site_id image_side split"


@dataclass(frozen=True)
class RsnaImage:
    """One picture of one breast.

    Args:
        path: the JPEG.
        image_id: as in the challenge.
        laterality: the breast.
        projection_name: `CC`, `MLO`, or `AT` (axillary tail), which is not read.
        view: the view, None for an axillary tail; its id repeats when a projection was taken more than once.
        chest_on_left: where the chest wall lies in the stored picture, from the metadata.
        in_exam: whether this picture stands for its laterality and projection in the exam.
    """

    path: Path
    image_id: str
    laterality: Laterality
    projection_name: str
    view: View | None
    chest_on_left: bool
    in_exam: bool


@dataclass(frozen=True)
class RsnaBreast:
    """Labels of one imaged breast; None where the site gave none.

    Args:
        laterality: the breast.
        cancer: biopsy-proven cancer.
        density: `a`..`d`.
        recall: BI-RADS 0 against 1 or 2.
        biopsy, invasive, implant, difficult_negative: as in the challenge.
    """

    laterality: Laterality
    cancer: bool
    density: str | None
    recall: bool | None
    biopsy: bool
    invasive: bool
    implant: bool
    difficult_negative: bool


@dataclass(frozen=True)
class RsnaExam:
    """One patient: the exam (one picture per laterality and projection), all pictures, and each breast's labels."""

    exam: Exam
    patient_id: str
    images: tuple[RsnaImage, ...]
    breasts: tuple[RsnaBreast, ...]
    age: float | None
    machine_id: str
    site_id: str
    split: str

    @property
    def fold(self) -> int:
        """Fold 0..4 of the patient."""
        return fold(self.patient_id)

    def breast(self, laterality: Laterality) -> RsnaBreast | None:
        """Labels of one breast, None when it was not imaged."""
        return next((b for b in self.breasts if b.laterality is laterality), None)

    def images_of(self, laterality: Laterality) -> tuple[RsnaImage, ...]:
        """All readable (CC, MLO) pictures of one breast."""
        return tuple(i for i in self.images if i.laterality is laterality and i.view is not None)


def read_rsna(root: Path) -> list[RsnaExam]:
    """Every patient of `root`, the folder with `metadata.csv` and `images/`, in order of the metadata.

    Raises:
        InputError: when the metadata is missing, lacks a column, or contradicts itself within a patient.
    """
    table = Path(root) / "metadata.csv"
    if not table.is_file():
        raise InputError(f"no RSNA metadata in {root}", "a folder with metadata.csv and images/")
    with table.open(newline="", encoding="utf-8-sig") as stream:
        rows = list(csv.DictReader(stream))
    missing = [c for c in _COLUMNS.split() if not rows or c not in rows[0]]
    if missing:
        raise InputError(f"{table} lacks the columns {', '.join(missing)}")
    rows.sort(key=lambda r: int(r["patient_id"]))
    return [_exam(Path(root), list(group)) for _, group in groupby(rows, key=lambda r: r["patient_id"])]


def _exam(root: Path, rows: list[dict[str, str]]) -> RsnaExam:
    images: list[RsnaImage] = []
    for row in rows:
        taken = {(i.laterality, i.projection_name) for i in images}
        images.append(_image(root, row, (Laterality(row["laterality"]), row["view"]) not in taken))
    first = rows[0]
    patient = first["patient_id"]
    views = tuple(i.view for i in images if i.view is not None and i.in_exam)
    sides = [s for s in Laterality if any(r["laterality"] == s for r in rows)]
    return RsnaExam(
        exam=Exam(f"rsna-{patient}", views, patient),
        patient_id=patient,
        images=tuple(images),
        breasts=tuple(_breast(s, [r for r in rows if r["laterality"] == s]) for s in sides),
        age=float(first["age"]) if first["age"] else None,
        machine_id=_only(rows, "machine_id") or first["machine_id"],
        site_id=first["site_id"],
        split=first["split"],
    )


def _image(root: Path, row: dict[str, str], first_of_kind: bool) -> RsnaImage:
    laterality, path = Laterality(row["laterality"]), root / "images" / row["file_name"]
    view = None
    if row["view"] in Projection.__members__:
        projection = Projection(row["view"])
        view = View(
            standard_view_id(laterality, projection), laterality, projection, SIDE_PX, SIDE_PX, str(path),
            spacing_source=SpacingSource.ASSUMED,
        )  # fmt: skip
    chest_on_left = row["image_side"] == "L"
    return RsnaImage(
        path, row["image_id"], laterality, row["view"], view, chest_on_left, first_of_kind and view is not None
    )


def _breast(laterality: Laterality, rows: list[dict[str, str]]) -> RsnaBreast:
    cancer, density, birads = (_only(rows, c, required=True) for c in ("cancer", "density", "BIRADS"))
    return RsnaBreast(
        laterality,
        cancer == "1",
        density.lower() or None,
        float(birads) == 0 if birads else None,
        *(any(r.get(c, "") in ("1", "True") for r in rows)
          for c in ("biopsy", "invasive", "implant", "difficult_negative_case")),
    )  # fmt: skip


def _only(rows: Iterable[dict[str, str]], column: str, required: bool = False) -> str:
    """The one value of a column, "" when it varies; with `required`, varying is an error."""
    rows = list(rows)
    values = {r[column] for r in rows}
    if len(values) == 1:
        return values.pop()
    if required:
        raise InputError(f"patient {rows[0]['patient_id']} has {column} {sorted(values)} for one breast", "one value")
    return ""
