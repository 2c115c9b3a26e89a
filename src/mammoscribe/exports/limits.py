"""What a report has to say about its own limits: views, files and kinds of finding left out, and warnings, folded."""

import re
from collections.abc import Iterable, Sequence
from pathlib import PurePath

from mammoscribe.domain.exam import HANGING, Exam
from mammoscribe.domain.finding import FindingType
from mammoscribe.domain.report import Breast, Report
from mammoscribe.domain.search import PLURALS, gap_words
from mammoscribe.domain.view import Role, View
from mammoscribe.exports.words import TYPE_WORDS, capitalised, rule_words

_OF_A_VIEW = re.compile(r"((?:prior )?[RL] (?:CC|MLO)): (.*)", re.DOTALL)
_NUMBER = re.compile(r"(?<![\w.])\d+(?:\.\d+)?")
_HANGING = [f"{role}{side} {projection}" for role in ("", "prior ") for side, projection in HANGING]
NAMES_IN_A_LINE = 6


def folded(warnings: Iterable[str]) -> list[str]:
    """Warnings with those of one kind in one line: `R CC, L CC: no pixel spacing`.

    Of one kind are warnings about views whose words are alike; where their numbers differ, the range is given.
    """
    lines: list[str] = []
    views: dict[str, list[str]] = {}
    texts: dict[str, list[str]] = {}
    for warning in dict.fromkeys(warnings):
        about = _OF_A_VIEW.fullmatch(warning)
        kind = _NUMBER.sub("#", about[2]) if about else warning
        if kind not in texts:
            lines.append(kind)
        texts.setdefault(kind, []).append(about[2] if about else warning)
        views.setdefault(kind, []).extend([about[1]] if about else [])
    return [_line(views[kind], texts[kind]) for kind in lines]


def _line(views: Sequence[str], texts: Sequence[str]) -> str:
    text = _with_ranges(texts)
    names = [name for name in _HANGING if name in views]
    return f"{', '.join(names)}: {text}" if names else text


def _with_ranges(texts: Sequence[str]) -> str:
    """Texts that differ in numbers only, as one text: `read at 633 to 640 um per pixel`."""
    columns = zip(*(_NUMBER.findall(t) for t in texts), strict=True)
    ranges = [sorted(set(column), key=float) for column in columns]
    words = iter(r[0] if len(r) == 1 else f"{r[0]} to {r[-1]}" for r in ranges)
    return _NUMBER.sub(lambda _: next(words), texts[0])


def marks_on_structures(report: Report) -> list[str]:
    """Marks that were left out because they rest on something that is no lesion: `R CC: mass mark on the nipple`."""
    return [
        f"{report.exam.view(m.view_id).name}: {TYPE_WORDS[m.kind]} mark {m.structure.where}, score {m.score:.2f}"
        for m in report.provenance.structures
    ]


def unsearched(report: Report, view: View) -> list[str]:
    """What a current view was not searched for: `calcifications not searched for: pixel size unknown`."""
    if view.role is Role.PRIOR:
        return []
    kinds: dict[str, list[FindingType]] = {}
    for kind, reason in report.search.of(view).skipped:
        kinds.setdefault(reason, []).append(kind)
    return [f"{', '.join(PLURALS[k] for k in found)} not searched for: {why}" for why, found in kinds.items()]


def files_not_read(exam: Exam) -> list[str]:
    """Files that were set aside, one line for each reason: `spot.dcm, spot2.dcm: a magnification view`."""
    names: dict[str, list[str]] = {}
    for file in exam.set_aside:
        names.setdefault(file.reason, []).append(PurePath(file.source).name)
    return [f"{_some(found)}: {reason.rstrip('.')}" for reason, found in names.items()]


def _some(names: Sequence[str]) -> str:
    left = len(names) - NAMES_IN_A_LINE
    return ", ".join(names[:NAMES_IN_A_LINE]) + (f" and {left} more" if left > 0 else "")


def not_assessed(report: Report) -> list[str]:
    """What this report says nothing about, one sentence each."""
    exam = report.exam
    lines = [line for b in report.breasts if (line := _missing_facts(b))]
    text = " ".join(lines)
    gaps = [report.search.gaps(side) for side in exam.imaged]
    left = [gap for of_side in gaps if not all(w in text for w in gap_words(of_side)) for gap in of_side]
    lines += [f"{capitalised(words)}." for words in gap_words(left)]
    if not exam.prior:
        lines.append("Change over time: no prior exam was read.")
    if not any(v.millimetres_known for v in exam.current):
        lines.append("Sizes in millimetres: the pixel spacing of the views is not known.")
    return lines


def _missing_facts(breast: Breast) -> str:
    """`Left breast, no BI-RADS category: no left MLO was read`; "" for a breast that has all its facts."""
    if breast.reason is None:
        return ""
    name = f"{capitalised(breast.laterality.word)} breast"
    facts = {"density": breast.density, "BI-RADS category": breast.assessment, "probability": breast.prob_malignant}
    missing = [f"no {what}" for what, value in facts.items() if value is None] if breast.imaged else []
    return f"{', '.join([name, *missing])}: {rule_words(breast.reason)}."
