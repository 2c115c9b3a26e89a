from dataclasses import replace

import pytest

from tests.browser.pages import lit, rect, write
from tests.exports.samples import HEIGHT_PX, pictures, two_findings_with_prior

pytestmark = pytest.mark.html

SELECTED = "getSelection().toString()"


def test_a_view_and_its_prior_zoom_and_move_together_and_no_other_view_does(browser, page):
    browser.open(page)
    before = {k: rect(browser, f"[data-key={k}].{r} .stage") for k, r in (("RCC", "prior"), ("LCC", "current"))}
    browser.wheel("[data-key=RCC].current .picture", -500)
    current, prior = (rect(browser, f"[data-key=RCC].{r} .stage") for r in ("current", "prior"))
    assert current["width"] > 1.5 * before["RCC"]["width"]
    assert prior["width"] == pytest.approx(current["width"])
    browser.drag("[data-key=RCC].prior .picture", 25, 40)
    moved, prior = (rect(browser, f"[data-key=RCC].{r} .stage") for r in ("current", "prior"))
    assert (moved["left"] - current["left"], moved["top"] - current["top"]) == pytest.approx((25, 40), abs=0.6)
    apart = (
        rect(browser, "[data-key=RCC].current .picture")["left"]
        - rect(browser, "[data-key=RCC].prior .picture")["left"]
    )
    assert moved["left"] - prior["left"] == pytest.approx(apart, abs=0.6)
    assert rect(browser, "[data-key=LCC].current .stage") == pytest.approx(before["LCC"])


def test_double_click_and_drag_select_no_text(browser, page):
    browser.open(page)
    browser.drag("[data-key=RCC].current .picture", 300, 200)
    assert browser.value(SELECTED) == ""
    browser.press("0")
    browser.double_click("[data-key=RMLO].current .picture")
    assert browser.value(SELECTED) == ""
    assert browser.value("document.querySelector('.hanging').classList.contains('solo')")


def test_an_enlarged_view_brings_its_prior_beside_it(browser, page):
    browser.open(page)
    browser.double_click("[data-key=LCC].current .picture")
    panes = "[...document.querySelectorAll('.pane')].filter(p => p.checkVisibility()).map(p => p.dataset.key + p.className.split(' ')[3])"
    assert browser.value(panes) == ["LCCcurrent", "LCCprior"]
    current, prior = (rect(browser, f"[data-key=LCC].{r}") for r in ("current", "prior"))
    assert current["right"] < prior["right"]
    assert prior["top"] == current["top"]
    browser.press("p")
    assert browser.value(panes) == ["LCCcurrent"]
    browser.press("Escape")
    assert len(browser.value(panes)) == 4


def test_a_drag_that_holds_a_mark_moves_the_view_and_does_not_pin_it(browser, page):
    browser.open(page)
    before = rect(browser, ".mark[data-f='1']")
    browser.drag(".mark[data-f='1']", 30, 20)
    assert rect(browser, ".mark[data-f='1']")["left"] == pytest.approx(before["left"] + 30, abs=0.6)
    assert browser.value("document.querySelectorAll('.pinned').length") == 0
    browser.click(".mark[data-f='1']")
    assert browser.value("document.querySelectorAll('.pinned').length") == 1


@pytest.mark.parametrize("clicks", [0, 1, 4])
def test_the_scale_bar_is_as_long_as_it_says_at_every_zoom(browser, page, clicks):
    browser.open(page)
    for _ in range(clicks):
        browser.wheel("[data-key=LCC].current .picture", -300)
    bar, stage = rect(browser, "[data-key=LCC].current .bar"), rect(browser, "[data-key=LCC].current .stage")
    millimetres = float(
        browser.value("document.querySelector('[data-key=LCC].current .bar span').textContent").split()[0]
    )
    per_mm = stage["height"] / (HEIGHT_PX * 0.2)  # the sample's pixels are 0.2 mm high
    assert bar["width"] == pytest.approx(millimetres * per_mm, abs=0.6)
    assert bar["width"] < rect(browser, "[data-key=LCC].current")["width"] / 2


@pytest.mark.parametrize(("width", "height"), [(1920, 1080), (1366, 768), (768, 1024), (390, 844)])
def test_captions_bars_and_feet_lie_outside_the_pictures(browser, page, width, height):
    browser.open(page, width, height)
    boxes = browser.value(
        """[...document.querySelectorAll('.pane')].filter(p => p.checkVisibility()).map(p => {
             const r = (e) => { const b = e.getBoundingClientRect(); return [b.top, b.bottom]; };
             return [r(p.querySelector('figcaption')), r(p.querySelector('.clip')), r(p.querySelector('.bar'))];
           })"""
    )
    assert boxes
    for caption, clip, bar in boxes:
        assert caption[1] <= clip[0] + 0.5
        assert bar[0] >= clip[1] - 0.5
        assert clip[1] - clip[0] > 60


def test_pictures_of_one_row_are_level_whatever_their_captions_say(browser, tmp_path):
    report = two_findings_with_prior()
    images = pictures(report)
    images["R_CC"] = replace(images["R_CC"], mirrored=True)
    browser.open(write(tmp_path / "page.html", report, images), 1220, 768)
    edges = browser.value(
        """[...document.querySelectorAll('.pane.proj-CC')].map(p => {
             const b = p.querySelector('.picture').getBoundingClientRect();
             return [p.querySelector('figcaption').textContent.length, Math.round(b.top), Math.round(b.bottom)];
           })"""
    )
    assert len({length for length, _, _ in edges}) > 1
    assert len({(top, bottom) for _, top, bottom in edges}) == 1


def test_the_assessment_lights_every_mark_it_rests_on(browser, page):
    browser.open(page, 1440, 2000)
    browser.hover(".assessment .wording")
    assert sorted(lit(browser, ".mark")) == ["1", "1", "2"]
    assert browser.value("document.querySelectorAll('#wires path').length") == 3


def test_a_crop_opens_enlarged_with_its_box_and_bar_and_escape_closes_it(browser, page):
    browser.open(page, 1440, 1200)
    browser.value("document.querySelector('.cards').scrollIntoView()")
    assert browser.value("document.querySelector('.crop .ratio').textContent") == ", 1:1"
    assert rect(browser, ".crop .held img")["width"] == pytest.approx(300, abs=0.5)
    browser.click(".crop .closer")
    assert browser.value("document.getElementById('closeup').open")
    assert (
        browser.value("document.querySelector('.closeup-words').textContent")
        == "R CC 300 x 260 stored pixels, 60 x 52 mm, 4:1"
    )
    image, box = rect(browser, "#closeup img"), rect(browser, "#closeup .outline rect")
    assert image["width"] == pytest.approx(1200, abs=0.5)
    assert box["width"] == pytest.approx(70 * 4, abs=1.5)
    assert rect(browser, "#closeup .crop-bar")["width"] == pytest.approx(20 / 60 * 1200, abs=1)
    browser.press("-")
    assert rect(browser, "#closeup img")["width"] == pytest.approx(900, abs=0.5)
    browser.press("ArrowRight")
    assert browser.value("document.querySelector('.closeup-words').textContent").startswith("R MLO")
    browser.press("Escape")
    assert not browser.value("document.getElementById('closeup').open")
    assert lit(browser, "*") == []


def test_a_crop_with_too_little_room_says_how_small_it_is_drawn(browser, page):
    browser.open(page, 300, 844)
    ratio = rect(browser, ".crop .held")["width"] / 300
    assert ratio < 0.9
    assert browser.value("document.querySelector('.crop .ratio').textContent") == f", drawn at {round(100 * ratio)}%"


@pytest.mark.parametrize("target", ["#sentence-4 .words", ".mark[data-f='1']"])
def test_on_a_phone_a_tap_keeps_picture_and_sentence_in_sight(browser, page, target):
    browser.open(page, 390, 844, touch=True)
    browser.value("document.getElementById('sentence-4').scrollIntoView()")
    if target.startswith(".mark"):
        browser.value("document.getElementById('report').scrollTo(0, 1e6)")
    browser.tap(target)
    assert "sentence-4" in lit(browser, ".s")
    assert set(lit(browser, ".mark")) == {"1"}
    sentence, column = rect(browser, ".s.lit"), rect(browser, "#report")
    assert column["top"] <= sentence["top"] < sentence["bottom"] <= min(column["bottom"], 844)
    mark = rect(browser, ".mark.lit")
    assert 0 < mark["top"] < mark["bottom"] < column["top"], "the picture with its mark is above the report"
    assert rect(browser, ".notice")["top"] >= 0


def test_on_a_phone_the_page_itself_does_not_scroll(browser, page):
    browser.open(page, 390, 844, touch=True)
    assert browser.value("document.documentElement.scrollHeight <= innerHeight")
    assert browser.value("document.documentElement.scrollWidth <= innerWidth")
