"""What one read exam leaves behind for measuring: truth, findings, breast answers, facts and reports, as lines of JSON.

Records are all that the figures are computed from, so that a run can stop and go on, and figures can be computed
again without reading again.
"""

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path

from mammoscribe.domain.finding import Change, Finding, FindingType, Mark
from mammoscribe.domain.grounded import GroundedSentence
from mammoscribe.domain.view import Box, Laterality, Projection
from mammoscribe.evaluation.facts import FactKey
from mammoscribe.evaluation.outputs.exam_output import plain_sentence, sentence_of
from mammoscribe.support.errors import InputError
from mammoscribe.support.files import write_text


@dataclass(frozen=True)
class BreastRecord:
    """Truth and answer for one imaged breast; None where the truth does not say or the reader did not answer."""

    laterality: str
    density: str | None
    malignant: bool | None
    density_given: str | None
    prob_malignant: float | None


@dataclass(frozen=True)
class ExamRecord:
    """One exam.

    Args:
        view_ids: current views.
        truth, reported, possible, candidates: findings that are true, above threshold, shown as weaker marks, and of any
            score.
        facts: name of a text (`rendered`, `decoder`, ...) -> keys read from it; `truth` is always there.
        claims: gate result -> number of the decoder's claims; empty when it did not write.
        seconds: reading time.
        reports: name of a text as in `facts` -> its sentences with the boxes that they rest on; empty in files that were
            written before they were kept.
    """

    exam_id: str
    view_ids: tuple[str, ...]
    has_prior: bool
    truth: tuple[Finding, ...]
    reported: tuple[Finding, ...]
    possible: tuple[Finding, ...]
    candidates: tuple[Finding, ...]
    breasts: tuple[BreastRecord, ...]
    facts: dict[str, frozenset[FactKey]]
    claims: dict[str, int]
    seconds: float
    reports: dict[str, tuple[GroundedSentence, ...]] = field(default_factory=dict)


def dump_record(record: ExamRecord) -> str:
    """The record as one line of JSON."""
    plain = {
        "exam_id": record.exam_id,
        "view_ids": list(record.view_ids),
        "has_prior": record.has_prior,
        **{name: [_plain(f) for f in getattr(record, name)] for name in _FINDINGS},
        "breasts": [asdict(b) for b in record.breasts],
        "facts": {name: sorted(map(list, keys)) for name, keys in record.facts.items()},
        "claims": record.claims,
        "seconds": round(record.seconds, 3),
        "reports": {name: [plain_sentence(s) for s in sentences] for name, sentences in record.reports.items()},
    }
    return json.dumps(plain, separators=(",", ":"))


def parse_record(line: str) -> ExamRecord:
    """Inverse of `dump_record`; locations are not kept.

    Raises:
        InputError: when the line is not such a record.
    """
    try:
        plain = json.loads(line)
        truth, reported, possible, candidates = (tuple(_finding(f) for f in plain[name]) for name in _FINDINGS)
        return ExamRecord(
            exam_id=plain["exam_id"],
            view_ids=tuple(plain["view_ids"]),
            has_prior=plain["has_prior"],
            truth=truth,
            reported=reported,
            possible=possible,
            candidates=candidates,
            breasts=tuple(BreastRecord(**b) for b in plain["breasts"]),
            facts={name: frozenset(tuple(k) for k in keys) for name, keys in plain["facts"].items()},
            claims=plain["claims"],
            seconds=plain["seconds"],
            reports={n: tuple(sentence_of(s) for s in kept) for n, kept in plain.get("reports", {}).items()},
        )
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(
            f"a line that is no exam record ({error})", "", "delete the partial results and run again"
        ) from error


_FINDINGS = ("truth", "reported", "possible", "candidates")


def _plain(finding: Finding) -> dict:
    return {
        "id": finding.id, "type": finding.type.value, "laterality": finding.laterality.value,
        "marks": [[m.view_id, m.projection.value, m.box.as_list(), round(m.score, 5)] for m in finding.marks],
        "score": round(finding.score, 5), "suspicion": round(finding.suspicion, 5),
        "descriptors": list(finding.descriptors), "change": finding.change.value if finding.change else None,
    }  # fmt: skip


def _finding(plain: dict) -> Finding:
    return Finding(
        plain["id"], FindingType(plain["type"]), Laterality(plain["laterality"]),
        tuple(Mark(view, Projection(p), Box(*box), score) for view, p, box, score in plain["marks"]),
        plain["score"], plain["suspicion"], tuple(plain["descriptors"]),
        change=Change(plain["change"]) if plain["change"] else None,
    )  # fmt: skip


def read_records(path: Path) -> dict[str, ExamRecord]:
    """Records of a file by exam id; empty when there is no such file."""
    if not path.is_file():
        return {}
    records = (parse_record(line) for line in path.read_text(encoding="utf-8").splitlines() if line)
    return {r.exam_id: r for r in records}


def write_records(records: Iterable[ExamRecord], path: Path) -> Path:
    """All records, one per line; written whole, so that a stopped run leaves the file of the exam before."""
    return write_text(path, "".join(dump_record(r) + "\n" for r in records))
