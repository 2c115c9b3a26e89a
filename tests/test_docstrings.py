"""Docstrings of the rooms that others build on: a function with many parameters says what each of them is."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[1] / "src" / "mammoscribe"
ROOMS = ("domain", "models", "support", "training")
MANY = 4
"""Parameters from which on a docstring has an `Args:` part."""

Function = ast.FunctionDef | ast.AsyncFunctionDef


def public_functions(tree: ast.AST, doc: str = "", above: str = "") -> Iterator[tuple[str, Function, str]]:
    """(name, function, docstring) of the public functions and methods; what builds a class is explained by the class."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
            yield from public_functions(node, ast.get_docstring(node) or "", f"{above}{node.name}.")
        elif isinstance(node, Function) and (not node.name.startswith("_") or node.name in ("__init__", "__call__")):
            yield f"{above}{node.name}", node, doc if node.name == "__init__" else ast.get_docstring(node) or ""


def num_parameters(function: Function) -> int:
    """Number of its parameters, without the object or class that a method belongs to."""
    given = [a.arg for a in (*function.args.posonlyargs, *function.args.args, *function.args.kwonlyargs)]
    return len(given) - (given[:1] in (["self"], ["cls"]))


def unexplained(text: str) -> list[str]:
    """Names of the functions of a module that have many parameters and no `Args:` part."""
    return [
        name
        for name, function, doc in public_functions(ast.parse(text))
        if num_parameters(function) >= MANY and "Args:" not in doc
    ]


@pytest.mark.parametrize("room", ROOMS)
def test_a_function_with_many_parameters_explains_them(room):
    modules = sorted((SOURCE / room).rglob("*.py"))
    assert modules
    assert {str(m.relative_to(SOURCE)): names for m in modules if (names := unexplained(m.read_text("utf-8")))} == {}


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("def f(a, b, c): ...", []),
        ("def f(a, b, c, d): ...", ["f"]),
        ("def _f(a, b, c, d): ...", []),
        ("def f(a, b, *, c, d):\n    '''F.\n\n    Args:\n        a, b, c, d: numbers.\n    '''", []),
        ("class A:\n    def __init__(self, a, b, c, d): ...", ["A.__init__"]),
        (
            "class A:\n    '''A.\n\n    Args:\n        a, b, c, d: numbers.\n    '''\n    def __init__(self, a, b, c, d): ...",
            [],
        ),
        ("class A:\n    def f(self, a, b, c): ...\n    def g(self, a, b, c, d): ...", ["A.g"]),
    ],
)
def test_what_is_unexplained_is_found(text, found):
    assert unexplained(text) == found
