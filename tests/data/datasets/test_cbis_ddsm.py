"""What is special in CBIS-DDSM: rows of four tables in one exam, files under other names, masks and crops swapped."""

from collections import Counter
from pathlib import Path

import pytest

from mammoscribe.data.counts import tally_for
from mammoscribe.data.dataset import Fault
from mammoscribe.data.datasets.cbis_ddsm import CBIS_DDSM
from mammoscribe.data.supervision import Question
from mammoscribe.domain.finding import FindingType
from mammoscribe.domain.view import Laterality
from tests.data.datasets.made import write_dicom
from tests.data.datasets.makers import cbis_ddsm


def items(root):
    return list(CBIS_DDSM.edition_in(root).read(root))


def exams(root):
    return [i for i in items(root) if not isinstance(i, Fault)]


def faults(root):
    return [i.error.found for i in items(root) if isinstance(i, Fault)]


def part(root, case):
    return root / "manifest-1/CBIS-DDSM" / case / "07-21-2016-DDSM-NA-3" / "1.000000-ROI mask images-4"


def names(listed):
    return [Path(path).name for path in listed.split("|")]


def test_a_patient_is_one_exam_whose_films_keep_every_abnormality(tmp_path):
    cbis_ddsm.tables(tmp_path)
    first, second = exams(tmp_path)
    assert [v.labels["abnormality_id"] for v in first.images] == ["1|2", "1", "3"]
    assert first.images[0].labels == {
        "abnormality_id": "1|2", "abnormality": "mass|mass", "mass_shape": "OVAL|ROUND", "mass_margins": "SPICULATED|N/A",
        "birads": "4|3", "pathology": "malignant|benign", "subtlety": "4|5", "official_split": "train",
    }  # fmt: skip
    assert first.breasts == {Laterality.LEFT: {"cancer": "1", "birads": "4|3|2", "density": "c"}}
    assert second.breasts == {Laterality.RIGHT: {"cancer": "0", "birads": "2", "density": "d"}}


def test_a_patient_with_any_film_in_the_test_tables_is_test(tmp_path):
    cbis_ddsm.tables(tmp_path)
    first, second = exams(tmp_path)
    assert (first.split, second.split) == ("test", "train")
    assert [v.labels["official_split"] for v in first.images] == ["train", "train", "test"]


def test_the_file_is_found_whatever_it_is_called(tmp_path):
    cbis_ddsm.tcia(tmp_path)
    first, second = exams(tmp_path)
    assert [Path(v.path).name for v in (*first.images, *second.images)] == ["1-1.dcm"] * 3 + ["000000.dcm"]


@pytest.mark.parametrize(
    ("make", "mask"), [(cbis_ddsm.tcia, ["1-1.dcm", "1-2.dcm"]), (cbis_ddsm.kaggle, ["2-003.jpg"] * 2)]
)
def test_the_mask_is_the_file_that_is_as_large_as_its_film(make, mask, tmp_path):
    make(tmp_path)
    view = exams(tmp_path)[0].images[0]
    assert names(view.labels["mask"]) == mask
    assert all(m != c for m, c in zip(names(view.labels["mask"]), names(view.labels["crop"]), strict=True))


def test_a_mask_of_another_size_is_known_by_its_name_or_is_the_larger_one(tmp_path):
    cbis_ddsm.tcia(tmp_path)
    folder = part(tmp_path, "Mass-Training_P_00001_LEFT_MLO_1")
    size = {"Rows": 32, "Columns": 32, "PixelData": b"\0" * 2048}
    write_dicom(folder / "1-1.dcm", 1, SeriesDescription="cropped images", **size)
    cbis_ddsm.write_part(folder / "1-2.dcm", 2, "ROI mask images", small=True)
    assert names(exams(tmp_path)[0].images[1].labels["mask"]) == ["1-2.dcm"]
    write_dicom(folder / "1-1.dcm", 1, SeriesDescription="ROI mask images", **size)
    assert names(exams(tmp_path)[0].images[1].labels["mask"]) == ["1-1.dcm"]


def test_a_lone_crop_or_a_broken_part_is_not_taken_for_the_mask(tmp_path):
    cbis_ddsm.tcia(tmp_path)
    folder = part(tmp_path, "Mass-Training_P_00001_LEFT_MLO_1")
    (folder / "1-2.dcm").unlink()
    cbis_ddsm.write_part(folder / "1-1.dcm", 1, "cropped images", small=True)
    view = exams(tmp_path)[0].images[1]
    assert ("mask" in view.labels, names(view.labels["crop"])) == (False, ["1-1.dcm"])
    cbis_ddsm.write_part(folder / "1-1.dcm", 1, "ROI mask images", small=True)
    (folder / "1-2.dcm").write_bytes(b"broken")
    assert names(exams(tmp_path)[0].images[1].labels["mask"]) == ["1-1.dcm"]


def test_a_film_without_a_file_or_path_is_an_error_of_its_row(tmp_path):
    cbis_ddsm.tcia(tmp_path)
    cbis_ddsm.write_tables(tmp_path, paths=False)
    for path in (tmp_path / "manifest-1/CBIS-DDSM/Mass-Training_P_00001_LEFT_MLO").rglob("*.dcm"):
        path.unlink()
    assert faults(tmp_path) == [
        "mass_case_description_train_set.csv line 4: no picture of Mass-Training_P_00001_LEFT_MLO"
    ]
    assert [len(e.images) for e in exams(tmp_path)] == [2, 1]


def test_files_of_unknown_size_and_kind_are_not_told_apart(tmp_path):
    cbis_ddsm.kaggle(tmp_path)
    table = tmp_path / "csv/dicom_info.csv"
    table.write_text("\n".join(line.replace(",,64,64", ",,,") for line in table.read_text().splitlines()))
    view = exams(tmp_path)[0].images[0]
    assert "mask" not in view.labels
    assert "crop" not in view.labels


def test_a_path_that_leads_out_of_the_folder_is_not_followed(tmp_path):
    cbis_ddsm.tcia(tmp_path)
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/000000.dcm").write_bytes(b"")
    table = tmp_path / "mass_case_description_train_set.csv"
    case = "Mass-Training_P_00001_LEFT_MLO"
    table.write_text(table.read_text().replace(f"{cbis_ddsm.series(case)}/", "../../etc/"))
    assert exams(tmp_path)[0].images[1].path.startswith(f"manifest-1/CBIS-DDSM/{case}/")
    for path in (tmp_path / "manifest-1/CBIS-DDSM" / case).rglob("*.dcm"):
        path.unlink()
    assert faults(tmp_path) == [f"mass_case_description_train_set.csv line 4: no picture of {case}"]


def test_a_jpeg_whose_path_leads_out_of_the_folder_is_an_error_of_its_film(tmp_path):
    cbis_ddsm.kaggle(tmp_path)
    uid = cbis_ddsm.series("Mass-Training_P_00001_LEFT_CC").rsplit("/", 1)[1]
    table = tmp_path / "csv/dicom_info.csv"
    table.write_text(table.read_text().replace(f"{uid}/1-001.jpg", f"{uid}/.."))
    assert len(faults(tmp_path)) == 1
    assert [len(e.images) for e in exams(tmp_path)] == [2, 1]


@pytest.mark.real
def test_the_real_tables_are_read_whole(data_root: Path) -> None:
    root = data_root / "cbis_ddsm_csv"
    edition = CBIS_DDSM.edition_in(root)
    tally = tally_for(edition, root)
    found = list(tally.passing(edition.read(root)))
    assert edition.name == "tables"
    assert tally.differences(edition.expected) == ()
    assert tally.counts["split:train"] == 1217
    both = [e for e in found if len({v.labels["official_split"] for v in e.images}) == 2]
    assert (len(both), {e.split for e in both}) == (31, {"test"})
    breasts = [b for e in found for b in e.breasts.values()]
    assert Counter(b["cancer"] for b in breasts) == {"0": 947, "1": 761}
    assert Counter(b.get("density") for b in breasts) == {"a": 227, "b": 655, "c": 522, "d": 303, None: 1}


@pytest.mark.real
def test_no_abnormality_of_the_real_tables_is_lost(data_root: Path) -> None:
    views = [v for e in exams(data_root / "cbis_ddsm_csv") for v in e.images]
    kinds = Counter(kind for v in views for kind in v.labels["abnormality"].split("|"))
    assert kinds == {"calcification": 1872, "mass": 1696}
    assert all(
        len({value.count("|") for name, value in v.labels.items() if name != "official_split"}) == 1 for v in views
    )


def test_boxes_of_masses_teach_kind_words_and_pathology_where_their_row_is_known(tmp_path):
    cbis_ddsm.masses(tmp_path)
    (exam,) = CBIS_DDSM.edition_in(tmp_path).read(tmp_path)
    teaches = CBIS_DDSM.supervision_of(CBIS_DDSM.edition_in(tmp_path))
    cc, mlo = exam.images
    known, unknown = cc.regions
    assert teaches.answer("region", Question.KIND, known.labels) == "mass"
    assert teaches.answers("region", Question.DESCRIPTORS, known.labels) == ("shape.oval", "margin.spiculated")
    assert teaches.answer("region", Question.MALIGNANT, known.labels) == "1"
    assert teaches.answer("region", Question.KIND, unknown.labels) == "mass"
    assert teaches.answer("region", Question.MALIGNANT, unknown.labels) is None
    assert teaches.answer("region", Question.FINDING, known.labels) == known.labels["abnormality_id"]
    assert teaches.answer("region", Question.FINDING, {**known.labels, "abnormality_id": ""}) is None
    assert teaches.answer("region", Question.KIND, mlo.regions[0].labels) == "architectural_distortion"
    assert teaches.boxed_kinds == (FindingType.MASS,) and cc.height_to_width == 1.72


def test_only_the_layout_with_boxes_says_that_a_place_without_one_shows_no_mass(tmp_path):
    cbis_ddsm.tables(tmp_path)
    assert CBIS_DDSM.supervision_of(CBIS_DDSM.edition_in(tmp_path)).boxed_kinds == ()


def test_cancer_of_a_breast_teaches_nothing_where_every_breast_has_an_abnormality():
    """DESIGN, supervision: malignant or benign of the mass, never cancer against normal."""
    assert CBIS_DDSM.supervision.of("breast", Question.MALIGNANT) == ()
