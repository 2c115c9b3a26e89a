"""RSNA, pooled out-of-fold over five patient-wise folds, per breast: cancer and density AUC, per machine, baselines.

The predictions are made by the cross-validation recipe, one CSV per fold or one for all; labels come from the data
root (MAMMOSCRIBE_DATA). Looking at these figures is logged: lines of `notebook/LOG.md` that start with `- look:` are
counted and printed.

    python benchmarks/rsna.py runs/model/rsna_out_of_fold.csv    # as training.finish writes it, scaling cross-fitted
    python benchmarks/rsna.py --folds-given runs/fold0/breasts.csv    # the head alone, while other folds are not there yet
"""

import argparse
import os
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from mammoscribe.data.folds import FOLDS
from mammoscribe.data.rsna import read_rsna
from mammoscribe.evaluation.card import markdown, write_rows
from mammoscribe.evaluation.out_of_fold import Case, folds_of, join, out_of_fold_rows, read_predictions
from mammoscribe.support.errors import MammoscribeError

ROOT = Path(__file__).parents[1]
DATA = Path(os.environ.get("MAMMOSCRIBE_DATA", ROOT.parent / "shared" / "data"))
LOG = ROOT / "notebook" / "LOG.md"


def count_looks(log: Path = LOG) -> int:
    """Logged looks at the out-of-fold figures."""
    lines = log.read_text(encoding="utf-8").splitlines() if log.is_file() else []
    return sum(line.startswith("- look:") for line in lines)


def title(cases: Sequence[Case]) -> str:
    """What was measured: all folds, or in so many words only some of them."""
    patients = len({c.exam.patient_id for c in cases})
    folds = folds_of(cases)
    if len(folds) == FOLDS:
        return f"RSNA, {patients} patients, images only, pooled out-of-fold"
    named = f"fold{'s' if len(folds) > 1 else ''} {', '.join(map(str, folds))} only"
    return (
        f"RSNA, {named}, {len(cases)} breasts of {patients} patients, images only; the bars are for all {FOLDS} folds"
    )


def main() -> int:
    """Print the table; 1 when a bar is missed, 2 when nothing could be measured."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    default = [ROOT / "runs" / "model" / "rsna_out_of_fold.csv"]
    parser.add_argument("predictions", nargs="*", type=Path, default=default, help="CSV files, all folds together")
    parser.add_argument("--folds-given", action="store_true", help="keep to the folds of the files; no bar is held up")
    parser.add_argument("--draws", type=int, default=1000, help="bootstrap draws")
    parser.add_argument("--json", type=Path, help="also write the rows to this file")
    args = parser.parse_args()
    try:
        predictions = read_predictions(args.predictions)
        folds = {p.fold for p in predictions.values()} if args.folds_given else None
        cases = join(predictions, read_rsna(DATA / "rsna_512"), folds)
        rows = out_of_fold_rows(cases, args.draws)
    except MammoscribeError as error:
        print(error)
        return 2
    if len(folds_of(cases)) < FOLDS:
        rows = [replace(row, bar=None) for row in rows]
    print(f"{title(cases)}; looks logged: {count_looks()}\n")
    print(markdown(rows))
    if args.json:
        write_rows(rows, args.json)
    return int(any(r.met is False for r in rows))


if __name__ == "__main__":
    sys.exit(main())
