"""Masses of CBIS-DDSM films, patient-wise folds: found in sentences, with weaker marks, and at fixed rates of false marks.

Marks are those of `mammoscribe calibrate --fold ...`, each view seen by the run that left its patient out; how first pass and
crop refiner are weighed, and the thresholds, are those of the card. Every view shows at least one mass, so the figures say nothing of
false recalls. At the fixed rates of false marks the score is free: a curve to compare detectors by, not an operating point.

    python benchmarks/cbis_masses.py runs/model/marks.json --card runs/model/card.json
"""

import argparse
import sys
from pathlib import Path

from mammoscribe.data.datasets.cbis_ddsm import CBIS_DDSM
from mammoscribe.domain.finding import FindingType
from mammoscribe.evaluation.card import markdown, write_rows
from mammoscribe.evaluation.films import mass_rows, read_films
from mammoscribe.models.reader.card import read_card
from mammoscribe.models.reader.loading import WEIGHTS
from mammoscribe.support.errors import InputError, MammoscribeError

ROOT = Path(__file__).parents[1]


def main() -> int:
    """Print the table; 2 when nothing could be measured."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    default = ROOT / "runs" / "model" / "marks.json"
    parser.add_argument("marks", nargs="?", type=Path, default=default, help="marks.json of the left-out patients")
    parser.add_argument("--card", type=Path, default=WEIGHTS / "starter.json", help="model card with the thresholds")
    parser.add_argument("--json", type=Path, help="also write the rows to this file")
    args = parser.parse_args()
    try:
        point = read_card(args.card).real
        films = read_films(args.marks, point.mark_weights).get(CBIS_DDSM.name, [])
        if not films:
            raise InputError(f"{args.marks} holds no view of {CBIS_DDSM.name}", "--data with it when calibrating")
        mass = FindingType.MASS.value
        rows = mass_rows(films, point.thresholds[mass], point.possible[mass])
    except MammoscribeError as error:
        print(error)
        return 2
    print(markdown(rows))
    if args.json:
        write_rows(rows, args.json)
    return 0


if __name__ == "__main__":
    sys.exit(main())
