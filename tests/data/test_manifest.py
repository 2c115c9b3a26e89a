"""Manifests of many exams."""

from pathlib import Path

import pytest

from mammoscribe.data.load import load_exam
from mammoscribe.data.manifest import exams_in_manifest, read_manifest, rows_of, write_manifest
from mammoscribe.domain.exam import Exam
from mammoscribe.domain.view import Role, SpacingSource
from mammoscribe.support.errors import InputError
from tests.imaging.drawn import mammogram, png, saved

HEADER = "exam_id,patient_id,laterality,view,path"


def manifest(folder: Path, *lines: str, header: str = HEADER, encoding: str = "utf-8") -> Path:
    for name in ("a.png", "b.png", "c.png"):
        png(folder / "images" / name)
    path = folder / "labels.csv"
    path.write_bytes("\n".join((header, *lines, "")).encode(encoding))
    return path


def opened(path: Path) -> dict[str, Exam | InputError]:
    return dict(exams_in_manifest(path))


def test_a_picture_that_was_squashed_has_the_shape_that_its_row_says(tmp_path: Path) -> None:
    path = manifest(tmp_path, "e1,p1,R,CC,images/a.png,1.6", header=f"{HEADER},height_to_width")
    exam = opened(path)["e1"]
    assert isinstance(exam, Exam)
    (view,) = exam.current
    assert view.spacing_mm is not None
    assert view.height_px * view.spacing_mm[0] / (view.width_px * view.spacing_mm[1]) == pytest.approx(1.6)
    assert not view.millimetres_known
    (again,) = opened(write_manifest(rows_of(exam), tmp_path / "again.csv")).values()
    assert isinstance(again, Exam)
    assert again.current[0].spacing_mm == pytest.approx(view.spacing_mm)


@pytest.mark.parametrize(
    ("spacing", "shape", "told"), [("0.1", "1.6", "beside a spacing"), ("", "9", "0.2 to 5"), ("", "x", "a number")]
)
def test_a_shape_that_cannot_be_is_refused_with_its_line(spacing: str, shape: str, told: str, tmp_path: Path) -> None:
    path = manifest(
        tmp_path, f"e1,p1,R,CC,images/a.png,{spacing},{shape}", header=f"{HEADER},spacing_mm,height_to_width"
    )
    error = opened(path)["e1"]
    assert isinstance(error, InputError)
    assert told in str(error) and "line 2" in str(error)


def test_rows_of_an_exam_become_its_views(tmp_path: Path) -> None:
    path = manifest(
        tmp_path,
        "e1,p1,R,CC,images/a.png,2020-01-02,0,0.1",
        "e1,p1,R,CC,images/b.png,2018-01-02,1,0.1 0.2",
        "e2,p2,left,mlo,images/c.png,,,",
        header=f"{HEADER},date,is_prior,spacing_mm",
    )
    exams = opened(path)
    one, two = exams["e1"], exams["e2"]
    assert isinstance(one, Exam)
    assert isinstance(two, Exam)
    assert [(v.id, v.role) for v in one.views] == [("R_CC", Role.CURRENT), ("prior_R_CC", Role.PRIOR)]
    assert one.prior[0].spacing_mm == (0.1, 0.2)
    assert one.current[0].spacing_source is SpacingSource.DECLARED
    assert (two.patient_id, two.views[0].name) == ("p2", "L MLO")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "latin-1", "utf-16"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_spreadsheets_of_many_kinds_are_read(encoding: str, delimiter: str, tmp_path: Path) -> None:
    line = "e1,Müller,R,CC,images/a.png".replace(",", delimiter)
    path = manifest(tmp_path, line, header=HEADER.replace(",", delimiter).upper(), encoding=encoding)
    (row,) = read_manifest(path)
    assert (row.exam_id, row.patient_id, row.laterality, row.path) == ("e1", "Müller", "R", "images/a.png")


def test_an_indication_belongs_to_the_exam_and_may_stand_in_some_of_its_rows(tmp_path: Path) -> None:
    path = manifest(
        tmp_path,
        "e1,p1,R,CC,images/a.png,Routine  screening",
        "e1,p1,L,CC,images/b.png,",
        "e2,p2,R,CC,images/a.png,Lump",
        "e2,p2,L,CC,images/b.png,Follow-up",
        "e3,p3,L,CC,images/c.png,",
        header=f"{HEADER},indication",
    )
    exams = opened(path)
    assert [getattr(exams[e], "indication", "error") for e in ("e1", "e2", "e3")] == [
        "Routine screening",
        "error",
        None,
    ]
    assert "exam e2 has 2 indications ('Follow-up', 'Lump')" in str(exams["e2"])
    assert load_exam([], manifest=path, exam_id="e1").exam == exams["e1"]
    assert isinstance(exams["e1"], Exam)
    assert opened(write_manifest(rows_of(exams["e1"]), tmp_path / "again.csv"))["e1"] == exams["e1"]


def test_further_columns_are_labels(tmp_path: Path) -> None:
    path = manifest(tmp_path, 'e1,p1,R,CC,images/a.png,1,"b, c"', header=f"{HEADER},cancer,note")
    assert read_manifest(path)[0].labels == {"cancer": "1", "note": "b, c"}


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("e1,p1,R,CC,../secret.png", "leads out of"),
        ("e1,p1,R,CC,images/../../secret.png", "leads out of"),
        ("e1,p1,R,CC,..\\secret.png", "leads out of"),
        ("e1,p1,R,CC,images/none.png", "is not there"),
        ("e1,p1,R,ML,images/a.png", "line 2: view 'ML'; expected CC or MLO"),
        ("e1,p1,,CC,images/a.png", "line 2: laterality ''"),
        ("e1,p1,,,images/a.png", "nothing says which view"),
    ],
)
def test_a_bad_row_is_the_error_of_its_exam_and_the_others_go_on(line: str, reason: str, tmp_path: Path) -> None:
    exams = opened(manifest(tmp_path, line, "e2,p2,R,CC,images/b.png"))
    assert isinstance(exams["e1"], InputError)
    assert reason in str(exams["e1"])
    assert isinstance(exams["e2"], Exam)


def test_an_exam_of_two_patients_or_only_priors_is_an_error_and_of_two_files_of_a_view_one_is_read(
    tmp_path: Path,
) -> None:
    path = manifest(
        tmp_path,
        "e1,p1,R,CC,images/a.png,0",
        "e1,p2,L,CC,images/b.png,0",
        "e2,p1,R,CC,images/a.png,0",
        "e2,p1,R,CC,images/b.png,0",
        "e3,p1,R,CC,images/a.png,1",
        "e4,p1,R,CC,images/a.png,maybe",
        header=f"{HEADER},is_prior",
    )
    exams = opened(path)
    for exam_id, reason in (
        ("e1", "patients p1, p2"),
        ("e3", "no current view"),
        ("e4", "line 7: is_prior 'maybe'"),
    ):
        assert isinstance(exams[exam_id], InputError)
        assert reason in str(exams[exam_id])


def test_a_dicom_row_may_leave_the_view_to_the_header_but_not_contradict_it(tmp_path: Path) -> None:
    saved(mammogram(), tmp_path / "images" / "a.dcm")
    path = manifest(
        tmp_path,
        "e1,P1,,,images/a.dcm",
        "e2,P1,L,CC,images/a.dcm",
        "e3,P7,R,CC,images/a.dcm",
    )
    exams = opened(path)
    assert isinstance(exams["e1"], Exam)
    assert exams["e1"].views[0].name == "R CC"
    assert "says R CC, the manifest says L CC" in str(exams["e2"])
    assert "says patient P1, labels.csv says P7" in str(exams["e3"])


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("", "is empty"),
        ("a,b\n1,2\n", "lacks columns exam_id, path"),
        ("exam_id,laterality\ne1,R\n", "lacks column path"),
        (f"{HEADER}\n", "has no rows"),
        (f"{HEADER}\ne1,p1,R,CC,a.png,more\n", "line 2 has 6 fields"),
        (f"{HEADER}\n,p1,R,CC,a.png\n", "line 2: no exam_id"),
        (f"{HEADER},path\ne1,p1,R,CC,a.png,b\n", "has the column path twice"),
        (f"{HEADER},Path\ne1,p1,R,CC,a.png,b\n", "has a column twice"),
        ("a\0b", "is not a text file"),
    ],
)
def test_an_unreadable_manifest_is_one_sentence(content: str, reason: str, tmp_path: Path) -> None:
    path = tmp_path / "labels.csv"
    path.write_text(content)
    with pytest.raises(InputError, match=reason):
        read_manifest(path)


def test_one_exam_of_a_manifest_is_opened_by_its_id(tmp_path: Path) -> None:
    path = manifest(tmp_path, "e1,p1,R,CC,images/a.png", "e2,p2,L,CC,images/b.png")
    assert load_exam([], manifest=path, exam_id="e2").exam.views[0].name == "L CC"
    with pytest.raises(InputError, match=r"holds 2 exams; expected one of e1, e2; name one with --exam"):
        load_exam([], manifest=path)
    with pytest.raises(InputError, match=r"has no exam e9; expected one of e1, e2"):
        load_exam([], manifest=path, exam_id="e9")
    with pytest.raises(InputError, match="given together with --manifest"):
        load_exam([tmp_path / "images" / "a.png"], manifest=path, exam_id="e1")
    with pytest.raises(InputError, match="names no file"):
        load_exam([], manifest=path, exam_id="e1", view_names={"a.png": "LCC"})


def test_paths_may_start_from_a_folder_that_is_given(tmp_path: Path) -> None:
    manifest(tmp_path / "data")
    path = tmp_path / "labels.csv"
    path.write_text(f"{HEADER}\ne1,p1,R,CC,images/a.png\n")
    loaded = load_exam([tmp_path / "data"], manifest=path)
    assert loaded.exam.views[0].source == str(tmp_path / "data" / "images" / "a.png")


def test_a_written_manifest_reads_back_as_the_same_exam(tmp_path: Path) -> None:
    path = manifest(
        tmp_path,
        "e1,p1,R,CC,images/a.png,2020-01-02,0,0.1",
        "e1,p1,R,CC,images/b.png,,1,",
        header=f"{HEADER},date,is_prior,spacing_mm",
    )
    exam = opened(path)["e1"]
    assert isinstance(exam, Exam)
    again = write_manifest(rows_of(exam, {"cancer": "1"}), tmp_path / "again.csv")
    assert opened(again)["e1"] == exam
    assert read_manifest(again)[0].path == "images/a.png"
    assert read_manifest(again)[0].labels == {"cancer": "1"}
    elsewhere = write_manifest(rows_of(exam), tmp_path / "other" / "m.csv")
    assert opened(elsewhere)["e1"] == exam


def test_rows_of_an_exam_need_not_be_together_and_one_bad_row_loses_no_other_exam(tmp_path: Path) -> None:
    path = manifest(
        tmp_path,
        "e1,p1,R,CC,images/a.png",
        "e2,p2,R,CC,images/b.png",
        "e1,p1,L,CC,images/c.png",
        ",p3,R,CC,images/a.png",
        'e4,p4,R,CC,"images/a.png',
        "e5,p5,R,CC,",
        "e6,p6,L,MLO,images/c.png",
    )
    exams = opened(path)
    assert [name for name, exam in exams.items() if isinstance(exam, Exam)] == ["e1", "e2", "e6"]
    assert len(exams["e1"].views) == 2
    assert {name: str(e) for name, e in exams.items() if isinstance(e, InputError)} == {
        "labels.csv line 5": "labels.csv line 5: no exam_id; expected exam_id and path in every row.",
        "labels.csv line 6": "labels.csv line 6: a quotation mark is never closed; expected a whole row.",
        "e5": "labels.csv line 7: no path; expected exam_id and path in every row.",
    }
