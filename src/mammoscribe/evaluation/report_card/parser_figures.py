"""How well the report parser itself reads: the figures that its benchmark last printed, for the page of every card of reports."""

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mammoscribe.evaluation.card_page import Section, Table

FILE = Path(__file__).with_name("parser_figures.toml")


@dataclass(frozen=True)
class ParserFigure:
    """One kind of fact: how many were read rightly, of those read and of those that are true, with 95 % intervals."""

    name: str
    right: int
    read: int
    true: int
    precision: tuple[float, float]
    recall: tuple[float, float]


@dataclass(frozen=True)
class ParserFigures:
    """What was measured: the command that printed it, on which day, on what."""

    command: str
    date: str
    source: str
    figures: tuple[ParserFigure, ...]


def parser_figures() -> ParserFigures:
    """The figures of the package."""
    values = tomllib.loads(FILE.read_text(encoding="utf-8"))
    figures = (
        ParserFigure(**{**f, "precision": tuple(f["precision"]), "recall": tuple(f["recall"])})
        for f in values.pop("figure")
    )
    return ParserFigures(**values, figures=tuple(figures))


def parser_json(measured: ParserFigures) -> dict[str, Any]:
    """The figures as JSON values."""
    return {
        "command": measured.command, "date": measured.date, "source": measured.source,
        "figures": [
            {
                "name": f.name, "right": f.right, "read": f.read, "true": f.true, "precision": f.right / f.read,
                "precision_interval": list(f.precision), "recall": f.right / f.true, "recall_interval": list(f.recall),
            }
            for f in measured.figures
        ],
    }  # fmt: skip


def parser_section(measured: ParserFigures) -> Section:
    """The figures as a part of the page."""
    head = ("facts", "precision", "95 % interval", "of", "recall", "95 % interval", "of")
    rows = tuple(
        (
            f.name, f"{f.right / f.read:.3f}", f"{f.precision[0]:.3f} to {f.precision[1]:.3f}", f"{f.right} of {f.read} read",
            f"{f.right / f.true:.3f}", f"{f.recall[0]:.3f} to {f.recall[1]:.3f}", f"{f.right} of {f.true} true",
        )
        for f in measured.figures
    )  # fmt: skip
    text = (
        "Every figure of facts on this card rests on the report parser, which makes mistakes too. These were not measured on "
        f"the reports of this card, but on {measured.source} (`{measured.command}`, {measured.date}). Intervals draw whole "
        "reports. Reports of another hospital or style may be read less well."
    )
    return Section("How well the parser reads", text, tables=(Table(head, rows),))
