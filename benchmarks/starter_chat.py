"""What starter-chat writes of bench exams, before and after the gate, beside writers that see nothing or need no training.

Each exam is read once by the reader; then starter-chat writes of it three times: with its pictures, with black ones, and with
those of the exam before it. A model that looks at pictures falls to the best constant report in the last two. Facts are held
against the ground truth of the drawing. Kept line by line in `runs/starter_chat/`, so that a stopped run goes on.

    python benchmarks/starter_chat.py                                        # 50 exams, about half a minute each on one core
    python benchmarks/starter_chat.py --exams 3 --chat runs/reports --train prepared   # and the nearest training exam's report
"""

import argparse
import hashlib
import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from mammoscribe.cli.console import progress_bar
from mammoscribe.data.prepared.dataset import PreparedDataset
from mammoscribe.data.report_files import StoredReport
from mammoscribe.domain.evidence import Writer
from mammoscribe.domain.report import Report
from mammoscribe.evaluation.bootstrap import interval_or_none, ratio_interval
from mammoscribe.evaluation.card import Row, markdown, write_rows
from mammoscribe.evaluation.facts import OBJECTED, FactCounts, FactKey, count_facts, sentence_keys, text_keys
from mammoscribe.evaluation.reading_records import decode_phantom, read_phantom, record_of
from mammoscribe.evaluation.report_card.neighbours import neighbour_reports
from mammoscribe.evaluation.report_card.pairs import ReportPairs
from mammoscribe.evaluation.written_claims import ClaimCounts, best_constant, count_claims
from mammoscribe.imaging.prepare import BRIGHTEST, prepare_view, whole_numbers
from mammoscribe.models.chat.place import canvas_of, chat_folder_at, starter_place, weights_sha256
from mammoscribe.models.chat.starter_views import StarterChat
from mammoscribe.models.reader.reader import Reader
from mammoscribe.phantom import BENCH_V1, BENCHES, PhantomExam, draw_exam
from mammoscribe.reading import load_reader
from mammoscribe.reporting.chart import Chart
from mammoscribe.reporting.compose import compose_report
from mammoscribe.support.chat.question import Answer, Part
from mammoscribe.support.errors import InputError, MammoscribeError
from mammoscribe.support.files import write_text
from mammoscribe.training.chat.reports import ReportConversations
from mammoscribe.writers.author import Case
from mammoscribe.writers.chat_local import LocalChat, author_in, load_local_chat
from mammoscribe.writers.chat_pictures import png_of
from mammoscribe.writers.decoder import DecoderAuthor

RUNS = Path(__file__).parents[1] / "runs" / "starter_chat"
SHOWN = {"": "pictures of the exam", "_blank": "black pictures", "_other": "pictures of another exam"}
TOKENS = 384
Keys = frozenset[FactKey]


@dataclass
class Changed:
    """A chat model whose pictures are changed on their way.

    Args:
        inner: the model.
        change: the words before a picture, and the picture -> the one that it is shown.
    """

    inner: LocalChat
    change: Callable[[str, bytes], bytes]

    @property
    def name(self) -> str:
        """Of the model."""
        return self.inner.name

    def answer(self, parts: Sequence[Part]) -> Answer:
        """What the model says of the changed pictures."""
        named = zip(("", *parts), parts, strict=False)
        return self.inner.answer([self.change(str(words), p) if isinstance(p, bytes) else p for words, p in named])


@dataclass
class Bench:
    """What is measured with: the reader, the chat model and where it is, and the pictures of the exam before by view."""

    reader: Reader
    chat: LocalChat
    folder: Path
    before: dict[str, bytes]

    def ways(self) -> dict[str, Callable[[str, bytes], bytes]]:
        """How each exam is shown, by the end of a text's name. A prior view is that of the other exam, too."""
        black = png_of(np.zeros(self._canvas.size_px, np.float32))
        return {
            "": lambda _, picture: picture,
            "_blank": lambda *_: black,
            "_other": lambda words, _: self.before[words.removeprefix("prior ").removesuffix(":")],
        }

    @property
    def _canvas(self):
        canvas = self.chat.model.adapter.preparation.canvas
        assert canvas is not None
        return canvas

    def pictures(self, drawn: PhantomExam) -> dict[str, np.ndarray]:
        """The current views of an exam on the canvas, each by the words of side and projection."""
        canvas, decode = self._canvas, decode_phantom(drawn)
        views = {v: prepare_view(v, decode(v), canvas.um_per_px, canvas.size_px) for v in drawn.exam.current}
        return {
            f"{v.laterality.word} {v.projection}": whole_numbers(prepared.pixels, BRIGHTEST, 8)
            for v, prepared in views.items()
        }

    def measure(self, drawn: PhantomExam) -> dict:
        """One exam: keys of every text, claims of the chat model, and the mean token of its views."""
        decoder = None if self.reader.decoder is None else DecoderAuthor(self.reader)
        reading = read_phantom(drawn, self.reader, decoder)
        read, output = reading.report, reading.output
        record = record_of(drawn, reading, decoder.writer if decoder else Writer.RENDERER, 0.0)
        case = Case(drawn.exam, decode_phantom(drawn), output.findings, read.breasts)
        measured_words = self.reader.card.operating_point(drawn.exam.origin).words_measured
        chart = Chart(read.exam, read.search, read.breasts, output.findings, measured_words)
        facts, claims, texts = dict(record.facts), {}, {}
        for way, change in self.ways().items():
            author = author_in(self.folder, Changed(self.chat, change))
            written = author.write(case).claims
            report = compose_report(chart, read.provenance, written, author.writer, (), output.possible)
            said = [claim.text for claim in written]
            facts[f"chat{way}"] = text_keys(said)
            facts[f"chat{way}_after_gate"] = borne_out(said, report)
            counts = count_claims(said, report.sentences, record.facts["truth"])
            claims[f"chat{way}"] = [counts.claims, counts.false, counts.caught]
            texts[f"chat{way}"] = said
        views = list(self.pictures(drawn).values())
        return {
            "exam": record.exam_id, "facts": {name: sorted(map(list, keys)) for name, keys in facts.items()},
            "claims": claims, "texts": texts, "features": mean_token(self.chat, views).round(4).tolist(),
        }  # fmt: skip


def borne_out(said: Sequence[str], report: Report) -> Keys:
    """Facts that the chat model stated and the report prints of its claims.

    A claim that the gate words anew may print more than it said, all that the reader found of the breast: from black pictures
    that would be right as often, and is not the chat model's.
    """
    passed = [s for s in report.sentences if s.writer is not Writer.RENDERER]
    printed = sentence_keys(passed, report, report.possible)
    return (text_keys(said) & printed) | {key for key in printed if key[0] == OBJECTED}


def mean_token(chat: LocalChat, views: Sequence[np.ndarray]) -> np.ndarray:
    """[D]: what the encoder sees of the views of an exam, on average."""
    adapter = chat.model.adapter
    assert isinstance(adapter, StarterChat)
    return torch.stack([adapter.encode(view).mean(dim=0) for view in views]).mean(dim=0).numpy()


def neighbours(rows: Sequence[dict], chat: LocalChat, prepared: Path, most: int) -> list[Keys]:
    """Facts of the report that our writer gives of the most alike training exam, for each row."""
    canvas = chat.model.adapter.preparation.canvas
    learned = ReportConversations(PreparedDataset(prepared, "train"), 4, canvas=canvas)
    stored, names, features = {}, [], []
    for number in np.linspace(0, len(learned) - 1, min(most, len(learned))).astype(int).tolist():
        conversation = learned[number]
        stored[conversation.name] = StoredReport(conversation.name, conversation.turns[-1].text)
        names.append(conversation.name)
        features.append(mean_token(chat, conversation.views[:4]))
    ids = tuple(str(row["exam"]) for row in rows)
    pairs = ReportPairs(ids, ids, ids, ids)
    found = neighbour_reports(pairs, stored, [*names, *ids], np.array([*features, *(row["features"] for row in rows)]))
    return [text_keys([text or ""]) for text in found]


def keys_of(row: dict, text: str) -> Keys:
    """Facts of a text."""
    return frozenset(tuple(key) for key in row["facts"][text])


def table(rows: Sequence[dict], nearest: Sequence[Keys] | None) -> list[Row]:
    """Fact F1 of every text, and what became of false claims."""
    truths = [keys_of(row, "truth") for row in rows]
    counted = {
        "renderer (the reader's findings)": _counts(rows, truths, "rendered"),
        "best constant report": best_constant(truths),
    }
    if nearest is not None:
        counted["report of the most alike training exam"] = [
            count_facts(k, t) for k, t in zip(nearest, truths, strict=True)
        ]
    for name, words in (("before_gate", "before the gate"), ("after_gate", "sentences that passed the gate")):
        if all(f"decoder_{name}" in row["facts"] for row in rows):
            counted[f"decoder, {words}"] = _counts(rows, truths, f"decoder_{name}")
    for way, shown in SHOWN.items():
        counted[f"starter-chat, {shown}, before the gate"] = _counts(rows, truths, f"chat{way}")
        counted[f"starter-chat, {shown}, of this what the gate bore out"] = _counts(
            rows, truths, f"chat{way}_after_gate"
        )
    found = [_f1(f"facts F1, {name}", own) for name, own in counted.items()]
    for way, shown in SHOWN.items():
        total = sum((ClaimCounts(*row["claims"][f"chat{way}"]) for row in rows), ClaimCounts(0, 0, 0))
        n = f"{total.false} false of {total.claims} claims"
        found.append(Row(f"false claims caught by the gate, {shown}", total.share_caught, n))
    return found


def _counts(rows: Sequence[dict], truths: Sequence[Keys], text: str) -> list[FactCounts]:
    return [count_facts(keys_of(row, text), truth) for row, truth in zip(rows, truths, strict=True)]


def _f1(name: str, counts: Sequence[FactCounts]) -> Row:
    pooled = sum(counts, FactCounts(0, 0, 0))
    doubled = [2 * c.right for c in counts]
    totals = [d + c.wrong + c.missed for d, c in zip(doubled, counts, strict=True)]
    n = f"{pooled.right + pooled.missed} facts, {len(counts)} exams"
    return Row(name, pooled.f1, n, interval_or_none(lambda: ratio_interval(doubled, totals)))


def main() -> int:
    """Measure as the command line asks; 2 when nothing could be measured."""
    args = options()
    torch.set_num_threads(args.threads)
    try:
        folder = chat_folder_at(args.chat or starter_place())
        if canvas_of(folder) is None:
            raise InputError(f"{folder} is no starter-chat", "one")
        chat = load_local_chat(folder, torch.device("cpu"), TOKENS)
        bench = Bench(load_reader(args.model), chat, folder, {})
        chosen = BENCHES[args.bench]
        key = f"{bench.reader.card!r}/{weights_sha256(folder)}/{chosen.name}"
        cache = RUNS / f"{hashlib.sha256(key.encode()).hexdigest()[:12]}.jsonl"
        rows = measured(bench, chosen, args.exams, cache, args.fresh)
        nearest = None if args.train is None else neighbours(rows, bench.chat, args.train, args.most_train)
    except MammoscribeError as error:
        print(error)
        return 2
    found = table(rows, nearest)
    print(f"{len(rows)} of {len(chosen.seeds)} exams of {chosen.name}, {bench.chat.name}, {cache}\n\n{markdown(found)}")
    if args.json:
        write_rows(found, args.json)
    return 0


def measured(bench: Bench, chosen, num_exams: int, cache: Path, fresh: bool) -> list[dict]:
    """The rows of the first exams, measured or taken from the cache."""
    seeds = chosen.seeds[:num_exams]
    lines = [] if fresh or not cache.is_file() else cache.read_text(encoding="utf-8").splitlines()
    rows = {row["exam"]: row for row in map(json.loads, lines)}
    with progress_bar() as progress:
        for number, seed in enumerate(progress.track(seeds, description="writing")):
            if f"phantom-{seed}" in rows:
                continue
            before = draw_exam(seeds[number - 1] if number else chosen.seeds[-1], chosen.spec)
            bench.before = {n: png_of(v.astype(np.float32) / 255) for n, v in bench.pictures(before).items()}
            row = bench.measure(draw_exam(seed, chosen.spec))
            rows[row["exam"]] = row
            write_text(cache, "".join(f"{json.dumps(r)}\n" for r in rows.values()))
    return [rows[f"phantom-{seed}"] for seed in seeds]


def options() -> argparse.Namespace:
    """What the command line says."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--chat", type=Path, help="folder or run of a starter-chat (default: the one that is there)")
    parser.add_argument("--bench", choices=BENCHES, default=BENCH_V1.name, help="whose exams (default: %(default)s)")
    parser.add_argument("--exams", type=int, default=50, help="how many of them (default: %(default)s)")
    parser.add_argument("--model", default="starter", help="reader that finds and whose findings the gate holds up")
    parser.add_argument("--train", type=Path, help="prepared training exams, for the most alike one's report")
    parser.add_argument("--most-train", type=int, default=400, help="of these, how many (default: %(default)s)")
    parser.add_argument("--fresh", action="store_true", help="forget partial results (after a change of code)")
    parser.add_argument("--threads", type=int, default=1, help="torch threads")
    parser.add_argument("--json", type=Path, help="also write the rows to this file")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
