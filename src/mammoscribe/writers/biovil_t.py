"""A report model of BioViL-T's family as a writer: it writes about each view, with the same view of the prior exam."""

from dataclasses import dataclass

from mammoscribe.domain.evidence import Writer
from mammoscribe.models.biovil.report_model import Pictures, ReportModel
from mammoscribe.models.biovil.report_search import Limits
from mammoscribe.reporting.breast_text import breast_text
from mammoscribe.support.errors import InputError
from mammoscribe.writers.author import Case, Draft
from mammoscribe.writers.claims import Passage, claims_of


@dataclass(frozen=True)
class BiovilAuthor:
    """A report model that learned from mammograms, and how it writes.

    Raises:
        InputError: for a model of other pictures.
    """

    model: ReportModel
    limits: Limits | None = None
    writer: Writer = Writer.EXTERNAL
    manner: str = "from each view alone"
    reads_prior_report: bool = True

    def __post_init__(self) -> None:
        card = self.model.card
        if card.pictures is not Pictures.MAMMOGRAM:
            found = f"{card.name}, which learned from {card.pictures} pictures"
            raise InputError(found, "a report writer of mammograms", "see `mammoscribe draft` for other pictures")

    @property
    def name(self) -> str:
        """The model with the digest of its weights."""
        return f"{self.model.card.name} (weights {self.model.card.weights_sha256[:12]})"

    def write(self, case: Case) -> Draft:
        """What the model writes about each current view.

        Views with a prior are written about with that picture, and with what the prior report says of the breast.

        Raises:
            InputError: for a view that cannot be read.
        """
        exam, said = case.exam, case.prior_report
        seen = {view.id: self.model.fit(case.decode(view), view.source) for view in exam.views}
        priors = [exam.prior_of(view) for view in exam.current]
        alone = len(exam.imaged) == 1
        texts = {} if said is None else {side: breast_text(said, side, alone) for side in exam.imaged}
        written = self.model.write(
            [seen[view.id] for view in exam.current],
            [None if prior is None else seen[prior.id] for prior in priors],
            [None if p is None else texts.get(view.laterality) for view, p in zip(exam.current, priors, strict=True)],
            self.limits,
        )
        pairs = zip(exam.current, written, strict=True)
        return Draft(claims_of(Passage(report.text, view) for view, report in pairs))
