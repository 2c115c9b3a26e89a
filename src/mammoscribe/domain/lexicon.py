"""The BI-RADS descriptor lexicon as data: every term with its code, source and the editions that know it.

Terms are our own short words for the public lexicon of the 5th edition (2013) and of the edition released in
December 2025; the manual's text is not reproduced. Codes are from DICOM PS3.16 context groups; the 2025 column
follows secondary literature and is marked as such in docs/glossary.md.
"""

from dataclasses import dataclass
from enum import StrEnum

from mammoscribe.support.errors import InvalidNoun


class Edition(StrEnum):
    """Edition of the lexicon a report is written in."""

    BIRADS_2013 = "2013"
    BIRADS_2025 = "2025"


class Axis(StrEnum):
    """What a descriptor describes."""

    COMPOSITION = "composition"
    SHAPE = "shape"
    MARGIN = "margin"
    DENSITY = "density"
    MORPHOLOGY = "morphology"
    DISTRIBUTION = "distribution"
    ASYMMETRY = "asymmetry"
    ASSOCIATED = "associated"


@dataclass(frozen=True)
class Code:
    """A coded concept: value and scheme (SCT = SNOMED CT, DCM = DICOM), as DICOM writes them."""

    value: str
    scheme: str
    meaning: str


@dataclass(frozen=True)
class Term:
    """One lexicon term.

    Args:
        id: `axis.word`, stable across editions, for example `margin.spiculated`.
        label: the words used in a report.
        code: DICOM / SNOMED CT concept, or None where the standard has no code of its own.
        source: context group or table the code was taken from.
        editions: editions that contain the term.
        suspicious: whether the term by itself calls for more than routine follow-up.
        becomes: id of the term that replaces it in the 2025 edition, when that differs.
    """

    id: str
    label: str
    code: Code | None
    source: str
    editions: tuple[Edition, ...]
    suspicious: bool = False
    becomes: str | None = None

    @property
    def axis(self) -> Axis:
        """The axis the term belongs to."""
        return Axis(self.id.split(".")[0])

    @property
    def word(self) -> str:
        """The part of the id after the axis."""
        return self.id.split(".", 1)[1]


_BOTH = (Edition.BIRADS_2013, Edition.BIRADS_2025)
_OLD, _NEW = (Edition.BIRADS_2013,), (Edition.BIRADS_2025,)


def _term(id: str, label: str, code: str | None, meaning: str, source: str, editions=_BOTH, **more) -> Term:
    scheme = "DCM" if code and code.startswith("111") and len(code) == 6 else "SCT"
    return Term(id, label, Code(code, scheme, meaning) if code else None, source, editions, **more)


_TERMS = (
    _term("composition.a", "almost entirely fatty", "129716005", "Almost entirely fat", "CID 6000"),
    _term("composition.b", "scattered areas of fibroglandular density", "129717001", "Scattered fibroglandular densities", "CID 6000"),
    _term("composition.c", "heterogeneously dense", "129718006", "Heterogeneously dense", "CID 6000"),
    _term("composition.d", "extremely dense", "129719003", "Extremely dense", "CID 6000"),
    _term("shape.oval", "oval", "84360004", "Ovoid shape", "CID 6004"),
    _term("shape.round", "round", "42700002", "Round shape", "CID 6004"),
    _term("shape.lobulated", "lobulated", "40266001", "Lobular", "CID 6004", _NEW),
    _term("shape.irregular", "irregular", "49608001", "Irregular", "CID 6004", suspicious=True),
    _term("margin.circumscribed", "circumscribed", "129738007", "Circumscribed lesion", "CID 6006"),
    _term("margin.obscured", "obscured", "129740002", "Obscured lesion", "CID 6006"),
    _term("margin.microlobulated", "microlobulated", "129739004", "Microlobulated lesion", "CID 6006", _OLD, suspicious=True, becomes="margin.indistinct"),
    _term("margin.indistinct", "indistinct", "129741003", "Indistinct lesion", "CID 6006", suspicious=True),
    _term("margin.spiculated", "spiculated", "129742005", "Spiculated lesion", "CID 6006", suspicious=True),
    _term("density.high", "high density", "129744006", "High density lesion", "CID 6008"),
    _term("density.equal", "equal density", "129745007", "Equal density (isodense) lesion", "CID 6008"),
    _term("density.low", "low density", "129746008", "Low density (not containing fat) lesion", "CID 6008"),
    _term("density.fat_containing", "fat-containing", "129747004", "Fat containing (radiolucent) lesion", "CID 6008"),
    _term("morphology.skin", "skin", "129757003", "Calcified skin of breast", "CID 6010"),
    _term("morphology.vascular", "vascular", "129759000", "Vascular calcification", "CID 6010"),
    _term("morphology.coarse", "coarse", "129749001", "Coarse (popcorn-like) calcification", "CID 6010"),
    _term("morphology.large_rod_like", "large rod-like", "129752009", "Large rod-like calcification", "CID 6010"),
    _term("morphology.round", "round", "129756007", "Round shaped calcification", "CID 6010"),
    _term("morphology.punctate", "punctate", "129755006", "Punctate calcification", "CID 6010", _OLD, becomes="morphology.round"),
    _term("morphology.rim", "rim", "129751002", "Eggshell calcification", "CID 6010"),
    _term("morphology.dystrophic", "dystrophic", "129750001", "Dystrophic calcification", "CID 6010", _OLD, becomes="morphology.coarse"),
    _term("morphology.layering", "layering", "129753004", "Milk of calcium calcification", "CID 6010"),
    _term("morphology.suture", "suture", "129758008", "Calcified suture material", "CID 6010"),
    _term("morphology.amorphous", "amorphous", "129760005", "Amorphous calcification", "CID 6010", suspicious=True),
    _term("morphology.coarse_heterogeneous", "coarse heterogeneous", "129763007", "Heterogeneous calcification", "CID 6010", suspicious=True),
    _term("morphology.fine_pleomorphic", "fine pleomorphic", "111344", "Fine pleomorphic calcification", "CID 6010", suspicious=True),
    _term("morphology.fine_linear", "fine linear or fine-linear branching", "129762002", "Fine linear, branching (casting) calcification", "CID 6010", suspicious=True),
    _term("distribution.diffuse", "diffuse", "129764001", "Diffuse calcification distribution", "CID 6012"),
    _term("distribution.regional", "regional", "129767008", "Regional calcification distribution", "CID 6012"),
    _term("distribution.grouped", "grouped", "129766004", "Grouped calcification distribution", "CID 6012"),
    _term("distribution.linear", "linear", "129765000", "Linear calcification distribution", "CID 6012", suspicious=True),
    _term("distribution.segmental", "segmental", "129768003", "Segmental calcification distribution", "CID 6012", suspicious=True),
    _term("asymmetry.asymmetry", "asymmetry", "129790003", "Asymmetric breast tissue", "CID 6016"),
    _term("asymmetry.focal", "focal asymmetry", "129789007", "Focal asymmetric breast tissue", "CID 6016"),
    _term("asymmetry.global", "global asymmetry", "129790003", "Asymmetric breast tissue", "CID 6016"),
    _term("asymmetry.developing", "developing asymmetry", "129790003", "Asymmetric breast tissue", "CID 6016", _OLD, suspicious=True, becomes="asymmetry.focal"),
    _term("associated.skin_retraction", "skin retraction", "129796009", "Skin retraction of breast", "CID 6016", suspicious=True),
    _term("associated.nipple_retraction", "nipple retraction", "271955004", "Nipple retraction", "mammography lexicon", suspicious=True),
    _term("associated.skin_thickening", "skin thickening", "129797000", "Skin thickening of breast", "CID 6016", suspicious=True),
    _term("associated.trabecular_thickening", "trabecular thickening", "129795008", "Trabecular thickening of breast", "CID 6016", suspicious=True),
    _term("associated.axillary_adenopathy", "axillary adenopathy", "127189005", "Axillary adenopathy", "CID 6016", suspicious=True),
    _term("associated.architectural_distortion", "architectural distortion", "129792006", "Architectural distortion of breast", "CID 6016", suspicious=True),
    _term("associated.calcifications", "calcifications", "44771000", "Microcalcifications of the breast", "CID 6010"),
)  # fmt: skip

TERMS: dict[str, Term] = {t.id: t for t in _TERMS}


def term(term_id: str) -> Term:
    """The term of that id; an unknown one raises InvalidNoun."""
    try:
        return TERMS[term_id]
    except KeyError:
        axis = term_id.split(".")[0]
        known = [t for t in TERMS if t.startswith(axis + ".")] or sorted({a.value for a in Axis})
        raise InvalidNoun(f"{term_id!r} is not a lexicon term", f"one of {', '.join(known)}") from None


def terms_of(axis: Axis, edition: Edition | None = None) -> tuple[Term, ...]:
    """All terms of an axis, in the lexicon's order; of one edition when given."""
    return tuple(t for t in _TERMS if t.axis is axis and (edition is None or edition in t.editions))


def in_edition(term_id: str, edition: Edition) -> str:
    """The id that `edition` uses for the term (a term dropped in 2025 becomes its successor).

    A term that only 2025 knows is written in 2013 as its nearest older one (lobulated -> oval).
    """
    found = term(term_id)
    if edition in found.editions:
        return term_id
    if edition is Edition.BIRADS_2025 and found.becomes:
        return found.becomes
    return "shape.oval" if term_id == "shape.lobulated" else term_id


SUSPICIOUS_MORPHOLOGY = frozenset(t.id for t in _TERMS if t.axis is Axis.MORPHOLOGY and t.suspicious)
