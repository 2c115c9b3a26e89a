"""An exam: the views of one visit of one patient, with the prior visit's views beside them."""

import datetime as dt
from dataclasses import dataclass

from mammoscribe.domain.view import Laterality, Origin, Projection, Role, View
from mammoscribe.support.errors import InvalidNoun

HANGING = tuple((s, p) for p in (Projection.CC, Projection.MLO) for s in (Laterality.RIGHT, Laterality.LEFT))
"""Order on the screen: R CC, L CC, R MLO, L MLO; chest walls back to back."""


@dataclass(frozen=True)
class SetAside:
    """A file that came with the exam and was not read.

    Args:
        source: its path or name.
        reason: why it was not read, in words.
        laterality, projection: the standard view that it shows or stands beside, where that is known.

    Raises:
        InvalidNoun: without a source or a reason.
    """

    source: str
    reason: str
    laterality: Laterality | None = None
    projection: Projection | None = None

    def __post_init__(self) -> None:
        if not self.source or not self.reason.strip():
            raise InvalidNoun(f"a file set aside without its name or reason ({self.source!r}, {self.reason!r})")


@dataclass(frozen=True)
class Exam:
    """Any non-empty subset of R/L x CC/MLO, each at most once per role, with or without prior views.

    Args:
        id: unique among the exams that are read together.
        views: current and prior views.
        patient_id: as the files give it, or None.
        indication: why the exam was made, in the words of whoever asked for it, or None.
        set_aside: files that came with the exam and were not read.
        accession: the accession number of its current views, by which a hospital calls it, or None.
        dates_withheld: whether the views have no dates because they are kept from the report.
        days_since_prior: days from the prior to the exam where dates are withheld, or None.

    Raises:
        InvalidNoun: without a current view, on a repeated id or view, a blank indication, a prior dated after the
            exam, views of which some are synthetic and some are not, or withheld dates that are there.
    """

    id: str
    views: tuple[View, ...]
    patient_id: str | None = None
    indication: str | None = None
    set_aside: tuple[SetAside, ...] = ()
    accession: str | None = None
    dates_withheld: bool = False
    days_since_prior: int | None = None

    def __post_init__(self) -> None:
        if not self.id:
            raise InvalidNoun("an exam without an id")
        if self.indication is not None and not self.indication.strip():
            raise InvalidNoun(f"exam {self.id} has a blank indication", "words, or None")
        if not self.current:
            raise InvalidNoun(f"exam {self.id} has no current view", "at least one of R/L x CC/MLO")
        ids = [v.id for v in self.views]
        if len(set(ids)) != len(ids):
            raise InvalidNoun(f"exam {self.id} has view ids that repeat: {sorted(ids)}")
        kinds = [(v.role, v.laterality, v.projection) for v in self.views]
        if len(set(kinds)) != len(kinds):
            raise InvalidNoun(
                f"exam {self.id} has two views of one kind: {sorted(v.name for v in self.views)}",
                "each projection of a breast once",
                "name the one to read with --view FILE=RCC",
            )
        if len({v.origin for v in self.views}) > 1:
            raise InvalidNoun(
                f"exam {self.id} mixes synthetic and acquired views", "views of one origin", "read them as two exams"
            )
        day, earlier = self.date, [v.date for v in self.prior if v.date]
        if day and any(d >= day for d in earlier):
            raise InvalidNoun(f"exam {self.id} of {day} has a prior of {max(earlier)}", "a prior before the exam")
        self._check_interval()

    def _check_interval(self) -> None:
        if self.dates_withheld and any(v.date for v in self.views):
            raise InvalidNoun(f"exam {self.id} has dates and withholds them", "one of the two")
        if self.days_since_prior is not None and not (self.dates_withheld and self.prior and self.days_since_prior > 0):
            raise InvalidNoun(
                f"exam {self.id} has an interval of {self.days_since_prior} days", "one or more, for withheld dates"
            )

    @property
    def current(self) -> tuple[View, ...]:
        """The views to be read, in hanging order."""
        return _in_hanging_order(v for v in self.views if v.role is Role.CURRENT)

    @property
    def prior(self) -> tuple[View, ...]:
        """The earlier visit's views, in hanging order; empty without a prior."""
        return _in_hanging_order(v for v in self.views if v.role is Role.PRIOR)

    @property
    def origin(self) -> Origin:
        """Whether its views were acquired or drawn by software, as their files say."""
        return self.views[0].origin

    @property
    def synthetic(self) -> bool:
        """Whether it was drawn by the phantom."""
        return self.origin is Origin.SYNTHETIC

    @property
    def date(self) -> dt.date | None:
        """Day of the exam, from its current views; None when unknown."""
        return next((v.date for v in self.current if v.date), None)

    @property
    def prior_date(self) -> dt.date | None:
        """Day of the prior, or None when there is none or it is undated."""
        return next((v.date for v in self.prior if v.date), None)

    def view(self, view_id: str) -> View:
        """The view of that id; an unknown id raises InvalidNoun."""
        for view in self.views:
            if view.id == view_id:
                return view
        raise InvalidNoun(f"exam {self.id} has no view {view_id!r}", f"one of {', '.join(v.id for v in self.views)}")

    def views_of(self, laterality: Laterality) -> tuple[View, ...]:
        """Current views of one breast."""
        return tuple(v for v in self.current if v.laterality is laterality)

    def prior_of(self, view: View) -> View | None:
        """The prior view of the same breast and projection, if there is one."""
        same = (v for v in self.prior if (v.laterality, v.projection) == (view.laterality, view.projection))
        return next(same, None)

    def why_missing(self, laterality: Laterality, projection: Projection) -> str:
        """Why a view is not there: the reason of a file set aside for it, else that the exam does not have it."""
        same = (s for s in self.set_aside if (s.laterality, s.projection) == (laterality, projection))
        found = next(same, None)
        return f"set aside: {found.reason}" if found else "not in this exam"

    @property
    def months_since_prior(self) -> float | None:
        """Months from the prior to the exam; None when either is of unknown date or there is no prior."""
        days = self.days_since_prior
        if self.date is not None and self.prior_date is not None:
            days = (self.date - self.prior_date).days
        return None if days is None else days / 30.4375

    @property
    def imaged(self) -> tuple[Laterality, ...]:
        """Breasts with at least one current view, right first."""
        return tuple(s for s in Laterality if self.views_of(s))


def _in_hanging_order(views) -> tuple[View, ...]:
    return tuple(sorted(views, key=lambda v: HANGING.index((v.laterality, v.projection))))
