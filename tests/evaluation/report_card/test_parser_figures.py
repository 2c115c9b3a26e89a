"""How well the parser reads, on the card: what its benchmark prints, with its command, on what it was measured and intervals."""

import tomllib

import pytest

from benchmarks.dmid_parser import measure_findings
from mammoscribe.evaluation.card_writers import page_markdown
from mammoscribe.evaluation.report_card.card import make_card
from mammoscribe.evaluation.report_card.card_files import card_json, card_page
from mammoscribe.evaluation.report_card.pairs import ReportPairs
from mammoscribe.evaluation.report_card.parser_figures import FILE

TEXTS = ("Right breast: oval mass. BI-RADS 4 right. ACR B.", "No mass in either breast. BI-RADS 1. ACR B.")


@pytest.mark.real
def test_the_figures_are_those_that_the_benchmark_prints(data_root):
    path = data_root / "dmid_reports" / "dmid_reports.csv"
    if not path.is_file():
        pytest.skip("DMID reports not present")
    noted = tomllib.loads(FILE.read_text())
    assert noted["command"] == "python benchmarks/dmid_parser.py"
    for own, score in zip(noted["figure"], measure_findings(path), strict=True):
        read, true = (sum(map(len, rows.values())) for rows in (score.read, score.true))
        assert (own["name"], own["right"], own["read"], own["true"]) == (score.name, score.right, read, true)
        for name, counted in (("precision", score.read), ("recall", score.true)):
            ends = score.interval_of(counted)
            assert own[name] == [round(ends.low, 3), round(ends.high, 3)]


def test_every_card_of_reports_says_how_well_the_parser_reads_and_where_that_was_measured():
    pairs = ReportPairs(("a", "b"), ("a", "b"), TEXTS, TEXTS, True)
    card = make_card("reference", [("system", pairs)], 100)
    shown, noted = page_markdown(card_page(card)), tomllib.loads(FILE.read_text())
    assert "How well the parser reads" in shown
    assert all(word in shown for word in (noted["command"], noted["date"], noted["source"]))
    values = card_json(card)["parser"]
    for own, given in zip(noted["figure"], values["figures"], strict=True):
        assert given["precision"] == pytest.approx(own["right"] / own["read"])
        assert given["recall"] == pytest.approx(own["right"] / own["true"])
        assert f"{own['right']} of {own['read']} read" in shown
