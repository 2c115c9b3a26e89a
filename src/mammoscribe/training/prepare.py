"""From data sets to training exams: phantoms, RSNA and mini-MIAS on canvases, each with the labels it really has."""

from collections.abc import Callable, Iterable
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

import numpy as np

from mammoscribe.data.mini_mias import MiasFilm, read_mini_mias
from mammoscribe.data.rsna import RsnaExam, read_rsna
from mammoscribe.domain.assessment import Category
from mammoscribe.domain.view import Laterality, View
from mammoscribe.imaging.decode import Picture, decode_view
from mammoscribe.imaging.prepare import PreparedView, prepare_view, resample
from mammoscribe.models.reader.batch import SLOTS
from mammoscribe.models.reader.detection_head import TYPES
from mammoscribe.models.reader.network import ReaderConfig
from mammoscribe.models.reader.queries import CHANGES
from mammoscribe.phantom import PhantomExam, PhantomSpec, draw_exam
from mammoscribe.training.details import Detail, details_folder, save_details
from mammoscribe.training.samples import (
    GREY_SCALE,
    UNKNOWN,
    BreastLabels,
    LabelledFinding,
    LabelledMark,
    TrainingExam,
    ViewSample,
    save_exam,
)  # fmt: skip

DENSITIES = "abcd"
MIAS_TYPES = {"CIRC": 0, "SPIC": 0, "MISC": 0, "CALC": 1, "ARCH": 2, "ASYM": 3}
_ORDINAL_OF = {Category.NEGATIVE: 0, Category.BENIGN: 1, Category.PROBABLY_BENIGN: 2, Category.HIGHLY_SUGGESTIVE: 4}


def slot_of(view: View) -> int:
    """Index of the view's slot."""
    return SLOTS.index(f"{view.laterality}_{view.projection}")


def phantom_picture(phantom: PhantomExam, view: View) -> Picture:
    """A phantom view as decoded pixels."""
    pixels = phantom.pixels[view.id].astype(np.float32) / 4095.0
    return Picture(pixels, view.spacing_mm, view.spacing_source, ("phantom",))


def _as_bytes(prepared: PreparedView) -> np.ndarray:
    return np.clip(np.rint(prepared.pixels * GREY_SCALE), 0, 255).astype(np.uint8)


def _detail(picture: Picture, prepared: PreparedView, um_per_px: float) -> Detail:
    """The prepared view again, at the scale of the crop refiner."""
    fine = resample(picture, prepared, um_per_px)
    top = prepared.placement.to_canvas_box(prepared.crop).y0
    return Detail(_as_bytes(fine), float(top), prepared.um_per_px / um_per_px)


def _canvas(view: View, picture: Picture, config: ReaderConfig) -> PreparedView:
    return prepare_view(view, picture, um_per_px=config.um_per_px, size_px=config.canvas_px)


def phantom_exam(phantom: PhantomExam, config: ReaderConfig) -> TrainingExam:
    """A drawn phantom with all its truth on canvases."""
    views = tuple(_phantom_view(phantom, v, config) for v in phantom.exam.current)
    findings = tuple(
        LabelledFinding(
            TYPES.index(f.type), f.descriptors, f.suspicion, CHANGES.index(f.change) if f.change else UNKNOWN
        )
        for f in phantom.findings
    )
    right, left = (_phantom_breast(b) for b in phantom.breasts)
    name = f"phantom-{phantom.seed}"
    return TrainingExam(name, name, "phantom", views, findings, (right, left))


def _phantom_view(phantom: PhantomExam, view: View, config: ReaderConfig) -> ViewSample:
    prepared = _canvas(view, phantom_picture(phantom, view), config)
    earlier = phantom.exam.prior_of(view)
    prior = None if earlier is None else _as_bytes(_canvas(earlier, phantom_picture(phantom, earlier), config))
    marks = []
    for i, finding in enumerate(phantom.findings):
        mark = finding.mark_in(view.id)
        if mark is not None:
            box = prepared.placement.to_canvas_box(mark.box)
            marks.append(LabelledMark(i, (box.x0, box.y0, box.x1, box.y1)))
    return ViewSample(
        slot_of(view), _as_bytes(prepared), prepared.nipple_xy, prepared.um_per_px / 1000, tuple(marks), True, prior
    )


def _phantom_breast(truth) -> BreastLabels:
    category = truth.category
    ordinal = UNKNOWN if category in (Category.INCOMPLETE, Category.KNOWN_MALIGNANCY) else _ORDINAL_OF.get(category, 3)
    recall = int(category not in (Category.NEGATIVE, Category.BENIGN))
    return BreastLabels(DENSITIES.index(truth.density), ordinal, recall, int(truth.malignant))


def rsna_exam(exam: RsnaExam, config: ReaderConfig) -> TrainingExam:
    """One RSNA patient: breast labels only; findings are masked, `no object` included."""
    views = []
    for image in exam.images:
        if image.view is None:
            continue
        prepared = _canvas(image.view, decode_view(image.view), config)
        views.append(
            ViewSample(slot_of(image.view), _as_bytes(prepared), prepared.nipple_xy, prepared.um_per_px / 1000)
        )
    right, left = (_rsna_breast(exam.breast(side)) for side in Laterality)
    return TrainingExam(f"rsna-{exam.patient_id}", exam.patient_id, "rsna", tuple(views), (), (right, left))


def _rsna_breast(labels) -> BreastLabels:
    """Recall, not an ordinal category: every labelled cancer is BI-RADS 0 there."""
    if labels is None:
        return BreastLabels()
    density = UNKNOWN if labels.density is None else DENSITIES.index(labels.density)
    recall = UNKNOWN if labels.recall is None else int(labels.recall)
    return BreastLabels(density, UNKNOWN, recall, int(labels.cancer))


def mias_exam(film: MiasFilm, config: ReaderConfig) -> TrainingExam:
    """One mini-MIAS film: boxes and coarse kinds; tissue F/G/D is not a density a-d."""
    view = film.view
    prepared = _canvas(view, decode_view(view), config)
    marks, findings = [], []
    for lesion in film.lesions:
        if lesion.box is None:
            continue
        box = prepared.placement.to_canvas_box(lesion.box)
        marks.append(LabelledMark(len(findings), (box.x0, box.y0, box.x1, box.y1)))
        findings.append(LabelledFinding(MIAS_TYPES[lesion.kind], (), float(lesion.malignant)))
    sample = ViewSample(
        slot_of(view),
        _as_bytes(prepared),
        prepared.nipple_xy,
        prepared.um_per_px / 1000,
        tuple(marks),
        film.has_coordinates,
    )
    return TrainingExam(f"mias-{film.name}", film.patient_id, "mias", (sample,), tuple(findings))


def prepare_phantoms(
    seeds: Iterable[int],
    config: ReaderConfig,
    spec: PhantomSpec,
    folder: Path,
    workers: int,
    report: Callable[[], None],
) -> None:
    """Draw phantoms into `folder`, one file each; what is there already is kept."""
    missing = [s for s in seeds if not (folder / f"{s:06d}.npz").is_file()]
    with ProcessPoolExecutor(workers) as pool:
        for _ in pool.map(partial(_prepare_phantom, config=config, spec=spec, folder=folder), missing, chunksize=2):
            report()


def _prepare_phantom(seed: int, config: ReaderConfig, spec: PhantomSpec, folder: Path) -> None:
    phantom = draw_exam(seed, spec)
    save_exam(phantom_exam(phantom, config), folder / f"{seed:06d}.npz")


def prepare_rsna(root: Path, config: ReaderConfig, folder: Path, report: Callable[[], None]) -> None:
    """Prepare all RSNA patients into `folder`."""
    for exam in read_rsna(root):
        path = folder / f"{exam.patient_id}.npz"
        if not path.is_file():
            views = [image.view for image in exam.images if image.view is not None]
            save_details([_file_detail(v, config) for v in views], details_folder(folder) / path.name)
            save_exam(rsna_exam(exam, config), path)
        report()


def prepare_mias(root: Path, config: ReaderConfig, folder: Path, report: Callable[[], None]) -> None:
    """Prepare all mini-MIAS films into `folder`."""
    for film in read_mini_mias(root):
        path = folder / f"{film.name}.npz"
        if not path.is_file():
            save_details([_file_detail(film.view, config)], details_folder(folder) / path.name)
            save_exam(mias_exam(film, config), path)
        report()


def _file_detail(view: View, config: ReaderConfig) -> dict[str, Detail]:
    picture = decode_view(view)
    return {"current": _detail(picture, _canvas(view, picture, config), config.detail_um)}
