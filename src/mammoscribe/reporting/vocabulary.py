"""The words the report parser knows: phrases of mammography reports, each with what it does in its sentence.

What a phrase stands for is in `synonyms`; here are the words that join, deny, doubt, compare and count. A word that is
not here is "unread", and so is a known one that no fact has taken up; the gate never lets either through verbatim.
"""

from collections.abc import Mapping
from enum import StrEnum

from mammoscribe.domain.view import Laterality, Projection
from mammoscribe.reporting import synonyms
from mammoscribe.reporting.facts import NO_MILLIMETRES, NOT_IMAGED, ONE_VIEW, UNMEASURED_WORDS
from mammoscribe.reporting.synonyms import MANAGEMENTS

__all__ = [
    "BOTH",
    "COMPARATORS",
    "EITHER",
    "MANAGEMENTS",
    "OTHER_SIDE",
    "PHRASES",
    "SAME_SIDE",
    "ADDS_FACTS",
    "WHOLE_EXAM",
    "Kind",
]


class Kind(StrEnum):
    """What a piece of text does in its sentence."""

    # what is spoken of
    HEAD = "head"
    TERM = "term"
    ASSOCIATED = "associated"
    ASSOCIATED_MARK = "associated_mark"
    NODES = "nodes"
    STRUCTURE = "structure"
    NORMAL = "normal"
    MANAGEMENT = "management"
    DENSITY = "density"
    DENSITY_WORDS = "density_words"
    NO_DENSITY = "no_density"
    BIRADS = "birads"
    NO_BIRADS = "no_birads"
    LIMIT = "limit"
    TECHNIQUE = "technique"
    # whether it is there
    NEGATION = "negation"
    NEGATION_AFTER = "negation_after"
    UNCERTAIN = "uncertain"
    UNCERTAIN_AFTER = "uncertain_after"
    INTERPRETS = "interprets"
    HEDGE = "hedge"
    HEDGE_AFTER = "hedge_after"
    WORDING = "wording"
    JUDGEMENT = "judgement"
    OTHER = "other"
    # where and how it is seen
    SIDE = "side"
    VIEW = "view"
    PROJECTION = "projection"
    VIEW_COUNT = "view_count"
    ONLY = "only"
    EVERY_VIEW = "every_view"
    QUADRANT = "quadrant"
    HALF = "half"
    DEPTH = "depth"
    REGION = "region"
    CLOCK = "clock"
    SIZE = "size"
    DISTANCE = "distance"
    # against the prior
    CHANGE = "change"
    PRIOR = "prior"
    NO_PRIOR = "no_prior"
    DATE = "date"
    UNDATED = "undated"
    # how the sentence is joined
    AND = "and"
    OR = "or"
    WITH = "with"
    COMMA = "comma"
    MARK = "mark"
    BREAK = "break"
    EXCEPT = "except"
    THERE = "there"
    ARTICLE = "article"
    PREPOSITION = "preposition"
    NEARBY = "nearby"
    VERB = "verb"
    BREAST = "breast"
    NOUN = "noun"
    AMOUNT = "amount"
    FILLER = "filler"
    UNKNOWN = "unknown"


BOTH, EITHER, OTHER_SIDE, SAME_SIDE, WHOLE_EXAM = "both", "either", "other side", "same side", "exam"
"""Values of a SIDE that is not one breast."""

_SIDES: dict[object, str] = {
    Laterality.RIGHT: "right|rt|r|right breast|right sided|right breasts",
    Laterality.LEFT: "left|lt|l|left breast|left sided|left breasts",
    BOTH: "both|both breasts|bilateral|bilateral breasts|bilaterally|b/l|each breast|the breasts|both sides",
    EITHER: "either|either breast|either side",
    OTHER_SIDE: "contralateral|contralateral breast|opposite breast|other breast|contralateral side|opposite side",
    SAME_SIDE: "ipsilateral|ipsilateral breast|same breast",
    WHOLE_EXAM: "overall|overall assessment|whole exam|exam as a whole",
}
_PROJECTIONS = {
    frozenset({Projection.CC}): "cc|craniocaudal|cranio caudal",
    frozenset({Projection.MLO}): "mlo|mediolateral oblique|medio lateral oblique",
    frozenset(Projection): "both views|both projections",
}
_NEGATIONS = (
    "no|not|without|no evidence of|no sign of|no signs of|absence of|negative for|free of|no definite|no obvious|nil|"
    "neither|nor|never|none|denies|lacks|lack of|no longer|fails to show|does not show|do not show|devoid of"
)
_NEGATIONS_AFTER = (
    "is not seen|are not seen|not seen|not identified|is not identified|are not identified|is absent|are absent|absent|"
    "not present|is not present|are not present|not visualised|not visualized|not detected|is not detected|"
    "are not detected|none seen|not recommended|is not recommended|are not recommended|is not needed|not needed|"
    "are not needed|is not required|not required|not indicated|is not indicated|is not necessary|not necessary"
)
_GONE = (
    "no longer seen|is no longer seen|are no longer seen|no longer present|is no longer present|no longer identified|"
    "is no longer identified|has resolved|have resolved|resolved|has disappeared|have disappeared|has been removed|"
    "have been removed|was removed|were removed|has been excised|was excised"
)
_VAGUE = "if|rule out|hardly any|hardly|scarcely|barely|suspicious for|query"
ADDS_FACTS = frozenset((*_GONE.split("|"), *_VAGUE.split("|"), "?"))
"""Words of denial or doubt that say more than a status can: they act, and stay unread."""
_UNCERTAINS = (
    "possible|possibly|probable|probably|likely|most likely|suspected|questionable|equivocal|may be|might be|could be|"
    "cannot exclude|can not exclude|cannot rule out|can not rule out|could not exclude|not excluding|suggestion of|"
    "suspicion of|apparent|presumed|perhaps|maybe|uncertain|not possible to exclude|not able to exclude|"
    "unable to exclude|does not exclude|do not exclude"
)
_UNCERTAINS_AFTER = (
    "cannot be excluded|can not be excluded|could not be excluded|is not excluded|are not excluded|not excluded|"
    "cannot be ruled out|can not be ruled out|is possible|are possible|is suspected|are suspected|is questioned|"
    "is uncertain|is equivocal|not ruled out|not entirely excluded|cannot be entirely excluded|?"
)
_PERHAPS_THERE = "|".join(
    f"{doubt} {there}"
    for doubt in (
        "may be", "might be", "could be", "possibly", "probably", "likely", "is possibly", "is probably", "is likely",
        "are possibly", "are probably", "are likely",
    )
    for there in ("present", "there")
)  # fmt: skip
_INTERPRETS = (
    "suggests|suggest|suggesting|suggestive of|to suggest|may suggest|might suggest|may represent|might represent|"
    "could represent|represents|represent|representing|seems to be|seem to be|appears to be|appear to be|is likely|"
    "consistent with|compatible with|in keeping with|indicative of|indicating|indicates"
)
_HEDGES = (
    "may obscure|might obscure|could obscure|can obscure|obscures|obscuring|may hide|may mask|could mask|may conceal|"
    "sensitivity|lowers the sensitivity|reduces the sensitivity|limits the sensitivity|limits detection of|"
    "limit detection of|detection of|limits the evaluation for|decreases the sensitivity|history of"
)
_HEDGES_AFTER = (
    "may be obscured|might be obscured|could be obscured|may be hidden|could be hidden|may be masked|may be missed|"
    "could be missed|may go undetected|may not be seen|may not be detected|may not be visible"
)
_NORMAL = (
    "normal|unremarkable|within normal limits|appears normal|appear normal|is normal|are normal|appears unremarkable|"
    "appear unremarkable|is unremarkable|are unremarkable|looks normal|look normal|is negative|are negative"
)
_OTHER = (
    "other|another|additional|further|else|elsewhere|otherwise|rest|rest of|remaining|remainder|remainder of|residual"
)

_WORDINGS: dict[str, frozenset[str]] = {
    "incomplete, additional imaging needed": frozenset("0"),
    "incomplete": frozenset("0"),
    "additional imaging needed": frozenset("0"),
    "needs additional imaging": frozenset("0"),
    "negative": frozenset("1"),
    "benign": frozenset("2"),
    "probably benign": frozenset("3"),
    "low suspicion for malignancy": frozenset({"4A"}),
    "moderate suspicion for malignancy": frozenset({"4B"}),
    "high suspicion for malignancy": frozenset({"4C"}),
    "low suspicious": frozenset({"4A"}),
    "moderate suspicious": frozenset({"4B"}),
    "high suspicious": frozenset({"4C"}),
    "suspicious": frozenset({"4", "4A", "4B", "4C"}),
    "highly suggestive of malignancy": frozenset("5"),
    "known biopsy-proven malignancy": frozenset("6"),
    "known malignancy": frozenset("6"),
}
_JUDGEMENTS = (
    "malignant|worrisome|concerning|benign looking|benign appearing|bening looking|abnormal|significant|indeterminate|"
    "cancerous|carcinoma|cancer|aggressive|dominant|harmless|suspicion|pathological|pathologic|definite|obvious"
)

_LIMITS: dict[str, str] = {
    "was not imaged and is not assessed": NOT_IMAGED,
    "was not imaged": NOT_IMAGED,
    "not imaged": NOT_IMAGED,
    "is not assessed": NOT_IMAGED,
    "one view only": ONE_VIEW,
    "single view only": ONE_VIEW,
    "is the only view, so a finding can be hidden and no quadrant is given": ONE_VIEW,
    "the pixel spacing is not known, so no size is given in millimetres": NO_MILLIMETRES,
    "descriptors and change since a prior exam are not given: how often they would be right has not been measured on "
    "images of patients": UNMEASURED_WORDS,
}
_DENSITY_WORDS = {
    "almost entirely fatty": "a",
    "almost entirely fat": "a",
    "entirely fatty": "a",
    "scattered areas of fibroglandular density": "b",
    "scattered areas of fibroglandular tissue": "b",
    "scattered fibroglandular densities": "b",
    "scattered fibroglandular density": "b",
    "scattered fibroglandular tissue": "b",
    "heterogeneously dense": "c",
    "extremely dense": "d",
}

_COMPARATORS = (
    "since|since the prior exam|since the prior|since the previous exam|compared with|compared to|in comparison with|"
    "in comparison to|comparison with|relative to the prior exam|from the prior exam"
)
COMPARATORS = frozenset(_COMPARATORS.split("|"))
"""Words that open a comparison."""
_PRIORS = (
    "prior|priors|prior exam|prior mammogram|prior mammograms|prior mammography|prior study|prior exams|previous|"
    "previous exam|previous mammogram|previous study|previously|earlier exam|interval"
)
_NO_PRIORS = (
    "no comparable prior exam was available|no prior exam was available for comparison|no prior exam was available|"
    "no prior|no priors|no prior exam|no prior mammogram|no prior mammograms|without a prior exam|without prior|"
    "no previous mammogram|no previous exam|comparison none|comparison: none|no comparison|no prior exam for comparison|"
    "no prior available|priors not available|no comparison available|no prior studies"
)

_PLACES = frozenset({Kind.QUADRANT, Kind.HALF, Kind.DEPTH, Kind.REGION, Kind.CLOCK, Kind.DISTANCE})
_SIZE_NOUNS = (
    "box|size|sized|extent|dimension|diameter|largest|largest dimension|measuring|measures|measured|spanning|approximately|"
    "about"
)
_NOUNS: tuple[tuple[frozenset[Kind], str], ...] = (
    (_PLACES, "quadrant|quadrants|half|third|depth|region|aspect|part|position|portion|location|located|lies|lying"),
    (frozenset({Kind.VIEW, Kind.PROJECTION, Kind.VIEW_COUNT}), "view|views|projection|projections"),
    (frozenset({Kind.SIZE}), _SIZE_NOUNS),
    (frozenset({Kind.DISTANCE}), "distance"),
    (frozenset({Kind.TERM}), "shape|shaped|margin|margins|distribution|distributed|morphology|finding type"),
    (frozenset({Kind.TERM, Kind.DENSITY, Kind.DENSITY_WORDS}), "density|type"),
    (
        frozenset({Kind.BIRADS, Kind.NO_BIRADS}),
        "category|assessment|assigned|was assigned|final|classified|rated|given",
    ),
    (frozenset({Kind.DENSITY, Kind.DENSITY_WORDS, Kind.NO_DENSITY}), "composition"),
    (frozenset({Kind.CHANGE}), "change|in appearance|appearance"),
    (frozenset({Kind.PRIOR, Kind.DATE}), "comparison"),
    (frozenset({Kind.VIEW, Kind.PROJECTION, Kind.TECHNIQUE}), "technique"),
)
"""Nouns that say nothing by themselves, with the kinds of word that they must be beside."""

_AMOUNTS = (
    "areas of|focus of|foci of|specks of|flecks of|regions of|zones of|pair of|couple of|number of|collection of|few|"
    "several|multiple|many|numerous|some|single|solitary|one|two|three|four|five|six|"
    "innumerable"
)
_VERBS = (
    "is|are|was|were|be|been|has|have|has been|have been|seen|noted|identified|present|shows|show|showing|demonstrates|"
    "demonstrated|demonstrate|visible|visualised|visualized|observed|found|detected|appears|appear|bears|"
    "described|characterised|characterized|made|corresponding|is seen|are seen|there|it|which|where|"
    "recommended|is recommended|are recommended|advised|is advised"
)
_FILLERS = (
    "here|also|recommendation|mammographic|mammographically|area|area of|region of|feature|features|tissue|parenchyma|breast tissue|"
    "breast parenchyma|examination|study|as"
)


def _words(kind: Kind, phrases: str) -> dict[str, tuple[Kind, object]]:
    return dict.fromkeys(phrases.split("|"), (kind, None))


def _table(kind: Kind, values: Mapping) -> dict[str, tuple[Kind, object]]:
    return {phrase: (kind, value) for phrase, value in values.items()}


def _turned(kind: Kind, phrases_of: Mapping) -> dict[str, tuple[Kind, object]]:
    return {phrase: (kind, value) for value, phrases in phrases_of.items() for phrase in phrases.split("|")}


PHRASES: dict[str, tuple[Kind, object]] = {
    **_words(Kind.FILLER, _FILLERS),
    **_words(Kind.VERB, _VERBS),
    **_words(Kind.ARTICLE, "a|an|the|any|this|that|these|those|its"),
    **_words(Kind.PREPOSITION, "of|in|on|at|to|by|for|from|within|inside"),
    **_words(
        Kind.NEARBY, "overlying|adjacent to|near|around|next to|close to|surrounding|along|anterior to|posterior to"
    ),
    **_words(Kind.AMOUNT, _AMOUNTS),
    **_words(Kind.THERE, "there is|there are|there was|there were|there has been|there have been"),
    **_words(Kind.BREAST, "breast|breasts"),
    **{phrase: (Kind.NOUN, partners) for partners, phrases in _NOUNS for phrase in phrases.split("|")},
    **_words(Kind.JUDGEMENT, _JUDGEMENTS),
    **_table(Kind.WORDING, _WORDINGS),
    **_table(Kind.HEAD, synonyms.HEADS),
    **_table(Kind.HALF, synonyms.HALVES),
    **_table(Kind.DEPTH, synonyms.DEPTHS),
    **_table(Kind.REGION, synonyms.REGIONS),
    **_table(Kind.QUADRANT, synonyms.QUADRANTS),
    **_table(Kind.CHANGE, synonyms.CHANGES),
    **_table(Kind.TERM, synonyms.TERMS),
    **_table(Kind.ASSOCIATED, synonyms.ASSOCIATED),
    **_words(
        Kind.ASSOCIATED_MARK,
        "associated|associated features|associated feature|associated with|with associated|accompanied by|together with",
    ),
    **_words(Kind.NODES, synonyms.NODES),
    **_table(Kind.STRUCTURE, synonyms.STRUCTURES),
    **_words(Kind.NORMAL, _NORMAL),
    **_words(Kind.NEGATION, _NEGATIONS),
    **_words(Kind.NEGATION_AFTER, _NEGATIONS_AFTER),
    **_words(Kind.NEGATION_AFTER, _GONE),
    **_words(Kind.UNCERTAIN, _UNCERTAINS),
    **_words(Kind.UNCERTAIN, _VAGUE),
    **_words(Kind.UNCERTAIN_AFTER, _UNCERTAINS_AFTER),
    **_words(Kind.UNCERTAIN_AFTER, _PERHAPS_THERE),
    **_words(Kind.INTERPRETS, _INTERPRETS),
    **_words(Kind.HEDGE, _HEDGES),
    **_words(Kind.HEDGE_AFTER, _HEDGES_AFTER),
    **_words(Kind.OTHER, _OTHER),
    **_words(
        Kind.UNKNOWN,
        "not only|but also|non mass|non mass lesion|larger than|smaller than|greater than|less than|more than|up to",
    ),
    **_words(Kind.PRIOR, _PRIORS),
    **_words(Kind.PRIOR, _COMPARATORS),
    **_words(Kind.NO_PRIOR, _NO_PRIORS),
    **_words(Kind.UNDATED, "date unknown|date withheld|undated|of unknown date"),
    **_turned(Kind.SIDE, _SIDES),
    **_turned(Kind.PROJECTION, _PROJECTIONS),
    **_words(Kind.EVERY_VIEW, "all views|any view|on all views|on any view|every view"),
    **_words(Kind.ONLY, "only|solely|exclusively"),
    **_table(Kind.DENSITY_WORDS, _DENSITY_WORDS),
    **_words(Kind.NO_DENSITY, "the density was not assessed|density was not assessed|breast density was not assessed"),
    **_words(Kind.NO_BIRADS, "no bi-rads category was assigned|no bi-rads category"),
    **_table(Kind.MANAGEMENT, MANAGEMENTS),
    **_words(
        Kind.TECHNIQUE,
        "mammography|mammogram|mammograms|digital mammography|digital mammogram|mammographic examination",
    ),
    **_table(Kind.LIMIT, _LIMITS),
    **_words(Kind.AND, "and|+|&|plus|as well as|along with|and also|in addition to"),
    **_words(Kind.OR, "or|/|and/or"),
    **_words(Kind.WITH, "with|having|showing|containing"),
    **_words(Kind.BREAK, "but|however|although|though|whereas|while|yet|;|instead|conversely"),
    **_words(Kind.EXCEPT, "except|except for|apart from|other than|aside from|besides|save for|with the exception of"),
}
