"""card.html in a browser: charts and pictures are drawn, nothing is fetched, and a phone can show it."""

import io

import numpy as np
import pytest
from PIL import Image

from mammoscribe.evaluation.card_page import Case, CaseBox, CasePicture, Chart, Page, Section, Table
from mammoscribe.evaluation.card_writers import page_html
from mammoscribe.evaluation.comparison import Line, entry
from mammoscribe.evaluation.reader_card.measures import Measure
from mammoscribe.support.charts import UNIT, Bar, interval_chart, line_chart

pytestmark = pytest.mark.html


@pytest.fixture(scope="module")
def card(tmp_path_factory):
    """URL of a card with one of everything; a name in it would be a tag if it were not escaped."""
    stream = io.BytesIO()
    Image.fromarray(np.tile(np.arange(120, dtype=np.uint8), (200, 1))).save(stream, "JPEG")
    picture = CasePicture("R_CC", stream.getvalue(), 120, 200, (CaseBox((20, 30, 60, 90), "truth"),))
    draws = np.random.default_rng(0).normal(0.8, 0.02, 200)
    line = Line(Measure("malignant breast: AUC", "Malignancy", "breasts", 80, 14), (entry(0.8, draws, 80, 14),))
    charts = (
        Chart("ROC curve", line_chart("ROC curve", "x", {"<b>m</b>": [(0, 0), (1, 1)]}, UNIT), "caption"),
        Chart("Groups", interval_chart("Groups", "AUC", [Bar(0.7, 0.6, 0.8, name="a & b")]), "caption"),
    )
    sections = (
        Section(
            "Malignancy", "text", (line,), (Table(("label", "a", "none"), (("a", "3", "1"),), counts=True),), charts
        ),
        Section("Worst misses", cases=(Case("e1, right breast", (picture, picture)),)),
    )
    path = tmp_path_factory.mktemp("card") / "card.html"
    path.write_text(page_html(Page("Card", ("<b>m</b>",), ("intro",), ("note",), sections)), encoding="utf-8")
    return path.as_uri()


@pytest.mark.parametrize("width", [1300, 390])
def test_the_page_is_whole_and_fits(browser, card, width):
    browser.open(card, width=width, touch=width < 500)
    assert browser.problems == []
    assert browser.value("document.documentElement.scrollWidth") <= width
    assert browser.value("document.querySelectorAll('.charts svg').length") == 2
    boxes = "[...document.querySelectorAll('.view svg')].map(s => s.getBoundingClientRect().width)"
    assert min(browser.value(boxes)) > 100
    assert browser.value("document.querySelector('b')") is None


def test_a_picture_and_its_box_are_painted(browser, card):
    browser.open(card)
    browser.value("document.querySelector('.case').scrollIntoView()")
    shown = browser.picture().astype(int)
    green = (shown[..., 1] > 180) & (shown[..., 0] < 120) & (shown[..., 2] < 150)
    assert green.sum() > 100
