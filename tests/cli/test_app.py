"""The command itself: help, version, errors, and how little it loads."""

import subprocess
import sys

import pytest

from mammoscribe import __version__
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
