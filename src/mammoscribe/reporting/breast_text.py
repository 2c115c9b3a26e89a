"""The part of a report that is about one breast: its sentences about that breast, and about none by name."""

from collections.abc import Iterator

from mammoscribe.domain.view import Laterality
from mammoscribe.reporting.clauses import Sides, clauses_of
from mammoscribe.reporting.facts import FactKind, Status
from mammoscribe.reporting.layout import lines_of, side_at_start, split_sentences
from mammoscribe.reporting.lexemes import lexemes_of
from mammoscribe.reporting.parse import parse_claim

NOT_BOTH = (FactKind.BIRADS, FactKind.RECOMMENDATION)
"""What a report that names no breast states of the worse one."""


def breast_text(text: str, side: Laterality, alone: bool) -> str:
    """The sentences of a text about one breast, or about none by name.

    What names the other breast only is left out. So is a category, a recommendation or a finding that no breast is named
    with, unless one breast was imaged: a report without sides states the worse breast's.

    Args:
        text: of a report.
        side: the breast.
        alone: whether it is the only one that was imaged.
    """
    return " ".join(s for s, sides in _sided(text) if side in sides or (None in sides and (alone or _of_both(s))))


def _sided(text: str) -> Iterator[tuple[str, frozenset[Laterality | None]]]:
    """Each sentence with the breasts that its words, or the heading before it, name; None among them for no breast."""
    for line in lines_of(text):
        sides: Sides = line.sides
        for sentence in split_sentences(line.text):
            sides = side_at_start(sentence) or sides
            named = {side for clause in clauses_of(lexemes_of(sentence), sides) for side in clause.sides}
            yield sentence, frozenset((named - {None}) or {None})


def _of_both(sentence: str) -> bool:
    """Whether what a sentence without a side states holds for each breast."""
    facts = parse_claim(sentence).facts
    return not any(f.kind in NOT_BOTH or (f.kind.is_finding and f.status is not Status.NEGATIVE) for f in facts)
