"""INbreast (2012): 410 full-field pictures with contours, as its release 1.0 lies in a folder.

Folders, the header of INbreast.csv, names of files (also `ML` in the name of an MLO view), and the contours as
property lists: from loaders in public repositories; the number of pictures and cases from the paper. Recalled only:
that a view beside CC and MLO occurs, so no count is held against a download.
"""

import datetime as dt
import math
import plistlib
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from xml.parsers.expat import ExpatError

from mammoscribe.data.dataset import Dataset, Edition, Item, Label, State
from mammoscribe.data.formats.tables import Row
from mammoscribe.data.formats.view_table import ViewTable, box_of, projection_in, read_view_table, whole, worded
from mammoscribe.data.naming import parse_laterality
from mammoscribe.data.records import Kind, ListedView, Region
from mammoscribe.support.errors import InputError

MAX_XML_BYTES = 32 << 20
_COLUMNS = ("Laterality", "View", "Acquisition date", "File Name", "ACR", "Bi-Rads")
_DENSITY = worded("ACR", {"1": "a", "2": "b", "3": "c", "4": "d"})
_FILE = whole("File Name")
_NAME = re.compile(r"(?P<file>\d+)_(?P<patient>[^_]+)_MG_.*\.dcm", re.IGNORECASE)
_SPELLINGS = {
    "assymetry": "asymmetry", "asimmetry": "asymmetry", "espiculated region": "spiculated region",
    "calcifications": "calcification",
}  # fmt: skip


def _date(row: Row) -> dt.date | None:
    """The first of the month: days are not published."""
    month = whole("Acquisition date")(row)
    if not month:
        return None
    try:
        return dt.datetime.strptime(month, "%Y%m").date()
    except ValueError as error:
        raise InputError(f"the acquisition date {month!r}", "year and month, such as 201001") from error


def _regions(path: Path) -> tuple[Region, ...]:
    """A box around each contour of a property list; none where there is no file, as for a normal picture.

    Raises:
        InputError: when it is larger than `MAX_XML_BYTES`, or no such list. Entities are never followed.
    """
    if not path.is_file():
        return ()
    if (size := path.stat().st_size) > MAX_XML_BYTES:
        raise InputError(f"{path.name} has {size >> 20} MB", f"at most {MAX_XML_BYTES >> 20} MB")
    try:
        images = plistlib.loads(path.read_bytes(), fmt=plistlib.FMT_XML)["Images"]
        return tuple(_region(roi) for image in images for roi in image["ROIs"] if roi["Point_px"])
    except (ExpatError, ValueError, OverflowError, KeyError, TypeError, AttributeError) as error:
        raise InputError(f"{path.name} is no list of contours ({error})", "the XML of its picture") from error


def _region(roi: Mapping[str, Any]) -> Region:
    """The pixels that a contour (or a single point) touches; points before the edge are taken as on it."""
    points = [[max(0, math.floor(float(n))) for n in point.strip("() ").split(",")] for point in roi["Point_px"]]
    across, down = zip(*points, strict=True)
    name = " ".join(str(roi.get("Name") or "unnamed").lower().split())
    return Region(
        box_of((min(across), min(down), max(across) + 1, max(down) + 1)), {"finding": _SPELLINGS.get(name, name)}
    )


def _read(root: Path) -> Iterator[Item]:
    named = (_NAME.fullmatch(path.name) for path in sorted((root / "AllDICOMs").iterdir()))
    pictures = {match["file"]: match for match in named if match}

    def patient(row: Row) -> str:
        number = _FILE(row)
        return pictures[number]["patient"] if number in pictures else number

    def exam(row: Row) -> str:
        return f"{name}_{whole('Acquisition date')(row)}" if (name := patient(row)) else ""

    def view(row: Row) -> ListedView:
        number = _FILE(row)
        if number not in pictures:
            raise InputError(
                f"no picture {number} in AllDICOMs", f"{number}_<patient>_MG_R_CC_ANON.dcm", "fetch it again"
            )
        side, projection = parse_laterality(row.get("Laterality")), projection_in(row.get("View"))
        regions = _regions(root / "AllXML" / f"{number}.xml")
        return ListedView(f"AllDICOMs/{pictures[number].string}", side, projection, regions=regions)

    labels = {"birads": whole("Bi-Rads"), "density": _DENSITY}
    return read_view_table(root, ViewTable("INbreast.csv", _COLUMNS, exam, patient, view, {}, labels, date=_date))


INBREAST = Dataset(
    name="inbreast",
    title="INbreast, a full-field digital mammographic database",
    kind=Kind.MAMMO_EXAM,
    language="",
    licence="research only, on the terms of the University of Porto; do not redistribute",
    obtain="asked of its authors (INESC Porto); where it has no INbreast.csv, save INbreast.xls as CSV under that name",
    cite="Moreira et al., INbreast, Academic Radiology 2012;19(2):236-248, doi 10.1016/j.acra.2011.09.014",
    labels=(
        Label("birads", "breast", "1, 2, 3, 4A, 4B, 4C, 5 or 6, of each picture; joined by | where they differ"),
        Label("density", "breast", "a to d for the ACR classes 1 to 4 of the fourth edition (share of gland)"),
        Label("finding", "region", "name of the contour, in one spelling: mass, calcification, cluster,"
              " spiculated region, asymmetry, distortion, ..."),
    ),
    known_faults=(
        "patient and age are removed from INbreast.csv; the patient is the second part of a file's name",
        "only the month of an exam is published: every date is the first of its month",
        "file names say ML where the table says MLO; the table counts",
        "names of contours are spelled in several ways, and some have none (unnamed, point 1)",
        "single calcifications are marked by one point each: boxes of one pixel",
        "a few points lie just outside the picture",
        "no pathology in the table: BI-RADS 4 and above is often taken for cancer",
        "pictures without contours have no XML file, and a lost file looks the same",
    ),
    editions=(
        Edition(
            "release 1.0", ("INbreast.csv", "AllDICOMs"),
            "INbreast.csv; AllDICOMs/<file>_<patient>_MG_<side>_<view>_ANON.dcm; AllXML/<file>.xml"
            " (the same table as INbreast.xls is not read: save it as CSV)",
            {}, State.DOCUMENTED, _read,
        ),
    ),
    patients="the hash in the file's name",
)  # fmt: skip
