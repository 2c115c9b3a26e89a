"""phantom-bench: what is kept of its exams, the systems that are compared on it, and their table."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mammoscribe.data.report_files import StoredReport
from mammoscribe.domain.grounded import GroundedSentence
from mammoscribe.evaluation.bench_digests import Agreement, ExamDigest, agreement, digest_exam
from mammoscribe.evaluation.card import table
from mammoscribe.evaluation.comparison import Entry
from mammoscribe.evaluation.outputs.exam_output import plain_sentence, sentence_of
from mammoscribe.evaluation.reading_records import decode_phantom
from mammoscribe.evaluation.records import ExamRecord
from mammoscribe.evaluation.reference_reports import grounded, reference_report
from mammoscribe.evaluation.report_card.card import CONSTANT, OTHER, ReportCard
from mammoscribe.evaluation.report_card.neighbours import neighbour_reports
from mammoscribe.evaluation.report_card.pairs import ReportPairs
from mammoscribe.models.reader.space import StarterSpace
from mammoscribe.phantom import Bench, PhantomExam, draw_exam
from mammoscribe.support.files import write_text

Sentences = tuple[GroundedSentence, ...]
NEIGHBOUR = "nearest neighbour's report"
STARTER = {
    "rendered": "starter, rendered",
    "decoder_before_gate": "starter's decoder, before the gate",
    "decoder_after_gate": "starter's decoder, what passed the gate",
    "decoder_report": "starter's decoder, report after the gate",
}
"""Name of a text in a record -> system. What the gated texts left out is appended in the report after the gate."""
FIGURES = (
    "R-GREEN: facts right / (facts right + errors)",
    "severity-weighted score (after CRIMSON)",
    "finding F1, pooled",
    "descriptor F1 of matched findings",
    "placed correctly",
    "change right",
    "denials borne out",
    "density exact",
    "BI-RADS exact (4A to 4C as 4)",
    "R-RadFact logical precision",
    "R-RadFact logical recall",
    "R-RadFact spatial precision",
    "R-RadFact spatial recall",
    "false finding, per 100 reports",
    "missing finding, per 100 reports",
    "errors of all kinds, per 100 reports",
    "ROUGE-L (F1, rouge-score, no stemmer)",
)
"""Lines of the printed table, of all figures that the card has."""


@dataclass(frozen=True)
class Seen:
    """What is kept of a drawn exam: its reference, the features of its current views, and whether it is the published one."""

    exam_id: str
    reference: Sentences
    features: dict[str, list[float]]
    agreement: Agreement


class SeenExams:
    """Drawn exams by id, kept in a file of JSON lines; one that is not there is drawn and embedded.

    Args:
        space: gives the features. path: of the file. published: digests of the bench's exams.
    """

    def __init__(self, space: StarterSpace, path: Path, published: Mapping[str, ExamDigest]) -> None:
        self.space, self.path, self.published = space, path, published
        lines = path.read_text(encoding="utf-8").splitlines() if path.is_file() else []
        self.known = {seen.exam_id: seen for seen in map(_seen, lines)}

    def of_seed(self, seed: int, bench: Bench) -> Seen:
        """The exam of a seed, drawn as the bench draws its own."""
        name = f"phantom-{seed}"
        return self.known[name] if name in self.known else self.of_exam(draw_exam(seed, bench.spec))

    def of_exam(self, drawn: PhantomExam) -> Seen:
        """The same of an exam that is drawn already."""
        name = drawn.exam.id
        if name not in self.known:
            report, decode = reference_report(drawn), decode_phantom(drawn)
            features = {}
            for view in drawn.exam.current:
                picture = self.space.prepare_picture(view, decode(view))
                features[view.id] = [round(float(v), 6) for v in self.space.embed_images([picture]).whole[0]]
            how = agreement(digest_exam(drawn, report), self.published.get(name))
            self.known[name] = Seen(name, grounded(report), features, how)
            write_text(self.path, "".join(map(_line, self.known.values())))
        return self.known[name]


def _line(seen: Seen) -> str:
    reference = [plain_sentence(s) for s in seen.reference]
    return json.dumps([seen.exam_id, reference, seen.features, seen.agreement]) + "\n"


def _seen(line: str) -> Seen:
    name, reference, features, how = json.loads(line)
    return Seen(name, tuple(sentence_of(s) for s in reference), features, Agreement(how))


# --- systems ------------------------------------------------------------------------------------------------------


def written_by(model: str) -> dict[str, str]:
    """Name of a text in a record -> system, of a writer that is no part of the reader: `chat model`."""
    return {
        "model_before_gate": f"{model}, before the gate",
        "model_after_gate": f"{model}, what passed the gate",
        "model_report": f"{model}, report after the gate",
    }


def text_of(sentences: Sentences) -> str:
    """Sentences as a report."""
    return "\n".join(s.text for s in sentences)


def pairs_of(exams: Sequence[Seen], candidates: Sequence[Sentences]) -> ReportPairs:
    """References and what a system says of the same exams, with boxes where it has any."""
    ids = tuple(e.exam_id for e in exams)
    placed = any(s.boxes for report in candidates for s in report)
    return ReportPairs(
        ids, ids, tuple(text_of(e.reference) for e in exams), tuple(text_of(c) for c in candidates), True,
        grounded=tuple(zip((e.reference for e in exams), candidates, strict=True)) if placed else (),
    )  # fmt: skip


def neighbours_of(exams: Sequence[Seen], train: Sequence[Seen]) -> list[Sentences]:
    """For each exam the report of the training exam whose pictures are most alike, boxes and all."""
    texts = {text_of(t.reference): t.reference for t in train}
    rows = [(f"{e.exam_id}/{view}", values) for e in (*exams, *train) for view, values in e.features.items()]
    stored = {t.exam_id: StoredReport(t.exam_id, text_of(t.reference), t.exam_id) for t in train}
    pictures = np.array([values for _, values in rows], dtype=np.float64)
    found = neighbour_reports(pairs_of(exams, [()] * len(exams)), stored, [name for name, _ in rows], pictures)
    return [texts[text or ""] for text in found]


def systems_of(records: Sequence[ExamRecord], names: Mapping[str, str]) -> dict[str, list[Sentences]]:
    """Name of each text that was written -> the reports."""
    return {
        words: [r.reports[k] for r in records] for k, words in names.items() if all(k in r.reports for r in records)
    }


def systems_table(card: ReportCard) -> str:
    """A line for each figure, a column for each baseline and system; intervals where there are any."""
    lines = [line for name in FIGURES for line in card.lines if line.figure.name == name]
    rows = [
        [
            line.figure.name,
            *(_number(dict(line.baselines)[name], line.figure.digits) for name in (CONSTANT, OTHER)),
            *(_cell(entry, line.figure.digits) for entry in line.entries),
        ]
        for line in lines
    ]
    return table(("figure", CONSTANT, OTHER, *(s.name for s in card.systems)), rows)


def _number(value: float, digits: int) -> str:
    return "-" if value != value else f"{value:.{digits}f}"


def _cell(entry: Entry, digits: int) -> str:
    ends = entry.interval
    return _number(entry.value, digits) + (f" ({ends.low:.{digits}f}–{ends.high:.{digits}f})" if ends else "")
