"""Faithfulness of generators made up here: one that looks, ones that do not, one that mixes up the sides."""

import pytest

from mammoscribe.evaluation.card_writers import page_markdown
from mammoscribe.evaluation.faithfulness.card import Sight, card_json, card_page
from mammoscribe.evaluation.faithfulness.run import Asked, measure_faithfulness
from mammoscribe.support.errors import InputError
from tests.evaluation.faithfulness.made import Fake, Made, constant, looking, memory, one_sided

SPOTTED = ["R", "", "L", "R", "L", "", "RL", "R"]


def card_of(says, folder, spotted=SPOTTED, **more):
    generator = Fake(says, **more)
    asked = Asked(generator, Made(spotted), "a generator", "made exams", {"says": says.__name__}, 200)
    return measure_faithfulness(asked, folder)


def values(card) -> dict[str, float]:
    return {line.figure.name: line.entries[0].value for line in card.lines}


def test_a_generator_that_looks_is_shown_to_see_and_to_look_where_it_points(tmp_path):
    card = card_of(looking, tmp_path)
    found = values(card)
    assert card.sight == {"report": Sight.SEES}
    assert found["fact F1, the exam's own pictures"] == 1.0
    assert found["fact F1, grey pictures"] == 0.0
    assert found["stated findings that go when their cited place is filled with tissue"] == 1.0
    assert found["stated findings that go when a random place is filled"] == 0.0
    assert found["stated findings that stay when only the cited place is shown"] == 1.0
    assert found["stated findings that stay when only a random place is shown"] == 0.0
    assert (found["necessity"], found["sufficiency"], found["locality"]) == (1.0, 1.0, 1.0)
    assert found["a moved lesion: the words follow"] == found["a mirrored exam: the words follow"] == 1.0
    assert found["sentences that their evidence bears out"] == 0.75
    assert "Report: sees." in page_markdown(card_page(card))


def test_a_generator_that_ignores_the_pictures_comes_out_as_blind(tmp_path):
    card = card_of(constant, tmp_path)
    found = values(card)
    assert card.sight == {"report": Sight.BLIND}
    assert found["facts that stay with another patient's pictures"] == 1.0
    assert found["fact F1, own minus another patient's pictures"] == 0.0
    assert found["stated findings that go when their cited place is filled with tissue"] == 0.0
    assert (
        found["necessity"]
        == found["a mirrored exam: the words follow"]
        == found["a moved lesion: the words follow"]
        == 0.0
    )
    assert "Report: blind." in page_markdown(card_page(card))
    assert card_json(card)["sight"] == {"report": "blind"}


def test_a_generator_that_knows_the_exams_by_heart_is_right_and_blind(tmp_path):
    card = card_of(memory(SPOTTED), tmp_path)
    found = values(card)
    assert found["fact F1, the exam's own pictures"] == 1.0
    assert card.sight == {"report": Sight.BLIND}
    assert found["fact F1, own minus grey pictures"] == found["necessity"] == 0.0


def test_words_of_a_generator_that_mixes_up_the_sides_do_not_follow(tmp_path):
    found = values(card_of(one_sided, tmp_path))
    assert found["a moved lesion: the words follow"] == found["a mirrored exam: the words follow"] == 0.0
    assert found["stated findings that go when their cited place is filled with tissue"] > 0


def test_a_few_exams_show_nothing(tmp_path):
    """Of three patients who all differ in one direction chance has one in four."""
    card = card_of(looking, tmp_path, ["R", "L", "R"])
    assert card.sight == {"report": Sight.NOT_SHOWN}
    ends = {line.figure.name: line.entries[0].interval for line in card.lines}
    one, other = ends["deletion: cited minus random place"], ends["necessity"]
    assert one is not None and other is not None
    assert one.low == pytest.approx(0.025 ** (1 / 3) - (1 - 0.025 ** (1 / 3))) and other.low == pytest.approx(
        0.025 ** (1 / 3)
    )


def test_a_text_that_does_not_change_with_random_weights_does_not_rest_on_them(tmp_path):
    found = values(card_of(looking, tmp_path / "a", without_weights=Fake(looking)))
    assert found["facts that stay with random weights"] == 1.0
    assert found["fact F1, own minus random weights"] == 0.0
    found = values(card_of(looking, tmp_path / "b", without_weights=Fake(constant)))
    assert found["facts that stay with random weights"] < 1.0
    assert found["fact F1, own minus random weights"] > 0.3
    card = card_of(looking, tmp_path / "c")
    assert "facts that stay with random weights" not in values(card)
    assert any("out of reach" in note for note in card.notes)


def test_trials_are_stored_and_measured_again_without_writing(tmp_path):
    generator = Fake(looking)
    asked = Asked(generator, Made(["R", "L", ""]), "g", "made", {}, 100)
    first = measure_faithfulness(asked, tmp_path)
    assert generator.calls > 3
    generator.calls = 0
    again = measure_faithfulness(asked, tmp_path)
    assert generator.calls == 0
    assert card_json(again) == card_json(first) or values(again) == values(first)
    assert again.trials == first.trials


def test_exams_that_cannot_be_written_about_are_named_and_none_at_all_is_one_sentence(tmp_path):
    def refuses(exam, decode):
        if exam.id == "e1":
            raise InputError("a view is too dark", "light")
        return looking(exam, decode)

    card = card_of(refuses, tmp_path / "a", ["R", "L", "R"])
    assert len(card.trials) == 2 and any("e1" in note for note in card.notes)

    def never(exam, decode):
        raise InputError("a view is too dark", "light")

    with pytest.raises(InputError, match="a view is too dark"):
        card_of(never, tmp_path / "b", ["R"])


def test_every_figure_has_its_n_and_one_sentence_of_what_it_means(tmp_path):
    stored = card_json(card_of(looking, tmp_path, without_weights=Fake(constant)))
    assert all(f["meaning"].endswith(".") and f["candidates"][0]["n"] > 0 for f in stored["figures"])
    counts = {f["name"]: f["candidates"][0]["n"] for f in stored["figures"]}
    assert counts["fact F1, the exam's own pictures"] == 8
    assert counts["necessity"] == 7  # three right, two left, and two of one exam
    assert counts["a moved lesion: the words follow"] == 5  # both breasts of the other exam show one already
