"""The command itself: help, version, errors, and how little it loads."""

import subprocess
import sys

import pytest

from mammoscribe import __version__
from mammoscribe.cli import data
from mammoscribe.cli.app import COMMANDS
from mammoscribe.support.errors import InputError

HEAVY = ("torch", "numpy", "scipy", "pydicom", "PIL", "tokenizers", "jsonschema", "jinja2")


def test_help_loads_nothing_heavy():
    """In a process of its own, since the tests around it load everything."""
    code = f"""
import sys
from mammoscribe.cli import app
for args in {[["--help"], *([name, "--help"] for name in COMMANDS)]!r}:
    try:
        app(args)
    except SystemExit as end:
        assert not end.code, (args, end.code)
    assert not [m for m in {HEAVY!r} if m in sys.modules], args
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_an_example_and_says_what_it_does(run, name):
    shown = run(name, "--help")
    assert shown.exit_code == 0
    assert f"Example: mammoscribe {name}" in shown.output
    assert len(COMMANDS[name].command.__doc__) > 40


def test_the_version_is_the_packages(run):
    assert run("--version").output.strip() == f"mammoscribe {__version__}"


def test_a_users_mistake_is_one_line_on_stderr_and_exit_code_2(run, house):
    house.bad["e1"] = InputError("a.png is [bold]a cat[/]\nor so", "a view", "look again")
    shown = run("read", "a.png")
    assert shown.exit_code == 2
    assert shown.stdout == ""
    assert shown.stderr == "error a.png is [bold]a cat[/] or so; expected a view; look again.\n"


def test_a_file_the_system_refuses_is_one_line_too(run, house):
    house.bad["e1"] = PermissionError(13, "Permission denied", "exam/a.dcm")
    shown = run("read", "exam")
    assert (shown.exit_code, shown.stderr) == (2, "error exam/a.dcm: Permission denied.\n")


def test_our_own_bug_keeps_its_traceback(run, house):
    house.bad["e1"] = ZeroDivisionError("ours")
    assert isinstance(run("read", "exam").exception, ZeroDivisionError)


ODD_HEADER = """
import logging, sys, warnings
from pathlib import Path
from mammoscribe.cli import app
from tests.data.datasets.made import write_dicom
folder = Path(sys.argv[1])
with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    write_dicom(folder / "a.dcm", AccessionNumber="A1", StudyInstanceUID="1.2.x", ViewPosition="X\\x1b[31m" * 600, PatientID="P1")
toml = 'name = "x"\\nkind = "mammo-exam"\\nimages = "*.dcm"\\nexam = "header:AccessionNumber"\\n'
(folder / "ours.toml").write_text(toml)
print("made", file=sys.stderr)
logging.getLogger("somebody").warning("a word of a library")
app(["data", "check", str(folder / "ours.toml")])
"""


def test_what_libraries_warn_of_and_odd_values_of_headers_do_not_reach_the_terminal(tmp_path):
    code = ODD_HEADER.replace(
        'logging.getLogger("somebody")', "warnings.warn('of a library')\nlogging.getLogger('somebody')"
    )
    code = code.replace("app([", "import atexit\napp([", 1)
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True)
    shown = done.stderr.split("made\n")[1].split("\n", 3)[-1]  # behind the two words of our own above
    assert "Traceback" not in done.stderr and done.returncode in (0, 1), done.stderr
    assert "pydicom" not in shown and "UserWarning" not in shown and "\x1b[31m" not in done.stderr
    assert all(len(line) < 1500 for line in shown.splitlines())


def test_a_failure_of_the_system_without_a_file_is_one_sentence(run, monkeypatch):
    def full(*_args):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("mammoscribe.cli.data_read.show_table", full)
    shown = run("data", "list")
    assert shown.exit_code == 2 and shown.stderr == "error No space left on device.\n"


def test_help_shows_no_python_types_of_flags_and_arguments(run):
    pages = [["--help"], ["data", "--help"], ["weights", "--help"], ["train", "--help"]]
    pages += [[name, "--help"] for name in COMMANDS] + [["data", name, "--help"] for name in data.COMMANDS]
    pages += [["weights", name, "--help"] for name in ("list", "pull", "import", "verify")]
    pages += [["train", name, "--help"] for name in ("list", "show", "reader")]
    for page in pages:
        shown = run(*page)
        assert shown.exit_code == 0 and "--help" in shown.output
        assert not [word for word in ("<bool>", "<list[", "[[", "...]...") if word in shown.output], page


def test_the_package_runs_as_a_module():
    done = subprocess.run([sys.executable, "-m", "mammoscribe", "--version"], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert __version__ in done.stdout
