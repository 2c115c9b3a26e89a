"""Whether a drawn bench is the published one: digests of truth, reference reports and pixels, exam by exam.

Truth and reference reports are equal on every machine and are compared by their SHA-256. Pixels agree to within one grey
level between machines, so a view whose digest differs is compared by the grey levels at 25 fixed places, of which none
may differ by more than one.
"""

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from importlib import resources
from typing import Any

import numpy as np

from mammoscribe.domain.report import Report
from mammoscribe.evaluation.reference_reports import grounded
from mammoscribe.phantom import PhantomExam
from mammoscribe.phantom.png import truth_record
from mammoscribe.support.lookup import look_up

SAMPLES = 5
"""Rows and columns of the places whose grey levels are kept."""
_PUBLISHED = "_digests.json"
TOLERANCE = 1
"""Grey levels, of 4,096."""


class Agreement(StrEnum):
    """How far a drawn exam is the published one."""

    EQUAL = "equal"
    WITHIN_ONE_LEVEL = "equal but for pixels that differ by one grey level"
    DIFFERENT = "different"
    UNKNOWN = "not published"


@dataclass(frozen=True)
class ViewDigest:
    """One view as it was drawn, before any file format.

    Args:
        size: width and height in pixels.
        sha256: of its 12-bit grey levels, as little-endian 16-bit numbers, row by row.
        sample: grey levels at the middles of 5 x 5 equal parts, row by row.
    """

    size: tuple[int, int]
    sha256: str
    sample: tuple[int, ...]


@dataclass(frozen=True)
class ExamDigest:
    """One exam.

    Args:
        truth: SHA-256 of what truth.json holds.
        reference: SHA-256 of the sentences of its reference report with their boxes.
        views: by id, those of the prior included.
    """

    truth: str
    reference: str
    views: Mapping[str, ViewDigest]


def digest_exam(drawn: PhantomExam, reference: Report) -> ExamDigest:
    """The digest of a drawn exam and its reference report."""
    sentences = [[s.text, [[view, *box.as_list()] for view, box in s.boxes]] for s in grounded(reference)]
    views = {name: _digest_view(pixels) for name, pixels in drawn.pixels.items()}
    return ExamDigest(_sha256(truth_record(drawn)), _sha256(sentences), views)


def _digest_view(pixels: np.ndarray) -> ViewDigest:
    height, width = pixels.shape
    rows, columns = (((np.arange(SAMPLES) + 0.5) * n / SAMPLES).astype(int) for n in (height, width))
    sample = pixels[np.ix_(rows, columns)].ravel().tolist()
    sha = hashlib.sha256(np.ascontiguousarray(pixels, dtype="<u2").tobytes()).hexdigest()
    return ViewDigest((width, height), sha, tuple(sample))


def _sha256(values: Any) -> str:
    return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()


def agreement(found: ExamDigest, published: ExamDigest | None) -> Agreement:
    """How far an exam is the published one; None where no digest of it was published."""
    if published is None:
        return Agreement.UNKNOWN
    if (found.truth, found.reference, list(found.views)) != (
        published.truth,
        published.reference,
        list(published.views),
    ):
        return Agreement.DIFFERENT
    pairs = [(view, published.views[name]) for name, view in found.views.items()]
    if all(own == other for own, other in pairs):
        return Agreement.EQUAL
    return Agreement.WITHIN_ONE_LEVEL if all(_near(*pair) for pair in pairs) else Agreement.DIFFERENT


def _near(one: ViewDigest, other: ViewDigest) -> bool:
    differences = np.abs(np.subtract(one.sample, other.sample)) if len(one.sample) == len(other.sample) else [np.inf]
    return one.size == other.size and max(differences) <= TOLERANCE


# --- files --------------------------------------------------------------------------------------------------------


def published_digests(bench: str) -> Mapping[str, ExamDigest]:
    """Digests of the exams of a bench by exam id, as the package ships them; an unknown bench raises InputError."""
    files = resources.files("mammoscribe.evaluation").iterdir()
    known = {file.name.removesuffix(_PUBLISHED): file for file in files if file.name.endswith(_PUBLISHED)}
    return parse_digests(look_up(bench, known, "bench").read_text(encoding="utf-8"))


def parse_digests(text: str) -> Mapping[str, ExamDigest]:
    """Inverse of `dump_digests`."""
    return {
        name: ExamDigest(e["truth"], e["reference"], {v: _view_of(values) for v, values in e["views"].items()})
        for name, e in json.loads(text)["exams"].items()
    }


def _view_of(values: Mapping[str, Any]) -> ViewDigest:
    width, height = values["size"]
    return ViewDigest((width, height), values["sha256"], tuple(values["sample"]))


def dump_digests(bench: str, exams: Mapping[str, ExamDigest]) -> str:
    """The digests of a bench as JSON, one line for each exam."""
    lines = (f" {json.dumps(name)}: {json.dumps(_plain(e), separators=(',', ':'))}" for name, e in exams.items())
    return f'{{"bench": {json.dumps(bench)}, "exams": {{\n' + ",\n".join(lines) + "\n}}\n"


def _plain(exam: ExamDigest) -> dict[str, Any]:
    views = {n: {"size": v.size, "sha256": v.sha256, "sample": v.sample} for n, v in exam.views.items()}
    return {"truth": exam.truth, "reference": exam.reference, "views": views}


def agreement_words(found: Iterable[Agreement]) -> str:
    """One sentence about many exams: how many agree with the published ones, and how far."""
    counts = Counter(found)
    told = ", ".join(f"{counts[a]} {a.value}" for a in Agreement if counts[a])
    return f"compared with the published digests, {counts.total()} exams are: {told}"
