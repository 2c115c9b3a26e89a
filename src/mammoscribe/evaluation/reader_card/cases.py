"""Outputs joined to the labels of the same exams: nothing is left out without being named."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from mammoscribe.evaluation.labelled_exams import LabelledExam
from mammoscribe.evaluation.outputs.exam_output import ExamOutput
from mammoscribe.support.errors import InputError

_NAMED = 5
"""How many ids a sentence names."""


@dataclass(frozen=True)
class Case:
    """One exam with its labels and what a reader gave for it."""

    labels: LabelledExam
    output: ExamOutput


@dataclass(frozen=True)
class Joined:
    """The exams that are measured, and those that are not.

    Args:
        labels: of the measured exams. outputs: of each system, in the order of the labels.
        missing: exams without an output of every system. unreadable: exams that a system could not read.
    """

    labels: tuple[LabelledExam, ...]
    outputs: tuple[tuple[ExamOutput, ...], ...]
    missing: tuple[str, ...]
    unreadable: tuple[str, ...]

    def cases(self, system: int) -> tuple[Case, ...]:
        """The exams with the outputs of one system."""
        return tuple(Case(own, given) for own, given in zip(self.labels, self.outputs[system], strict=True))


def join(
    labels: Sequence[LabelledExam], systems: Mapping[str, Mapping[str, ExamOutput]], common_only: bool = False
) -> Joined:
    """The labelled exams with the outputs of every system.

    Args:
        labels: of the split. systems: name -> outputs by exam id; outputs of exams outside the split are not looked at.
        common_only: measure the exams that every system has, instead of refusing.

    Raises:
        InputError: when a system has no output for an exam, or none that could be read, or an output was made from other
            pictures.
    """
    known = [e for e in labels if all(e.exam_id in outputs for outputs in systems.values())]
    missing = [e.exam_id for e in labels if e not in known]
    if missing and (not known or not common_only):
        lacking = next(n for n, outputs in systems.items() if any(i not in outputs for i in missing))
        do = (
            "use --common to measure the others"
            if known
            else f"its first exam is {next(iter(systems[lacking]), 'none')}"
        )
        found = f"{len(missing)} of {len(labels)} exams of the split have no output of {lacking} ({listed(missing)})"
        raise InputError(found, "an output for every exam", do)
    problems = [e.exam_id for e in known if any(outputs[e.exam_id].problem for outputs in systems.values())]
    kept = [e for e in known if e.exam_id not in set(problems)]
    if not kept:
        raise InputError("no exam could be read by every system", "at least one", "see the column message")
    for name, outputs in systems.items():
        _check_pictures(name, kept, outputs)
    given = tuple(tuple(outputs[e.exam_id] for e in kept) for outputs in systems.values())
    return Joined(tuple(kept), given, tuple(missing), tuple(problems))


def _check_pictures(name: str, labels: Sequence[LabelledExam], outputs: Mapping[str, ExamOutput]) -> None:
    """InputError where views or their sizes are others than in the dataset: boxes and labels would be of other pictures."""
    wrong = [e.exam_id for e in labels if _other_pictures(e, outputs[e.exam_id])]
    if wrong:
        found = f"{name}: {len(wrong)} of {len(labels)} exams were read from other pictures than this dataset has for their ids ({listed(wrong)})"
        raise InputError(found, "the same views of the same size", "check whether the ids were shuffled")


def _other_pictures(labels: LabelledExam, output: ExamOutput) -> bool:
    if output.views is None:
        return not set(output.breasts) <= set(labels.breasts)
    sizes = {name: (v.width_px, v.height_px) for name, v in output.views.items()}
    return any(labels.views.get(name) != size for name, size in sizes.items())


def listed(ids: Sequence[str]) -> str:
    """The first ids of many."""
    return ", ".join(ids[:_NAMED]) + (", ..." if len(ids) > _NAMED else "")
