"""Trials of report texts: the sections that the script of the trials prints, each text with its right ones."""

import ast
from collections.abc import Iterator, Mapping

from tests.trials.place import Place, Row

_PLAIN = {"findings": "A mass.", "impression": "BI-RADS 2."}
_ASKED = {"indication": "Screening.", **_PLAIN}
CASES: Mapping[str, Mapping[str, str]] = {
    "ndication (mimic-code#1982)": {
        "indication": "Palpable lump.", "findings": "Dense tissue.", "impression": "BI-RADS 4.",
    },
    "one line": {"indication": "Screening.", "findings": "A mass is seen.", "impression": "BIRADS 4."},
    "hl7 br": _ASKED,
    "hl7 tilde": _ASKED,
    "html br": _ASKED,
    "html p": {"findings": "A mass < 5 mm.", "impression": "BI-RADS 2."},
    "x000d": _PLAIN,
    "literal backslash n": _PLAIN,
    "cr only": _PLAIN,
    "u2028": _PLAIN,
    "heading spaced": _PLAIN,
    "birads para": {"findings": "A mass.", "impression": "BIRADS IV b"},
    "birads para2": {"findings": "A mass.", "impression": "BI-RADS: 4 (suspicious)"},
    "acr": {"findings": "A mass.", "impression": "ACR 2"},
    "cat-3": {"findings": "A mass.", "impression": "Birads category-3"},
    "cat0": {"findings": "A mass.", "impression": "Category 0 – incomplete"},
    "bi rads cat": {"findings": "A mass.", "impression": "BI-RADS CATEGORY 4B: MODERATE SUSPICION."},
    "assess": {"findings": "A mass.", "impression": "BI-RADS Category 2: Benign"},
    "es": {"other": "MAMOGRAFÍA BILATERAL.", "findings": "Nódulo en CSE.", "impression": "BIRADS 4A derecho."},
    "es2": {"findings": "patrón ACR c. No se observan masas.", "impression": "BI-RADS II bilateral."},
    "es3": {"findings": "Sin masas.", "impression": "BI-RADS® 2.\ncontrol anual."},
    "es4": {"technique": "CC y OML.", "findings": "Masa.", "impression": "Categoría BI-RADS 0, complementar."},
    "wet read": {
        "other": "___ ___ 9:00 AM\n  No acute process.", "technique": "CHEST.", "findings": "Clear.",
        "impression": "Normal.",
    },
    "addendum": {"findings": "A mass.", "impression": "BI-RADS 0.", "other": "Prior films received; BI-RADS 2."},
    "numbered imp": {"findings": "A mass.", "impression": "1. Mass. BI-RADS 4.\nbiopsy."},
    "left right": {"findings": "RIGHT BREAST: No mass.\nLEFT BREAST: Mass.", "impression": "OVERALL BI-RADS: 4"},
}  # fmt: skip
"""By the name that the script prints."""


def rows(place: Place) -> Iterator[Row]:
    """Every text."""
    found = printed(place.script("text_cases"))
    for name in [*found, *(CASES.keys() - found.keys())]:
        wanted, got = CASES.get(name), found.get(name)
        yield Row(f"text {name}", str(wanted or "an expectation"), str(got), wanted is not None and got == wanted)


def printed(lines: str) -> dict[str, dict[str, str]]:
    """Text -> section -> words, of what the script prints: `--- name`, then lines of a section and a Python string."""
    found: dict[str, dict[str, str]] = {}
    name = ""
    for line in filter(None, lines.splitlines()):
        if line.startswith("--- "):
            name = line[len("--- ") :]
            found[name] = {}
        else:
            section, words = line.split(maxsplit=1)
            found[name][section] = ast.literal_eval(words)
    return found
