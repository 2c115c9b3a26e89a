"""What the parser reads, in a short form that tests can state."""

from mammoscribe.reporting.facts import Fact
from mammoscribe.reporting.parse import parse_claim

_SHORT = {"positive": "", "negative": "no ", "uncertain": "perhaps "}


def short(fact: Fact) -> str:
    """`no mass R`, `perhaps calcification L`, `recommendation L biopsy`, `change R stable`; `-` for no side."""
    words = [_SHORT[fact.status.value] + fact.kind.value, str(fact.laterality or "-")]
    words += [fact.value] if fact.value else []
    words += [d.split(".")[1] for d in sorted(fact.descriptors)]
    words += [fact.change.value] if fact.change else []
    return " ".join(words)


def read(text: str) -> set[str]:
    """The facts of a claim in short form."""
    return {short(f) for f in parse_claim(text).facts}
