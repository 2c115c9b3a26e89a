"""What is special in VinDr-Mammo: two annotation tables and a header table about the same pictures."""

import pytest

from mammoscribe.data.dataset import Fault
from mammoscribe.data.datasets.vindr_mammo import VINDR_MAMMO
from mammoscribe.domain.view import Box, Laterality
from tests.data.datasets.made import write_lines
from tests.data.datasets.makers import vindr_mammo


def items(root):
    return list(VINDR_MAMMO.edition_in(root).read(root))


def append(path, line):
    with path.open("a", encoding="utf-8") as table:
        table.write(f"{line}\n")


def finding(image, said, box):
    return f"s1,r,{image},L,CC,64,48,BI-RADS 4,DENSITY C,{said},{box},training"


def test_words_become_tidy_values_and_the_header_table_says_age_and_machine(tmp_path):
    vindr_mammo.physionet(tmp_path)
    first, second = items(tmp_path)
    assert first.breasts == {
        Laterality.RIGHT: {"birads": "1", "density": "c"}, Laterality.LEFT: {"birads": "4", "density": "c"},
    }  # fmt: skip
    assert first.labels == {"age": "53", "machine": "SIEMENS Mammomat Inspiration"}
    assert second.labels == {"machine": "IMS s.r.l."}
    assert (first.id, first.patient_id, first.split, second.split) == ("s1", "s1", "train", "test")


def test_boxes_of_one_picture_come_together_and_end_at_its_edge(tmp_path):
    vindr_mammo.physionet(tmp_path)
    views = {view.path: view for view in items(tmp_path)[0].images}
    regions = views["images/s1/i1.dicom"].regions
    assert [r.box for r in regions] == [Box(0, 10, 20.5, 30.25), Box(5, 40, 9, 60)]
    assert [r.labels for r in regions] == [
        {"finding": "mass|skin retraction", "birads": "4"}, {"finding": "suspicious calcification", "birads": "3"},
    ]  # fmt: skip
    assert views["images/s1/i3.dicom"].regions == ()


@pytest.mark.parametrize(
    ("said", "box", "words"),
    [
        ("['Mass'],BI-RADS 4", ",,,", "a box with the edges"),
        ("['Mass'],BI-RADS 4", "1,2,x,4", "a box with the edges 1, 2, x, 4"),
        ("['Mass'],BI-RADS 4", "9,2,3,4", "is empty"),
        ("['Mass'],BI-RADS 4", "50,2,60,9", "lies outside its picture"),
        (",", "1,2,3,nan", "is empty or not finite"),
    ],
)
def test_a_finding_without_a_place_is_an_error_and_its_picture_stays(tmp_path, said, box, words):
    vindr_mammo.physionet(tmp_path)
    before = items(tmp_path)
    append(tmp_path / "finding_annotations.csv", finding("i1", said, box))
    after = items(tmp_path)
    (fault,) = (i for i in after if isinstance(i, Fault))
    assert words in fault.error.found and fault.where.startswith("finding_annotations.csv line")
    assert [i for i in after if not isinstance(i, Fault)] == before


def test_an_exam_in_two_splits_is_refused(tmp_path):
    vindr_mammo.physionet(tmp_path)
    append(tmp_path / "breast-level_annotations.csv", "s1,r,i9,L,CC,64,48,BI-RADS 4,DENSITY C,test")
    found = items(tmp_path)
    assert [i.error.found for i in found if isinstance(i, Fault)] == ["exam s1 has the splits train, test"]
    assert [i.id for i in found if not isinstance(i, Fault)] == ["s2"]


def test_the_png_copy_reads_its_own_boxes_and_names_with_and_without_suffix(tmp_path):
    vindr_mammo.kaggle_png(tmp_path)
    first, second = items(tmp_path)
    assert [v.path for v in first.images] == ["images_png/s1/i1.png", "images_png/s1/i2.png"]
    assert [r.box for r in first.images[0].regions] == [Box(1, 2, 30.5, 40), Box(3, 4, 5, 6)]
    assert second.breasts == {Laterality.RIGHT: {"birads": "1", "density": "b"}}


def test_without_the_header_table_the_layout_is_not_recognised(tmp_path):
    write_lines(tmp_path / "breast-level_annotations.csv", "study_id")
    write_lines(tmp_path / "finding_annotations.csv", "study_id")
    assert not VINDR_MAMMO.editions[0].recognised(tmp_path)
