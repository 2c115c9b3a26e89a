"""How often sentences about findings are right on phantoms that chose no threshold, weight or level of words.

The phantoms are drawn here, with validation seeds of their own; the lines are those of a model card.

    python benchmarks/reliability.py --exams 200   # about four minutes of one core
"""

import argparse
import sys
from collections.abc import Iterator, Sequence

from rich.progress import track

from mammoscribe.domain.finding import FindingType
from mammoscribe.domain.view import Origin
from mammoscribe.evaluation.reading_records import decode_phantom
from mammoscribe.models.reader.loading import load_reader
from mammoscribe.models.reader.reader import Reader
from mammoscribe.phantom import TRAINING_SPEC, PhantomExam, draw_exam
from mammoscribe.phantom.bench import VALIDATION_SEEDS
from mammoscribe.reading import prepare
from mammoscribe.training.calibration.reliability import Statements
from mammoscribe.training.calibration.seen import SeenExam
from mammoscribe.training.reader.samples import BreastLabels

SEEDS = VALIDATION_SEEDS[50_000:]
"""Validation phantoms that never choose a threshold, a weight or a level of words."""


def see_drawn(reader: Reader, seeds: Sequence[int]) -> Iterator[SeenExam]:
    """Drawn exams as a reader sees them at full resolution, with all that is true of them."""
    for seed in track(seeds, description="exams"):
        yield _seen(reader, draw_exam(seed, TRAINING_SPEC))


def _seen(reader: Reader, drawn: PhantomExam) -> SeenExam:
    canvases = prepare(drawn.exam, reader, decode_phantom(drawn), images=False).canvases
    right, left = (BreastLabels(density="abcd".index(b.density), malignant=int(b.malignant)) for b in drawn.breasts)
    kinds = frozenset(FindingType)
    return SeenExam(
        drawn.exam, f"phantom-{drawn.seed}", "phantom", drawn.findings, kinds, kinds, (right, left),
        reader.see(drawn.exam, canvases),
    )  # fmt: skip


def main() -> int:
    """Print one line for each kind of statement."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--exams", type=int, default=200)
    parser.add_argument("--model", default="starter")
    args = parser.parse_args()
    reader = load_reader(args.model)
    statements = Statements()
    statements.add(list(see_drawn(reader, SEEDS[: args.exams])), reader.card.operating_point(Origin.SYNTHETIC))
    for line in statements.lines(f"{args.exams} further phantoms"):
        print(line)
    return 0


if __name__ == "__main__":
    sys.exit(main())
