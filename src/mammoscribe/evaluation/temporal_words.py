"""Temporal entity matching (TEM): do two reports speak of change in the same words."""

import re
from collections.abc import Sequence

from mammoscribe.support.errors import InputError

_LISTED = """
bigger change cleared constant decrease decreased decreasing elevated elevation enlarged enlargement enlarging expanded
greater growing improved improvement improving increase increased increasing larger new persistence persistent persisting
progression progressive reduced removal resolution resolved resolving smaller stability stable stably unaltered unchanged
unfolded worse worsen worsened worsening
"""
TEMPORAL_WORDS = frozenset(_LISTED.split())
"""The 44 words of the published list (Bannur et al., CVPR 2023, as in later open evaluation code)."""
_WORD = re.compile(r"[a-z]+")


def temporal_words(text: str) -> frozenset[str]:
    """The words of the list that a text holds, in lower case, as whole words.

    The published metric takes them from the observations and modifiers that a named-entity model finds; here every
    occurrence counts, also that of a denied one ("no change" holds `change`).
    """
    return TEMPORAL_WORDS & frozenset(_WORD.findall(text.lower()))


def temporal_f1(written: str, reference: str) -> float:
    """F1 of the two sets of temporal words, 0..1: 1 when neither text has any, 0 when only one has."""
    one, other = temporal_words(written), temporal_words(reference)
    return 2 * len(one & other) / (len(one) + len(other)) if one or other else 1.0


def temporal_entity_matching(written: Sequence[str], references: Sequence[str]) -> float:
    """TEM of a set of reports: the mean of `temporal_f1`.

    Raises:
        InputError: without reports, or for lists of two lengths.
    """
    if len(written) != len(references) or not written:
        raise InputError(f"{len(written)} reports beside {len(references)}", "one reference for each report")
    return sum(map(temporal_f1, written, references)) / len(written)
