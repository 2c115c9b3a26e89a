"""The built wheel works outside the source tree: it holds what it needs, and reads an exam (make wheel-test)."""

import json
import os
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
pytestmark = [pytest.mark.wheel, pytest.mark.timeout(600)]
NEEDED = (
    "mammoscribe/models/weights/starter.safetensors",
    "mammoscribe/models/weights/starter.json",
    "mammoscribe/models/weights/LICENSE",
    "mammoscribe/exports/report.schema.json",
    "mammoscribe/phantom/bench_v1.json",
    "mammoscribe/phantom/bench_v2.json",
    "mammoscribe/explain/prompts.toml",
    "mammoscribe/writers/chat_prompts.toml",
    "mammoscribe/py.typed",
)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> Path:
    """The wheel, built as pip builds it."""
    out = tmp_path_factory.mktemp("dist")
    subprocess.run([sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "-w", out, ROOT], check=True)
    (built,) = out.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory) -> Path:
    """`bin` of a fresh environment that holds the wheel, and borrows the dependencies of this one."""
    folder = tmp_path_factory.mktemp("venv")
    venv.create(folder, with_pip=False)
    scripts = folder / ("Scripts" if os.name == "nt" else "bin")
    (site,) = folder.glob("lib/python*/site-packages") if os.name != "nt" else folder.glob("Lib/site-packages")
    python = scripts / "python"
    install = [sys.executable, "-m", "pip", "--python", python, "install", "--quiet", "--no-deps", wheel]
    subprocess.run(install, check=True)
    # a path line, not a site directory: the .pth files in there, such as our own editable one, stay unread
    (site / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return scripts


def run(folder: Path, *command: object) -> str:
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
    done = subprocess.run([str(c) for c in command], cwd=folder, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_wheel_holds_weights_licences_and_schema(wheel):
    with zipfile.ZipFile(wheel) as packed:
        names = packed.namelist()
    assert [n for n in NEEDED if n not in names] == []
    licences = {n.split("/licenses/")[1] for n in names if ".dist-info/licenses/" in n}
    assert licences == {"LICENSE", "LICENSE-WEIGHTS"}
    assert [n for n in names if n.startswith(("tests/", "tools/"))] == []


def test_the_installed_package_is_the_wheel(installed, tmp_path):
    where = run(tmp_path, installed / "python", "-c", "import mammoscribe; print(mammoscribe.__file__)")
    assert Path(where.strip()).is_relative_to(installed.parent)


def test_doctor_finds_the_installed_wheel_whole(installed, tmp_path):
    assert "Research use only" in run(tmp_path, installed / "mammoscribe", "doctor")


def test_the_installed_wheel_reads_its_demo_and_a_folder(installed, tmp_path):
    run(tmp_path, installed / "mammoscribe", "demo", "--out", "demo")
    assert (tmp_path / "demo" / "report.html").stat().st_size > 10_000
    run(
        tmp_path,
        installed / "mammoscribe",
        "phantom",
        "--exams",
        "1",
        "--seed",
        "5",
        "--out",
        "drawn",
        "--format",
        "dicom",
    )
    run(
        tmp_path,
        installed / "mammoscribe",
        "read",
        tmp_path / "drawn" / "phantom-5",
        "--out",
        "out",
        "--format",
        "json",
    )
    report = json.loads((tmp_path / "out" / "report.json").read_text())
    assert report["sentences"]
