"""RSNA, pooled out-of-fold over five patient-wise folds, per breast: cancer and density AUC, per machine, baselines.

The predictions are those of `mammoscribe calibrate --fold ...`: each breast by the run that left its patient out, scaled
by weights fitted on the other folds. Labels come from the data root (MAMMOSCRIBE_DATA). Looking at these figures is logged: lines of `notebook/LOG.md` that start with `- look:` are
counted and printed.

    python benchmarks/rsna.py runs/model/breasts.csv
"""

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from mammoscribe.evaluation.card import markdown, write_rows
from mammoscribe.evaluation.out_of_fold import Case, folds_of, join, out_of_fold_rows, read_breasts, read_predictions
from mammoscribe.support.errors import MammoscribeError

ROOT = Path(__file__).parents[1]
DATA = Path(os.environ.get("MAMMOSCRIBE_DATA", ROOT.parent / "shared" / "data"))
LOG = ROOT / "notebook" / "LOG.md"


def count_looks(log: Path = LOG) -> int:
    """Logged looks at the out-of-fold figures."""
    lines = log.read_text(encoding="utf-8").splitlines() if log.is_file() else []
    return sum(line.startswith("- look:") for line in lines)


def title(cases: Sequence[Case]) -> str:
    """What was measured."""
    patients = len({c.breast.patient_id for c in cases})
    return f"RSNA, {patients} patients, images only, pooled over {len(folds_of(cases))} folds that each left its patients out"


def main() -> int:
    """Print the table; 1 when a bar is missed, 2 when nothing could be measured."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    default = ROOT / "runs" / "model" / "breasts.csv"
    parser.add_argument(
        "predictions", nargs="?", type=Path, default=default, help="breasts.csv of the left-out patients"
    )
    parser.add_argument("--draws", type=int, default=1000, help="bootstrap draws")
    parser.add_argument("--json", type=Path, help="also write the rows to this file")
    args = parser.parse_args()
    try:
        cases = join(read_predictions(args.predictions), read_breasts(DATA / "rsna_512"))
        rows = out_of_fold_rows(cases, args.draws)
    except MammoscribeError as error:
        print(error)
        return 2
    print(f"{title(cases)}; looks logged: {count_looks()}\n")
    print(markdown(rows))
    if args.json:
        write_rows(rows, args.json)
    return int(any(r.met is False for r in rows))


if __name__ == "__main__":
    sys.exit(main())
