"""Records as JSON and back, one object per record: what records.jsonl holds, and the schema of each kind."""

import datetime as dt
import json
from collections.abc import Mapping
from importlib import resources
from typing import Any

from mammoscribe.data.records import (
    ImageText,
    Kind,
    ListedImage,
    ListedView,
    MammoExam,
    Record,
    Region,
    TextDocument,
    Turn,
)
from mammoscribe.data.texts.report_text import Edit, ReportText, Section
from mammoscribe.domain.view import Box, Laterality, Projection
from mammoscribe.support.errors import InputError, InvalidNoun

SCHEMAS: Mapping[Kind, str] = {
    Kind.MAMMO_EXAM: "mammoscribe.mammo-exam/1",
    Kind.IMAGE_TEXT: "mammoscribe.image-text/1",
    Kind.TEXT_DOCUMENT: "mammoscribe.text-document/1",
}


def schema_of(kind: Kind) -> dict[str, Any]:
    """The JSON Schema of one kind of record."""
    text = resources.files("mammoscribe.data").joinpath("schemas", f"{kind}.schema.json").read_text(encoding="utf-8")
    return json.loads(text)


def to_json(record: Record) -> dict[str, Any]:
    """A record as an object; what is unknown or empty is left out."""
    found: dict[str, Any] = {
        "schema": SCHEMAS[record.kind],
        "id": record.id,
        "patient_id": record.patient_id,
        "date": record.date.isoformat() if record.date else None,
        "time": record.time.isoformat() if record.time else None,
        "labels": dict(record.labels),
        "split": record.split,
    }
    if isinstance(record, TextDocument):
        found |= {"title": record.title, "language": record.language, "text": record.text}
    else:
        found |= {"prior_id": record.prior_id, "report": _report_json(record.report)}
    if isinstance(record, MammoExam):
        found["views"] = [_view_json(view) for view in record.images]
        found["breasts"] = {str(side): dict(labels) for side, labels in record.breasts.items()}
    if isinstance(record, ImageText):
        found["images"] = [_image_json(image) for image in record.images]
        found["conversation"] = [{"from": turn.speaker, "value": turn.text} for turn in record.conversation]
    return _without_empty(found)


def _without_empty(found: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in found.items() if value not in (None, "", {}, [])}


def _report_json(report: ReportText | None) -> dict[str, Any] | None:
    if report is None:
        return None
    edits = [{"section": str(e.section), "before": e.before, "after": e.after} for e in report.edits]
    sections = {str(name): text for name, text in report.sections.items()}
    return _without_empty({"raw": report.raw, "language": report.language, "sections": sections, "edits": edits})


def _view_json(view: ListedView) -> dict[str, Any]:
    found = {"path": view.path, "laterality": str(view.laterality), "view": str(view.projection)}
    more = {
        "spacing_mm": list(view.spacing_mm) if view.spacing_mm else None,
        "frame": view.frame or None,
        "height_to_width": view.height_to_width,
    }
    return _without_empty(found | more | _image_entry(view))


def _image_json(image: ListedImage) -> dict[str, Any]:
    return _without_empty({"path": image.path, "view": image.view} | _image_entry(image))


def _image_entry(image: ListedView | ListedImage) -> dict[str, Any]:
    regions = [_without_empty({"box_px": _edges(r.box), "labels": dict(r.labels)}) for r in image.regions]
    return {"labels": dict(image.labels), "regions": regions}


def _edges(box: Box) -> list[float]:
    return [float(e) for e in (box.x0, box.y0, box.x1, box.y1)]


def from_json(found: Mapping[str, Any]) -> Record:
    """The record that `to_json` wrote; anything else raises InputError."""
    kinds = {name: kind for kind, name in SCHEMAS.items()}
    kind = kinds.get(str(found.get("schema"))) if isinstance(found, Mapping) else None
    if kind is None:
        raise InputError(f"a record of schema {found.get('schema')!r}", ", ".join(kinds))
    try:
        return _READ[kind](found)
    except InvalidNoun as error:
        raise InputError(error.found, error.expected, error.do) from error
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise InputError(f"record {found.get('id')!r} is not as its schema says ({error})", SCHEMAS[kind]) from error


def _common(found: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "id": found["id"],
        "date": dt.date.fromisoformat(found["date"]) if "date" in found else None,
        "time": dt.time.fromisoformat(found["time"]) if "time" in found else None,
        "labels": dict(found.get("labels", {})),
        "split": found.get("split"),
    }


def _mammo_exam(found: Mapping[str, Any]) -> MammoExam:
    views = tuple(
        ListedView(
            v.get("path"), Laterality(v["laterality"]), Projection(v["view"]),
            (v["spacing_mm"][0], v["spacing_mm"][1]) if "spacing_mm" in v else None, v.get("frame", 0),
            dict(v.get("labels", {})), _regions(v), v.get("height_to_width"),
        )
        for v in found.get("views", [])
    )  # fmt: skip
    breasts = {Laterality(side): dict(labels) for side, labels in found.get("breasts", {}).items()}
    return MammoExam(
        patient_id=found["patient_id"], images=views, breasts=breasts, report=_report(found.get("report")),
        prior_id=found.get("prior_id"), **_common(found),
    )  # fmt: skip


def _image_text(found: Mapping[str, Any]) -> ImageText:
    images = tuple(
        ListedImage(i.get("path"), i.get("view", ""), dict(i.get("labels", {})), _regions(i))
        for i in found.get("images", [])
    )
    turns = tuple(Turn(turn["from"], turn["value"]) for turn in found.get("conversation", []))
    return ImageText(
        patient_id=found["patient_id"], images=images, report=_report(found.get("report")),
        prior_id=found.get("prior_id"), conversation=turns, **_common(found),
    )  # fmt: skip


def _text_document(found: Mapping[str, Any]) -> TextDocument:
    return TextDocument(
        text=found["text"], patient_id=found.get("patient_id"), title=found.get("title", ""),
        language=found.get("language", "en"), **_common(found),
    )  # fmt: skip


def _regions(found: Mapping[str, Any]) -> tuple[Region, ...]:
    return tuple(Region(Box(*r["box_px"]), dict(r.get("labels", {}))) for r in found.get("regions", []))


def _report(found: Mapping[str, Any] | None) -> ReportText | None:
    if found is None:
        return None
    sections = {Section(name): text for name, text in found.get("sections", {}).items()}
    edits = tuple(Edit(Section(e["section"]), e["before"], e.get("after", "")) for e in found.get("edits", []))
    return ReportText(found["raw"], sections, found.get("language", "en"), edits)


_READ = {Kind.MAMMO_EXAM: _mammo_exam, Kind.IMAGE_TEXT: _image_text, Kind.TEXT_DOCUMENT: _text_document}
