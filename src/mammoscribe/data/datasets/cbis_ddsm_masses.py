"""The masses of CBIS-DDSM with boxes: an export of the official training part as pictures of 800 x 800 pixels and one table."""

from collections.abc import Iterator
from pathlib import Path

from mammoscribe.data.dataset import Item
from mammoscribe.data.formats.tables import Row
from mammoscribe.data.formats.view_table import ViewTable, column, projection_in, read_view_table, worded
from mammoscribe.data.naming import parse_laterality
from mammoscribe.data.records import ListedView, Region
from mammoscribe.domain.view import Box
from mammoscribe.support.errors import InputError, InvalidNoun

TABLE = "boxes.csv"
_COLUMNS = (
    "file_name", "patient_id", "laterality", "view", "x0", "y0", "x1", "y1", "abnormality_id", "mass_shape",
    "mass_margins", "assessment", "pathology", "subtlety", "density", "joined",
)  # fmt: skip
HEIGHT_TO_WIDTH = 1.72
"""Median of the films before they were stretched to a square; they range from 1.55 to 2.11."""
_DENSITY = worded("density", {"1": "a", "2": "b", "3": "c", "4": "d", "0": ""})


def read_masses(root: Path) -> Iterator[Item]:
    """One exam per patient; a box whose row in the case table is uncertain keeps its place and loses its words."""
    patient = column("patient_id")
    spec = ViewTable(TABLE, _COLUMNS, patient, patient, _view, breast_labels={"density": _DENSITY})
    return read_view_table(root, spec)


def _view(row: Row) -> ListedView:
    side, projection = parse_laterality(row.get("laterality")), projection_in(row.get("view"))
    path = f"images/{row.get('file_name')}"
    return ListedView(path, side, projection, regions=(_region(row),), height_to_width=HEIGHT_TO_WIDTH)


def _region(row: Row) -> Region:
    edges = [row.get(name) for name in ("x0", "y0", "x1", "y1")]
    try:
        box = Box(*map(float, edges))
    except (ValueError, InvalidNoun) as error:
        raise InputError(f"the box {' '.join(edges)}", "x0 < x1 and y0 < y1, in pixels") from error
    labels = {"abnormality": "mass", "abnormality_id": row.get("abnormality_id"), "joined": row.get("joined")}
    if row.get("joined") == "one to one":
        labels |= {name: row.get(name) for name in ("mass_shape", "mass_margins", "subtlety")}
        labels |= {"birads": row.get("assessment"), "pathology": row.get("pathology").lower()}
    return Region(box, {name: value for name, value in labels.items() if value})
