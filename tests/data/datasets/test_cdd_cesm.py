"""What is special in CDD-CESM: two modalities in one exam, names with blanks and numbers, outlines, Word reports."""

from collections import Counter
from pathlib import Path

import openpyxl
import pytest

from mammoscribe.data.counts import tally_for
from mammoscribe.data.dataset import Fault
from mammoscribe.data.datasets.cdd_cesm import CDD_CESM
from mammoscribe.data.texts.report_text import Section
from mammoscribe.domain.view import Box, Laterality
from tests.data.datasets.makers import cdd_cesm


def items(root):
    return list(CDD_CESM.edition_in(root).read(root))


def exams(root):
    return [i for i in items(root) if not isinstance(i, Fault)]


def faults(root):
    return [i.error.found for i in items(root) if isinstance(i, Fault)]


def with_row(root, **changed):
    book = openpyxl.load_workbook(root / "Radiology-manual-annotations.xlsx")
    row = dict(zip(cdd_cesm.COLUMNS, cdd_cesm.ROWS[0], strict=True)) | changed
    book["all"].append([row[name] for name in cdd_cesm.COLUMNS])
    book.save(root / "Radiology-manual-annotations.xlsx")


def test_both_modalities_are_views_of_one_exam_and_the_mammogram_stands_first(tmp_path):
    cdd_cesm.tcia(tmp_path)
    exam = exams(tmp_path)[0]
    assert [v.labels["modality"] for v in exam.images] == ["low energy"] * 3 + ["subtracted"]
    assert exam.images[0].labels == {
        "modality": "low energy", "birads": "4|2", "findings": "A mass $A coarse calcification", "tags": "mass",
        "pathology": "malignant",
    }  # fmt: skip
    assert exam.breasts[Laterality.LEFT] == {"density": "c", "pathology": "malignant"}
    assert exam.labels == {"age": "52", "machine": "1"}


def test_names_with_a_blank_or_a_number_find_their_file(tmp_path):
    cdd_cesm.tcia(tmp_path)
    paths = [Path(v.path).name for v in exams(tmp_path)[0].images]
    assert paths == ["P7_L_DM_CC.jpg", "P7_R_DM_MLO.jpg", "P7_R_DM_MLO2.jpg", "P7_L_CM_CC .jpg"]


def test_a_name_that_is_twice_with_one_file_is_one_view(tmp_path):
    cdd_cesm.tcia(tmp_path)
    (tmp_path / cdd_cesm.LOW / "P7_R_DM_MLO2.jpg").unlink()
    assert len(exams(tmp_path)[0].images) == 3


def test_outlines_become_boxes_of_the_pixels_they_touch(tmp_path):
    cdd_cesm.tcia(tmp_path)
    views = exams(tmp_path)[0].images
    assert [(r.box, r.labels["shape"]) for r in views[0].regions] == [
        (Box(3, 4, 10, 13), "polygon"), (Box(16, 28, 25, 33), "ellipse"),
    ]  # fmt: skip
    assert [r.box for r in views[3].regions] == [Box(15, 25, 26, 36)]


def test_an_outline_that_is_none_or_of_no_picture_is_an_error(tmp_path):
    cdd_cesm.tcia(tmp_path)
    with (tmp_path / "Radiology_hand_drawn_segmentations_v2.csv").open("a") as table:
        table.write(cdd_cesm.outline("P8_R_DM_CC.jpg", name="star") + "\n")
        table.write(cdd_cesm.outline("P99_R_DM_CC.jpg", name="circle", cx=1, cy=1, r=1) + "\n")
    first, second = faults(tmp_path)
    assert "the outline" in first
    assert "P99_R_DM_CC, which is not in Radiology-manual-annotations.xlsx" in second
    assert len(exams(tmp_path)) == 2


def test_the_report_keeps_the_contrast_part_out_of_the_opinion(tmp_path):
    cdd_cesm.tcia(tmp_path)
    first, second = exams(tmp_path)
    assert second.report is None
    assert first.report.raw == "\n".join(cdd_cesm.REPORT)
    assert first.report.sections[Section.COMPOSITION] == "ACR C: Dense."
    assert first.report.sections[Section.IMPRESSION] == "A mass (BIRADS 4)."
    assert "A mass & more." in first.report.sections[Section.FINDINGS]
    assert first.report.sections[Section.FINDINGS].endswith("REVEALED:\nRim enhancement (BIRADS 5).")


def test_a_damaged_report_costs_the_report_only(tmp_path):
    cdd_cesm.tcia(tmp_path)
    (tmp_path / "Medical reports for cases/P7.docx").write_bytes(b"broken")
    assert len(faults(tmp_path)) == 1
    assert [e.report for e in exams(tmp_path)] == [None, None]


@pytest.mark.parametrize(
    "changed", [{"Side": "R"}, {"View": "MLO"}, {"Type": "CESM"}, {"Patient_ID": "8"}, {"Type": "US"}]
)
def test_a_name_that_contradicts_its_columns_is_refused(changed, tmp_path):
    cdd_cesm.tcia(tmp_path)
    with_row(tmp_path, **changed)
    assert len(faults(tmp_path)) == 1
    assert [len(e.images) for e in exams(tmp_path)] == [4, 1]


def test_the_export_lists_pictures_that_it_does_not_have_without_a_path(tmp_path):
    cdd_cesm.export(tmp_path)
    exam = exams(tmp_path)[0]
    assert [v.path for v in exam.images] == [None, None, None, "images/P7_L_CM_CC.jpg"]


@pytest.mark.real
def test_the_export_is_read_whole(data_root: Path) -> None:
    root = data_root / "cdd_cesm_512"
    tally = tally_for(CDD_CESM.edition_in(root), root)
    found = list(tally.passing(iter(items(root))))
    assert {name: tally.counts[name] for name in ("records", "images", "files", "unnamed", "faults", "set_aside")} == {
        "records": 285, "images": 1720, "files": 859, "unnamed": 861, "faults": 0, "set_aside": 0,
    }  # fmt: skip
    views = Counter((v.labels["modality"], v.path is None) for e in found for v in e.images)
    assert views == {("low energy", True): 860, ("subtracted", False): 859, ("subtracted", True): 1}
    density = Counter(b.get("density") for e in found for b in e.breasts.values())
    assert density == {"c": 266, "b": 154, "d": 25, "a": 2, None: 43}
    mixed = sum("|" in b["pathology"] for e in found for b in e.breasts.values())
    assert (sum(len(e.breasts) for e in found), mixed) == (490, 41)


@pytest.mark.real
def test_no_name_of_the_export_contradicts_its_row_and_every_finding_is_kept(data_root: Path) -> None:
    found = exams(data_root / "cdd_cesm_512")
    views = [v for e in found for v in e.images]
    assert all(v.labels["findings"] and v.labels["birads"] for v in views)
    fewer = sum(len(v.labels["birads"].split("|")) < len(v.labels["findings"].split("$")) for v in views)
    assert fewer == 24
