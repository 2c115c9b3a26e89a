"""What is special in CSAW-CC: years for dates, outcomes beside labels, pictures in folders of any name."""

import datetime as dt

import pytest

from mammoscribe.data.chronology import Chronology
from mammoscribe.data.dataset import Fault
from mammoscribe.data.datasets.csaw_cc import CSAW_CC
from mammoscribe.domain.view import Laterality
from mammoscribe.support.errors import InputError
from tests.data.datasets.makers import csaw_cc

LEFT, RIGHT = Laterality.LEFT, Laterality.RIGHT


def items(root):
    return list(CSAW_CC.edition_in(root).read(root))


def test_exams_are_years_of_a_woman_and_the_earlier_one_is_the_prior(tmp_path):
    csaw_cc.screening_data(tmp_path)
    early, found, control = items(tmp_path)
    assert [(e.id, e.patient_id, e.date) for e in (early, found)] == [
        ("7_2012", "7", dt.date(2012, 1, 1)), ("7_2014", "7", dt.date(2014, 1, 1)),
    ]  # fmt: skip
    with Chronology() as chronology:
        chronology.add_all([early, found, control])
        assert [chronology.prior_of(e) for e in (early, found, control)] == [None, "7_2012", None]


def test_a_breast_has_cancer_when_it_was_found_at_this_exam_and_early_exams_stay_open(tmp_path):
    csaw_cc.screening_data(tmp_path)
    early, found, control = items(tmp_path)
    assert early.breasts[LEFT] == {"study_cancer": "1", "recall_type": "0"}
    assert early.breasts[RIGHT] == {"cancer": "0", "study_cancer": "0", "recall_type": "0"}
    assert found.breasts[LEFT] == {"cancer": "1", "study_cancer": "1", "recall_type": "1"}
    assert found.breasts[RIGHT] == {"cancer": "0", "study_cancer": "0", "recall_type": "0"}
    assert control.breasts == {side: {"cancer": "0", "study_cancer": "0"} for side in (LEFT, RIGHT)}


def test_codes_become_words(tmp_path):
    csaw_cc.screening_data(tmp_path)
    early, found, control = items(tmp_path)
    assert found.labels == {
        "case": "1", "timing": "screen-detected", "cancer_type": "invasive up to 15 mm", "lymph_node": "0",
        "age_band": "40-55", "recall": "1", "reader_1": "1", "reader_2": "0",
    }  # fmt: skip
    assert early.labels["timing"] == "prior"
    assert control.labels == {"case": "0", "age_band": "over 55"}
    assert found.images[0].labels["libra_percentdensity"] == "11.2"


def test_a_picture_is_found_in_whatever_folder_it_was_unpacked(tmp_path):
    csaw_cc.screening_data(tmp_path)
    assert [exam.images[0].path for exam in items(tmp_path)] == [
        "CSAW-CC_batch_1/00007_20990909_L_CC_1.dcm",
        "batches/CSAW-CC_batch_2/00007_20990909_L_MLO_2.dcm",
        "00008_20990909_L_CC_1.dcm",
    ]


@pytest.mark.parametrize(
    ("before", "after", "words"),
    [
        ("8,2013,2,0", "8,2013.5,2,0", "the exam year '2013.5'"),
        ("8,2013,2,0", "8,13,2,0", "the exam year '13'"),
        ("00008_20990909_L_CC_1.dcm", "", "the file name ''"),
        ("00008_20990909_L_CC_1.dcm", "../secret.dcm", "the file name '../secret.dcm'"),
    ],
)
def test_a_row_that_cannot_be_read_is_an_error(tmp_path, before, after, words):
    made = csaw_cc.screening_data(tmp_path)
    table = tmp_path / made.table
    table.write_text(table.read_text().replace(before, after))
    (fault,) = (i for i in items(tmp_path) if isinstance(i, Fault))
    assert words in fault.error.found


def test_two_tables_of_one_name_are_refused(tmp_path):
    csaw_cc.nonhidden(tmp_path)
    (tmp_path / "anon_dataset_nonhidden_220101.csv").write_text("x\n")
    with pytest.raises(InputError, match="one table"):
        items(tmp_path)
