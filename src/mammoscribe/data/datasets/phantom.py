"""Synthetic exams as a dataset: the folder that `mammoscribe phantom` writes, with everything that is true of them."""

import datetime as dt
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from mammoscribe.data.dataset import Dataset, Edition, Fault, Item, Label, State
from mammoscribe.data.records import Kind, ListedView, MammoExam, Region
from mammoscribe.data.report_json import REPORT
from mammoscribe.data.supervision import Question, Supervision, Teaching
from mammoscribe.data.texts.report_text import ReportText, Section
from mammoscribe.domain.finding import FindingType
from mammoscribe.domain.view import Box, Laterality, Projection
from mammoscribe.phantom.bench import BENCHES
from mammoscribe.phantom.geometry import PIXEL_MM
from mammoscribe.support.errors import InputError, InvalidNoun

TRUTH, REFERENCES = "truth.json", "references"
_BENCH_SEEDS = frozenset(seed for bench in BENCHES.values() for seed in bench.seeds)
_RECALL = {"0": "1", "1": "0", "2": "0", "3": "1", "4": "1", "4A": "1", "4B": "1", "4C": "1", "5": "1"}
_ORDINAL = {"1": "1", "2": "2", "3": "3", "4": "4", "4A": "4", "4B": "4", "4C": "4", "5": "5"}
_UNPLACED = {"unplaced": "|".join(t.value for t in FindingType)}
"""The truth of a prior is not written, so nothing is known of what its views show."""


def _read(root: Path) -> Iterator[Item]:
    """Each exam, and its prior as a record of its own, in the order of the folders' names."""
    for truth in sorted(root.glob(f"*/{TRUTH}")):
        try:
            yield from _exams(truth.parent, json.loads(truth.read_text(encoding="utf-8")))
        except (OSError, ValueError, KeyError, TypeError, InvalidNoun) as error:
            found = f"{truth.relative_to(root)} cannot be read ({type(error).__name__}: {error})"
            yield Fault(truth.relative_to(root).as_posix(), InputError(found, "as `mammoscribe phantom` writes it"))


def _exams(folder: Path, truth: Mapping[str, Any]) -> Iterator[MammoExam]:
    """The exam and, before it, its prior; views are PNG files, or DICOM files in the folders `current` and `prior`."""
    name, dates = truth["exam_id"], {role: dt.date.fromisoformat(day) for role, day in truth["dates"].items()}
    patient = f"phantom-{int(truth['seed']):06d}"
    split = "test" if int(truth["seed"]) in _BENCH_SEEDS else None
    earlier = f"{name}-prior" if "prior" in dates else None
    if earlier is not None:
        files = [*sorted(folder.glob("prior_*.png")), *sorted(folder.glob("prior/*.dcm"))]
        shown = tuple(_view(f, (), _UNPLACED) for f in files)
        yield MammoExam(earlier, patient, shown, dates["prior"], split=split)
    files = [*sorted(folder.glob("[LR]_*.png")), *sorted(folder.glob("current/*.dcm"))]
    views = tuple(_view(f, _regions(truth, f.stem)) for f in files)
    breasts = {Laterality(b["laterality"]): _breast(b) for b in truth["breasts"]}
    report = _reference(folder.parent / REFERENCES / name / REPORT)
    yield MammoExam(name, patient, views, dates["current"], None, report, breasts, split=split, prior_id=earlier)


def _reference(file: Path) -> ReportText | None:
    """The reference report in its sections; None where none was written, as of exams that were drawn before there were any."""
    if not file.is_file():
        return None
    sentences = json.loads(file.read_text(encoding="utf-8"))["sentences"]
    sections = {
        section: "\n".join(s["text"] for s in sentences if s["section"] == section)
        for section in Section
        if any(s["section"] == section for s in sentences)
    }
    return ReportText("\n".join(s["text"] for s in sentences), sections)


def _view(file: Path, regions: tuple[Region, ...], labels: Mapping[str, str] = {}) -> ListedView:
    side, projection = file.stem.removeprefix("prior_").split("_")
    parts = file.parts[-2:] if file.suffix == ".png" else file.parts[-3:]
    spacing = (PIXEL_MM, PIXEL_MM) if file.suffix == ".png" else None  # DICOM files say it themselves
    return ListedView(
        "/".join(parts), Laterality(side), Projection(projection), spacing, labels=labels, regions=regions
    )


def _breast(truth: Mapping[str, Any]) -> dict[str, str]:
    return {"density": truth["density"], "birads": truth["birads"], "malignant": str(int(truth["malignant"]))}


def _regions(truth: Mapping[str, Any], view_id: str) -> tuple[Region, ...]:
    return tuple(
        Region(Box(*mark["box_px"]), _labels(finding))
        for finding in truth["findings"]
        for mark in finding["marks"]
        if mark["view"] == view_id
    )


def _labels(finding: Mapping[str, Any]) -> dict[str, str]:
    labels = {
        "finding": finding["id"], "kind": finding["type"], "descriptors": ",".join(finding["descriptors"]),
        "malignant": str(int(finding["malignant"])), "suspicion": str(finding["suspicion"]),
        "change": finding["change"] or "",
    }  # fmt: skip
    return {name: value for name, value in labels.items() if value}


PHANTOM = Dataset(
    name="phantom",
    title="Synthetic exams drawn by mammoscribe, with their truth",
    kind=Kind.MAMMO_EXAM,
    language="en",
    licence="none needed: drawn by software, of no patient",
    obtain="`mammoscribe phantom --exams N --seed S --out DIR`; training uses seeds below 100,000",
    cite="this package, mammoscribe.phantom",
    labels=(
        Label("density", "breast", "a to d, as drawn"),
        Label("birads", "breast", "0 to 5: the most severe category that its lesions call for in a diagnostic exam"),
        Label("malignant", "breast", "1 when one of its lesions is drawn as malignant, else 0"),
        Label("unplaced", "view", "kinds of finding that a view may show without a box: all of them in a prior view"),
        Label("finding", "region", "name of the lesion; the boxes of one lesion in CC and MLO share it"),
        Label("kind", "region", "mass, calcification, architectural_distortion or asymmetry"),
        Label("descriptors", "region", "lexicon terms, joined by commas"),
        Label("malignant", "region", "1 when the lesion is drawn as malignant, else 0"),
        Label("suspicion", "region", "0 to 1, how suspicious the lesion is drawn"),
        Label("change", "region", "new, stable, increased or decreased since the prior; absent without a prior"),
    ),
    known_faults=(
        "masses and calcifications are cleaner than in life; the contrast of a lesion is lifted to a target",
        "generator version 1 draws no markers, clips, scars, implants or films; version 2 does, and its truth names them",
        "exams of seeds from 900,000 to 907,363 and from 970,000 to 977,363 are the test exams of bench_v1 and bench_v2: they are always in the split test",
        "reports are written from the truth in six styles by this package: they are no radiologist's",
    ),
    editions=(
        Edition(
            "files", (f"*/{TRUTH}",), f"<exam>/{TRUTH} beside R_CC.png, prior_R_CC.png, ...; or beside current/R_CC.dcm, prior/R_CC.dcm, ...",
            {}, State.TESTED, _read, boxed_kinds=tuple(FindingType),
        ),
    ),
    supervision=Supervision(
        (
            Teaching("density", "breast", Question.DENSITY),
            Teaching("birads", "breast", Question.RECALL, _RECALL),
            Teaching("birads", "breast", Question.BIRADS, _ORDINAL),
            Teaching("malignant", "breast", Question.MALIGNANT),
            Teaching("unplaced", "view", Question.UNPLACED),
            Teaching("finding", "region", Question.FINDING),
            Teaching("kind", "region", Question.KIND),
            Teaching("descriptors", "region", Question.DESCRIPTORS),
            Teaching("malignant", "region", Question.MALIGNANT),
            Teaching("suspicion", "region", Question.SUSPICION),
            Teaching("change", "region", Question.CHANGE),
        )
    ),
)  # fmt: skip
