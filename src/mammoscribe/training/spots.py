"""Places in prepared views that a network which sees finer is taught at: around what a box shows, and elsewhere."""

from dataclasses import dataclass
from typing import Any, Protocol


@dataclass(frozen=True, slots=True)
class Spot:
    """Where crops or patches are taken.

    Args:
        record: number of the record in its dataset.
        picture: number of the picture in the record.
        shown: number of the boxed thing in the view that they are taken around; None for anywhere else in the view.
        kind: what decides how often the spot is taken, as `engine.orders.InShares` has it.
    """

    record: int
    picture: int
    shown: int | None
    kind: int


class SpottedViews(Protocol):
    """The views of a split that teach, and the spots in them."""

    spots: tuple[Spot, ...]

    def view(self, record: int, picture: int) -> Any:
        """One view with all that is known of it."""
        ...


@dataclass(frozen=True)
class SpotItems:
    """The spots of a split as items of a source: the view, and which of its boxed things is meant."""

    views: SpottedViews

    def __len__(self) -> int:
        return len(self.views.spots)

    def __getitem__(self, number: int) -> tuple[Any, int | None]:
        spot = self.views.spots[number]
        return self.views.view(spot.record, spot.picture), spot.shown
