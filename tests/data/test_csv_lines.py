"""CSV files: read as people save them, refused with the line."""

import pytest

from mammoscribe.data.csv_lines import fields_by_name, read_csv_lines
from mammoscribe.support.errors import InputError


@pytest.mark.parametrize("mark", ["", "\ufeff"])
@pytest.mark.parametrize("between", [",", ";", "\t"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_byte_order_mark_separator_and_line_end_do_not_matter(mark, between, end, tmp_path):
    text = f'{mark}id{between}text{end}{end}1{between}"a{between} b"{end}'
    (tmp_path / "t.csv").write_bytes(text.encode())
    assert read_csv_lines(tmp_path / "t.csv", "a table") == [(1, ["id", "text"]), (3, ["1", f"a{between} b"])]


@pytest.mark.parametrize(
    ("content", "told"),
    [(None, "is not there"), (b"", "has no rows"), (b"id,text\n", "has no rows"), (b"id\ncaf\xe9\n", "is not UTF-8")],
)
def test_what_is_no_table_is_told_with_what_was_wanted(content, told, tmp_path):
    if content is not None:
        (tmp_path / "t.csv").write_bytes(content)
    with pytest.raises(InputError, match=rf"t\.csv {told}.*; expected a table"):
        read_csv_lines(tmp_path / "t.csv", "a table")


def test_a_folder_is_no_table(tmp_path):
    with pytest.raises(InputError, match="is a folder"):
        read_csv_lines(tmp_path, "a table")


@pytest.mark.parametrize("fields", [["1"], ["1", "2", "3"]])
def test_a_line_of_another_length_is_named(fields, tmp_path):
    with pytest.raises(InputError, match=f"line 7 has {len(fields)} fields; expected 2"):
        fields_by_name(tmp_path / "t.csv", 7, ["a", "b"], fields)
