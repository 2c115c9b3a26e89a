"""The doctor's checks notice what is broken."""

import json
import sys

import pytest

from mammoscribe.support import health
from mammoscribe.support.files import sha256_of


@pytest.fixture
def weights(tmp_path):
    """A folder with a card, its weights and the licence, as in the package."""
    (tmp_path / "tiny.safetensors").write_bytes(b"weights")
    card = {"weights_sha256": sha256_of(tmp_path / "tiny.safetensors")}
    (tmp_path / "tiny.json").write_text(json.dumps(card))
    (tmp_path / "LICENSE").write_text("research")
    return tmp_path


def broken(checks):
    return [check.name for check in checks if check.ok is False]


def test_whole_weights_pass(weights):
    assert broken(health.weight_files(weights)) == []


@pytest.mark.parametrize(
    ("breaks", "names"),
    [
        (lambda folder: (folder / "tiny.safetensors").write_bytes(b"other"), ["weights tiny"]),
        (lambda folder: (folder / "tiny.safetensors").unlink(), ["weights"]),
        (lambda folder: (folder / "tiny.json").write_text("{}"), ["weights tiny"]),
        (lambda folder: (folder / "tiny.json").write_text("{"), ["weights tiny"]),
        (lambda folder: (folder / "LICENSE").unlink(), ["weights licence"]),
    ],
)
def test_broken_weights_are_noticed(weights, breaks, names):
    breaks(weights)
    assert broken(health.weight_files(weights)) == names


def test_a_missing_package_is_noticed(monkeypatch):
    monkeypatch.setitem(sys.modules, "scipy", None)
    check = health.package("scipy")
    assert check.ok is False
    assert "cannot be imported" in check.found


def test_every_transfer_syntax_has_a_decoder():
    assert broken(health.decoders()) == []


def test_a_folder_that_cannot_be_written_is_noticed_and_none_is_made(tmp_path, monkeypatch):
    assert health.writable(tmp_path / "new" / "deep").ok
    assert list(tmp_path.iterdir()) == []

    def refuse(**_):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(health.tempfile, "NamedTemporaryFile", refuse)
    assert health.writable(tmp_path).ok is False


def test_a_missing_browser_is_told_and_breaks_nothing(tmp_path, monkeypatch, weights):
    monkeypatch.setattr(health.shutil, "which", lambda _: None)
    browser = next(c for c in health.installation(tmp_path, weights) if c.name == "browser")
    assert browser.ok is None
