"""report.html: one self-contained page, views in hanging order with boxes, sentences that light what they rest on."""

import base64
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape
from markupsafe import Markup

from mammoscribe.domain.evidence import EvidenceKind, GateResult, Section, Sentence, Writer
from mammoscribe.domain.finding import Finding
from mammoscribe.domain.report import Breast, Report
from mammoscribe.domain.view import Laterality
from mammoscribe.exports import words
from mammoscribe.exports.hanging import Hanging, Pane, Rect, ShownMark, ViewImage, hang
from mammoscribe.exports.text import HEADINGS

NUM_COLOURS = 6
"""Colours that findings take in turn; page/report.css holds them as .c0 to .c5."""


@dataclass(frozen=True)
class Chip:
    """A small label after a sentence that names one thing it rests on; `href` leads to it, or is ""."""

    text: str
    href: str
    colour: str


@dataclass(frozen=True)
class ShownSentence:
    """A sentence with what the page's script needs: keys of findings and ids of views to light."""

    text: str
    number: int
    findings: str
    views: str
    chips: tuple[Chip, ...]
    note: str
    note_title: str


def report_html(report: Report, images: Mapping[str, ViewImage]) -> str:
    """The whole page as text: no network, styles, script and pictures inside; readable without script.

    Args:
        report: what to show.
        images: pictures by view id; a view without one is drawn as an empty place with its boxes.

    Raises:
        InvalidNoun: when a picture belongs to no view of the exam or to one of another stored size.
    """
    hanging = hang(report, images)
    colours = {f.id: f"c{i % NUM_COLOURS}" for i, f in enumerate(report.findings)}
    numbers = {f.id: i + 1 for i, f in enumerate(report.findings)}
    script, style = _asset("report.js"), _asset("report.css")
    return _template().render(
        report=report,
        exam=report.exam,
        hanging=hanging,
        sections=_sections(report, colours, numbers),
        findings=[_card(f, hanging) for f in report.findings],
        colours=colours,
        numbers=numbers,
        breasts=[_breast_row(b) for b in report.breasts],
        not_assessed=words.not_assessed(report),
        preprocessing=dict(report.provenance.preprocessing),
        words=words,
        script=Markup(script),  # noqa: S704 - our own file
        style=Markup(style),  # noqa: S704 - our own file
        script_hash=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
    )


@cache
def _template():
    environment = Environment(
        loader=PackageLoader("mammoscribe.exports", "page"),
        autoescape=select_autoescape(default=True),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(percent=words.percent, data_uri=_data_uri, place=_place, label_side=_label_side)
    return environment.get_template("report.html")


@cache
def _asset(name: str) -> str:
    return files("mammoscribe.exports").joinpath("page", name).read_text(encoding="utf-8").strip()


def _data_uri(image: ViewImage) -> str:
    return f"data:{image.media_type};base64,{base64.b64encode(image.png).decode()}"


def _place(rect: Rect) -> str:
    return f"left:{rect.left:.4f}%;top:{rect.top:.4f}%;width:{rect.width:.4f}%;height:{rect.height:.4f}%"


def _label_side(mark: ShownMark, pane: Pane) -> str:
    """CSS classes of a box's label: it runs away from the middle line, below the box where above is no room."""
    side = "to-left" if pane.laterality is Laterality.RIGHT else "to-right"
    return f"{side} below" if mark.label_below else side


def _sections(report: Report, colours: dict[str, str], numbers: dict[str, int]) -> list[tuple[str, Section, list]]:
    shown = [_sentence(s, i, report, colours, numbers) for i, s in enumerate(report.sentences)]
    parts = []
    for section, heading in HEADINGS.items():
        rows = [row for row, s in zip(shown, report.sentences, strict=True) if s.section is section]
        if rows:
            parts.append((heading, section, rows))
    return parts


def _sentence(
    sentence: Sentence, number: int, report: Report, colours: dict[str, str], numbers: dict[str, int]
) -> ShownSentence:
    note, title = _note(sentence)
    finding_refs = [e.ref for e in sentence.evidence if e.kind is EvidenceKind.FINDING]
    return ShownSentence(
        text=sentence.text,
        number=number,
        findings=" ".join(str(numbers[ref]) for ref in finding_refs),
        views=" ".join(str(i) for i in _view_numbers(sentence, report)),
        chips=_chips(sentence, report, colours, numbers),
        note=note,
        note_title=title,
    )


def _view_numbers(sentence: Sentence, report: Report) -> list[int]:
    """Positions in `exam.views` of the views a sentence rests on, other than through a finding."""
    lit: set[str] = set()
    for evidence in sentence.evidence:
        if evidence.kind is EvidenceKind.VIEW:
            lit.add(evidence.ref)
        elif evidence.kind is EvidenceKind.PRIOR_PAIR:
            lit.update(evidence.ref.split("|"))
        elif evidence.kind is EvidenceKind.BREAST:
            lit.update(v.id for v in report.exam.views_of(Laterality(evidence.ref)))
        elif evidence.kind is EvidenceKind.EXAM:
            lit.update(v.id for v in report.exam.current)
    return [i for i, v in enumerate(report.exam.views) if v.id in lit]


def _note(sentence: Sentence) -> tuple[str, str]:
    """The small remark after a sentence that a model wrote, and its longer form."""
    if sentence.gate is GateResult.CORRECTED:
        return (
            "corrected",
            f"Written by the {sentence.writer}; where it differed, written anew from the model's findings.",
        )
    if sentence.writer is not Writer.RENDERER:
        return words.AGREES, f"Written by the {sentence.writer}; the gate held it against the findings."
    return "", ""


def _chips(sentence: Sentence, report: Report, colours: dict[str, str], numbers: dict[str, int]) -> tuple[Chip, ...]:
    chips = [
        Chip(e.ref, f"#finding-{numbers[e.ref]}", colours[e.ref])
        for e in sentence.evidence
        if e.kind is EvidenceKind.FINDING
    ]
    for kind, text in (
        (EvidenceKind.BREAST, "{} breast"),
        (EvidenceKind.VIEW, "{} views"),
        (EvidenceKind.PRIOR_PAIR, "{} with prior"),
        (EvidenceKind.EXAM, "exam"),
    ):
        refs = [e.ref for e in sentence.evidence if e.kind is kind]
        if refs:
            chips.append(Chip(_chip_text(kind, refs, text, report), "", "plain"))
    return tuple(chips)


def _chip_text(kind: EvidenceKind, refs: list[str], text: str, report: Report) -> str:
    if kind is EvidenceKind.BREAST:
        return text.format(" + ".join(refs))
    if kind is EvidenceKind.EXAM:
        return text
    named = [words.view_name(report.exam.view(ref.split("|")[0])) for ref in refs]
    if kind is EvidenceKind.VIEW:
        return ", ".join(named) if len(named) < 3 else text.format(len(named))
    return text.format(", ".join(named)) if len(named) < 3 else text.format(f"{len(named)} views")


@dataclass(frozen=True)
class Card:
    """A finding's own block: words, scores and the boxes it has."""

    finding: Finding
    name: str
    place: str
    descriptors: str
    marks: tuple[tuple[str, str], ...]


def _card(finding: Finding, hanging: Hanging) -> Card:
    shown = [(pane.view, mark) for pane in hanging.panes for mark in pane.marks if mark.finding is finding]
    boxes = [(view.name, _box_words(mark)) for view, mark in shown if view]
    place = words.location_words(finding)
    return Card(finding, words.TYPE_WORDS[finding.type], place, words.descriptor_words(finding), tuple(boxes))


def _box_words(mark: ShownMark) -> str:
    score = f"score {mark.score:.2f}"
    if mark.size_mm is None:
        return score
    return f"box {mark.size_mm[0]:.0f} x {mark.size_mm[1]:.0f} mm, {score}"


@dataclass(frozen=True)
class BreastRow:
    """One row of the breast table."""

    breast: Breast
    name: str
    density: str
    chosen: str
    bars: tuple[tuple[str, float], ...]
    probability: str
    calibration: str
    against: str


def _breast_row(breast: Breast) -> BreastRow:
    probs = breast.density_probs
    return BreastRow(
        breast=breast,
        name=breast.laterality.word.capitalize(),
        density=words.density_words(breast),
        chosen=words.percent(probs["abcd".index(breast.density)]) if probs and breast.density else "",
        bars=() if probs is None else tuple(zip("abcd", (float(p) for p in probs), strict=True)),
        probability="" if breast.prob_malignant is None else words.percent(breast.prob_malignant),
        calibration="" if breast.calibration is None else words.calibration_words(breast.calibration),
        against=words.against_prevalence(breast),
    )
