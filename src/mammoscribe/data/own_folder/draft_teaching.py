"""What a draft proposes that labels and reports teach: comments, since only the lab knows what its labels mean."""

from collections.abc import Iterator, Mapping
from typing import Any

from mammoscribe.data.labels.values import ValueKind, kind_of
from mammoscribe.data.records import Kind
from mammoscribe.data.supervision import REPORT_LANGUAGES

_PROPOSED: Mapping[ValueKind, str] = {
    ValueKind.DENSITY: '"density"',
    ValueKind.BIRADS: '{ question = "recall", answers = { "0" = "1", "1" = "0", "2" = "0" } }  # where 0 means recalled',
    ValueKind.YES_NO: '"malignant"  # where 1 means cancer in that breast',
    ValueKind.PATHOLOGY: '{ question = "malignant", answers = { malignant = "1", benign = "0" } }',
}


def proposed_teaching(draft: Mapping[str, Any]) -> Iterator[str]:
    """Commented lines for the end of a draft: `reports_teach`, and `[teaches]` with a question for each label.

    Args:
        draft: the draft as read by a TOML reader.
    """
    if draft["kind"] != Kind.MAMMO_EXAM:
        return
    has_texts = "report_text" in draft or "report_sections" in draft
    by_file = "reports" in draft and "report_exam" not in draft and "report_image" not in draft
    kinds = {label: kind_of(label) for label in draft.get("labels", {})}
    proposals = {label: _PROPOSED[kind] for label, kind in kinds.items() if kind is not None and kind in _PROPOSED}
    teaches_reports = draft["language"] in REPORT_LANGUAGES and (has_texts or by_file)
    if not (proposals or teaches_reports):
        return
    yield "# To train a reader, say what labels and reports teach (docs/how_to/train_on_your_exams.md):"
    if teaches_reports:
        yield "# reports_teach = true"
    if proposals:
        yield "# [teaches]"
    for label, proposal in proposals.items():
        yield f"# {label} = {proposal}"
