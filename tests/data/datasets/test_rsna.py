"""The RSNA export: read whole, and its labels where its table has them."""

import csv
from collections import Counter
from pathlib import Path

import pytest

from mammoscribe.data.counts import tally_for
from mammoscribe.data.dataset import Fault
from mammoscribe.data.datasets.rsna import RSNA
from mammoscribe.domain.view import Laterality


@pytest.mark.real
def test_the_export_is_read_whole(data_root: Path) -> None:
    root = data_root / "rsna_512"
    edition = RSNA.edition_in(root)
    tally = tally_for(edition, root)
    found = [item for item in tally.passing(edition.read(root)) if not isinstance(item, Fault)]
    names = ("records", "images", "files", "set_aside", "faults", "split:train", "split:val")
    assert [tally.counts[name] for name in names] == [674, 2365, 2365, 3, 0, 485, 189]
    breasts = [b for e in found for b in e.breasts.values()]
    assert Counter(b["cancer"] for b in breasts) == {"0": 680, "1": 343}
    assert {b.get("birads") for b in breasts if b["cancer"] == "1"} == {"0", None}


@pytest.mark.real
def test_records_say_what_the_rows_of_the_table_say(data_root: Path) -> None:
    root = data_root / "rsna_512"
    found = {r.id: r for r in RSNA.edition_in(root).read(root) if not isinstance(r, Fault)}
    with (root / "metadata.csv").open(newline="") as stream:
        rows = [row for row in csv.DictReader(stream) if row["view"] in ("CC", "MLO")]
    assert {r["patient_id"] for r in rows} == set(found)
    for row in rows:
        record = found[row["patient_id"]]
        assert record.split == row["split"]
        assert [v.projection for v in record.images if v.path == f"images/{row['file_name']}"] == [row["view"]]
        said = record.breasts[Laterality(row["laterality"])]
        assert (said["cancer"], said.get("density", "")) == (row["cancer"], row["density"].lower())
