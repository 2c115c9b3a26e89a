"""Rows and names on disk: the same as in memory, and gone afterwards."""

import tracemalloc

from hypothesis import given
from hypothesis import strategies as st

from mammoscribe.data.formats.spool import DiskSet, Spool
from mammoscribe.data.formats.tables import Row

TEXT = st.text(max_size=4)


@given(st.lists(st.tuples(TEXT, st.dictionaries(TEXT, TEXT, max_size=2)), max_size=20))
def test_groups_come_back_in_order_of_first_sight_with_their_rows_in_order(pairs):
    rows = [(group, Row("t.csv", line, fields)) for line, (group, fields) in enumerate(pairs)]
    with Spool() as spool:
        for group, row in rows:
            spool.add_one(group, row)
        found = list(spool.groups())
        assert [name for name, _ in found] == list(dict.fromkeys(group for group, _ in rows))
        for name, members in found:
            assert members == [row for group, row in rows if group == name] == spool.rows_of(name)
        assert spool.rows_of("none of them") == []


@given(st.lists(TEXT))
def test_a_set_on_disk_is_a_set(names):
    seen, found = DiskSet(), set()
    for name in names:
        assert seen.add(name) is (name not in found)
        found.add(name)
    assert len(seen) == len(found)


def test_memory_does_not_grow_with_the_rows_and_nothing_is_left_in_the_temporary_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("SQLITE_TMPDIR", str(tmp_path))

    def peak(count):
        tracemalloc.start()
        with Spool() as spool:
            for n in range(count):
                spool.add_one(str(n % 1000 + n // 2000), Row("t", n, {"a": "b" * 50}))
            assert sum(len(rows) for _, rows in spool.groups()) == count
        return tracemalloc.get_traced_memory()[1], tracemalloc.stop()

    assert peak(20_000)[0] < 2 * peak(2_000)[0] + 200_000
    assert not list(tmp_path.iterdir())
