"""Random fact tables by number: the same each time, another for another seed, and valid."""

import pytest

from mammoscribe.training.decoder.fact_tables import RandomTables


def test_a_table_depends_on_seed_and_number_alone():
    tables = RandomTables(3, 40)
    assert tables[7] == RandomTables(3, 1000)[7] != tables[8]
    assert tables[7] != RandomTables(4, 40)[7]
    assert [t.exam.id for t in tables[5:8]] == ["table-5", "table-6", "table-7"]


def test_tables_differ_in_views_priors_and_findings():
    tables = list(RandomTables(0, 60, max_findings=2))
    assert {len(t.findings) for t in tables} == {0, 1, 2}
    assert {bool(t.exam.prior) for t in tables} == {True, False}
    assert {len(t.exam.current) for t in tables} >= {2, 4}


def test_there_is_no_table_beyond_the_last():
    with pytest.raises(IndexError):
        RandomTables(0, 3)[3]
