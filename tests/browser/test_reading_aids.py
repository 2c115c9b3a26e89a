"""Print, forced colours and contrast: that the page can be read by everybody and on paper."""

import numpy as np
import pytest

from mammoscribe.domain.view import Origin
from tests.browser.pages import rect, write
from tests.exports.samples import one_film, pictures, two_findings_with_prior

pytestmark = pytest.mark.html

# Contrast of every text with what lies behind it (WCAG 2.1, 1.4.3): the nearest opaque background of its ancestors.
LOW_CONTRAST = """(() => {
  const parse = (c) => (c.match(/[\\d.]+/g) || []).map(Number);
  const light = ([r, g, b]) => [r, g, b].map((v) => (v /= 255) <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
    .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
  const behind = (e) => {
    for (; e; e = e.parentElement) {
      const c = parse(getComputedStyle(e).backgroundColor);
      if (c.length === 3 || c[3] === 1) return c;
    }
    return [255, 255, 255];
  };
  const found = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    const e = node.parentElement;
    if (!node.textContent.trim() || e.closest("script, style, .tag, dialog") || !e.checkVisibility()) continue;
    const [a, b] = [light(parse(getComputedStyle(e).color)), light(behind(e))].sort((x, y) => y - x);
    if ((a + 0.05) / (b + 0.05) < 4.5) found.push(`${node.textContent.trim().slice(0, 40)} ${((a + 0.05) / (b + 0.05)).toFixed(2)}`);
  }
  return found;
})()"""


@pytest.fixture(autouse=True)
def _on_screen_again(browser):
    yield
    browser.media()


@pytest.mark.parametrize("medium", ["screen", "print"])
@pytest.mark.parametrize("make", [two_findings_with_prior, one_film])
def test_every_text_has_enough_contrast(browser, tmp_path, make, medium):
    report = make()
    browser.open(write(tmp_path / "page.html", report, pictures(report), truth=report.findings))
    browser.media(medium)
    browser.value("document.querySelectorAll('details').forEach(d => { d.open = true; })")
    assert browser.value(LOW_CONTRAST) == []


def test_a_synthetic_page_says_so_in_large_letters_on_screen_and_paper(browser, page):
    for medium, least in (("screen", 20), ("print", 30)):
        browser.open(page)
        browser.media(medium)
        assert browser.value("document.querySelector('.banner').checkVisibility()")
        assert float(browser.value("parseFloat(getComputedStyle(document.querySelector('.banner')).fontSize)")) >= least
    browser.open(page, 390, 844)
    banner = rect(browser, ".banner")
    assert banner["top"] >= 0
    assert banner["height"] > 15


def test_a_page_of_an_acquired_exam_is_not_called_synthetic(browser, tmp_path):
    report = two_findings_with_prior(origin=Origin.ACQUIRED)
    browser.open(write(tmp_path / "page.html", report, pictures(report)))
    assert browser.value("document.querySelector('.banner')") is None


def test_on_paper_pictures_warnings_and_provenance_are_there_and_tools_are_not(browser, page):
    browser.open(page, 794, 1123)
    browser.media("print")
    browser.value("dispatchEvent(new Event('beforeprint'))")
    assert rect(browser, ".current .stage img")["height"] > 150
    assert rect(browser, ".crop img")["height"] > 100
    for selector, there in ((".warnings li", True), (".provenance dd", True), (".tools", False), (".hint", False)):
        assert browser.value(f"document.querySelector('{selector}').checkVisibility()") is there, selector
    assert browser.value("document.documentElement.scrollWidth <= innerWidth")


def test_in_forced_colours_pictures_keep_theirs_and_what_is_lit_is_outlined(browser, page):
    browser.open(page, 1440, 2000)
    usual = browser.picture()
    pane = rect(browser, "[data-key=RCC].current .picture")
    inside = (slice(round(pane["top"]), round(pane["bottom"])), slice(round(pane["left"]), round(pane["right"])))
    browser.media(forced_colors="active")
    assert np.abs(browser.picture()[inside].astype(int) - usual[inside]).mean() < 1
    browser.click("#sentence-4 .words")
    style = browser.value("getComputedStyle(document.getElementById('sentence-4')).outlineStyle")
    assert style == "solid"


def test_focus_goes_through_views_then_assessment_then_sentences(browser, page):
    browser.open(page)
    order = browser.value(
        """[...document.querySelectorAll('a[href], button, input, summary, [tabindex]')]
             .filter(e => e.tabIndex >= 0 && e.checkVisibility() && !e.closest('dialog'))
             .map(e => e.closest('.views') ? 'views' : e.matches('.assessment') ? 'assessment' : e.matches('.s') ? 'sentence' : '')"""
    )
    seen = [name for name in dict.fromkeys(order) if name]
    assert seen == ["views", "assessment", "sentence"]
    assert browser.value("document.querySelectorAll('[tabindex]').length") == sum(
        1 for t in browser.value("[...document.querySelectorAll('[tabindex]')].map(e => e.tabIndex)") if t in (0, -1)
    )


def test_every_control_has_a_name(browser, page):
    browser.open(page)
    nodes = browser.call("Accessibility.getFullAXTree")["nodes"]
    controls = [
        n for n in nodes if n.get("role", {}).get("value") in ("button", "checkbox", "slider", "link", "dialog")
    ]
    assert len(controls) > 15
    assert [n for n in controls if not n.get("name", {}).get("value")] == []
