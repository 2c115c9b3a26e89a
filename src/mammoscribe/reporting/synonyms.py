"""Everyday wordings of the lexicon's terms: kinds of finding, descriptors, associated features, places, changes.

Synonyms are radiology English gathered from published lexicons and common report usage; no sentence of any data set
is here. Each table leads from a phrase to the value it stands for; `vocabulary` says what a phrase does in a sentence.
"""

from typing import TypeVar

from mammoscribe.domain.finding import Change
from mammoscribe.domain.location import Depth, Half, Quadrant, Region
from mammoscribe.reporting.facts import FactKind

Value = TypeVar("Value")

EITHER_ROUND = "round"
"""Value of the word `round` until the finding it belongs to (mass or calcification) is known."""


def _by_phrase(phrases_of: dict[Value, str]) -> dict[str, Value]:
    return {phrase: value for value, phrases in phrases_of.items() for phrase in phrases.split("|")}


_KINDS = {
    FactKind.MASS: "mass|masses|nodule|nodules|opacity|opacities|soft opacity|soft opacities|nodular opacity|"
    "nodular opacities|nodular soft opacity|nodular soft opacities|soft nodular opacity|soft nodular opacities|"
    "soft tissue opacity|soft tissue opacities|soft tissue mass|soft tissue masses|soft tissue nodule|"
    "soft tissue nodules|mass lesion|mass lesions|mass like lesion|space occupying lesion|space occupying lesions|"
    "solid lesion|solid lesions|nodular density|nodular densities|nodular lesion|nodular lesions",
    FactKind.CALCIFICATION: "calcification|calcifications|microcalcification|microcalcifications|micro calcification|"
    "micro calcifications|macrocalcification|macrocalcifications|calcific focus|calcific foci|microcalcific foci|"
    "calcified foci|calcific specks|calcific density|calcific densities|calcific deposits|calcium deposits|"
    "calcium deposit|microcalcs|calcs",
    FactKind.DISTORTION: "architectural distortion|architectural distortions|distortion|distortions|"
    "parenchymal distortion|distorted architecture|architecture distortion|distortion of the architecture|"
    "distortion of architecture",
    FactKind.ASYMMETRY: "asymmetry|asymmetries|asymetry|asymmetric density|asymmetric densities|asymetric density|"
    "asymetric densities|asymmetrical density|asymmetrical densities|asymmetric tissue|asymmetric breast tissue|"
    "asymmetric parenchyma|asymmetric increased density|asymmetrical increased density|asymmetric opacity|asymmetric opacities|density asymmetry",
    FactKind.ANY_FINDING: "finding|findings|abnormality|abnormalities|lesion|lesions|evidence of malignancy|"
    "sign of malignancy|signs of malignancy|sign of cancer|signs of cancer|evidence of cancer|malignancy|"
    "mammographic evidence of malignancy|features of malignancy",
}


def _heads() -> dict[str, tuple[FactKind, str | None]]:
    heads: dict[str, tuple[FactKind, str | None]] = {p: (kind, None) for p, kind in _by_phrase(_KINDS).items()}
    for word in ("focal", "global", "developing"):
        for noun in _KINDS[FactKind.ASYMMETRY].split("|"):
            heads[f"{word} {noun}"] = (FactKind.ASYMMETRY, f"asymmetry.{word}")
    for noun in ("calcification", "calcifications", "microcalcification", "microcalcifications"):
        heads[f"skin {noun}"] = heads[f"dermal {noun}"] = (FactKind.CALCIFICATION, "morphology.skin")
    return heads


HEADS = _heads()
"""Noun of a finding -> its kind, and the descriptor that the noun itself names."""

TERMS = _by_phrase(
    {
        "shape.oval": "oval|ovoid|elliptical|oval shaped",
        EITHER_ROUND: "round|rounded|round shaped",
        "shape.lobulated": "lobulated|lobular|macrolobulated|macro lobulated",
        "shape.irregular": "irregular|irregularly shaped|irregular shaped",
        "margin.circumscribed": "circumscribed|well circumscribed|well defined|sharply defined|well marginated|"
        "sharply marginated|well demarcated",
        "margin.obscured": "obscured|partially obscured|partly obscured|partially defined|partly defined",
        "margin.microlobulated": "microlobulated|micro lobulated",
        "margin.indistinct": "indistinct|ill defined|poorly defined|ill circumscribed|irregular margin|"
        "irregular margins|poorly marginated|poorly circumscribed",
        "margin.spiculated": "spiculated|speculated|spiculate|spicular|stellate|spiculations|spiculation|spicules|"
        "speculations|speculation",
        "density.high": "high density|hyperdense|hyper dense|increased density|density high|density is high|"
        "high in density",
        "density.equal": "equal density|isodense|iso dense|density equal|density is equal|equal in density",
        "density.low": "low density|hypodense|hypo dense|density low|density is low|low in density",
        "density.fat_containing": "fat containing|containing fat|contains fat|fat density|radiolucent|"
        "density fat containing|lucent",
        "morphology.skin": "skin type|morphology skin|in the skin|dermal",
        "morphology.vascular": "vascular|arterial|morphology vascular",
        "morphology.coarse": "coarse|popcorn|popcorn like|coarse popcorn like|morphology coarse",
        "morphology.large_rod_like": "large rod like|rod like|secretory|morphology large rod like",
        "morphology.round": "morphology round|round and smooth",
        "morphology.punctate": "punctate|morphology punctate",
        "morphology.rim": "rim|eggshell|egg shell|lucent centred|lucent centered|morphology rim",
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
        "distribution.grouped": "grouped|clustered|cluster of|clusters of|group of|a cluster of|a group of|cluster|"
        "clusters|in a cluster|in clusters",
        "distribution.linear": "linear|linearly distributed|linear distribution|distribution linear|in a line",
        "distribution.segmental": "segmental|segmentally distributed",
    }
)
_FOLLOWING = (
    "spiculations|spiculation|spicules|speculations|speculation|irregular margin|irregular margins|containing fat|"
    "contains fat|in the skin|in a line|in a cluster|in clusters|cluster|clusters|density high|density is high|"
    "high in density|density equal|density is equal|equal in density|density low|density is low|low in density|"
    "linear distribution|distribution linear"
)
NOUNS_OF_TERMS = frozenset(_FOLLOWING.split("|"))
"""Wordings of terms that follow their finding (`a mass with spiculations`) and never open the next one."""

SKIN_THICKENING, SKIN_RETRACTION = "associated.skin_thickening", "associated.skin_retraction"
NIPPLE_RETRACTION, ADENOPATHY = "associated.nipple_retraction", "associated.axillary_adenopathy"

ASSOCIATED = _by_phrase(
    {
        (SKIN_RETRACTION,): "skin retraction|skin dimpling|retracted skin|retraction of the skin|retraction of skin|"
        "skin is retracted|skin appears retracted",
        (NIPPLE_RETRACTION,): "nipple retraction|nipple inversion|retracted nipple|inverted nipple|"
        "retraction of the nipple|retraction of nipple|nipple is retracted|nipple is inverted|nipple appears retracted",
        (SKIN_RETRACTION, NIPPLE_RETRACTION): "skin and nipple retraction|nipple and skin retraction|"
        "skin or nipple retraction|retraction of the skin and nipple|retraction of skin and nipple",
        (SKIN_THICKENING,): "skin thickening|thickened skin|thickening of the skin|thickening of skin|"
        "cutaneous thickening|skin is thickened|skin appears thickened",
        (SKIN_THICKENING, SKIN_RETRACTION): "skin thickening and retraction|skin thickening or retraction|"
        "skin retraction or thickening|skin retraction and thickening",
        ("associated.trabecular_thickening",): "trabecular thickening|thickened trabeculae",
        (ADENOPATHY,): "axillary adenopathy|axillary lymphadenopathy|axillary lymph node enlargement|"
        "axillary node enlargement|lymphadenopathy|adenopathy|axillary adenopathies|axillary lymphadenopathies|"
        "lymphadenopathies|adenopathies",
    }
)
"""Associated feature -> its lexicon ids."""

NODES = "axillary node|axillary nodes|axillary lymph node|axillary lymph nodes|lymph node|lymph nodes|nodes"

STRUCTURES = _by_phrase(
    {
        (SKIN_THICKENING, SKIN_RETRACTION): "skin",
        (NIPPLE_RETRACTION,): "nipple|nipples|areola|nipple areolar complex|nipple areola complex",
        ("associated.trabecular_thickening",): "trabeculae|trabecular pattern",
        (): "pectoral muscle|pectoral muscles|pectoralis|pectoralis muscle|chest wall|skin lesion|skin lesions|"
        "intramammary node|intramammary nodes|intramammary lymph node|intramammary lymph nodes",
    }
)
"""A named structure -> the associated features that are denied when it is called normal."""

HEAD_AS_ASSOCIATED = {
    FactKind.DISTORTION: "associated.architectural_distortion",
    FactKind.CALCIFICATION: "associated.calcifications",
}
"""Kinds that are a feature of another finding when they follow `associated`."""

QUADRANTS = _by_phrase(
    {
        Quadrant.UPPER_OUTER: "upper outer|outer upper|superolateral|superior lateral|upper lateral|upper external|uoq",
        Quadrant.UPPER_INNER: "upper inner|inner upper|superomedial|superior medial|upper medial|upper internal|uiq",
        Quadrant.LOWER_OUTER: "lower outer|outer lower|inferolateral|inferior lateral|lower lateral|lower external|loq",
        Quadrant.LOWER_INNER: "lower inner|inner lower|inferomedial|inferior medial|lower medial|lower internal|liq",
    }
)
HALVES = _by_phrase(
    {
        Half.OUTER: "outer|lateral",
        Half.INNER: "inner|medial",
        Half.UPPER: "upper|superior",
        Half.LOWER: "lower|inferior",
    }
)
DEPTHS = _by_phrase(
    {
        Depth.ANTERIOR: "anterior|anteriorly",
        Depth.MIDDLE: "middle|mid",
        Depth.POSTERIOR: "posterior|posteriorly",
    }
)
REGIONS = _by_phrase(
    {
        Region.RETROAREOLAR: "retroareolar|subareolar|retro areolar|sub areolar|periareolar|behind the nipple",
        Region.CENTRAL: "central|centrally",
        Region.AXILLARY_TAIL: "axillary tail|tail of spence",
        Region.AXILLA: "axilla|axillae|axillary region|axillary",
    }
)

CHANGES = _by_phrase(
    {
        Change.NEW: "new|newly seen|newly appeared|newly developed|interval appearance|interval development|"
        "not seen on the prior exam|not present previously|not previously seen",
        Change.STABLE: "stable|unchanged|no change|no significant change|no interval change|no significant interval "
        "change|without change|without significant change|without interval change|stability|not changed|"
        "has not changed|have not changed|has remained stable|have remained stable",
        Change.INCREASED: "increased|increased in size|enlarged|larger|grown|has grown|have grown|interval increase|"
        "increase in size|increasing|enlarging|more conspicuous",
        Change.DECREASED: "decreased|decreased in size|smaller|shrunk|interval decrease|decrease in size|decreasing|"
        "less conspicuous",
    }
)

MANAGEMENTS = _by_phrase(
    {
        "additional imaging": "recall for additional imaging|additional imaging|recall for additional views|"
        "additional views|additional views are recommended|additional imaging is recommended|spot compression views",
        "routine": "routine screening|routine screening is recommended|routine follow up|normal interval follow-up|"
        "annual screening|return to screening|routine screening mammography",
        "short interval": "short-interval follow-up at six months|short interval follow up|six month follow up|"
        "follow-up at six months|6 month follow up|follow up in six months|follow-up in 6 months",
        "biopsy": "tissue sampling should be considered|tissue sampling; appropriate action should be taken|"
        "tissue sampling|biopsy is recommended|biopsy should be considered|biopsy|tissue sampling is recommended",
        "known": "appropriate action for the known malignancy",
    }
)
"""Management in words -> its group."""
