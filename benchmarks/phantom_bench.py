"""phantom-bench: what constant reports, a neighbour's report, the starter and a chat model reach on a frozen bench.

Every exam is drawn, compared with the published digests, read once by a reader and kept as one line in
`runs/phantom_bench/`, so a stopped run goes on where it was; other weights, thresholds or another generator start new files.
After a change of code say `--fresh`. The references and the categories are those of a diagnostic exam.

The nearest neighbour is the report of the training phantom whose pictures are most alike by the reader's own features;
the best constant report is chosen anew for each figure and exam among the other references (no interval).

    python benchmarks/phantom_bench.py                    # all 200 exams, 200 training exams, twins of 60 exams
    python benchmarks/phantom_bench.py --exams 6 --train 6 --twins 2   # a quick look; not a figure to quote
    python benchmarks/phantom_bench.py --chat-model DIR   # and a chat model, before and after the gate
    python benchmarks/phantom_bench.py --bench bench_v2
"""

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from bench_setup import RUNS, options
from bench_v1 import read_bench
from twins import read_twins, twin_rows

from mammoscribe.cli.console import progress_bar
from mammoscribe.data.report_files import StoredReport
from mammoscribe.domain.assessment import Setting
from mammoscribe.domain.grounded import GroundedSentence
from mammoscribe.evaluation.bench import bench_rows
from mammoscribe.evaluation.bench_digests import (
    Agreement,
    ExamDigest,
    agreement,
    agreement_words,
    digest_exam,
    published_digests,
)
from mammoscribe.evaluation.card import Row, markdown, rows_json, table
from mammoscribe.evaluation.card_page import finite
from mammoscribe.evaluation.comparison import Entry
from mammoscribe.evaluation.outputs.exam_output import plain_sentence, sentence_of
from mammoscribe.evaluation.reading_records import cache_path, decode_phantom, read_record
from mammoscribe.evaluation.records import ExamRecord
from mammoscribe.evaluation.reference_reports import grounded, reference_report
from mammoscribe.evaluation.report_card.card import CONSTANT, OTHER, ReportCard, make_card
from mammoscribe.evaluation.report_card.card_files import card_json
from mammoscribe.evaluation.report_card.neighbours import neighbour_reports
from mammoscribe.evaluation.report_card.pairs import ReportPairs
from mammoscribe.models.chat.place import chat_folder_at, weights_sha256
from mammoscribe.models.reader.reader import Reader
from mammoscribe.models.reader.space import StarterSpace, load_starter_space
from mammoscribe.phantom import BENCHES, Bench, PhantomExam, draw_exam
from mammoscribe.phantom.bench import TRAINING_SEEDS
from mammoscribe.support.errors import MammoscribeError
from mammoscribe.support.files import write_text
from mammoscribe.writers.author import Author
from mammoscribe.writers.chat import ChatAuthor
from mammoscribe.writers.chat_local import load_local_chat

Sentences = tuple[GroundedSentence, ...]
TWINS, TRAIN, MAX_TOKENS = 60, 200, 1024
NEIGHBOUR = "nearest neighbour's report"
STARTER = {
    "rendered": "starter, rendered",
    "decoder_before_gate": "starter's decoder, before the gate",
    "decoder_after_gate": "starter's decoder, what passed the gate",
    "decoder_report": "starter's decoder, report after the gate",
}
CHAT = {
    "model_before_gate": "chat model, before the gate",
    "model_after_gate": "chat model, what passed the gate",
    "model_report": "chat model, report after the gate",
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
"""Columns of the printed table, of all figures that the card has."""


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

    def __init__(self, space: StarterSpace, path: Path, published: dict[str, ExamDigest]) -> None:
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
    pictures = torch.tensor([values for _, values in rows], dtype=torch.float64).numpy()
    found = neighbour_reports(pairs_of(exams, [()] * len(exams)), stored, [name for name, _ in rows], pictures)
    return [texts[text or ""] for text in found]


def systems_of(records: Sequence[ExamRecord], names: dict[str, str]) -> dict[str, list[Sentences]]:
    """Name of each text that was written -> the reports."""
    return {
        words: [r.reports[k] for r in records] for k, words in names.items() if all(k in r.reports for r in records)
    }


def systems_table(card: ReportCard) -> str:
    """A line for each system, a column for each figure; intervals beneath figures that have one."""
    lines = [line for name in FIGURES for line in card.lines if line.figure.name == name]
    rows = [
        [name, *(_number(dict(line.baselines)[name], line.figure.digits) for line in lines)]
        for name in (CONSTANT, OTHER)
    ]
    for k, system in enumerate(card.systems):
        rows.append([system.name, *(_cell(line.entries[k], line.figure.digits) for line in lines)])
    return table(("system", *(line.figure.name for line in lines)), rows)


def _number(value: float, digits: int) -> str:
    return "-" if value != value else f"{value:.{digits}f}"


def _cell(entry: Entry, digits: int) -> str:
    ends = entry.interval
    return _number(entry.value, digits) + (f" ({ends.low:.{digits}f}–{ends.high:.{digits}f})" if ends else "")


# --- the run ------------------------------------------------------------------------------------------------------


def _chat_author(place: Path) -> tuple[Author, str]:
    """The chat model of a folder, and a name for the file of what it wrote."""
    author = ChatAuthor(load_local_chat(place, torch.device("cpu"), MAX_TOKENS))
    return author, f"chat-{weights_sha256(chat_folder_at(place))[:12]}"


def measure(args: argparse.Namespace, reader: Reader, space: StarterSpace) -> tuple[ReportCard, list[Row], str]:
    """The card of all systems, the rows of the reader, and how the drawn exams agree with the published ones."""
    bench, folder, generator = BENCHES[args.bench], RUNS / "phantom_bench", BENCHES[args.bench].spec.generator
    kept: Callable[..., Path] = lambda what, suffix: cache_path(  # noqa: E731
        folder / what, reader.card, suffix, args.fresh, generator
    )
    seen = SeenExams(space, kept("exams", "jsonl"), dict(published_digests(bench.name)))

    def read(drawn: PhantomExam, by: Reader) -> ExamRecord:
        seen.of_exam(drawn)
        return read_record(drawn, by, setting=Setting.DIAGNOSTIC)

    records = read_bench(reader, bench, args.exams, kept("records", "jsonl"), read)
    exams = [seen.of_seed(seed, bench) for seed in bench.seeds[: args.exams]]
    with progress_bar() as progress:
        seeds = progress.track(TRAINING_SEEDS[: args.train], description="training exams")
        train = [seen.of_seed(seed, bench) for seed in seeds]
    systems = {NEIGHBOUR: neighbours_of(exams, train), **systems_of(records, STARTER)}
    if args.chat_model:
        author, name = _chat_author(args.chat_model)
        by_chat = read_bench(
            reader, bench, args.exams, kept(name, "jsonl"),
            lambda drawn, by: read_record(drawn, by, author, Setting.DIAGNOSTIC),
        )  # fmt: skip
        systems |= systems_of(by_chat, CHAT)
    rows = bench_rows(records)
    if args.twins:
        rows += twin_rows(read_twins(reader, bench, min(args.twins, args.exams), kept("twins", "json")))
    card = make_card(bench.name, [(name, pairs_of(exams, reports)) for name, reports in systems.items()], args.draws)
    return card, rows, agreement_words(e.agreement for e in exams)


def _add(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--train", type=int, default=TRAIN, help="training exams among which a neighbour is looked for")
    parser.add_argument(
        "--twins", type=int, default=TWINS, help="exams that are read again without each lesion; 0: none"
    )
    parser.add_argument("--draws", type=int, default=1000, help="bootstrap samples of exams")
    parser.add_argument("--chat-model", type=Path, help="folder of a chat model, which reads too")


def main() -> int:
    """Print the tables; 1 when a bar of the reader is missed, 2 when nothing could be measured."""
    args = options(__doc__, len(BENCHES["bench_v1"].seeds), _add)
    torch.set_num_threads(args.threads)
    try:
        space = load_starter_space(args.model)
        card, rows, drawn = measure(args, space.reader, space)
    except MammoscribeError as error:
        print(error)
        return 2
    reader = space.reader.card
    print(f"phantom-bench, {card.num_exams} exams of {args.bench}, {reader.name} {reader.version}; {drawn}\n")
    print(f"{systems_table(card)}\n\nThe reader itself, against the truth:\n\n{markdown(rows)}")
    if args.json:
        values = {"drawn": drawn, "systems": card_json(card), "reader": rows_json(rows)}
        write_text(args.json, json.dumps(finite(values), indent=1, allow_nan=False) + "\n")
    return int(any(r.met is False for r in rows))


if __name__ == "__main__":
    sys.exit(main())
