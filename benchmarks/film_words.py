"""Shape, margin and suspicion of masses on films of patients left out of training: agreement, confusion, calibration.

Every lesion is held against the best mark that hits it, whatever its score; lesions that no mark hits count in `found`
alone. Labels of several words are left out, since none of them alone is right.

    mammoscribe calibrate MODEL --data CBIS --fold RUN0 ... --out runs/model
    python benchmarks/film_words.py runs/model/marks.json
"""

import argparse
import sys
from pathlib import Path

from mammoscribe.evaluation.card import Row, markdown, table, write_rows
from mammoscribe.evaluation.film_words import calibration_of, confusion, read_film_words, word_rows
from mammoscribe.support.errors import MammoscribeError

ROOT = Path(__file__).parents[1]


def main() -> int:
    """Print the tables; 2 when nothing could be measured."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    default = ROOT / "runs" / "model" / "marks.json"
    parser.add_argument("marks", nargs="?", type=Path, default=default, help="marks.json of the left-out patients")
    parser.add_argument("--dataset", default="cbis-ddsm", help="whose lesions")
    parser.add_argument("--json", type=Path, help="also write the rows to this file")
    args = parser.parse_args()
    try:
        words = read_film_words(args.marks, args.dataset)
    except MammoscribeError as error:
        print(error)
        return 2
    found = Row("lesions that a mark of any score hits", words.found / words.lesions, f"{words.lesions} lesions")
    rows = [found, *word_rows(words)]
    print(markdown(rows))
    for axis in dict.fromkeys(a.axis for a in words.answers):
        names, counts = confusion(words, axis)
        short = [name.split(".")[1] for name in names]
        print(
            "\n"
            + table(
                (f"{axis}: label \\ said", *short),
                [(n, *map(str, c)) for n, c in zip(short, counts.tolist(), strict=True)],
            )
        )
        bins = [(f"{b.predicted:.2f}", f"{b.observed:.2f}", str(b.n)) for b in calibration_of(words, axis)]
        print("\n" + table((f"{axis}: mean probability", "right", "n"), bins))
    if args.json:
        write_rows(rows, args.json)
    return 0


if __name__ == "__main__":
    sys.exit(main())
