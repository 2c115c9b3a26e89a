"""MODEL_CARD.md is what the tool writes, and no document states a figure otherwise than the committed ones."""

import importlib.util
import json
import re
import subprocess
import sys
from pathlib import Path

import jinja2
import pytest

ROOT = Path(__file__).parents[2]
TOOL = ROOT / "tools" / "model_card.py"


def _tool():
    spec = importlib.util.spec_from_file_location("model_card", TOOL)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["model_card"] = module
    spec.loader.exec_module(module)
    return module


model_card = _tool()
FIGURES = model_card.read_figures()
QUOTES = [(f, document, words) for f in FIGURES for document, quotes in f.quoted.items() for words in quotes]


def test_the_committed_card_is_what_the_tool_writes():
    done = subprocess.run([sys.executable, TOOL, "--check"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(("figure", "document", "words"), QUOTES, ids=lambda v: getattr(v, "name", str(v)[:30]))
def test_a_document_that_states_a_figure_states_it_as_committed(figure, document, words):
    assert words in (ROOT / document).read_text(encoding="utf-8")
    stated = [
        round(value, len(number.partition(".")[2])) == float(number)
        for number, percent in re.findall(r"(\d+(?:\.\d+)?)( %)?", words)
        for value in [figure.value * (100 if percent else 1)]
    ]
    assert any(stated) or figure.figure in words


def test_every_figure_is_in_the_table_of_benchmarks():
    assert [f.name for f in FIGURES if not f.quoted.get("benchmarks/README.md")] == []


def test_a_command_of_a_figure_names_a_script_that_is_there():
    assert [f.command for f in FIGURES if not (ROOT / f.command.split()[1]).is_file()] == []


# --- the tool -----------------------------------------------------------------------------------------------------


def written(tmp_path: Path, template: str = "{{ card.name }}", **changes) -> str:
    """The page of a small template, with the first committed figure changed."""
    figures = json.loads((ROOT / "benchmarks" / "figures.json").read_text(encoding="utf-8"))["figures"][:1]
    (tmp_path / "figures.json").write_text(json.dumps({"figures": [figures[0] | changes]}))
    (tmp_path / "card.md.j2").write_text(template)
    return model_card.page(model_card.CARD, tmp_path / "figures.json", tmp_path / "card.md.j2")


def test_a_figure_is_shown_with_its_interval_and_in_bold_where_it_missed_its_bar(tmp_path, monkeypatch):
    monkeypatch.setattr(model_card, "ROOT", Path("/"))
    shown = "{% for _, own in groups %}{{ own[0].shown }}{% endfor %}"
    assert written(tmp_path, shown, figure="0.90", interval=["0.82", "0.96"], bar=">= 0.85") == "0.90 (0.82–0.96)"
    assert written(tmp_path, shown, figure="0.90", interval=["0.82", "0.96"], bar="<= 0.5") == "**0.90** (0.82–0.96)"
    assert written(tmp_path, shown, figure="19 of 86", interval=["0.14", "0.32"], bar=None) == "19 of 86 (0.14–0.32)"


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"weights_sha256": "0" * 64}, "measured with other weights"),
        ({"figure": "0.70"}, "not within its interval"),
        ({"bar": "about 0.5"}, "neither"),
    ],
)
def test_figures_that_do_not_belong_to_the_card_are_refused(tmp_path, monkeypatch, changes, words):
    monkeypatch.setattr(model_card, "ROOT", Path("/"))
    with pytest.raises(ValueError, match=words):
        written(tmp_path, **changes)


def test_a_name_in_the_template_that_nothing_gives_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(model_card, "ROOT", Path("/"))
    with pytest.raises(jinja2.UndefinedError):
        written(tmp_path, "{{ card.nonsense }}")


def test_a_weight_file_that_is_not_the_one_of_the_card_is_refused(tmp_path):
    (tmp_path / "other.safetensors").write_bytes(b"\2\0\0\0\0\0\0\0{}")
    with pytest.raises(ValueError, match="not the file"):
        model_card.weights_of({"name": "starter", "weights_sha256": "0" * 64}, tmp_path / "other.safetensors")
