"""Two files of reports joined by the ids of their exams: nothing is left out without being named."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from mammoscribe.data.report_files import StoredReport
from mammoscribe.domain.grounded import GroundedSentence
from mammoscribe.support.errors import InputError, InvalidNoun

Sentences = tuple[GroundedSentence, ...]
_NAMED = 5
"""How many ids an error names."""


@dataclass(frozen=True)
class ReportPairs:
    """Reference and candidate texts of the same exams, in the order of the reference file.

    Args:
        ids, patients, references, candidates: one entry for each exam; where no file names patients, the patient of an
            exam is its id.
        patients_known: whether the reference file names patients.
        left_out: ids that only one of the two files has.
        grounded: sentences of reference and candidate with their boxes, one entry for each exam; none where they are not
            known on both sides.

    Raises:
        InvalidNoun: when there is no exam, or the lists differ in length.
    """

    ids: tuple[str, ...]
    patients: tuple[str, ...]
    references: tuple[str, ...]
    candidates: tuple[str, ...]
    patients_known: bool = False
    left_out: tuple[str, ...] = ()
    grounded: tuple[tuple[Sentences, Sentences], ...] = ()

    def __post_init__(self) -> None:
        if not self.ids or len({len(self.ids), len(self.patients), len(self.references), len(self.candidates)}) != 1:
            raise InvalidNoun("pairs of reports without exams, or with lists of different lengths")


def join(
    reference: Mapping[str, StoredReport],
    candidate: Mapping[str, StoredReport],
    common_only: bool = False,
    within: Collection[str] | None = None,
) -> ReportPairs:
    """The exams of the reference with what the candidate says of them.

    Args:
        reference, candidate: reports by the id of their exam.
        common_only: score the exams that both have, and list the others, instead of refusing.
        within: with `common_only`, exams that further files have too; None for no further file.

    Raises:
        InputError: when an exam is on one side only, a reference is empty, or the two sides name different patients.
    """
    missing = [i for i in reference if i not in candidate]
    surplus = [i for i in candidate if i not in reference]
    ids = [i for i in reference if i in candidate and (not common_only or within is None or i in within)]
    if not ids:
        do = f"the first ids are {next(iter(reference))!r} and {next(iter(candidate))!r}"
        raise InputError(
            "the candidate has a report for none of the reference's exams", "the same ids on both sides", do
        )
    if (missing or surplus) and not common_only:
        found = "; ".join(
            f"{len(those)} {what} ({_listed(those)})"
            for those, what in (
                (missing, "exams of the reference have no candidate report"),
                (surplus, "candidate reports have no reference"),
            )
            if those
        )
        raise InputError(found, "one candidate report for every reference", "use --common to score the others")
    _check(reference, candidate, ids)
    kept = frozenset(ids)
    return ReportPairs(
        tuple(ids),
        tuple(reference[i].patient or i for i in ids),
        tuple(reference[i].text for i in ids),
        tuple(candidate[i].text for i in ids),
        all(reference[i].patient is not None for i in ids),
        tuple(dict.fromkeys(i for i in (*reference, *candidate) if i not in kept)),
        _grounded(reference, candidate, ids),
    )


def _grounded(
    reference: Mapping[str, StoredReport], candidate: Mapping[str, StoredReport], ids: Collection[str]
) -> tuple[tuple[Sentences, Sentences], ...]:
    """Sentences of both sides where every report has them."""
    if not all(side[i].sentences for side in (reference, candidate) for i in ids):
        return ()
    return tuple((reference[i].sentences, candidate[i].sentences) for i in ids)


def _check(reference: Mapping[str, StoredReport], candidate: Mapping[str, StoredReport], ids: Collection[str]) -> None:
    if empty := [i for i in ids if not reference[i].text]:
        raise InputError(f"{len(empty)} references are empty ({_listed(empty)})", "a text in every reference")
    named = [i for i in ids if reference[i].patient and candidate[i].patient]
    if other := [i for i in named if reference[i].patient != candidate[i].patient]:
        found = f"reference and candidate name different patients for {len(other)} exams ({_listed(other)})"
        raise InputError(found, "the same patient on both sides", "check whether the ids were shuffled")


def _listed(ids: Collection[str]) -> str:
    shown = ", ".join(list(ids)[:_NAMED])
    return shown + (", ..." if len(ids) > _NAMED else "")
