"""What training reads: canvases of an exam's views with whatever labels its data set has; a missing label is masked."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

import numpy as np

from mammoscribe.support.errors import InputError
from mammoscribe.training.details import Detail, details_folder, load_details

GREY_SCALE = 255 / 1.2
"""Canvases are stored as bytes; 1.2 is the brightest value that preparation lets through."""
UNKNOWN = -1


@dataclass(frozen=True)
class LabelledMark:
    """A true box on a canvas: [x0, y0, x1, y1] in canvas pixels, and the index of its finding in the exam."""

    finding: int
    box: tuple[float, float, float, float]


@dataclass(frozen=True)
class LabelledFinding:
    """Labels of one finding; `change` and `suspicion` are UNKNOWN (-1) where the data set does not say."""

    type: int
    descriptors: tuple[str, ...] = ()
    suspicion: float = UNKNOWN
    change: int = UNKNOWN


@dataclass(frozen=True)
class BreastLabels:
    """Breast-level labels, each UNKNOWN (-1) where not labelled: density 0..3, BI-RADS 0..4 for 1..5, 0/1 others."""

    density: int = UNKNOWN
    birads: int = UNKNOWN
    recall: int = UNKNOWN
    malignant: int = UNKNOWN


@dataclass(frozen=True)
class ViewSample:
    """One view on its canvas.

    Args:
        slot: index into models.reader.batch.SLOTS.
        canvas: [H, W] uint8; `prior` the same, or None.
        nipple: (x, y) in canvas px. mm_per_px: scale.
        marks: true boxes; meaningful only when `marks_labelled`.
        marks_labelled: whether "nothing here" is known for this view.
        details: the view (`current`) and its prior (`prior`) for the crop refiner, where they were asked for.
    """

    slot: int
    canvas: np.ndarray
    nipple: tuple[float, float]
    mm_per_px: float
    marks: tuple[LabelledMark, ...] = ()
    marks_labelled: bool = False
    prior: np.ndarray | None = None
    details: Mapping[str, Detail] = field(default_factory=dict)


@dataclass(frozen=True)
class TrainingExam:
    """An exam as training sees it; several views of one slot are alternatives, of which a batch takes one."""

    id: str
    patient_id: str
    domain: str
    views: tuple[ViewSample, ...]
    findings: tuple[LabelledFinding, ...] = ()
    breasts: tuple[BreastLabels, BreastLabels] = (BreastLabels(), BreastLabels())


def by_breast(exams: Sequence[TrainingExam]) -> list[TrainingExam]:
    """Each breast as an exam of its own, breast-level labels only.

    In an enriched set the number of views tells the label (in RSNA four views almost imply "no cancer"), so a network
    that sees which other views exist would learn the archive and not the breast.
    """
    single = []
    for exam in exams:
        for side in (0, 1):
            views = tuple(v for v in exam.views if v.slot % 2 == side)
            if views:
                right, left = (b if i == side else BreastLabels() for i, b in enumerate(exam.breasts))
                name = f"{exam.id}-{'RL'[side]}"
                single.append(TrainingExam(name, exam.patient_id, exam.domain, views, (), (right, left)))
    return single


def save_exam(exam: TrainingExam, path: Path) -> None:
    """Write one exam as .npz: canvases as arrays, the rest as JSON."""
    arrays, views = {}, []
    for i, view in enumerate(exam.views):
        arrays[f"canvas_{i}"] = view.canvas
        if view.prior is not None:
            arrays[f"prior_{i}"] = view.prior
        plain = {k: v for k, v in asdict(replace(view, details={})).items() if k not in ("canvas", "prior", "details")}
        views.append(plain)
    meta = {
        "id": exam.id, "patient_id": exam.patient_id, "domain": exam.domain, "views": views,
        "findings": [asdict(f) for f in exam.findings], "breasts": [asdict(b) for b in exam.breasts],
    }  # fmt: skip
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_suffix(".part.npz")
    np.savez(temporary, meta=np.frombuffer(json.dumps(meta).encode(), dtype=np.uint8), **arrays)
    temporary.rename(path)


def load_exam_file(path: Path) -> TrainingExam:
    """Read what `save_exam` wrote; a file of another shape raises InputError."""
    with np.load(path) as arrays:
        if "meta" not in arrays:
            raise InputError(f"{path.name} is not a training exam", "a file written by `mammoscribe train prepare`")
        meta = json.loads(arrays["meta"].tobytes())
        views = tuple(_view(plain, i, arrays) for i, plain in enumerate(meta["views"]))
    findings = tuple(LabelledFinding(**{**f, "descriptors": tuple(f["descriptors"])}) for f in meta["findings"])
    right, left = (BreastLabels(**b) for b in meta["breasts"])
    return TrainingExam(meta["id"], meta["patient_id"], meta["domain"], views, findings, (right, left))


def _view(plain: dict, i: int, arrays) -> ViewSample:
    marks = tuple(LabelledMark(m["finding"], tuple(m["box"])) for m in plain.pop("marks"))
    prior = arrays.get(f"prior_{i}")
    plain["nipple"] = tuple(plain["nipple"])
    return ViewSample(canvas=arrays[f"canvas_{i}"], prior=prior, marks=marks, **plain)


def with_details(exam: TrainingExam, path: Path) -> TrainingExam:
    """The exam with the details of its views, read from their file."""
    details = load_details(path, len(exam.views))
    views = tuple(replace(v, details=d) for v, d in zip(exam.views, details, strict=True))
    return replace(exam, views=views)


def load_folder(folder: Path, details: bool = False, limit: int | None = None) -> list[TrainingExam]:
    """Exams of a prepared folder in name order.

    Args:
        folder: as `save_exam` filled it.
        details: whether to read what the crop refiner sees as well; it lies in a folder beside it.
        limit: read only the first ones.

    Raises:
        InputError: for an empty folder.
    """
    paths = sorted(p for p in Path(folder).glob("*.npz") if not p.name.endswith(".part.npz"))
    if not paths:
        raise InputError(f"{folder} holds no prepared exams", "", "run `mammoscribe train prepare` first")
    exams = [load_exam_file(p) for p in paths[:limit]]
    if not details:
        return exams
    return [with_details(e, details_folder(folder) / p.name) for e, p in zip(exams, paths, strict=False)]
