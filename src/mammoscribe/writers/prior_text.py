"""What of a prior report may be shown to a generator: sentences of which our parser knows every word, and no others.

Such a sentence holds no name, number of a patient, date or place: none of these is a word that the parser knows.
"""

from mammoscribe.reporting.parse import parse_claim
from mammoscribe.writers.claims import headed_sentences


def known_words_only(text: str) -> tuple[str, int]:
    """The sentences that the parser reads to the last word, in their order, and how many were left out.

    A sentence under a heading such as `Right breast:` begins with it.
    """
    sentences = list(headed_sentences(text))
    kept = [s for s in sentences if parse_claim(s).fully_read]
    return " ".join(kept), len(sentences) - len(kept)
