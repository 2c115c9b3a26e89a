"""mini-MIAS, patient-wise folds: lesions found, marks per view on its normals and on RSNA views with and without cancer.

Marks are those of `mammoscribe calibrate --fold ...`, each view seen by the run that left its patient out. Thresholds are those stored with the
weights for real exams, or `--threshold` for all kinds. A FROC table with free thresholds follows, to look at only.

    python benchmarks/mini_mias.py runs/model/marks.json --card runs/model/card.json
"""

import argparse
import sys
from pathlib import Path

from mammoscribe.data.datasets.mini_mias import MINI_MIAS
from mammoscribe.data.datasets.rsna import RSNA
from mammoscribe.domain.finding import FindingType
from mammoscribe.evaluation.card import markdown, table, write_rows
from mammoscribe.evaluation.films import film_rows, froc_table, read_films
from mammoscribe.models.reader.card import OperatingPoint, read_card
from mammoscribe.models.reader.loading import WEIGHTS
from mammoscribe.support.errors import MammoscribeError

ROOT = Path(__file__).parents[1]


def thresholds_of(point: OperatingPoint) -> dict[FindingType, float]:
    """The stored thresholds by finding type."""
    return {t: point.thresholds[t.value] for t in FindingType}


def main() -> int:
    """Print the tables; 2 when nothing could be measured."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    default = ROOT / "runs" / "model" / "marks.json"
    parser.add_argument("marks", nargs="?", type=Path, default=default, help="marks.json of the left-out patients")
    parser.add_argument("--card", type=Path, default=WEIGHTS / "starter.json", help="model card with the thresholds")
    parser.add_argument("--threshold", type=float, help="one threshold for every kind, in place of the stored ones")
    parser.add_argument("--json", type=Path, help="also write the rows to this file")
    args = parser.parse_args()
    try:
        point = read_card(args.card).real
        films = read_films(args.marks, point.mark_weights)
        mias, rsna = films.get(MINI_MIAS.name, []), films.get(RSNA.name, [])
        fixed: float | None = args.threshold
        thresholds = thresholds_of(point) if fixed is None else dict.fromkeys(FindingType, fixed)
        rows = film_rows(mias, rsna, thresholds)
    except MammoscribeError as error:
        print(error)
        return 2
    print("thresholds: " + ", ".join(f"{t.value} {v:.3f}" for t, v in thresholds.items()) + "\n")
    print(markdown(rows))
    head = ("false marks per normal view", "threshold", "lesions found")
    print("\n" + table(head, [(b, f"{t:.3f}", f"{s:.3f}") for b, t, s in froc_table(mias)]))
    if args.json:
        write_rows(rows, args.json)
    return 0


if __name__ == "__main__":
    sys.exit(main())
