import io
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image, ImageOps
from scipy import ndimage

from mammoscribe.domain.view import Box
from tests.browser.pages import lit, write
from tests.exports.samples import one_film, pictures, png_of, two_findings_with_prior

pytestmark = pytest.mark.html

COLOURS = {"f1": (255, 180, 84), "f2": (92, 207, 255)}


def _white_squares(shown: np.ndarray) -> list[tuple[slice, slice]]:
    areas, _ = ndimage.label((shown >= 250).all(axis=-1))
    found = [where for i, where in enumerate(ndimage.find_objects(areas)) if (areas[where] == i + 1).sum() > 60]
    return sorted(found, key=lambda w: (w[0].start, w[1].start))


def _near(pixels: np.ndarray, colour: tuple[int, int, int]) -> np.ndarray:
    """Whether a pixel has the hue of the colour (lines are antialiased over white and grey)."""
    wanted = np.array(colour, float) - np.mean(colour)
    had = pixels - pixels.mean(axis=-1, keepdims=True)
    cosine = (had @ wanted) / (np.linalg.norm(wanted) * np.maximum(np.linalg.norm(had, axis=-1), 1e-6))
    return (cosine > 0.9) & (np.linalg.norm(had, axis=-1) > 25)


@pytest.mark.parametrize(("width", "height"), [(1440, 900), (1000, 800), (700, 1300)])
def test_every_box_lies_exactly_around_the_bright_square_it_marks(browser, page, width, height):
    browser.open(page, width, height)
    shown = browser.picture().astype(float)
    squares = _white_squares(shown)
    assert len(squares) == 3
    marked = [name for square in squares for name, colour in COLOURS.items() if _lined(shown, square, colour)]
    assert sorted(marked) == ["f1", "f1", "f2"]


def _lined(shown: np.ndarray, square: tuple[slice, slice], colour: tuple[int, int, int]) -> bool:
    """Whether a line of that colour runs along all four edges of a square."""
    rows, columns = square
    lines = [
        shown[rows.start - 2 : rows.start + 1, columns].transpose(1, 0, 2),
        shown[rows.stop - 1 : rows.stop + 2, columns].transpose(1, 0, 2),
        shown[rows, columns.start - 2 : columns.start + 1],
        shown[rows, columns.stop - 1 : columns.stop + 2],
    ]
    return all(_near(across, colour).any(axis=1).mean() > 0.9 for across in lines)


def test_a_mirrored_file_is_shown_as_if_it_had_been_stored_the_usual_way(browser, page, tmp_path):
    report = two_findings_with_prior()
    images = pictures(report)
    mass = report.findings[0]
    box = mass.marks[0].box
    turned = replace(mass.marks[0], box=Box(900 - box.x1, box.y0, 900 - box.x0, box.y1))
    other = replace(report, findings=(replace(mass, marks=(turned, mass.marks[1])), report.findings[1]))
    flipped = np.asarray(ImageOps.mirror(Image.open(io.BytesIO(images["R_CC"].png))))
    focus = images["R_CC"].focus
    images["R_CC"] = replace(
        images["R_CC"],
        png=png_of(flipped),
        mirrored=True,
        focus=Box(900 - focus.x1, focus.y0, 900 - focus.x0, focus.y1),
    )
    browser.open(write(tmp_path / "usual.html", report, pictures(report)), 1000, 800)
    usual = browser.picture().astype(int)
    browser.open(write(tmp_path / "mirrored.html", other, images), 1000, 800)
    top, bottom = browser.value(
        "(r => [r.top, r.bottom])(document.querySelector('.current.side-R .picture').getBoundingClientRect())"
    )
    rows = slice(round(top), round(bottom))  # the caption says that it is shown mirrored
    assert np.abs(usual[rows] - browser.picture()[rows]).mean() < 0.2


def test_chest_walls_are_back_to_back_and_priors_stand_outside(browser, page):
    browser.open(page)
    order = browser.value(
        "[...document.querySelectorAll('.pane')].map(p => [p.style.gridArea.split(' ')[0], p.getBoundingClientRect().x])"
    )
    left = dict(order)
    assert left["pRCC"] < left["RCC"] < left["LCC"] < left["pLCC"]
    edges = browser.value(
        "['R', 'L'].map(s => document.querySelector(`.current.side-${s} .stage`).getBoundingClientRect()).map(r => [r.left, r.right])"
    )
    assert 0 <= edges[1][0] - edges[0][1] < 5


def test_hovering_a_sentence_lights_its_marks_and_draws_lines_to_them(browser, page):
    browser.open(page, 1440, 2000)
    browser.hover("#sentence-4 .words")
    assert lit(browser, ".mark") == ["1", "1"]
    assert lit(browser, ".s") == ["sentence-4"]
    ends = browser.value("[...document.querySelectorAll('#wires path')].map(p => p.getAttribute('d'))")
    assert len(ends) == 2
    mark = browser.value(
        "(() => { const r = document.querySelector('.mark[data-f=\"1\"]').getBoundingClientRect(); return [r.right, (r.top + r.bottom) / 2]; })()"
    )
    assert [float(v) for v in ends[0].split()[-2:]] == pytest.approx(mark, abs=0.5)


def test_hovering_a_box_lights_its_sentences(browser, page):
    browser.open(page, 1440, 2000)
    browser.hover('.mark[data-f="2"]')
    assert lit(browser, ".s") == ["sentence-6", "sentence-9", "sentence-10", "sentence-11"]
    assert browser.value("document.querySelectorAll('#wires path').length") == 4
    browser.hover(".brand")
    assert lit(browser, "*") == []


def test_a_sentence_about_what_was_searched_lights_every_view(browser, page):
    browser.open(page, 1440, 2000)
    browser.hover("#sentence-7 .words")
    assert lit(browser, ".mark") == []
    assert len(lit(browser, ".pane.current")) == 4
    assert lit(browser, ".pane.prior") == []


def test_a_click_keeps_a_sentence_lit_and_escape_lets_go(browser, page):
    browser.open(page, 1000, 1600)
    assert not browser.value("document.getElementById('show-priors').checked")
    browser.click("#sentence-5 .words")
    browser.hover(".brand")
    assert lit(browser, ".s") == ["sentence-5"]
    assert browser.value("document.getElementById('show-priors').checked"), "a comparison brings the prior views"
    assert len(lit(browser, ".pane.prior")) == 2
    browser.press("Escape")
    assert lit(browser, "*") == []


def test_tab_walks_through_the_sentences(browser, page):
    browser.open(page, 1440, 2000)
    browser.value("document.getElementById('report').focus()")
    browser.press("Tab")
    assert browser.value("document.activeElement.className").startswith("assessment")
    for _ in range(2):  # past the folded warnings
        browser.press("Tab")
    assert browser.value("document.activeElement.id") == "sentence-0"
    for _ in range(4):
        browser.press("Tab")
    assert browser.value("document.activeElement.id") == "sentence-4"
    assert lit(browser, ".mark") == ["1", "1"]
    assert browser.value("document.querySelectorAll('#wires path').length") == 2


def test_the_address_can_name_a_finding(browser, page):
    browser.open(page + "#f2")
    assert lit(browser, ".mark") == ["2"]


def test_wheel_zooms_and_the_box_stays_on_its_square(browser, page):
    browser.open(page)
    before = browser.value("document.querySelector('.mark').getBoundingClientRect().width")
    browser.wheel(".mark", -400)
    after = browser.value("document.querySelector('.mark').getBoundingClientRect().width")
    assert after > 1.5 * before
    shown = browser.picture().astype(float)
    rows, columns = max(_white_squares(shown), key=lambda w: w[0].stop - w[0].start)
    top = shown[rows.start - 2 : rows.start + 1, columns].transpose(1, 0, 2)
    assert _near(top, COLOURS["f1"]).any(axis=1).mean() > 0.9
    browser.click("#reset")
    assert browser.value("document.querySelector('.mark').getBoundingClientRect().width") == pytest.approx(before)


def test_without_script_boxes_and_report_are_there(browser, page):
    browser.open(page, script=False)
    assert len(_white_squares(browser.picture())) == 3
    assert browser.value("document.querySelectorAll('.mark').length") == 3
    assert not browser.value("document.getElementById('brightness').checkVisibility()")
    assert browser.value("document.querySelector('.notice').checkVisibility()")


def test_the_notice_stays_in_sight_when_the_report_is_scrolled(browser, page):
    for size in ((1440, 900), (700, 900)):
        browser.open(page, *size)
        browser.value("scrollTo(0, 1e6); document.getElementById('report').scrollTo(0, 1e6)")
        _, y = browser.centre(".notice")
        assert 0 < y < 200


@pytest.mark.parametrize("make", [two_findings_with_prior, one_film])
def test_nothing_is_fetched_nothing_is_refused_and_nothing_overflows(browser, tmp_path, make):
    report = make()
    for size in ((1440, 900), (1000, 800), (700, 900)):
        browser.open(write(tmp_path / "quiet.html", report, pictures(report)), *size)
        assert browser.value("document.documentElement.scrollWidth <= innerWidth")
        assert browser.value(
            "document.getElementById('report').scrollWidth <= document.getElementById('report').clientWidth"
        )
    assert browser.problems == []


def test_a_malicious_exam_id_runs_nothing(browser, tmp_path):
    report = two_findings_with_prior(
        exam_id="\"'><img src=x onerror=\"document.title='owned'\"><script>document.title='owned'</script>"
    )
    browser.open(write(tmp_path / "evil.html", report, pictures(report)))
    browser.press("Escape")
    assert browser.value("document.title").endswith("mammography report (research use)")
    assert browser.value("document.querySelectorAll('img[src=x]').length") == 0


def test_a_view_can_be_enlarged_and_escape_brings_the_hanging_back(browser, page):
    browser.open(page)
    width = "document.querySelector('.current.side-R .mark').getBoundingClientRect().width"
    before = browser.value(width)
    browser.click(".current.side-R .enlarge")
    assert browser.value(width) > 1.8 * before
    shown = browser.picture().astype(float)
    squares = _white_squares(shown)
    assert len(squares) == 1
    rows, columns = squares[0]
    left = shown[rows, columns.start - 2 : columns.start + 1]
    assert _near(left, COLOURS["f1"]).any(axis=1).mean() > 0.9
    browser.press("Escape")
    assert browser.value(width) == pytest.approx(before)
