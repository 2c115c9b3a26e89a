"""phantom-bench: what constant reports, a neighbour's report, the starter and a chat model reach on a frozen bench.

Every exam is drawn, compared with the published digests, read once by a reader and kept as one line in
`runs/phantom_bench/`, so a stopped run goes on where it was; other weights, thresholds or another generator start new files.
After a change of code say `--fresh`. The references and the categories are those of a diagnostic exam.

The nearest neighbour is the report of the training phantom whose pictures are most alike by the reader's own features;
the best constant report is chosen anew for each figure and exam among the other references (no interval).

    python benchmarks/phantom_bench.py                    # all 200 exams, 200 training exams, twins of 60 exams
    python benchmarks/phantom_bench.py --exams 6 --train 6 --twins 2   # a quick look; not a figure to quote
    python benchmarks/phantom_bench.py --chat-model DIR   # and a chat model, before and after the gate
    python benchmarks/phantom_bench.py --writer-model runs/report   # and a run of `train biovil-t-report`
    python benchmarks/phantom_bench.py --bench bench_v2
"""

import argparse
import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import torch
from bench_setup import RUNS, options
from bench_v1 import read_bench
from twins import read_twins, twin_rows

from mammoscribe.cli.console import progress_bar
from mammoscribe.domain.assessment import Setting
from mammoscribe.evaluation.bench import bench_rows
from mammoscribe.evaluation.bench_digests import agreement_words, published_digests
from mammoscribe.evaluation.card import Row, markdown, rows_json
from mammoscribe.evaluation.card_page import finite
from mammoscribe.evaluation.phantom_bench import (
    NEIGHBOUR,
    STARTER,
    SeenExams,
    neighbours_of,
    pairs_of,
    systems_of,
    systems_table,
    written_by,
)
from mammoscribe.evaluation.reading_records import cache_path, read_record
from mammoscribe.evaluation.records import ExamRecord
from mammoscribe.evaluation.report_card.card import ReportCard, make_card
from mammoscribe.evaluation.report_card.card_files import card_json
from mammoscribe.models.biovil.report_model import load_report_model
from mammoscribe.models.chat.place import chat_folder_at, weights_sha256
from mammoscribe.models.reader.reader import Reader
from mammoscribe.models.reader.space import StarterSpace, load_starter_space
from mammoscribe.phantom import BENCHES, PhantomExam
from mammoscribe.phantom.bench import TRAINING_SEEDS
from mammoscribe.support.errors import MammoscribeError
from mammoscribe.support.files import write_text
from mammoscribe.writers.author import Author
from mammoscribe.writers.biovil_t import BiovilAuthor
from mammoscribe.writers.chat_local import author_in, load_local_chat

TWINS, TRAIN, MAX_TOKENS = 60, 200, 1024


def _authors(args: argparse.Namespace) -> Iterator[tuple[str, Author, str]]:
    """(what it is called, author, name of the file that keeps what it wrote) of each model that writes beside the reader."""
    if args.chat_model:
        folder = chat_folder_at(args.chat_model)
        author = author_in(folder, load_local_chat(folder, torch.device("cpu"), args.chat_tokens))
        yield "chat model", author, f"chat-{weights_sha256(folder)[:12]}-{args.chat_tokens}"
    if args.writer_model:
        model = load_report_model(args.writer_model)
        yield "BioViL-T report model", BiovilAuthor(model), f"biovil-t-{model.card.weights_sha256[:12]}"


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
    for called, author, name in _authors(args):
        by_model = read_bench(
            reader, bench, args.exams, kept(name, "jsonl"),
            lambda drawn, by, author=author: read_record(drawn, by, author, Setting.DIAGNOSTIC),
        )  # fmt: skip
        systems |= systems_of(by_model, written_by(called))
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
    parser.add_argument("--chat-model", type=Path, help="folder of a chat model, which writes too")
    parser.add_argument(
        "--writer-model", type=Path, help="run of `mammoscribe train biovil-t-report`, which writes too"
    )
    parser.add_argument("--chat-tokens", type=int, default=MAX_TOKENS, help="longest answer of the chat model")


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
