"""Which text belongs to a picture: the sections of a study's report, or our own words for the labels of a breast."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from mammoscribe.data.records import ListedView, MammoExam, Region
from mammoscribe.data.supervision import Question, Supervision
from mammoscribe.data.texts.report_text import ReportText, Section
from mammoscribe.domain.finding import Change, Finding, FindingType, Mark
from mammoscribe.domain.view import Box, Laterality, Projection
from mammoscribe.training.joint.statements import STYLES, fitting, of_tissue
from mammoscribe.training.text.texts import report_text, text_key

NORMAL = (
    "No suspicious finding is seen in the {side} breast.",
    "The {side} breast shows no abnormality.",
    "There is no mass, calcification or distortion in the {side} breast.",
)


@dataclass(frozen=True)
class Written:
    """A text as it was written."""

    text: str

    @property
    def key(self) -> int:
        """A number that equal texts share."""
        return text_key(self.text)

    def words(self, _: np.random.Generator) -> str:
        """The text."""
        return self.text


@dataclass(frozen=True)
class Stated:
    """What labels say of a breast, for which our own writer has words: its findings, their change, its density.

    Places are not among them: the pictures of this stage have no nipple to count from.
    """

    side: Laterality
    findings: tuple[Finding, ...]
    density: str | None = None

    @property
    def key(self) -> int:
        """A number that breasts share of which the same is stated."""
        facts = sorted(f"{f.type} {','.join(sorted(f.descriptors))} {f.change}" for f in self.findings)
        return text_key(f"{self.side} {self.density} {facts}")

    def words(self, rng: np.random.Generator) -> str:
        """A sentence for each, in one of the styles of reports, which the generator chooses."""

        def pick(choices: Sequence[str]) -> str:
            return choices[int(rng.integers(len(choices)))]

        style = STYLES[int(rng.integers(len(STYLES)))]
        written = [style(finding, None, pick) for finding in self.findings]
        written = written or [pick(NORMAL).format(side=self.side.word)]
        return " ".join([*written, *([of_tissue(self.density, rng).text] if self.density else [])])


def study_text(report: ReportText, sections: Sequence[str]) -> str:
    """The named sections that a report has, one after the other; all of it where it has none of them."""
    parts = [report.sections.get(Section(name), "").strip() for name in sections]
    return "\n".join(part for part in parts if part) or report_text(report).strip()


def stated(record: MammoExam, view: ListedView, supervision: Supervision) -> Stated | None:
    """What the labels say of the breast of a view and of what the view shows; None where not all that it shows is labelled."""
    unplaced = set(supervision.answers("view", Question.UNPLACED, view.labels))
    known = {kind.value for kind in supervision.boxed_kinds} - unplaced
    if known != {kind.value for kind in FindingType}:
        return None
    density = supervision.answer("breast", Question.DENSITY, record.breasts.get(view.laterality, {}))
    return Stated(view.laterality, tuple(_findings(record, view, supervision)), density)


def _findings(record: MammoExam, view: ListedView, supervision: Supervision) -> Iterator[Finding]:
    """Each finding that a view shows, once, with its boxes in all views of the breast: our words say which show it."""
    shown = dict(named_regions(view, supervision))
    breast = [other for other in record.images if other.laterality is view.laterality]
    for number, (name, region) in enumerate(shown.items(), start=1):
        marks = {v.projection: r.box for v in breast for n, r in named_regions(v, supervision) if n == name}
        found = labelled_finding(
            f"f{number}", region, view.laterality, {**marks, view.projection: region.box}, supervision
        )
        if found is not None:
            yield found


def named_regions(view: ListedView, supervision: Supervision) -> Iterator[tuple[str, Region]]:
    """The regions of a view by the name that the boxes of one finding share; one without a name has its own."""
    for number, region in enumerate(view.regions):
        yield supervision.answer("region", Question.FINDING, region.labels) or f"{view.path} {number}", region


def labelled_finding(
    name: str, region: Region, side: Laterality, boxes: Mapping[Projection, Box], supervision: Supervision
) -> Finding | None:  # fmt: skip
    """A region with its boxes in the views of its breast as a finding without a place; None where its kind is not known.

    Args:
        name: id of the finding. region: with its labels. side: of the breast.
        boxes: of the region in the views of that breast, in whichever pixels; they are taken over as they are.
        supervision: what the dataset's labels mean.
    """
    kind = supervision.answer("region", Question.KIND, region.labels)
    if kind is None:
        return None
    words = ",".join(supervision.answers("region", Question.DESCRIPTORS, region.labels))
    change = supervision.answer("region", Question.CHANGE, region.labels)
    return Finding(
        name, FindingType(kind), side, tuple(Mark(f"{side}_{p}", p, box, 1.0) for p, box in boxes.items()), 1.0, 0.0,
        fitting(tuple(dict.fromkeys(w for w in words.split(",") if w)), FindingType(kind)),
        change=Change(change) if change else None,
    )  # fmt: skip
