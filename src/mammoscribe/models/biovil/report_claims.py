"""What a report writer says of the views of a mammogram, as claims for the gate: each sentence with the breast it is about."""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from mammoscribe.data.texts.sentences import sentences
from mammoscribe.domain.evidence import Claim, Evidence, EvidenceKind, Writer
from mammoscribe.domain.exam import Exam
from mammoscribe.domain.view import Laterality, View
from mammoscribe.imaging.picture import Picture
from mammoscribe.models.biovil.report_model import Pictures, ReportModel
from mammoscribe.models.biovil.report_search import Limits
from mammoscribe.support.errors import InputError

_NAMES_A_SIDE = re.compile(r"\b(?:right|left|rt|lt|both|bilateral(?:ly)?|either|breasts)\b", re.IGNORECASE)

_WORD = re.compile(r"\w")


@dataclass(frozen=True)
class Author:
    """A report writer with what it is given beside the views of an exam.

    Args:
        model: learned from mammograms.
        prior_report: the text of the prior exam's report, or None.
    """

    model: ReportModel
    prior_report: str | None = None


def draft_claims(
    model: ReportModel, exam: Exam, decode: Callable[[View], Picture], prior_texts: Mapping[Laterality, str] = {},
    limits: Limits | None = None,
) -> tuple[Claim, ...]:  # fmt: skip
    """What the model writes about each current view, with the same view of the prior exam where there is one.

    Args:
        model: learned from mammograms.
        exam: whose views are looked at one by one.
        decode: how to get a view's pixels.
        prior_texts: what the prior report says of a breast; used with views that have a prior.
        limits: how it is written.

    Raises:
        InputError: for a model of other pictures, or a view that cannot be read.
    """
    if model.card.pictures is not Pictures.MAMMOGRAM:
        found = f"{model.card.name}, which learned from {model.card.pictures} pictures"
        raise InputError(found, "a report writer of mammograms", "see `mammoscribe draft` for other pictures")
    seen = {view.id: model.fit(decode(view), view.source) for view in exam.views}
    priors = [exam.prior_of(view) for view in exam.current]
    before = [None if prior is None else seen[prior.id] for prior in priors]
    said = [
        None if b is None else prior_texts.get(view.laterality) for view, b in zip(exam.current, before, strict=True)
    ]
    written = model.write([seen[view.id] for view in exam.current], before, said, limits)
    once: dict[str, Claim] = {}
    for view, report in zip(exam.current, written, strict=True):
        for claim in claims_of(report.text, view):
            once.setdefault(claim.text.casefold(), claim)
    return tuple(once.values())


def claims_of(text: str, view: View) -> Iterator[Claim]:
    """The sentences of a text about one view; one that names no breast gets the view's as its heading.

    Texts about a view are cut out of the report of an exam in training, with sentences that name no breast among them: what
    they are about is known from the view. A claim points at the view; what it rests on is the gate's to say.
    """
    for sentence in filter(_WORD.search, sentences(text)):
        heading = "" if _NAMES_A_SIDE.search(sentence) else f"{view.laterality.word.capitalize()} breast: "
        yield Claim(heading + sentence, Writer.EXTERNAL, pointers=(Evidence(EvidenceKind.VIEW, view.id),))
