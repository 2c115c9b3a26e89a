"""The report: breasts, findings, sentences and the assessment of one exam, with its provenance."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from mammoscribe.domain.anatomy import MarkOnStructure
from mammoscribe.domain.assessment import (
    FREE_OF_DISEASE,
    SEVERITY,
    Assessment,
    Category,
    Grade,
    NotAssessed,
    Setting,
)
from mammoscribe.domain.assessment_rules import contradiction, odds_ratio
from mammoscribe.domain.evidence import Evidence, EvidenceKind, RejectedClaim, Section, Sentence
from mammoscribe.domain.exam import Exam
from mammoscribe.domain.finding import Finding
from mammoscribe.domain.lexicon import Edition
from mammoscribe.domain.search import Search
from mammoscribe.domain.view import Laterality, Role
from mammoscribe.support.errors import InvalidNoun


@dataclass(frozen=True)
class Calibration:
    """The population a probability was calibrated on; printed beside every probability.

    Args:
        population: in words.
        prevalence: share of malignant breasts in it, 0..1.
        n: breasts in it.
        stated_prevalence: the prevalence that the user stated for the exams at hand and to which the probability was
            moved (`--prevalence`); None where it is given as calibrated.

    Raises:
        InvalidNoun: for an empty population or a prevalence outside 0..1 (0 and 1 cannot be moved from or to).
    """

    population: str
    prevalence: float
    n: int
    stated_prevalence: float | None = None

    def __post_init__(self) -> None:
        if not self.population or self.n <= 0 or not 0 <= self.prevalence <= 1:
            raise InvalidNoun(f"calibration on {self.population!r}, n={self.n}, prevalence={self.prevalence}")
        if self.stated_prevalence is not None and not 0 < self.stated_prevalence < 1:
            raise InvalidNoun(f"a stated prevalence of {self.stated_prevalence}", "a number between 0 and 1")

    @property
    def reference_prevalence(self) -> float:
        """The prevalence that the probability refers to."""
        return self.prevalence if self.stated_prevalence is None else self.stated_prevalence

    def moved(self, probability: float, stated_prevalence: float) -> tuple[float, "Calibration"]:
        """The probability at another prevalence, with a calibration that says so.

        Bayes' rule with the likelihood ratio kept: only the prior odds change (Elkan 2001).
        """
        calibration = replace(self, stated_prevalence=stated_prevalence)
        odds = odds_ratio(probability, self.reference_prevalence) * stated_prevalence / (1 - stated_prevalence)
        return odds / (1 + odds), calibration


@dataclass(frozen=True)
class Breast:
    """Breast-level facts. An unimaged breast has none of them, and `reason` says why something is missing.

    Args:
        density: `a`..`d` or None.
        density_probs: probabilities of a, b, c, d, summing to 1, or None.
        assessment: None where no category is given; `reason` then says why.
        grades: the level of suspicion of each of its findings.
        prob_malignant: calibrated probability or None; with it goes `calibration`.

    Raises:
        InvalidNoun: when a fact is missing without a reason, or the category and the probability contradict each other.
    """

    laterality: Laterality
    imaged: bool
    density: str | None = None
    density_probs: tuple[float, float, float, float] | None = None
    assessment: Assessment | None = None
    prob_malignant: float | None = None
    calibration: Calibration | None = None
    reason: str | None = None
    grades: tuple[Grade, ...] = ()

    def __post_init__(self) -> None:
        read = (self.density, self.density_probs, self.assessment, self.prob_malignant)
        if not self.imaged and any(v is not None for v in read):
            raise InvalidNoun(f"the {self.laterality.word} breast was not imaged, yet has facts")
        if any(v is None for v in (self.density, self.assessment, self.prob_malignant)) and not self.reason:
            raise InvalidNoun(f"the {self.laterality.word} breast lacks a fact and gives no reason")
        if self.density not in (None, "a", "b", "c", "d"):
            raise InvalidNoun(f"density {self.density!r}", "a, b, c or d")
        if self.density_probs is not None and not _is_distribution(self.density_probs):
            raise InvalidNoun(f"density probabilities {self.density_probs} do not sum to 1")
        if self.prob_malignant is not None and (not 0 <= self.prob_malignant <= 1 or self.calibration is None):
            raise InvalidNoun(
                f"probability {self.prob_malignant} of the {self.laterality.word} breast", "0..1, with its calibration"
            )
        self._check_agreement()

    def _check_agreement(self) -> None:
        if self.odds_ratio is None:
            return
        if self.assessment and (against := contradiction(self.assessment.category, self.odds_ratio)):
            raise InvalidNoun(f"the {self.laterality.word} breast is called {self.assessment.category}, and {against}")
        worst = max((g.assessment.category for g in self.grades), key=SEVERITY.index, default=Category.INCOMPLETE)
        if against := contradiction(worst, self.odds_ratio):
            raise InvalidNoun(f"a finding of the {self.laterality.word} breast is called {worst}, and {against}")

    @property
    def odds_ratio(self) -> float | None:
        """Odds of malignancy over those of the population the probability refers to; None without a probability."""
        if self.prob_malignant is None or self.calibration is None:
            return None
        return odds_ratio(self.prob_malignant, self.calibration.reference_prevalence)

    def grade(self, finding_id: str) -> Grade | None:
        """The level of suspicion of one of its findings, or None."""
        return next((g for g in self.grades if g.finding_id == finding_id), None)


def _is_distribution(probabilities: tuple[float, ...]) -> bool:
    """Whether they lie in 0..1 and sum to 1; NaN fails both."""
    return all(0 <= p <= 1 for p in probabilities) and abs(sum(probabilities) - 1) <= 1e-3


def overall_assessment(breasts: Sequence[Breast]) -> Assessment | NotAssessed:
    """Assessment of the exam: the most severe breast's, unless a breast without one could be worse."""
    imaged = [b for b in breasts if b.imaged]
    given = [b.assessment for b in imaged if b.assessment]
    open_sides = [b for b in imaged if b.assessment is None]
    best = max(given, key=lambda a: SEVERITY.index(a.category), default=None)
    if best is not None and (not open_sides or best.category not in FREE_OF_DISEASE):
        return best
    if not open_sides:
        return NotAssessed("no breast was imaged")
    return NotAssessed("; ".join(f"{b.laterality.word} breast: {b.reason}" for b in open_sides))


@dataclass(frozen=True)
class Provenance:
    """What made the report: versions, weights digest, what was done to each view's pixels, and which marks were left out
    because they rest on a structure that is no lesion.

    `author` names the model whose claims were held against the findings, None where our own renderer wrote alone.
    """

    package: str
    model: str
    weights_sha256: str
    trained_on: str
    edition: Edition = Edition.BIRADS_2013
    preprocessing: tuple[tuple[str, tuple[str, ...]], ...] = ()
    reliability: tuple[str, ...] = ()
    setting: Setting = Setting.SCREENING
    structures: tuple[MarkOnStructure, ...] = ()
    author: str | None = None


@dataclass(frozen=True)
class Report:
    """A whole report; every sentence's evidence resolves.

    `possible` are findings too weak for a sentence, which a reader may want to see marked: no sentence rests on them and
    no assessment.

    Raises:
        InvalidNoun: when a reference does not resolve, a breast is missing, a change is claimed without a prior,
            the density statement of an imaged breast is missing, or a breast is called free of disease that was not
            searched for everything in both views.
    """

    exam: Exam
    search: Search
    breasts: tuple[Breast, Breast]
    findings: tuple[Finding, ...]
    sentences: tuple[Sentence, ...]
    provenance: Provenance
    rejected_claims: tuple[RejectedClaim, ...] = ()
    warnings: tuple[str, ...] = ()
    possible: tuple[Finding, ...] = ()

    def __post_init__(self) -> None:
        if self.search.exam != self.exam:
            raise InvalidNoun("a report whose search belongs to another exam")
        if [b.laterality for b in self.breasts] != list(Laterality):
            raise InvalidNoun("a report names each breast once, right first")
        self._check_breasts()
        self._check_findings()
        for sentence in self.sentences:
            for evidence in sentence.evidence:
                self._check_resolves(evidence)
        if not any(s.section is Section.COMPOSITION for s in self.sentences):
            raise InvalidNoun("a report without a density statement")

    def _check_breasts(self) -> None:
        for breast in self.breasts:
            if breast.imaged != (breast.laterality in self.exam.imaged):
                raise InvalidNoun(
                    f"the {breast.laterality.word} breast is called imaged={breast.imaged}, the exam differs"
                )
            given = breast.assessment
            if given and given.category in FREE_OF_DISEASE and not self.search.complete(breast.laterality):
                raise InvalidNoun(
                    f"the {breast.laterality.word} breast is called {given.category} and was not searched for everything"
                )

    def _check_findings(self) -> None:
        ids = [f.id for f in (*self.findings, *self.possible)]
        if len(set(ids)) != len(ids):
            raise InvalidNoun(f"finding ids repeat: {ids}")
        for finding in (*self.findings, *self.possible):
            for mark in finding.marks:
                view = self.exam.view(mark.view_id)
                if (view.laterality, view.projection) != (
                    finding.laterality,
                    mark.projection,
                ) or view.role is Role.PRIOR:
                    raise InvalidNoun(
                        f"finding {finding.id} ({finding.laterality}) has a mark in {view.role} {view.name}"
                    )
                if mark.box.clipped(view.width_px, view.height_px) != mark.box:
                    raise InvalidNoun(f"finding {finding.id} has a box outside {view.name}")
            if finding.change is not None and not self.exam.prior:
                raise InvalidNoun(f"finding {finding.id} is called {finding.change} and no prior was read")

    def _check_resolves(self, evidence: Evidence) -> None:
        known = {
            EvidenceKind.FINDING: {f.id for f in self.findings},
            EvidenceKind.BREAST: {b.laterality.value for b in self.breasts},
            EvidenceKind.VIEW: {v.id for v in self.exam.views},
            EvidenceKind.PRIOR_PAIR: {
                f"{v.id}|{p.id}" for v in self.exam.current if (p := self.exam.prior_of(v)) is not None
            },
            EvidenceKind.EXAM: {self.exam.id},
        }[evidence.kind]
        if evidence.ref not in known:
            raise InvalidNoun(f"{evidence.kind} evidence {evidence.ref!r} does not resolve", f"one of {sorted(known)}")

    @property
    def assessment(self) -> Assessment | None:
        """Of the exam; None where it is withheld, and `assessment_reason` says why."""
        given = overall_assessment(self.breasts)
        return given if isinstance(given, Assessment) else None

    @property
    def assessment_reason(self) -> str | None:
        """Why the exam has no assessment; None when it has one."""
        given = overall_assessment(self.breasts)
        return given.reason if isinstance(given, NotAssessed) else None

    @property
    def density(self) -> str | None:
        """Density of the exam, the denser breast's (BI-RADS 5th edition); None when no breast has one."""
        return max((b.density for b in self.breasts if b.density), default=None)

    def breast(self, laterality: Laterality) -> Breast:
        """The facts of one breast."""
        return self.breasts[list(Laterality).index(laterality)]

    def finding(self, finding_id: str) -> Finding:
        """The finding of that id; an unknown one raises InvalidNoun."""
        for finding in self.findings:
            if finding.id == finding_id:
                return finding
        raise InvalidNoun(f"no finding {finding_id!r}")

    def section(self, section: Section) -> tuple[Sentence, ...]:
        """Sentences of one section, in order."""
        return tuple(s for s in self.sentences if s.section is section)
