"""Results of `predict` as outputs: a table with a row per breast, or a folder of report.json."""

import json

import pytest

from mammoscribe.cli.results import COLUMNS, ResultsFile, error_row, rows_of
from mammoscribe.domain.view import Laterality
from mammoscribe.evaluation.outputs.predicted import read_predictions
from mammoscribe.exports.json_report import dumps_report
from mammoscribe.support.errors import InputError
from tests.exports.samples import two_findings_with_prior

R, L = Laterality


def table(tmp_path, text: str):
    path = tmp_path / "results.csv"
    path.write_text(text)
    return path


def test_a_table_that_predict_wrote_gives_its_answers(tmp_path):
    report = two_findings_with_prior()
    with ResultsFile(tmp_path / "results.csv", {"model": "m"}) as results:
        results.add(rows_of(report))
        results.add([error_row("broken", "cannot be decoded")])
    made, (read, broken) = read_predictions(tmp_path / "results.csv")
    for breast in report.breasts:
        given = read.breasts[breast.laterality]
        assert given.density == breast.density
        assert given.birads == (breast.assessment.category.value if breast.assessment else None)
        assert given.prob_malignant == pytest.approx(breast.prob_malignant, abs=1e-4)
    assert (broken.exam_id, broken.problem, dict(broken.breasts)) == ("broken", "cannot be decoded", {})
    assert made.values["configuration"] == {"model": "m"}


def test_a_table_of_another_program_needs_ids_sides_and_one_answer(tmp_path):
    _, (one, two) = read_predictions(table(tmp_path, "exam_id;laterality;prob_malignant\na;right;0.25\nb;L;\n"))
    assert one.breasts[R].prob_malignant == 0.25
    assert two.breasts[L].prob_malignant is None


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("exam_id,laterality,prob_malignant\na,R,0.5\na,R,0.6\n", "twice"),
        ("exam_id,laterality,prob_malignant\na,R,1.5\n", "line 2"),
        ("exam_id,laterality,prob_malignant\na,R,high\n", "'high'"),
        ("exam_id,laterality,prob_malignant\na,X,0.5\n", "'X'"),
        ("exam_id,laterality,prob_malignant\n,R,0.5\n", "no exam_id"),
        ("exam_id,laterality,note\na,R,0.5\n", "none of the columns"),
        ("exam_id,prob_malignant\na,0.5\n", "laterality"),
    ],
)
def test_a_table_that_cannot_be_used_is_one_sentence(tmp_path, text, words):
    with pytest.raises(InputError, match=words):
        read_predictions(table(tmp_path, text))


def test_a_changed_answer_is_another_input(tmp_path):
    head = ",".join(COLUMNS[:3])
    first, _ = read_predictions(table(tmp_path, f"{head}\na,R,0.5\n"))
    second, _ = read_predictions(table(tmp_path, f"{head}\na,R,0.6\n"))
    assert first.key != second.key


def test_a_folder_of_reports_gives_marks_and_sentences_with_their_boxes(tmp_path):
    report = two_findings_with_prior()
    folder = tmp_path / "reports" / "one"
    folder.mkdir(parents=True)
    (folder / "report.json").write_text(dumps_report(report))
    _, (read,) = read_predictions(tmp_path / "reports")
    assert read.exam_id == report.exam.id
    assert read.views is not None
    assert {n: (v.width_px, v.height_px) for n, v in read.views.items()} == {
        f"{v.laterality}_{v.projection}": (v.width_px, v.height_px) for v in report.exam.current
    }
    stated = sorted((m.view, m.box.as_list()) for m in read.marks if m.stated)
    assert stated == sorted((m.view_id, m.box.as_list()) for f in report.findings for m in f.marks)
    assert [s.text for s in read.sentences or ()] == [s.text for s in report.sentences]
    cited = {f.id: {(m.view_id, tuple(m.box.as_list())) for m in f.marks} for f in report.findings}
    for sentence, kept in zip(report.sentences, read.sentences or (), strict=True):
        expected = set().union(*(cited.get(e.ref, set()) for e in sentence.evidence))
        assert {(view, tuple(box.as_list())) for view, box in kept.boxes} == expected
    assert not read.complete


@pytest.mark.parametrize("text", ["{", "{}", "[]", json.dumps({"exam": {"views": 3}})])
def test_a_report_that_is_none_is_one_sentence(tmp_path, text):
    (tmp_path / "one").mkdir()
    (tmp_path / "one" / "report.json").write_text(text)
    with pytest.raises(InputError, match=r"report\.json"):
        read_predictions(tmp_path)


def test_an_empty_folder_and_an_absent_file_are_refused(tmp_path):
    for path in (tmp_path, tmp_path / "absent.csv"):
        with pytest.raises(InputError, match="exam_id and laterality"):
            read_predictions(path)
