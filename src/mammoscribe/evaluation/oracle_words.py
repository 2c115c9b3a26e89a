"""The words that the oracle knows, in its own lists: it shares none with the report's writers or parser."""

from mammoscribe.domain.finding import Change, FindingType
from mammoscribe.domain.lexicon import TERMS, Axis

NOUNS: dict[str, FindingType | None] = {
    **dict.fromkeys(
        ("mass", "masses", "nodule", "nodules", "opacity", "opacities", "tumour", "tumor"), FindingType.MASS
    ),
    **dict.fromkeys(
        ("calcification", "calcifications", "microcalcification", "microcalcifications"), FindingType.CALCIFICATION
    ),
    **dict.fromkeys(("distortion", "distortions"), FindingType.DISTORTION),
    **dict.fromkeys(("asymmetry", "asymmetries"), FindingType.ASYMMETRY),
    **dict.fromkeys(("finding", "findings", "abnormality", "abnormalities", "lesion", "lesions"), None),
}
"""Noun -> kind of finding, None for any kind. `Malignancy` is one only where it is denied."""

PLURALS = frozenset({"masses", "nodules", "opacities", "distortions", "asymmetries", "lesions", "findings"})
"""Plurals that need two findings; calcifications are always many."""

NEGATORS = frozenset({"no", "not", "without", "neither", "nor", "never", "none", "absent", "absence", "free", "lacks"})
CARRIES_NEGATION = frozenset({
    ",", "or", "nor", "and", "/", "suspicious", "architectural", "any", "other", "focal", "global", "new", "definite",
    "evidence", "sign", "signs", "of", "a", "an",
})  # fmt: skip
"""Between two nouns: what lets a negation go on to the second."""

DOUBTS = ("possible", "possibly", "probable", "suspected", "cannot be excluded", "can not be excluded", "may be",
          "may represent", "cannot exclude", "questionable", "ruled out")  # fmt: skip

CHANGES: dict[str, Change] = {
    **dict.fromkeys(("new", "newly"), Change.NEW),
    **dict.fromkeys(("unchanged", "stable", "no change", "no significant change", "no interval change"), Change.STABLE),
    **dict.fromkeys(("increased", "larger", "grown", "enlarged", "increasing", "growing"), Change.INCREASED),
    **dict.fromkeys(("decreased", "smaller", "decreasing", "shrunk"), Change.DECREASED),
}

COUNTS = {"one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "several": 2, "multiple": 2, "few": 2}

_SYNONYMS = {
    "ovoid": "shape.oval", "rounded": "shape.round", "lobular": "shape.lobulated", "stellate": "margin.spiculated",
    "spiculation": "margin.spiculated", "spiculations": "margin.spiculated", "well-defined": "margin.circumscribed",
    "well defined": "margin.circumscribed", "well-circumscribed": "margin.circumscribed",
    "ill-defined": "margin.indistinct", "ill defined": "margin.indistinct", "poorly defined": "margin.indistinct",
    "isodense": "density.equal", "hyperdense": "density.high", "hypodense": "density.low",
    "fat-containing": "density.fat_containing", "containing fat": "density.fat_containing",
    "clustered": "distribution.grouped", "popcorn-like": "morphology.coarse", "eggshell": "morphology.rim",
    "pleomorphic": "morphology.fine_pleomorphic", "fine linear": "morphology.fine_linear",
    "fine linear branching": "morphology.fine_linear", "skin type": "morphology.skin",
    "skin calcifications": "morphology.skin", "skin microcalcifications": "morphology.skin",
    "skin morphology": "morphology.skin", "morphology skin": "morphology.skin",
}  # fmt: skip
_UNSAFE = {"asymmetry.asymmetry", "associated.calcifications", "associated.architectural_distortion", "morphology.skin"}
"""Labels that are nouns of findings, or mean something else beside another word."""


def _descriptors() -> dict[str, frozenset[str]]:
    found: dict[str, set[str]] = {word: {term_id} for word, term_id in _SYNONYMS.items()}
    for term in TERMS.values():
        if term.axis is not Axis.COMPOSITION and term.id not in _UNSAFE:
            found.setdefault(term.label, set()).add(term.id)
            found.setdefault(term.label.replace(" ", "-"), set()).add(term.id)
    return {word: frozenset(ids) for word, ids in sorted(found.items(), key=lambda item: -len(item[0]))}


DESCRIPTORS = _descriptors()
"""Word or phrase -> the lexicon terms that it can stand for, longest first."""

TISSUE = {
    "almost entirely fatty": "a",
    "scattered areas of fibroglandular density": "b",
    "heterogeneously dense": "c",
    "extremely dense": "d",
}
QUADRANTS = {"uoq": "upper outer", "uiq": "upper inner", "loq": "lower outer", "liq": "lower inner"}
MANAGEMENT = (
    (("recall", "additional imaging", "additional views"), ("0",)),
    (("routine", "annual"), ("1", "2")),
    (("short-interval", "short interval", "six months"), ("3",)),
    (("tissue sampling", "biopsy is", "biopsy should", "biopsy recommended"), ("4", "4A", "4B", "4C", "5")),
    (("known malignancy",), ("6",)),
)
"""Words of what to do next, and the categories that they go with."""

LEVELS = (
    "highly suggestive of malignancy", "probably benign", "known biopsy-proven malignancy",
    "low suspicion for malignancy", "moderate suspicion for malignancy", "high suspicion for malignancy",
    "incomplete, additional imaging needed", "suspicious", "negative", "benign", "malignant",
)  # fmt: skip
"""Words of a category or of a level of suspicion, longest first where one holds another."""
