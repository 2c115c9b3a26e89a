"""Measures the report parser on the 414 real DMID reports: categories, densities, and findings, read from free text.

Categories and densities are held against the labels that come with the data: `birads_max` is the most severe category
that the report names (a report with several lesions may name several), `acr` the density letter. A blank label is a gap
in the table and not scored; for density the letter in the table's own composition column is scored beside it.

Findings are held against labels written by hand for the 120 reports with the smallest SHA-256 of their id, which were
not looked at while the parser was written (rules and labels: `benchmarks/labels`). Scored are kind, side and status
(there, denied, doubted) of masses, calcifications, distortions and asymmetries, and denials of every finding; the same
with the exact set of descriptors; and associated features. Intervals: 95 %, bootstrap by report
(exact for whole reports). The reports are of one
hospital and much alike, so the same is printed for those reports alone that say something about findings in words which
none of the other 294 reports has.

Misses are listed by record id; no text of the data is printed. Bars: 0.97 for categories and densities, 0.95 for
precision and recall of findings, with and without descriptors.

    python benchmarks/dmid_parser.py
"""

import csv
import hashlib
import os
import re
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from mammoscribe.domain.location import Location
from mammoscribe.evaluation.bootstrap import Interval, clopper_pearson, ratio_interval
from mammoscribe.reporting.facts import Fact, FactKind, Status
from mammoscribe.reporting.parse import parse_report

BAR, FINDINGS_BAR = 0.97, 0.95
LABELS = Path(__file__).parent / "labels" / "dmid_findings.csv"
NUM_SET_ASIDE = 120

Row = tuple[str, str, str, str]
"""Kind, side, status and descriptors, as in the file of labels."""


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


@dataclass(frozen=True)
class FindingScore:
    """What was read of each report beside what it says: sets of rows by report id."""

    name: str
    read: Mapping[str, frozenset[Row]]
    true: Mapping[str, frozenset[Row]]

    @property
    def right(self) -> int:
        """Rows read that are true."""
        return sum(len(self.read[i] & rows) for i, rows in self.true.items())

    @property
    def precision(self) -> float:
        """Share of the rows read that are true."""
        return self.right / sum(map(len, self.read.values()))

    @property
    def recall(self) -> float:
        """Share of the true rows that were read."""
        return self.right / sum(map(len, self.true.values()))

    def interval_of(self, counted: Mapping[str, frozenset[Row]]) -> Interval:
        """Of precision when `counted` is `read`, of recall when it is `true`."""
        right = [len(self.read[i] & self.true[i]) for i in self.true]
        return ratio_interval(right, [len(counted[i]) for i in self.true])

    @property
    def faults(self) -> list[tuple[str, str, Row]]:
        """Report id, `missed` or `wrong`, and the row."""
        missed = [(i, "missed", row) for i, rows in self.true.items() for row in sorted(rows - self.read[i])]
        return missed + [(i, "wrong", row) for i, rows in self.read.items() for row in sorted(rows - self.true[i])]


def reports(csv_path: Path) -> list[dict[str, str]]:
    """Rows of the data set's table."""
    with csv_path.open(encoding="utf-8-sig", newline="") as stream:
        return list(csv.DictReader(stream))


def measure(csv_path: Path) -> tuple[Score, ...]:
    """Scores of BI-RADS, density by label, and density by composition column."""
    rows = reports(csv_path)
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


def set_aside(ids: Iterable[str]) -> frozenset[str]:
    """The reports whose findings are labelled: the smallest SHA-256 of the id."""
    return frozenset(sorted(ids, key=lambda i: hashlib.sha256(i.encode()).hexdigest())[:NUM_SET_ASIDE])


def in_new_words(texts: Mapping[str, str], ids: Iterable[str]) -> list[str]:
    """Those of the reports that have a line or sentence, composition and category apart, which no other report has."""

    def said(text: str) -> set[str]:
        parts = (re.sub(r"[\W_]+", " ", part).strip() for part in re.split(r"[.\n]", text.lower()))
        return {part for part in parts if part and not re.search(r"parenchyma|^bi ?rads|^findings$", part)}

    asked = set(ids)
    known = {part for i, text in texts.items() if i not in asked for part in said(text)}
    return sorted(i for i in asked if said(texts[i]) - known)


def measure_findings(csv_path: Path, labels_path: Path = LABELS, new_words: bool = False) -> tuple[FindingScore, ...]:
    """Scores of findings, findings with descriptors, and associated features, on the reports set aside.

    With `new_words` only on those that say something in words which no other report has.
    """
    texts = {row["id"]: row["report"] for row in reports(csv_path)}
    ids = sorted(set_aside(texts))
    ids = in_new_words(texts, ids) if new_words else ids
    with labels_path.open(newline="") as stream:
        labels = [
            (r["report_id"], (r["kind"], r["side"], r["status"], r["descriptors"])) for r in csv.DictReader(stream)
        ]
    true = {i: frozenset(row for report, row in labels if report == i) for i in ids}
    read = {i: rows_of(parse_report(texts[i]).facts) for i in ids}

    def score(name: str, of: Callable[[Row], bool], cut: Callable[[Row], Row] = lambda row: row) -> FindingScore:
        sets = ({i: frozenset(cut(r) for r in rows if of(r)) for i, rows in side.items()} for side in (read, true))
        return FindingScore(name, *sets)

    return (
        score("findings: kind, side, status", _is_finding, lambda row: (*row[:3], "")),
        score("findings with descriptors", _is_finding),
        score("associated features", lambda row: not _is_finding(row)),
    )


def _is_finding(row: Row) -> bool:
    return row[0] != "associated"


def rows_of(facts: Iterable[Fact]) -> frozenset[Row]:
    """Facts in the form of the labels: associated features are rows of their own, whichever finding they are said of."""
    rows: set[Row] = set()
    for fact in facts:
        side = str(fact.laterality or "")
        features = {d for d in fact.descriptors if d.startswith("associated.")}
        rows |= {("associated", side, fact.status.value, d) for d in features}
        if fact.kind.is_finding and (fact.kind is not FactKind.ANY_FINDING or _denies_all(fact)):
            rows.add((fact.kind.value, side, fact.status.value, " ".join(sorted(fact.descriptors - features))))
    return frozenset(rows)


def _denies_all(fact: Fact) -> bool:
    return fact.status is Status.NEGATIVE and fact.location == Location()


def main() -> int:
    """Print the table; exit 1 below a bar."""
    root = Path(os.environ.get("MAMMOSCRIBE_DATA", Path(__file__).parents[2] / "shared" / "data"))
    path = root / "dmid_reports" / "dmid_reports.csv"
    if not path.is_file():
        print(f"no {path.name} under the data root; set MAMMOSCRIBE_DATA")
        return 2
    scores, findings = measure(path), measure_findings(path)
    for score in scores:
        print(f"{score.field}: {score.accuracy:.4f} ({score.total - len(score.misses)} of {score.total}; bar {BAR})")
        for record in score.misses:
            print(f"  miss: {record} {score.field}")
    for found in (*findings, *measure_findings(path, new_words=True)):
        num_read, num_true = (sum(map(len, rows.values())) for rows in (found.read, found.true))
        which = "reports set aside" if len(found.true) == NUM_SET_ASIDE else "of them, in words of their own"
        print(f"{found.name}; {len(found.true)} {which} (bar {FINDINGS_BAR})")
        print(f"  precision {found.precision:.4f} ({found.interval_of(found.read)}), {found.right} of {num_read}")
        print(f"  recall    {found.recall:.4f} ({found.interval_of(found.true)}), {found.right} of {num_true}")
        flawless = len(found.true) - len({record for record, _, _ in found.faults})
        interval = clopper_pearson(flawless, len(found.true))
        print(f"  reports without a fault: {flawless} of {len(found.true)} ({interval})")
        for record, fault, row in found.faults:
            print(f"  {fault}: {record} {' '.join(w for w in row if w)}")
    below = [s for s in scores if s.accuracy < BAR] or [
        f for f in findings if min(f.precision, f.recall) < FINDINGS_BAR
    ]
    return 1 if below else 0


if __name__ == "__main__":
    sys.exit(main())
