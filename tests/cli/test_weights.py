"""`weights`: the table, fetching from a folder, converting, verifying; never over the network."""

import hashlib
import json
import shutil
import subprocess
import sys

import pytest

from mammoscribe.models.biovil import published
from mammoscribe.models.biovil.published import PublishedModel
from mammoscribe.models.biovil.space import BiovilSpace
from mammoscribe.support.downloads import PinnedFile
from mammoscribe.support.weights_folder import VARIABLE
from tests.models.tiny_gguf import write_gguf
from tests.models.tiny_joint import write_published_folder

COMMANDS = ("list", "pull", "import", "verify")


@pytest.fixture
def folder(tmp_path):
    """Published files, tiny."""
    return write_published_folder(tmp_path / "published")


@pytest.fixture
def table(monkeypatch, folder):
    """A table with the digests of the tiny files, config.json not pinned."""
    files = [
        PinnedFile(
            p.name, p.stat().st_size, None if p.suffix == ".json" else hashlib.sha256(p.read_bytes()).hexdigest()
        )
        for p in sorted(folder.iterdir())
    ]
    model = PublishedModel("tiny", "somebody/tiny", "v1", "nothing", tuple(files))
    monkeypatch.setattr(published, "PUBLISHED", {"tiny": model})
    return model


def test_help_loads_nothing_heavy():
    code = f"""
import sys
from mammoscribe.cli import app
for args in {[["weights", "--help"], *(["weights", name, "--help"] for name in COMMANDS), ["weights", "list"]]!r}:
    try:
        app(args)
    except SystemExit as end:
        assert not end.code, (args, end.code)
    assert not [m for m in ("torch", "numpy", "transformers") if m in sys.modules], args
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_an_example(run, name):
    assert f"Example: mammoscribe weights {name}" in run("weights", name, "--help").output


def test_the_list_says_what_is_pinned(run):
    shown = run("weights", "list").stdout
    for model in published.PUBLISHED.values():
        assert f"{model.repository} at {model.revision}" in shown
        for file in model.files:
            assert f"{file.file}: " in shown
            assert file.sha256 is None or file.sha256 in shown
    assert "a83080e2f23aa584a4f2b24c39b1bb64" not in shown  # the sha256 is the one to show
    assert "md5 02ce6ee460f72efd599295f440dbb453" in shown


@pytest.mark.parametrize(
    ("model", "file", "url"),
    [
        ("biovil-t", 0, "microsoft/BiomedVLP-BioViL-T/resolve/v1.0/biovil_t_image_model_proj_size_128.pt"),
        ("biovil", 1, "microsoft/BiomedVLP-CXR-BERT-specialized/resolve/v1.1/pytorch_model.bin"),
    ],
)
def test_addresses_are_those_of_the_pinned_revision(model, file, url):
    found = published.PUBLISHED[model]
    assert found.url(found.files[file].file) == f"https://huggingface.co/{url}"


def test_pull_from_a_folder_checks_and_copies(run, folder, table, tmp_path):
    shown = run("weights", "pull", "tiny", "--to", tmp_path / "to", "--from", folder)
    assert shown.exit_code == 0, shown.output
    assert sorted(p.name for p in (tmp_path / "to").iterdir()) == [f.file for f in table.files]
    assert "config.json: no digest is known to check it" in shown.stdout
    again = run("weights", "pull", "tiny", "--to", tmp_path / "to", "--from", folder).stdout
    assert again.count("already there") == 3


def test_pull_refuses_another_content_and_writes_none_of_it(run, folder, table, tmp_path):
    with (folder / "pytorch_model.bin").open("ab") as stream:
        stream.write(b"x")
    shown = run("weights", "pull", "tiny", "--to", tmp_path / "to", "--from", folder)
    assert (shown.exit_code, shown.stderr.count("\n")) == (2, 1)
    assert "pytorch_model.bin has" in shown.stderr
    assert not (tmp_path / "to" / "pytorch_model.bin").exists()


def test_pull_replaces_a_damaged_file(run, folder, table, tmp_path):
    (tmp_path / "to").mkdir()
    (tmp_path / "to" / "vocab.txt").write_text("damaged")
    assert run("weights", "pull", "tiny", "--to", tmp_path / "to", "--from", folder).exit_code == 0
    assert (tmp_path / "to" / "vocab.txt").read_bytes() == (folder / "vocab.txt").read_bytes()


def test_pull_without_the_network_says_so(run, table, tmp_path, monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    shown = run("weights", "pull", "tiny", "--to", tmp_path / "to")
    assert (shown.exit_code, shown.stderr) == (
        2, "error HF_HUB_OFFLINE is set; expected no fetching; unset it, or give --from FOLDER.\n",
    )  # fmt: skip


def test_pull_fetches_by_the_pinned_address_and_shows_progress(run, folder, table, tmp_path, monkeypatch):
    """The downloader itself is tested beside `support.downloads`."""
    asked = []

    def fetched(url, path, check, progress, size_bytes):
        asked.append((url, size_bytes))
        progress(size_bytes, size_bytes)
        path.parent.mkdir(exist_ok=True)
        shutil.copyfile(folder / path.name, path)
        check(path)

    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    monkeypatch.setattr("mammoscribe.support.downloads.download", fetched)
    assert run("weights", "pull", "tiny", "--to", tmp_path / "to").exit_code == 0
    assert asked == [(table.url(f.file), f.size_bytes) for f in table.files]


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (("pull", "biovl-t"), "did you mean biovil-t"),
        (("pull", "biovil", "--from", "nowhere"), "nowhere is not a folder"),
        (("verify", "nowhere"), "nothing to verify at nowhere"),
        (("import", "nowhere", "--out", "x"), "no published model at nowhere"),
    ],
)
def test_mistakes_are_one_line(run, args, message):
    shown = run("weights", *args)
    assert shown.exit_code == 2
    assert message in shown.stderr and shown.stderr.count("\n") == 1


def test_import_writes_copies_that_load_and_name_their_source(run, folder, tmp_path):
    shown = run("weights", "import", folder, "--out", tmp_path / "ours")
    assert shown.exit_code == 0, shown.output
    names = ["config.json", "image.json", "image.safetensors", "model.json", "model.safetensors", "vocab.txt"]
    assert sorted(p.name for p in (tmp_path / "ours").iterdir()) == names
    card = json.loads((tmp_path / "ours" / "image.json").read_text())
    source = folder / "biovil_t_image_model_proj_size_128.pt"
    assert (card["name"], card["source_file"]) == ("biovil-t", source.name)
    assert card["source_sha256"] == hashlib.sha256(source.read_bytes()).hexdigest()
    one, other = BiovilSpace.load(folder), BiovilSpace.load(tmp_path / "ours")
    assert (one.embed_texts(["a mass"]) == other.embed_texts(["a mass"])).all()
    assert run("weights", "verify", tmp_path / "ours").stdout.count("ok ") == 2


def test_a_copy_of_a_copy_still_names_the_published_file(run, folder, tmp_path):
    run("weights", "import", folder, "--out", tmp_path / "one")
    run("weights", "import", tmp_path / "one", "--out", tmp_path / "two")
    for name in ("image.json", "model.json"):
        assert (tmp_path / "two" / name).read_text() == (tmp_path / "one" / name).read_text()


def test_import_into_the_folder_of_the_published_files_is_refused(run, folder):
    before = sorted(p.name for p in folder.iterdir())
    shown = run("weights", "import", folder, "--out", folder / ".")
    assert shown.exit_code == 2 and "another folder for the copy" in shown.stderr
    assert sorted(p.name for p in folder.iterdir()) == before


def test_import_of_an_image_file_alone(run, folder, tmp_path):
    assert (
        run("weights", "import", folder / "biovil_t_image_model_proj_size_128.pt", "--out", tmp_path / "o").exit_code
        == 0
    )
    assert sorted(p.name for p in (tmp_path / "o").iterdir()) == ["image.json", "image.safetensors"]


def test_import_writes_nothing_when_a_part_is_damaged(run, folder, tmp_path):
    (folder / "pytorch_model.bin").write_bytes(b"damaged")
    assert run("weights", "import", folder, "--out", tmp_path / "o").exit_code == 2
    assert not (tmp_path / "o").exists()


def test_verify_tells_good_unknown_and_other_files_apart(run, folder, table):
    shown = run("weights", "verify", folder)
    assert shown.exit_code == 0
    assert shown.stdout.count("ok ") == 3 and "?      config.json: no digest" in shown.stdout
    with (folder / "vocab.txt").open("a") as stream:
        stream.write("more\n")
    shown = run("weights", "verify", folder)
    assert shown.exit_code == 1
    assert "other  vocab.txt" in shown.stdout


def test_a_copy_that_was_changed_is_found(run, folder, tmp_path):
    run("weights", "import", folder, "--out", tmp_path / "ours")
    with (tmp_path / "ours" / "image.safetensors").open("ab") as stream:
        stream.write(b"x")
    shown = run("weights", "verify", tmp_path / "ours" / "image.safetensors")
    assert shown.exit_code == 1
    assert "not what its card says" in shown.stdout


@pytest.mark.parametrize("command", [("verify",), ("pull", "tiny", "--from")])
def test_the_replaced_upload_is_refused_with_its_reason(run, folder, table, tmp_path, monkeypatch, command):
    monkeypatch.setattr(published, "sha256_of", lambda path: "146c2441" + "0" * 56)
    monkeypatch.chdir(tmp_path)
    shown = run("weights", *command, folder)
    assert shown.exit_code == 2
    assert "replaced on 2023-03-20" in shown.stderr


def test_the_language_model_of_starter_chat_gets_its_own_place_and_its_licence_is_shown(run, tmp_path, monkeypatch):
    pytest.importorskip("gguf")
    pinned = write_gguf(tmp_path / "tiny.gguf")
    monkeypatch.setattr("mammoscribe.models.chat.base.GGUF", pinned)
    monkeypatch.setenv(VARIABLE, str(tmp_path / "kept"))
    shown = run("weights", "import", tmp_path / "tiny.gguf")
    assert shown.exit_code == 0, shown.output
    place = tmp_path / "kept" / "smollm2-135m-instruct"
    assert "licence: Apache-2.0" in shown.stdout and f"written to {place}" in shown.stdout
    assert json.loads((place / "base.json").read_text())["source_sha256"] == pinned.sha256
    (tmp_path / "tiny.gguf").write_bytes(b"another")
    other = run("weights", "import", tmp_path / "tiny.gguf", "--out", tmp_path / "other")
    assert other.exit_code == 2 and "has 7 bytes" in other.stderr and not (tmp_path / "other").exists()


def test_other_files_need_a_folder_for_the_copy(run, folder):
    shown = run("weights", "import", folder)
    assert shown.exit_code == 2 and "no --out" in shown.stderr
