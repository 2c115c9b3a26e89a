"""Comparisons and sections in real reports: `python benchmarks/report_texts.py [--data ../shared/data]`.

Prints, for the IU X-ray table (findings and impression) and the DMID reports, how many sentences compare with another exam,
how many deny something, what REWRITE makes of them, and which sections are found. No text is printed.

Read by hand on 2026-11-25, IU X-ray, sentences drawn at random with a fixed seed: of 70 sentences found to compare, 69 compare
and one recommends a comparison; of 30 others none compares; of 60 others that hold a word such as prior, change or increase, 2
compare and were missed, and the words they were missed by were added afterwards. Of 100 rewritten sentences 4 had lost a
further statement or were no sentence; the rules were tightened, and of the next 60 one was no sentence and one still compared
(both are covered by the rules now).
"""

import argparse
import csv
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from mammoscribe.data.comparisons import Comparisons, comparisons_in, is_negative, with_comparisons
from mammoscribe.data.report_sections import report_of
from mammoscribe.data.report_text import ReportText, Section
from mammoscribe.data.sentences import sentences


def iu_reports(root: Path) -> Iterable[ReportText]:
    """Findings and impression of the CSV edition."""
    with (root / "iu_xray_text" / "indiana_reports.csv").open(newline="", encoding="utf-8") as stream:
        for row in csv.DictReader(stream):
            said = {s: row[s.value] for s in (Section.FINDINGS, Section.IMPRESSION) if row[s.value].strip()}
            if said:
                yield ReportText("\n".join(said.values()), said)


def dmid_reports(root: Path) -> Iterable[ReportText]:
    """The free texts, split by their headings."""
    with (root / "dmid_reports" / "dmid_reports.csv").open(newline="", encoding="utf-8") as stream:
        for row in csv.DictReader(stream):
            if report := report_of(row["report"]):
                yield report


def figures(reports: Iterable[ReportText]) -> dict[str, object]:
    """Counts over all sections."""
    counts: Counter[str] = Counter()
    sections: Counter[str] = Counter()
    for report in reports:
        counts["reports"] += 1
        sections.update(str(s) for s in report.sections)
        for text in report.sections.values():
            said = sentences(text)
            counts["sentences"] += len(said)
            counts["comparing"] += sum(bool(comparisons_in(s)) for s in said)
            counts["negative"] += sum(is_negative(s) for s in said)
        edits = with_comparisons(report, Comparisons.REWRITE).edits
        counts["rewritten"] += sum(bool(e.after) for e in edits)
        counts["reports with a comparison"] += bool(edits)
    return {**counts, "sections": dict(sections)}


def main() -> None:
    """Print one line per dataset."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    root = parser.parse_args().data
    for name, reports in (("IU X-ray", iu_reports(root)), ("DMID", dmid_reports(root))):
        print(name, figures(reports))


if __name__ == "__main__":
    main()
