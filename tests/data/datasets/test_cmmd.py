"""What is special in CMMD: the view of a file stands in its header only, the labels in a table of breasts."""

import openpyxl
import pydicom
import pytest

from mammoscribe.data.dataset import Fault
from mammoscribe.data.datasets.cmmd import CMMD
from mammoscribe.domain.view import Laterality, Projection
from tests.data.datasets.makers import cmmd


def items(root):
    return list(CMMD.edition_in(root).read(root))


def exams(root):
    return [i for i in items(root) if not isinstance(i, Fault)]


def faults(root):
    return [i for i in items(root) if isinstance(i, Fault)]


def test_views_come_from_the_header_and_labels_from_the_table(tmp_path):
    cmmd.tcia(tmp_path)
    first, second = exams(tmp_path)
    assert [(v.laterality, v.projection) for v in first.images] == [
        (Laterality.RIGHT, Projection.CC), (Laterality.RIGHT, Projection.MLO),
    ]  # fmt: skip
    assert first.breasts == {Laterality.RIGHT: {"pathology": "benign", "abnormality": "calcification"}}
    assert second.breasts == {
        Laterality.LEFT: {"pathology": "malignant", "abnormality": "both", "subtype": "Luminal B"}
    }
    assert second.labels == {"age": "60", "cohort": "D2"}


def test_the_made_up_dates_are_not_read(tmp_path):
    cmmd.tcia(tmp_path)
    assert [exam.date for exam in exams(tmp_path)] == [None, None]


def test_the_spreadsheet_as_published_is_read_and_goes_before_a_copy_of_it(tmp_path):
    cmmd.tcia(tmp_path)
    before = exams(tmp_path)
    book = openpyxl.Workbook()
    for row in (cmmd.HEADER, *cmmd.ROWS):
        book.active.append([int(f) if f.isdigit() else f or None for f in row.split(",")])
    book.save(tmp_path / "CMMD_clinicaldata_revision.xlsx")
    (tmp_path / "CMMD_clinicaldata_revision.csv").write_text(f"{cmmd.HEADER}\n")
    assert exams(tmp_path) == before and not faults(tmp_path)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"ViewCodeSequence": None}, "does not say its projection"),
        ({"ImageLaterality": None}, "does not say its side"),
        ({"ViewPosition": "MLO"}, "contradicts itself"),
    ],
)
def test_a_header_that_says_its_view_badly_is_an_error(tmp_path, change, words):
    cmmd.tcia(tmp_path)
    path = cmmd.picture(tmp_path / "CMMD", 9, "D1-0001", "L", "CC")
    rewrite(path, change)
    (fault,) = faults(tmp_path)
    assert words in fault.error.found and fault.where == path.relative_to(tmp_path).as_posix()
    assert [len(exam.images) for exam in exams(tmp_path)] == [2, 2]


def rewrite(path, change):
    header = pydicom.dcmread(path)
    for name, value in change.items():
        if value is None:
            delattr(header, name)
        else:
            setattr(header, name, value)
    header.save_as(path)


def test_another_view_is_set_aside_and_a_broken_file_is_an_error(tmp_path):
    cmmd.tcia(tmp_path)
    rewrite(cmmd.picture(tmp_path / "CMMD", 8, "D1-0001", "L", "CC"), {"SeriesDescription": "SPECIMEN"})
    cmmd.picture(tmp_path / "CMMD", 9, "D1-0001", "L", "CC").write_bytes(b"")
    assert [f.set_aside for f in faults(tmp_path)] == [True, False]


def test_a_labelled_breast_or_patient_without_pictures_is_an_error(tmp_path):
    cmmd.tcia(tmp_path)
    with (tmp_path / "CMMD_clinicaldata_revision.csv").open("a") as table:
        table.write("D1-0001,L,44,2,mass,Benign,\nD2-0999,R,50,2,mass,Malignant,Luminal A\n")
    assert [f.error.found for f in faults(tmp_path)] == [
        "CMMD_clinicaldata_revision.csv line 4: no picture of the breast 'L' of D1-0001",
        "CMMD_clinicaldata_revision.csv line 5: no picture of D2-0999",
    ]
    assert len(exams(tmp_path)) == 2


def test_a_folder_of_two_patients_is_refused(tmp_path):
    cmmd.tcia(tmp_path)
    path = cmmd.picture(tmp_path / "CMMD", 9, "D1-0001", "L", "CC")
    rewrite(path, {"PatientID": "D1-0002"})
    assert [f.error.found for f in faults(tmp_path)] == ["D1-0001 holds D1-0001, D1-0002"]
    assert [exam.id for exam in exams(tmp_path)] == ["D2-0032"]
