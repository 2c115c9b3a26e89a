"""Words of marks on films, from a made-up marks file."""

import json

import pytest

from mammoscribe.domain.lexicon import Axis
from mammoscribe.evaluation.film_words import calibration_of, confusion, read_film_words, word_rows
from mammoscribe.support.errors import InputError

AT, ELSEWHERE = [10, 10, 30, 30], [60, 60, 80, 80]


def film(name, oval, label, malignant=None, box=AT):
    words = {"shape": {"shape.oval": oval, "shape.irregular": 1 - oval}}
    return {
        "dataset": "cbis-ddsm", "patient_id": name, "exam": name, "view": "R_MLO",
        "marks": [
            {"box": ELSEWHERE, "score": 0.99, "suspicion": 0.5, "words": {"shape": {"shape.oval": 0.5, "shape.irregular": 0.5}}},
            {"box": box, "score": 0.4, "suspicion": 1 - oval, "words": words},
        ],
        "truth": [{"box": AT, "descriptors": list(label), "suspicion": malignant}],
    }  # fmt: skip


@pytest.fixture
def words(tmp_path):
    views = [
        film("a", 0.9, ["shape.oval"], 0.0), film("b", 0.8, ["shape.irregular"], 1.0), film("c", 0.4, ["shape.irregular"], 1.0),
        film("d", 0.9, ["shape.oval", "shape.irregular"]), film("e", 0.9, ["shape.oval"], box=[40, 40, 50, 50]),
        film("f", 0.9, ["margin.spiculated"]),
    ]  # fmt: skip
    (tmp_path / "marks.json").write_text(json.dumps({"views": [*views, {**film("g", 0.9, []), "dataset": "other"}]}))
    return read_film_words(tmp_path / "marks.json", "cbis-ddsm")


def test_only_found_lesions_with_one_word_are_held_against_the_mark(words):
    assert (words.lesions, words.found) == (6, 5)
    assert [(a.patient, a.answer, a.right) for a in words.answers] == [
        ("a", "shape.oval", True), ("b", "shape.oval", False), ("c", "shape.irregular", True),
    ]  # fmt: skip


def test_agreement_stands_beside_the_commonest_label_and_rises_with_the_probability(words):
    rows = {r.what: r for r in word_rows(words)}
    assert rows["shape: always irregular"].value == pytest.approx(2 / 3)
    assert rows["shape: likeliest word right"].value == pytest.approx(2 / 3)
    assert rows["shape: right where stated from a probability of 0.7"].n == "2 of 3 found lesions"
    assert rows["malignant against benign lesions that are found, AUC"].value == 1.0


def test_confusion_and_calibration_count_every_answer_once(words):
    names, counts = confusion(words, Axis.SHAPE)
    assert names == ("shape.irregular", "shape.oval") and counts.tolist() == [[1, 1], [0, 1]]
    assert sum(b.n for b in calibration_of(words, Axis.SHAPE)) == 3


def test_a_file_without_such_lesions_is_one_sentence(words, tmp_path):
    with pytest.raises(InputError, match="no lesion of vindr"):
        read_film_words(tmp_path / "marks.json", "vindr")
    with pytest.raises(InputError, match="no marks in"):
        read_film_words(tmp_path / "none.json", "cbis-ddsm")
