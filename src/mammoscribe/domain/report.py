"""The report: breasts, findings, sentences and the assessment of one exam, with its provenance."""

from dataclasses import dataclass

from mammoscribe.domain.assessment import Assessment, most_severe
from mammoscribe.domain.evidence import Evidence, EvidenceKind, RejectedClaim, Section, Sentence
from mammoscribe.domain.exam import Exam
from mammoscribe.domain.finding import Finding
from mammoscribe.domain.lexicon import Edition
from mammoscribe.domain.view import Laterality, Role
from mammoscribe.support.errors import InvalidNoun


@dataclass(frozen=True)
class Calibration:
    """The population a probability was calibrated on; printed beside every probability."""

    population: str
    prevalence: float
    n: int

    def __post_init__(self) -> None:
        if not self.population or self.n <= 0 or not 0 <= self.prevalence <= 1:
            raise InvalidNoun(f"calibration on {self.population!r}, n={self.n}, prevalence={self.prevalence}")


@dataclass(frozen=True)
class Breast:
    """Breast-level facts. An unimaged breast has none of them, and `reason` says why something is missing.

    Args:
        density: `a`..`d` or None.
        density_probs: probabilities of a, b, c, d, summing to 1, or None.
        prob_malignant: calibrated probability or None; with it goes `calibration`.
    """

    laterality: Laterality
    imaged: bool
    density: str | None = None
    density_probs: tuple[float, float, float, float] | None = None
    assessment: Assessment | None = None
    prob_malignant: float | None = None
    calibration: Calibration | None = None
    reason: str | None = None

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


def _is_distribution(probabilities: tuple[float, ...]) -> bool:
    """Whether they lie in 0..1 and sum to 1; NaN fails both."""
    return all(0 <= p <= 1 for p in probabilities) and abs(sum(probabilities) - 1) <= 1e-3


@dataclass(frozen=True)
class Provenance:
    """What made the report: versions, weights digest, and what was done to each view's pixels."""

    package: str
    model: str
    weights_sha256: str
    trained_on: str
    edition: Edition = Edition.BIRADS_2013
    preprocessing: tuple[tuple[str, tuple[str, ...]], ...] = ()
    reliability: tuple[str, ...] = ()


@dataclass(frozen=True)
class Report:
    """A whole report; every sentence's evidence resolves.

    `possible` are findings too weak for a sentence, which a reader may want to see marked: no sentence rests on them and
    no assessment.

    Raises:
        InvalidNoun: when a reference does not resolve, a breast is missing, a change is claimed without a prior,
            the density statement of an imaged breast is missing, or the assessment is not the most severe breast's.
    """

    exam: Exam
    breasts: tuple[Breast, Breast]
    findings: tuple[Finding, ...]
    sentences: tuple[Sentence, ...]
    assessment: Assessment
    provenance: Provenance
    rejected_claims: tuple[RejectedClaim, ...] = ()
    warnings: tuple[str, ...] = ()
    possible: tuple[Finding, ...] = ()

    def __post_init__(self) -> None:
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
        categories = [b.assessment.category for b in self.breasts if b.assessment]
        if categories and most_severe(categories) is not self.assessment.category:
            raise InvalidNoun(f"exam assessed {self.assessment.category}, its breasts {categories}")

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
            EvidenceKind.PRIOR_PAIR: {f"{v.id}|{p.id}" for v in self.exam.current for p in self.exam.prior},
            EvidenceKind.EXAM: {self.exam.id},
        }[evidence.kind]
        if evidence.ref not in known:
            raise InvalidNoun(f"{evidence.kind} evidence {evidence.ref!r} does not resolve", f"one of {sorted(known)}")

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
