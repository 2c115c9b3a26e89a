import pytest

from tests.browser.pages import lit, rect, write
from tests.exports.samples import one_film, pictures

pytestmark = pytest.mark.html


def shown(browser, selector: str) -> bool:
    return browser.value(f"document.querySelector({selector!r}).checkVisibility()")


def test_arrows_go_from_finding_to_finding_and_round(browser, page):
    browser.open(page)
    for key, finding in (("ArrowRight", "1"), ("ArrowRight", "2"), ("ArrowRight", "1"), ("ArrowLeft", "2")):
        browser.press(key)
        assert set(lit(browser, ".mark")) == {finding}
        card, column = rect(browser, f"#finding-{finding}"), rect(browser, "#report")
        assert card["top"] < column["bottom"]
        assert card["bottom"] > column["top"], "the card is in sight"
    assert browser.value("document.getElementById('status').textContent") == "f2, calcifications (2 of 2)"


def test_the_arrow_left_starts_from_the_last_finding(browser, page):
    browser.open(page)
    browser.press("ArrowLeft")
    assert lit(browser, ".mark") == ["2"]


@pytest.mark.parametrize(
    ("key", "box", "selector", "before"),
    [("m", "show-marks", ".mark", True), ("w", "show-weak", ".weak", False),
     ("p", "show-priors", ".pane.prior", True), ("t", "show-truth", "rect.truth", False)],
)  # fmt: skip
def test_a_letter_switches_what_it_names(browser, page, key, box, selector, before):
    browser.open(page)
    assert shown(browser, selector) is before
    browser.press(key)
    assert shown(browser, selector) is not before
    assert browser.value(f"document.getElementById('{box}').checked") is not before
    browser.press(key)
    assert shown(browser, selector) is before


def test_marks_switched_off_leave_the_truth(browser, page):
    browser.open(page)
    browser.press("t")
    browser.press("m")
    assert not shown(browser, ".mark")
    assert shown(browser, "rect.truth")
    assert shown(browser, ".truth-list")


def test_i_inverts_the_pictures_and_the_crops(browser, page):
    browser.open(page)
    dark = browser.picture().mean()
    browser.press("i")
    assert browser.picture().mean() > dark + 20
    for image in (".stage img", ".held img"):
        assert "invert(1)" in browser.value(f"getComputedStyle(document.querySelector('{image}')).filter")


def test_1_shows_one_stored_pixel_on_one_screen_pixel_and_0_fits_again(browser, page):
    browser.open(page)
    fitted = rect(browser, ".current .stage")
    browser.press("1")
    for pane in ("RCC", "LCC", "RMLO", "LMLO"):
        assert rect(browser, f".current[data-key={pane}] .stage")["width"] == pytest.approx(900, abs=0.5)
    assert "One stored pixel on one screen pixel" in browser.value("document.getElementById('status').textContent")
    assert "reduced" in browser.value("document.getElementById('status').textContent")  # the pictures are halved
    browser.press("0")
    assert rect(browser, ".current .stage") == pytest.approx(fitted)


def test_1_keeps_the_mark_that_is_lit_in_the_middle(browser, page):
    browser.open(page)
    browser.press("ArrowRight")
    browser.press("1")
    mark, pane = rect(browser, ".mark[data-f='1']"), rect(browser, ".current.side-R .picture")
    for start, stop in (("left", "right"), ("top", "bottom")):
        assert mark[start] + mark[stop] == pytest.approx(pane[start] + pane[stop], abs=2)


def test_a_finding_out_of_sight_in_a_zoomed_view_comes_into_sight(browser, page):
    browser.open(page)
    browser.press("1")
    browser.drag(".current.side-R .picture", 120, 260)
    browser.drag(".current.side-R .picture", 60, 260)
    mark, pane = rect(browser, ".mark[data-f='1']"), rect(browser, ".current.side-R .picture")
    assert mark["top"] > pane["bottom"]
    browser.press("ArrowRight")
    mark = rect(browser, ".mark[data-f='1']")
    assert pane["top"] <= mark["top"] < mark["bottom"] <= pane["bottom"]


def test_the_question_mark_lists_the_keys_and_escape_closes_the_list(browser, page):
    browser.open(page)
    browser.press("?")
    assert browser.value("document.getElementById('help').open")
    told = browser.value("[...document.querySelectorAll('#help kbd')].map(k => k.textContent)")
    assert {"m", "w", "p", "t", "i", "1", "0", "?"} <= set(told)
    browser.press("i")
    assert not browser.value("document.getElementById('invert').checked"), "no key acts behind the list"
    browser.press("Escape")
    assert not browser.value("document.getElementById('help').open")
    browser.click("#help-open")
    assert browser.value("document.getElementById('help').open")


def test_arrows_on_a_slider_move_the_slider(browser, page):
    browser.open(page)
    browser.value("document.getElementById('brightness').focus()")
    browser.press("ArrowRight")
    assert browser.value("document.getElementById('brightness').value") != "1"
    assert lit(browser, ".mark") == []


def test_keys_without_a_use_on_this_page_do_nothing(browser, tmp_path):
    report = one_film()
    browser.open(write(tmp_path / "film.html", report, pictures(report)))
    for key in ("ArrowRight", "w", "p", "t", "1", "0"):
        browser.press(key)
    assert browser.problems == []
