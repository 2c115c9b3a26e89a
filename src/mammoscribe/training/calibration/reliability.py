"""How often a reader's sentences are right, on exams that chose nothing: each part is read at a point fixed on the others."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from mammoscribe.data.folds import FOLDS, fold
from mammoscribe.domain.finding import FindingType
from mammoscribe.evaluation.bootstrap import wilson
from mammoscribe.evaluation.detection import ViewMarks, match_findings, operating_point
from mammoscribe.evaluation.facts import FactCounts
from mammoscribe.models.reader.card import OperatingPoint
from mammoscribe.models.reader.judging import judge
from mammoscribe.training.calibration.breasts import density_rows
from mammoscribe.training.calibration.levels import any_kind_views
from mammoscribe.training.calibration.seen import SeenExam
from mammoscribe.training.calibration.words import words_at
from mammoscribe.training.reader.samples import UNKNOWN


@dataclass
class Statements:
    """What reports stated of labelled exams, counted part by part.

    Args:
        named, right: sentences about a kind, and those that were right.
        words: descriptors stated. letters: whether a density category was right. views: marks beside lesions.
        breasts: (whether anything was found, whether it was malignant), of exams that are labelled by the breast.
    """

    named: Counter[FindingType] = field(default_factory=Counter)
    right: Counter[FindingType] = field(default_factory=Counter)
    words: FactCounts = FactCounts(0, 0, 0)
    letters: list[bool] = field(default_factory=list)
    breasts: list[tuple[bool, bool]] = field(default_factory=list)
    views: list[ViewMarks] = field(default_factory=list)

    def add(self, exams: Sequence[SeenExam], point: OperatingPoint) -> None:
        """The reports of exams at a point, held against their labels."""
        reports = [judge(e.seen, e.exam, point).findings for e in exams]
        for exam, findings in zip(exams, reports, strict=True):
            stated = [f for f in findings if f.type in exam.measurable]
            self.named.update(f.type for f in stated)
            self.right.update(stated[m.mark].type for m in match_findings(stated, exam.truth))
            if not exam.boxed:
                sides = {f.laterality for f in findings}
                self.breasts += [(s in sides, b.malignant == 1) for s, b in exam.labelled() if b.malignant != UNKNOWN]
        if point.words_measured:
            self.words += words_at(exams, point).words
        self.letters += [int(logits.argmax()) == letter for logits, letter in density_rows(exams)]
        self.views += any_kind_views(exams, reports)

    def lines(self, population: str, chosen: str = "") -> tuple[str, ...]:
        """The counts in words.

        Args:
            population: what the exams are.
            chosen: on what thresholds and levels were chosen; the letters of density have none.
        """
        where = f"measured on the {population}{chosen}"
        found = [
            f"{kind.value.replace('_', ' ')}: {_share(self.right[kind], self.named[kind], 'such sentences')}, {where}"
            for kind in FindingType
            if self.named[kind]
        ]
        if any(v.lesions for v in self.views):
            p = operating_point(self.views)
            marks = f"{p.found} of {p.lesions} lesions found with {p.false_per_view:.2f} false marks a view"
            found.append(f"marks of any kind: {marks} in {p.views} views, {where}")
        stated = self.words.right + self.words.wrong
        if stated:
            found.append(f"words for a finding: {_share(self.words.right, stated, 'such words')}, {where}")
        found += [f"{line}, {where}" for line in self._nothing_found()]
        if self.letters:
            letters = _share(sum(self.letters), len(self.letters), "letters")
            found.append(f"density: {letters}, measured on the {population}")
        return tuple(found)

    def _nothing_found(self) -> Iterator[str]:
        """How many breasts in which nothing was found had cancer, and how often nothing was found in those without."""
        quiet = [malignant for found, malignant in self.breasts if not found]
        healthy = [found for found, malignant in self.breasts if not malignant]
        if quiet and healthy:
            missed, spared = sum(quiet), len(healthy) - sum(healthy)
            among = f"{sum(m for _, m in self.breasts)} of all {len(self.breasts)} had"
            yield (
                f"nothing found: {missed} of {len(quiet)} such breasts had cancer ({_interval(missed, len(quiet))}), {among}; "
                f"nothing was found in {spared} of {len(healthy)} breasts without cancer"
            )


def reliability(
    exams: Sequence[SeenExam], fixed: Callable[[Sequence[SeenExam]], OperatingPoint], population: str
) -> tuple[str, ...]:
    """One line for each kind of statement that could be held against labels.

    Args:
        exams: labelled.
        fixed: the operating point that some exams support.
        population: what the exams are, in words.
    """
    parts = [[e for e in exams if fold(e.patient_id) == part] for part in range(FOLDS)]
    statements = Statements()
    for number, own in enumerate(parts):
        others = [e for other, part in enumerate(parts) if other != number for e in part]
        if own and others:
            statements.add(own, fixed(others))
    return statements.lines(population, f", each of {FOLDS} parts of the patients at thresholds chosen on the others")


def _share(right: int, of: int, what: str) -> str:
    return f"{right} of {of} {what} were right ({_interval(right, of)})"


def _interval(right: int, of: int) -> str:
    interval = wilson(right, of)
    return f"95 % interval {interval.low:.0%} to {interval.high:.0%}"
