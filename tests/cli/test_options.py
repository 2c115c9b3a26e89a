"""Options that several commands share: what is to be written is looked at before the work."""

import os

import pytest

from mammoscribe.cli.options import file_for, folder_for
from mammoscribe.support.errors import InputError


@pytest.mark.parametrize("made_for", [folder_for, lambda out: file_for(out, "a table")])
def test_a_place_below_a_file_is_refused_before_anything_is_made(made_for, tmp_path):
    (tmp_path / "a.txt").write_text("")
    with pytest.raises(InputError, match=r"a\.txt is a file; expected a folder to write into"):
        made_for(tmp_path / "a.txt" / "deep" / "out")
    assert made_for(tmp_path / "new" / "out") == tmp_path / "new" / "out"
    assert not (tmp_path / "new").exists()


def test_a_folder_that_cannot_be_written_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "access", lambda path, how: path != tmp_path)
    with pytest.raises(InputError, match="cannot be written into"):
        folder_for(tmp_path / "out")


def test_folders_are_no_files_and_files_no_folders(tmp_path):
    (tmp_path / "a.txt").write_text("")
    with pytest.raises(InputError, match="is a folder; expected a table"):
        file_for(tmp_path, "a table")
    with pytest.raises(InputError, match="is a file"):
        folder_for(tmp_path / "a.txt")


@pytest.fixture
def one_cuda_device(monkeypatch):
    torch = pytest.importorskip("torch")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)


@pytest.mark.parametrize(
    "command", [["read", "none"], ["predict", "none.csv", "--out", "r.csv"], ["evaluate", "--out", "e", "--exams", "1"]]
)
def test_a_device_that_is_not_there_is_refused_before_anything_is_read(
    run, house, one_cuda_device, command, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    shown = run(*command, "--device", "cuda:1")
    assert shown.exit_code == 2
    assert "--device cuda:1, which torch does not find here; expected one of cpu, cuda:0" in " ".join(
        shown.stderr.split()
    )
    assert house.loaded == house.read == house.devices == []
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("command", [["read", "exam"], ["predict", "m.csv"]])
def test_the_reader_is_loaded_onto_the_device_that_was_asked_for(
    run, house, one_cuda_device, command, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "m.csv").touch()
    run(*command, "--device", "cuda", "--out", tmp_path / "out")
    run(*command, "--out", tmp_path / "out2")
    assert house.devices == ["cuda:0", "cpu"]
