"""Reports of drawn exams as a lab would have them: one text per exam, without a box or a place in millimetres.

The sentences are written here, not by the package's own writer, so that what teaches is what its parser understands of
somebody else's words. Kinds that a breast does not show are denied, as most reports do; the category is that of the truth.
With the files that it writes, a reader can be trained on reports alone and compared with one trained on boxes:

    mammoscribe phantom --exams 1000 --seed 30000000 --out runs/phantoms
    python benchmarks/phantom_reports.py runs/phantoms     # writes reports.csv and reports.toml into that folder
    mammoscribe data ingest runs/phantoms/reports.toml --out runs/reports-catalogue

`benchmarks/README.md` has the rest of the commands.
"""

import argparse
import csv
import io
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from mammoscribe.data.manifest import read_manifest
from mammoscribe.domain.finding import FindingType
from mammoscribe.domain.view import Laterality
from mammoscribe.support.errors import MammoscribeError
from mammoscribe.support.files import write_text

TOML = """name = "phantom-reports"
kind = "mammo-exam"
language = "en"
licence = "synthetic exams of mammoscribe"
root = "."
manifest = "manifest.csv"
reports = "reports.csv"
report_exam = "exam_id"
report_text = "report"
reports_teach = true
"""
NOUNS = {
    FindingType.MASS: ("a mass", "masses"),
    FindingType.CALCIFICATION: ("calcifications", "calcifications"),
    FindingType.DISTORTION: ("an architectural distortion", "architectural distortion"),
    FindingType.ASYMMETRY: ("an asymmetry", "asymmetry"),
}
"""How a kind is stated and denied."""
STATED = (
    "The {side} breast shows {noun}.",
    "Seen in the {side} breast: {noun}.",
    "In the {side} breast we see {noun}.",
)
DENSITY = {
    "a": "almost entirely fatty", "b": "scattered areas of fibroglandular density", "c": "heterogeneously dense",
    "d": "extremely dense",
}  # fmt: skip


def report_of(truth: Mapping, seed: int) -> str:
    """The report of one exam from its truth.json."""
    lines = [_density(b["laterality"], b["density"]) for b in truth["breasts"]]
    for side in Laterality:
        shown = {FindingType(f["type"]) for f in truth["findings"] if f["laterality"] == side}
        lines += _findings(side, shown, seed)
    categories = [f"{Laterality(b['laterality']).word} breast: BI-RADS {b['birads']}." for b in truth["breasts"]]
    return "FINDINGS: " + " ".join(lines) + "\nIMPRESSION: " + " ".join(c[0].upper() + c[1:] for c in categories)


def _density(side: str, letter: str) -> str:
    return f"The {Laterality(side).word} breast: {DENSITY[letter]} (ACR {letter})."


def _findings(side: Laterality, shown: set[FindingType], seed: int) -> Iterator[str]:
    for kind in FindingType:
        stated, denied = NOUNS[kind]
        if kind in shown:
            yield STATED[(seed + len(stated)) % len(STATED)].format(side=side.word, noun=stated)
        else:
            yield f"No {denied} in the {side.word} breast."


def rows_of(folder: Path) -> Iterator[Sequence[str]]:
    """(exam id, report) of every exam that `mammoscribe phantom` wrote to `folder`."""
    exams = dict.fromkeys(row.exam_id for row in read_manifest(folder / "manifest.csv"))
    for number, exam in enumerate(exams):
        truth = folder / exam / "truth.json"
        if truth.is_file():
            yield exam, report_of(json.loads(truth.read_text(encoding="utf-8")), number)


def main() -> int:
    """Write reports.csv and reports.toml beside the manifest; 2 when there are no drawn exams."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="what `mammoscribe phantom --out` wrote")
    folder = parser.parse_args().folder
    try:
        rows = list(rows_of(folder))
    except (MammoscribeError, OSError) as error:
        print(error)
        return 2
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\n").writerows([("exam_id", "report"), *rows])
    write_text(folder / "reports.csv", text.getvalue())
    print(f"{write_text(folder / 'reports.toml', TOML)}: {len(rows)} reports")
    return 0


if __name__ == "__main__":
    sys.exit(main())
