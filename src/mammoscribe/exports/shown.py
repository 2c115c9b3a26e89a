"""What the page's template shows of a report: sentences with what they light, finding cards, breasts, the truth."""

from collections.abc import Sequence
from dataclasses import dataclass

from mammoscribe.domain.evidence import EvidenceKind, GateResult, Section, Sentence, Writer
from mammoscribe.domain.finding import Finding
from mammoscribe.domain.report import Breast, Report
from mammoscribe.domain.view import Box, Laterality, View
from mammoscribe.exports import words
from mammoscribe.exports.hanging import Hanging, Rect, ShownMark, nice_length, rect_in, size_mm
from mammoscribe.exports.pictures import MarkCrop
from mammoscribe.exports.text import HEADINGS

NUM_COLOURS = 6
"""Colours that findings take in turn; page/report.css holds them as .c0 to .c5."""


@dataclass(frozen=True)
class Keys:
    """What findings are called on the page: their numbers, 1 for the first, and their colours, by finding id."""

    numbers: dict[str, int]
    colours: dict[str, str]


def keys_of(report: Report) -> Keys:
    """Numbers and colours of a report's findings, in their order."""
    ids = [f.id for f in report.findings]
    return Keys({f: i + 1 for i, f in enumerate(ids)}, {f: f"c{i % NUM_COLOURS}" for i, f in enumerate(ids)})


@dataclass(frozen=True)
class Lit:
    """What the page lights when something is pointed at: numbers of findings and positions in `exam.views`."""

    findings: tuple[int, ...]
    views: tuple[int, ...]


# --- sentences --------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Chip:
    """A small label after a sentence that names one thing it rests on; `href` leads to it, or is ""."""

    text: str
    href: str
    colour: str


@dataclass(frozen=True)
class ShownSentence:
    """A sentence with what it lights, labels of what it rests on, and a remark where a model wrote it."""

    text: str
    number: int
    lit: Lit
    chips: tuple[Chip, ...]
    note: str
    note_title: str


def sections(report: Report, keys: Keys) -> list[tuple[str, Section, list[ShownSentence]]]:
    """(heading, section, sentences) in the order of a report, without empty sections."""
    shown = [_sentence(s, i, report, keys) for i, s in enumerate(report.sentences)]
    parts = []
    for section, heading in HEADINGS.items():
        rows = [row for row, s in zip(shown, report.sentences, strict=True) if s.section is section]
        if rows:
            parts.append((heading, section, rows))
    return parts


def conclusion_lit(report: Report, keys: Keys) -> Lit:
    """What the assessment rests on: everything that the sentences of impression and recommendation cite."""
    concluding = [s for s in report.sentences if s.section in (Section.IMPRESSION, Section.RECOMMENDATION)]
    lit = [_lit(s, report, keys) for s in concluding]
    return Lit(
        tuple(sorted({f for part in lit for f in part.findings})),
        tuple(sorted({v for part in lit for v in part.views})),
    )


def _sentence(sentence: Sentence, number: int, report: Report, keys: Keys) -> ShownSentence:
    note, title = _note(sentence, words.who_wrote(sentence.writer, report.provenance.author))
    lit = _lit(sentence, report, keys)
    return ShownSentence(sentence.text, number, lit, _chips(sentence, report, keys), note, title)


def _lit(sentence: Sentence, report: Report, keys: Keys) -> Lit:
    findings = [keys.numbers[e.ref] for e in sentence.evidence if e.kind is EvidenceKind.FINDING]
    return Lit(tuple(findings), tuple(_view_numbers(sentence, report)))


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


def _note(sentence: Sentence, who: str) -> tuple[str, str]:
    """The small remark after a sentence that a model wrote, and its longer form."""
    if sentence.gate is GateResult.CORRECTED:
        return "corrected", f"Written by {who}; where it differed, written anew from the model's findings."
    if sentence.writer is not Writer.RENDERER:
        return words.AGREES, f"Written by {who}; the gate held it against the findings."
    return "", ""


def _chips(sentence: Sentence, report: Report, keys: Keys) -> tuple[Chip, ...]:
    chips = [
        Chip(e.ref, f"#finding-{keys.numbers[e.ref]}", keys.colours[e.ref])
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


# --- findings ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class ShownCrop:
    """A crop with its caption, the mark's box in percent of it, and a scale bar where lengths are known.

    `width_px` is the width at which one row of the picture is one row of stored pixels.
    """

    crop: MarkCrop
    view: View
    rect: Rect
    width_px: float
    caption: str
    bar_mm: float | None
    bar_percent: float


@dataclass(frozen=True)
class Card:
    """A finding's own block: words, scores, the boxes it has and their crops."""

    finding: Finding
    name: str
    place: str
    descriptors: str
    level: str
    marks: tuple[tuple[str, str], ...]
    crops: tuple[ShownCrop, ...]


def card(finding: Finding, report: Report, hanging: Hanging, crops: Sequence[MarkCrop]) -> Card:
    """The block of one finding."""
    shown = [(p.view, m) for p in hanging.panes for m in p.marks if m.finding is finding and p.view]
    own = {c.view_id: c for c in crops if c.finding_id == finding.id}
    return Card(
        finding=finding,
        name=words.finding_noun(finding),
        place=words.location_words(finding),
        descriptors=words.descriptor_words(finding),
        level=_level(finding, report),
        marks=tuple((view.name, _box_words(mark)) for view, mark in shown),
        crops=tuple(
            _shown_crop(own[v.id], v, mark.box) for v, _ in shown if v.id in own and (mark := finding.mark_in(v.id))
        ),
    )


def _level(finding: Finding, report: Report) -> str:
    """`suspicious (calcifications of suspicious morphology)`; that none is given, and why; "" for an ungraded finding."""
    grade = report.breast(finding.laterality).grade(finding.id)
    if grade is None:
        return ""
    return f"{grade.level or 'not given'} ({words.rule_words(grade.assessment.rule)})"


def _box_words(mark: ShownMark) -> str:
    score = f"score {mark.score:.2f}"
    if mark.size_mm is None:
        return score
    return f"box {mark.size_mm[0]:.0f} x {mark.size_mm[1]:.0f} mm, {score}"


def _shown_crop(crop: MarkCrop, view: View, box: Box) -> ShownCrop:
    rect, size, region = rect_in(box, crop.region, crop), size_mm(view, crop.region), crop.region
    size = (size[1], size[0]) if size and crop.transposed else size
    bar_mm = None if size is None else nice_length(size[0])
    percent = 0.0 if size is None or bar_mm is None else 100 * bar_mm / size[0]
    width = (region.height if crop.transposed else region.width) * crop.pixel_aspect
    return ShownCrop(crop, view, rect, width, _caption(crop, box, size), bar_mm, percent)


def _caption(crop: MarkCrop, box: Box, size: tuple[float, float] | None) -> str:
    region = crop.region
    parts = [f"{region.width:.0f} x {region.height:.0f} stored pixels"]
    parts += [f"{size[0]:.0f} x {size[1]:.0f} mm"] if size else []
    parts += ["the middle of the box"] if box.overlap(region) < 0.999 * box.area else []
    parts += (
        [f"drawn at {crop.pixel_aspect:.2f} of their width, the file is squashed"]
        if abs(crop.pixel_aspect - 1) > 0.01
        else []
    )
    parts += ["set upright"] if crop.transposed or crop.upended else []
    return ", ".join([*parts, *(["shown mirrored"] if crop.mirrored else [])])


# --- breasts ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class BreastRow:
    """One row of the breast table; `bars` are probabilities of the density categories."""

    breast: Breast
    name: str
    density: str
    chosen: str
    bars: tuple[tuple[str, float], ...]
    probability: words.Probability | None
    why_none: str


def breast_row(breast: Breast) -> BreastRow:
    """The row of one breast."""
    probs = breast.density_probs
    return BreastRow(
        breast=breast,
        name=breast.laterality.word.capitalize(),
        density=words.density_words(breast),
        chosen=words.percent(probs["abcd".index(breast.density)]) if probs and breast.density else "",
        bars=() if probs is None else tuple(zip("abcd", (float(p) for p in probs), strict=True)),
        probability=words.probability_words(breast),
        why_none=words.rule_words(breast.reason or ""),
    )


# --- the truth --------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class TruthLine:
    """What is really there, and the ids of the findings that mark it; or a finding that marks nothing."""

    text: str
    marked_by: str


def truth_lines(truth: Sequence[Finding], findings: Sequence[Finding]) -> list[TruthLine]:
    """Each true finding with the findings that mark it, then the findings that mark none of them."""
    lines, used = [], set()
    for number, true in enumerate(truth, start=1):
        on_it = [f.id for f in findings if f.type is true.type and marks_same_place(f, true)]
        used.update(on_it)
        described = ", ".join(w for w in (words.descriptor_words(true), words.location_words(true)) if w)
        name = f"T{number} {words.finding_noun(true)}"
        lines.append(TruthLine(f"{name}: {described}", f"marked by {', '.join(on_it)}" if on_it else "not marked"))
    extra = [f for f in findings if f.id not in used]
    return lines + [TruthLine(f"{f.id} {words.finding_noun(f)}", "marks nothing of that kind") for f in extra]


def marks_same_place(one: Finding, other: Finding) -> bool:
    """Whether in some view the middle of one's box lies in the other's box."""
    for mark in one.marks:
        facing = other.mark_in(mark.view_id)
        if facing and (facing.box.contains(*mark.box.centre) or mark.box.contains(*facing.box.centre)):
            return True
    return False
