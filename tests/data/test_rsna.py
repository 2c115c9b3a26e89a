"""The RSNA screening set."""

from collections import Counter
from pathlib import Path

import pytest

from mammoscribe.data.folds import fold
from mammoscribe.data.rsna import RsnaExam, read_rsna
from mammoscribe.domain.view import Laterality
from mammoscribe.support.errors import InputError

COLUMNS = (
    "file_name,patient_id,image_id,laterality,view,age,cancer,biopsy,invasive,BIRADS,density,implant,machine_id,site_id,"
    "difficult_negative_case,image_side,split"
)


def table(folder: Path, *rows: str) -> Path:
    (folder / "metadata.csv").write_text("\n".join((COLUMNS, *rows, "")))
    return folder


def test_a_patient_becomes_an_exam_with_labels_of_each_breast(tmp_path: Path) -> None:
    root = table(
        tmp_path,
        "7_1.jpg,7,1,L,CC,60.0,1,1,1,0.0,C,0,49,1,False,R,train",
        "7_2.jpg,7,2,L,CC,60.0,1,1,1,0.0,C,0,49,1,False,L,train",
        "7_3.jpg,7,3,L,AT,60.0,1,1,1,0.0,C,0,49,1,False,L,train",
        "7_4.jpg,7,4,R,MLO,,0,0,0,,,0,49,1,True,R,train",
    )
    (patient,) = read_rsna(root)
    assert [v.id for v in patient.exam.views] == ["L_CC", "R_MLO"]
    assert patient.exam.view("L_CC").source == str(root / "images" / "7_1.jpg")
    assert [(i.image_id, i.in_exam, i.view is None) for i in patient.images] == [
        ("1", True, False), ("2", False, False), ("3", False, True), ("4", True, False),
    ]  # fmt: skip
    assert len(patient.images_of(Laterality.LEFT)) == 2
    left, right = patient.breast(Laterality.LEFT), patient.breast(Laterality.RIGHT)
    assert left is not None
    assert right is not None
    assert (left.cancer, left.density, left.recall, left.invasive) == (True, "c", True, True)
    assert (right.cancer, right.density, right.recall, right.difficult_negative) == (False, None, None, True)
    assert [i.chest_on_left for i in patient.images] == [False, True, True, False]
    assert (patient.age, patient.machine_id) == (60.0, "49")


def test_a_breast_with_two_cancer_labels_is_refused(tmp_path: Path) -> None:
    root = table(
        tmp_path,
        "7_1.jpg,7,1,L,CC,60.0,1,1,1,0.0,C,0,49,1,False,R,train",
        "7_2.jpg,7,2,L,MLO,60.0,0,1,1,0.0,C,0,49,1,False,L,train",
    )
    with pytest.raises(InputError, match=r"patient 7 has cancer \['0', '1'\] for one breast"):
        read_rsna(root)


def test_a_missing_or_narrow_table_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no RSNA metadata"):
        read_rsna(tmp_path)
    (tmp_path / "metadata.csv").write_text("file_name,patient_id\na,1\n")
    with pytest.raises(InputError, match="lacks the columns image_id"):
        read_rsna(tmp_path)


def test_the_fold_rule_never_changes() -> None:
    assert [fold(p) for p in ("5", "25", "30", "mias-3")] == [3, 2, 4, 0]
    assert {fold(str(n), 3) for n in range(50)} == {0, 1, 2}
    with pytest.raises(InputError, match="no fold"):
        fold("")


@pytest.fixture(scope="module")
def exams(data_root: Path) -> list[RsnaExam]:
    return read_rsna(data_root / "rsna_512")


@pytest.mark.real
def test_every_patient_and_picture_is_read(exams: list[RsnaExam]) -> None:
    assert len(exams) == len({e.patient_id for e in exams}) == 674
    assert sum(len(e.images) for e in exams) == 2368
    assert all(i.path.is_file() for e in exams for i in e.images)
    assert sum(i.view is None for e in exams for i in e.images) == 3


@pytest.mark.real
def test_every_labelled_cancer_was_recalled(exams: list[RsnaExam]) -> None:
    breasts = [b for e in exams for b in e.breasts]
    assert (len(breasts), sum(b.cancer for b in breasts)) == (1023, 343)
    assert all(b.recall is not False for b in breasts if b.cancer)
    assert Counter(b.density for b in breasts) == {None: 498, "b": 246, "c": 205, "a": 56, "d": 18}


@pytest.mark.real
def test_folds_are_about_even(exams: list[RsnaExam]) -> None:
    sizes = Counter(e.fold for e in exams)
    assert set(sizes) == set(range(5))
    assert max(sizes.values()) < 1.25 * min(sizes.values())
