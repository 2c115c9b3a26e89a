"""Label tables: what a CSV of pictures with labels may say, and the sentence for what it may not."""

from math import isnan

import pytest

from mammoscribe.data.labelled import LabelKind, LabelTable, read_labels
from mammoscribe.support.errors import InputError, InvalidNoun


@pytest.fixture
def write(tmp_path):
    def written(text: str):
        path = tmp_path / "labels.csv"
        path.write_text(text)
        return path

    return written


def test_presence_change_and_unknown_are_read(write, tmp_path):
    table = read_labels(
        write("Path,prior_path,split,patient_id,Edema,change\na.png,z.png,valid,p,1.0,worsening\nb.png,,train,p,-1,\n")
    )
    assert table.classes == ("Edema", "change")
    assert table.kinds == (LabelKind.PRESENCE, LabelKind.CHANGE)
    first, second = table.rows
    assert (first.path, first.prior, first.split, first.patient_id) == (
        tmp_path / "a.png",
        tmp_path / "z.png",
        "val",
        "p",
    )
    assert first.labels == (1.0, 2.0)
    assert second.prior is None
    assert all(map(isnan, second.labels))


def test_without_patients_and_ids_the_path_stands_in(write):
    row = read_labels(write("path;split;x\na/b.png;test;0\n")).rows[0]
    assert (row.id, row.patient_id) == ("a/b.png", "a/b.png")


def test_classes_are_chosen_in_the_order_they_are_named(write):
    table = read_labels(write("path,split,age,x,y\na.png,test,54,0,1\n"), classes=["y", "x"])
    assert table.classes == ("y", "x")
    assert table.rows[0].labels == (1.0, 0.0)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("path,split,age\na.png,test,54\n", "line 2: age is '54'; expected 1, 0, blank.*choose columns with --classes"),
        ("path,split,x\na.png,later,1\n", "line 2: split 'later'; expected train, val or test"),
        ("path,split,x\n,test,1\n", "line 2 has no path"),
        ("path,split,x\na.png,test\n", "line 2 has 2 fields; expected 3"),
        ("path,x\na.png,1\n", r"has the columns path, x; expected path"),
        ("path,split\na.png,test\n", "has no class column"),
        ("path,split,x\n", "has no rows"),
        (
            "path,split,x\na.png,test,1\na.png,test,0\n",
            "id 'a.png' comes twice; expected each id once; give the rows an id",
        ),
        ("path,split,x\na.png,test,stable\n", "a.png has a change and no prior"),
        ("path,prior_path,split,x\na.png,b.png,test,stable\nc.png,,test,1\n", "x mixes 0 and 1 with changes"),
    ],
)
def test_what_cannot_be_read_is_one_sentence(write, text, sentence):
    with pytest.raises(InputError, match=sentence) as error:
        read_labels(write(text))
    assert "labels.csv" in str(error.value)


def test_a_class_that_is_not_there_is_named_with_its_neighbours(write):
    with pytest.raises(InputError, match="did you mean edema"):
        read_labels(write("path,split,edema\na.png,test,1\n"), classes=["oedema"])


def test_a_missing_file_and_an_empty_table_are_refused(tmp_path):
    with pytest.raises(InputError, match="not there"):
        read_labels(tmp_path / "none.csv")
    with pytest.raises(InvalidNoun, match="0 pictures"):
        LabelTable(("x",), (LabelKind.PRESENCE,), ())
