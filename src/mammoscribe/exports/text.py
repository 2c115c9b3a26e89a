"""report.txt: the report as plain text, sections in standard order, with the numbers and what was not assessed."""

import textwrap

from mammoscribe.domain.evidence import Evidence, EvidenceKind, Section, Sentence
from mammoscribe.domain.report import Breast, Report
from mammoscribe.exports import words
from mammoscribe.exports.limits import files_not_read, folded, marks_on_structures, not_assessed

HEADINGS = {
    Section.INDICATION: "Indication",
    Section.TECHNIQUE: "Technique",
    Section.COMPARISON: "Comparison",
    Section.COMPOSITION: "Breast composition",
    Section.FINDINGS: "Findings",
    Section.IMPRESSION: "Impression",
    Section.RECOMMENDATION: "Recommendation",
    Section.LIMITS: "Limits",
}
WIDTH = 100


def report_text(report: Report, evidence: bool = True) -> str:
    """The report as wrapped plain text.

    Args:
        report: what to write.
        evidence: whether each sentence ends with the ids it rests on, in brackets.
    """
    blocks = [
        _head(report),
        _block("Warnings", [f"- {w}" for w in folded(report.warnings)]),
        *(_section(report, section, evidence) for section in HEADINGS),
        _block("Breasts", [line for b in report.breasts for line in _breast(b)]),
        _block("Not assessed", [f"- {line}" for line in not_assessed(report)]),
        _block("Files not read", [f"- {line}" for line in files_not_read(report.exam)]),
        _block("Marks left out", [f"- {line}" for line in marks_on_structures(report)]),
        _block("How often such sentences were right", [f"- {line}" for line in report.provenance.reliability]),
        _provenance(report),
    ]
    return "\n\n".join(b for b in blocks if b) + "\n"


def _head(report: Report) -> str:
    exam = report.exam
    drawn = ["*** SYNTHETIC ***", words.SYNTHETIC] if exam.synthetic else []
    name = _one_line(words.exam_name(exam))
    lines = ["MAMMOGRAPHY REPORT", words.NOTICE, *drawn, "", f"Exam: {name}, {words.day_words(exam)}"]
    lines.append("Views: " + ", ".join(v.name for v in exam.current))
    if exam.prior:
        lines.append(f"Prior ({words.prior_day_words(exam)}): " + ", ".join(v.name for v in exam.prior))
    lines.append(_wrapped(_one_line(f"Assessment ({report.provenance.setting}): {_assessment(report)}")))
    return "\n".join(lines)


def _assessment(report: Report) -> str:
    given = report.assessment
    if given is None:
        return f"no category is given ({words.rule_words(report.assessment_reason or '')})"
    return f"BI-RADS {given.category}, {given.category.facts.wording} ({words.rule_words(given.rule)})"


def _section(report: Report, section: Section, evidence: bool) -> str:
    return _block(HEADINGS[section], [_sentence(s, evidence) for s in report.section(section)])


def _sentence(sentence: Sentence, evidence: bool) -> str:
    if not evidence:
        return sentence.text
    return f"{sentence.text} [{', '.join(_ref(e) for e in sentence.evidence)}]"


def _ref(evidence: Evidence) -> str:
    """What a sentence rests on, in brackets; the exam is called so, whatever its id."""
    return "exam" if evidence.kind is EvidenceKind.EXAM else evidence.ref


def _breast(breast: Breast) -> list[str]:
    name = breast.laterality.word.capitalize()
    if not breast.imaged:
        return [f"{name}: {words.rule_words(breast.reason or '')}"]
    given, chance = breast.assessment, words.probability_words(breast)
    category = f"BI-RADS {given.category} ({words.rule_words(given.rule)})" if given else "no category is given"
    probability = f"{chance.value}, {chance.meaning}" if chance else "not given"
    return [
        f"{name}: density {words.density_words(breast)}",
        f"  assessment: {category}",
        f"  probability of malignancy: {probability}",
    ]


def _provenance(report: Report) -> str:
    made_by, exam_id = report.provenance, report.exam.id
    lines = [
        *([] if words.exam_name(report.exam) == exam_id else [f"Exam: {_one_line(exam_id)}"]),
        f"{made_by.package}, model {made_by.model}, weights {made_by.weights_sha256[:12]}",
        *([f"Claims by: {made_by.author}"] if made_by.author else []),
        f"Trained on: {made_by.trained_on}",
        f"Lexicon: BI-RADS {made_by.edition}",
    ]
    lines += [f"{words.view_name(v)}: {_one_line(v.source)}" for v in (*report.exam.current, *report.exam.prior)]
    return _block("Provenance", lines)


def _block(heading: str, lines: list[str]) -> str:
    if not lines:
        return ""
    return "\n".join([heading.upper(), *(_wrapped(_one_line(line, keep_indent=True)) for line in lines)])


def _wrapped(line: str) -> str:
    indent = " " * (len(line) - len(line.lstrip()) + 2)
    return textwrap.fill(line, WIDTH, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False)


def _one_line(text: str, keep_indent: bool = False) -> str:
    """Text without line breaks or control characters: an id from a file cannot fake a section."""
    clean = "".join(c if c.isprintable() else " " for c in text)
    return clean if keep_indent else clean.strip()
