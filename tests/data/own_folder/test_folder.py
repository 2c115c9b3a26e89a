"""A lab's own folder: images, reports and labels come together by exam, and what does not fit is one sentence each."""

import datetime as dt

import jsonschema
import pytest

from mammoscribe.data.counts import tally_for
from mammoscribe.data.dataset import Fault
from mammoscribe.data.datasets.own_folder import FOLDER
from mammoscribe.data.own_folder.folder import folder_dataset
from mammoscribe.data.record_json import from_json, schema_of, to_json
from mammoscribe.data.records import Kind
from mammoscribe.data.texts.report_text import Section
from mammoscribe.support.errors import InputError
from tests.data.datasets.made import write_dicom, write_lines, write_picture
from tests.data.datasets.makers.own_folder import (
    CASES,
    OTHER_KINDS,
    TOML,
    image_text,
    read,
    sections,
    toml,
    write_sheet,
)
from tests.data.some_records import CC, MLO, L, R

MAKERS = (*(case.make for case in CASES), *OTHER_KINDS)


@pytest.fixture
def dicom(tmp_path):
    toml(tmp_path)
    return tmp_path


@pytest.mark.parametrize("make", MAKERS, ids=lambda make: make.__name__)
def test_every_form_of_folder_keeps_what_all_datasets_keep(make, tmp_path):
    made = make(tmp_path)
    dataset, root = folder_dataset(tmp_path / "ours.toml")
    edition = dataset.edition_in(root)
    tally = tally_for(edition, root)
    tally.labels = frozenset(name.removeprefix("label:").split("=")[0] for name in made.counts)
    records = list(tally.passing(edition.read(root)))
    assert {name: tally.counts[name] for name in made.counts} == dict(made.counts)
    assert not tally.missing and records == list(edition.read(root))
    explained = {label.name for label in dataset.labels}
    for record in records:
        assert record.kind is dataset.kind and set(record.labels) <= explained
        assert from_json(to_json(record)) == record
        jsonschema.Draft202012Validator(schema_of(dataset.kind)).validate(to_json(record))


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
    rows = ["Accession", "Report", "BI-RADS", "Part", "Dens"], ["A1", "A mass.", 4, "Training", "C"]
    write_sheet(dicom / "reports.xlsx", *rows, ["A3", "Normal.", None, None, None])
    more = 'labels = { birads = "BI-RADS", density = "Dens" }\nsplit = "Part"\nlanguage = "es"\n'
    records, faults = read(dicom, TOML.replace("reports.csv", "reports.xlsx") + more)
    assert not faults
    assert records["A1"].labels == {"birads": "4", "density": "c"}
    assert (records["A1"].split, records["A1"].report.language) == ("train", "es")
    assert (records["A3"].labels, records["A3"].split) == ({}, None)


def test_the_card_says_of_what_each_label_is(dicom):
    def of(text):
        (dicom / "ours.toml").write_text(text)
        return [(label.name, label.of) for label in folder_dataset(dicom / "ours.toml")[0].labels]

    labels = 'labels = { birads = "B" }\n'
    assert of(TOML + labels) == [("birads", "exam")]
    assert of(TOML + labels + 'laterality = "Side"\n') == [("birads", "breast")]
    first = 'name = "x"\nkind = "mammo-exam"\nmanifest = "m.csv"\n'
    table = 'reports = "r.csv"\nreport_exam = "e"\n'
    assert of(first + labels) == [("birads", "breast")]
    assert of(first + table + labels) == [("birads", "exam")]
    text = 'name = "x"\nkind = "text-document"\nreport_text = "t"\n'
    assert of(text + table + labels) == [("birads", "document")]


def test_rows_of_one_breast_each_give_labels_of_the_breast(dicom):
    write_lines(
        dicom / "reports.csv",
        "Accession,Report,Side,Cancer",
        "A1,Text.,R,1",
        "A1,Text.,left,0",
        "A3,T.,both,0",
        "A2,T.,?,1",
    )
    records, faults = read(dicom, TOML + 'laterality = "Side"\nlabels = { cancer = "Cancer" }\n')
    assert records["A1"].breasts == {R: {"cancer": "1"}, L: {"cancer": "0"}}
    assert records["A3"].breasts == {R: {"cancer": "0"}, L: {"cancer": "0"}}
    assert faults == ["reports.csv line 5: laterality '?'; expected R, L or both."]


def test_reports_of_two_breasts_are_joined_and_empty_ones_are_none(dicom):
    write_lines(dicom / "reports.csv", "Accession,Report,Side", "A1,Right text.,R", "A1,Left text.,L", "A3,,R")
    records, faults = read(dicom, TOML + 'laterality = "Side"\n')
    assert not faults
    assert records["A1"].report.raw == "Right text.\n\nLeft text."
    assert records["A3"].report is None


def test_sections_may_stand_in_columns_of_their_own(tmp_path):
    sections(tmp_path)
    records, faults = read(tmp_path, (tmp_path / "ours.toml").read_text())
    assert not faults
    first = records["p1-20200304"]
    assert dict(first.report.sections) == {Section.FINDINGS: "A mass.", Section.IMPRESSION: "Biopsy."}
    assert first.report.raw == "FINDINGS: A mass.\nIMPRESSION: Biopsy."
    assert (first.patient_id, first.date, len(first.images)) == ("p1", dt.date(2020, 3, 4), 2)
    assert dict(records["p2-20200304"].report.sections) == {Section.IMPRESSION: "Normal."}
    assert records["p1-20220304"].report is None


def test_images_that_are_no_mammograms_take_patient_labels_and_split_from_the_table(tmp_path):
    image_text(tmp_path)
    records, _ = read(tmp_path, (tmp_path / "ours.toml").read_text())
    assert [i.path for i in records["s1"].images] == ["s1/a.png", "s1/b.jpg"]
    assert (records["s1"].patient_id, records["s1"].labels, records["s1"].split) == ("p1", {"grade": "1"}, "train")
    assert (records["s3"].patient_id, records["s3"].report, records["s3"].split) == ("s3", None, None)


def test_texts_alone_are_documents(tmp_path):
    write_lines(tmp_path / "notes.csv", "n,note,who,when", "1,A note.,p1,2020-01-02", "2,,p1,", "3,Other.,p2,soon")
    text = (
        'name = "x"\nkind = "text-document"\nreports = "notes.csv"\nreport_exam = "n"\nreport_text = "note"\n'
        'report_patient = "who"\nreport_date = "when"\nlabels = { w = "who" }\n'
    )
    records, faults = read(tmp_path, text)
    (note,) = records.values()
    assert (note.kind, note.text, note.patient_id, note.date) == (
        Kind.TEXT_DOCUMENT, "A note.", "p1", dt.date(2020, 1, 2),
    )  # fmt: skip
    assert note.labels == {"w": "p1"}
    assert faults[0] == "document 2 has no text; expected a text."
    assert faults[1].startswith("the date 'soon'; expected a day such as 2020-01-31")


def test_reports_alone_are_exams_without_views(tmp_path):
    write_lines(tmp_path / "r.csv", "e,t,p,d", "1,A mass.,p1,2020-01-02")
    text = (
        'name = "x"\nkind = "mammo-exam"\nreports = "r.csv"\nreport_exam = "e"\nreport_text = "t"\n'
        'report_patient = "p"\nreport_date = "d"\n'
    )
    records, _ = read(tmp_path, text)
    one = records["1"]
    assert (one.images, one.patient_id, one.report.raw, one.date) == ((), "p1", "A mass.", dt.date(2020, 1, 2))


def test_the_day_of_the_header_goes_before_that_of_the_report(dicom):
    write_lines(dicom / "reports.csv", "Accession,Report,Day", "A1,A mass.,2021-03-09", "A3,Normal.,09.03.2021")
    records, faults = read(dicom, TOML + 'report_date = "Day"\n')
    assert not faults and records["A1"].date == dt.date(2021, 3, 4)


def test_patients_of_headers_and_table_must_be_the_same(dicom):
    write_lines(dicom / "reports.csv", "Accession,Report,Who", "A1,A mass.,P1", "A3,Normal.,P7")
    records, faults = read(dicom, TOML + 'report_patient = "Who"\n')
    assert records.keys() == {"A1", "A2"}
    (told,) = faults
    assert told.startswith("exam A3 is of patient P2 by its images, of P7 by reports.csv; expected the same patient; ")
    assert told.endswith('say patient = "column" to go by the table alone.')


def test_the_table_alone_may_say_the_patient(dicom):
    write_lines(dicom / "reports.csv", "Accession,Report,Who", "A1,A mass.,M1", "A3,Normal.,M2")
    records, faults = read(dicom, TOML + 'report_patient = "Who"\npatient = "column"\n')
    assert {r.id: r.patient_id for r in records.values()} == {"A1": "M1", "A3": "M2"}
    assert faults == ["no row of reports.csv says the patient of exam A2; expected one, as patient = column."]


def test_two_reports_of_one_exam_and_reports_of_nobody_are_told(dicom):
    write_lines(
        dicom / "reports.csv", "Accession,Report", "A1,One.", "A1,Two.", "A2,One.", "A2,One.", "A7,Nobody's.", ",x"
    )
    records, faults = read(dicom, TOML)
    assert set(records) == {"A2", "A3"}
    assert records["A2"].report.raw == "One."
    assert faults[0] == "reports.csv line 7: no Accession; expected an exam in every row."
    assert faults[1].startswith("exam A1 has 2 reports (reports.csv line 2, reports.csv line 3); expected one; ")
    assert faults[2:] == [
        "reports.csv line 6: the report of exam A7 belongs to no image that was read; expected images of that exam."
    ]


def test_labels_that_contradict_each_other_are_told(dicom):
    write_lines(dicom / "reports.csv", "Accession,Report,B", "A1,One.,3", "A1,One.,4", "A3,x,4.0", "A3,x,4")
    records, faults = read(dicom, TOML + 'labels = { birads = "B" }\n')
    assert faults == ["exam A1 has more than one birads: 3, 4; expected one."]
    assert records["A3"].labels == {"birads": "4"}


def test_when_no_report_joins_both_sides_are_shown_once(dicom):
    write_lines(dicom / "reports.csv", "Accession,Report", *[f"{n},Text." for n in range(1, 6)])
    records, faults = read(dicom, TOML)
    assert len(records) == 3
    (told,) = faults
    assert "the reports say 1, 2, 3, the images A1, A2, A3" in told and told.endswith("look at exam and report_exam.")


@pytest.mark.parametrize("written", ["123", "123.0", "0123"])
def test_an_id_that_a_spreadsheet_changed_is_shown_beside_the_true_one(written, dicom):
    write_dicom(dicom / "dicom" / "x.dcm", 9, AccessionNumber="00123", PatientID="P9", StudyInstanceUID="1.2.9")
    write_lines(dicom / "reports.csv", "Accession,Report", f"{written},One.", "7,Two.")
    records, faults = read(dicom, TOML)
    assert len(records) == 4
    assert len(faults) == 1 and f"00123 became {written}: keep that column as text" in faults[0]
    write_lines(dicom / "reports.csv", "Accession,Report", f"{written},One.", "A1,Two.")
    _, faults = read(dicom, TOML)
    assert len(faults) == 1 and "exam " + written in faults[0] and "is it 00123, and did a spreadsheet" in faults[0]


def test_a_report_whose_images_were_refused_is_not_told_twice(dicom):
    write_dicom(
        dicom / "dicom" / "who.dcm",
        5,
        PatientID="P1",
        AccessionNumber="A3",
        StudyDate="20230304",
        SOPInstanceUID="1.2.9.4",
    )
    records, faults = read(dicom, TOML)
    assert records.keys() == {"A1", "A2"}
    assert faults == ["exam A3 has more than one patient: P2, P1; expected one."]


def test_images_of_two_days_under_one_exam_are_told(dicom):
    write_dicom(
        dicom / "dicom" / "day.dcm",
        5,
        PatientID="P2",
        AccessionNumber="A3",
        StudyDate="20200101",
        SOPInstanceUID="1.2.9.4",
    )
    records, faults = read(dicom, TOML)
    assert records.keys() == {"A1", "A2"}
    assert "exam A3 has images of 2020-01-01, 2023-03-04; expected one day" in faults[0]


def test_of_several_pictures_of_a_view_one_is_read_and_the_others_are_set_aside_with_their_reasons(tmp_path):
    def view(name, **said):
        write_dicom(tmp_path / f"{name}.dcm", AccessionNumber="A1", PatientID="P1", **said)

    view("a", AcquisitionTime="101500", AcquisitionDate="20200102")
    view("b", AcquisitionTime="101700", AcquisitionDate="20200102")
    view("raw", PresentationIntentType="FOR PROCESSING")
    view("synthetic", ImageType=["DERIVED", "PRIMARY", "TOMO", "GENERATED_2D"])
    text = 'name = "x"\nkind = "mammo-exam"\nimages = ["*.dcm"]\nexam = "header:AccessionNumber"\n'
    (tmp_path / "ours.toml").write_text(text)
    dataset, root = folder_dataset(tmp_path / "ours.toml")
    items = list(dataset.edition_in(root).read(root))
    (record,) = (item for item in items if not isinstance(item, Fault))
    assert [image.path for image in record.images] == ["b.dcm"]
    assert {item.where: (item.set_aside, item.error.found) for item in items if isinstance(item, Fault)} == {
        "a.dcm": (True, "a.dcm: an earlier repeat of b.dcm"),
        "raw.dcm": (True, "raw.dcm: a FOR PROCESSING image beside b.dcm"),
        "synthetic.dcm": (True, "synthetic.dcm: a 2D view synthesised from tomosynthesis beside b.dcm"),
    }


def test_two_folders_of_one_name_are_not_taken_for_one_exam(tmp_path):
    for name in ("p1/2020/R_CC.png", "p2/2020/R_CC.png", "p2/2021/R_CC.png"):
        write_picture(tmp_path / name)
    text = 'name = "x"\nkind = "mammo-exam"\nimages = "**/*.png"\nexam = "folder"\n'
    records, faults = read(tmp_path, text)
    assert records.keys() == {"2021"}
    assert len(faults) == 1 and "exam 2020 is 2 folders (p1/2020, p2/2020); expected one folder" in faults[0]
    text = text.replace('"folder"', "'name:(?P<exam>(?P<patient>[^/]+)/\\d+)/'")
    records, faults = read(tmp_path, text)
    assert not faults and {r.id: r.patient_id for r in records.values()} == {
        "p1/2020": "p1", "p2/2020": "p2", "p2/2021": "p2",
    }  # fmt: skip


def test_a_split_that_is_none_is_told(dicom):
    write_lines(dicom / "reports.csv", "Accession,Report,Part", "A1,A mass.,middle", "A3,A mass.,dev")
    records, faults = read(dicom, TOML + 'split = "Part"\n')
    assert records["A3"].split == "val"
    assert faults == ["exam A1 is in split 'middle'; expected train, val, test."]


def test_a_root_that_is_not_there_or_empty_is_told_with_the_file(dicom):
    for root, told in (("nowhere", "is not there"), ("ours.toml", "is a file"), ("empty", "is empty")):
        (dicom / "empty").mkdir(exist_ok=True)
        with pytest.raises(InputError, match=rf"ours\.toml: root: .*{root} {told}; expected a folder"):
            read(dicom, TOML + f'root = "{root}"\n')


def test_the_dataset_called_folder_wants_one_toml_of_its_kind_and_root(dicom):
    def told():
        with pytest.raises(InputError) as error:
            list(FOLDER.edition_in(dicom).read(dicom))
        return error.value.sentence()

    assert not any(isinstance(i, Fault) for i in FOLDER.edition_in(dicom).read(dicom))
    (dicom / "ours.toml").write_text(TOML + 'root = "dicom"\n')
    assert "has the root" in told() and "in place of the name" in told()
    (dicom / "ours.toml").write_text(TOML.replace("mammo-exam", "image-text"))
    assert "describes records of kind image-text, the dataset `folder` has mammo-exam" in told()
    (dicom / "second.toml").write_text(TOML)
    assert "holds ours.toml, second.toml; expected one TOML file" in told()


# --- days of a table in several orders --------------------------------------------------------------------------------------

NOTES = 'name = "x"\nkind = "text-document"\nreports = "n.csv"\nreport_exam = "id"\nreport_text = "text"\nreport_date = "day"\n'


def days_of(folder, *days, more=""):
    write_lines(folder / "n.csv", "id,text,day", *[f"{n},A note.,{day}" for n, day in enumerate(days)])
    records, faults = read(folder, NOTES + more)
    return [str(record.date) for record in records.values()], faults


def test_the_order_of_days_is_that_of_the_whole_column(tmp_path):
    assert days_of(tmp_path, "01/02/2020", "25/12/2020") == (["2020-02-01", "2020-12-25"], [])
    assert days_of(tmp_path, "01/02/2020", "12/25/2020") == (["2020-01-02", "2020-12-25"], [])
    assert days_of(tmp_path, "01/02/2020", "3 Jan 2020", more='report_date_order = "dmy"\n') == (
        ["2020-02-01", "2020-01-03"],
        [],
    )


def test_days_whose_order_cannot_be_known_are_one_sentence(tmp_path):
    with pytest.raises(
        InputError, match=r"ours\.toml: report_date: the dates of day, such as '01/02/2020', can all be two days"
    ):
        days_of(tmp_path, "01/02/2020", "03/04/2020")


def test_a_day_against_the_order_that_was_said_costs_its_record(tmp_path):
    days, faults = days_of(tmp_path, "01/02/2020", "12/25/2020", more='report_date_order = "dmy"\n')
    assert days == ["2020-02-01"] and len(faults) == 1 and "the date '12/25/2020'" in faults[0]
