"""Files of outputs: stored once for each combination, gone on with after a stop, read again for another one."""

import json
from collections.abc import Iterator

import pytest

from mammoscribe.domain.view import Laterality
from mammoscribe.evaluation.outputs.exam_output import BreastOutput, ExamOutput
from mammoscribe.evaluation.outputs.store import MadeBy, done_ids, fill, path_of
from mammoscribe.support.errors import InputError

MADE = MadeBy({"input": {"data": "a"}, "configuration": {"model": "m"}, "code": {"sha256": "c"}})


def reading(ids: list[str], read: list[str], stop_before: str | None = None) -> Iterator[ExamOutput]:
    """Outputs of these exams; notes in `read` what was read."""
    for name in ids:
        if name == stop_before:
            raise KeyboardInterrupt
        read.append(name)
        yield ExamOutput(name, {Laterality.RIGHT: BreastOutput(0.5)})


def test_outputs_that_are_there_are_not_read_again(tmp_path):
    read: list[str] = []
    first = fill(tmp_path, "m", MADE, 2, reading(["a", "b"], read))
    again = fill(tmp_path, "m", MADE, 2, reading(["a", "b"], read))
    assert read == ["a", "b"]
    assert first == again
    assert set(again.exams) == {"a", "b"}


def test_a_stopped_run_keeps_what_was_read_and_goes_on(tmp_path):
    read: list[str] = []
    with pytest.raises(KeyboardInterrupt):
        fill(tmp_path, "m", MADE, 3, reading(["a", "b", "c"], read, stop_before="c"))
    assert done_ids(tmp_path, MADE) == {"a", "b"}
    left = [i for i in ("a", "b", "c") if i not in done_ids(tmp_path, MADE)]
    whole = fill(tmp_path, "m", MADE, 3, reading(left, read))
    assert read == ["a", "b", "c"]
    assert set(whole.exams) == {"a", "b", "c"}


def test_half_a_line_of_a_killed_run_is_cut_off(tmp_path):
    fill(tmp_path, "m", MADE, 2, reading(["a", "b"], []))
    path = path_of(tmp_path, MADE)
    path.write_text(path.read_text()[:-20])
    half = path.read_bytes()
    assert done_ids(tmp_path, MADE) == {"a"}
    assert path.read_bytes() == half  # another run may be writing to it
    assert set(fill(tmp_path, "m", MADE, 2, reading(["b"], [])).exams) == {"a", "b"}
    assert all(json.loads(line) for line in path.read_text().splitlines())


@pytest.mark.parametrize("part", ["input", "configuration", "code"])
def test_another_input_configuration_or_code_has_a_file_of_its_own(tmp_path, part):
    other = MadeBy({**MADE.values, part: {"changed": 1}})
    read: list[str] = []
    fill(tmp_path, "m", MADE, 1, reading(["a"], read))
    fill(tmp_path, "m", other, 1, reading(["a"], read))
    assert read == ["a", "a"]
    assert path_of(tmp_path, MADE) != path_of(tmp_path, other)


def test_a_note_beside_does_not_decide(tmp_path):
    assert path_of(tmp_path, MadeBy(MADE.values, {"commit": "x"})) == path_of(tmp_path, MADE)


def test_a_damaged_file_is_refused_and_left_alone(tmp_path):
    fill(tmp_path, "m", MADE, 1, reading(["a"], []))
    path = path_of(tmp_path, MADE)
    for text in (b"{}\n", path.read_bytes() + b"nonsense\n", b"\xff\xfe\n"):
        path.write_bytes(text)
        with pytest.raises(InputError, match="outputs-"):
            fill(tmp_path, "m", MADE, 2, reading(["b"], []))
        assert path.read_bytes() == text
