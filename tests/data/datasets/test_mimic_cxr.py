"""What is special in MIMIC-CXR: reports beside or in an archive, four-valued labels, dates out of headers or a table."""

import datetime as dt
import gzip
import shutil
import zipfile

import pytest

from mammoscribe.data.chronology import Chronology
from mammoscribe.data.dataset import Fault
from mammoscribe.data.datasets.mimic_cxr import MIMIC_CXR, MIMIC_CXR_JPG
from mammoscribe.data.records import ListedImage
from mammoscribe.data.texts.report_text import Section
from tests.data.datasets.made import write_lines
from tests.data.datasets.makers import mimic_cxr

FIRST, SECOND, OTHER = "50000011", "50000012", "50000021"


def items(dataset, root):
    return list(dataset.edition_in(root).read(root))


def studies(dataset, root):
    return {i.id: i for i in items(dataset, root) if not isinstance(i, Fault)}


def faults(dataset, root):
    return [i for i in items(dataset, root) if isinstance(i, Fault)]


def test_date_time_and_view_come_from_the_headers_of_the_dicom(tmp_path):
    mimic_cxr.dicom(tmp_path)
    found = studies(MIMIC_CXR, tmp_path)
    assert [(i.view, i.path) for i in found[FIRST].images] == [
        ("PA", mimic_cxr.picture("a", ".dcm")), ("LATERAL", mimic_cxr.picture("b", ".dcm")),
    ]  # fmt: skip
    assert (found[FIRST].date, found[FIRST].time) == (dt.date(2180, 5, 6), dt.time(21, 30, 14, 531_000))
    assert (found[SECOND].time, found[OTHER].time) == (dt.time(0, 0, 4, 500_000), dt.time(8, 5, 56))
    assert (found[OTHER].images[0].view, found[OTHER].patient_id) == ("", "11000002")


def test_the_study_before_is_the_prior_though_numbers_say_nothing(tmp_path):
    mimic_cxr.jpg(tmp_path)
    found = studies(MIMIC_CXR_JPG, tmp_path)
    with Chronology() as chronology:
        chronology.add_all(found.values())
        assert {k: chronology.prior_of(r) for k, r in found.items()} == {FIRST: None, SECOND: FIRST, OTHER: None}


def test_a_dicom_that_is_not_there_has_no_date_and_one_that_is_none_is_an_error(tmp_path):
    mimic_cxr.dicom(tmp_path)
    (tmp_path / mimic_cxr.picture("c", ".dcm")).unlink()
    (tmp_path / mimic_cxr.picture("b", ".dcm")).write_bytes(b"not found")
    found = studies(MIMIC_CXR, tmp_path)
    assert (found[SECOND].date, found[SECOND].images[0].view, len(found[SECOND].images)) == (None, "", 1)
    assert [i.view for i in found[FIRST].images] == ["PA"]
    assert [f.error.found for f in faults(MIMIC_CXR, tmp_path)] == [
        f"cxr-record-list.csv line 4: {mimic_cxr.NAMES['b']}.dcm is not a DICOM file"
    ]


def test_tables_of_the_jpg_beside_the_dicom_are_read_instead_of_headers(tmp_path):
    mimic_cxr.jpg(tmp_path)
    mimic_cxr.dicom(tmp_path)
    for letter in mimic_cxr.NAMES:
        (tmp_path / mimic_cxr.picture(letter, ".dcm")).write_bytes(b"never opened")
    found, of_jpg = studies(MIMIC_CXR, tmp_path), studies(MIMIC_CXR_JPG, tmp_path)
    assert list(found) == list(of_jpg)
    for name, study in found.items():
        twin = of_jpg[name]
        assert (study.date, study.time, study.labels, study.split) == (twin.date, twin.time, twin.labels, twin.split)
        assert [i.view for i in study.images] == [i.view for i in twin.images]
        assert all(i.path.endswith(".dcm") for i in study.images)


def test_labels_keep_mentioned_denied_and_unsure_apart_and_leave_out_the_unmentioned(tmp_path):
    mimic_cxr.jpg(tmp_path)
    found = studies(MIMIC_CXR_JPG, tmp_path)
    assert found[FIRST].labels == {"chexpert_no_finding": "1", "procedure": "CHEST (PA AND LAT)"}
    assert found[SECOND].labels == {
        "chexpert_cardiomegaly": "0", "chexpert_lung_opacity": "-1", "chexpert_pleural_effusion": "1",
        "negbio_cardiomegaly": "0", "negbio_pleural_effusion": "1", "radiologist_lung_opacity": "1",
        "radiologist_pleural_effusion": "-1", "procedure": "CHEST (PA AND LAT)",
    }  # fmt: skip
    assert found[OTHER].images == (ListedImage(mimic_cxr.picture("d", ".jpg"), ""),)
    assert found[FIRST].images[0].labels == {"orientation": "erect"}
    assert {k: r.split for k, r in found.items()} == {FIRST: "train", SECOND: "train", OTHER: "val"}


def test_reports_are_split_by_their_headings(tmp_path):
    mimic_cxr.jpg(tmp_path)
    report = studies(MIMIC_CXR_JPG, tmp_path)[FIRST].report
    assert report.raw == mimic_cxr.REPORTS[50000011]
    assert report.sections[Section.IMPRESSION] == "Normal."
    assert report.sections[Section.INDICATION] == "___ year old, cough."


@pytest.mark.parametrize("folder", ["mimic-cxr-reports/files", "mimic-cxr-reports", "reports", "files"])
def test_reports_are_found_wherever_their_tree_was_unpacked(folder, tmp_path):
    mimic_cxr.jpg(tmp_path)
    shutil.rmtree(tmp_path / "mimic-cxr-reports")
    assert not any(r.report for r in studies(MIMIC_CXR_JPG, tmp_path).values())
    mimic_cxr.write_reports(tmp_path, folder)
    assert {k for k, r in studies(MIMIC_CXR_JPG, tmp_path).items() if r.report} == {FIRST, SECOND}


def test_reports_are_read_out_of_their_archive_and_a_blank_one_is_none(tmp_path):
    mimic_cxr.dicom(tmp_path)
    found = studies(MIMIC_CXR, tmp_path)
    assert found[SECOND].report.raw == mimic_cxr.REPORTS[50000012]
    assert found[OTHER].report is None


def test_an_archive_that_is_damaged_is_an_error_and_the_pictures_are_still_read(tmp_path):
    mimic_cxr.dicom(tmp_path)
    path = tmp_path / "mimic-cxr-reports.zip"
    path.write_bytes(path.read_bytes()[:-30])
    (fault,) = faults(MIMIC_CXR, tmp_path)
    assert fault.where == "mimic-cxr-reports.zip" and not fault.set_aside
    assert len(studies(MIMIC_CXR, tmp_path)) == 3


def test_an_archive_that_was_unpacked_is_not_read_again(tmp_path):
    mimic_cxr.jpg(tmp_path)
    (tmp_path / "mimic-cxr-reports.zip").write_bytes(b"PK damaged")
    assert faults(MIMIC_CXR_JPG, tmp_path) == []


def test_a_report_of_a_size_that_none_has_is_not_read(tmp_path):
    mimic_cxr.dicom(tmp_path)
    with zipfile.ZipFile(tmp_path / "mimic-cxr-reports.zip", "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("files/p10/p10000001/s50000099.txt", "x" * (2 << 20))
    (fault,) = faults(MIMIC_CXR, tmp_path)
    assert "s50000099.txt" in fault.error.found
    mimic_cxr.write_reports(tmp_path, "reports", {50000011: "x" * (2 << 20)})
    assert "s50000011.txt has" in faults(MIMIC_CXR, tmp_path)[-1].error.found


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ("../../x,50000031,{0},files/x.dcm", "the subject_id '../../x'"),
        ("10000003,s5,{0},files/x.dcm", "the study_id 's5'"),
        ("10000003,50000031,{0},../../etc/x.dcm", "the path '../../etc/x.dcm'"),
        (",50000031,{0},files/x.dcm", "the subject_id ''"),
    ],
)
def test_ids_and_paths_that_lead_elsewhere_are_refused(row, words, tmp_path):
    mimic_cxr.dicom(tmp_path)
    with (tmp_path / "cxr-record-list.csv").open("a") as table:
        table.write(row.format(mimic_cxr.NAMES["a"]) + "\n")
    (fault,) = faults(MIMIC_CXR, tmp_path)
    assert words in fault.error.found
    assert len(studies(MIMIC_CXR, tmp_path)) == 3


def test_a_name_of_a_jpg_that_leads_elsewhere_is_refused(tmp_path):
    mimic_cxr.jpg(tmp_path)
    with (tmp_path / "mimic-cxr-2.0.0-metadata.csv").open("a") as table:
        table.write(mimic_cxr.metadata_row("a").replace(mimic_cxr.NAMES["a"], "../x") + "\n")
    (fault,) = faults(MIMIC_CXR_JPG, tmp_path)
    assert "the dicom_id '../x'" in fault.error.found


def test_tables_may_be_packed_or_not_and_only_the_metadata_are_needed(tmp_path):
    mimic_cxr.jpg(tmp_path)
    whole = studies(MIMIC_CXR_JPG, tmp_path)
    plain = tmp_path / "mimic-cxr-2.0.0-metadata.csv"
    (tmp_path / "mimic-cxr-2.0.0-metadata.csv.gz").write_bytes(gzip.compress(plain.read_bytes()))
    plain.unlink()
    assert studies(MIMIC_CXR_JPG, tmp_path) == whole
    for table in ("split", "chexpert", "negbio"):
        (tmp_path / f"mimic-cxr-2.0.0-{table}.csv.gz").unlink()
    (tmp_path / "mimic-cxr-2.1.0-test-set-labeled.csv").unlink()
    found = studies(MIMIC_CXR_JPG, tmp_path)
    assert {r.split for r in found.values()} == {None}
    assert {tuple(r.labels) for r in found.values()} == {("procedure",)}


def test_a_split_that_is_no_split_is_an_error_of_its_study(tmp_path):
    mimic_cxr.jpg(tmp_path)
    (tmp_path / "mimic-cxr-2.0.0-split.csv.gz").unlink()
    rows = [f"{n},{mimic_cxr.STUDIES[x][1]},1,{'held out' if x == 'c' else 'test'}" for x, n in mimic_cxr.NAMES.items()]
    write_lines(tmp_path / "mimic-cxr-2.0.0-split.csv", "dicom_id,study_id,subject_id,split", *rows)
    (fault,) = faults(MIMIC_CXR_JPG, tmp_path)
    assert fault.where == SECOND and "is in split 'held out'" in fault.error.found
    assert {r.split for r in studies(MIMIC_CXR_JPG, tmp_path).values()} == {"test"}
