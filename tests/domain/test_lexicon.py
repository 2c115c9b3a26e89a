"""The lexicon as data, its codes held against the DICOM dictionary that pydicom carries."""

import pytest
from pydicom.sr.codedict import codes

from mammoscribe.domain import assessment, lexicon
from mammoscribe.domain.finding import Change, FindingType
from mammoscribe.domain.lexicon import TERMS, Axis, Code, Edition, in_edition, term, terms_of
from mammoscribe.domain.location import CODES, Depth, Quadrant, Region
from mammoscribe.support.errors import InvalidNoun

NEW, OLD = Edition.BIRADS_2025, Edition.BIRADS_2013


def context_group(cid: str) -> set[tuple[str, str]]:
    """(value, scheme) of every concept of a DICOM context group (PS3.16)."""
    group = getattr(codes, cid.replace(" ", ""))
    return {(c.value, c.scheme_designator) for c in (getattr(group, name) for name in group.dir())}


def pair(code: Code | None) -> tuple[str, str]:
    assert code is not None
    return code.value, code.scheme


@pytest.mark.parametrize("found", [t for t in TERMS.values() if t.source.startswith("CID")], ids=lambda t: t.id)
def test_a_terms_code_is_in_the_dicom_context_group_it_names(found):
    assert pair(found.code) in context_group(found.source)


@pytest.mark.parametrize(
    ("table", "cid"),
    [
        ({k: v.code for k, v in ((c.value, c) for c in Change)}, "CID 6002"),
        ({q: CODES[q] for q in Quadrant}, "CID 6020"),
        ({d: CODES[d] for d in Depth}, "CID 6024"),
        ({r: CODES[r] for r in Region}, "CID 6018"),
        ({t.value: t.code for t in FindingType if t is not FindingType.CALCIFICATION}, "CID 6016"),
        ({"calcification": FindingType.CALCIFICATION.code}, "CID 6014"),
        ({c: c.facts.follow_up for c in assessment.Category}, "CID 6028"),
    ],
)
def test_codes_of_places_changes_types_and_follow_ups_are_in_their_context_groups(table, cid):
    known = context_group(cid)
    assert [name for name, code in table.items() if pair(code) not in known] == []


@pytest.mark.parametrize(
    ("axis", "words"),
    [
        (Axis.COMPOSITION, "a b c d"),
        (Axis.SHAPE, "oval round irregular"),
        (Axis.MARGIN, "circumscribed obscured microlobulated indistinct spiculated"),
        (Axis.DENSITY, "high equal low fat_containing"),
        (Axis.DISTRIBUTION, "diffuse regional grouped linear segmental"),
    ],
)
def test_the_2013_terms_are_those_of_the_fifth_edition(axis, words):
    """ACR BI-RADS mammography, 5th edition (2013), lexicon tables."""
    assert [t.word for t in terms_of(axis, OLD)] == words.split()


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("margin.microlobulated", "margin.indistinct"),
        ("morphology.dystrophic", "morphology.coarse"),
        ("morphology.punctate", "morphology.round"),
        ("asymmetry.developing", "asymmetry.focal"),
        ("margin.spiculated", "margin.spiculated"),
    ],
)
def test_a_term_dropped_in_2025_becomes_its_successor(old, new):
    """Changes of the 2025 edition as secondary literature gives them (docs/glossary.md)."""
    assert in_edition(old, NEW) == new
    assert in_edition(old, OLD) == old


def test_lobulated_returns_in_2025_and_is_oval_before():
    assert "shape.lobulated" in [t.id for t in terms_of(Axis.SHAPE, NEW)]
    assert in_edition("shape.lobulated", OLD) == "shape.oval"


@pytest.mark.parametrize("edition", Edition)
@pytest.mark.parametrize("found", TERMS.values(), ids=lambda t: t.id)
def test_every_term_has_an_equal_on_its_axis_in_every_edition(found, edition):
    equal = term(in_edition(found.id, edition))
    assert edition in equal.editions
    assert equal.axis is found.axis


def test_the_suspicious_calcifications_are_the_four_of_the_lexicon():
    """ACR BI-RADS 5th edition: suspicious morphology."""
    words = {term(t).word for t in lexicon.SUSPICIOUS_MORPHOLOGY}
    assert words == {"amorphous", "coarse_heterogeneous", "fine_pleomorphic", "fine_linear"}


def test_an_unknown_term_is_refused_with_the_terms_of_its_axis():
    with pytest.raises(InvalidNoun, match=r"'margin.fuzzy' is not a lexicon term.*margin.circumscribed"):
        term("margin.fuzzy")
    with pytest.raises(InvalidNoun, match="associated"):
        term("fuzzy")
