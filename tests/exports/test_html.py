import re
from dataclasses import replace

import pytest

from mammoscribe.domain.evidence import Claim, RejectedClaim
from mammoscribe.domain.exam import SetAside
from mammoscribe.domain.finding import FindingType
from mammoscribe.domain.location import Location
from mammoscribe.domain.report import Calibration
from mammoscribe.domain.search import Search, ViewSearch
from mammoscribe.domain.view import Box, Origin, SpacingSource
from mammoscribe.exports import report_html
from mammoscribe.exports.words import AGREES, NOTICE
from mammoscribe.support.errors import InvalidNoun
from tests.exports.html_page import Page
from tests.exports.samples import calcifications, crops, mass, one_film, pictures, two_findings_with_prior, with_exam

EVIL = "\"'><script>alert(1)</script><img src=x onerror=alert(2)>"


@pytest.fixture(scope="module")
def page() -> Page:
    report = two_findings_with_prior()
    return Page(report_html(report, pictures(report), crops(report)))


def page_of(report, **more) -> Page:
    return Page(report_html(report, pictures(report), **more))


def test_the_page_needs_nothing_from_outside():
    report = two_findings_with_prior()
    text = report_html(report, pictures(report), crops(report))
    fetched = [a.get("src", "") for _, a in Page(text).tags if "src" in a]
    assert len(fetched) == 8 + 3
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


def test_impression_recommendation_and_assessment_light_the_marks_they_rest_on(page):
    sentences = page.all("p", "s")
    assert [s["data-f"] for s in sentences[8:11]] == ["1", "2", "1 2"]
    assert page.all("section", "assessment")[0]["data-f"] == "1 2"
    assert page.all("section", "assessment")[0]["data-v"] == "0 1 2 3"


def test_boxes_are_drawn_without_script(page):
    marks = page.all("rect", "mark")
    assert [m["data-f"] for m in marks] == ["1", "2", "1"]
    assert float(marks[0]["x"]) == pytest.approx(100 * 560 / 900, abs=1e-3)
    assert float(marks[0]["height"]) == pytest.approx(100 * 78 / 1200, abs=1e-3)


def test_every_mark_has_its_crop_in_the_card_of_its_finding(page):
    parts = [a for _, a in page.tags if "card" in a.get("class", "").split() or "stored pixels" in a.get("alt", "")]
    order = [a.get("id") or a["alt"] for a in parts]
    assert order == [
        "finding-1", "f1 in R CC at stored pixels", "f1 in R MLO at stored pixels",
        "finding-2", "f2 in L CC at stored pixels",
    ]  # fmt: skip
    assert page.words.count("300 x 260 stored pixels, 60 x 52 mm") == 3


def test_the_box_on_a_crop_is_where_the_mark_lies(page):
    outline = next(a for t, a in page.tags if t == "rect" and "class" not in a)
    left, top = (560 + 630) // 2 - 150, (470 + 548) // 2 - 130
    assert float(outline["x"]) == pytest.approx(100 * (560 - left) / 300, abs=1e-3)
    assert float(outline["y"]) == pytest.approx(100 * (470 - top) / 260, abs=1e-3)
    assert float(outline["width"]) == pytest.approx(100 * 70 / 300, abs=1e-3)


@pytest.mark.parametrize(
    "change",
    [{"finding_id": "f7"}, {"view_id": "prior_R_CC"}, {"view_id": "L_CC"}, {"region": Box(700, 0, 1000, 260)}],
    ids=["finding", "prior", "view", "region"],
)
def test_a_crop_that_belongs_to_no_mark_or_leaves_the_array_is_refused(change):
    report = two_findings_with_prior()
    with pytest.raises(InvalidNoun):
        report_html(report, {}, (replace(crops(report)[0], **change),))


def test_a_mirrored_picture_has_its_boxes_and_crops_mirrored_and_says_so():
    report = two_findings_with_prior()
    images, cut = pictures(report), [replace(c, mirrored=c.view_id == "R_CC") for c in crops(report)]
    images["R_CC"] = replace(images["R_CC"], mirrored=True)
    page = Page(report_html(report, images, cut))
    assert len(page.all("img", "mirrored")) == 2
    assert float(page.all("rect", "mark")[0]["x"]) == pytest.approx(100 * (900 - 630) / 900, abs=1e-3)
    outline = next(a for t, a in page.tags if t == "rect" and "class" not in a)
    left = (560 + 630) // 2 - 150
    assert float(outline["x"]) == pytest.approx(100 * (left + 300 - 630) / 300, abs=1e-3)
    assert page.text.count("R CC synthetic shown mirrored") == 1
    assert page.text.count("shown mirrored") == 2  # the pane and the crop


def test_no_view_is_called_mirrored_that_is_not(page):
    assert "mirrored" not in page.words


def test_nothing_from_a_file_becomes_markup():
    report = two_findings_with_prior(exam_id=EVIL)
    views = tuple(replace(v, source=EVIL) for v in report.exam.views)
    exam = replace(report.exam, views=views, patient_id=EVIL, set_aside=(SetAside(EVIL, EVIL),), accession=EVIL)
    search = Search(exam, tuple(ViewSearch(v.id, ((FindingType.CALCIFICATION, EVIL),)) for v in exam.current))
    claim = RejectedClaim(Claim(EVIL), EVIL)
    made_by = replace(report.provenance, model=EVIL, trained_on=EVIL, reliability=(EVIL,), weights_sha256=EVIL)
    evil = replace(
        report, exam=exam, search=search, warnings=(EVIL,), rejected_claims=(claim,), provenance=made_by
    )  # fmt: skip
    page = Page(report_html(evil, pictures(evil), crops(evil), truth=(replace(mass(), id=EVIL),)))
    assert len(page.all("script")) == 1
    assert not [a for _, a in page.tags if any(k.startswith("on") for k in a)]
    assert all(a["src"].startswith("data:") for a in page.all("img"))
    assert page.words.count(EVIL) >= 8


def test_numbers_carry_their_population_and_the_notice_is_there(page):
    assert page.text.count("for RSNA screening subset, out of fold, where 14% of 674 breasts had cancer") == 2
    assert NOTICE in page.words
    assert AGREES in page.words
    assert "confirmed" not in page.words
    assert "measured on synthetic exams only" in page.words


def test_a_probability_is_large_only_at_a_prevalence_stated_for_these_exams(page):
    assert len(page.all("span", "little")) == 2
    assert not page.all("span", "big")
    report = two_findings_with_prior()
    known = Calibration("RSNA", 0.34, 100, stated_prevalence=0.006)
    moved = tuple(replace(b, prob_malignant=0.004, calibration=known) for b in report.breasts)
    assert len(page_of(replace(report, breasts=moved)).all("span", "big")) == 2


def test_warnings_refused_claims_and_provenance_are_folded(page):
    assert [d["class"] for d in page.all("details")] == ["warnings", "rejected", "provenance"]
    assert not any("open" in d for d in page.all("details"))
    assert "not part of the report" in page.words


def test_warnings_of_one_kind_are_one_line_with_their_views_below_the_assessment():
    report = replace(two_findings_with_prior(), warnings=("L MLO: dark", "R CC: dark", "R CC: odd"))
    page = page_of(report)
    assert "Warnings (2)" in page.words
    assert "R CC, L MLO: dark" in page.words
    places = [
        i
        for i, (_, a) in enumerate(page.tags)
        if a.get("class") in ("assessment", "warnings", "section section-technique")
    ]
    kinds = [page.tags[i][1]["class"] for i in places]
    assert kinds == ["assessment", "warnings", "section section-technique"]


def test_the_title_is_a_short_name_and_the_uid_is_in_the_provenance():
    uid = "1.2.840.113619.2.401.1029384756.2024.5.2.101112"
    report = two_findings_with_prior(exam_id=uid)
    exam = replace(report.exam, accession="A-4711")
    text = report_html(with_exam(report, exam), {})
    assert "<title>SYNTHETIC A-4711: mammography report (research use)</title>" in text
    assert '<h1 class="exam"><b>A-4711</b>' in text
    assert text.count(uid) == 1


def test_a_synthetic_exam_says_so_in_large_letters_and_a_real_one_does_not(page):
    assert len(page.all("p", "banner")) == 1
    assert "drawn by software, no patient was imaged" in page.words
    real = page_of(two_findings_with_prior(exam_id="PHANTOM-1", origin=Origin.ACQUIRED))
    assert "synthetic" not in real.words.replace("synthetic exams", "").lower()
    assert not real.all("body", "synthetic")


def test_the_truth_is_shown_beside_the_reading_behind_a_switch():
    elsewhere = (replace(mass().marks[0], box=Box(100, 100, 150, 150)),)
    missed = replace(mass(), id="t2", marks=elsewhere, location=Location(), change=None)
    page = page_of(two_findings_with_prior(), truth=(replace(calcifications(), id="t1"), missed))
    boxes = page.all("rect", "truth")
    assert len(boxes) == 2
    assert float(boxes[0]["x"]) == pytest.approx(100 * 100 / 900, abs=1e-3)
    switch = next(a for a in page.all("input") if a.get("id") == "show-truth")
    assert "checked" not in switch
    assert re.search(
        r"T1 calcifications: amorphous, grouped, left breast.*? marked by f2\s*T2 mass: .*? not marked", page.text
    )
    assert "f1 mass marks nothing of that kind" in page.text


def test_without_a_truth_there_is_no_switch_for_it(page):
    assert not [a for _, a in page.tags if "truth" in a.get("class", "") or a.get("id") == "show-truth"]


def test_a_true_finding_in_a_view_that_is_not_there_is_refused():
    film = one_film()
    with pytest.raises(InvalidNoun, match="R_CC"):
        report_html(film, {}, truth=(mass(),))


def test_what_a_view_was_not_searched_for_is_under_its_pane_and_in_the_list():
    page = page_of(one_film())
    assert page.words.count("calcifications not searched for: pixel size unknown") == 1
    assert "calcifications were not searched for on left MLO (pixel size unknown)" in page.words


def test_a_file_set_aside_is_named_at_its_place_and_in_a_list():
    page = page_of(one_film())
    assert "set aside: a magnification view" in page.words
    assert "magnified.dcm: a magnification view" in page.words
    assert "letter.pdf: not a picture" in page.words
    hanging = page.all("div", "hanging")[0]["class"].split()
    assert {"no-CC", "told-CC", "no-R"} <= set(hanging)
    assert "told-R" not in hanging


def test_the_level_of_suspicion_stands_with_each_finding(page):
    assert "Level of suspicion: suspicious (mass with a suspicious descriptor or associated feature)." in page.text


def test_an_assessment_that_is_withheld_says_why():
    page = page_of(one_film())
    assert "No category is given" in page.words
    assert "no assessment" not in page.words
    assert "set aside: a magnification view" in page.words


def test_all_views_are_at_one_physical_scale():
    report = two_findings_with_prior()
    fine = replace(report.exam.views[1], spacing_mm=(0.1, 0.1))
    exam = replace(report.exam, views=(report.exam.views[0], fine, *report.exam.views[2:]))
    half = with_exam(report, exam)
    stages = [a["style"] for a in page_of(half).all("div", "stage")]
    widths = [float(re.search(r"width:([\d.]+)%", s)[1]) for s in stages]
    assert widths[0] == pytest.approx(2 * widths[2], rel=1e-4)  # R CC, its prior, L CC: half the pixel, half the size


def test_a_scale_bar_has_the_length_it_names(page):
    stage, bar = page.all("div", "stage")[0], page.all("div", "bar")[0]
    of_frame = float(re.search(r"width:([\d.]+)%", stage["style"])[1]) / 100
    per_mm = float(re.search(r"--per-mm:([\d.]+)", bar["style"])[1])
    assert per_mm * 900 * 0.2 == pytest.approx(of_frame, rel=1e-5)  # 900 pixels of 0.2 mm are the picture's width


def test_without_spacing_there_is_no_scale_bar_and_the_page_says_that_views_are_not_at_one_scale():
    page = page_of(one_film())
    assert "not at one scale" in page.words
    assert "no millimetres are printed" in page.words
    assert not re.search(r"box \d+ x \d+ mm", page.words)
    assert not page.all("div", "bar")


def test_views_whose_spacing_was_only_assumed_are_not_said_to_be_at_one_scale():
    report = one_film()
    film = replace(report.exam.views[0], spacing_mm=(0.3, 0.2), spacing_source=SpacingSource.ASSUMED)
    page = page_of(with_exam(report, replace(report.exam, views=(film,))))
    assert "not at one scale" in page.words
    assert not page.all("div", "bar")


def test_an_indication_is_the_first_section_and_no_markup():
    page = page_of(one_film())
    assert 'Given with the exam: "Lump <left>".' in page.words
    assert page.words.index("Indication") < page.words.index("Technique")


def test_a_missing_view_or_picture_leaves_a_named_place():
    page = Page(report_html(one_film(), {}))
    assert "no picture of L MLO" in page.words
    assert len(page.all("p", "absent")) == 3
    assert "not in this exam" in page.words
    assert {"no-CC", "no-R"} <= set(page.all("div", "hanging")[0]["class"].split())


def test_a_breast_that_was_not_imaged_says_so_in_its_row():
    assert re.search(r"Right\s+not imaged\s+Left", page_of(one_film()).words)


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
    with pytest.raises(InvalidNoun, match="has no view 'R_CC'"):
        report_html(one_film(), {"R_CC": pictures(two_findings_with_prior())["R_CC"]})


def test_weaker_marks_are_boxes_without_words_behind_a_switch():
    report = two_findings_with_prior()
    page = report_html(report, {})
    assert page.count('class="weak"') == 1
    assert "Weaker marks (1)" in page
    assert "Weaker marks" not in report_html(replace(report, possible=()), {})
    assert not any("f9" in s.text for s in report.sentences)


def test_an_asymmetry_is_named_once():
    report = two_findings_with_prior()
    kind = replace(
        report.findings[1], type=FindingType.ASYMMETRY, descriptors=("asymmetry.asymmetry",), change=None
    )  # fmt: skip
    page = page_of(replace(report, findings=(report.findings[0], kind)))
    assert "f2 asymmetry" in page.text
    assert "asymmetry, asymmetry" not in page.text.lower()
    assert "asymmetry; asymmetry" not in page.text.lower()
    focal = replace(kind, descriptors=("asymmetry.focal",))
    assert "f2 focal asymmetry" in page_of(replace(report, findings=(report.findings[0], focal))).text


def test_every_key_of_the_list_is_one_that_the_page_has_a_use_for(page):
    keys = set(re.findall(r"<kbd>(.*?)</kbd>", report_html(one_film(), {})))
    assert {"m", "i", "1", "0", "?"} <= keys
    assert not {"w", "p", "t"} & keys  # no weaker mark, no prior, no truth
    assert all(b.get("aria-label") or b.get("id") or b.get("data-do") for b in page.all("button"))


def test_a_box_in_a_breast_is_labelled_for_a_screen_reader(page):
    labels = [m["aria-label"] for m in page.all("rect", "mark")]
    assert labels[0] == "f1, mass, box in R CC"
    assert all(m["tabindex"] == "0" and m["role"] == "button" for m in page.all("rect", "mark"))
