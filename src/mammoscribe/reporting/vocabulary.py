"""The words the report parser knows: phrases of mammography reports, each with what it stands for.

Synonyms are everyday radiology English gathered from published lexicons and common report usage; no sentence of any
data set is here. A word that is not here is "unread", and the gate never lets it through verbatim.
"""

from enum import StrEnum

from mammoscribe.domain.finding import Change
from mammoscribe.domain.location import Depth, Half, Quadrant, Region
from mammoscribe.domain.view import Laterality
from mammoscribe.reporting.facts import NO_MILLIMETRES, NOT_IMAGED, ONE_VIEW, UNMEASURED_WORDS, FactKind


class Kind(StrEnum):
    """What a piece of text does in its sentence."""

    HEAD = "head"
    TERM = "term"
    ASSOCIATED = "associated"
    ASSOCIATED_MARK = "associated_mark"
    NEGATION = "negation"
    NEGATION_AFTER = "negation_after"
    UNCERTAIN = "uncertain"
    UNCERTAIN_AFTER = "uncertain_after"
    SIDE = "side"
    VIEW = "view"
    PROJECTION = "projection"
    QUADRANT = "quadrant"
    HALF = "half"
    DEPTH = "depth"
    REGION = "region"
    CLOCK = "clock"
    SIZE = "size"
    DISTANCE = "distance"
    CHANGE = "change"
    PRIOR = "prior"
    NO_PRIOR = "no_prior"
    DATE = "date"
    DENSITY = "density"
    DENSITY_WORDS = "density_words"
    NO_DENSITY = "no_density"
    BIRADS = "birads"
    NO_BIRADS = "no_birads"
    WORDING = "wording"
    JUDGEMENT = "judgement"
    MANAGEMENT = "management"
    TECHNIQUE = "technique"
    LIMIT = "limit"
    BREAK = "break"
    COMMA = "comma"
    FILLER = "filler"
    UNKNOWN = "unknown"


EITHER_ROUND = "round"
"""Value of the word `round` until the head it belongs to (mass or calcification) is known."""

BOTH = "both"
WHOLE_EXAM = "exam"


def _heads() -> dict[str, tuple[FactKind, str | None]]:
    heads: dict[str, tuple[FactKind, str | None]] = {}
    for kind, phrases in {
        FactKind.MASS: "mass|masses|nodule|nodules|opacity|opacities|soft opacity|soft opacities|nodular opacity|"
        "nodular opacities|nodular soft opacity|soft tissue opacity|soft tissue mass|mass lesion|mass like lesion|"
        "space occupying lesion|nodular density|nodular lesion",
        FactKind.CALCIFICATION: "calcification|calcifications|microcalcification|microcalcifications|"
        "micro calcification|micro calcifications|calcific focus|calcific foci|calcium deposits|macrocalcification|"
        "macrocalcifications|foci of calcification|foci of microcalcifications|microcalcific foci",
        FactKind.DISTORTION: "architectural distortion|distortion|parenchymal distortion|distorted architecture|"
        "architecture distortion|distortion of the architecture",
        FactKind.ASYMMETRY: "asymmetry|asymmetries|asymmetric density|asymmetric densities|asymmetrical density|"
        "asymmetric tissue|asymmetric breast tissue|asymmetrical densities|asymmetric opacity",
        FactKind.ANY_FINDING: "finding|findings|abnormality|abnormalities|lesion|lesions|evidence of malignancy|"
        "sign of malignancy|signs of malignancy|sign of cancer|evidence of cancer|malignancy|mammographic evidence of "
        "malignancy|features of malignancy",
    }.items():
        heads |= dict.fromkeys(phrases.split("|"), (kind, None))
    for word, term_id in {
        "focal": "asymmetry.focal",
        "global": "asymmetry.global",
        "developing": "asymmetry.developing",
    }.items():
        for noun in ("asymmetry", "asymmetries", "asymmetric density", "asymmetric densities", "asymmetric tissue"):
            heads[f"{word} {noun}"] = (FactKind.ASYMMETRY, term_id)
    for noun in ("calcification", "calcifications", "microcalcification", "microcalcifications"):
        heads[f"skin {noun}"] = heads[f"dermal {noun}"] = (FactKind.CALCIFICATION, "morphology.skin")
    return heads


HEADS = _heads()

TERMS: dict[str, str] = {
    phrase: term_id
    for term_id, phrases in {
        "shape.oval": "oval|ovoid|elliptical|oval shaped",
        EITHER_ROUND: "round|rounded|round shaped",
        "shape.lobulated": "lobulated|lobular|macrolobulated",
        "shape.irregular": "irregular|irregularly shaped|irregular shaped",
        "margin.circumscribed": "circumscribed|well circumscribed|well defined|sharply defined|well marginated|"
        "sharply marginated",
        "margin.obscured": "obscured|partially obscured|partly obscured|partially defined",
        "margin.microlobulated": "microlobulated|micro lobulated",
        "margin.indistinct": "indistinct|ill defined|poorly defined|ill circumscribed|irregular margin|"
        "irregular margins|poorly marginated",
        "margin.spiculated": "spiculated|spiculate|spicular|stellate|spiculations|spiculation",
        "density.high": "high density|hyperdense|increased density|density high|density is high|high in density",
        "density.equal": "equal density|isodense|iso dense|density equal|density is equal|equal in density",
        "density.low": "low density|hypodense|density low|density is low|low in density",
        "density.fat_containing": "fat containing|containing fat|contains fat|fat density|radiolucent|"
        "density fat containing|lucent",
        "morphology.skin": "skin type|morphology skin|in the skin|dermal",
        "morphology.vascular": "vascular|arterial|morphology vascular",
        "morphology.coarse": "coarse|popcorn|popcorn like|coarse popcorn like|morphology coarse",
        "morphology.large_rod_like": "large rod like|rod like|secretory|morphology large rod like",
        "morphology.round": "morphology round|round and smooth",
        "morphology.punctate": "punctate|morphology punctate",
        "morphology.rim": "rim|eggshell|lucent centred|lucent centered|morphology rim",
        "morphology.dystrophic": "dystrophic|morphology dystrophic",
        "morphology.layering": "layering|milk of calcium|teacup|tea cup|morphology layering",
        "morphology.suture": "suture|sutural|morphology suture",
        "morphology.amorphous": "amorphous|morphology amorphous",
        "morphology.coarse_heterogeneous": "coarse heterogeneous|heterogeneous coarse|morphology coarse heterogeneous",
        "morphology.fine_pleomorphic": "fine pleomorphic|pleomorphic|morphology fine pleomorphic",
        "morphology.fine_linear": "fine linear|fine linear branching|fine linear or fine linear branching|casting|"
        "fine branching|branching|morphology fine linear or fine linear branching",
        "distribution.diffuse": "diffuse|diffusely distributed|scattered",
        "distribution.regional": "regional|regionally distributed",
        "distribution.grouped": "grouped|clustered|cluster of|clusters of|group of|a cluster of|a group of",
        "distribution.linear": "linear|linearly distributed|linear distribution|distribution linear|in a line",
        "distribution.segmental": "segmental|segmentally distributed",
    }.items()
    for phrase in phrases.split("|")
}

ASSOCIATED: dict[str, str] = {
    phrase: term_id
    for term_id, phrases in {
        "associated.skin_retraction": "skin retraction|skin dimpling|retracted skin|retraction of the skin",
        "associated.nipple_retraction": "nipple retraction|nipple inversion|retracted nipple|inverted nipple|"
        "retraction of the nipple|retraction of nipple",
        "associated.skin_thickening": "skin thickening|thickened skin|thickening of the skin|cutaneous thickening",
        "associated.trabecular_thickening": "trabecular thickening|thickened trabeculae",
        "associated.axillary_adenopathy": "axillary adenopathy|axillary lymphadenopathy|enlarged axillary lymph nodes|"
        "enlarged axillary nodes|axillary lymph node enlargement",
    }.items()
    for phrase in phrases.split("|")
}

HEAD_AS_ASSOCIATED = {
    FactKind.DISTORTION: "associated.architectural_distortion",
    FactKind.CALCIFICATION: "associated.calcifications",
}
"""Heads that are a feature of another finding when they follow `associated`."""

QUADRANTS: dict[str, Quadrant] = {
    phrase: quadrant
    for quadrant, phrases in {
        Quadrant.UPPER_OUTER: "upper outer|outer upper|superolateral|superior lateral|upper lateral|upper external|uoq",
        Quadrant.UPPER_INNER: "upper inner|inner upper|superomedial|superior medial|upper medial|upper internal|uiq",
        Quadrant.LOWER_OUTER: "lower outer|outer lower|inferolateral|inferior lateral|lower lateral|lower external|loq",
        Quadrant.LOWER_INNER: "lower inner|inner lower|inferomedial|inferior medial|lower medial|lower internal|liq",
    }.items()
    for phrase in phrases.split("|")
}
HALVES: dict[str, Half] = {
    phrase: half
    for half, phrases in {
        Half.OUTER: "outer|lateral",
        Half.INNER: "inner|medial",
        Half.UPPER: "upper|superior",
        Half.LOWER: "lower|inferior",
    }.items()
    for phrase in phrases.split("|")
}
DEPTHS: dict[str, Depth] = {
    phrase: depth
    for depth, phrases in {
        Depth.ANTERIOR: "anterior|anteriorly",
        Depth.MIDDLE: "middle|mid",
        Depth.POSTERIOR: "posterior|posteriorly",
    }.items()
    for phrase in phrases.split("|")
}
REGIONS: dict[str, Region] = {
    phrase: region
    for region, phrases in {
        Region.RETROAREOLAR: "retroareolar|subareolar|retro areolar|sub areolar|periareolar|behind the nipple",
        Region.CENTRAL: "central|centrally",
        Region.AXILLARY_TAIL: "axillary tail|tail of spence",
        Region.AXILLA: "axilla|axillary region",
    }.items()
    for phrase in phrases.split("|")
}

CHANGES: dict[str, Change] = {
    phrase: change
    for change, phrases in {
        Change.NEW: "new|newly seen|newly appeared|newly developed|interval appearance|interval development|"
        "not seen on the prior exam|not present previously|not previously seen",
        Change.STABLE: "stable|unchanged|no change|no significant change|no interval change|no significant interval "
        "change|without change|without significant change|without interval change|stability|not changed|has not changed",
        Change.INCREASED: "increased|increased in size|enlarged|larger|grown|has grown|interval increase|increase in "
        "size|increasing|larger than|enlarging|more conspicuous",
        Change.DECREASED: "decreased|decreased in size|smaller|shrunk|interval decrease|decrease in size|decreasing|"
        "smaller than|less conspicuous",
    }.items()
    for phrase in phrases.split("|")
}

SIDES: dict[str, Laterality | str] = {
    **dict.fromkeys(("right", "rt", "r", "right breast", "right sided"), Laterality.RIGHT),
    **dict.fromkeys(("left", "lt", "l", "left breast", "left sided"), Laterality.LEFT),
    **dict.fromkeys(("both", "bilateral", "bilaterally", "either", "each breast", "the breasts"), BOTH),
    **dict.fromkeys(("overall", "overall assessment", "whole exam", "exam as a whole"), WHOLE_EXAM),
}

_NEGATIONS = (
    "no|not|without|no evidence of|no sign of|no signs of|absence of|negative for|free of|no definite|no obvious|nil|"
    "neither|nor|never|none|denies|lacks|lack of|no longer|fails to show|does not show"
)
_NEGATIONS_AFTER = (
    "is not seen|are not seen|not seen|not identified|is not identified|are not identified|is absent|are absent|absent|"
    "not present|is not present|are not present|not visualised|not visualized|not detected|is not detected|are not detected"
)
_UNCERTAINS = (
    "possible|possibly|probable|probably|suspected|questionable|equivocal|may represent|might represent|could represent|"
    "may be|might be|could be|cannot exclude|can not exclude|cannot rule out|can not rule out|could not exclude|"
    "not excluding|suggestion of|suggestive of|suggests|suspicion of|query|apparent|presumed|perhaps|uncertain|"
    "not possible to exclude|not able to exclude|unable to exclude|does not exclude|do not exclude"
)
_UNCERTAINS_AFTER = (
    "cannot be excluded|can not be excluded|could not be excluded|is not excluded|are not excluded|not excluded|"
    "cannot be ruled out|can not be ruled out|is possible|are possible|is suspected|are suspected|is questioned|"
    "is uncertain|is equivocal|not ruled out|not entirely excluded|cannot be entirely excluded"
)

WORDINGS: dict[str, frozenset[str]] = {
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
JUDGEMENTS = (
    "malignant|worrisome|concerning|benign looking|benign appearing|abnormal|significant|indeterminate|cancerous|"
    "carcinoma|cancer|aggressive|dominant|harmless|suspicion"
)

MANAGEMENTS: dict[str, str] = {
    phrase: group
    for group, phrases in {
        "additional imaging": "recall for additional imaging|additional imaging is recommended|additional imaging|"
        "recall for additional views|additional views are recommended|spot compression views",
        "routine": "routine screening|routine screening is recommended|routine follow up|normal interval follow-up|"
        "annual screening|return to screening",
        "short interval": "short-interval follow-up at six months|short interval follow up|six month follow up|"
        "follow-up at six months|6 month follow up|follow up in six months|follow-up in 6 months",
        "biopsy": "tissue sampling should be considered|tissue sampling; appropriate action should be taken|"
        "tissue sampling|biopsy is recommended|biopsy should be considered|biopsy|tissue sampling is recommended",
        "known": "appropriate action for the known malignancy",
    }.items()
    for phrase in phrases.split("|")
}

LIMITS: dict[str, str] = {
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

_FILLERS = (
    "not only|on all views|a|an|the|there|is|are|was|were|seen|noted|identified|present|of|in|on|at|with|and|or|to|by|as|for|from|it|its|this|"
    "that|which|has|have|been|breast|breasts|quadrant|quadrants|position|depth|third|half|region|aspect|part|view|views|"
    "projection|projections|only|measuring|measures|measured|spanning|size|sized|approximately|about|shape|shaped|"
    "margin|margins|density|distribution|distributed|morphology|type|location|located|lies|lying|shows|show|showing|"
    "demonstrates|demonstrated|demonstrate|visible|visualised|visualized|observed|found|within|largest|dimension|"
    "extent|up|also|area|areas|any|category|assessment|final|given|"
    "recommendation|impression|composition|comparison|technique|finding type|change|clock|features|feature|"
    "parenchyma|tissue|breast tissue|breast parenchyma|made|corresponding|both views|examination|study|appearance|appears|appear|bears|includes|including|detected|"
    "mammographic|mammographically|was assigned|assigned|characterised|characterized|where|"
    "surrounding|box|distance|classified|rated|described|be|here|each|side"
)
_PRIORS = (
    "prior|priors|prior exam|prior mammogram|prior mammograms|prior mammography|prior study|prior exams|previous|"
    "previous exam|previous mammogram|previous study|previously|earlier exam|since the prior exam|since the prior|"
    "compared with|compared to|in comparison with|comparison with|since the previous exam|interval|relative to the prior exam|"
    "date unknown|undated"
)
_NO_PRIORS = (
    "no comparable prior exam was available|no prior exam was available for comparison|no prior exam was available|"
    "no prior|no priors|no prior exam|no prior mammogram|no prior mammograms|without a prior exam|without prior|"
    "no previous mammogram|no previous exam|comparison none|comparison: none|no comparison|no prior exam for comparison|"
    "no prior available|priors not available|no comparison available|no prior studies"
)


def _words(kind: Kind, phrases: str) -> dict[str, tuple[Kind, object]]:
    return dict.fromkeys(phrases.split("|"), (kind, None))


def _table(kind: Kind, phrases) -> dict[str, tuple[Kind, object]]:
    return {phrase: (kind, value) for phrase, value in phrases.items()}


PHRASES: dict[str, tuple[Kind, object]] = {
    **_words(Kind.FILLER, _FILLERS),
    **_words(Kind.JUDGEMENT, JUDGEMENTS),
    **_table(Kind.WORDING, WORDINGS),
    **_table(Kind.HEAD, HEADS),
    **_table(Kind.HALF, HALVES),
    **_table(Kind.DEPTH, DEPTHS),
    **_table(Kind.REGION, REGIONS),
    **_table(Kind.QUADRANT, QUADRANTS),
    **_table(Kind.CHANGE, CHANGES),
    **_table(Kind.TERM, TERMS),
    **_table(Kind.ASSOCIATED, ASSOCIATED),
    **_words(
        Kind.ASSOCIATED_MARK,
        "associated|associated features|associated feature|associated with|with associated|accompanied by|together with",
    ),
    **_words(Kind.NEGATION, _NEGATIONS),
    **_words(Kind.NEGATION_AFTER, _NEGATIONS_AFTER),
    **_words(Kind.UNCERTAIN, _UNCERTAINS),
    **_words(Kind.UNCERTAIN_AFTER, _UNCERTAINS_AFTER),
    **_words(Kind.PRIOR, _PRIORS),
    **_words(Kind.NO_PRIOR, _NO_PRIORS),
    **_table(Kind.SIDE, SIDES),
    **_words(Kind.PROJECTION, "cc|mlo|craniocaudal|cranio caudal|mediolateral oblique|medio lateral oblique"),
    **_table(
        Kind.DENSITY_WORDS,
        {
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
        },
    ),
    **_words(Kind.NO_DENSITY, "the density was not assessed|density was not assessed|breast density was not assessed"),
    **_words(Kind.NO_BIRADS, "no bi-rads category was assigned|no bi-rads category"),
    **_table(Kind.MANAGEMENT, MANAGEMENTS),
    **_words(Kind.TECHNIQUE, "mammography|mammogram|mammograms|digital mammography"),
    **_table(Kind.LIMIT, LIMITS),
    **_words(Kind.BREAK, "but|however|although|whereas|while|except|except for|apart from|other than|;"),
}
