"""The engine's own rules: it imports support and domain only, one place steps, nothing is loaded before it is needed."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ENGINE = Path(__file__).parents[3] / "src" / "mammoscribe" / "training" / "engine"
MODULES = sorted(ENGINE.glob("*.py"))


def imported(module: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(module.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found.add(node.module or "")
    return found


@pytest.mark.parametrize("module", MODULES, ids=lambda m: m.name)
def test_the_engine_knows_no_task(module):
    own = {name for name in imported(module) if name.split(".")[0] == "mammoscribe"}
    allowed = ("mammoscribe.support.", "mammoscribe.domain.", "mammoscribe.training.engine.")
    assert {name for name in own if not name.startswith(allowed) and name != "mammoscribe"} == set()


@pytest.mark.parametrize("module", MODULES, ids=lambda m: m.name)
def test_a_module_of_the_engine_is_short(module):
    text = module.read_text(encoding="utf-8")
    functions = (n for n in ast.walk(ast.parse(text)) if isinstance(n, ast.FunctionDef))
    assert [f.name for f in functions if (f.end_lineno or 0) - f.lineno + 1 > 45] == []
    assert text.count("\n") < 300


def test_one_module_calls_backward_and_steps_an_optimiser():
    calls = {}
    for module in MODULES:
        for node in ast.walk(ast.parse(module.read_text(encoding="utf-8"))):
            if (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Attribute)
                and node.func.attr in ("backward", "step")
            ):
                calls.setdefault(module.name, set()).add(node.func.attr)
    assert calls == {"step.py": {"backward", "step"}}


@pytest.mark.parametrize("module", ["launch", "stop", "schedule", "fields", "progress"])
def test_what_the_command_line_needs_before_training_loads_no_torch(module):
    code = f"import sys, mammoscribe.training.engine.{module}; sys.exit('torch' in sys.modules or 'accelerate' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


def test_the_engine_can_be_imported_without_accelerate():
    code = "import sys; sys.modules['accelerate'] = None; sys.modules['deepspeed'] = None; import mammoscribe.training.engine.train"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
