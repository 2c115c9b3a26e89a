"""Evidence and sentences: a sentence that rests on nothing cannot be built."""

import pytest

from mammoscribe.domain.evidence import Evidence, EvidenceKind, GateResult, Section, Sentence, Writer
from mammoscribe.support.errors import InvalidNoun

BREAST = Evidence(EvidenceKind.BREAST, "R")


def test_a_sentence_without_evidence_cannot_be_built():
    with pytest.raises(InvalidNoun, match="rests on nothing"):
        Sentence("There is a mass.", Section.FINDINGS, ())


@pytest.mark.parametrize("text", ["", "  \n"])
def test_an_empty_sentence_cannot_be_built(text):
    with pytest.raises(InvalidNoun, match="empty sentence"):
        Sentence(text, Section.FINDINGS, (BREAST,))


@pytest.mark.parametrize("writer", Writer)
def test_an_unsupported_claim_cannot_be_a_sentence_whoever_wrote_it(writer):
    with pytest.raises(InvalidNoun, match="cannot be a sentence"):
        Sentence("There is a mass.", Section.FINDINGS, (BREAST,), writer, GateResult.UNSUPPORTED)


@pytest.mark.parametrize("kind", EvidenceKind)
def test_evidence_points_somewhere(kind):
    with pytest.raises(InvalidNoun, match="points nowhere"):
        Evidence(kind, "")


@pytest.mark.parametrize("ref", ["R_CC", "a|b|c"])
def test_a_prior_pair_names_both_views(ref):
    with pytest.raises(InvalidNoun, match=r"CURRENT_VIEW\|PRIOR_VIEW"):
        Evidence(EvidenceKind.PRIOR_PAIR, ref)


@pytest.mark.parametrize(
    "ref",
    [
        "R_CC|prior_L_MLO",
        "R_CC|prior_L_CC",
        "R_CC|prior_R_MLO",
        "prior_R_CC|R_CC",
        "R_CC|L_CC",
        "R_CC|R_CC",
        "a|a",
        "a|",
    ],
)
def test_two_views_that_are_no_view_and_its_prior_are_no_pair(ref):
    with pytest.raises(InvalidNoun, match="a view and the prior view of the same name"):
        Evidence(EvidenceKind.PRIOR_PAIR, ref)


@pytest.mark.parametrize("ref", ["R_CC|prior_R_CC", "L_MLO|prior_L_MLO", "1.2.3|1.2.4"])
def test_a_view_and_its_prior_are_a_pair(ref):
    assert Evidence(EvidenceKind.PRIOR_PAIR, ref).ref == ref


def test_sections_are_in_the_order_of_a_report():
    """Order of a mammography report after ACR BI-RADS 5th edition, with our own technique and limits."""
    assert [s.value for s in Section] == [
        "indication", "technique", "comparison", "composition", "findings", "impression", "recommendation", "limits",
    ]  # fmt: skip
