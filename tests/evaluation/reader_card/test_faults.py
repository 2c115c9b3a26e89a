"""Planted faults: each is one sentence, and none is seen where nothing is wrong."""

import numpy as np
import pytest

from mammoscribe.data.datasets.rsna import RSNA
from mammoscribe.data.prepared.dataset import PreparedDataset
from mammoscribe.evaluation.labelled_exams import LabelledBreast
from mammoscribe.evaluation.outputs.exam_output import BreastOutput, OutputView
from mammoscribe.evaluation.reader_card.cases import Case, join
from mammoscribe.evaluation.reader_card.faults import check_threshold_split, leaks, output_faults, repeats
from mammoscribe.support.errors import InputError
from tests.evaluation.reader_card.made import VIEWS, exam, mark, mass, output, scored
from tests.training.reader.lab import labelled_lab, prepared

BOX = (10, 10, 30, 30)


def skilled(num: int = 60, skill: float = 1.5, seed: int = 0) -> list[Case]:
    """Exams with one malignant breast in every second, and probabilities that rank them as well as `skill` says."""
    rng = np.random.default_rng(seed)
    labels = [(i % 4 == 0, i % 4 == 2) for i in range(num)]
    probs = [tuple(1 / (1 + np.exp(-rng.normal(skill * y, 1))) for y in both) for both in labels]
    return scored(labels, probs)


def test_a_reader_with_skill_has_no_fault():
    assert list(output_faults("m", skilled())) == []


def test_exchanged_sides_are_one_sentence():
    cases = [Case(c.labels, c.output.exchanged()) for c in skilled()]
    (sentence,) = output_faults("m", cases)
    assert "right and left exchanged than as given" in sentence


def test_exchanged_marks_are_one_sentence():
    cases = [
        Case(
            exam(i, LabelledBreast(), LabelledBreast(), truth=(mass("m", "R_CC", BOX),)),
            output(i, BreastOutput(), BreastOutput(), mark("L_CC", BOX, 0.9)),
        )
        for i in range(8)
    ]
    (sentence,) = output_faults("m", cases)
    assert "8 exchanged, 0 as given" in sentence


def test_shuffled_ids_are_one_sentence():
    cases = skilled(120)
    order = np.random.default_rng(1).permutation(len(cases))
    shuffled = [Case(c.labels, cases[i].output) for c, i in zip(cases, order, strict=True)]
    (sentence,) = output_faults("m", shuffled)
    assert "ids may be shuffled" in sentence


def test_shuffled_pictures_of_other_sizes_cannot_be_joined():
    labels = [exam(0, LabelledBreast(), LabelledBreast())]
    other = {name: OutputView(101, 200) for name in VIEWS}
    given = output(0, BreastOutput(), BreastOutput(), views=other)
    with pytest.raises(InputError, match="other pictures than this dataset has"):
        join(labels, {"m": {"e0": given}})


def test_few_exams_are_no_proof_of_a_fault():
    wrong = [Case(c.labels, c.output.exchanged()) for c in skilled(8)]
    assert list(output_faults("m", wrong)) == []


# --- splits -------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    return labelled_lab(tmp_path_factory.mktemp("lab"), 3)


def test_a_split_by_patient_has_no_leak_and_no_repeat(lab):
    assert list(leaks(PreparedDataset(lab, "val"))) == []
    assert list(repeats(PreparedDataset(lab, "val"))) == []


def test_another_dataset_that_was_learned_from_is_looked_at_by_patient_and_picture(lab, tmp_path):
    again = labelled_lab(tmp_path, 2)  # patients 0 and 1, in the splits train and val
    found = list(leaks(PreparedDataset(lab, "train"), [again]))
    assert any("1 patients of train are also in train" in f for f in found)
    assert any("4 pictures of train are also in train" in f for f in found)


def test_a_picture_of_two_exams_is_a_repeat(tmp_path):
    labelled_lab(tmp_path / "made", 2)
    files = tmp_path / "made" / "files"
    for number in range(4):
        (files / "images" / f"1_{number}.jpg").write_bytes((files / "images" / f"0_{number}.jpg").read_bytes())
    (sentence,) = repeats(PreparedDataset(prepared(RSNA, files, tmp_path / "twice")))
    assert "1 exams" in sentence and "repeat the pictures" in sentence


def test_a_threshold_is_not_fixed_on_what_is_measured():
    check_threshold_split("test", "val")
    for measured, fixed_on in (("test", "test"), ("val", "val"), ("val", "test")):
        with pytest.raises(InputError, match="threshold fixed on"):
            check_threshold_split(measured, fixed_on)
