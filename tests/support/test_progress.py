"""A bar for what takes long: every item once, shown by one process."""

import pytest

from mammoscribe.support.progress import counted


@pytest.mark.parametrize(("rank", "shown"), [(None, True), ("0", True), ("1", False)])
def test_every_item_comes_once_and_the_first_process_alone_shows_how_far_it_is(monkeypatch, capsys, rank, shown):
    monkeypatch.delenv("RANK", raising=False)
    if rank is not None:
        monkeypatch.setenv("RANK", rank)
    assert list(counted(iter("abc"), 3, "reading letters")) == ["a", "b", "c"]
    printed = capsys.readouterr()
    assert ("reading letters" in printed.err and "3/3" in printed.err) == shown and not printed.out
