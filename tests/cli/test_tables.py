"""Tables: aligned, whole, and written as they are shown."""

import pytest

from mammoscribe.cli.tables import csv_for, show_table
from mammoscribe.support.errors import InputError

ROWS = [
    {"image": "a.png", "score": 0.5, "ok": True, "text": "one [two]"},
    {"image": "a.png", "score": -0.25, "ok": False, "text": "three, " * 60},
    {"image": "b.png", "score": 12.0, "ok": True, "text": "x\ny"},
]


def test_columns_are_aligned_and_nothing_is_cut(capsys):
    show_table(ROWS)
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "image    score   ok  text"
    assert lines[1] == "a.png   0.5000  yes  one [two]"
    assert lines[2] == ("a.png  -0.2500   no  " + "three, " * 60).rstrip()
    assert lines[3] == "b.png  12.0000  yes  x y"


def test_a_group_is_named_once(capsys, tmp_path):
    show_table(ROWS, tmp_path / "t.csv", by="image")
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "a.png" and lines[4] == "b.png"
    assert lines[1].split() == ["score", "ok", "text"]
    assert (tmp_path / "t.csv").read_text().startswith("image,score,ok,text\na.png,0.5000,yes,one [two]\n")


def test_a_folder_is_no_csv(tmp_path):
    assert csv_for(None) is None
    with pytest.raises(InputError, match="is a folder"):
        csv_for(tmp_path)
