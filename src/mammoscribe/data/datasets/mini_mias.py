"""mini-MIAS (1995): the list Info.txt with its films as PGM, and an export of some of them as CSV and JPEG.

The list is the original one, read whole; names and places of the PGM files: from loaders in public repositories.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from mammoscribe.data.dataset import Dataset, Edition, Fault, Item, Label, State
from mammoscribe.data.formats.spool import Spool
from mammoscribe.data.formats.tables import Row, read_rows
from mammoscribe.data.naming import parse_laterality
from mammoscribe.data.records import Kind, ListedView, MammoExam, Region
from mammoscribe.data.supervision import Question, Supervision, Teaching
from mammoscribe.domain.finding import FindingType
from mammoscribe.domain.view import Box, Laterality, Projection
from mammoscribe.support.errors import InputError

SIDE_PX = 1024
SPACING_MM = 0.2
KINDS = frozenset({"CIRC", "SPIC", "MISC", "CALC", "ARCH", "ASYM"})
_COLUMNS = ("name", "tissue", "abnormality", "severity", "x", "y", "r", "pair", "laterality", "view")
_NAME = re.compile(r"mdb\d{3}")
_PATHOLOGY = {"B": "benign", "M": "malignant"}
_ROW = "a name, tissue F, G or D, a class, and for an abnormality B or M, x, y and radius"


def _read_list(root: Path) -> Iterator[Item]:
    return _exams(_list_rows(root / "Info.txt"), lambda name: f"{name}.pgm")


def _read_export(root: Path) -> Iterator[Item]:
    return _exams(read_rows(root / "labels.csv", _COLUMNS), lambda name: f"images/{name}.jpg")


def _list_rows(path: Path) -> Iterator[Row | Fault]:
    """The rows of the list, which begin with the name of a film; the text around it is for people."""
    with path.open(encoding="latin-1") as lines:
        for number, line in enumerate(lines, start=1):
            if line.startswith("mdb"):
                yield _list_row(Row(path.name, number, {}), line.split())


def _list_row(row: Row, words: Sequence[str]) -> Row | Fault:
    """A row with the columns of the export; pairs and sides as note 1 of the list has them (even numbers are left)."""
    if len(words) < 3 or not _NAME.fullmatch(words[0]):
        return row.fault(f"the row {' '.join(words)!r}", _ROW)
    number = int(words[0][3:])
    severity, x, y, *rest = [*words[3:], "", "", ""]
    values = [*words[:3], severity, x, y, " ".join(rest).strip()]
    pair, side = str((number + 1) // 2), "R" if number % 2 else "L"
    return Row(row.table, row.line, dict(zip(_COLUMNS, [*values, pair, side, "MLO"], strict=True)))


def _exams(rows: Iterator[Row | Fault], path_of: Callable[[str], str]) -> Iterator[Item]:
    """One exam per pair of films, which are of one woman."""
    with Spool() as spool:
        for row in rows:
            if isinstance(row, Fault):
                yield row
            elif not (row.get("pair") and _NAME.fullmatch(row.get("name"))):
                yield row.fault(f"the film {row.get('name')!r} of pair {row.get('pair')!r}", "a film such as mdb001")
            else:
                spool.add_one(row.get("pair"), row)
        for pair, of_pair in spool.groups():
            yield from _exam(f"mias-{pair}", of_pair, path_of)


def _exam(name: str, rows: Sequence[Row], path_of: Callable[[str], str]) -> Iterator[Item]:
    images: list[ListedView] = []
    breasts: dict[Laterality, dict[str, str]] = {}
    for film in dict.fromkeys(row.get("name") for row in rows):
        good: list[tuple[Row, tuple[Region, ...]]] = []
        for row in (r for r in rows if r.get("name") == film):
            try:
                good.append((row, _regions(row)))
            except InputError as error:
                yield row.fault(error.found, error.expected)
        if good:
            side = parse_laterality(good[0][0].get("laterality"))
            images.append(_view(path_of(film), side, good))
            breasts[side] = {"tissue": good[0][0].get("tissue"), "pathology": _joined(_pathology(r) for r, _ in good)}
    if images:
        yield MammoExam(name, name, tuple(images), breasts=breasts)


def _regions(row: Row) -> tuple[Region, ...]:
    """The circle of a row as a box, none where the list gives no circle; InputError for a row that cannot be one."""
    parse_laterality(row.get("laterality"))
    kind, severity = row.get("abnormality"), row.get("severity")
    if kind not in KINDS | {"NORM"} or (severity in _PATHOLOGY) != (kind in KINDS) or row.get("tissue") not in "FGD":
        raise InputError(f"{row.get('name')}: {row.get('tissue')} {kind} {severity}", _ROW)
    circle = [row.get(edge) for edge in ("x", "y", "r")]
    if not any(circle) or _note(row):
        return ()
    try:
        box = circle_box(*circle)
    except ValueError:
        box = None
    if box is None:
        raise InputError(f"{row.get('name')}: the circle {' '.join(circle)}", "x, y and radius of a circle in the film")
    return (Region(box, {"abnormality": kind, "pathology": _PATHOLOGY[severity]}),)


def circle_box(x: str, y: str, radius: str) -> Box | None:
    """The box around a circle whose centre counts rows from the bottom; pixel i covers [i, i + 1).

    Args:
        x, y, radius: in pixels, as the list of films writes them; a circle outside the picture gives None.

    Raises:
        ValueError: when one is no number.
    """
    across, down, reach = float(x) + 0.5, SIDE_PX - (float(y) + 0.5), max(float(radius), 1.0)
    return Box(across - reach, down - reach, across + reach, down + reach).clipped(SIDE_PX, SIDE_PX)


def _view(path: str, side: Laterality, rows: Sequence[tuple[Row, tuple[Region, ...]]]) -> ListedView:
    regions = tuple(region for _, of_row in rows for region in of_row)
    labels = {
        "abnormality": "|".join(row.get("abnormality") for row, _ in rows),
        "unplaced": "|".join(row.get("abnormality") for row, of_row in rows if row.get("severity") and not of_row),
        "note": _joined(_note(row) for row, _ in rows),
    }
    known = {name: value for name, value in labels.items() if value}
    return ListedView(path, side, Projection.MLO, (SPACING_MM, SPACING_MM), labels=known, regions=regions)


def _note(row: Row) -> str:
    """`NOTE 3` where a remark stands instead of a circle; it fills the columns x, y and r, as far as it reaches."""
    words = " ".join(w for name in ("x", "y", "r") if (w := row.get(name)))
    return words.replace("*", "").strip() if "*" in words else ""


def _pathology(row: Row) -> str:
    return _PATHOLOGY.get(row.get("severity"), "normal")


def _joined(values: Iterator[str]) -> str:
    return "|".join(dict.fromkeys(value for value in values if value))


_FINDING_OF = {
    "CIRC": "mass", "SPIC": "mass", "MISC": "mass", "CALC": "calcification", "ARCH": "architectural_distortion",
    "ASYM": "asymmetry",
}  # fmt: skip
"""Class of an abnormality -> kind of finding."""

MINI_MIAS = Dataset(
    name="mini-mias",
    title="mini-MIAS, the MiniMammographic Database of the Mammographic Image Analysis Society",
    kind=Kind.MAMMO_EXAM,
    language="",
    licence="research only, on the terms of its Licence.txt: not to be rented, leased or sold; copies keep the terms",
    obtain="free to download: all-mias.tar.gz of the Pilot European Image Processing Archive, or its copies",
    cite="Suckling et al., The Mammographic Image Analysis Society Digital Mammogram Database, Excerpta Medica,"
    " International Congress Series 1069 (1994), 375-378",
    labels=(
        Label("tissue", "breast", "F fatty, G fatty-glandular or D dense-glandular; not the BI-RADS density"),
        Label("pathology", "breast", "normal, benign or malignant; a film with several abnormalities joined by |"),
        Label("abnormality", "view", "NORM, or the class of every abnormality of the film, joined by |"),
        Label("unplaced", "view", "the classes of those of which no circle is given: no box, and not free of lesions"),
        Label("note", "view", "NOTE 3: calcifications spread through the film, so that a circle would be wrong"),
        Label("abnormality", "region", "CALC (a cluster), CIRC, SPIC or MISC (masses), ARCH or ASYM"),
        Label("pathology", "region", "benign or malignant"),
    ),
    known_faults=(
        ("the pictures are mirrored: their lead letters read backwards, and say L in odd and R in even films. The sides are"
        " those of the list (note 1: even numbers are left), which fit what the stored pictures look like"),
        "coordinates count from the bottom left corner; boxes here are around the circle, from the top left",
        "four abnormal films have no circle: mdb059 without a reason, mdb216, mdb233 and mdb245 by note 3",
        "radii are rough: of some masses the circle is far larger than what is seen",
        "MLO films only, digitised at 50 um and reduced to 200 um; padded or cut to 1024 x 1024 pixels",
        "lead letters, tapes and edges of the films are in many pictures",
        "the export holds 232 of the films as JPEG; its columns x and y hold the words of note 3 in three rows",
        "no dates, no priors, no age",
    ),
    editions=(
        Edition(
            "info.txt", ("Info.txt", "mdb*.pgm"), "Info.txt; mdb001.pgm to mdb322.pgm beside it (the folder all-mias)",
            {"records": 161, "patients": 161, "images": 322, "regions": 119, "faults": 0,
             "label:tissue=F": 106, "label:tissue=G": 104, "label:tissue=D": 112},
            State.TABLES_TESTED, _read_list, tuple(FindingType),
        ),
        Edition(
            "export jpeg", ("labels.csv", "images/mdb*.jpg"), "labels.csv; images/<film>.jpg, a part of the films",
            {}, State.TESTED, _read_export, tuple(FindingType),
        ),
    ),
    patients="the pair of films",
    supervision=Supervision(
        (
            Teaching("unplaced", "view", Question.UNPLACED, _FINDING_OF),
            Teaching("abnormality", "region", Question.KIND, _FINDING_OF),
            Teaching("abnormality", "region", Question.DESCRIPTORS, {"CIRC": "margin.circumscribed", "SPIC": "margin.spiculated"}),
            Teaching("pathology", "region", Question.MALIGNANT, {"benign": "0", "malignant": "1"}),
        )
    ),
)  # fmt: skip
