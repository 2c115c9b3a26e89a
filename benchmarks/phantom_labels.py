"""A label table of drawn exams, for `mammoscribe features`: one row per current view, with its prior where there is one.

Presence of every finding type in the view, and `<type>_change` where exactly one finding of the type is in a view with a
prior: decreased is improving, new or increased is worsening. Folds of the patient decide the split: 0 test, 1 val.

    python benchmarks/phantom_labels.py runs/phantoms          # writes runs/phantoms/labels.csv
"""

import argparse
import csv
import io
import json
import sys
from collections.abc import Iterator
from pathlib import Path

from mammoscribe.data.folds import fold
from mammoscribe.data.manifest import ManifestRow, read_manifest
from mammoscribe.domain.finding import FindingType
from mammoscribe.domain.view import Laterality, Projection, Role, standard_view_id
from mammoscribe.support.errors import MammoscribeError
from mammoscribe.support.files import write_text

SPLITS = {0: "test", 1: "val"}
CHANGES = {"decreased": "improving", "stable": "stable", "new": "worsening", "increased": "worsening"}


def rows_of(folder: Path) -> Iterator[dict[str, str]]:
    """Rows of every current view that `mammoscribe phantom` wrote to `folder`."""
    exams: dict[str, list[ManifestRow]] = {}
    for row in read_manifest(folder / "manifest.csv"):
        exams.setdefault(row.exam_id, []).append(row)
    for exam_id, views in exams.items():
        truth = json.loads((folder / exam_id / "truth.json").read_text(encoding="utf-8"))
        priors = {(v.laterality, v.view): v.path for v in views if v.role is Role.PRIOR}
        for view in views:
            if view.role is Role.CURRENT:
                yield _row(view, priors.get((view.laterality, view.view), ""), truth["findings"])


def _row(view: ManifestRow, prior: str, findings: list[dict]) -> dict[str, str]:
    name = standard_view_id(Laterality(view.laterality), Projection(view.view))
    row = {
        "path": view.path, "prior_path": prior, "split": SPLITS.get(fold(view.patient_id), "train"),
        "patient_id": view.patient_id,
    }  # fmt: skip
    for kind in FindingType:
        own = [f for f in findings if f["type"] == kind and any(m["view"] == name for m in f["marks"])]
        change = CHANGES.get(own[0]["change"] or "", "") if len(own) == 1 and prior else ""
        row |= {kind.value: str(int(bool(own))), f"{kind.value}_change": change}
    return row


def main() -> int:
    """Write labels.csv beside the manifest; 2 when there are no drawn exams."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="what `mammoscribe phantom --out` wrote")
    folder = parser.parse_args().folder
    try:
        rows = list(rows_of(folder))
    except (MammoscribeError, OSError) as error:
        print(error)
        return 2
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    print(f"{write_text(folder / 'labels.csv', text.getvalue())}: {len(rows)} views")
    return 0


if __name__ == "__main__":
    sys.exit(main())
