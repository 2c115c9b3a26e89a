"""The card of reports as values for a JSON file, and as a page."""

from itertools import groupby
from typing import Any

from mammoscribe.evaluation.card_page import (
    COMPARISON,
    Page,
    Section,
    Table,
    confusion_table,
    difference_json,
    differences_table,
    line_json,
    number,
)
from mammoscribe.evaluation.report_card.card import ReportCard, System
from mammoscribe.evaluation.report_card.fact_counts import CATEGORIES, DENSITIES
from mammoscribe.evaluation.report_card.parser_figures import parser_figures, parser_json, parser_section

SCHEMA = "mammoscribe.report-card/1"
METHOD = (
    "Facts are read by the report parser of this package, and what it cannot read is not scored: the share of sentences "
    "without a fact is stated below. Intervals are 95 % percentile intervals of a bootstrap that draws whole patients, wider where "
    "cases are few (Hesterberg 2015). "
    "`detectable` is the difference from a second system that a set of this size would show in four of five tests at 5 %, "
    "if the two erred independently. "
    "The best constant report is, for each figure and exam, the one of at most eight typical references that is best by "
    "that figure on all other exams, never the exam's own. Another exam's report is the reference of another patient, and the "
    "nearest neighbour's the training report of the exam whose picture is most alike; both are scored on at most 1,000 exams."
)


def card_json(card: ReportCard) -> dict[str, Any]:
    """The card as JSON values; a figure that is not defined is NaN here and null in the file."""
    return {
        "schema": SCHEMA,
        "method": METHOD,
        "reference": _system_json(card.reference),
        "candidates": [_system_json(s) for s in card.systems],
        "exams": card.num_exams,
        "patients": card.num_patients,
        "bootstrap_draws": card.num_draws,
        "notes": [*card.faults, *card.notes],
        "figures": [line_json(line) for line in card.lines],
        "differences": [difference_json(d) for d in card.differences],
        "parser": parser_json(parser_figures()),
    }


def _system_json(system: System) -> dict[str, Any]:
    tables = {"density": system.density, "birads": system.birads}
    return {
        "name": system.name,
        "sha256_of_texts": system.digest,
        "share_distinct": system.distinct,
        "share_equal_to_reference": system.copies,
        "share_of_sentences_without_a_fact": system.unread,
        "confusion": {name: [list(row) for row in rows] for name, rows in tables.items() if rows},
    }


# --- page ---------------------------------------------------------------------------------------------------------


def card_page(card: ReportCard) -> Page:
    """The card as a page."""
    exams = f"{card.num_exams} exams of {card.num_patients} patients, {card.num_draws} bootstrap draws."
    names = tuple(s.name for s in card.systems)
    return Page("Report card", names, (exams, METHOD), (*card.faults, *card.notes), report_sections(card))


def report_sections(card: ReportCard) -> tuple[Section, ...]:
    """The sections of a card of reports."""
    sections = [Section("Texts", tables=(_texts_table(card),)), parser_section(parser_figures())]
    for group, lines in groupby(card.lines, key=lambda line: line.figure.group):
        tables = tuple(_confusion_table(s, group) for s in card.systems if group in _CLASSES)
        sections.append(Section(f"{group[0].upper()}{group[1:]}", lines=tuple(lines), tables=tables))
    if card.differences:
        title = f"{card.systems[0].name} against {card.systems[1].name}"
        sections.append(Section(title, COMPARISON, tables=(differences_table(card.differences),)))
    return tuple(sections)


_CLASSES = {"density": DENSITIES, "BI-RADS": CATEGORIES}


def _confusion_table(system: System, group: str) -> Table:
    """Classes of the reference (rows, those that it has) by the candidate's answers."""
    rows = system.density if group == "density" else system.birads
    return confusion_table(f"reference \\ {system.name}", _CLASSES[group], rows)


def _texts_table(card: ReportCard) -> Table:
    head = ("texts", "distinct", "equal to their reference", "sentences without a fact", "sha256")
    rows = [
        (s.name, *(number(v, 3) for v in (s.distinct, s.copies, s.unread)), s.digest[:12])
        for s in (card.reference, *card.systems)
    ]
    return Table(head, tuple(rows))
