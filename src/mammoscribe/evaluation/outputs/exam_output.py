"""What a reader gave for one exam: answers for each breast, marks in stored pixels and the report, as one line of JSON.

An output holds no label: it is the same whatever is true of the exam.
"""

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from mammoscribe.domain.assessment import Category
from mammoscribe.domain.finding import FindingType
from mammoscribe.domain.grounded import GroundedSentence
from mammoscribe.domain.view import Box, Laterality
from mammoscribe.support.errors import InputError, InvalidNoun

DENSITIES = "abcd"


@dataclass(frozen=True)
class BreastOutput:
    """Answers for one imaged breast; None where the reader gave none.

    Args:
        prob_malignant: 0 to 1. density: a to d. density_probs: of a, b, c, d. birads: the category.
        num_findings: findings that the report states.

    Raises:
        InvalidNoun: for a probability outside 0 to 1, or a letter or category that is none.
    """

    prob_malignant: float | None = None
    density: str | None = None
    density_probs: tuple[float, ...] | None = None
    birads: str | None = None
    num_findings: int | None = None

    def __post_init__(self) -> None:
        for p in (self.prob_malignant, *(self.density_probs or ())):
            if p is not None and not (math.isfinite(p) and 0 <= p <= 1):
                raise InvalidNoun(f"a probability of {p}", "a number from 0 to 1")
        if self.density_probs is not None and len(self.density_probs) != len(DENSITIES):
            raise InvalidNoun(f"{len(self.density_probs)} probabilities of density", "four")
        if self.density is not None and (len(self.density) != 1 or self.density not in DENSITIES):
            raise InvalidNoun(f"a density of {self.density!r}", "a, b, c or d")
        if self.birads is not None and self.birads not in set(Category):
            raise InvalidNoun(f"a category of {self.birads!r}", ", ".join(Category))


@dataclass(frozen=True)
class OutputMark:
    """A mark in one view.

    Args:
        view: such as `R_CC`. kind: of finding. box: in stored pixels.
        score: of its finding. suspicion: 0 to 1, None where the reader gave none. stated: whether the report has a
            sentence of it.
    """

    view: str
    kind: FindingType
    box: Box
    score: float
    suspicion: float | None = None
    stated: bool = True

    def __post_init__(self) -> None:
        if not math.isfinite(self.score):
            raise InvalidNoun(f"a mark with the score {self.score}", "a finite number")


@dataclass(frozen=True)
class OutputView:
    """A view that was read: its stored size, which is the frame of the marks, and the kinds that it was searched for."""

    width_px: int
    height_px: int
    searched: frozenset[FindingType] = frozenset(FindingType)


@dataclass(frozen=True)
class ExamOutput:
    """One exam.

    Args:
        exam_id: as the dataset has it.
        breasts: of the imaged sides.
        views: by name; None where only a table of answers is there.
        marks: of any score. complete: whether they include those that are too weak to be shown.
        sentences: of the report; None where there is none.
        problem: why the exam could not be read, "" when it was.
    """

    exam_id: str
    breasts: Mapping[Laterality, BreastOutput]
    views: Mapping[str, OutputView] | None = None
    marks: tuple[OutputMark, ...] = ()
    complete: bool = False
    sentences: tuple[GroundedSentence, ...] | None = None
    problem: str = ""

    @property
    def report(self) -> str | None:
        """The text of the report."""
        return None if self.sentences is None else "\n".join(s.text for s in self.sentences)

    def exchanged(self) -> "ExamOutput":
        """The same with the answers for right and left exchanged; without marks, whose places would be others."""
        return replace(
            self, breasts={side: self.breasts[_other(side)] for side in Laterality if _other(side) in self.breasts},
            views=None, marks=(), sentences=None,
        )  # fmt: skip


def _other(side: Laterality) -> Laterality:
    return Laterality.LEFT if side is Laterality.RIGHT else Laterality.RIGHT


def dump_output(output: ExamOutput) -> str:
    """The output as one line of JSON."""
    views = output.views
    plain = {
        "exam_id": output.exam_id,
        "breasts": {side.value: asdict(b) for side, b in output.breasts.items()},
        "views": None if views is None else {n: _plain_view(v) for n, v in views.items()},
        "marks": [_plain_mark(m) for m in output.marks],
        "complete": output.complete,
        "sentences": None if output.sentences is None else [plain_sentence(s) for s in output.sentences],
        "problem": output.problem,
    }
    return json.dumps(plain, separators=(",", ":"), allow_nan=False)


def _plain_view(view: OutputView) -> dict[str, Any]:
    return {"size": [view.width_px, view.height_px], "searched": sorted(k.value for k in view.searched)}


def _plain_mark(m: OutputMark) -> list[Any]:
    return [
        m.view, m.kind.value, [round(e, 2) for e in m.box.as_list()], round(m.score, 6),
        None if m.suspicion is None else round(m.suspicion, 6), m.stated,
    ]  # fmt: skip


def plain_sentence(s: GroundedSentence) -> list[Any]:
    """A sentence with its boxes as JSON values."""
    return [s.text, [[view, box.as_list()] for view, box in s.boxes]]


def parse_output(line: str) -> ExamOutput:
    """Inverse of `dump_output`.

    Raises:
        InputError: when the line is no such output.
    """
    try:
        plain = json.loads(line)
        views, sentences = plain["views"], plain["sentences"]
        return ExamOutput(
            plain["exam_id"],
            {Laterality(side): _breast(b) for side, b in plain["breasts"].items()},
            None if views is None else {n: _view(v) for n, v in views.items()},
            tuple(_mark(m) for m in plain["marks"]),
            plain["complete"],
            None if sentences is None else tuple(sentence_of(s) for s in sentences),
            plain["problem"],
        )  # fmt: skip
    except (ValueError, KeyError, TypeError, InvalidNoun) as error:
        raise InputError(
            f"a line that is no output of an exam ({error})", "", "delete the file and run again"
        ) from error


def _breast(plain: dict[str, Any]) -> BreastOutput:
    probs = plain.pop("density_probs")
    return BreastOutput(**plain, density_probs=None if probs is None else tuple(probs))


def _view(plain: dict[str, Any]) -> OutputView:
    width, height = plain["size"]
    return OutputView(width, height, frozenset(FindingType(k) for k in plain["searched"]))


def _mark(plain: list[Any]) -> OutputMark:
    view, kind, box, score, suspicion, stated = plain
    return OutputMark(view, FindingType(kind), Box(*box), score, suspicion, stated)


def sentence_of(plain: list[Any]) -> GroundedSentence:
    """Inverse of `plain_sentence`."""
    text, boxes = plain
    return GroundedSentence(text, tuple((view, Box(*box)) for view, box in boxes))
