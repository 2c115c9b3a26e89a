"""Several pictures of one view: which of them is read, and why each of the others is not; one rule wherever exams are opened."""

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass

from mammoscribe.imaging.header import ViewHeader


@dataclass(frozen=True)
class Candidate:
    """One picture of a view, by what the rule looks at.

    Args:
        name: of its file, for the reasons.
        num_pixels: of the stored array.
        has_header: whether it is a DICOM object.
        instance: its SOP Instance UID, "" without one.
        acquired: as in `ViewHeader`.
        is_raw, is_generated, is_displaced, is_partial: as in `ViewHeader`.
    """

    name: str
    num_pixels: int
    has_header: bool = False
    instance: str = ""
    acquired: str = ""
    is_raw: bool = False
    is_generated: bool = False
    is_displaced: bool = False
    is_partial: bool = False


def one_for_each(kinds: Sequence[Hashable], candidates: Sequence[Candidate]) -> dict[int, str]:
    """Reasons by index of all that are not read, where each candidate is of the kind in its place."""
    reasons: dict[int, str] = {}
    for kind in dict.fromkeys(kinds):
        group = [i for i, other in enumerate(kinds) if other == kind]
        _, left_out = choose([candidates[i] for i in group])
        reasons |= {group[i]: reason for i, reason in left_out.items()}
    return reasons


def candidate_of(name: str, num_pixels: int, header: ViewHeader | None) -> Candidate:
    """The candidate that a file is."""
    if header is None:
        return Candidate(name, num_pixels)
    return Candidate(
        name, num_pixels, True, header.sop_instance_uid, header.acquired, header.is_raw, header.is_generated,
        header.is_displaced, header.is_partial,
    )  # fmt: skip


_PREFERENCES: tuple[tuple[Callable[[Candidate], bool], str], ...] = (
    (lambda c: not c.has_header, "a picture without DICOM header beside"),
    (lambda c: c.is_raw, "a FOR PROCESSING image beside"),
    (lambda c: c.is_generated, "a 2D view synthesised from tomosynthesis beside"),
    (lambda c: c.is_displaced, "an implant-displaced view beside the full one,"),
    (lambda c: c.is_partial, "a partial view beside"),
)
"""What goes after what: a picture for which this is true is left out where there is one for which it is not."""


def choose(candidates: Sequence[Candidate]) -> tuple[int, dict[int, str]]:
    """Index of the one that is read, and the reason of every other.

    An object that comes twice is taken once. Then go a DICOM object before a plain picture, an image for presentation
    before its raw one, an acquired 2D view before a synthesised one, a full view before an implant-displaced one, a whole
    before a partial one. Of repeats the latest acquired is read; where not all say when they were, the largest; of equally
    large ones the last.

    Args:
        candidates: at least one, in the order in which they were given.
    """
    left = list(range(len(candidates)))
    reasons: dict[int, str] = {}
    for index, one in enumerate(candidates):
        first = next(i for i in left if (candidates[i].instance or i) == (one.instance or index))
        if first != index:
            reasons[index] = f"the same object as {candidates[first].name} (SOP Instance UID)"
            left.remove(index)
    behind: dict[int, str] = {}
    for goes_after, words in _PREFERENCES:
        ahead = [i for i in left if not goes_after(candidates[i])]
        if ahead:
            behind |= {i: words for i in left if i not in ahead}
            left = ahead
    kept, words = _of_repeats(candidates, left)
    behind |= {i: words for i in left if i != kept}
    return kept, reasons | {i: f"{words} {candidates[kept].name}" for i, words in behind.items()}


def _of_repeats(candidates: Sequence[Candidate], repeats: Sequence[int]) -> tuple[int, str]:
    """The repeat that is read, and what the others are to it."""
    moments = {candidates[i].acquired for i in repeats}
    if "" not in moments and len(moments) > 1:
        return max(repeats, key=lambda i: (candidates[i].acquired, i)), "an earlier repeat of"
    sizes = {candidates[i].num_pixels for i in repeats}
    largest = max(repeats, key=lambda i: (candidates[i].num_pixels, i))
    return largest, "a smaller repeat of" if len(sizes) > 1 else "a repeat, listed before"
