"""A lab's own folder: every way in which images and reports lie there, and one sentence for each thing that is wrong."""

import datetime as dt
import json
import os

import openpyxl
import pytest

from mammoscribe.data.dataset import Fault
from mammoscribe.data.datasets.own_folder import FOLDER
from mammoscribe.data.folder import folder_dataset
from mammoscribe.data.folder_draft import draft_toml
from mammoscribe.data.folder_spec import read_spec
from mammoscribe.data.records import Kind
from mammoscribe.data.report_text import Section
from mammoscribe.support.errors import InputError, NotAMammogram
from tests.data.datasets.made import write_dicom, write_lines, write_picture
from tests.data.datasets.makers.own_folder import TOML, toml
from tests.data.some_records import CC, MLO, L, R


def read(folder, text):
    (folder / "ours.toml").write_text(text)
    dataset, root = folder_dataset(folder / "ours.toml")
    items = list(dataset.edition_in(root).read(root))
    records = {i.id: i for i in items if not isinstance(i, Fault)}
    return records, [i.error.sentence() for i in items if isinstance(i, Fault)]


@pytest.fixture
def dicom(tmp_path):
    toml(tmp_path)
    return tmp_path


def test_dicom_is_grouped_by_its_headers_and_joined_with_its_reports(dicom):
    records, faults = read(dicom, TOML)
    assert not faults
    one = records["A1"]
    assert [(v.path, v.laterality, v.projection) for v in one.images] == [
        ("dicom/P1/0.dcm", R, CC), ("dicom/P1/1.dcm", L, MLO),
    ]  # fmt: skip
    assert (one.patient_id, one.date) == ("P1", dt.date(2021, 3, 4))
    assert one.report.raw == "Findings: A mass.\nImpression: Benign."
    assert records["A2"].report is None


def test_a_spreadsheet_gives_reports_labels_and_splits(dicom):
    book = openpyxl.Workbook()
    sheet = book.active
    sheet.append(["Accession", "Report", "BI-RADS", "Part"])
    sheet.append(["A1", "A mass.", 4, "Training"])
    sheet.append(["A3", "Normal.", None, None])
    book.save(dicom / "reports.xlsx")
    more = 'labels = { birads = "BI-RADS" }\nsplit = "Part"\nlanguage = "es"\n'
    records, faults = read(dicom, TOML.replace("reports.csv", "reports.xlsx") + more)
    assert not faults
    assert (records["A1"].labels, records["A1"].split, records["A1"].report.language) == (
        {"birads": "4"},
        "train",
        "es",
    )
    assert (records["A3"].labels, records["A3"].split) == ({}, None)


def test_rows_of_one_breast_each_give_labels_of_the_breast(dicom):
    write_lines(
        dicom / "reports.csv", "Accession,Report,Side,Cancer", "A1,Text.,R,1", "A1,Text.,left,0", "A3,T.,both,0"
    )
    records, faults = read(dicom, TOML + 'laterality = "Side"\nlabels = { cancer = "Cancer" }\n')
    assert not faults
    assert records["A1"].breasts == {R: {"cancer": "1"}, L: {"cancer": "0"}}
    assert records["A3"].breasts == {R: {"cancer": "0"}, L: {"cancer": "0"}}


def test_sections_may_stand_in_columns_of_their_own(dicom):
    write_lines(dicom / "reports.csv", "Accession,F,I", "A1,A mass.,Biopsy.", "A3,,Normal.")
    text = TOML.replace('report_text = "Report"', 'report_sections = { findings = "F", impression = "I" }')
    records, faults = read(dicom, text)
    assert not faults
    assert dict(records["A1"].report.sections) == {Section.FINDINGS: "A mass.", Section.IMPRESSION: "Biopsy."}
    assert dict(records["A3"].report.sections) == {Section.IMPRESSION: "Normal."}


@pytest.mark.parametrize("name", ["reports.json", "reports.jsonl"])
def test_json_is_a_table_too(name, dicom):
    rows = [{"Accession": "A1", "Report": "A mass.", "n": 4}, {"Accession": "A3", "Report": None, "n": [1]}]
    text = json.dumps(rows) if name.endswith("json") else "\n".join(map(json.dumps, rows))
    (dicom / name).write_text(text)
    records, faults = read(dicom, TOML.replace("reports.csv", name) + 'labels = { n = "n" }\n')
    assert not faults
    assert (records["A1"].report.raw, records["A1"].labels) == ("A mass.", {"n": "4"})
    assert (records["A3"].report, records["A3"].labels) == (None, {"n": "[1]"})


def test_text_files_are_named_after_their_exam(dicom):
    (dicom / "texts").mkdir()
    (dicom / "texts" / "A1.txt").write_bytes("Una masa en la mamá.".encode("latin-1"))
    (dicom / "texts" / "A3.txt").write_text("")
    (dicom / "texts" / "A8.txt").write_text("Of nobody.")
    text = TOML[: TOML.index("report_exam")].replace("reports.csv", "texts/*.txt")
    records, faults = read(dicom, text)
    assert records["A1"].report.raw == "Una masa en la mamá."
    assert faults == [
        "texts/A3.txt is empty; expected a report.",
        "texts/A8.txt line 1: the report of exam A8 belongs to no image; expected images of that exam.",
    ]


def test_plain_images_say_exam_patient_date_and_view_in_their_names(tmp_path):
    for name in ("p1-20200304-RCC", "p1-20200304-LMLO", "p1-20220304-RCC", "p2"):
        write_picture(tmp_path / "png" / f"{name}.png")
    text = (
        'name = "x"\nkind = "mammo-exam"\nimages = "png/*.png"\n'
        r"exam = 'name:(?P<exam>(?P<patient>p\d)-(?P<date>\d+))-(?P<view>\w+)'" + "\n"
    )
    records, faults = read(tmp_path, text)
    assert {r.id: (r.patient_id, str(r.date), len(r.images)) for r in records.values()} == {
        "p1-20200304": ("p1", "2020-03-04", 2),
        "p1-20220304": ("p1", "2022-03-04", 1),
    }
    assert len(faults) == 1 and "nothing says which view" in faults[0]


def test_other_images_with_reports_are_image_texts(tmp_path):
    write_picture(tmp_path / "s1" / "a.png")
    write_picture(tmp_path / "s1" / "b.jpg")
    write_dicom(
        tmp_path / "s2" / "c.dcm",
        Modality="CR",
        ViewPosition="PA",
        PatientID="P7",
        SOPClassUID="1.2.840.10008.5.1.4.1.1.1",
    )
    write_lines(tmp_path / "r.tsv", "id\ttext", "s1\tClear lungs.", "s2\tEffusion.")
    text = (
        'name = "x"\nkind = "image-text"\nimages = ["**/*.png", "**/*.jpg", "**/*.dcm"]\nexam = "folder"\n'
        'reports = "r.tsv"\nreport_exam = "id"\nreport_text = "text"\n'
    )
    records, faults = read(tmp_path, text)
    assert not faults
    assert [i.path for i in records["s1"].images] == ["s1/a.png", "s1/b.jpg"]
    assert (records["s2"].patient_id, records["s2"].images[0].view, str(records["s2"].date)) == (
        "P7",
        "PA",
        "2020-01-02",
    )
    assert records["s2"].report.raw == "Effusion."


def test_texts_alone_are_documents(tmp_path):
    write_lines(tmp_path / "notes.csv", "n,note,who,when", "1,A note.,p1,2020-01-02", "2,,p1,", "3,Other.,p2,soon")
    text = (
        'name = "x"\nkind = "text-document"\nreports = "notes.csv"\nreport_exam = "n"\nreport_text = "note"\n'
        'report_patient = "who"\nreport_date = "when"\nlabels = { w = "who" }\n'
    )
    records, faults = read(tmp_path, text)
    (note,) = records.values()
    assert (note.kind, note.text, note.patient_id, note.date) == (
        Kind.TEXT_DOCUMENT,
        "A note.",
        "p1",
        dt.date(2020, 1, 2),
    )
    assert note.labels == {"w": "p1"}
    assert faults == ["document 2 has no text; expected a text.", "date 'soon'; expected YYYY-MM-DD."]


def test_reports_alone_are_exams_without_views(tmp_path):
    write_lines(tmp_path / "r.csv", "e,t,p", "1,A mass.,p1")
    text = 'name = "x"\nkind = "mammo-exam"\nreports = "r.csv"\nreport_exam = "e"\nreport_text = "t"\nreport_patient = "p"\n'
    records, _ = read(tmp_path, text)
    assert (records["1"].images, records["1"].patient_id, records["1"].report.raw) == ((), "p1", "A mass.")


def test_a_manifest_is_read_with_its_labels_and_priors(tmp_path):
    for name in ("a", "b", "c"):
        write_picture(tmp_path / "img" / f"{name}.png")
    write_lines(
        tmp_path / "m.csv", "exam_id,patient_id,laterality,view,path,date,is_prior,spacing_mm,Cancer",
        "e1,p1,R,CC,img/a.png,2020-01-02,0,0.1,1", "e1,p1,R,CC,img/b.png,2018-01-02,1,0.1,", "e2,p2,L,MLO,img/c.png,,,,0",
        "e3,p3,L,MLO,img/none.png,,,,0",
    )  # fmt: skip
    records, faults = read(tmp_path, 'name="x"\nkind="mammo-exam"\nmanifest="m.csv"\nlabels={ cancer = "Cancer" }\n')
    assert list(records) == ["e1/prior", "e1", "e2"]
    assert (records["e1"].prior_id, str(records["e1/prior"].date)) == ("e1/prior", "2018-01-02")
    assert records["e1"].breasts == {R: {"cancer": "1"}}
    assert records["e1"].images[0].spacing_mm == (0.1, 0.1)
    assert len(faults) == 1 and "none.png is not there" in faults[0]


def test_files_that_are_of_no_use_are_told_one_by_one_and_the_others_are_read(dicom):
    def add(name, n, **more):
        given = {
            "PatientID": "P2",
            "AccessionNumber": "A3",
            "SOPInstanceUID": f"1.2.9.{n}",
            "StudyInstanceUID": "1.2.3",
        }
        return write_dicom(dicom / "dicom" / name, n, **given | more)

    (dicom / "dicom" / "text.dcm").write_text("no picture")
    (dicom / "dicom" / "empty.dcm").touch()
    add("twice.dcm", 1, SOPInstanceUID="1.2.3.1")
    add("spot.dcm", 2, ViewPosition="XCCL")
    add("nobody.dcm", 3, AccessionNumber=None)
    add("who.dcm", 4, PatientID="P1", ImageLaterality="R", ViewPosition="MLO")
    (dicom / ".hidden.dcm").write_text("x")
    os.symlink("/etc/hostname", dicom / "dicom" / "link.dcm")
    dataset, root = folder_dataset(dicom / "ours.toml")
    items = list(dataset.edition_in(root).read(root))
    faults = {i.where: i.error.sentence() for i in items if isinstance(i, Fault)}
    assert [i.id for i in items if not isinstance(i, Fault)] == ["A1", "A2"]
    for where, told in {
        "dicom/text.dcm": "is not a picture",
        "dicom/empty.dcm": "is empty",
        "dicom/twice.dcm": "the same object as an earlier file",
        "dicom/nobody.dcm": "has no AccessionNumber",
        "dicom/link.dcm": "a link that leads out",
        "A3": "exam A3 has the patients P2, P1",
        "reports.csv line 4": "belongs to no image",
    }.items():
        assert told in faults[where], (where, faults)
    assert [i.where for i in items if isinstance(i, Fault) and isinstance(i.error, NotAMammogram)] == ["dicom/spot.dcm"]


def test_a_truncated_header_is_one_sentence(dicom):
    path = dicom / "dicom" / "P1" / "0.dcm"
    path.write_bytes(path.read_bytes()[:250])
    records, faults = read(dicom, TOML)
    assert set(records) == {"A1", "A2", "A3"}
    assert len(records["A1"].images) == 1 and len(faults) == 1


def test_two_reports_of_one_exam_and_reports_of_nobody_are_told(dicom):
    write_lines(
        dicom / "reports.csv", "Accession,Report", "A1,One.", "A1,Two.", "A2,One.", "A2,One.", "A7,Nobody's.", ",x"
    )
    records, faults = read(dicom, TOML)
    assert set(records) == {"A2", "A3"}
    assert records["A2"].report.raw == "One."
    assert faults == [
        "reports.csv line 7: no Accession; expected an exam in every row.",
        "exam A1 has 2 reports (reports.csv line 2, reports.csv line 3); expected one; name the column of the breast.",
        "reports.csv line 6: the report of exam A7 belongs to no image; expected images of that exam.",
    ]


def test_when_no_report_joins_both_sides_are_shown(dicom):
    write_lines(dicom / "reports.csv", "Accession,Report", "1,One.", "2,Two.")
    records, faults = read(dicom, TOML)
    assert len(records) == 3
    (told,) = faults
    assert "the reports say 1, 2, the images A1, A2, A3" in told and "leading zeros" in told


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ("nmae = 'x'\n", "no key of this file is called 'nmae'; did you mean name"),
        ('[mammo]\n', "no key of this file is called 'mammo'"),
        ("language = 3\n", "language = 3; expected a text"),
        ('manifest = "m.csv"\n', "both images and manifest"),
        ('report_sections = { finding = "x" }\n', "did you mean findings"),
        ('report_sections = { findings = "x" }\n', "both report_text and report_sections"),
        ('patient = "header:Patient"\n', "did you mean PatientID"),
        ('patient = "name:(?P<exam>x)"\n', "(?P<patient>...) in the regular expression"),
        ('patient = "name:(?P<patient>"\n', "the regular expression"),
        ('patient = "column"\n', "expected header:KEYWORD, folder or name:REGEX"),
        ('root = "nowhere"\n', "is not there"),
        ('labels = { a = "Repot" }\n', "no column of reports.csv is called 'Repot'; did you mean Report"),
        ("x", "is not TOML"),
    ],
)  # fmt: skip
def test_a_mistake_in_the_toml_is_one_sentence(change, told, dicom):
    with pytest.raises(InputError) as error:
        read(dicom, TOML + change)
    assert told in error.value.sentence()


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('kind = "mammo-exam"\nimages = "*"\nexam = "folder"\n', "no name"),
        ('name = "x"\nimages = "*"\n', "no kind of record is called ''"),
        ('name = "x"\nkind = "mammo-exam"\n', "neither images, manifest nor reports"),
        ('name = "x"\nkind = "mammo-exam"\nimages = "*"\n', "images without exam"),
        ('name = "x"\nkind = "mammo-exam"\nimages = "/etc/*"\nexam = "folder"\n', "leads out of the root"),
        ('name = "x"\nkind = "mammo-exam"\nimages = "a/../../*"\nexam = "folder"\n', "leads out of the root"),
        ('name = "x"\nkind = "mammo-exam"\nreports = "../r.csv"\n', "leads out of the root"),
        ('name = "x"\nkind = "image-text"\nmanifest = "m.csv"\n', "a manifest for image-text"),
        ('name = "x"\nkind = "text-document"\nimages = "*"\n', "text-document with images"),
        ('name = "x"\nkind = "mammo-exam"\nreports = "r.csv"\n', "without report_exam"),
        ('name = "x"\nkind = "mammo-exam"\nreports = "r.csv"\nreport_exam = "e"\n', "from which nothing is taken"),
        ('name = "x"\nkind = "mammo-exam"\nreports = "*.txt"\nreport_exam = "e"\n', "report_exam without a table"),
        ('name = "x"\nkind = "mammo-exam"\nimages = "*.dcm"\nexam = "folder"\n', "no file in"),
    ],
)  # fmt: skip
def test_a_description_that_says_too_little_or_too_much_is_refused(text, told, tmp_path):
    with pytest.raises(InputError) as error:
        read(tmp_path, text)
    assert told in error.value.sentence()


def test_a_draft_of_a_folder_of_dicom_reads_it(dicom):
    text = draft_toml(dicom)
    (dicom / "ours.toml").unlink()
    records, faults = read(dicom, text)
    assert not faults
    assert set(records) == {"A1", "A2", "A3"} and records["A1"].report is not None


def test_a_draft_says_what_it_guessed_and_reads_back(tmp_path):
    write_picture(tmp_path / "e1" / "R_CC.png")
    write_picture(tmp_path / "e2" / "L_CC.png")
    write_lines(tmp_path / "table.csv", "Exam,Report text,ACR", "e1,A mass.,b")
    text = draft_toml(tmp_path)
    assert "one folder per exam: is that so?" in text
    records, faults = read(tmp_path, text)
    assert not faults
    assert (records["e1"].report.raw, records["e1"].labels) == ("A mass.", {"density": "b"})


def test_a_draft_of_text_files_and_of_nothing(tmp_path):
    for n in range(2):
        write_lines(tmp_path / "notes" / f"{n}.txt", "A note.")
    (tmp_path / "d.toml").write_text(draft_toml(tmp_path))
    assert read_spec(tmp_path / "d.toml").kind is Kind.TEXT_DOCUMENT
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="no image and no table"):
        draft_toml(tmp_path / "empty")
    with pytest.raises(InputError, match="not there"):
        draft_toml(tmp_path / "none")


def test_the_patient_may_stand_elsewhere(dicom):
    records, faults = read(dicom, TOML + 'patient = "folder"\n')
    assert not faults and records["A1"].patient_id == "P1"
    records, _ = read(dicom, TOML + 'patient = "header:StudyInstanceUID"\n')
    assert records["A1"].patient_id == "1.2.1"


def test_a_header_that_plain_images_do_not_have_is_told(tmp_path):
    write_picture(tmp_path / "R_CC.png")
    text = 'name = "x"\nkind = "mammo-exam"\nimages = "*.png"\nexam = "header:AccessionNumber"\n'
    records, faults = read(tmp_path, text)
    assert not records and faults == ["R_CC.png has no DICOM header; expected one, for exam = header:AccessionNumber."]


def test_a_split_that_is_none_and_a_manifest_that_leads_out_are_told(dicom, tmp_path):
    write_lines(dicom / "reports.csv", "Accession,Report,Part", "A1,A mass.,middle", "A3,A mass.,dev")
    records, faults = read(dicom, TOML + 'split = "Part"\n')
    assert records["A3"].split == "val"
    assert faults == ["exam A1 is in split 'middle'; expected train, val, test."]
    write_picture(tmp_path / "elsewhere" / "R_CC.png")
    write_lines(
        dicom / "inside" / "m.csv", "exam_id,laterality,view,path,is_prior",
        f"e1,R,CC,{tmp_path / 'elsewhere' / 'R_CC.png'},0", f"e2,R,CC,{tmp_path / 'inside' / 'a.png'},1",
    )  # fmt: skip
    write_picture(dicom / "inside" / "a.png")
    records, faults = read(dicom, 'name = "x"\nkind = "mammo-exam"\nroot = "inside"\nmanifest = "m.csv"\n')
    assert not records
    assert "is not inside" in faults[0] and "has priors and no view of its own" in faults[1]


def test_reports_of_two_breasts_are_joined_and_empty_ones_are_none(dicom):
    write_lines(dicom / "reports.csv", "Accession,Report,Side", "A1,Right text.,R", "A1,Left text.,L", "A3,,R")
    records, faults = read(dicom, TOML + 'laterality = "Side"\n')
    assert not faults
    assert records["A1"].report.raw == "Right text.\n\nLeft text."
    assert records["A3"].report is None
    write_lines(dicom / "reports.csv", "Accession,F", "A1,", "A3,A mass.")
    records, _ = read(dicom, TOML.replace('report_text = "Report"', 'report_sections = { findings = "F" }'))
    assert records["A1"].report is None and records["A3"].report.raw == "FINDINGS: A mass."


def test_text_files_that_are_no_reports_are_told(dicom, monkeypatch):
    monkeypatch.setattr("mammoscribe.data.folder_reports.MAX_TEXT_BYTES", 100)
    write_lines(dicom / "texts" / "A1.txt", "A mass.")
    write_lines(dicom / "texts" / "A2.txt", "word " * 30)
    (dicom / "texts" / "A3.txt").write_bytes(b"a\0b")
    os.symlink("/etc/hostname", dicom / "texts" / "A4.txt")
    records, faults = read(dicom, TOML[: TOML.index("report_exam")].replace("reports.csv", "texts/*.txt"))
    assert [r.id for r in records.values() if r.report is not None] == ["A1"]
    for told, fault in zip(("a report of less", "is not a text file", "a link that leads out"), faults, strict=True):
        assert told in fault


def test_a_root_that_is_not_there_is_told_by_the_folder_dataset_too(dicom):
    (dicom / "ours.toml").write_text(TOML + 'root = "nowhere"\n')
    with pytest.raises(InputError, match=r"the root .*nowhere is not there"):
        list(FOLDER.edition_in(dicom).read(dicom))
    (dicom / "second.toml").write_text(TOML)
    with pytest.raises(InputError, match=r"holds ours\.toml, second\.toml; expected one TOML file"):
        list(FOLDER.edition_in(dicom).read(dicom))
