"""The folder of a run: written once, refused to other runs, locked, its lines repaired."""

import json

import pytest

from benchmarks.engine_processes import forked
from mammoscribe.support.errors import InputError
from mammoscribe.training.engine.run_folder import RunFolder, comparable, read_about, read_metrics

ABOUT = {"recipe": "r", "fields": {"steps": 4, "schedule": {"learning_rate": 0.1}}, "data": {"a": "d1"}, "init": None}


def opened(path, about=ABOUT, **beside) -> RunFolder:
    return RunFolder(path, about, {"command": ["x"], **beside})


def test_what_the_run_is_is_written_once(tmp_path):
    opened(tmp_path / "r", git="one").release()
    opened(tmp_path / "r", git="two").release()
    about = read_about(tmp_path / "r")
    assert about is not None
    assert (about["git"], about["fields"]["steps"], about["data"], about["command"]) == ("one", 4, {"a": "d1"}, ["x"])


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"fields": {"steps": 5, "schedule": {"learning_rate": 0.1}}}, r"fields\.steps 4 -> 5"),
        ({"fields": {"steps": 4, "schedule": {"learning_rate": 0.2}}}, r"fields\.schedule\.learning_rate 0\.1 -> 0\.2"),
        ({"fields": {"steps": 4, "schedule": {"learning_rate": 0.1}, "new": 1}}, r"fields\.new \(absent\) -> 1"),
        ({"recipe": "other"}, "recipe r -> other"), ({"data": {"a": "d2"}}, r"data\.a d1 -> d2"), ({"init": "f00"}, "init None -> f00"),
    ],
)  # fmt: skip
def test_another_run_is_refused_in_one_sentence(change, words, tmp_path):
    opened(tmp_path).release()
    with pytest.raises(InputError, match=f"belongs to another run \\({words}\\)"):
        opened(tmp_path, ABOUT | change)
    opened(tmp_path).release()


def test_many_differences_are_counted(tmp_path):
    opened(tmp_path).release()
    with pytest.raises(InputError, match="and 2 more"):
        opened(
            tmp_path,
            {"recipe": "x", "fields": {"steps": 1, "schedule": {"learning_rate": 1}}, "data": {"a": "z"}, "init": "i"},
        )


def test_a_folder_with_other_files_and_a_file_are_refused(tmp_path):
    (tmp_path / "thesis.docx").write_text("x")
    with pytest.raises(InputError, match=r"holds thesis\.docx and no run\.json"):
        opened(tmp_path)
    with pytest.raises(InputError, match="is a file"):
        opened(tmp_path / "thesis.docx")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["thesis.docx"]


@pytest.mark.parametrize("content", ["", "{", "[]", '{"schema": "mammoscribe.run/999"}'])
def test_a_run_json_that_cannot_be_read_is_one_sentence(content, tmp_path):
    (tmp_path / "run.json").write_text(content)
    with pytest.raises(InputError, match=r"cannot be read; expected mammoscribe\.run/1"):
        opened(tmp_path)


def _try(path, answer) -> None:
    try:
        opened(path).release()
        answer.write_text("opened")
    except InputError as error:
        answer.write_text(str(error))


def test_one_process_at_a_time(tmp_path):
    answer, folder = tmp_path / "answer", tmp_path / "r"
    held = opened(folder)
    forked(_try, folder, answer).join()
    assert "another process is training in" in answer.read_text()
    held.release()
    forked(_try, folder, answer).join()
    assert answer.read_text() == "opened"


def lines(path) -> list[dict]:
    return [json.loads(line) for line in (path / "metrics.jsonl").read_text().splitlines()]


def test_numbers_that_are_not_finite_become_null(tmp_path):
    folder = opened(tmp_path)
    folder.add({"step": 1, "loss/total": float("nan"), "grad_norm": float("inf"), "rate": 0.5})
    folder.release()
    assert lines(tmp_path) == [{"step": 1, "loss/total": None, "grad_norm": None, "rate": 0.5}]


def test_lines_after_the_checkpoint_and_half_a_line_are_dropped(tmp_path):
    folder = opened(tmp_path)
    for step in range(1, 6):
        folder.add({"step": step, "loss/total": step / 2})
        if step % 2 == 0:
            folder.add({"step": step, "val/auc": 0.5})
    folder.close()
    with (tmp_path / "metrics.jsonl").open("a") as stream:
        stream.write('{"step": 6, "los')
    folder.go_back_to(4, 2)
    folder.add({"step": 5, "loss/total": 9.0})
    folder.release()
    steps = [(row["step"], "val/auc" in row) for row in lines(tmp_path)]
    assert steps == [(1, False), (2, False), (2, True), (3, False), (4, False), (5, False)]
    assert lines(tmp_path)[-1]["loss/total"] == 9.0


def test_two_runs_are_compared_without_their_speed(tmp_path):
    rows = [{"step": 1, "loss/total": 2.0, "seconds": 5.1, "items_per_s": 9.0, "memory_mb": 1.0}]
    assert comparable(rows) == [{"step": 1, "loss/total": 2.0}]
    assert read_metrics(tmp_path) == []


def test_each_start_is_kept(tmp_path):
    folder = opened(tmp_path)
    folder.begin_session({"time": "1"})
    folder.begin_session({"time": "2"})
    folder.release()
    assert [json.loads(line)["time"] for line in (tmp_path / "sessions.jsonl").read_text().splitlines()] == ["1", "2"]
