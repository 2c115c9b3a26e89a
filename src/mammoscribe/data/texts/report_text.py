"""The text of a report: its sections, its language, and what was changed in it since it was read."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from mammoscribe.support.errors import InvalidNoun


class Section(StrEnum):
    """Sections of a report, in the order in which they are read (DICOM CID 6052, without procedure and addendum)."""

    INDICATION = "indication"
    COMPARISON = "comparison"
    TECHNIQUE = "technique"
    COMPOSITION = "composition"
    FINDINGS = "findings"
    IMPRESSION = "impression"
    OTHER = "other"


@dataclass(frozen=True)
class Edit:
    """A sentence that was changed because it compares with an exam that is not there: before, and after ("" = dropped)."""

    section: Section
    before: str
    after: str


@dataclass(frozen=True)
class ReportText:
    """A report.

    Args:
        raw: the whole text as its source has it; never edited.
        sections: section -> text, without headings; text under no known heading is `other`.
        language: ISO 639-1, `en`, `es` or `pt`.
        edits: what was dropped or rewritten in `sections`.

    Raises:
        InvalidNoun: when there is no text at all.
    """

    raw: str
    sections: Mapping[Section, str] = field(default_factory=dict)
    language: str = "en"
    edits: tuple[Edit, ...] = ()

    def __post_init__(self) -> None:
        if not self.raw.strip():
            raise InvalidNoun("a report without text", "a text, or no report")
