"""Hand labels of nipples, and real images and lesions of three datasets as the anatomy benchmarks read them.

Scales: mini-MIAS is 0.2 mm per pixel by its documentation; RSNA's export is squashed and read as `prepare_view` assumes;
a CBIS-DDSM film here is stretched to a square, taken as 240 mm high with height : width 1.72 (the median of such films).
"""

import csv
import hashlib
import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mammoscribe.data.dataset import Dataset
from mammoscribe.data.datasets.mini_mias import MINI_MIAS
from mammoscribe.data.datasets.rsna import RSNA
from mammoscribe.data.record_views import view_of
from mammoscribe.data.records import MammoExam
from mammoscribe.domain.view import Box, Laterality, Projection, SpacingSource, View
from mammoscribe.imaging.anatomy.nipple import FINDER_UM
from mammoscribe.imaging.decode import decode_view
from mammoscribe.imaging.mask import find_breast
from mammoscribe.imaging.prepare import finder_picture, prepare_view

ROOT = Path(__file__).parents[1]
DATA = Path(os.environ.get("MAMMOSCRIBE_DATA", ROOT.parent / "shared" / "data"))
NIPPLES = ROOT / "benchmarks" / "labels" / "nipples.csv"
DATASETS = {"rsna_512": RSNA, "mini_mias": MINI_MIAS}
CBIS_SIDE_PX, CBIS_HEIGHT_MM, CBIS_HEIGHT_TO_WIDTH = 800, 240.0, 1.72


@dataclass(frozen=True)
class NippleLabel:
    """What a person saw of one nipple.

    Args:
        view: the image's view.
        xy: stored pixels.
        visible: seen in profile, at the skin line.
        sure: whether the place is one that the labeller would stand by.
        measuring: belongs to the half that nothing is fitted on.
    """

    dataset: str
    view: View
    xy: tuple[float, float]
    visible: bool
    sure: bool
    measuring: bool


@dataclass(frozen=True)
class TrueLesion:
    """A lesion that somebody else marked: its view, its box in stored pixels, whether it is for measuring."""

    dataset: str
    view: View
    box: Box
    measuring: bool


def measuring_half(dataset: str, patient: str) -> bool:
    """Whether lesions of a patient are for measuring; a hash decides."""
    return hashlib.sha256(f"anatomy half:{dataset}:{patient}".encode()).digest()[0] % 2 == 0


def read_nipples(data: Path = DATA) -> list[NippleLabel]:
    """Every labelled image whose dataset is in the data folder."""
    views = all_views(data)
    labels = []
    with NIPPLES.open(newline="", encoding="utf-8") as stream:
        for row in csv.DictReader(stream):
            view = views.get((row["dataset"], row["file_name"]))
            if view is None:
                continue
            xy = float(row["x"]) * view.width_px, float(row["y"]) * view.height_px
            flags = row["visible"] == "yes", row["sure"] == "yes", row["half"] == "measure"
            labels.append(NippleLabel(row["dataset"], view, xy, *flags))
    return labels


def all_views(data: Path = DATA) -> dict[tuple[str, str], View]:
    """(dataset, file name) -> view, of the three datasets as far as they are there."""
    views: dict[tuple[str, str], View] = {}
    for folder, dataset in DATASETS.items():
        listed = (image for record in records_of(data / folder, dataset) for image in record.images)
        views |= {(folder, Path(i.path).name): view_of(i, data / folder) for i in listed if i.path is not None}
    views |= {("cbis_ddsm_mass_800", row["file_name"]): _cbis_view(row, data) for row in _cbis_rows(data)}
    return views


def records_of(root: Path, dataset: Dataset) -> list[MammoExam]:
    """Exams of a dataset in the order of its table, none where the data are absent."""
    if not root.is_dir():
        return []
    return [item for item in dataset.edition_in(root).read(root) if isinstance(item, MammoExam)]


def true_lesions(data: Path = DATA) -> list[TrueLesion]:
    """Lesions of mini-MIAS (circles) and CBIS-DDSM (mass boxes)."""
    lesions = []
    for record in records_of(data / "mini_mias", MINI_MIAS):
        half = measuring_half("mini_mias", record.patient_id)
        for image in record.images:
            view = view_of(image, data / "mini_mias")
            lesions += [TrueLesion("mini_mias", view, region.box, half) for region in image.regions]
    for row in _cbis_rows(data):
        box = Box(*(float(row[edge]) for edge in ("x0", "y0", "x1", "y1")))
        half = measuring_half("cbis_ddsm_mass_800", row["patient_id"])
        lesions.append(TrueLesion("cbis_ddsm_mass_800", _cbis_view(row, data), box, half))
    return lesions


@dataclass(frozen=True)
class FinderPicture:
    """What the finder sees of a labelled image: grey values and mask [h, w], and the labelled nipple on them."""

    grey: np.ndarray
    mask: np.ndarray
    nipple_xy: tuple[float, float]
    mm_per_px: float = FINDER_UM / 1000


def seen_by_finder(label: NippleLabel) -> FinderPicture:
    """The picture on which the nipple of a labelled image is searched."""
    picture = decode_view(label.view)
    prepared = prepare_view(label.view, picture)
    canvas = prepared.placement
    spacing = canvas.scale_y * prepared.um_per_px / 1000, canvas.scale_x * prepared.um_per_px / 1000
    grey, mask, place = finder_picture(find_breast(picture.pixels), prepared.crop, spacing, canvas)
    return FinderPicture(grey, mask, place.to_canvas_point(*label.xy))


def _cbis_rows(data: Path) -> list[dict[str, str]]:
    table = data / "cbis_ddsm_mass_800" / "boxes.csv"
    if not table.is_file():
        return []
    with table.open(newline="", encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


def _cbis_view(row: dict[str, str], data: Path) -> View:
    high = CBIS_HEIGHT_MM / CBIS_SIDE_PX
    laterality, projection = Laterality(row["laterality"]), Projection(row["view"])
    return View(
        f"{laterality}_{projection}", laterality, projection, CBIS_SIDE_PX, CBIS_SIDE_PX,
        str(data / "cbis_ddsm_mass_800" / "images" / row["file_name"]),
        spacing_mm=(high, high / CBIS_HEIGHT_TO_WIDTH), spacing_source=SpacingSource.ASSUMED,
    )  # fmt: skip
