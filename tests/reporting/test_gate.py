"""The gate: what is kept word for word, what is written anew, what is refused, and wordings that try to get past it."""

import dataclasses
import time

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mammoscribe.domain.evidence import Claim, Evidence, EvidenceKind, GateResult, Section, Writer
from mammoscribe.domain.exam import Exam
from mammoscribe.domain.finding import Change, Finding, FindingType, Mark
from mammoscribe.domain.lexicon import Edition
from mammoscribe.domain.location import Depth, Location
from mammoscribe.domain.search import Search, ViewSearch, everything_searched
from mammoscribe.domain.view import Box, Laterality, Projection, Role
from mammoscribe.reporting.chart import Chart
from mammoscribe.reporting.compose import compose_report
from mammoscribe.reporting.facts import in_words_of
from mammoscribe.reporting.gate import GateOutcome, gate
from mammoscribe.reporting.render import render
from mammoscribe.reporting.wordings import book_of, plain
from tests.reporting.strategies import DAY, PRIOR_DAY, breast, charts, provenance, view

R, L = Laterality.RIGHT, Laterality.LEFT
SLOW = settings(deadline=None, max_examples=30, suppress_health_check=[HealthCheck.too_slow])
MASS_TEXT = (
    "Right breast: irregular, spiculated, high-density mass in the upper outer quadrant, 10 o'clock, middle depth, "
    "box 14 x 12 mm, seen on CC and MLO."
)
DICTATED = (
    "Irregular stellate hyperdense nodule, right breast, 10 o'clock, upper outer quadrant, middle depth, "
    "box 14 x 12 mm, seen on CC and MLO."
)


def outcome(chart: Chart, *texts: str, lower_band: tuple[Finding, ...] = ()) -> GateOutcome:
    return gate((Claim(t) for t in texts), chart, lower_band)


def printed_charts():
    """Charts with findings in the terms of the edition that reports are written in."""
    edition = Edition.BIRADS_2013
    return charts().map(lambda c: dataclasses.replace(c, findings=tuple(in_words_of(f, edition) for f in c.findings)))


def empty(chart: Chart) -> Chart:
    return dataclasses.replace(chart, findings=(), breasts=tuple(breast(s, chart.exam) for s in Laterality))


def with_prior(chart: Chart, change: Change | None, day=PRIOR_DAY) -> Chart:
    views = (*(dataclasses.replace(v, date=DAY) for v in chart.exam.views),)
    views += tuple(view(s, p, Role.PRIOR, date=day) for s in Laterality for p in Projection)
    exam = Exam(chart.exam.id, views)
    found = tuple(dataclasses.replace(f, change=change) for f in chart.findings)
    return Chart(exam, everything_searched(exam), chart.breasts, found)


def with_kind(chart: Chart, kind: FindingType, *descriptors: str) -> Chart:
    found = dataclasses.replace(chart.findings[0], type=kind, descriptors=descriptors)
    return dataclasses.replace(chart, findings=(found,))


def one_view(chart: Chart) -> Chart:
    exam = Exam("exam-1", (view(R, Projection.CC),))
    seen = dataclasses.replace(chart.findings[0], marks=chart.findings[0].marks[:1], location=Location())
    return Chart(exam, everything_searched(exam), (breast(R, exam, "c", "5"), breast(L, exam)), (seen,))


def refs(sentence):
    return [(e.kind, e.ref) for e in sentence.evidence]


# --- kept word for word -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", [MASS_TEXT, DICTATED])
def test_a_claim_in_words_of_ours_that_says_all_of_a_finding_is_kept_and_cites_it(four_views, text):
    (sentence,) = outcome(four_views, text).sentences
    assert (sentence.text, sentence.gate, sentence.original) == (text, GateResult.CONSISTENT, None)
    assert refs(sentence) == [(EvidenceKind.FINDING, "f1")]


def test_letters_and_signs_are_printed_as_we_write_them_and_the_claims_own_are_kept_beside(four_views):
    given_ = MASS_TEXT.upper().replace("10 O'CLOCK", "10 o’clock").replace(" X ", " × ")
    (sentence,) = outcome(four_views, given_).sentences
    assert (sentence.text, sentence.gate, sentence.original) == (MASS_TEXT, GateResult.CONSISTENT, given_)


@pytest.mark.parametrize("claims", [(MASS_TEXT,), (MASS_TEXT[:-1],), ("The right breast shows a mass.",)])
def test_the_report_of_one_claim_holds_each_statement_of_the_rendered_one_once(four_views, claims):
    report = compose_report(four_views, provenance(), tuple(map(Claim, claims)), Writer.DECODER)
    assert [s.text for s in report.sentences] == [s.sentence.text for s in render(four_views)]


@SLOW
@given(charts())
def test_rendered_text_passes_wholly_as_consistent(chart):
    statements = [s for s in render(chart) if s.facts]
    got = outcome(chart, *(s.sentence.text for s in statements))
    repeated = len(statements) - len({s.points for s in statements})
    assert len(got.rejected) == repeated
    assert {s.gate for s in got.sentences} == {GateResult.CONSISTENT}


@SLOW
@given(charts(), st.randoms(use_true_random=False))
def test_each_wording_of_ours_passes_as_consistent_and_adds_no_word(chart, random):
    book = book_of(chart)
    for text in random.sample(sorted(book), min(len(book), 4)):
        (sentence,) = outcome(chart, text).sentences
        assert (plain(sentence.text), sentence.gate) == (text, GateResult.CONSISTENT)


@SLOW
@given(printed_charts(), st.lists(st.sampled_from(range(10**6)), min_size=1, max_size=8))
def test_every_sentence_of_a_report_is_one_of_our_wordings_whoever_wrote_it(chart, numbers):
    book = book_of(chart)
    own = sorted(book)
    texts = [own[n % len(own)] + (" only" if n % 3 == 0 else "") for n in numbers]
    report = compose_report(chart, provenance(), tuple(map(Claim, texts)), Writer.EXTERNAL)
    measures = {plain(p.sentence.text) for s in render(chart) for p in s.parts}
    assert {plain(s.text) for s in report.sentences} <= set(book) | measures


def test_a_negative_of_one_kind_adds_to_a_breast_with_another_finding_and_cites_every_view_searched(four_views):
    text = "No calcifications in the right breast."
    (sentence,) = outcome(four_views, text).sentences
    assert (sentence.text, sentence.gate) == (text, GateResult.CONSISTENT)
    assert refs(sentence) == [(EvidenceKind.VIEW, "R_CC"), (EvidenceKind.VIEW, "R_MLO")]


def test_one_sentence_on_two_empty_breasts_stands_for_both(four_views):
    chart, text = empty(four_views), "No suspicious finding in either breast."
    report = compose_report(chart, provenance(), (Claim(text),), Writer.DECODER)
    assert [s.text for s in report.section(Section.FINDINGS)] == [text]
    assert [e.ref for e in report.section(Section.FINDINGS)[0].evidence] == ["R_CC", "R_MLO", "L_CC", "L_MLO"]


def test_a_decoder_that_is_not_shown_lengths_is_kept_and_the_lengths_are_added(four_views):
    text = DICTATED.replace(" box 14 x 12 mm,", "")
    report = compose_report(four_views, provenance(), (Claim(text),), Writer.DECODER)
    said = [(s.text, s.writer) for s in report.section(Section.FINDINGS)]
    assert said[:2] == [
        (text, Writer.DECODER),
        ("Right breast, mass at 10 o'clock: box 14 x 12 mm.", Writer.RENDERER),
    ]


def test_a_pointer_decides_between_two_findings_that_are_alike(four_views):
    (mass,) = four_views.findings
    twins = dataclasses.replace(four_views, findings=(mass, dataclasses.replace(mass, id="f2")))
    pointer = Evidence(EvidenceKind.FINDING, "f2")
    for text in (MASS_TEXT, "Mass in the right breast."):
        claims = (Claim(text, pointers=(pointer,)), Claim(text))
        assert [s.evidence[0].ref for s in gate(claims, twins).sentences] == ["f2", "f1"]


# --- written anew -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "Mass in the right breast.",
        "Spiculated mass in the right breast.",
        "Right breast: oval mass.",
        "Right breast: circumscribed mass.",
        "Right breast: mass in the lower inner quadrant.",
        "Right breast: mass at 3 o'clock.",
        "Right breast: mass at posterior depth.",
        "Right breast: mass measuring 40 mm.",
        "Right breast: mass with associated skin thickening.",
        "Right breast: malignant mass.",
        "Right breast: mass with liver metastases.",
    ],
)
def test_a_claim_that_says_less_or_otherwise_is_written_anew_in_full_with_its_text_beside(four_views, text):
    (sentence,) = outcome(four_views, text).sentences
    assert (sentence.text, sentence.gate, sentence.original) == (MASS_TEXT, GateResult.CORRECTED, text)


@pytest.mark.parametrize(
    "text", ["No mass in the right breast.", "No suspicious finding in the right breast.", "No mass on the right CC."]
)
def test_a_negative_against_a_finding_is_corrected_to_the_finding(four_views, text):
    (sentence,) = outcome(four_views, text).sentences
    assert (sentence.text, sentence.gate) == (MASS_TEXT, GateResult.CORRECTED)


def test_each_breast_of_a_negative_gets_its_own_answer(four_views):
    assert [s.text for s in outcome(four_views, "No mass.").sentences] == [
        MASS_TEXT,
        "No suspicious finding in the left breast.",
    ]


def test_a_feature_of_another_finding_contradicts_its_denial(four_views):
    chart = with_kind(four_views, FindingType.MASS, "associated.calcifications")
    for text in ("No calcifications in the right breast.", "No associated calcifications in the right breast."):
        (sentence,) = outcome(chart, text).sentences
        assert "middle depth, with associated calcifications" in sentence.text


def test_what_was_not_searched_is_not_denied(four_views):
    coarse = tuple(
        ViewSearch(v.id, ((FindingType.CALCIFICATION, "pixels of 0.5 mm are too coarse"),))
        for v in four_views.exam.current
    )
    chart = dataclasses.replace(empty(four_views), search=Search(four_views.exam, coarse))
    chart = dataclasses.replace(chart, breasts=tuple(breast(s, chart.exam, "b", None) for s in Laterality))
    got = outcome(chart, "No calcifications in the right breast.")
    assert got.sentences == ()
    assert "not searched" in got.rejected[0].reason
    (sentence,) = outcome(chart, "No suspicious finding in the right breast.").sentences
    assert sentence.text == "No mass, architectural distortion or asymmetry in the right breast."


def test_an_uncertain_claim_needs_a_finding_in_the_lower_band(four_views):
    weak = dataclasses.replace(four_views.findings[0], id="w1", type=FindingType.DISTORTION, descriptors=(), score=0.3)
    text = "Possible architectural distortion in the right breast."
    assert outcome(four_views, text).sentences == ()
    (sentence,) = outcome(four_views, text, lower_band=(weak,)).sentences
    assert sentence.text.startswith("Right breast: possible architectural distortion in the upper outer quadrant")
    assert refs(sentence) == [(EvidenceKind.VIEW, "R_CC"), (EvidenceKind.VIEW, "R_MLO")]
    assert outcome(four_views, sentence.text, lower_band=(weak,)).sentences[0].gate is GateResult.CONSISTENT


def test_doubt_about_a_finding_above_threshold_is_corrected(four_views):
    (sentence,) = outcome(four_views, "A mass in the right breast cannot be excluded.").sentences
    assert (sentence.text, sentence.gate) == (MASS_TEXT, GateResult.CORRECTED)


def test_density_and_category_are_held_against_the_breast(four_views):
    got = outcome(
        four_views, "The right breast is heterogeneously dense.", "Left breast: ACR A.", "Overall: BI-RADS 2."
    )
    assert [s.text for s in got.sentences] == [
        "The right breast is heterogeneously dense (density c).",
        "The left breast is heterogeneously dense (density c).",
        "Overall: BI-RADS 5, highly suggestive of malignancy.",
    ]


def test_a_change_word_that_is_wrong_is_corrected_and_cites_the_prior_pairs(four_views):
    (sentence,) = outcome(with_prior(four_views, Change.NEW), "Right breast: stable mass.").sentences
    assert "new since the prior exam" in sentence.text
    assert [e.ref for e in sentence.evidence] == ["f1", "R_CC|prior_R_CC", "R_MLO|prior_R_MLO"]


def test_a_mixed_claim_keeps_its_true_part_only(four_views):
    got = outcome(four_views, "Spiculated mass in the right breast and grouped calcifications in the left breast.")
    assert [s.text for s in got.sentences] == [MASS_TEXT]
    assert "no calcification was found in the left breast" in got.rejected[0].reason


def test_a_claim_of_two_sentences_of_ours_is_kept_as_two(four_views):
    got = outcome(four_views, f"No suspicious finding in the left breast. {MASS_TEXT}")
    assert [s.gate for s in got.sentences] == [GateResult.CONSISTENT] * 2
    assert got.rejected == ()


# --- said once ----------------------------------------------------------------------------------------------------


def test_what_was_said_is_not_said_again_in_other_words(four_views):
    got = outcome(four_views, DICTATED, MASS_TEXT, "Mass in the right breast.", "R: ACR C.", "R: density c.")
    assert [s.text for s in got.sentences] == [DICTATED, "R: ACR C."]
    assert [r.reason for r in got.rejected] == ["the report says so already"] * 3


def test_one_breast_said_leaves_the_other_to_the_renderer(four_views):
    report = compose_report(four_views, provenance(), (Claim("R: ACR C."),), Writer.DECODER)
    assert [s.text for s in report.section(Section.COMPOSITION)] == [
        "R: ACR C.",
        "The left breast is heterogeneously dense (density c).",
    ]


@SLOW
@given(printed_charts(), st.randoms(use_true_random=False))
def test_no_report_says_a_thing_twice_or_leaves_one_out(chart, random):
    texts = random.sample(sorted(book_of(chart)), 8)
    got = gate(tuple(map(Claim, texts)), chart)
    report = compose_report(chart, provenance(), tuple(map(Claim, texts)), Writer.DECODER)
    said = [p for s in got.statements for p in s.points]
    assert len(said) == len(set(said))
    rendered = {p for s in render(chart) for p in s.points}
    assert len(report.sentences) <= len(rendered | set(said))
    left = {p for s in render(chart) for part in s.beyond(said) for p in part.points}
    assert rendered <= left | set(said)


# --- refused ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", ["Spiculated mass in the left breast.", "Grouped calcifications in the right breast."])
def test_a_positive_of_another_breast_or_type_is_rejected(four_views, text):
    got = outcome(four_views, text)
    assert got.sentences == ()
    assert "was found" in got.rejected[0].reason


def test_a_positive_that_is_only_in_the_lower_band_is_rejected(four_views):
    weak = dataclasses.replace(four_views.findings[0], score=0.3)
    got = outcome(empty(four_views), "Mass in the right breast.", lower_band=(weak,))
    assert got.sentences == ()
    assert "below the threshold" in got.rejected[0].reason


@pytest.mark.parametrize(
    "text",
    [
        "No suspicious finding in the left breast.",
        "Left breast: oval mass.",
        "Left breast: BI-RADS 1.",
        "The left breast is extremely dense.",
        "Right breast: mass seen on MLO.",
        "Mammography: right CC and right MLO.",
    ],
)
def test_what_was_not_imaged_is_rejected(four_views, text):
    got = outcome(one_view(four_views), text)
    assert got.sentences == ()
    assert "was not imaged" in got.rejected[0].reason


@pytest.mark.parametrize(
    "text",
    [
        "Right breast: new spiculated mass.",
        "Right breast: mass, unchanged.",
        "No significant change in the right breast.",
        "No new mass in the left breast.",
        "Compared with the prior exam.",
        "The right breast mass is stable since the prior exam.",
    ],
)
def test_change_words_without_a_prior_are_rejected(four_views, text):
    got = outcome(four_views, text)
    assert got.sentences == ()
    assert "no prior was read" in got.rejected[0].reason


@pytest.mark.parametrize("text", ["", "Lorem ipsum.", "The patient is fine.", "Heart size is normal.", "Right breast."])
def test_unreadable_text_is_rejected(four_views, text):
    got = outcome(four_views, text)
    assert got.sentences == ()
    assert "could not be read" in got.rejected[0].reason


def test_a_feature_that_nobody_looks_for_by_itself_is_not_denied(four_views):
    got = outcome(four_views, "No skin thickening in the left breast.")
    assert got.sentences == ()
    assert got.rejected


def test_a_claim_that_names_no_breast_is_rejected_unless_only_one_was_imaged(four_views):
    assert "names no breast" in outcome(four_views, "Spiculated mass.").rejected[0].reason
    (sentence,) = outcome(one_view(four_views), "Spiculated mass.").sentences
    assert sentence.gate is GateResult.CORRECTED


# --- attacks ------------------------------------------------------------------------------------------------------


def chart_of(name: str, four_views: Chart) -> Chart:
    stable = with_prior(four_views, Change.STABLE)
    made = {
        "empty": lambda: empty(four_views),
        "mass right": lambda: four_views,
        "calcifications right": lambda: with_kind(four_views, FindingType.CALCIFICATION, "morphology.amorphous"),
        "oval mass right": lambda: with_kind(four_views, FindingType.MASS, "shape.oval"),
        "prior of 2022": lambda: stable,
        "one view": lambda: one_view(four_views),
        "two views": lambda: two_views(four_views),
    }
    return made[name]()


def two_views(chart: Chart) -> Chart:
    exam = Exam("exam-1", (view(R, Projection.CC), view(R, Projection.MLO)))
    return Chart(exam, everything_searched(exam), (breast(R, exam, "c", "5"), breast(L, exam)), chart.findings)


ATTACKS = [
    ("empty", "No mass is seen in the right breast and there are grouped calcifications."),
    ("empty", "No mass in the right breast, there is an irregular spiculated mass in the right breast."),
    ("empty", "No mass in the right breast: calcifications in the right breast."),
    ("empty", "No mass in the right breast - calcifications in the right breast."),
    ("empty", "No mass in the right breast (calcifications in the right breast)."),
    ("mass right", "No mass in the left and right breast."),
    ("mass right", "Left breast: biopsy is recommended."),
    ("calcifications right", "No associated calcifications in the right breast."),
    ("oval mass right", "Oval mass in the right breast, seen on L CC and L MLO."),
    ("mass right", "Spiculated mass in the right upper outer quadrant in the left breast."),
    ("prior of 2022", "Irregular mass in the right breast, unchanged since the prior exam of 2020-01-01."),
    ("prior of 2022", "Right breast: oval mass, unchanged; left breast unchanged."),
    ("mass right", "Spiculated mass in the right breast, seen on CC only."),
    ("two views", "Mammography, two views: right CC, right MLO, left CC, left MLO."),
    ("mass right", "There are masses in the right breast."),
]


def test_a_finding_that_may_be_the_one_of_the_other_view_is_never_said_to_be_in_one_view_only(four_views):
    (mass,) = four_views.findings
    cc = dataclasses.replace(mass, marks=mass.marks[:1], location=Location(depth=Depth.MIDDLE), descriptors=())
    alone, twin = (
        dataclasses.replace(four_views, findings=(dataclasses.replace(cc, unpaired=u),)) for u in (False, True)
    )
    claim = "Right breast: mass, seen on CC only."
    kept, corrected = (outcome(chart, claim).statements for chart in (alone, twin))
    assert [s.sentence.text.endswith("seen on CC only.") for s in kept] == [True]
    assert [s.sentence.text.endswith("seen on CC.") for s in corrected] == [True]


OTHER_ATTACKS = [
    ("mass right", "No suspicious finding in the left breast. This is not true."),
    ("mass right", "It would be wrong to say: no suspicious finding in the left breast."),
    ("mass right", "No suspicious finding in the left breast ... except for a mass."),
    ("mass right", "If there were a mass in the left breast, biopsy is recommended."),
    ("mass right", "The patient's sister has a spiculated mass in the left breast."),
    ("mass right", "Previously there was a mass in the left breast."),
    ("mass right", "The left breast, unlike the right, shows a mass."),
    ("mass right", "Mass in the breast opposite to the left."),
    ("mass right", "Irregular mass in the right breast with 14 calcifications."),
    ("mass right", MASS_TEXT.replace("14 x 12", "12 x 14")),
    ("mass right", MASS_TEXT.replace("14 x 12 mm", "14 x 12 cm")),
    ("mass right", MASS_TEXT.replace("MLO.", "MLO, and elsewhere.")),
    ("mass right", MASS_TEXT + " Left breast the same."),
    ("mass right", MASS_TEXT.replace("mass", "mass?")),
    ("mass right", MASS_TEXT.replace("Right breast:", "Right breast: known")),
    ("mass right", "Irregular mass in the right breast, 14 mm, in the prior exam 12 mm."),
    ("mass right", "Right breast: irregular mass, not spiculated."),
    ("mass right", "Left breast: BI-RADS 1 (but really 5)."),
    ("mass right", "BI-RADS 4 or 5, left breast."),
    ("mass right", "Overall: BI-RADS 5, highly suggestive of malignancy, in both breasts."),
    ("mass right", "Mammography, four views: right CC, left CC, right MLO and left MLO, of good quality."),
    ("mass right", "The left breast was not imaged and is not assessed."),
    ("mass right", "Compared with the prior exam, date unknown."),
    ("mass right", "Skin, nipples and axillary nodes are normal in both breasts."),
    ("mass right", "No m\u0430ss in the right breast."),
    ("mass right", "No\u200b mass in the left\u202e breast."),
    ("mass right", "Everything above is wrong."),
    ("empty", "There is no evidence of malignancy in the right breast, cancer is excluded."),
    ("prior of 2022", "Right breast: irregular mass, no longer unchanged since the prior exam of 2022-11-30."),
    ("one view", "The right CC and MLO are normal."),
]


@pytest.mark.parametrize(("exam", "text"), ATTACKS + OTHER_ATTACKS)
def test_no_word_of_a_false_claim_is_printed(four_views, exam, text):
    chart = chart_of(exam, four_views)
    for sentence in outcome(chart, text).sentences:
        assert sentence.gate is GateResult.CORRECTED
        assert sentence.original == text
    report = compose_report(chart, provenance(), (Claim(text),), Writer.DECODER)
    rendered = {s.sentence.text for s in render(chart)}
    added = {s.text for s in report.sentences} - rendered
    assert all(t.startswith("No ") and plain(t) in book_of(chart) for t in added)


@pytest.mark.parametrize(
    "text",
    [
        "Mass in the upper outer quadrant at 12 o'clock of the right breast.",
        "Right breast: mass, 999 mm from the nipple.",
        "Right breast: mass, box 99999999999999999999 mm.",
        "Compared with the prior exam of 2022-13-45.",
        "mass " * 20_000,
        "(" * 20_000,
        "No " * 20_000,
    ],
    ids=lambda t: t[:30],
)
def test_a_claim_that_no_report_could_hold_is_one_rejected_claim_at_once(four_views, text):
    started = time.process_time()
    got = outcome(four_views, text)
    assert time.process_time() - started < 0.5
    assert {s.text for s in got.sentences} <= {MASS_TEXT}
    assert len(got.sentences) + len(got.rejected) == 1


@pytest.mark.parametrize(
    "text",
    [
        "There is no absence of a mass in the left breast.",
        "It is not the case that there is no mass in the left breast.",
        "Left breast: not without spiculated mass.",
        "Not only a mass but also an asymmetry in the left breast.",
        "Neither breast lacks a mass.",
        "A mass in the left breast can not be ruled out.",
        "Suspicious lesion in the left breast.",
        "Bilateral spiculated masses, BI-RADS 5.",
    ],
)
def test_no_wording_brings_a_finding_into_the_empty_breast(four_views, text):
    about_left = [s for s in outcome(four_views, text).sentences if "left" in s.text]
    assert {s.text for s in about_left} <= {
        "No suspicious finding in the left breast.",
        "Left breast: BI-RADS 1, negative.",
    }


_WORDS = (  # noqa: SIM905 - one string reads better than fifty
    "no not without possible cannot be excluded mass calcifications distortion asymmetry in the right left breast both "
    "oval irregular spiculated grouped new stable upper outer quadrant 10 o'clock and but with associated skin "
    "thickening BI-RADS 4 5 density c , ; is seen only benign suspicious prior CC MLO"
).split()


@SLOW
@given(printed_charts(), st.lists(st.sampled_from(_WORDS), min_size=1, max_size=14).map(" ".join))
def test_word_salad_prints_nothing_but_our_wordings(chart, text):
    report = compose_report(chart, provenance(), (Claim(text),), Writer.EXTERNAL)
    book = book_of(chart)
    assert all(plain(s.text) in book for s in report.sentences)


def test_a_hallucination_never_reaches_the_report_and_the_missing_finding_is_appended(four_views):
    claims = (Claim("Left breast: spiculated mass."), Claim("No calcifications in the right breast."))
    report = compose_report(four_views, provenance(), claims, Writer.DECODER)
    said = [(s.text, s.writer) for s in report.section(Section.FINDINGS)]
    assert (MASS_TEXT, Writer.RENDERER) in said
    assert ("No calcifications in the right breast.", Writer.DECODER) in said
    assert not [t for t, _ in said if t.startswith("Left breast: ")]
    assert [r.claim for r in report.rejected_claims] == [claims[0]]


def test_a_report_is_gated_in_fifty_milliseconds(four_views):
    (mass,) = four_views.findings
    boxes = [Box(100 * i, 200, 100 * i + 90, 320) for i in range(1, 5)]
    found = tuple(
        dataclasses.replace(mass, id=f"f{i}", marks=tuple(Mark(m.view_id, m.projection, b, 0.9) for m in mass.marks))
        for i, b in enumerate(boxes)
    )
    chart = dataclasses.replace(four_views, findings=found)
    claims = tuple(Claim(s.sentence.text) for s in render(chart)) + tuple(Claim(t) for _, t in ATTACKS)
    gate(claims, chart)
    times = []
    for _ in range(3):
        started = time.process_time()
        gate(claims, chart)
        times.append(time.process_time() - started)
    assert min(times) < 0.05
