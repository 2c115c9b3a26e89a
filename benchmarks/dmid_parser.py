"""Measures the report parser on the 414 real DMID reports: BI-RADS category and ACR density read from free text.

Labels as they come with the data: `birads_max` is the most severe category that the report names (a report with
several lesions may name several), `acr` the density letter. A blank label is a gap in the table and not scored; for
density the letter in the table's own composition column is scored beside it. Misses are listed by record id and field;
no text of the data is printed. Bar: 0.97 for each.

    python benchmarks/dmid_parser.py
"""

import csv
import os
import re
import sys
from dataclasses import dataclass
from pathlib import Path

from mammoscribe.reporting.parse import parse_report

BAR = 0.97


@dataclass(frozen=True)
class Score:
    """Accuracy of one field: `misses` are record ids."""

    field: str
    total: int
    misses: tuple[str, ...]

    @property
    def accuracy(self) -> float:
        """Share read right; 0 when nothing is labelled."""
        return 1 - len(self.misses) / self.total if self.total else 0.0


def measure(csv_path: Path) -> tuple[Score, ...]:
    """Scores of BI-RADS, density by label, and density by composition column."""
    with csv_path.open(encoding="utf-8-sig", newline="") as stream:
        rows = list(csv.DictReader(stream))
    read = {row["id"]: parse_report(row["report"]) for row in rows}
    labels = {
        "birads": {r["id"]: r["birads_max"] for r in rows},
        "density": {r["id"]: r["acr"].lower() for r in rows},
        "density (composition column)": {r["id"]: _letter(r["composition_json"]) for r in rows},
    }
    scores = []
    for field, wanted in labels.items():
        known = {k: v for k, v in wanted.items() if v}
        got = {k: read[k].birads_overall if field == "birads" else read[k].density_overall for k in known}
        scores.append(Score(field, len(known), tuple(k for k, v in known.items() if got[k] != v)))
    return tuple(scores)


def _letter(composition: str) -> str:
    match = re.search(r"ACR\W*([A-D])\b", composition)
    return match[1].lower() if match else ""


def main() -> int:
    """Print the table; exit 1 below the bar."""
    root = Path(os.environ.get("MAMMOSCRIBE_DATA", Path(__file__).parents[2] / "shared" / "data"))
    path = root / "dmid_reports" / "dmid_reports.csv"
    if not path.is_file():
        print(f"no {path.name} under the data root; set MAMMOSCRIBE_DATA")
        return 2
    scores = measure(path)
    for score in scores:
        print(f"{score.field}: {score.accuracy:.4f} ({score.total - len(score.misses)} of {score.total}; bar {BAR})")
        for record in score.misses:
            print(f"  miss: {record} {score.field}")
    return 0 if all(s.accuracy >= BAR for s in scores) else 1


if __name__ == "__main__":
    sys.exit(main())
