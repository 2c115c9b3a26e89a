"""No probe has a loop of its own: the engine alone takes steps."""

import ast
from pathlib import Path

import pytest

PROBES = Path(__file__).parents[3] / "src" / "mammoscribe" / "training" / "probes"


@pytest.mark.parametrize("module", sorted(PROBES.glob("*.py")), ids=lambda m: m.name)
def test_a_probe_calls_no_backward_and_makes_no_optimiser(module):
    names = {n.attr for n in ast.walk(ast.parse(module.read_text(encoding="utf-8"))) if isinstance(n, ast.Attribute)}
    assert not names & {"backward", "zero_grad", "optim"}
