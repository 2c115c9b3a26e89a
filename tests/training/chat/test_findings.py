"""Conversations about labelled pictures: answers in balance, the same each time, sides and places right, priors where they fit."""

from collections import Counter

import numpy as np
import pytest

from mammoscribe.data.prepared.dataset import PreparedDataset
from mammoscribe.support.errors import InputError
from mammoscribe.training.chat.findings import MOST_QUESTIONS, FindingConversations
from tests.training.biovil.lab import breast_lab
from tests.training.chat.labelled import ALL, CC, FOUR, MLO, L, R, exam, mass, prepared, view
from tests.training.fine_lab import fine_lab
from tests.training.reader.lab import labelled_lab


def conversations(folder, most=8, seed=0, split=None):
    found = FindingConversations(PreparedDataset(folder, split), most, seed)
    return [found[n] for n in range(len(found))]


def pairs(one):
    texts = [turn.text.rpartition("<image>\n")[2] for turn in one.turns]
    return list(zip(texts[::2], texts[1::2], strict=True))


@pytest.fixture(scope="module")
def phantoms(tmp_path_factory):
    return fine_lab(tmp_path_factory.mktemp("phantoms"), 6, "plain")


def test_of_questions_with_yes_and_no_as_many_have_either_answer(phantoms):
    for seed in (0, 1):
        found = [(q, a) for one in conversations(phantoms, seed=seed) for q, a in pairs(one)]
        said = Counter(a.split(".")[0].split(",")[0] for _, a in found)
        assert said["Yes"] == said["No"] > 4
        counts = Counter(a == "None." for q, a in found if "masses" in q)
        assert counts[True] == counts[False]


def test_a_question_that_has_one_answer_in_all_the_data_is_left_out(phantoms):
    text = " ".join(q for one in conversations(phantoms) for q, _ in pairs(one))
    assert "mass" in text and "asymmetr" not in text and "distortion" not in text


def test_a_conversation_is_the_same_each_time_and_another_with_another_seed(phantoms):
    one, again, other = (conversations(phantoms, seed=seed) for seed in (3, 3, 4))
    assert [c.turns for c in one] == [c.turns for c in again] != [c.turns for c in other]
    made = FindingConversations(PreparedDataset(phantoms), 8, 3)
    assert [made.dialogue(n).turns for n in range(len(made))] == [c.turns for c in one]
    assert made.digest != FindingConversations(PreparedDataset(phantoms), 8, 4).digest
    first = {c.name: pairs(c)[0][0] for c in one}
    assert len(set(first.values())) > 2  # wordings and topics vary


def test_no_conversation_is_long_and_none_gives_an_answer_away(phantoms):
    for one in conversations(phantoms):
        asked = [q for q, _ in pairs(one)]
        assert 0 < len(asked) <= MOST_QUESTIONS and one.turns[-1].speaker == "gpt"
        for kind in ("mass", "calcifications"):
            whether = [
                n
                for n, q in enumerate(asked)
                if f"a {kind}" in q.replace("there calc", "there a calc") and "new" not in q
            ]
            taken = [n for n, q in enumerate(asked) if f"the {kind}" in q]
            assert not whether or not taken or max(whether) < min(taken)


def test_priors_are_shown_behind_the_views_and_said_in_words(phantoms):
    one = next(c for c in conversations(phantoms) if c.name == "phantom-0")
    names = [line.split(":")[0] for line in one.turns[0].text.splitlines() if "<image>" in line]
    current = ["right CC", "left CC", "right MLO", "left MLO"]  # as they are hung, and as `read` shows them
    assert names == [*current, *(f"prior {name}" for name in current)] and len(one.views) == 8
    assert not np.array_equal(one.views[2], one.views[6])  # the mass is new


def test_priors_that_do_not_fit_are_left_out_with_every_question_about_change(phantoms):
    made = FindingConversations(PreparedDataset(phantoms), 6)
    found = [made[n] for n in range(len(made))]
    assert made.without_prior == 1 and all(len(c.views) == 4 for c in found)
    assert not any("prior" in turn.text.lower() for c in found for turn in c.turns)


def place_words(folder):
    found = [a for c in conversations(folder) for q, a in pairs(c) if q.startswith(("Where", "In which"))]
    assert found
    return set(found)


def spotted(row, column, mirrored_right):
    """A mass of the right breast in both views, in pixels of a picture with its chest wall at the left or at the right."""
    from dataclasses import replace

    from mammoscribe.domain.view import Box
    from tests.training.chat.labelled import WIDE

    def placed(listed):
        x0 = WIDE - column - 20 if mirrored_right else column
        own = replace(listed.regions[0], box=Box(x0, row, x0 + 20, row + 20))
        return replace(listed, regions=(own,))

    shown = [placed(view(R, k, mass("m", descriptors="shape.oval"))) for k in (CC, MLO)]
    return exam("e", [*shown, view(L, CC), view(L, MLO)])


def test_sides_and_places_do_not_depend_on_how_a_picture_was_mirrored(tmp_path):
    for row, column, half in ((60, 60, "upper"), (240, 60, "lower")):
        found = []
        for way, right in (("as hung", True), ("chest wall at the left", False)):
            folder = prepared(tmp_path / f"{row} {way}", [spotted(row, column, right)], ALL, {R: not right, L: True})
            found.append(place_words(folder))
        assert found[0] == found[1]
        (answer,) = found[0]
        assert answer.startswith("In the right breast") and "middle depth" in answer
        assert ("12 o'clock" in answer or "upper outer" in answer) if half == "upper" else "lower inner" in answer


def test_depth_is_counted_from_the_nipple(tmp_path):
    found = [place_words(prepared(tmp_path / str(c), [spotted(150, c, True)], ALL)) for c in (8, 150)]
    assert "posterior depth" in str(found[0]) and "anterior depth" in str(found[1])


def test_where_nothing_is_boxed_breasts_are_asked_about_one_by_one(tmp_path):
    found = conversations(labelled_plain(tmp_path))
    assert found and all(len(c.views) == 2 for c in found)
    for one in found:
        side = "right" if "right" in one.name else "left"
        other = "left" if side == "right" else "right"
        assert all(side in q and other not in q for q, _ in pairs(one) if "breast" in q)
        lines = [line for line in one.turns[0].text.splitlines() if "<image>" in line]
        assert lines == [f"{side} CC: <image>", f"{side} MLO: <image>"]
        for q, a in pairs(one):
            if "cancer" in q:  # the lab gives cancer to the right breast of every other patient
                number = int(one.name.split(",")[0].split("-")[-1])
                assert a.startswith("Yes") == (side == "right" and number % 2 == 0)


def test_breasts_are_asked_about_one_by_one_on_demand_with_the_same_priors(phantoms):
    whole, apart = (FindingConversations(PreparedDataset(phantoms), 8, by_breast=way) for way in (False, True))
    assert whole.digest != apart.digest
    made = [apart[n] for n in range(len(apart))]
    assert {one.name.rpartition(", ")[2] for one in made} == {"right breast", "left breast"}
    for one in made:
        side, other = ("right", "left") if one.name.endswith("right breast") else ("left", "right")
        text = " ".join(turn.text for turn in one.turns)
        assert side in text and f"{other} CC" not in text and f"the {other} breast" not in text
        assert len(one.views) == text.count("<image>") == 2 + text.count(f"prior {side}")


def labelled_plain(root):
    """The lab of labels alone, prepared as whole pictures."""
    from mammoscribe.data.catalogue import open_catalogue
    from mammoscribe.data.prepared.preparation import PREPARATIONS
    from mammoscribe.data.prepared.prepare import prepare

    labelled_lab(root, 6)
    prepare(open_catalogue(root / "catalogue"), root / "plain", PREPARATIONS["plain"])
    return root / "plain"


def test_data_whose_labels_answer_nothing_or_that_was_prepared_otherwise_is_one_sentence(tmp_path):
    folder = breast_lab(tmp_path / "reports")
    with pytest.raises(InputError, match="answer no question about findings"):
        FindingConversations(PreparedDataset(folder), 8)
    other = prepared(tmp_path / "reader", [exam("e", [view(s, k) for s, k in FOUR])], ALL, as_name="text")
    with pytest.raises(InputError, match="--as plain"):
        FindingConversations(PreparedDataset(other), 8)
