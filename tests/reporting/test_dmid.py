"""The parser on real reports: the benchmark's own measure, held to its bar."""

import pytest

from benchmarks.dmid_parser import BAR, Score, measure


@pytest.mark.real
def test_categories_and_densities_of_real_reports_are_read(data_root):
    """Label of a report with several categories: the most severe; blank density labels are not scored."""
    path = data_root / "dmid_reports" / "dmid_reports.csv"
    if not path.is_file():
        pytest.skip("DMID reports not present")
    scores = measure(path)
    assert [s.total for s in scores] == [414, 378, 408]
    for score in scores:
        assert score.accuracy >= BAR, (score.field, score.misses)


def test_accuracy_counts_misses():
    assert Score("birads", 4, ("a",)).accuracy == 0.75
    assert Score("birads", 0, ()).accuracy == 0.0
