"""A draft of the TOML for a folder that nobody has described: it reads back, says what it guessed, and is the same twice."""

import tomllib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mammoscribe.data.own_folder.draft import draft_toml
from mammoscribe.data.own_folder.look import files_in
from mammoscribe.data.own_folder.spec import read_spec
from mammoscribe.data.records import Kind
from mammoscribe.support.errors import InputError
from tests.data.datasets.made import write_dicom, write_lines, write_picture
from tests.data.datasets.makers import own_folder
from tests.data.datasets.makers.own_folder import read


def drafted(folder):
    text = draft_toml(folder)
    assert text == draft_toml(folder)
    return text, tomllib.loads(text)


@pytest.mark.parametrize(
    "make",
    [
        own_folder.toml, own_folder.spreadsheet, own_folder.text_files, own_folder.manifest, own_folder.image_text,
        own_folder.captions,
    ],
    ids=lambda make: make.__name__,
)  # fmt: skip
def test_a_draft_reads_what_its_folder_holds(make, tmp_path):
    make(tmp_path)
    expected, _ = read(tmp_path, (tmp_path / "ours.toml").read_text())
    (tmp_path / "ours.toml").unlink()
    records, faults = read(tmp_path, draft_toml(tmp_path))
    assert not faults and records.keys() == expected.keys()
    for name, record in records.items():
        assert (record.report, record.images) == (expected[name].report, expected[name].images)


def test_the_column_with_the_ids_is_found_whatever_its_name(tmp_path):
    for n in range(6):
        write_dicom(
            tmp_path / f"p{n}" / "1.2.840.1", n, AccessionNumber=f"X{n}", PatientID=f"P{n}", StudyInstanceUID=f"1.2.{n}",
            SOPInstanceUID=f"1.3.{n}",
        )  # fmt: skip
    write_lines(
        tmp_path / "all.csv", "Exam date,Nr,Text length,Befundtext", *[f"2020-01-02,X{n},7,Two words" for n in range(6)]
    )
    write_lines(
        tmp_path / "other.csv",
        "id,report",
        *[f"{n},A very long text that is no report of these images" for n in range(90)],
    )
    text, found = drafted(tmp_path)
    assert (found["kind"], found["exam"]) == ("mammo-exam", "header:AccessionNumber")
    assert (found["images"], found["reports"], found["report_exam"], found["report_text"]) == (
        ["**/*"], "all.csv", "Nr", "Befundtext",
    )  # fmt: skip
    assert "# 6 of 6 images looked at are CC or MLO views" in text
    assert 'report_exam = "Nr"  # 6 of its values are ids of images looked at' in text
    assert "# also there: other.csv" in text


def test_an_accession_number_that_some_headers_lack_is_not_taken(tmp_path):
    for n in range(3):
        write_dicom(
            tmp_path / f"{n}.dcm",
            n,
            AccessionNumber="A1" if n else None,
            StudyInstanceUID=f"1.2.{n}",
            SOPInstanceUID=f"1.3.{n}",
        )
    assert drafted(tmp_path)[1]["exam"] == "header:StudyInstanceUID"


def test_the_sample_is_spread_over_all_images(tmp_path, monkeypatch):
    monkeypatch.setattr("mammoscribe.data.own_folder.look.SAMPLE", 4)
    for n in range(50):
        write_picture(tmp_path / f"{n:02}_R_CC.png", height=4, width=4)
    found = files_in(tmp_path)
    assert found.num_images == 50 and found.sample == ["00_R_CC.png", "08_R_CC.png", "24_R_CC.png", "40_R_CC.png"]


def test_a_name_that_toml_cannot_hold_is_escaped(tmp_path):
    (tmp_path / "t.csv").write_text('"a\x7fb","c""\\"\n1,Two words\n')
    assert drafted(tmp_path)[1]["report_exam"] == "a\x7fb" and drafted(tmp_path)[1]["report_text"] == 'c"\\'


def test_where_no_id_is_in_any_column_the_draft_says_so(tmp_path):
    own_folder.toml(tmp_path)
    write_lines(tmp_path / "reports.csv", "Accession,Report", "1,A mass.")
    text, found = drafted(tmp_path)
    assert found["report_exam"] == "Accession"
    assert "no id of the images looked at is in any column; correct this, or exam" in text


def test_folders_names_labels_days_and_splits_are_guessed_and_said_to_be(tmp_path):
    write_picture(tmp_path / "e1" / "R_CC.png")
    write_picture(tmp_path / "e2" / "L_CC.png")
    write_lines(
        tmp_path / "t.csv", "Exam,Patient,Report text,ACR,BI-RADS,Side,When,Set", "e1,p1,A mass.,b,4,R,2020-01-02,train",
        "e2,p1,Normal breast.,c,1,left,02.01.2020,Test",
    )  # fmt: skip
    text, found = drafted(tmp_path)
    assert (found["exam"], found["report_patient"], found["report_date"], found["split"]) == (
        "folder",
        "Patient",
        "When",
        "Set",
    )
    assert found["labels"] == {"birads": "BI-RADS", "density": "ACR"}
    assert "# one folder per exam: is that so?" in text and '# laterality = "Side"' in text
    records, faults = read(tmp_path, text)
    assert not faults and records["e1"].labels == {"birads": "4", "density": "b"}


def test_texts_alone_are_documents_in_their_language(tmp_path):
    for n in range(2):
        write_lines(tmp_path / "notes [1]" / f"{n}.txt", "A note.")
    _, found = drafted(tmp_path)
    assert found["kind"] == "text-document"
    records, faults = read(tmp_path, draft_toml(tmp_path))
    assert not faults and records.keys() == {"0", "1"}
    write_lines(tmp_path / "t.csv", "n,texto,paciente", "1,Una masa en la mama de la paciente,p1")
    _, found = drafted(tmp_path)
    assert (found["language"], found["report_text"], found["report_patient"]) == ("es", "texto", "paciente")


def test_a_table_that_says_side_and_view_of_each_picture_makes_mammography_exams(tmp_path):
    for n in range(4):
        write_picture(tmp_path / f"{n}.png", n)
    write_lines(
        tmp_path / "t.csv", "file,study,side,view,BIRADS,birads_all", "0.png,s1,R,CC,4,4$5", "1.png,s1,R,MLO,4,1", "2.png,s1,L,CC,1,1",
        "3.png,s2,L,AT,2,1",
    )  # fmt: skip
    text, found = drafted(tmp_path)
    assert (found["kind"], found["report_image"], found["report_exam"], found["laterality"], found["view"]) == (
        "mammo-exam", "file", "study", "side", "view",
    )  # fmt: skip
    assert found["labels"] == {"birads": "BIRADS"}
    records, faults = read(tmp_path, text)
    assert [(v.path, v.laterality, v.projection) for v in records["s1"].images] == [
        ("0.png", "R", "CC"), ("1.png", "R", "MLO"), ("2.png", "L", "CC"),
    ]  # fmt: skip
    assert records["s1"].breasts == {"R": {"birads": "4"}, "L": {"birads": "1"}}
    assert len(faults) == 1 and "an AT view; expected CC or MLO" in faults[0]


def test_a_column_with_the_whole_view_is_enough(tmp_path):
    for n in range(2):
        write_picture(tmp_path / f"{n}.png", n)
    write_lines(tmp_path / "t.csv", "file;Projection", "0.png;Right CC", "1.png;LMLO")
    text, found = drafted(tmp_path)
    assert (found["kind"], found["view"]) == ("mammo-exam", "Projection") and "laterality" not in found
    records, faults = read(tmp_path, text)
    assert not faults and [r.images[0].projection for r in records.values()] == ["CC", "MLO"]


def test_the_column_with_most_different_ids_is_taken_and_not_one_of_a_few_values(tmp_path):
    for n in range(1, 7):
        write_dicom(
            tmp_path / f"{n}" / "1.dcm",
            n,
            AccessionNumber=f"X{n}",
            PatientID=f"P{n}",
            StudyInstanceUID=f"1.2.{n}",
            SOPInstanceUID=f"1.3.{n}",
        )
    rows = [f"BI-RADS {n % 3},{n % 3 + 1},X{n},The report of this exam" for n in range(1, 7)]
    write_lines(tmp_path / "t.csv", "BI-RADS,Code,Nr,Report", *rows)
    _, found = drafted(tmp_path)
    assert (found["exam"], found["report_exam"], found["report_text"]) == ("header:AccessionNumber", "Nr", "Report")
    assert found["labels"] == {"birads": "BI-RADS"}
    # where the folders are called 1 to 6 and no header has an accession number, the codes 1 to 3 are still not the ids
    write_lines(tmp_path / "t.csv", "BI-RADS,Nr,Report", *[f"{n % 4},{n},The report of this exam" for n in range(1, 7)])
    assert drafted(tmp_path)[1]["report_exam"] == "Nr"


def test_a_column_of_labels_is_not_the_one_of_the_ids_though_it_has_as_many_of_them(tmp_path):
    for n in range(1, 5):
        write_picture(tmp_path / f"{n}" / "R_CC.png", n)
    write_lines(tmp_path / "t.csv", "BI-RADS,Nr,Report", *[f"{5 - n},{n},The report of this exam" for n in range(1, 5)])
    _, found = drafted(tmp_path)
    assert (found["exam"], found["report_exam"], found["labels"]) == ("folder", "Nr", {"birads": "BI-RADS"})


def test_ids_that_are_written_differently_are_shown_and_nothing_is_joined(tmp_path):
    for n in range(3):
        write_dicom(tmp_path / "d" / f"{n}.dcm", n, AccessionNumber=f"0012{n}", PatientID=f"P{n}", StudyInstanceUID=f"1.2.{n}", SOPInstanceUID=f"1.3.{n}")  # fmt: skip
    write_lines(tmp_path / "t.csv", "When,Case no,Report", *[f"2020-01-02,12{n},A report of it" for n in range(3)])
    text, found = drafted(tmp_path)
    assert found["report_exam"] == "Case no"
    assert "3 of its values are like ids of images looked at, and written differently (12" in text
    _, faults = read(tmp_path, text)
    assert len(faults) == 1 and "00120 became 120" in faults[0]


def test_reports_of_mammography_alone_are_exams_and_other_texts_are_documents(tmp_path):
    write_lines(tmp_path / "t.csv", "id,report", "1,Bilateral mammogram without a mass", "2,BI-RADS 2 in both breasts")
    _, found = drafted(tmp_path)
    assert (found["kind"], found["language"]) == ("mammo-exam", "en")
    write_lines(
        tmp_path / "t.csv", "id,report", "1,The chest is clear of any disease", "2,No fracture of the wrist is seen"
    )
    assert drafted(tmp_path)[1]["kind"] == "text-document"


def test_a_report_in_portuguese_is_known_as_such(tmp_path):
    write_lines(
        tmp_path / "t.csv",
        "id,laudo",
        "1,Observa-se um nódulo na mama da paciente com contornos regulares e não há calcificações",
    )
    _, found = drafted(tmp_path)
    assert (found["language"], found["report_text"]) == ("pt", "laudo")


def test_a_column_with_the_words_of_a_label_is_no_section_of_the_report(tmp_path):
    values = [
        "4 (suspicious)",
        "category 0 – incomplete",
        "BI-RADS 2 - benign finding, routine screening",
        "Birads category-3",
    ]
    write_lines(
        tmp_path / "t.csv", "id,Report,BI-RADS", *[f'{n},The report of it,"{value}"' for n, value in enumerate(values)]
    )
    _, found = drafted(tmp_path)
    assert (found["report_text"], found["labels"]) == (
        "Report",
        {"birads": "BI-RADS"},
    ) and "report_sections" not in found


def test_dates_that_can_be_two_days_are_drafted_with_their_order(tmp_path):
    for n in range(2):
        write_picture(tmp_path / f"e{n}_R_CC.png", n)
    write_lines(tmp_path / "t.csv", "Exam,Report,Done", "e0,A report of it,01/02/2020", "e1,A report of it,03/04/2020")
    text, found = drafted(tmp_path)
    assert (found["report_date"], found["report_date_order"]) == ("Done", "dmy")
    records, _ = read(tmp_path, text)
    assert str(records["e0"].date) == "2020-02-01"
    write_lines(tmp_path / "t.csv", "Exam,Report,Done", "e0,A report of it,01/02/2020", "e1,A report of it,03/14/2020")
    text, found = drafted(tmp_path)
    assert "report_date_order" not in found
    records, _ = read(tmp_path, text)
    assert str(records["e0"].date) == "2020-01-02"


def test_a_table_with_a_title_is_drafted_by_its_header(tmp_path):
    write_lines(
        tmp_path / "t.csv",
        "Report export;;",
        "Date;2024-01-01;",
        ";;",
        "Accession No;Report;X",
        "1;The report of it;",
        "2;Another one;",
    )
    _, found = drafted(tmp_path)
    assert (found["report_exam"], found["report_text"]) == ("Accession No", "Report")


def test_where_only_some_images_are_dicom_no_header_is_taken(tmp_path):
    write_picture(tmp_path / "a_1.png")
    write_dicom(tmp_path / "a_2.dcm", AccessionNumber="A1")
    assert drafted(tmp_path)[1]["exam"].startswith("name:")


def test_texts_that_no_column_looks_like_are_not_claimed(tmp_path):
    write_lines(tmp_path / "t.csv", "id,n", "1,2")
    assert "# no column looks like a text: correct this" in drafted(tmp_path)[0]


def test_a_table_that_cannot_be_read_is_named(tmp_path):
    write_picture(tmp_path / "a_R_CC.png")
    (tmp_path / "r.xlsx").write_bytes(b"\xd0\xcf\x11\xe0")
    text, found = drafted(tmp_path)
    assert "# r.xlsx cannot be read:" in text and "has a password" in text and "reports" not in found


def test_a_folder_without_anything_is_refused(tmp_path):
    for folder, told in ((tmp_path, "no image and no table"), (tmp_path / "none", "is not there")):
        with pytest.raises(InputError, match=told):
            draft_toml(folder)


@given(
    names=st.lists(
        st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=12),
        min_size=1,
        max_size=5,
    ),
    value=st.text(st.characters(exclude_categories=["Cs"]), max_size=30),
)
@settings(max_examples=50)
def test_whatever_columns_are_called_the_draft_is_a_toml_that_describes(tmp_path_factory, names, value):
    folder = tmp_path_factory.mktemp("x")
    quoted = ['"' + name.replace('"', '""') + '"' for name in names]
    (folder / "t.csv").write_text(
        ",".join(quoted) + "\n" + ",".join(['"' + value.replace('"', '""') + '"'] * len(names)), encoding="utf-8"
    )
    (folder / "note.txt").write_text("x")
    (folder / "d.toml").write_text(draft_toml(folder), encoding="utf-8")
    assert read_spec(folder / "d.toml").kind is Kind.TEXT_DOCUMENT
