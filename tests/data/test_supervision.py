"""What labels teach: by the card's table, never by their name."""

import json

import pytest

from mammoscribe.data.supervision import Question, Supervision, Teaching, supervision_from, supervision_json
from mammoscribe.domain.finding import FindingType
from mammoscribe.support.errors import InvalidNoun

RECALL = Teaching("birads", "breast", Question.RECALL, {"0": "1", "1": "0", "2": "0"})
DENSITY = Teaching("density", "breast", Question.DENSITY)
SHAPE = Teaching("shape", "region", Question.DESCRIPTORS, {"IRREGULAR": "shape.irregular", "UNKNOWN": ""})


def test_a_label_of_the_same_name_teaches_what_its_card_says():
    recall, ordinal = Supervision((RECALL,)), Supervision((Teaching("birads", "breast", Question.BIRADS),))
    labels = {"birads": "1"}
    assert (recall.answer("breast", Question.RECALL, labels), recall.answer("breast", Question.BIRADS, labels)) == (
        "0",
        None,
    )
    assert (ordinal.answer("breast", Question.RECALL, labels), ordinal.answer("breast", Question.BIRADS, labels)) == (
        None,
        "1",
    )


@pytest.mark.parametrize("value", ["", "9", "BI-RADS 4", "unknown"])
def test_a_value_that_the_table_does_not_name_is_unknown(value):
    assert Supervision((RECALL, DENSITY)).answer("breast", Question.RECALL, {"birads": value}) is None
    assert Supervision((RECALL, DENSITY)).answer("breast", Question.DENSITY, {"density": value}) is None


def test_answers_without_a_table_are_the_values_themselves_in_lower_case():
    assert Supervision((DENSITY,)).answer("breast", Question.DENSITY, {"density": " C "}) == "c"


def test_a_label_of_an_exam_does_not_answer_for_a_breast():
    assert (
        Supervision((Teaching("cancer", "exam", Question.MALIGNANT),)).answer(
            "breast", Question.MALIGNANT, {"cancer": "1"}
        )
        is None
    )


def test_several_values_of_one_label_answer_together():
    unplaced = Teaching("unplaced", "view", Question.UNPLACED, {"CIRC": "mass", "CALC": "calcification"})
    found = Supervision((unplaced,)).answers("view", Question.UNPLACED, {"unplaced": "CIRC|CALC|CIRC|NORM"})
    assert found == ("mass", "calcification")


@pytest.mark.parametrize(
    ("question", "answers"),
    [(Question.RECALL, {"x": "2"}), (Question.KIND, {"x": "nodule"}), (Question.DESCRIPTORS, {"x": "shape.square"})],
)
def test_an_answer_that_the_question_does_not_have_is_refused(question, answers):
    with pytest.raises(InvalidNoun, match="as an answer to"):
        Teaching("label", "region", question, answers)


def test_a_label_of_a_document_cannot_teach_a_reader():
    with pytest.raises(InvalidNoun, match="cannot teach"):
        Teaching("label", "document", Question.RECALL)


def test_supervision_survives_json():
    whole = Supervision((RECALL, DENSITY, SHAPE), (FindingType.MASS,), reports=True)
    assert supervision_from(json.loads(json.dumps(supervision_json(whole)))) == whole
    with pytest.raises(InvalidNoun, match="cannot be read"):
        supervision_from({"teachings": [{"label": "x"}], "boxed_kinds": [], "reports": False})


@pytest.mark.parametrize(
    ("question", "value", "answer"),
    [
        (Question.DESCRIPTORS, "shape.oval,margin.circumscribed", "shape.oval,margin.circumscribed"),
        (Question.DESCRIPTORS, "shape.square", None),
        (Question.SUSPICION, "0.25", "0.25"),
        (Question.SUSPICION, "1.5", None),
        (Question.FINDING, "M1", "M1"),
    ],
)
def test_free_answers_are_checked_too(question, value, answer):
    assert Teaching("label", "region", question).answer(value) == answer


def test_classes_are_names_with_there_or_not_as_the_card_spells_them():
    teaching = Teaching("Edema", "exam", Question.CLASSES, {"1": "edema=1", "0": "edema=0,normal=1"})
    supervision = Supervision((teaching,))
    assert supervision.answer("exam", Question.CLASSES, {"Edema": "0"}) == "edema=0,normal=1"
    assert supervision.answer("exam", Question.CLASSES, {"Edema": "-1"}) is None
    for wrong in ("edema", "edema=2", "=1", "edema=1,"):
        with pytest.raises(InvalidNoun, match="NAME=1 or NAME=0"):
            Teaching("Edema", "exam", Question.CLASSES, {"1": wrong})


def test_listed_values_keep_their_letters_and_some_of_them_say_that_nobody_knows():
    teaching = Teaching("problems", "exam", Question.LISTED, unknown=("No Indexing",))
    assert [teaching.answer(v) for v in (" Pleural Effusion", "No Indexing", "")] == ["Pleural Effusion", None, None]
    supervision = Supervision((teaching,))
    assert supervision_from(json.loads(json.dumps(supervision_json(supervision)))) == supervision


def test_a_description_written_before_there_were_unknown_values_is_read():
    old = supervision_json(Supervision((DENSITY,)))
    del old["teachings"][0]["unknown"]
    assert supervision_from(old) == Supervision((DENSITY,))
