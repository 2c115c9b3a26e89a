"""Every file that a command writes has the permissions that the umask of the user leaves, no more and no less."""

import os
import shutil
import stat
from pathlib import Path

import pytest
import torch

from mammoscribe.data.catalogue import write_splits
from mammoscribe.data.datasets.phantom import PHANTOM
from mammoscribe.data.ingest import ingest
from mammoscribe.explain.store import write_items
from mammoscribe.models.biovil.files import Checkpoint, write_joint
from mammoscribe.training.engine.train import train
from mammoscribe.training.probes.feature_set import save_features
from tests.cli.identified import archive
from tests.cli.test_deidentified_exports import clinic
from tests.cli.tiny_reader import write_tiny_reader
from tests.data.datasets.makers import phantom
from tests.feature_sets import separable
from tests.training.engine.linear import linear_run

__all__ = ["archive", "clinic"]
pytestmark = pytest.mark.skipif(os.name != "posix", reason="permissions of POSIX")


@pytest.fixture(params=[0o077, 0o022], ids=["077", "022"])
def umask(request):
    before = os.umask(request.param)
    yield request.param
    os.umask(before)


def wrong(root: Path, umask: int) -> list[str]:
    """Files and folders below `root` that others may read or write who should not, or may not who should."""
    found = []
    for path in sorted(root.rglob("*")):
        if not path.is_symlink():
            mode, whole = stat.S_IMODE(path.stat().st_mode), 0o777 if path.is_dir() else 0o666
            if mode != whole & ~umask:
                found.append(f"{path.relative_to(root)}: {mode:o}")
    return found


def catalogue_with_boxes(folder: Path) -> Path:
    phantom.files(folder / "files")
    catalogue = ingest(PHANTOM, folder / "files", folder / "catalogue").catalogue
    write_splits(catalogue.folder, {r.patient_id: "train" for r in catalogue.records()})
    return catalogue.folder


def test_reports_catalogues_shards_exports_and_models(run, archive, tmp_path, umask):
    """The commands one after the other, as a lab runs them."""
    _, folder = archive
    shutil.copytree(folder, tmp_path / "in" / "ours", copy_function=shutil.copyfile)
    out = tmp_path / "out"
    out.mkdir()
    model = write_tiny_reader(out / "model")
    boxed = catalogue_with_boxes(out / "boxed")
    (tmp_path / "in" / "ours" / "kow_2023" / "scan_kow_repeat.dcm").unlink()
    (tmp_path / "in" / "ours" / "r.csv").write_text(
        "a,r,b\nACC-55190,FINDINGS: A mass.,4\nACC-44071,FINDINGS: No mass.,1\n"
    )
    toml = tmp_path / "in" / "ours.toml"
    toml.write_text(
        'name = "c"\nkind = "mammo-exam"\nlanguage = "en"\nlicence = "x"\nroot = "ours"\nimages = "**/*.dcm"\n'
        'exam = "header:AccessionNumber"\nreports = "r.csv"\nreport_exam = "a"\nreport_text = "r"\nlabels = {birads = "b"}\n'
    )
    catalogue, manifest = out / "catalogue", out / "m.csv"
    for line in (
        ("read", tmp_path / "in" / "ours" / "kow_2023", "--out", out / "read", "--model", model),
        ("data", "draft", tmp_path / "in" / "ours", "--out", out / "drafted.toml"),
        ("data", "check", toml, "--errors", out / "check.csv"),
        ("data", "ingest", toml, "--out", catalogue),
        ("data", "split", catalogue, "--shares", "100/0/0"),
        ("data", "audit", catalogue, "--out", out / "audit.csv"),
        ("data", "prepare", catalogue, "--out", out / "prepared", "--workers", "1"),
        ("data", "export", catalogue, "--to", "llava", "--out", out / "llava"),
        ("data", "export", catalogue, "--to", "llava", "--flavour", "hf", "--out", out / "hf"),
        ("data", "import", out / "llava" / "train.json", "--from", "llava", "--images", out / "llava" / "images", "--out", out / "back"),
        ("data", "export", boxed, "--to", "coco", "--out", out / "coco"),
        ("data", "export", boxed, "--to", "yolo", "--out", out / "yolo"),
        ("data", "export", catalogue, "--to", "labels", "--out", out / "l.csv", "--class", "s:birads=4"),
        ("data", "export", catalogue, "--to", "manifest", "--out", manifest),
        ("predict", manifest, "--out", out / "r.csv", "--reports", out / "reports", "--model", model),
    ):  # fmt: skip
        shown = run(*line)
        assert shown.exit_code == 0, (line, shown.output)
    assert wrong(out, umask) == []
    assert len([p for p in out.rglob("*") if p.is_file()]) > 40


def test_run_folders_weights_features_and_stores(tmp_path, umask):
    assert train(linear_run(steps=2), tmp_path / "run").exit_code == 0
    write_joint(
        torch.nn.Linear(2, 2), tmp_path / "joint.safetensors", "tiny", Checkpoint({}, "x", "0" * 64, "x", "0" * 64)
    )
    save_features(separable()[0], tmp_path / "features" / "f.npz")
    (tmp_path / "store").mkdir()
    write_items([b"{}\n"], tmp_path / "store")
    assert wrong(tmp_path, umask) == []
    assert {p.suffix for p in tmp_path.rglob("*") if p.is_file()} >= {".safetensors", ".jsonl", ".json", ".npz"}


def test_a_key_and_what_leads_back_are_for_their_owner_alone_whatever_the_umask(run, clinic, tmp_path, umask):
    _, toml = clinic
    (tmp_path / "safe").mkdir()
    shown = run("data", "ingest", toml, "--out", tmp_path / "shared", "--pseudonymous", tmp_path / "safe" / "k")
    assert shown.exit_code == 0, shown.output
    for path in (tmp_path / "safe" / "k", tmp_path / "safe" / "k.files", tmp_path / "safe" / "k.files" / "shared"):
        assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0, path
    assert wrong(tmp_path / "shared", umask) == []
