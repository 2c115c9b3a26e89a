"""What was looked for: per view and kind of finding, searched or not, with the reason.

A negative sentence may cite only views that were searched for what it denies, and a breast that was not searched for
every kind in both projections gets no category that calls it free of disease.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from mammoscribe.domain.exam import Exam
from mammoscribe.domain.finding import FindingType
from mammoscribe.domain.view import Laterality, Projection, View
from mammoscribe.support.errors import InvalidNoun

PLURALS = {
    FindingType.MASS: "masses",
    FindingType.CALCIFICATION: "calcifications",
    FindingType.DISTORTION: "architectural distortions",
    FindingType.ASYMMETRY: "asymmetries",
}


@dataclass(frozen=True)
class ViewSearch:
    """What one view was searched for.

    Args:
        view_id: a current view.
        skipped: (kind of finding, reason) for each kind that was not looked for in it; all others were.

    Raises:
        InvalidNoun: without a view, on a repeated kind, or a kind skipped without a reason.
    """

    view_id: str
    skipped: tuple[tuple[FindingType, str], ...] = ()

    def __post_init__(self) -> None:
        if not self.view_id:
            raise InvalidNoun("a search of no view")
        if len({kind for kind, _ in self.skipped}) != len(self.skipped):
            raise InvalidNoun(f"the search of {self.view_id} names a kind of finding twice")
        if any(not reason.strip() for _, reason in self.skipped):
            raise InvalidNoun(f"the search of {self.view_id} skips a kind of finding", "the reason why")

    @property
    def kinds(self) -> tuple[FindingType, ...]:
        """Kinds of finding that were looked for."""
        left_out = {kind for kind, _ in self.skipped}
        return tuple(kind for kind in FindingType if kind not in left_out)

    def reason(self, kind: FindingType) -> str | None:
        """Why `kind` was not looked for; None when it was."""
        return dict(self.skipped).get(kind)


@dataclass(frozen=True)
class Gap:
    """Something that was not looked for in a breast.

    Args:
        where: the view, `right MLO`.
        kind: kind of finding; None when the whole view is missing.
        reason: why, in words.
    """

    where: str
    kind: FindingType | None
    reason: str


@dataclass(frozen=True)
class Search:
    """What was looked for in an exam, one entry for each current view.

    Raises:
        InvalidNoun: when a view of the exam has no entry, or an entry belongs to no current view.
    """

    exam: Exam
    views: tuple[ViewSearch, ...]

    def __post_init__(self) -> None:
        found, expected = sorted(v.view_id for v in self.views), sorted(v.id for v in self.exam.current)
        if found != expected:
            raise InvalidNoun(f"a search of views {found}", f"one entry for each of {expected}")

    def of(self, view: View) -> ViewSearch:
        """The entry of a current view."""
        return next(v for v in self.views if v.view_id == view.id)

    def views_searched(self, side: Laterality, kinds: Iterable[FindingType]) -> tuple[View, ...]:
        """Current views of a breast that were searched for all of `kinds`."""
        wanted = set(kinds)
        return tuple(v for v in self.exam.views_of(side) if wanted <= set(self.of(v).kinds))

    def kinds_searched(self, side: Laterality) -> tuple[FindingType, ...]:
        """Kinds that were looked for in at least one view of a breast."""
        return tuple(k for k in FindingType if self.views_searched(side, (k,)))

    def gaps(self, side: Laterality) -> tuple[Gap, ...]:
        """What was not looked for in an imaged breast: missing projections first, then kinds in views that are there."""
        shown = {v.projection: v for v in self.exam.views_of(side)}
        missing = [Gap(f"{side.word} {p}", None, self.exam.why_missing(side, p)) for p in Projection if p not in shown]
        skipped = [
            Gap(f"{side.word} {p}", kind, reason) for p, v in shown.items() for kind, reason in self.of(v).skipped
        ]
        return (*missing, *skipped)

    def complete(self, side: Laterality) -> bool:
        """Whether both projections of a breast were searched for every kind of finding."""
        return not self.gaps(side)


def everything_searched(exam: Exam) -> Search:
    """A search that left nothing out of the views there are."""
    return Search(exam, tuple(ViewSearch(v.id) for v in exam.current))


def gap_words(gaps: Iterable[Gap]) -> tuple[str, ...]:
    """`no right MLO was read (not in this exam)`, `calcifications were not searched for on right CC (...)`.

    Kinds that were left out of the same views for the same reason are one phrase.
    """
    words, places = [], {}
    for gap in gaps:
        if gap.kind is None:
            words.append(f"no {gap.where} was read ({gap.reason})")
        else:
            places.setdefault((gap.kind, gap.reason), []).append(gap.where)
    together: dict[tuple[str, str], list[str]] = {}
    for (kind, reason), where in places.items():
        together.setdefault((_listed(where), reason), []).append(PLURALS[kind])
    words += [
        f"{_listed(kinds)} were not searched for on {where} ({reason})" for (where, reason), kinds in together.items()
    ]
    return tuple(words)


def _listed(names: Sequence[str]) -> str:
    """`right CC, left CC and right MLO`."""
    return " and ".join(filter(None, (", ".join(names[:-1]), names[-1])))
