"""`doctor`: one line per check, the licence, and an exit code that says whether all is well."""

import pytest

from mammoscribe.support import health
from mammoscribe.support.health import Check


@pytest.mark.parametrize(("ok", "exit_code"), [(True, 0), (None, 0), (False, 1)])
def test_the_exit_code_says_whether_something_is_broken(run, monkeypatch, ok, exit_code):
    monkeypatch.setattr(health, "installation", lambda out: iter([Check("thing", ok, "[found] it")]))
    shown = run("doctor")
    assert shown.exit_code == exit_code
    assert "[found] it" in shown.stdout


def test_the_licence_of_the_weights_is_printed(run, monkeypatch):
    monkeypatch.setattr(health, "installation", lambda out: iter(()))
    shown = run("doctor").stdout
    assert "Research use only" in shown
    assert "Suckling" in shown


def test_this_installation_is_whole(run, tmp_path):
    shown = run("doctor", "--out", tmp_path)
    assert shown.exit_code == 0, shown.stdout
