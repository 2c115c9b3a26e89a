"""Scripts are written whole and never over another one; sbatch gets them, and what it says comes back."""

import pytest

from mammoscribe.support.errors import InputError
from mammoscribe.support.slurm.submit import find_sbatch, submit, write_scripts


@pytest.fixture
def sbatch(tmp_path, monkeypatch):
    def make(text):
        program = tmp_path / "bin" / "sbatch"
        program.parent.mkdir()
        program.write_text(f'#!/bin/bash\nprintf "%s\\n" "$@" > {tmp_path / "given"}\n{text}\n')
        program.chmod(0o755)
        monkeypatch.setenv("PATH", str(program.parent), prepend=":")

    return make


def test_the_same_script_may_be_written_again_and_another_one_is_kept(tmp_path):
    first, second = tmp_path / "new" / "a.sbatch", tmp_path / "new" / "b.sbatch"
    write_scripts({first: "one"})
    write_scripts({first: "one"})
    for held in (b"edited by hand", b"\xff"):
        second.write_bytes(held)
        with pytest.raises(InputError, match=r"b.sbatch is there already.*sbatch .*b.sbatch"):
            write_scripts({tmp_path / "c.sbatch": "three", second: "two"})
        assert second.read_bytes() == held
    assert first.read_text() == "one" and not (tmp_path / "c.sbatch").exists()
    assert {p.name for p in (tmp_path / "new").iterdir()} == {"a.sbatch", "b.sbatch"}


@pytest.mark.parametrize("printed", ["17", "17;cluster", "sbatch says hello\n17"])
def test_the_number_of_the_job_comes_back(tmp_path, sbatch, printed):
    sbatch(f"printf '{printed}\\n'")
    assert submit(tmp_path / "a.sbatch", "--dependency=afterany:3") == "17"
    assert (tmp_path / "given").read_text().split() == [
        "--parsable",
        "--dependency=afterany:3",
        str(tmp_path / "a.sbatch"),
    ]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("echo first >&2; echo 'sbatch: error: no partition gpu' >&2; exit 1", "no partition gpu"),
        ("exit 3", "exit code 3"),
        ("exit 0", "exit code 0"),
    ],
)
def test_what_sbatch_refuses_is_one_sentence_with_the_command_to_try_again(tmp_path, sbatch, text, words):
    sbatch(text)
    with pytest.raises(InputError) as caught:
        submit(tmp_path / "a b.sbatch", "--dependency=afterany:3")
    sentence = caught.value.sentence()
    assert words in sentence and f"sbatch --dependency=afterany:3 '{tmp_path / 'a b.sbatch'}'" in sentence


def test_a_machine_without_sbatch_is_told(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(InputError, match="no sbatch on this machine"):
        find_sbatch()
