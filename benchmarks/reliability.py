"""How often sentences about findings are right on phantoms that chose no threshold, weight or level of words.

The lines are those of the model card's synthetic operating point (`reliability`).

    python benchmarks/reliability.py --exams 200   # about four minutes of one core
"""

import argparse
import sys

from mammoscribe.domain.view import Origin
from mammoscribe.models.reader.loading import load_reader
from mammoscribe.training.finish import measure_reliability


def main() -> int:
    """Print one line for each type of finding."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--exams", type=int, default=200)
    parser.add_argument("--model", default="starter")
    args = parser.parse_args()
    reader = load_reader(args.model)
    for line in measure_reliability(reader, reader.card.operating_point(Origin.SYNTHETIC), args.exams):
        print(line)
    return 0


if __name__ == "__main__":
    sys.exit(main())
