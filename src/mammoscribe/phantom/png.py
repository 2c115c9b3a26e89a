"""Writing a drawn exam as 16-bit PNG files with a manifest (`exam.json`), its ground truth (`truth.json`) and masks."""

import io
import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from mammoscribe.domain.finding import Finding
from mammoscribe.domain.view import SYNTHETIC_SOURCE, Role, View
from mammoscribe.phantom.exam import BreastTruth, PhantomExam
from mammoscribe.phantom.streams import GeneratorVersion
from mammoscribe.support.files import write_bytes, write_text

PNG_SCALE = 16
"""A PNG pixel is the 12-bit grey times 16, so that any viewer shows it; divide to get the drawn value back."""


def write_png_exam(phantom: PhantomExam, folder: Path) -> Path:
    """Write `R_CC.png`, ..., `prior_R_CC.png`, `exam.json`, `truth.json` and `masks/`; returns the folder."""
    folder = Path(folder)
    for view in phantom.exam.views:
        write_bytes(folder / f"{view.id}.png", _png(phantom.pixels[view.id] * np.uint16(PNG_SCALE)))
    for (finding_id, view_id), mask in phantom.masks.items():
        write_bytes(folder / "masks" / f"{finding_id}__{view_id}.png", _png(mask))
    write_text(folder / "truth.json", _text(truth_record(phantom)))
    write_text(folder / "exam.json", _text(manifest(phantom)))
    return folder


def manifest(phantom: PhantomExam) -> dict[str, Any]:
    """The exam manifest: which file is which view."""
    exam = phantom.exam
    return {"exam_id": exam.id, "patient_id": exam.patient_id, "views": [_view(v) for v in exam.views]}


def truth_record(phantom: PhantomExam) -> dict[str, Any]:
    """Everything that is true of a phantom except its pixels, as JSON values; boxes in stored pixels."""
    return {
        "generator_version": phantom.spec.generator.value,
        "seed": phantom.seed,
        "spec": {name: value for name, value in asdict(phantom.spec).items() if name != "generator"},
        "exam_id": phantom.exam.id,
        "dates": {v.role.value: v.date.isoformat() for v in phantom.exam.views if v.date},
        "breasts": [_breast(b) for b in phantom.breasts],
        "findings": [_finding(phantom, f) for f in phantom.findings],
    } | _distractors(phantom)


def _distractors(phantom: PhantomExam) -> dict[str, Any]:
    """What else is drawn, from version 2 on; a truth file of version 1 stays as it was."""
    if phantom.spec.generator is GeneratorVersion.V1:
        return {}
    found = phantom.distractors
    return {"distractors": [{"kind": d.kind.value, "view": d.view_id, "box_px": d.box.as_list()} for d in found]}


def _view(view: View) -> dict[str, Any]:
    return {
        "id": view.id,
        "path": f"{view.id}.png",
        "laterality": view.laterality.value,
        "view": view.projection.value,
        "spacing_mm": list(view.spacing_mm) if view.spacing_mm else None,
        "date": view.date.isoformat() if view.date else None,
        "is_prior": view.role is Role.PRIOR,
    }


def _breast(breast: BreastTruth) -> dict[str, Any]:
    return {
        "laterality": breast.laterality.value,
        "density": breast.density,
        "glandular_fraction": round(breast.glandular_fraction, 6),
        "birads": breast.category.value,
        "malignant": breast.malignant,
    }


def _finding(phantom: PhantomExam, finding: Finding) -> dict[str, Any]:
    plan, place = phantom.lesion(finding.id), finding.location
    return {
        "id": finding.id,
        "type": finding.type.value,
        "laterality": finding.laterality.value,
        "descriptors": list(finding.descriptors),
        "location": {k: (getattr(v, "value", v)) for k, v in asdict(place).items()},
        "centre_mm": {"x": round(plan.x, 3), "lat": round(plan.lat, 3), "z": round(plan.z, 3)},
        "diameter_mm": round(plan.diameter_mm, 3),
        "num_calcifications": plan.count,
        "marks": [{"view": m.view_id, "box_px": m.box.as_list()} for m in finding.marks],
        "suspicion": round(finding.suspicion, 6),
        "malignant": plan.malignant,
        "subtle": plan.subtle,
        "change": finding.change.value if finding.change else None,
    }


def _png(pixels: np.ndarray) -> bytes:
    stream = io.BytesIO()
    origin = PngInfo()
    origin.add_text("Source", SYNTHETIC_SOURCE)
    Image.fromarray(pixels).save(stream, format="PNG", compress_level=3, pnginfo=origin)
    return stream.getvalue()


def _text(record: dict[str, Any]) -> str:
    return json.dumps(record, indent=2) + "\n"
