"""The house keeps its own rules: sizes, first lines, the map, public names, nothing of one machine in it."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

import mammoscribe

ROOT = Path(__file__).parents[2]
MODULES = sorted((ROOT / "src").rglob("*.py"))
MAX_MODULE, MAX_FUNCTION = 400, 60


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def tracked() -> list[Path]:
    """Files that git tracks or would track; skips outside a checkout."""
    listing = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    done = subprocess.run(listing, cwd=ROOT, capture_output=True, text=True)
    if done.returncode:
        pytest.skip("not a git checkout")
    return [path for name in done.stdout.split("\0") if name and (path := ROOT / name).is_file()]


@pytest.mark.parametrize("module", MODULES, ids=name_of)
def test_a_module_can_be_held_in_the_head(module):
    text = module.read_text(encoding="utf-8")
    functions = (n for n in ast.walk(ast.parse(text)) if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef))
    long = [(f.name, length) for f in functions if (length := (f.end_lineno or 0) - f.lineno + 1) > MAX_FUNCTION]
    assert long == []
    assert text.count("\n") <= MAX_MODULE


@pytest.mark.parametrize("path", [*MODULES, *sorted((ROOT / "tools").rglob("*.py"))], ids=name_of)
def test_a_module_says_in_its_first_line_what_it_is_for(path):
    docstring = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))
    assert docstring, "no module docstring"
    assert len(docstring.splitlines()[0]) >= 20


def test_every_folder_of_modules_is_a_package():
    assert [name_of(m.parent) for m in MODULES if not (m.parent / "__init__.py").is_file()] == []


def test_the_map_is_fresh():
    done = subprocess.run([sys.executable, ROOT / "tools" / "house_map.py", "--check"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_public_names_are_importable_and_few():
    assert len(mammoscribe.__all__) <= 15
    assert [name for name in mammoscribe.__all__ if getattr(mammoscribe, name, None) is None] == []
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        _ = mammoscribe.nonsense


def test_importing_the_package_loads_no_torch():
    code = "import sys, mammoscribe, mammoscribe.cli; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


@pytest.mark.parametrize("room", ["reporting", "exports", "domain", "support", "data", "imaging", "phantom"])
def test_a_room_without_torch_stays_without_it(room):
    code = f"import sys, mammoscribe.{room}; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


def test_nothing_of_one_machine_or_registry_is_in_a_file():
    """Neither absolute paths of the machine it was written on, nor addresses of package registries."""
    places = re.compile(
        r"(?<![\w.])/(work|root|home/\w+)/|pypi\.org|files\.pythonhosted|registry\.npmjs|download\.pytorch"
    )  # fmt: skip
    found = []
    for path in tracked():
        try:
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue
        found += [f"{name_of(path)}: {match[0]}" for match in places.finditer(text)]
    assert found == []


def test_no_large_file_is_tracked():
    assert [name_of(p) for p in tracked() if p.stat().st_size > 17_000_000] == []


def test_links_between_the_pages_lead_somewhere():
    pages = [p for p in tracked() if p.suffix == ".md"]
    link = re.compile(r"\]\((?!https?://|#|mailto:)([^)#\s]+)")
    dead = [
        f"{name_of(p)}: {m[1]}" for p in pages for m in link.finditer(p.read_text()) if not (p.parent / m[1]).exists()
    ]
    assert dead == []
