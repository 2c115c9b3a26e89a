"""The RSNA export against what the reader of training finds in it."""

from collections import Counter
from pathlib import Path

import pytest

from mammoscribe.data.counts import tally_for
from mammoscribe.data.dataset import Fault
from mammoscribe.data.datasets.rsna import RSNA
from mammoscribe.data.rsna import read_rsna


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
def test_records_say_what_the_exams_of_training_say(data_root: Path) -> None:
    root = data_root / "rsna_512"
    found = {r.id: r for r in RSNA.edition_in(root).read(root) if not isinstance(r, Fault)}
    for exam in read_rsna(root):
        record = found.pop(exam.patient_id)
        assert record.split == exam.split
        assert {root / v.path for v in record.images} == {i.path for i in exam.images if i.view is not None}
        for breast in exam.breasts:
            said = record.breasts[breast.laterality]
            assert (said["cancer"] == "1", said.get("density")) == (breast.cancer, breast.density)
    assert not found
