"""Predictions of a network under training: rows per breast and marks per view, for folds and calibration."""

from collections.abc import Sequence

import numpy as np
import torch

from mammoscribe.models.reader.crop_refiner import GREY_PLANES, CropRefiner, crop_planes, refine_crops
from mammoscribe.models.reader.detection_head import TYPES
from mammoscribe.models.reader.network import ReaderNet, ReaderNetOutput
from mammoscribe.models.reader.queries import NO_FINDING
from mammoscribe.training.batches import NO_AUGMENTATION, make_batch
from mammoscribe.training.samples import GREY_SCALE, TrainingExam, ViewSample

LOWEST_SCORE = 0.01


@torch.inference_mode()
def breast_rows(net: ReaderNet, exams: Sequence[TrainingExam]) -> list[dict]:
    """One row per labelled, imaged breast: logits averaged over the alternatives of a view."""
    rows = []
    net.eval()
    for exam in exams:
        outputs = [_forward(net, variant)[0] for variant in _variants(exam)]
        for i, labels in enumerate(exam.breasts):
            if not bool(outputs[0].breasts.imaged[i]):
                continue
            malignant = float(np.mean([float(o.breasts.malignant[i]) for o in outputs]))
            recall = float(np.mean([float(o.breasts.recall[i]) for o in outputs]))
            density = torch.stack([o.breasts.density[i].float() for o in outputs]).mean(0)
            rows.append({
                "patient_id": exam.patient_id, "laterality": "RL"[i], "malignant_logit": round(malignant, 5),
                "recall_logit": round(recall, 5), **{f"density_{c}": round(float(v), 5) for c, v in zip("abcd", density, strict=True)},
                "malignant": labels.malignant, "density": labels.density, "recall": labels.recall, "birads": labels.birads,
            })  # fmt: skip
    return rows


@torch.inference_mode()
def mark_rows(net: ReaderNet, exams: Sequence[TrainingExam], refiner: CropRefiner | None = None) -> list[dict]:
    """One row per view: predicted boxes with scores and types, beside the true boxes, in canvas pixels.

    With `refiner`, each mark has the probability of the crop refiner too; the exams need their details.
    """
    rows = []
    net.eval()
    for exam in exams:
        for variant in _variants(exam):
            out, top = _forward(net, variant)
            for v, view in enumerate(variant.views):
                marks = _marks(out, v, top)
                if refiner is not None:
                    seen = refined(refiner, view, [m["box"] for m in marks])
                    marks = [
                        {**m, "look": round(p, 4), "suspicion": round(s, 4)}
                        for m, (p, s) in zip(marks, seen, strict=True)
                    ]
                rows.append({
                    "exam": exam.id, "slot": view.slot, "labelled": view.marks_labelled, "predicted": marks,
                    "truth": [{"box": m.box, "type": exam.findings[m.finding].type} for m in view.marks],
                    "malignant": exam.breasts[view.slot % 2].malignant,
                })  # fmt: skip
    return rows


def refined(net: CropRefiner, view: ViewSample, boxes: Sequence[Sequence[float]]) -> list[tuple[float, float]]:
    """How sure the crop refiner is that each mark shows anything, and how suspicious it finds it; boxes on the canvas."""
    if not boxes:
        return []
    planes = torch.from_numpy(np.stack([_planes(view, b, net.config.size_px) for b in boxes]))
    out = refine_crops(net, planes)
    sure, suspicious = 1 - out.type.softmax(1)[:, -1], out.suspicion.sigmoid()
    return list(zip(sure.tolist(), suspicious.tolist(), strict=True))


def _planes(view: ViewSample, box: Sequence[float], size_px: int) -> np.ndarray:
    """[PLANES, size, size] of a mark, from the details of the view; grey 0..1.2."""
    corners = np.asarray(box, float).reshape(2, 2)
    now, prior = view.details["current"], view.details.get("prior")
    edges = now.from_canvas(corners)
    offset = (0.0, 0.0)
    if prior is not None:
        dx, dy = prior.from_canvas(corners.mean(axis=0)) - edges.mean(axis=0)
        offset = float(dx), float(dy)
    planes = crop_planes(now.pixels, edges.ravel().tolist(), None if prior is None else prior.pixels, offset, size_px)
    planes[list(GREY_PLANES)] /= np.float32(GREY_SCALE)
    return planes


def _marks(out, view: int, top: int) -> list[dict]:
    q = out.queries
    heat = out.maps.heat[view].float().sigmoid().amax(0)
    own = torch.nonzero(q.anchors.view == view)[:, 0]
    marks = []
    for i in own.tolist():
        types = q.type[i].float().softmax(0)
        x, y = ((q.anchors.box[i, :2] + q.anchors.box[i, 2:]) / 16).tolist()
        row, column = min(max(int(y), 0), heat.shape[0] - 1), min(max(int(x), 0), heat.shape[1] - 1)
        peak = float(heat[max(0, row - 1) : row + 2, max(0, column - 1) : column + 2].max())
        score = float((1 - types[NO_FINDING]).clamp(min=0).sqrt()) * peak**0.5
        if score > LOWEST_SCORE:
            x0, y0, x1, y1 = (float(e) + shift for e, shift in zip(q.box[i], (0, top, 0, top), strict=True))
            box = [round(e, 1) for e in (min(x0, x1 - 1), min(y0, y1 - 1), x1, y1)]  # never empty, as in a reading
            marks.append({"box": box, "score": round(score, 4), "type": int(types[: len(TYPES)].argmax())})
    return marks


def _variants(exam: TrainingExam) -> list[TrainingExam]:
    """The exam with each alternative of its views in turn, so that every image is read once."""
    slots = sorted({v.slot for v in exam.views})
    choices = {s: [v for v in exam.views if v.slot == s] for s in slots}
    rounds = max(len(c) for c in choices.values())
    picked = [tuple(c[min(r, len(c) - 1)] for c in choices.values()) for r in range(rounds)]
    return [TrainingExam(exam.id, exam.patient_id, exam.domain, p, exam.findings, exam.breasts) for p in picked]


def _forward(net: ReaderNet, exam: TrainingExam) -> tuple[ReaderNetOutput, int]:
    """The output, and how many rows the trimming took from the top of the canvases."""
    batch, targets = make_batch([exam], np.random.default_rng(0), NO_AUGMENTATION)
    with torch.autocast("cpu", torch.bfloat16):
        return net(batch), targets.top_px
