"""Tables as people have them: every encoding and form gives the same rows, and one bad row costs that row."""

import csv
import datetime as dt
import gzip
import io
import random
import tracemalloc
import zipfile
from unicodedata import category

import openpyxl
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from mammoscribe.data.dataset import Fault
from mammoscribe.data.formats import sheets, tables
from mammoscribe.data.formats.tables import all_rows, columns_of, headless_rows, read_rows
from mammoscribe.support.errors import InputError

ROWS = [["1", "Una masa, en la mamá", "<4>"], ["2", "", "x"], ["3", "Brüste", "½"]]
HEADER = ["id", "text", "n"]
PLAIN = 'id,text,n\n1,"Una masa, en la mamá",<4>\n2,,x\n3,Brüste,½\n'


def write(path, content):
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def read(path, *args):
    """The fields of every row that can be read, and the sentences of the faults; errors that end it come last."""
    rows, faults = [], []
    try:
        for row in read_rows(path, *args):
            faults.append(row.error.sentence()) if isinstance(row, Fault) else rows.append(list(row.fields.values()))
    except InputError as error:
        faults.append(error.sentence())
    return rows, faults


def in_memory(path, rows):
    """Bytes at the highest point while a table of so many rows is read."""
    tracemalloc.start()
    assert sum(1 for _ in read_rows(path)) == rows
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252", "latin-1"])
@pytest.mark.parametrize("ending", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("packed", [False, True])
def test_every_usual_encoding_and_line_end_gives_the_same_rows(encoding, ending, packed, tmp_path):
    content = PLAIN.replace("\n", ending).encode(encoding)
    path = write(tmp_path / ("t.csv.gz" if packed else "t.csv"), gzip.compress(content) if packed else content)
    assert read(path) == (ROWS, [])


@pytest.mark.parametrize("mark", ["utf-16-le", "utf-16-be"])
def test_utf_16_is_known_by_its_mark_in_both_byte_orders(mark, tmp_path):
    assert read(write(tmp_path / "t.csv", ("\ufeff" + PLAIN).encode(mark))) == (ROWS, [])


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_what_stands_between_fields_is_known_by_the_header(delimiter, tmp_path):
    text = io.StringIO(newline="")
    writer = csv.writer(text, delimiter=delimiter)
    writer.writerows([HEADER, *ROWS])
    assert read(write(tmp_path / "t.txt", text.getvalue())) == (ROWS, [])


def test_marks_inside_quoted_names_do_not_count(tmp_path):
    path = write(tmp_path / "t.csv", '"id, of row";"a, b"\n1;2\n')
    assert columns_of(path) == ("id, of row", "a, b")
    assert read(path) == ([["1", "2"]], [])


def test_a_gz_that_a_browser_unpacked_and_a_plain_name_on_a_gz_are_read(tmp_path):
    assert read(write(tmp_path / "t.csv.gz", PLAIN)) == (ROWS, [])
    assert read(write(tmp_path / "t.csv", gzip.compress(PLAIN.encode()))) == (ROWS, [])


@pytest.mark.parametrize("cut", [2_000, 30_000])
def test_a_gz_that_is_cut_off_gives_its_rows_first(cut, tmp_path):
    numbers = random.Random(0)
    lines = [f"{n},{numbers.randbytes(20).hex()}" for n in range(2_000)]
    path = write(tmp_path / "t.csv.gz", gzip.compress("\n".join(["id,text", *lines, ""]).encode())[:-cut])
    rows, faults = read(path)
    assert 100 < len(rows) < 2_000 and [",".join(row) for row in rows] == lines[: len(rows)]
    assert len(faults) == 1 and "fetch it again" in faults[0]


def test_a_damaged_gz_is_one_sentence(tmp_path):
    content = bytearray(gzip.compress(random.Random(0).randbytes(3_000).hex().encode()))
    content[200:260] = b"\xff" * 60
    assert "fetch it again" in read(write(tmp_path / "t.csv.gz", bytes(content)))[1][-1]


def test_quoted_fields_run_over_lines_and_know_the_line_on_which_they_begin(tmp_path):
    path = write(tmp_path / "t.csv", 'id,text\n1,"a\r\n""b""\n\n c, d"\n2,"x"\n')
    found = list(read_rows(path))
    assert [(row.line, row.get("text")) for row in found] == [(2, 'a\r\n"b"\n\n c, d'), (6, "x")]
    assert found[1].where == "t.csv line 6"


@pytest.mark.parametrize("bad", ['2,"never closed', '2,"a" b\n', '"2,x', '2,"'])
def test_a_quotation_mark_that_is_never_closed_loses_no_other_row(bad, tmp_path):
    good = [[str(n), f"text {n}"] for n in range(3, 9)]
    lines = [",".join(row) for row in good[:3]] + [f'{a},"{b}"' for a, b in good[3:]]
    rows, faults = read(write(tmp_path / "t.csv", "\n".join(["id,text", bad.strip(), *lines])))
    assert [row for row in rows if row[0] != "2"] == good
    assert len(faults) + len(rows) == 7


def test_many_marks_that_are_never_closed_take_no_longer_than_other_rows(tmp_path):
    """Each would be joined with all the lines after it, if nothing said that they cannot close it."""
    lines = [f'{n},"{"open " * 20}' for n in range(20_000)]
    rows, faults = read(write(tmp_path / "t.csv", "\n".join(["id,text", *lines, "x,y"])))
    assert rows == [["x", "y"]] and len(faults) == 20_000 and "never closed" in faults[0]


def test_marks_inside_a_field_are_forgiven(tmp_path):
    rows, faults = read(write(tmp_path / "t.csv", 'id,text,n\n1,5" long,a\n2,"so" called,b\n3,c,d\n'))
    assert rows == [["1", '5" long', "a"], ["2", "so called", "b"], ["3", "c", "d"]] and not faults


def test_ragged_rows_are_faults_that_say_where_and_how_many(tmp_path):
    rows, faults = read(write(tmp_path / "t.csv", "a,b\n1\n1,2\n1,2,3\n1,2,,\n,\n\n"))
    assert rows == [["1", "2"], ["1", "2"]]
    assert faults == [
        "t.csv line 2 has 1 fields; expected 2, as in the first line.",
        "t.csv line 4 has 3 fields; expected 2, as in the first line.",
    ]


def test_a_row_over_several_lines_may_end_in_blank_fields_that_have_no_name(tmp_path):
    assert read(write(tmp_path / "t.csv", 'a,b\n1,"x\ny",,\n2,z\n')) == ([["1", "x\ny"], ["2", "z"]], [])


def test_columns_must_be_there_once(tmp_path):
    path = write(tmp_path / "t.csv", "a,b,,a,\n1,2,3,4,5\n")
    assert read(path)[1] == [f"{path} has the column a twice; expected each column once."]
    path = write(tmp_path / "u.csv", "a,b,,\n1,2,3,\n")
    assert read(path) == ([], ["u.csv line 2 has 4 fields; expected 2, as in the first line."])
    assert read(path, ["a", "c", "d"])[1] == [f"{path} lacks columns c, d (has a, b)."]


def test_a_nul_costs_its_row(tmp_path):
    text = "a,b\n" + "1,long enough to be text\n" * 10 + "2,x\0y\n\0broken\n3,z\n"
    rows, faults = read(write(tmp_path / "t.csv", text))
    assert rows[-1] == ["3", "z"] and len(rows) == 11
    assert len(faults) == 2 and "NUL" in faults[0]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "is empty"), (b"\n \n", "is empty"), (bytes(5000), "not a text file"), (b"PK\x03\x04abc", "a ZIP or XLSX file"),
        (PLAIN.encode("utf-16-le"), "not a text file"), (b"\xd0\xcf\x11\xe0abc", "an old Excel file"),
    ],
)  # fmt: skip
def test_what_is_no_table_is_said_so(content, said, tmp_path):
    rows, faults = read(write(tmp_path / "t.csv", content))
    assert not rows and len(faults) == 1 and said in faults[0]


def test_a_folder_or_nothing_is_said_so(tmp_path):
    assert "is a folder" in read(tmp_path)[1][0]
    assert "is not there" in read(tmp_path / "t.csv")[1][0]


def test_a_header_alone_is_a_table_without_rows(tmp_path):
    path = write(tmp_path / "t.csv", "id,text\n")
    assert read(path) == ([], [])
    with pytest.raises(InputError, match="has no rows"):
        all_rows(path, "a CSV of texts")


def test_all_rows_are_read_or_the_first_bad_one_is_told(tmp_path):
    assert [row.get("id") for row in all_rows(write(tmp_path / "t.csv", PLAIN), "a CSV")] == ["1", "2", "3"]
    with pytest.raises(InputError, match="line 5 has 1 fields"):
        all_rows(write(tmp_path / "t.csv", PLAIN + "4\n"), "a CSV")


BYTES = "".join(map(chr, range(0xC2, 0xF5)))  # letters that may be bytes of UTF-8, and keep what follows them
TEXT = st.text(
    st.characters(codec="utf-8", exclude_categories=["Cf", "Cs"], exclude_characters=f"\0'={BYTES}"), max_size=12
)


@given(st.lists(st.lists(TEXT, min_size=3, max_size=3), max_size=8), st.sampled_from(",;\t|"), st.booleans())
@example([[";", "\t", " "], ["", ",", '"'], ["", "", "x\r"]], ",", False)
@example([["#", "\x85\u2028", "\x0b\x1c"]], ",", False)
def test_rows_that_csv_wrote_come_back_equal(tmp_path_factory, rows, delimiter, quote_all):
    path = tmp_path_factory.mktemp("csv") / "t.csv"
    quoting = csv.QUOTE_ALL if quote_all else csv.QUOTE_MINIMAL
    with path.open("w", newline="", encoding="utf-8") as stream:
        csv.writer(stream, delimiter=delimiter, quoting=quoting).writerows([HEADER, *rows])
    stripped = [["".join(" " if category(c) == "Zs" else c for c in f).strip() for f in row] for row in rows]
    assert read(path) == ([row for row in stripped if any(row)], [])


@given(st.binary(max_size=300), st.booleans())
def test_any_bytes_give_rows_or_sentences_and_nothing_else(tmp_path_factory, content, packed):
    path = tmp_path_factory.mktemp("bytes") / "t.csv"
    path.write_bytes(gzip.compress(b"a,b\n" + content) if packed else content)
    read(path)


def test_a_field_may_be_longer_than_the_limit_of_csv_which_stays_as_it_was(tmp_path):
    before = csv.field_size_limit()
    long = "x" * (before + 10)
    assert read(write(tmp_path / "t.csv", f'id,text\n1,"{long}"\n2,"a\n{long}"\n')) == (
        [["1", long], ["2", f"a\n{long}"]],
        [],
    )
    assert csv.field_size_limit() == before


def test_a_line_without_end_costs_that_line_and_no_memory(tmp_path, monkeypatch):
    """As a small .gz may hold: 50 MB of one letter."""
    monkeypatch.setattr(tables, "MAX_ROW_CHARS", 100_000)
    path = tmp_path / "t.csv.gz"
    with gzip.open(path, "wb", compresslevel=1) as stream:
        stream.write(b"id,text\n1,a\n2,")
        for _ in range(50):
            stream.write(b"0" * (1 << 20))
        stream.write(b"\n3,b\n")
    tracemalloc.start()
    rows, faults = read(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert rows == [["1", "a"], ["3", "b"]]
    assert faults == ["t.csv.gz line 3: a line of more than 100,000 characters; expected a whole row."]
    assert peak < 6_000_000


def test_a_line_that_is_too_long_ends_an_open_mark(tmp_path, monkeypatch):
    monkeypatch.setattr(tables, "MAX_ROW_CHARS", 50)
    text = f'id,text\n1,"open\n{"x" * 200}\n2,b\n'
    rows, faults = read(write(tmp_path / "t.csv", text))
    assert rows == [["2", "b"]] and len(faults) == 2


@pytest.mark.parametrize("ending", [".csv", ".csv.gz"])
def test_memory_does_not_grow_with_the_rows(ending, tmp_path):
    def table(count):
        lines = [f'{n},"A text of row {n}\nover two lines, as notes are"' for n in range(count)]
        content = "\n".join(["id,text", *lines, "one bad row"]).encode()
        return write(tmp_path / f"t{ending}", gzip.compress(content, 1) if ending.endswith("gz") else content)

    few = in_memory(table(2_000), 2_001)
    assert in_memory(table(20_000), 20_001) < few + 100_000


def test_a_sheet_gives_numbers_and_dates_as_text_and_passes_over_blank_rows(tmp_path):
    book = openpyxl.Workbook()
    book.active.append(["id", "text", "day", "n"])
    book.active.append([])
    book.active.append([1.0, "a\nb", dt.datetime(2020, 1, 2), 0.5])
    book.active.append(["007", None, dt.datetime(2020, 1, 2, 3, 4), None])
    book.create_sheet("more").append(["id"])
    book["more"].append([2])
    book.save(tmp_path / "t.xlsx")
    assert read(tmp_path / "t.xlsx") == (
        [["1", "a\nb", "2020-01-02", "0.5"], ["007", "", "2020-01-02 03:04:00", ""]],
        [],
    )
    assert read(tmp_path / "t.xlsx", (), "more") == ([["2"]], [])
    assert columns_of(tmp_path / "t.xlsx") == ("id", "text", "day", "n")
    assert "has the sheets Sheet, more" in read(tmp_path / "t.xlsx", (), "other")[1][0]


def rewritten(path, name, change):
    """An XLSX with one of its parts changed."""
    with zipfile.ZipFile(path) as archive:
        parts = {n: archive.read(n) for n in archive.namelist()}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for part, content in parts.items():
            archive.writestr(part, change(content) if part == name else content)
    return path


@pytest.fixture
def sheet(tmp_path):
    book = openpyxl.Workbook()
    for row in (["id", "n"], [1, 2], [3, 4]):
        book.active.append(row)
    book.save(tmp_path / "t.xlsx")
    return tmp_path / "t.xlsx"


def test_the_size_that_a_sheet_claims_is_not_believed(sheet):
    path = rewritten(sheet, "xl/worksheets/sheet1.xml", lambda xml: xml.replace(b'ref="A1:B3"', b'ref="A1"'))
    assert b'ref="A1"' in zipfile.ZipFile(path).read("xl/worksheets/sheet1.xml")
    assert read(path) == ([["1", "2"], ["3", "4"]], [])


def test_a_damaged_sheet_gives_its_rows_first(sheet):
    path = rewritten(sheet, "xl/worksheets/sheet1.xml", lambda xml: xml[: xml.index(b'r="3"')])
    rows, faults = read(path)
    assert rows == [["1", "2"]] and len(faults) == 1 and "cannot be read to its end" in faults[0]


@pytest.mark.parametrize("part", ["xl/workbook.xml", "[Content_Types].xml", "xl/styles.xml"])
def test_a_sheet_whose_parts_are_damaged_is_one_sentence(part, sheet):
    rows, faults = read(rewritten(sheet, part, lambda xml: xml[:-30]))
    assert not rows and len(faults) == 1 and "t.xlsx" in faults[0]


def test_what_is_called_a_sheet_and_is_none_is_said_so(tmp_path, sheet, monkeypatch):
    assert "is not a spreadsheet" in read(write(tmp_path / "u.xlsx", PLAIN))[1][0]
    monkeypatch.setattr(sheets, "MAX_XLSX_BYTES", 1000)
    assert "save it as CSV" in read(sheet)[1][0]


def headless(path):
    rows = list(headless_rows(path, ("id", "view", "x"), lambda word: word.startswith("IMG")))
    return [r.error.found if isinstance(r, Fault) else (r.line, dict(r.fields)) for r in rows]


def test_a_sheet_without_a_header_begins_below_its_text(tmp_path):
    book = openpyxl.Workbook()
    for line in (["A text, with", "two cells", None, None, "and more"], [], ["IMG1", "CC ", 4.0], ["IMG2"], [None]):
        book.active.append(line)
    book.save(tmp_path / "t.xlsx")
    assert headless(tmp_path / "t.xlsx") == [
        (3, {"id": "IMG1", "view": "CC", "x": "4"}),
        (4, {"id": "IMG2", "view": "", "x": ""}),
    ]


def test_behind_its_first_row_everything_must_be_a_row(tmp_path):
    rows = "a text\nIMG1,CC,4\nIMG2,CC,4,9\nthe end\nIMG3\n"
    assert headless(write(tmp_path / "t.csv", rows)) == [
        (2, {"id": "IMG1", "view": "CC", "x": "4"}),
        "t.csv line 3 is 'IMG2 CC 4 9'",
        "t.csv line 4 is 'the end'",
        (5, {"id": "IMG3", "view": "", "x": ""}),
    ]


def test_a_table_without_any_such_row_is_refused(tmp_path):
    with pytest.raises(InputError, match="no row of"):
        headless(write(tmp_path / "t.csv", "a text\n"))
    with pytest.raises(InputError, match="is not there"):
        headless(tmp_path / "none.csv")


# --- headers that are not in the first line, marks for Excel, what programs add to fields ---------------------------------

BODY = "Accession No;Report;X\nT0;FINDINGS: a, b, c.;\nT1;FINDINGS: d.;\n"
TITLES = [
    "Report export\n\n", "Report export;;\nDate;2024-01-01;\n;;\n", "Export of reports, 2024\n\n\n", "sep=;\n", '"sep=;"\n',
    "Hospital of X\nDate: 01.02.2024\nRows: 2\n", "sep=;\nReport export;;\n;;\n", "Printed by: Dr. Y;;\nWard;7;\n",
]  # fmt: skip


@pytest.mark.parametrize("title", TITLES)
@pytest.mark.parametrize("names", [["Accession No", "Report"], []])
def test_what_stands_above_the_header_is_passed_over(title, names, tmp_path):
    path = write(tmp_path / "t.csv", title + BODY)
    rows = list(read_rows(path, wanted=names))
    assert [dict(row.fields) for row in rows] == [
        {"Accession No": "T0", "Report": "FINDINGS: a, b, c.", "X": ""}, {"Accession No": "T1", "Report": "FINDINGS: d.", "X": ""},
    ]  # fmt: skip
    assert rows[0].line == (title + BODY).split("T0")[0].count("\n") + 1
    assert columns_of(path, wanted=names) == ("Accession No", "Report", "X")


@pytest.mark.parametrize(
    "text",
    [
        "id\nA1\nA2\n", "id,report\n1,a\n2,b\n", ",id,report\n0,1,a\n1,2,b\n", "id,report\n1,A mass, a cyst, x\n2,b\n", "id;n\n1;2\n",
        "id,a,b\n1,,\n2,,\n", "a|b\n1|2\n",
    ],
)  # fmt: skip
def test_a_header_in_the_first_line_stays_the_header(text, tmp_path):
    first = text.split("\n")[0]
    mark = next(m for m in (",", ";", "|", "\0") if m in first or m == "\0")
    assert columns_of(write(tmp_path / "t.csv", text)) == tuple(first.split(mark))


def test_a_sheet_with_a_title_is_read_from_its_header(tmp_path):
    book = openpyxl.Workbook()
    for row in (
        ["Report export"],
        ["Date", dt.date(2024, 1, 1)],
        [],
        ["id", "text", "n"],
        ["1", "a", None],
        ["2", "b", 3],
    ):
        book.active.append(row)
    book.save(tmp_path / "t.xlsx")
    for names in (["id", "n"], []):
        rows = list(read_rows(tmp_path / "t.xlsx", wanted=names))
        assert [(row.line, dict(row.fields)) for row in rows] == [
            (5, {"id": "1", "text": "a", "n": ""}), (6, {"id": "2", "text": "b", "n": "3"}),
        ]  # fmt: skip


def test_a_tab_can_be_named_as_the_mark(tmp_path):
    assert read(write(tmp_path / "t.csv", "sep=\t\nid\tn\n1\t2\n")) == ([["1", "2"]], [])


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("\u00a0A1\u00a0", "A1"), ("A1\u200b", "A1"), ("\ufeffA1", "A1"), ("A\u202f1", "A 1"), ('"=""00123"""', "00123"), ("'00123", "00123"),
        ("'tis", "'tis"), ("=A1+1", "=A1+1"), ("A\u00ad1", "A\u00ad1"),
    ],
)  # fmt: skip
def test_what_programs_add_to_a_field_is_taken_off(field, value, tmp_path):
    assert read(write(tmp_path / "t.csv", f"id,n\n{field},2\n")) == ([[value, "2"]], [])


def test_names_of_columns_may_have_invisible_characters_and_line_breaks(tmp_path):
    assert columns_of(write(tmp_path / "t.csv", '\u200bid\u00a0 no,"Breast\nDensity"\n1,2\n')) == (
        "id no",
        "Breast Density",
    )


def test_a_sheet_shows_zeros_in_front_as_its_format_says(tmp_path):
    book = openpyxl.Workbook()
    for row in (["id", "n"], [123, 7], [45, 8]):
        book.active.append(row)
    book.active["A2"].number_format = "00000"
    book.save(tmp_path / "t.xlsx")
    assert read(tmp_path / "t.xlsx") == ([["00123", "7"], ["45", "8"]], [])


def test_a_formula_without_a_value_is_said_to_be_one_and_never_blank(tmp_path):
    book = openpyxl.Workbook()
    for row in (["id", "n", "m"], [1, "=1+1", None], [2, 5, "=A1"]):
        book.active.append(row)
    book.save(tmp_path / "t.xlsx")  # openpyxl writes no values of formulas
    assert read(tmp_path / "t.xlsx") == ([["1", "#FORMULA!", ""], ["2", "5", "#FORMULA!"]], [])


def test_a_formula_with_its_value_is_that_value(tmp_path, sheet):
    def computed(xml):
        return xml.replace(b'<c r="B2" t="n"><v>2</v></c>', b'<c r="B2"><f>1+1</f><v>2</v></c>')

    path = rewritten(sheet, "xl/worksheets/sheet1.xml", computed)
    assert b"<f>" in zipfile.ZipFile(path).read("xl/worksheets/sheet1.xml")
    assert read(path) == ([["1", "2"], ["3", "4"]], [])
