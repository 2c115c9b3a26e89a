"""Reports of a lab's folder: tables of every format and text files, and what is wrong with each in one sentence."""

import json
import os

import pytest

from mammoscribe.support.errors import InputError
from tests.data.datasets.made import write_dicom, write_lines
from tests.data.datasets.makers.cdd_cesm import write_docx
from tests.data.datasets.makers.own_folder import TOML, read, toml, write_sheet

TEXTS = TOML[: TOML.index("reports =")] + 'reports = "texts/*"\n'


@pytest.fixture
def dicom(tmp_path):
    toml(tmp_path)
    return tmp_path


@pytest.mark.parametrize("name", ["reports.json", "reports.jsonl"])
def test_json_is_a_table_too(name, dicom):
    rows = [
        {"Accession": "A1", "Report": "A mass."}, {"Accession": "A2", "n": 4.0, "Report": float("nan")},
        {"Accession": "A3", "Report": None, "n": [1]},
    ]  # fmt: skip
    text = json.dumps(rows) if name.endswith("json") else "\n".join(map(json.dumps, rows))
    (dicom / name).write_text(text)
    records, faults = read(dicom, TOML.replace("reports.csv", name) + 'labels = { n = "n" }\n')
    assert not faults
    assert (records["A1"].report.raw, records["A1"].labels) == ("A mass.", {})
    assert (records["A2"].report, records["A2"].labels) == (None, {"n": "4"})
    assert (records["A3"].report, records["A3"].labels) == (None, {"n": "[1]"})


def test_an_id_that_json_has_as_a_number_is_written_as_in_a_table(dicom):
    write_dicom(dicom / "dicom" / "x.dcm", 9, AccessionNumber="123", PatientID="P9", StudyInstanceUID="1.2.9")
    (dicom / "r.json").write_text('[{"Accession": 123.0, "Report": "A mass."}]')
    records, faults = read(dicom, TOML.replace("reports.csv", "r.json"))
    assert not faults and records["123"].report.raw == "A mass."


def test_json_entries_that_are_none_are_told_and_the_others_read(dicom):
    (dicom / "r.jsonl").write_text('{"Accession": "A1", "Report": "A mass."}\n[1]\n{"Acc\n{"Accession": "\\ud800"}\n')
    records, faults = read(dicom, TOML.replace("reports.csv", "r.jsonl"))
    assert records["A1"].report is not None
    expected = "r.jsonl entry 2 is a list", "r.jsonl line 3 is not JSON", "Accession is '\\ud800'"
    assert len(faults) == 3 and all(told in fault for told, fault in zip(expected, faults, strict=True))


def test_several_tables_are_read_as_one(dicom):
    write_lines(dicom / "years" / "2021.csv", "Accession,Report", "A1,A mass.")
    write_lines(dicom / "years" / "2023.csv", "Report,Accession", "Normal.,A3")
    records, faults = read(dicom, TOML.replace("reports.csv", "years/*.csv"))
    assert not faults and [r.id for r in records.values() if r.report is not None] == ["A1", "A3"]


def test_a_sheet_may_be_named(dicom):
    write_sheet(dicom / "r.xlsx", ["Accession", "Report"], ["A1", "A mass."], sheet="All reports")
    text = TOML.replace("reports.csv", "r.xlsx")
    records, _ = read(dicom, text + 'report_sheet = "All reports"\n')
    assert records["A1"].report is not None
    with pytest.raises(InputError, match="has the sheets Sheet, All reports; expected a sheet called Reports"):
        read(dicom, text + 'report_sheet = "Reports"\n')


@pytest.mark.parametrize("rows", [["A1,A mass."], []])
def test_a_column_that_is_not_there_is_told_with_file_key_and_the_nearest(rows, dicom):
    write_lines(dicom / "reports.csv", "Accession,Report", *rows)
    with pytest.raises(InputError) as error:
        read(dicom, TOML + 'labels = { birads = "Repot" }\n')
    told = error.value.sentence()
    assert "ours.toml: labels.birads: no column of reports.csv is called 'Repot'; did you mean Report?" in told
    (dicom / "r.jsonl").write_text('{"Accession": "A1", "Report": "x"}\n')
    with pytest.raises(InputError, match=r"labels\.birads: no column of r\.jsonl is called 'Repot'"):
        read(dicom, TOML.replace("reports.csv", "r.jsonl") + 'labels = { birads = "Repot" }\n')


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("none.csv", None, "reports: .*none.csv is not there; expected a table of reports"),
        ("r.xlsx", b"\xd0\xcf\x11\xe0 more", "has a password, or is an old Excel file"),
        ("r.xlsx", b"PK no zip", "is not a spreadsheet"),
        ("r.json.gz", b"x", r"is packed; expected JSON as it is; gunzip r\.json\.gz"),
        ("r.csv", b"", "is empty"),
        ("r.json", b"{}", "is not a JSON list"),
        ("none-*.csv", None, r"no file in .* fits none-\*\.csv \(there: 1 \.csv, 4 \.dcm"),
    ],
)
def test_a_table_that_is_none_is_told_with_the_file_that_names_it(name, content, told, dicom):
    if content is not None:
        (dicom / name).write_bytes(content)
    with pytest.raises(InputError, match=rf"ours\.toml.*{told}"):
        read(dicom, TOML.replace("reports.csv", name))


def test_a_table_behind_a_link_that_leads_out_is_refused(dicom, tmp_path_factory):
    outside = write_lines(tmp_path_factory.mktemp("elsewhere") / "r.csv", "Accession,Report", "A1,Secret.")
    os.symlink(outside, dicom / "link.csv")
    with pytest.raises(InputError, match=r"reports: link\.csv is a link that leads out of"):
        read(dicom, TOML.replace("reports.csv", "link.csv"))


def test_text_files_are_named_after_their_exam(dicom):
    (dicom / "texts").mkdir()
    (dicom / "texts" / "A1.txt").write_bytes("Una masa en la mamá.".encode("latin-1"))
    (dicom / "texts" / "A2.txt").write_text("Una mamá.", encoding="utf-16")
    write_docx(dicom / "texts" / "A3.docx", "Two", "lines")
    (dicom / "texts" / "A8.txt").write_text("Of nobody.")
    records, faults = read(dicom, TEXTS)
    assert [r.report.raw for r in records.values()] == ["Una masa en la mamá.", "Una mamá.", "Two\nlines"]
    assert faults == [
        "texts/A8.txt: the report of exam A8 belongs to no image that was read; expected images of that exam."
    ]


def test_text_files_that_are_no_reports_are_told(dicom, monkeypatch):
    monkeypatch.setattr("mammoscribe.data.own_folder.reports.MAX_TEXT_BYTES", 100)
    write_lines(dicom / "texts" / "A1.txt", "A mass.")
    write_lines(dicom / "texts" / "A2.txt", "word " * 30)
    (dicom / "texts" / "A3.txt").write_bytes(b"a\0b")
    os.symlink("/etc/hostname", dicom / "texts" / "A4.txt")
    (dicom / "texts" / "A5.txt").write_text(" \n")
    (dicom / "texts" / "A6.doc").write_bytes(b"\xd0\xcf\x11\xe0")
    (dicom / "texts" / "A7.pdf").write_bytes(b"%PDF-1.7")
    (dicom / "texts" / "A8.rtf").write_bytes(b"{\\rtf1 A mass. {")
    (dicom / "texts" / "A9.docx").write_bytes(b"no zip")
    records, faults = read(dicom, TEXTS)
    assert [r.id for r in records.values() if r.report is not None] == ["A1"]
    expected = (
        "a report of less", "is not a text file", "a link that leads out", "texts/A5.txt is empty", "is an old Word document",
        "is a PDF", "A8.rtf: an RTF text breaks off", "A9.docx",
    )  # fmt: skip
    for told, fault in zip(expected, faults, strict=True):
        assert told in fault


def test_two_text_files_of_one_exam_are_told(dicom):
    write_lines(dicom / "texts" / "x" / "A1.txt", "One.")
    write_lines(dicom / "texts" / "y" / "A1.txt", "Two.")
    records, faults = read(dicom, TEXTS.replace("texts/*", "texts/**/*.txt"))
    assert records.keys() == {"A2", "A3"}
    assert "exam A1 has 2 reports (texts/x/A1.txt line 1, texts/y/A1.txt line 1)" in faults[0]


def test_a_wide_table_leaves_behind_the_columns_that_nobody_named(dicom, monkeypatch):
    kept = []
    monkeypatch.setattr(
        "mammoscribe.data.own_folder.folder.Spool.add_one", lambda _, group, row: kept.append(row.fields)
    )
    write_lines(dicom / "reports.csv", "Accession,Report,Secret", "A1,A mass.,x")
    read(dicom, TOML)
    assert {"Accession": "A1", "Report": "A mass."} in kept


# --- texts as hospitals export them, ids that spreadsheets lost, sheets with another name --------------------------------

ENCODED = {
    "A1": ("FINDINGS: A mass.\\n\\nIMPRESSION: BI-RADS 2.", "A mass.", "BI-RADS 2."),
    "A2": ("<p><b>FINDINGS:</b> A mass &lt; 5 mm.</p><p>IMPRESSION: x</p>", "A mass < 5 mm.", "x"),
    "A3": ("FINDINGS: NÃ³dulo.\\.br\\IMPRESSION: y", "Nódulo.", "y"),
}


@pytest.mark.parametrize("name", ["r.csv", "r.json", "r.xlsx"])
def test_texts_are_decoded_whatever_the_table_is(name, dicom):
    rows = [[accession, text] for accession, (text, _, _) in ENCODED.items()]
    if name == "r.csv":
        write_lines(dicom / name, "Accession,Report", *[f'{accession},"{text}"' for accession, text in rows])
    elif name == "r.json":
        (dicom / name).write_text(json.dumps([{"Accession": a, "Report": t} for a, t in rows]))
    else:
        write_sheet(dicom / name, ["Accession", "Report"], *rows)
    records, faults = read(dicom, TOML.replace("reports.csv", name))
    assert not faults
    found = {a: (r.report.sections["findings"], r.report.sections["impression"]) for a, r in records.items()}
    assert found == {accession: (findings, impression) for accession, (_, findings, impression) in ENCODED.items()}


def test_a_text_that_cannot_be_decoded_costs_the_text_and_not_the_labels_or_the_pictures(dicom):
    write_lines(dicom / "r.csv", "Accession,Report,B", "A1,#NAME?,2", "A2,N\ufffddulo,3", "A3,A mass.,4")
    records, faults = read(dicom, TOML.replace("reports.csv", "r.csv") + 'labels = { birads = "B" }\n')
    assert {a: (r.report is not None, r.labels["birads"]) for a, r in records.items()} == {
        "A1": (False, "2"), "A2": (False, "3"), "A3": (True, "4"),
    }  # fmt: skip
    assert [fault.split(";")[0] for fault in faults] == [
        "r.csv line 2: Report: in place of the text there is the error #NAME? of a spreadsheet",
        "r.csv line 3: Report: letters of the text are lost ('N\ufffddulo')",
    ]


def test_an_entity_that_was_decoded_once_is_not_decoded_again(dicom):
    write_lines(dicom / "r.csv", "Accession,Report", "A1,FINDINGS: A &amp;lt; sign.<br>")
    records, _ = read(dicom, TOML.replace("reports.csv", "r.csv"))
    assert records["A1"].report.sections == {"findings": "A < sign."}


def test_rtf_files_are_read(dicom):
    (dicom / "texts").mkdir()
    (dicom / "texts" / "A1.rtf").write_bytes(rb"{\rtf1\ansi FINDINGS: n\'f3dulo.\par IMPRESSION: x\par}")
    records, faults = read(dicom, TEXTS)
    assert not faults and records["A1"].report.sections == {"findings": "nódulo.", "impression": "x"}


def test_an_id_that_a_spreadsheet_lost_is_a_fault_of_its_row(dicom):
    write_lines(dicom / "r.csv", "Accession,Report", "1.23457E+11,A mass.", "A1,Normal.")
    records, faults = read(dicom, TOML.replace("reports.csv", "r.csv"))
    assert records["A1"].report is not None
    assert len(faults) == 1
    assert faults[0].startswith(
        "r.csv line 2: Accession: a spreadsheet changed this id to 1.23457E+11, so that its last digits are lost"
    )


def test_ids_with_invisible_characters_join(dicom):
    write_lines(dicom / "r.csv", "\ufeffAccession,Report", "A1\u200b,One.", "\u00a0A2,Two.", '"=""A3""",Three.')
    records, faults = read(dicom, TOML.replace("reports.csv", "r.csv"))
    assert not faults and [r.report.raw for r in records.values()] == ["One.", "Two.", "Three."]


def test_a_table_in_another_sheet_is_found_for_the_error(dicom):
    write_sheet(dicom / "r.xlsx", ["Accession", "Report"], ["A1", "A mass."], sheet="All reports")
    with pytest.raises(InputError, match='write report_sheet = "All reports", which has them'):
        read(dicom, TOML.replace("reports.csv", "r.xlsx"))


def test_json_that_is_nested_too_deeply_is_one_sentence(dicom):
    deep = "[" * 100_000 + "]" * 100_000
    (dicom / "r.json").write_text(f'[{{"Accession": "A1", "Report": "A mass."}}, {deep}]')
    _, faults = read(dicom, TOML.replace("reports.csv", "r.json"))
    assert any("nested too deeply" in fault for fault in faults)
    (dicom / "r.jsonl").write_text(f'{deep}\n{{"Accession": "A1", "Report": "A mass."}}\n')
    records, faults = read(dicom, TOML.replace("reports.csv", "r.jsonl"))
    assert records["A1"].report is not None and len(faults) == 1 and "r.jsonl line 1 is not JSON" in faults[0]


@pytest.mark.parametrize("encoding", ["utf-16", "cp1252", "utf-8-sig"])
def test_json_is_read_in_any_usual_encoding(encoding, dicom):
    (dicom / "r.json").write_bytes('[{"Accession": "A1", "Report": "Nódulo en la mamá."}]'.encode(encoding))
    records, faults = read(dicom, TOML.replace("reports.csv", "r.json"))
    assert not faults and records["A1"].report.raw == "Nódulo en la mamá."


def test_letters_whose_second_byte_became_a_space_that_is_not_broken_are_mended(dicom):
    spoiled = "Não há nódulo à direita, à esquerda há. Mamografía à".encode().decode("latin-1")
    write_lines(dicom / "r.csv", "Accession,Report", f'A1,"{spoiled}"')
    records, faults = read(dicom, TOML.replace("reports.csv", "r.csv"))
    assert not faults and records["A1"].report.raw == "Não há nódulo à direita, à esquerda há. Mamografía à"
