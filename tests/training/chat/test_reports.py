"""Reports of pictures: the dataset's own words where it has a report, and of labels only what they say."""

import pytest

from mammoscribe.data.prepared.dataset import PreparedDataset
from mammoscribe.domain.view import Laterality
from mammoscribe.reporting.facts import FactKind, Status
from mammoscribe.reporting.parse import parse_report
from mammoscribe.support.errors import InputError, InvalidNoun
from mammoscribe.training.chat.reports import USUAL, ReportConversations, Wording
from mammoscribe.training.chat.steps import notes_of
from tests.data.some_records import report
from tests.training.chat.labelled import ALL, CC, FOUR, MASSES, MLO, NONE, L, R, exam, mass, prepared, view

M = mass("m1", descriptors="shape.oval,margin.spiculated", change="increased")


def whole(name, right=(M,), day=None, **more):
    import datetime as dt

    views = [view(side, kind, *(right if side is R else ()), name=name) for side, kind in FOUR]
    return exam(name, views, date=dt.date.fromisoformat(day) if day else None, **more)


def learned(folder, most=8, seed=0, wording=USUAL, by_breast=False):
    found = ReportConversations(PreparedDataset(folder), most, seed=seed, wording=wording, by_breast=by_breast)
    ones = [found[n] for n in range(len(found))]
    assert [found.dialogue(n).turns for n in range(len(found))] == [one.turns for one in ones]
    assert all(len(one.turns) == 2 and one.turns[0].text.count("<image>") == len(one.views) for one in ones)
    return {one.name: one.turns[1].text for one in ones}


def facts(text):
    """(status, kind, side) of findings that the report parser, which knows nothing of this module, reads in a text."""
    kinds = {FactKind.MASS, FactKind.CALCIFICATION, FactKind.DISTORTION, FactKind.ASYMMETRY, FactKind.ANY_FINDING}
    return {(f.status, f.kind, f.laterality) for f in parse_report(text).facts if f.kind in kinds}


def test_the_report_of_a_dataset_is_learned_word_for_word_also_where_there_are_labels(tmp_path):
    own = whole("e1", report=report("Its own words, of a mass.", "BI-RADS 4."))
    assert learned(prepared(tmp_path, [own], ALL)) == {
        "e1": "Findings: Its own words, of a mass.\nImpression: BI-RADS 4."
    }


def test_labels_take_the_place_of_a_report_on_demand_where_they_say_enough(tmp_path):
    both = [whole(f"e{n}", report=report("Its own words, of a mass of 12 mm.", "BI-RADS 4.")) for n in range(2)]
    unplaced = {"unplaced": "mass|calcification|asymmetry|architectural_distortion"}
    silent = exam("e2", [view(R, CC, name="e2", **unplaced)], report=report("Other words.", "BI-RADS 1."))
    folder = prepared(tmp_path, [*both, silent], ALL)
    texts = learned(folder, wording=Wording(of_labels=True, style="prose"))
    assert texts.keys() == {"e0", "e1", "e2"} and texts["e2"] == "Findings: Other words.\nImpression: BI-RADS 1."
    for name in ("e0", "e1"):
        assert (Status.POSITIVE, FactKind.MASS, R) in facts(texts[name]) and "spiculated" in texts[name]
        assert "own words" not in texts[name] and "mm" not in texts[name]


@pytest.mark.parametrize(
    ("wording", "said"),
    [
        (Wording(), None),
        (Wording(style="prose"), "task.wording.of_labels=true has labels worded in their place"),
        (Wording(of_labels=True), "because its labels do not say enough"),
    ],
)
def test_a_wording_that_does_not_touch_a_dataset_is_said(tmp_path, wording, said):
    unplaced = {"unplaced": "mass|calcification|asymmetry|architectural_distortion"}
    own = exam("e1", [view(R, CC, name="e1", **unplaced)], report=report("Its own words.", "BI-RADS 1."))
    made = ReportConversations(PreparedDataset(prepared(tmp_path, [own], ALL)), 8, wording=wording)
    notes = list(notes_of({"ours": made}, None, 8, wording))
    assert (not notes) if said is None else (len(notes) == 1 and said in notes[0] and "ours: 1 of its" in notes[0])


def test_labels_are_written_in_the_form_of_a_report_that_is_read_back_as_the_labels(tmp_path):
    labels = {R: {"density": "c", "birads": "4"}, L: {"density": "c", "birads": "1"}}
    folder = prepared(tmp_path, [whole("e1", breasts=labels)], ALL)
    texts = {learned(folder, seed=seed)["e1"] for seed in range(6)}
    assert len(texts) > 3  # styles and wordings vary with the seed
    for text in texts:
        assert [line.split(":")[0] for line in text.splitlines()] == ["Composition", "Findings", "Impression"]
        read = parse_report(text).facts
        assert (Status.POSITIVE, FactKind.MASS, R) in facts(text)
        assert (Status.NEGATIVE, FactKind.ANY_FINDING, L) in facts(text)
        assert not any(side is L for status, _, side in facts(text) if status is Status.POSITIVE)
        assert {f.value for f in read if f.kind is FactKind.BIRADS and f.laterality is R} == {"4"}
        assert {f.value for f in read if f.kind is FactKind.DENSITY} == {"c"}
        assert not any(f.kind is FactKind.CHANGE for f in read) and "mm" not in text


def test_nothing_is_denied_of_which_not_all_boxes_are_known(tmp_path):
    folder = prepared(tmp_path / "masses", [whole("e1")], MASSES)
    for seed in range(4):
        found = facts(learned(folder, seed=seed)["e1"])
        assert {kind for status, kind, _ in found if status is Status.NEGATIVE} <= {FactKind.MASS}
        assert (Status.NEGATIVE, FactKind.MASS, L) in found
    with pytest.raises(
        InputError, match="no picture with a report or with labels"
    ):  # of the left breast nothing is known
        learned(
            prepared(tmp_path / "none", [exam("e", [view(s, k) for s, k in FOUR], breasts={R: {"density": "a"}})], NONE)
        )


def test_change_and_comparison_are_written_where_the_prior_is_shown(tmp_path):
    records = [
        exam("e0", [view(s, k, name="e0", unplaced="mass|calcification|asymmetry|architectural_distortion") for s, k in FOUR]),
        whole("e1", prior_id="e0"),
    ]  # fmt: skip
    from dataclasses import replace

    records[0] = replace(records[0], patient_id=records[1].patient_id)
    folder = prepared(tmp_path, records, ALL)
    shown, hidden = learned(folder, 8)["e1"], learned(folder, 6)["e1"]
    assert "Comparison: " in shown and any(f.kind is FactKind.CHANGE or f.change for f in parse_report(shown).facts)
    assert "Comparison" not in hidden and "prior" not in hidden.lower()
    assert ReportConversations(PreparedDataset(folder), 6).without_prior == 1


def test_labels_of_breasts_that_are_not_boxed_are_written_breast_by_breast(tmp_path):
    folder = prepared(tmp_path, [whole("e1", right=(), breasts={R: {"recall": "1"}, L: {"birads": "2"}})], NONE)
    found = learned(folder)
    assert set(found) == {"e1, right breast", "e1, left breast"}
    for name, text in found.items():
        side = Laterality.RIGHT if "right" in name else Laterality.LEFT
        categories = {
            (f.laterality, f.value) for f in parse_report(text).facts if f.kind is FactKind.BIRADS and f.laterality
        }
        assert categories == {(side, "0" if side is R else "2")}


def test_on_demand_labels_are_written_breast_by_breast_each_with_its_own_views_and_no_word_of_the_other(tmp_path):
    labels = {R: {"density": "c", "birads": "4"}, L: {"density": "b", "birads": "1"}}
    folder = prepared(tmp_path, [whole("e1", breasts=labels)], ALL)
    assert "overall" in learned(folder, wording=Wording(style="prose"))["e1"]
    found = learned(folder, wording=Wording(style="prose"), by_breast=True)
    assert set(found) == {"e1, right breast", "e1, left breast"}
    for name, text in found.items():
        own, other = ("right", "left") if "right" in name else ("left", "right")
        assert own in text and other not in text and "overall" not in text
    assert (Status.POSITIVE, FactKind.MASS, R) in facts(found["e1, right breast"])
    assert (Status.NEGATIVE, FactKind.ANY_FINDING, L) in facts(found["e1, left breast"])
    made = ReportConversations(PreparedDataset(folder), 8, by_breast=True)
    assert [made.dialogue(n).num_pictures for n in range(2)] == [2, 2] and made.reports_breasts
    assert made.digest != ReportConversations(PreparedDataset(folder), 8).digest


def test_a_report_of_its_own_stays_whole_where_breasts_are_asked_for_and_this_is_said(tmp_path):
    own = whole("e1", report=report("Its own words, of a mass.", "BI-RADS 4."))
    made = ReportConversations(PreparedDataset(prepared(tmp_path, [own], ALL)), 8, by_breast=True)
    assert [made.dialogue(n).name for n in range(len(made))] == ["e1"] and not made.reports_breasts
    (note,) = notes_of({"ours": made}, None, 8, USUAL, by_breast=True)
    assert "ours: 1 of its reports are its own" in note


def test_boxes_that_may_be_of_one_finding_are_not_written_as_two(tmp_path):
    """Where no name links the boxes of two views (as in CBIS-DDSM), each view has a report by itself."""
    views = [view(R, k, mass(descriptors="shape.oval")) for k in (CC, MLO)]
    found = learned(prepared(tmp_path, [exam("e1", views)], MASSES))
    assert set(found) == {"e1, right CC", "e1, right MLO"}
    for name, text in found.items():
        masses = [f for f in parse_report(text).facts if f.kind is FactKind.MASS]
        assert len(masses) == 1 and {str(p) for p in masses[0].views} == {name.split()[-1]}
    both = [view(R, k, *([mass("m")] if k is CC else [])) for k in (CC, MLO)]
    assert set(learned(prepared(tmp_path / "closed", [exam("e1", both)], MASSES))) == {"e1"}


def test_a_style_that_is_set_is_that_of_every_report(tmp_path):
    folder = prepared(tmp_path, [whole(f"e{n}") for n in range(3)], ALL)
    for seed in range(4):
        for text in learned(folder, seed=seed, wording=Wording(style="telegraphic")).values():
            assert "L: no " in text  # as in "L: no abnormality."
    assert any("L: no " not in text for seed in range(4) for text in learned(folder, seed=seed).values())


def test_normal_exams_are_left_out_down_to_the_share_that_is_set(tmp_path):
    labels = {R: {"density": "c", "birads": "1"}, L: {"density": "c", "birads": "1"}}
    exams = [whole(f"e{n}", () if n < 6 else (M,), breasts=labels) for n in range(8)]
    folder = prepared(tmp_path, exams, ALL)
    for share, normal in ((0.5, 2), (0.0, 0), (0.9, 6), (None, 6)):
        names = set(learned(folder, wording=Wording(normal_share=share)))
        assert len(names) == normal + 2 and {"e6", "e7"} <= names
    digests = {
        ReportConversations(PreparedDataset(folder), 8, wording=Wording(normal_share=s)).digest for s in (None, 0.5)
    }
    assert len(digests) == 2  # a run cannot go on with other reports than it began with


def test_where_every_exam_is_normal_none_is_left_out(tmp_path):
    folder = prepared(tmp_path, [whole(f"e{n}", ()) for n in range(2)], ALL)
    assert len(learned(folder, wording=Wording(normal_share=0.2))) == 2


def test_a_style_that_is_not_there_and_a_share_of_all_are_refused():
    with pytest.raises(InputError, match="no style of reports is called 'terse'"):
        Wording(style="terse")
    with pytest.raises(InvalidNoun, match="normal_share 1"):
        Wording(normal_share=1)
