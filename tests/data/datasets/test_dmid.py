"""What is special in DMID: a sheet without a header, one exam per picture, categories out of the report's text."""

from collections import Counter
from pathlib import Path

import openpyxl
import pytest

from mammoscribe.data.counts import tally_for
from mammoscribe.data.dataset import Fault
from mammoscribe.data.datasets.dmid import DMID
from mammoscribe.data.texts.report_text import Section
from mammoscribe.domain.view import Laterality, Projection
from tests.data.datasets.makers import dmid


def items(root):
    return list(DMID.edition_in(root).read(root))


def exams(root):
    return {i.id: i for i in items(root) if not isinstance(i, Fault)}


def faults(root):
    return [i for i in items(root) if isinstance(i, Fault)]


def with_row(root, *row):
    book = openpyxl.load_workbook(root / "Metadata.xlsx")
    book.active.append(row)
    book.save(root / "Metadata.xlsx")


def test_what_is_said_of_several_abnormalities_stands_at_the_same_place(tmp_path):
    dmid.figshare(tmp_path)
    exam = exams(tmp_path)["IMG001"]
    (view,) = exam.images
    assert (view.path, view.laterality, view.projection) == (
        "TIFF Images/TIFF Images/IMG001.tif", Laterality.LEFT, Projection.MLO,
    )  # fmt: skip
    assert view.labels == {
        "abnormality": "MISC+CALC|CIRC", "pathology": "malignant|benign", "circle": "1567 3644 295|100 200 30",
        "mask": "ROI Masks/ROI Masks/IMG001.tif",
    }  # fmt: skip
    assert view.regions == ()
    assert exam.breasts == {Laterality.LEFT: {"tissue": "G", "pathology": "malignant|benign"}}


def test_a_normal_picture_is_normal_and_a_view_may_be_written_with_a_space(tmp_path):
    dmid.figshare(tmp_path)
    found = exams(tmp_path)
    assert found["IMG002"].breasts == {Laterality.RIGHT: {"tissue": "F", "pathology": "normal"}}
    assert (found["IMG003"].images[0].projection, found["IMG003"].images[0].laterality) == (
        Projection.CC,
        Laterality.RIGHT,
    )


@pytest.mark.parametrize("make", [dmid.figshare, dmid.reports_only])
def test_the_categories_are_those_of_the_birads_line_of_the_text(make, tmp_path):
    make(tmp_path)
    found = exams(tmp_path)
    assert found["IMG001"].labels == {"birads": "3|4A", "density": "b"}
    assert found["IMG001"].report.sections[Section.FINDINGS] == "A mass (BIRADS 4b)."
    assert found["IMG004"].labels == {"birads": "1"}
    assert found["IMG004"].images == ()


def test_folders_may_lie_flat(tmp_path):
    dmid.figshare(tmp_path)
    for name in ("TIFF Images", "Reports"):
        (tmp_path / name / name).rename(tmp_path / "held")
        (tmp_path / name).rmdir()
        (tmp_path / "held").rename(tmp_path / name)
    exam = exams(tmp_path)["IMG001"]
    assert exam.images[0].path == "TIFF Images/IMG001.tif"
    assert exam.report is not None


@pytest.mark.parametrize("row", [("IMG009", "ML", "G", "NORM"), ("IMG002", "MLORT", "F", "NORM"), ("a note", "behind")])
def test_an_unknown_or_second_view_and_a_row_that_is_none_are_errors(row, tmp_path):
    dmid.figshare(tmp_path)
    with_row(tmp_path, *row)
    assert len(faults(tmp_path)) == 1


def test_a_report_that_is_no_text_costs_the_report_only(tmp_path):
    dmid.figshare(tmp_path)
    (tmp_path / "Reports/Reports/Img001.txt").write_bytes(b"\0\0")
    assert [f.error.found for f in faults(tmp_path)] == ["Img001.txt is not a text file"]
    assert exams(tmp_path)["IMG001"].report is None


@pytest.mark.real
def test_every_report_of_the_export_is_read_with_its_category(data_root: Path) -> None:
    root = data_root / "dmid_reports"
    tally = tally_for(DMID.edition_in(root), root)
    found = list(tally.passing(iter(items(root))))
    assert (tally.counts["records"], tally.counts["reports"], tally.counts["faults"]) == (414, 414, 0)
    assert len({e.report.raw for e in found}) == 375
    assert Counter(e.labels.get("density") for e in found) == {"b": 165, "c": 153, "a": 64, "d": 30, None: 2}
    worst = Counter(max(e.labels["birads"].split("|")) for e in found)
    assert worst == {"1": 166, "3": 94, "4C": 47, "4A": 36, "4B": 28, "2": 22, "5": 18, "4": 2, "0": 1}
    assert sum(Section.FINDINGS in e.report.sections for e in found) == 410  # `Fundings` too
