"""Reports by exam from tables, JSON Lines, conversations and folders; what cannot be joined is refused in one sentence."""

import json

import pytest

from mammoscribe.data.report_files import MAX_REPORT_CHARS, Columns, read_reports
from mammoscribe.support.errors import InputError


def texts(path):
    return {i: r.text for i, r in read_reports(path).items()}


EXPECTED = {"7": "Mass in the right breast.", "8": "Both breasts are normal."}


def test_a_table_is_read_whatever_its_encoding_and_separator(tmp_path):
    path = tmp_path / "reports.csv"
    path.write_bytes("study_id;report\n7;Mass – \u201cright\u201d breast\n8;\u00c9cran normal\n".encode("cp1252"))
    assert texts(path)["8"] == "\u00c9cran normal"
    path.write_text("study_id\treport\n7\tMass in the right breast.\n8\tBoth breasts are normal.\n", encoding="utf-16")
    assert texts(path) == EXPECTED


def test_json_lines_and_json_lists_are_read_with_numbers_as_ids(tmp_path):
    entries = [{"id": 7, "text": EXPECTED["7"]}, {"id": 8.0, "text": EXPECTED["8"]}]
    lines, listed = tmp_path / "a.jsonl", tmp_path / "a.json"
    lines.write_text("\n".join(json.dumps(e) for e in entries))
    listed.write_text(json.dumps(entries))
    assert texts(lines) == texts(listed) == EXPECTED


def test_the_last_answer_of_a_conversation_is_the_report(tmp_path):
    turns = [{"from": "human", "value": "<image>\nReport?"}, {"from": "gpt", "value": EXPECTED["7"]}]
    messages = [{"role": "user", "content": "Report?"}, {"role": "assistant", "content": EXPECTED["8"]}]
    path = tmp_path / "chats.json"
    path.write_text(
        json.dumps([{"id": "7", "image": "a.png", "conversations": turns}, {"id": 8, "messages": messages}])
    )
    assert texts(path) == EXPECTED


def test_the_name_of_a_text_file_is_the_id_of_its_exam(tmp_path):
    for exam, text in EXPECTED.items():
        (tmp_path / f"{exam}.txt").write_text(text + "\n")
    (tmp_path / "notes.md").write_text("not a report")
    assert texts(tmp_path) == EXPECTED


def test_findings_and_impression_are_put_together_where_no_column_has_the_whole(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("exam_id,findings,impression\n1,A mass.,BI-RADS 4.\n2,,BI-RADS 1.\n")
    assert texts(path) == {"1": "A mass.\nBI-RADS 4.", "2": "BI-RADS 1."}


def test_patients_are_read_and_columns_can_be_named(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("Nr,Befund,Person\n1,a mass,p1\n")
    (report,) = read_reports(path, Columns("nr", "Befund", "person")).values()
    assert (report.id, report.text, report.patient) == ("1", "a mass", "p1")


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("a.csv", "exam_id,report\n1,a\n1,b\n", "the exam 1 is in a.csv twice"),
        ("a.csv", "exam_id,report\n,a\n", "has no id"),
        ("a.csv", "nr,report\n1,a\n", "no column of ids"),
        ("a.csv", "exam_id,words\n1,a\n", "no column of texts"),
        ("a.csv", "exam_id,report,prediction\n1,a,b\n", "report, prediction"),
        ("a.csv", "exam_id,patient_id,report\n1,,a\n", "has no patient_id"),
        ("a.csv", "exam_id,report\n", "no rows"),
        ("a.csv", f"exam_id,report\n1,{'a ' * MAX_REPORT_CHARS}\n", "characters"),
        ("a.jsonl", '{"id": 1, "text": "a"}\n{"id": 2,\n', "line 2 is not JSON"),
        ("a.jsonl", '["a"]\n', "a list"),
        ("a.json", '{"id": 1}', "not a JSON list"),
        ("a.json", '[{"id": 1, "conversations": [{"from": "human", "value": "?"}]}]', "entry 1"),
        ("a.json", "[]", "holds no report"),
        ("a.pdf", "%PDF", "ends in .pdf"),
    ],
)
def test_what_is_no_set_of_reports_is_refused_in_one_sentence(tmp_path, name, content, words):
    path = tmp_path / name
    path.write_text(content)
    with pytest.raises(InputError) as refused:
        read_reports(path)
    assert words in str(refused.value)


def test_names_of_columns_for_a_folder_are_refused(tmp_path):
    (tmp_path / "1.txt").write_text("a")
    with pytest.raises(InputError, match="names of columns"):
        read_reports(tmp_path, Columns(text="report"))


def test_an_empty_folder_and_a_missing_file_are_refused(tmp_path):
    with pytest.raises(InputError, match="holds no report"):
        read_reports(tmp_path)
    with pytest.raises(InputError, match="is not there"):
        read_reports(tmp_path / "none.csv")
