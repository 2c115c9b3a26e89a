"""What is special in IU X-ray: four editions of the same studies, fields as sections, empty reports, untrusted XML."""

import json
import tarfile
from collections import Counter

import pytest

from mammoscribe.data.counts import tally_for
from mammoscribe.data.dataset import Fault
from mammoscribe.data.datasets.iu_xray import IU_XRAY
from mammoscribe.data.records import ListedImage
from mammoscribe.data.texts.report_text import ReportText, Section
from mammoscribe.support.errors import InputError
from tests.data.datasets.makers import iu_xray

FOUR = {
    Section.INDICATION: "Cough & fever", Section.COMPARISON: "None.", Section.FINDINGS: "No XXXX of effusion.",
    Section.IMPRESSION: "Clear lungs.",
}  # fmt: skip
JOINED = "INDICATION: Cough & fever\nCOMPARISON: None.\nFINDINGS: No XXXX of effusion.\nIMPRESSION: Clear lungs."


def items(root, edition=None):
    return list(IU_XRAY.edition_in(root, edition).read(root))


def records(root, edition=None):
    return {i.id: i for i in items(root, edition) if not isinstance(i, Fault)}


def faults(root, edition=None):
    return [i for i in items(root, edition) if isinstance(i, Fault)]


@pytest.mark.parametrize("make", [iu_xray.archive, iu_xray.extracted, iu_xray.kaggle])
def test_the_fields_of_a_report_are_its_sections_and_raw_is_them_joined(make, tmp_path):
    make(tmp_path)
    assert records(tmp_path)["CXR1"].report == ReportText(JOINED, FOUR)
    assert records(tmp_path)["CXR10"].report is None


def test_labels_of_the_xml_are_both_kinds_of_terms_and_the_headings(tmp_path):
    iu_xray.archive(tmp_path)
    assert records(tmp_path)["CXR10"].labels == {
        "procedure": "PA and lateral", "mesh": "Opacity/lung/base/left|Opacity/lung|Lung, Hyperlucent",
        "mesh_automatic": "opacity", "problems": "Opacity|Lung, Hyperlucent",
    }  # fmt: skip


def test_a_study_without_picture_is_kept_for_its_text_and_one_without_either_is_set_aside(tmp_path):
    iu_xray.archive(tmp_path)
    only_text = records(tmp_path)["CXR2"]
    assert (only_text.images, only_text.report.sections) == ((), {Section.IMPRESSION: "No change."})
    (fault,) = faults(tmp_path)
    assert fault.set_aside and fault.error.found == "CXR3 has neither a picture nor a text"


def test_views_are_taken_from_kaggles_table_where_it_lies_beside_the_xml(tmp_path):
    iu_xray.kaggle(tmp_path)
    iu_xray.archive(tmp_path)
    found = records(tmp_path, "open-i archive")
    assert found["CXR1"].images == (
        ListedImage("NLMCXR_png/CXR1_1_IM-0001-3001.png", "Lateral"),
        ListedImage("NLMCXR_png/CXR1_1_IM-0001-4001.png", "Frontal"),
    )
    (tmp_path / "indiana_projections.csv").unlink()
    assert {i.view for r in records(tmp_path).values() for i in r.images} == {""}


def test_unpacked_files_come_by_number_and_their_pictures_from_where_they_are(tmp_path):
    iu_xray.extracted(tmp_path)
    found = records(tmp_path)
    assert list(found) == ["CXR1", "CXR2", "CXR10"]
    assert found["CXR10"].images == (ListedImage("CXR10_IM-0002-1001.png"),)


def test_kaggles_spreadsheet_errors_and_escapes_are_taken_back(tmp_path):
    iu_xray.kaggle(tmp_path)
    found = records(tmp_path)
    assert found["CXR11"].report.sections == {Section.FINDINGS: "Clear, as before."}
    assert found["CXR11"].labels == {"mesh": "normal", "problems": "normal"}
    assert found["CXR10"].labels == {
        "procedure": "PA <XXXX>", "mesh": "Opacity/lung/base/left|Opacity/lung|Lung &c", "problems": "Opacity|Lung &c",
    }  # fmt: skip
    assert [i.view for i in found["CXR1"].images] == ["Frontal", "Lateral"]


def test_pictures_of_a_study_that_has_no_row_are_an_error(tmp_path):
    iu_xray.kaggle(tmp_path)
    with (tmp_path / "indiana_projections.csv").open("a") as table:
        table.write("12,12_IM-0004-1001.dcm.png,Frontal\n12,12_IM-0004-2001.dcm.png,Lateral\n")
    (fault,) = faults(tmp_path)
    assert fault.error.found == "indiana_projections.csv line 6: no report of the study '12'"
    assert len(records(tmp_path)) == 3


@pytest.mark.parametrize(
    ("table", "row"),
    [("indiana_reports.csv", "x7,normal,normal,PA,,,Clear.,"), ("indiana_projections.csv", "11,,Frontal")],
)
def test_a_row_of_kaggle_without_number_or_name_is_an_error_of_its_study(table, row, tmp_path):
    iu_xray.kaggle(tmp_path)
    with (tmp_path / table).open("a") as stream:
        stream.write(f"{row}\n")
    (fault,) = faults(tmp_path)
    assert "the uid" in fault.error.found and fault.where.startswith("indiana_reports.csv line")
    assert {"CXR1", "CXR10"} <= records(tmp_path).keys()


def test_r2gens_texts_are_findings_and_its_lists_are_the_splits(tmp_path):
    iu_xray.r2gen(tmp_path)
    found = records(tmp_path)
    first = found["CXR2384_IM-0942"]
    assert (first.patient_id, first.split) == ("CXR2384", "train")
    assert first.report == ReportText("Clear lungs.", {Section.FINDINGS: "Clear lungs."})
    assert [i.path for i in first.images] == ["images/CXR2384_IM-0942/0.png", "images/CXR2384_IM-0942/1.png"]
    assert found["CXR1_1_IM-0001"].patient_id == "CXR1"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"id": "p10/s5"}, "the id 'p10/s5'"),
        ({"id": None}, "the id None"),
        ({"report": None}, "without report or image_path"),
        ({"image_path": "a.png"}, "without report or image_path"),
        ({"image_path": ["../../secret.png"]}, "the path 'images/../../secret.png'"),
        ({"split": "test"}, "of the split 'test' in the list train"),
    ],
)
def test_an_entry_that_cannot_be_read_is_an_error_and_the_others_go_on(change, words, tmp_path):
    iu_xray.r2gen(tmp_path)
    path = tmp_path / "annotation.json"
    lists = json.loads(path.read_text())
    lists["train"][0] |= change
    path.write_text(json.dumps(lists | {"extra": []}))
    bad, extra = faults(tmp_path)
    assert words in bad.error.found and bad.where == "annotation.json train[0]"
    assert "has 'extra'" in extra.error.found
    assert len(records(tmp_path)) == 3


@pytest.mark.parametrize("text", ["", "[]", "{", "[" * 100_000])
def test_a_file_that_is_no_annotation_is_refused(text, tmp_path):
    (tmp_path / "annotation.json").write_text(text)
    with pytest.raises(InputError, match=r"annotation.json is (not JSON|a list)"):
        items(tmp_path)


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        (b'<!DOCTYPE a [<!ENTITY b "c">]><eCitation><uId id="CXR5"/>&b;</eCitation>', "declares entities"),
        (iu_xray.xml(5)[:-20], "is damaged"),
        (b"<eCitation/>", "is of the study ''"),
        (b'<eCitation><uId id="../5"/></eCitation>', "is of the study '../5'"),
        (iu_xray.xml(5, ["../CXR5_IM-0001"]), "names the picture '../CXR5_IM-0001'"),
        (iu_xray.xml(5).replace(b'"FINDINGS"', b'"ADDENDUM"'), "has a text under 'ADDENDUM'"),
        (b" " * (5 << 20), " has "),
    ],
    ids=["entities", "cut off", "no study", "no number", "climbing path", "unknown field", "too large"],
)
@pytest.mark.parametrize("make", [iu_xray.archive, iu_xray.extracted])
def test_a_bad_report_is_an_error_and_the_others_go_on(make, raw, words, tmp_path):
    make(tmp_path)
    if make is iu_xray.archive:
        (tmp_path / "NLMCXR_reports.tgz").unlink()
        iu_xray.write_archive(tmp_path / "NLMCXR_reports.tgz", {**iu_xray.reports(), "5.xml": raw})
    else:
        (tmp_path / "NLMCXR_reports" / "ecgen-radiology" / "5.xml").write_bytes(raw)
    (fault,) = (f for f in faults(tmp_path) if not f.set_aside)
    assert words in fault.error.found and "5.xml" in fault.error.found
    assert len(records(tmp_path)) == 3


def test_an_archive_that_is_cut_off_gives_what_it_has_and_says_so(tmp_path):
    whole = iu_xray.write_archive(tmp_path / "whole.tgz", {f"{n}.xml": iu_xray.xml(n) for n in range(1, 200)})
    (tmp_path / "NLMCXR_reports.tgz").write_bytes(whole.read_bytes()[:-400])
    (fault,) = faults(tmp_path)
    assert fault.where == "NLMCXR_reports.tgz" and not fault.set_aside
    assert 0 < len(records(tmp_path)) < 199


@pytest.fixture
def real(data_root, tmp_path):
    """The real tables, linked one by one, so that no other edition is beside them."""

    def linked(*names):
        for name in names:
            (tmp_path / name).symlink_to(data_root / "iu_xray_text" / name)
        return tmp_path

    return linked


def counted(root):
    edition = IU_XRAY.edition_in(root)
    tally = tally_for(edition, root)
    read = list(tally.passing(edition.read(root)))
    assert tally.differences(edition.expected) == () and tally.counts["faults"] == 0
    return edition.name, tally, {i.id: i for i in read if not isinstance(i, Fault)}


@pytest.mark.real
def test_all_3955_real_reports_are_read_out_of_the_archive(real):
    name, tally, found = counted(real("NLMCXR_reports.tgz"))
    assert (name, tally.counts["records"] + tally.counts["set_aside"]) == ("open-i archive", 3_955)
    assert tally.num_missing == tally.counts["images"] == 7_470
    assert Counter(len(r.images) for r in found.values()) == {2: 3_208, 1: 446, 3: 181, 0: 101, 4: 15, 5: 1}
    sections = Counter(s for r in found.values() if r.report for s in r.report.sections)
    assert sections == {
        Section.INDICATION: 3_865, Section.COMPARISON: 3_333, Section.FINDINGS: 3_425, Section.IMPRESSION: 3_921,
    }  # fmt: skip
    mesh = Counter(r.labels["mesh"] for r in found.values())
    assert (mesh["normal"], mesh["No Indexing"]) == (1_388, 95)
    assert sum("mesh_automatic" in r.labels for r in found.values()) == 2_182
    assert sum("XXXX" in r.report.raw for r in found.values() if r.report) == 3_411


@pytest.mark.real
def test_the_real_archive_unpacked_gives_the_same_studies(real, tmp_path):
    _, _, packed = counted(real("NLMCXR_reports.tgz"))
    with tarfile.open(tmp_path / "NLMCXR_reports.tgz") as archive:
        archive.extractall(tmp_path, filter="data")
    (tmp_path / "NLMCXR_reports.tgz").unlink()
    name, _, unpacked = counted(tmp_path)
    assert (name, unpacked) == ("open-i xml", packed)
    assert list(unpacked)[:3] == ["CXR1", "CXR2", "CXR3"]


@pytest.mark.real
def test_all_3851_real_rows_of_kaggle_say_what_the_xml_says(real):
    name, tally, table = counted(real("indiana_reports.csv", "indiana_projections.csv"))
    assert (name, tally.num_missing) == ("kaggle", 7_466)
    assert Counter(i.view for r in table.values() for i in r.images) == {"Frontal": 3_818, "Lateral": 3_648}
    _, _, xml = counted(real("NLMCXR_reports.tgz"))
    assert table.keys() <= xml.keys()
    spoilt = [uid for uid, study in table.items() if study.report != xml[uid].report]
    assert len(spoilt) == 3 and all(xml[uid].report.sections[Section.INDICATION][0] in "+-" for uid in spoilt)
    for uid, study in table.items():
        assert study.labels == {k: v for k, v in xml[uid].labels.items() if k != "mesh_automatic"}
    assert Counter(i.view for r in xml.values() for i in r.images) == {"Frontal": 3_818, "Lateral": 3_648, "": 4}


@pytest.mark.real
def test_the_whole_real_split_of_r2gen_is_findings_of_the_xml(real):
    name, tally, split = counted(real("r2gen_annotation.json"))
    assert (name, tally.num_missing) == ("r2gen", 5_910)
    _, _, xml = counted(real("NLMCXR_reports.tgz"))
    for study in split.values():
        assert study.report.raw == xml[study.patient_id].report.sections[Section.FINDINGS]
