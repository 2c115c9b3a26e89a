"""Sentences that compare with another exam; every sentence here was written for the test."""

import csv

import pytest

from mammoscribe.data.comparisons import Comparisons, comparisons_in, is_negative, with_comparisons
from mammoscribe.data.report_text import Edit, ReportText, Section
from mammoscribe.data.rewriting import rewritten

COMPARING = [
    "The mass is unchanged.", "Stable benign calcifications.", "Compared to the prior mammogram of 2019, nothing is new.",
    "There is no significant interval change.", "A new cluster in the left breast.", "Again seen is a cyst.",
    "The effusion has resolved.", "Redemonstrated surgical clips.", "Persistent asymmetry.", "The nodule has increased in size.",
    "The heart remains enlarged.", "This was previously biopsied.", "Similar to the prior study.", "Worsening opacity.",
    "No new mass.", "The line has been removed.", "It is larger than on the previous exam.", "Smaller since 2020.",
]  # fmt: skip
NOT_COMPARING = [
    "There is a mass.", "Prior granulomatous disease.", "Degenerative changes of the spine.", "Status post prior sternotomy.",
    "Postsurgical changes.", "Old rib fracture.", "Increased density of the breast.", "Short interval follow-up in six months.",
    "The remaining lungs are clear.", "Hemodynamically stable patient.", "Continued annual screening is recommended.",
    "Right base opacity, worse on the right.", "Larger compared to the left breast.", "A newborn chest.", "No effusion.",
    "Biopsy is recommended prior to surgery.", "Evidence against malignancy.",
]  # fmt: skip
SPANISH = ["Sin cambios significativos.", "Nódulo estable respecto al estudio previo.", "Masa de nueva aparición.",
           "Persiste la asimetría.", "El derrame ha disminuido.", "sin cambi radiolog desd rx previ"]  # fmt: skip
NOT_SPANISH = ["Masa en mama derecha.", "Arco anterior de la costilla.", "Tercio anterior de la mama.", "Sin derrame."]


@pytest.mark.parametrize("sentence", COMPARING)
def test_a_comparison_is_found(sentence):
    assert comparisons_in(sentence)


@pytest.mark.parametrize("sentence", NOT_COMPARING)
def test_what_only_looks_like_one_is_none(sentence):
    assert comparisons_in(sentence) == ()


def test_spanish_comparisons_are_found_and_others_are_not():
    assert [s for s in SPANISH if not comparisons_in(s, "es")] == []
    assert [s for s in NOT_SPANISH if comparisons_in(s, "es")] == []


@pytest.mark.parametrize(
    ("sentence", "language", "negative"),
    [
        ("No mass.", "en", True), ("Without calcifications.", "en", True), ("The axilla is free of nodes.", "en", True),
        ("A mass, not a cyst.", "en", True), ("A mass.", "en", False), ("No change.", "en", False),
        ("Not only a mass.", "en", False), ("It is no longer seen.", "en", False), ("Notable mass.", "en", False),
        ("Sin masas.", "es", True), ("No se observan masas.", "es", True), ("Masa.", "es", False),
        ("Sin cambios.", "es", False), ("No se puede descartar masa.", "es", False), ("Nodular.", "es", False),
    ],
)  # fmt: skip
def test_a_denial_is_told_from_a_statement(sentence, language, negative):
    assert is_negative(sentence, language) is negative


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("Stable mild cardiomegaly.", "Mild cardiomegaly."),
        ("There is a new asymmetry.", "There is an asymmetry."),
        ("There is an unchanged mass in the left breast.", "There is a mass in the left breast."),
        ("There are stable benign calcifications.", "There are benign calcifications."),
        ("There is a nodule in the left lung, unchanged since 2012.", "There is a nodule in the left lung."),
        ("Left lower lobe scar, stable", "Left lower lobe scar."),
        ("Surgical clips are again seen.", "Surgical clips are seen."),
        ("Again noted are coarse calcifications.", "There are coarse calcifications."),
        ("The heart remains mildly enlarged.", "The heart is mildly enlarged."),
        ("The lungs remain clear.", "The lungs are clear."),
        # what must be dropped
        ("The mass is unchanged.", ""),
        ("No new mass.", ""),
        ("There is no new mass.", ""),
        ("The effusion has resolved.", ""),
        ("Stable appearance of the chest.", ""),
        ("Stable cardiac silhouette.", ""),
        ("Scar stable and nodule smaller, without effusion, since the prior study.", ""),
        ("The nodule is smaller than in 2019, unchanged otherwise.", ""),
        ("Nodule, unchanged from the prior study, without effusion.", ""),
        ("Mass or new scar.", ""),
        ("Both lesions are both stable.", ""),
        ("Unchanged.", ""),
        ("Joint radiographically stable.", ""),
    ],
)  # fmt: skip
def test_a_rewritten_sentence_says_what_is_seen_now_or_is_dropped(before, after):
    assert rewritten(before, is_negative(before)) == after


def report(findings, language="en", **sections):
    said = {Section.FINDINGS: findings} | {Section(k): v for k, v in sections.items()}
    return ReportText("raw", said, language)


def test_kept_reports_are_the_same():
    text = report("Stable mass.")
    assert with_comparisons(text, Comparisons.KEEP) is text


def test_dropped_sentences_and_the_comparison_section_are_noted_and_the_others_stay_as_they_are():
    text = report(
        "There is a mass.\nIt is unchanged. No cyst.", comparison="2019.", indication="New lump.", impression="Stable."
    )
    done = with_comparisons(text, Comparisons.DROP)
    assert done.sections == {Section.FINDINGS: "There is a mass. No cyst.", Section.INDICATION: "New lump."}
    assert done.edits == (
        Edit(Section.FINDINGS, "It is unchanged.", ""), Edit(Section.COMPARISON, "2019.", ""),
        Edit(Section.IMPRESSION, "Stable.", ""),
    )  # fmt: skip
    assert done.raw == "raw"


def test_rewritten_sentences_are_noted_with_what_they_became():
    done = with_comparisons(report("Stable scar. Unchanged."), Comparisons.REWRITE)
    assert done.sections == {Section.FINDINGS: "Scar."}
    assert done.edits == (Edit(Section.FINDINGS, "Stable scar.", "Scar."), Edit(Section.FINDINGS, "Unchanged.", ""))


def test_spanish_sentences_are_dropped_rather_than_rewritten():
    done = with_comparisons(report("Masa estable. Sin derrame.", "es"), Comparisons.REWRITE)
    assert done.sections == {Section.FINDINGS: "Sin derrame."}


@pytest.mark.real
def test_after_dropping_or_rewriting_no_real_report_compares(data_root):
    with (data_root / "iu_xray_text" / "indiana_reports.csv").open(newline="", encoding="utf-8") as stream:
        rows = [row for row in csv.DictReader(stream) if row["findings"].strip()][:800]
    for how in (Comparisons.DROP, Comparisons.REWRITE):
        edited = [with_comparisons(report(row["findings"]), how) for row in rows]
        assert sum(bool(r.edits) for r in edited) > 100
        assert not [r for r in edited for e in r.edits if e.after and comparisons_in(e.after)]
