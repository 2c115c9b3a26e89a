"""Which questions labels can answer: what is boxed or denied may be asked about, what nobody labelled may not."""

from dataclasses import replace

import numpy as np
import pytest

from mammoscribe.data.supervision import Supervision
from mammoscribe.training.chat.facts import facts_of
from mammoscribe.training.chat.findings import compared
from mammoscribe.training.chat.questions import questions_of
from mammoscribe.training.chat.shown import current, with_prior
from tests.data.some_records import report
from tests.training.chat.labelled import ALL, CC, FOUR, MASSES, MLO, NONE, TEACHINGS, L, R, exam, mass, stored, view

M = mass("m1", descriptors="shape.oval,margin.spiculated", cancer="1", suspicion="0.9", change="new")


def asked(record, supervision=ALL, missing=(), prior=None):
    """(question, answer) of everything that the labels of an exam answer, in the first wording of each."""
    shown = with_prior(current(stored(record, missing)), None if prior is None else stored(prior), 8)[0]
    found = questions_of(facts_of(record, shown, supervision), compared(shown))

    class First:
        def integers(self, *_):
            return 0

    return [ask.words(First(), {}) for ask in found]  # type: ignore[arg-type]


def whole(right=(M,), left=(), **more):
    """Four views; the findings are in both views of a breast."""
    return exam("e", [view(side, kind, *(right if side is R else left)) for side, kind in FOUR], **more)


def presence(pairs):
    return {
        q: a for q, a in pairs if q.startswith(("Is there a", "Are there c")) and "new" not in q and "cancer" not in q
    }


def test_of_an_exam_with_all_boxes_each_kind_is_asked_of_each_breast_and_denied_where_no_box_is():
    found = presence(asked(whole()))
    things = ("a mass", "calcifications", "architectural distortion", "an asymmetry")
    questions = {
        f"{'Are' if thing == 'calcifications' else 'Is'} there {thing} in the {side} breast?"
        for thing in things
        for side in ("right", "left")
    }
    assert set(found) == questions
    assert [q for q, a in found.items() if a == "Yes."] == ["Is there a mass in the right breast?"]
    assert sum(a == "No." for a in found.values()) == 7


def test_where_only_masses_are_boxed_nothing_else_is_asked_about():
    pairs = asked(whole(), MASSES)
    assert presence(pairs) == {
        "Is there a mass in the right breast?": "Yes.",
        "Is there a mass in the left breast?": "No.",
    }
    text = " ".join(q + a for q, a in pairs)
    assert not any(word in text for word in ("calcif", "distortion", "symmetr", "Which findings"))


def test_where_nobody_says_that_all_boxes_are_there_nothing_is_denied_or_counted():
    pairs = asked(whole(), NONE)
    assert presence(pairs) == {"Is there a mass in the right breast?": "Yes."}
    assert not any(q.startswith(("How many", "Which")) for q, _ in pairs)
    assert asked(whole(right=()), NONE) == []


def test_a_kind_without_a_place_in_one_view_is_not_denied_of_the_breast():
    views = [view(s, k, unplaced="calcification" if (s, k) == (L, MLO) else "") for s, k in FOUR]
    found = presence(asked(exam("e", views)))
    assert "Are there calcifications in the left breast?" not in found
    assert (
        found["Are there calcifications in the right breast?"] == found["Is there a mass in the left breast?"] == "No."
    )


def test_something_marked_of_which_nobody_says_what_it_is_lets_nothing_be_denied():
    found = presence(asked(whole(right=({"kind": ""},))))
    assert found and all("left" in question for question in found)


def test_what_a_view_shows_that_could_not_be_prepared_is_not_denied_by_the_others():
    views = [view(R, CC), view(R, MLO, mass()), view(L, CC)]
    found = presence(asked(exam("e", views), missing=(1,)))
    assert not any("mass" in question for question in found if "right" in question)
    assert found["Are there calcifications on the right CC view?"] == "No."
    assert found["Is there a mass on the left CC view?"] == "No."


def test_a_breast_with_one_view_is_asked_about_that_view():
    pairs = asked(exam("e", [view(R, CC, M)]))
    assert presence(pairs)["Is there a mass on the right CC view?"] == "Yes."
    assert not any("left" in q for q, _ in pairs)


def test_what_a_report_denies_or_states_is_asked_of_the_breast():
    says = report("There is a mass in the right breast. No mass is seen in the left breast.", "BI-RADS 4.")
    taught = Supervision(TEACHINGS, reports=True)
    found = presence(asked(whole(right=(), report=says), taught))
    assert found == {"Is there a mass in the right breast?": "Yes.", "Is there a mass in the left breast?": "No."}
    assert presence(asked(whole(right=(), report=says), NONE)) == {}  # this dataset's reports teach nothing


def test_boxes_and_a_report_that_contradict_each_other_are_not_asked_about():
    says = report("No mass is seen in the right breast.", "BI-RADS 1.")
    found = presence(asked(whole(report=says), replace(ALL, reports=True)))
    assert "Is there a mass in the right breast?" not in found


@pytest.mark.parametrize(("number", "word"), [(0, "None."), (1, "One."), (2, "Two."), (5, "5.")])
def test_findings_are_counted(number, word):
    found = dict(asked(whole(right=tuple(mass(f"m{n}") for n in range(number)))))
    assert found["How many masses are there in the right breast?"] == word
    assert found["How many masses are there in the left breast?"] == "None."
    assert "How many calcifications are there in the right breast?" not in found  # a box holds a group


def test_boxes_of_which_nobody_says_whether_they_are_one_finding_are_counted_in_each_view():
    found = dict(asked(whole(right=(mass(descriptors="shape.oval"),))))
    assert "How many masses are there in the right breast?" not in found
    assert found["How many masses are there on the right CC view?"] == "One."
    assert found["What is the shape of the mass on the right MLO view?"] == "Oval."


def test_shape_and_margin_are_asked_with_values_that_hold_and_that_do_not():
    found = dict(asked(whole()))
    assert found["What is the shape of the mass in the right breast?"] == "Oval."
    assert found["Is the margin of the mass in the right breast spiculated?"] == "Yes."
    assert found["Is the margin of the mass in the right breast circumscribed?"] == "No."
    assert not any("lobulated?" in q and "shape" in q for q in found)  # BI-RADS 2013 calls a lobulated mass oval
    assert not any("density of the mass" in q for q in found)  # not labelled
    assert (
        found["Is the mass in the right breast malignant?"]
        == found["Is the mass in the right breast suspicious?"]
        == "Yes."
    )


def test_of_two_masses_none_is_the_mass():
    found = asked(whole(right=(M, mass("m2", descriptors="shape.round"))))
    assert not any("the mass" in question for question, _ in found)


def test_labels_of_a_breast_are_asked_of_that_breast():
    breasts = {R: {"density": "c", "recall": "1", "cancer": "1"}, L: {"recall": "0"}}
    found = dict(asked(whole(right=(), breasts=breasts), NONE))
    assert found == {
        "How dense is the right breast?": "The breast is heterogeneously dense.",
        "Should the right breast be recalled for more imaging?": "Yes.", "Is there cancer in the right breast?": "Yes.",
        "Should the left breast be recalled for more imaging?": "No.",
    }  # fmt: skip


def test_a_label_of_the_exam_is_no_label_of_both_breasts():
    both = replace(NONE, teachings=tuple(replace(t, of="exam") for t in TEACHINGS if t.of == "breast"))
    assert asked(whole(right=(), labels={"cancer": "1"}), both) == []
    one = exam("e", [view(L, CC), view(L, MLO)], labels={"cancer": "1"})
    assert asked(one, both) == [("Is there cancer in the left breast?", "Yes.")]


def test_change_is_asked_where_each_view_of_the_breast_is_shown_with_its_prior():
    before = exam("before", [view(s, k, name="before") for s, k in FOUR])
    assert not any("prior" in q for q, _ in asked(whole()))
    found = dict(asked(whole(), prior=before))
    assert found["How has the mass in the right breast changed since the prior exam?"] == "New since the prior exam."
    new = {q: a for q, a in found.items() if "does not show" in q}
    assert sorted(new.values()) == ["No."] * 7 + ["Yes."]
    some = dict(asked(whole(), prior=replace(before, images=before.images[1:])))  # no prior right CC
    assert not any("right breast" in q and "prior" in q for q in some) and any("prior" in q for q in some)


def test_a_change_that_is_not_labelled_is_not_taken_for_none():
    before = exam("before", [view(s, k, name="before") for s, k in FOUR])
    found = dict(asked(whole(right=(mass("m1"),)), prior=before))
    assert not any("mass" in q and "right" in q and "prior" in q for q in found)


def test_where_names_the_breast_and_the_views_that_are_known_to_show_it():
    views = [view(R, CC, M), view(R, MLO), view(L, CC), view(L, MLO)]
    assert dict(asked(exam("e", views)))["Where is the mass?"] == "In the right breast, seen on CC only."
    assert dict(asked(exam("e", views), NONE))["Where is the mass?"] == "In the right breast."
    assert dict(asked(whole()))["Where is the mass?"] == "In the right breast, seen on CC and MLO."
    both = dict(asked(whole(left=(mass("m9"),))))
    assert "Where is the mass?" not in both
    assert both["Where in the left breast is the mass?"].startswith("In the left breast")


def test_every_wording_can_be_filled():
    before = exam("before", [view(s, k, name="before") for s, k in FOUR])
    labels = {"density": "b", "recall": "0", "cancer": "0"}
    calcifications = {"kind": "calcification", "name": "c", "descriptors": "morphology.amorphous", "change": "stable"}
    record = whole(left=(calcifications,), breasts={R: labels, L: labels})
    shown = with_prior(current(stored(record)), stored(before), 8)[0]
    for ask in questions_of(facts_of(record, shown, ALL), compared(shown)):
        for seed in range(12):
            question, answer = ask.words(np.random.default_rng(seed), {})
            assert not set("{}") & set(question + answer) and question[0].isupper() and answer[0].isupper()
            assert question[-1] in "?." and answer.endswith(".")
            assert not any(
                wrong in question + answer for wrong in ("is calcifications", "is there calc", "a architect")
            )
