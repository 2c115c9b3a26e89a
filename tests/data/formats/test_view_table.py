"""Tables of pictures: further tables below and beside the first, and boxes cut off at a picture's edge."""

import pytest

from mammoscribe.data.dataset import Fault
from mammoscribe.data.formats.tables import Row, read_rows
from mammoscribe.data.formats.view_table import Join, ViewTable, box_of, column, read_view_table, worded
from mammoscribe.data.records import ListedView
from mammoscribe.domain.view import Box, Laterality, Projection
from mammoscribe.support.errors import InputError, InvalidNoun


def view(row):
    return ListedView(row.get("file"), Laterality(row.get("side")), Projection.CC, labels={"kind": row.get("kind")})


def spec(**more):
    labels = {name: column(name) for name in ("grade", "note", "kept", "lost")}
    return ViewTable("a.csv", ("exam", "file"), column("exam"), column("exam"), view, labels, **more)


@pytest.fixture
def root(tmp_path):
    (tmp_path / "a.csv").write_text("exam,file,side,kind,kept,lost\ne1,1.png,L,b,x,y\ne2,3.png,R,a,,\n")
    (tmp_path / "b.csv").write_text("exam,file,side,kind\ne1,2.png,R,a\ne3,4.png,L,b\n")
    (tmp_path / "c.csv").write_text("exam,side,mark,note\ne1,L,1.0,n\ne1,R,2,n\ne1,R,3,m\n,L,1,x\ne9,L,1,x\n")
    return tmp_path


def beside(**more):
    said = {"grade": worded("mark", {"1": "one", "2": "two"}), "note": column("note"), "of": column("side")}
    return Join("c.csv", ("exam", "mark"), column("exam"), column("exam"), said, **more)


def test_rows_of_further_tables_join_the_exams_of_the_first(root):
    found = list(read_view_table(root, spec(more=(("b.csv", ("exam", "file")),))))
    assert [(e.id, [v.path for v in e.images]) for e in found] == [
        ("e1", ["1.png", "2.png"]), ("e2", ["3.png"]), ("e3", ["4.png"]),
    ]  # fmt: skip


def test_a_table_beside_gives_its_values_to_every_row_with_its_key(root):
    fault, first, second = read_view_table(root, spec(joins=(beside(),)))
    assert isinstance(fault, Fault) and fault.where == "c.csv line 5"
    assert first.labels == {"grade": "one|two|3", "note": "n|m", "kept": "x", "lost": "y"}
    assert second.labels == {}


def test_a_table_beside_may_have_further_conditions(root):
    _, first, _ = read_view_table(
        root, spec(joins=(beside(fits=lambda other, row: other.get("of") == row.get("side")),))
    )
    assert (first.labels["grade"], first.labels["note"]) == ("one", "n")


def test_only_the_columns_that_are_kept_wait_for_their_exam(root):
    first, _ = read_view_table(root, spec(kept=("file", "side", "exam", "kept")))
    assert first.labels == {"kept": "x"}


def test_views_stand_by_rank(root):
    ranked = spec(more=(("b.csv", ()),), rank=lambda v: int(v.labels["kind"] == "b"))
    assert [v.path for v in next(iter(read_view_table(root, ranked))).images] == ["2.png", "1.png"]


def test_a_column_that_is_known_to_come_twice_is_read_once(tmp_path):
    (tmp_path / "t.csv").write_text("id,id,x,x\n1,2,3,4\n")
    with pytest.raises(InputError, match="the column id twice"):
        list(read_rows(tmp_path / "t.csv"))
    assert [r.fields for r in read_rows(tmp_path / "t.csv", twice=("id", "x")) if isinstance(r, Row)] == [
        {"id": "1", "x": "3"}
    ]


@pytest.mark.parametrize(
    ("edges", "size", "box"),
    [
        (("-3", "2.5", "10", "99"), ("8", "50"), Box(0, 2.5, 8, 50)),
        ((-3, 2, 10, 99), ("", ""), Box(0, 2, 10, 99)),
        ((1, 2, 3, 4), ("8.0", 50), Box(1, 2, 3, 4)),
    ],
)
def test_a_box_ends_at_the_edge_of_its_picture(edges, size, box):
    assert box_of(edges, *size) == box


@pytest.mark.parametrize("edges", [("1", "2", "3"), ("1", "2", "3", "x"), ("", "", "", ""), (9, 9, 10, 10)])
def test_a_box_without_a_place_in_its_picture_is_refused(edges):
    with pytest.raises(InputError, match="box"):
        box_of(edges, 8, 8)


@pytest.mark.parametrize("edges", [(1, 2, 1, 4), (1, 2, "nan", 4), (1, 2, "inf", 4)])
def test_a_box_that_is_none_is_refused(edges):
    with pytest.raises(InvalidNoun, match="empty or not finite"):
        box_of(edges, 8, 8)
