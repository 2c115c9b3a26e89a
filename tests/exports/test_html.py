import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from mammoscribe.domain.evidence import Claim, RejectedClaim
from mammoscribe.domain.view import Box
from mammoscribe.exports import ViewImage, report_html
from mammoscribe.exports.words import AGREES, NOTICE
from mammoscribe.support.errors import InvalidNoun
from tests.exports.samples import one_film, pictures, two_findings_with_prior

EVIL = "\"'><script>alert(1)</script><img src=x onerror=alert(2)>"


class Page(HTMLParser):
    """Every start tag with its attributes, and all text outside script and style."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str]]] = []
        self.words = ""
        self.hidden = False
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, {k: v or "" for k, v in attrs}))
        self.hidden = tag in ("script", "style")

    def handle_endtag(self, tag):
        self.hidden = False

    def handle_data(self, data):
        if not self.hidden:
            self.words += data

    def all(self, tag: str, cls: str = "") -> list[dict[str, str]]:
        return [a for t, a in self.tags if t == tag and (not cls or cls in a.get("class", "").split())]


@pytest.fixture(scope="module")
def page() -> Page:
    report = two_findings_with_prior()
    return Page(report_html(report, pictures(report)))


def test_the_page_needs_nothing_from_outside():
    report = two_findings_with_prior()
    text = report_html(report, pictures(report))
    fetched = [a.get("src", "") for _, a in Page(text).tags if "src" in a]
    assert len(fetched) == 8
    assert all(src.startswith("data:image/png;base64,") for src in fetched)
    assert not [a for t, a in Page(text).tags if t in ("link", "iframe", "object")]
    assert "default-src 'none'" in text
    assert not re.findall(r"https?://(?!www\.w3\.org/2000/svg)", text)


def test_every_sentence_is_there_with_what_it_rests_on(page):
    report = two_findings_with_prior()
    for sentence in report.sentences:
        assert sentence.text in page.words
    sentences = page.all("p", "s")
    assert len(sentences) == len(report.sentences)
    assert all(s["tabindex"] == "0" and (s["data-f"] or s["data-v"]) for s in sentences)
    assert sentences[4]["data-f"] == "1"


def test_boxes_are_drawn_without_script(page):
    marks = page.all("rect", "mark")
    assert [m["data-f"] for m in marks] == ["1", "2", "1"]
    assert float(marks[0]["x"]) == pytest.approx(100 * 560 / 900, abs=1e-3)
    assert float(marks[0]["height"]) == pytest.approx(100 * 78 / 1200, abs=1e-3)


def test_a_mirrored_picture_has_its_boxes_mirrored_with_it():
    report = two_findings_with_prior()
    images = pictures(report)
    images["R_CC"] = replace(images["R_CC"], mirrored=True)
    page = Page(report_html(report, images))
    assert len(page.all("img", "mirrored")) == 1
    assert float(page.all("rect", "mark")[0]["x"]) == pytest.approx(100 * (900 - 630) / 900, abs=1e-3)


def test_nothing_from_a_file_becomes_markup():
    report = two_findings_with_prior(exam_id=EVIL)
    views = tuple(replace(v, source=EVIL) for v in report.exam.views)
    exam = replace(report.exam, views=views, patient_id=EVIL)
    claim = RejectedClaim(Claim(EVIL), EVIL)
    made_by = replace(report.provenance, model=EVIL, trained_on=EVIL, reliability=(EVIL,), weights_sha256=EVIL)
    evil = replace(report, exam=exam, warnings=(EVIL,), rejected_claims=(claim,), provenance=made_by)
    page = Page(report_html(evil, pictures(evil)))
    assert len(page.all("script")) == 1
    assert not [a for _, a in page.tags if any(k.startswith("on") for k in a)]
    assert all(a["src"].startswith("data:") for a in page.all("img"))
    assert page.words.count(EVIL) >= 8


def test_numbers_carry_their_population_and_the_notice_is_there(page):
    assert page.words.count("calibrated on RSNA screening subset, out of fold; prevalence 14%, n = 674") == 2
    assert NOTICE in page.words
    assert AGREES in page.words
    assert "confirmed" not in page.words
    assert "measured on synthetic exams only" in page.words


def test_refused_claims_and_provenance_are_folded(page):
    assert [d["class"] for d in page.all("details")] == ["rejected", "provenance"]
    assert not any("open" in d for d in page.all("details"))
    assert "not part of the report" in page.words


def test_all_views_are_at_one_physical_scale():
    report = two_findings_with_prior()
    fine = replace(report.exam.views[1], spacing_mm=(0.1, 0.1))
    exam = replace(report.exam, views=(report.exam.views[0], fine, *report.exam.views[2:]))
    half = replace(report, exam=exam)
    stages = [a["style"] for a in Page(report_html(half, pictures(half))).all("div", "stage")]
    widths = [float(re.search(r"width:([\d.]+)%", s)[1]) for s in stages]
    assert widths[0] == pytest.approx(2 * widths[2], rel=1e-4)  # R CC, its prior, L CC: half the pixel, half the size


def test_an_indication_is_the_first_section_and_no_markup():
    report = one_film()
    page = Page(report_html(report, pictures(report)))
    assert 'Given with the exam: "Lump <left>".' in page.words
    assert page.words.index("Indication") < page.words.index("Technique")


def test_without_spacing_the_page_says_that_views_are_not_at_one_scale():
    report = one_film()
    page = Page(report_html(report, pictures(report)))
    assert "not at one scale" in page.words
    assert "no millimetres are printed" in page.words
    assert not re.search(r"box \d+ x \d+ mm", page.words)


def test_a_missing_view_or_picture_leaves_a_named_place():
    report = one_film()
    page = Page(report_html(report, {}))
    assert "no picture of L MLO" in page.words
    assert len(page.all("p", "absent")) == 3
    assert {"no-CC", "no-R"} <= set(page.all("div", "hanging")[0]["class"].split())


@pytest.mark.parametrize(
    ("change", "said"),
    [({"stored_width_px": 901}, "901 x 1200"), ({"view_id": "L_CC"}, "says it shows L_CC")],
)
def test_a_picture_that_does_not_fit_its_view_is_refused(change, said):
    report = two_findings_with_prior()
    images = pictures(report)
    images["R_CC"] = replace(images["R_CC"], **change)
    with pytest.raises(InvalidNoun, match=said):
        report_html(report, images)


def test_a_picture_of_an_unknown_view_is_refused():
    report = one_film()
    with pytest.raises(InvalidNoun, match="has no view 'R_CC'"):
        report_html(report, {"R_CC": pictures(two_findings_with_prior())["R_CC"]})


@pytest.mark.parametrize(
    "change", [{"png": b"GIF89a"}, {"width_px": 0}, {"focus": Box(0, 0, 901, 10)}], ids=["gif", "size", "focus"]
)
def test_a_view_image_that_cannot_be_shown_cannot_be_built(change):
    picture = pictures(one_film())["L_MLO"]
    with pytest.raises(InvalidNoun):
        replace(picture, **change)


def test_a_jpeg_is_embedded_as_jpeg():
    assert ViewImage("v", b"\xff\xd8\xff\xe0", 1, 1, 1, 1).media_type == "image/jpeg"


def test_weaker_marks_are_boxes_without_words_behind_a_switch():
    report = two_findings_with_prior()
    page = report_html(report, {})
    assert page.count('class="weak"') == 1
    assert "Weaker marks (1)" in page
    assert "Weaker marks" not in report_html(replace(report, possible=()), {})
    assert not any("f9" in s.text for s in report.sentences)
