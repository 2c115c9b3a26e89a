"""The commands in README and docs that install something: each names what can be installed from where a reader is."""

import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]


def test_what_the_pages_install_of_this_project_is_a_checkout_with_extras_that_exist():
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["optional-dependencies"]
    commands = [
        (p.name, c) for p in PAGES for c in re.findall(r"pip install ([^`\n#]+)", p.read_text(encoding="utf-8"))
    ]
    assert len(commands) >= 4
    for page, command in commands:
        target = command.split()[-1].strip("'\"")
        match = re.fullmatch(r"\.(?:\[([\w,]+)\])?", target)
        assert match is not None, (page, command)  # the project is on no package index
        assert set((match[1] or "").split(",")) <= {"", *extras}, (page, command)


def test_no_message_of_the_program_installs_this_project_from_an_index():
    for path in (ROOT / "src").rglob("*.py"):
        assert "install 'mammoscribe" not in path.read_text(encoding="utf-8"), path
