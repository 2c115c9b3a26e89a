"""Counting: rows left out on purpose are no faults, and a line may stand for many."""

from mammoscribe.data.counts import Tally
from mammoscribe.data.dataset import Fault
from mammoscribe.support.errors import InputError, NotAMammogram, SetAside


def test_what_is_left_out_on_purpose_is_counted_apart_from_what_is_wrong(tmp_path):
    tally = Tally(tmp_path)
    for fault in (
        Fault("a", SetAside("12 citations have no abstract", "an abstract"), 12),
        Fault("b", NotAMammogram("a spot view", "CC or MLO")),
        Fault("c", InputError("no id", "an id")),
    ):
        tally.add(fault)
    assert dict(tally.counts) == {"set_aside": 13, "faults": 1}
    assert [fault.where for fault in tally.faults] == ["c"]
