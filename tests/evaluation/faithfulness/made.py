"""Exams of drawn half-discs, some with a bright spot, and generators made up for tests: ones that look, and ones that do not."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np

from mammoscribe.domain.exam import HANGING, Exam
from mammoscribe.domain.view import Box, Laterality, View, standard_view_id
from mammoscribe.evaluation.faithfulness.subjects import Lesion, Subject, Subjects
from mammoscribe.evaluation.faithfulness.written import Cited, Written, facts_of
from mammoscribe.imaging.picture import Picture

HEIGHT, WIDTH = 240, 160
ASKED = frozenset((side, "mass") for side in "RL")


def breast(seed: int, side: Laterality, spot: tuple[int, int] | None) -> np.ndarray:
    """[240, 160] grey half-disc with the chest wall where the side has it, and a bright spot at (row, column from the wall)."""
    rows, columns = np.mgrid[:HEIGHT, :WIDTH]
    inside = ((rows - 120) / 110) ** 2 + (columns / 130) ** 2 < 1
    pixels = np.where(inside, 0.4 + np.random.default_rng(seed).normal(0, 0.02, (HEIGHT, WIDTH)), 0.0)
    if spot is not None:
        pixels[(rows - spot[0]) ** 2 + (columns - spot[1]) ** 2 < 64] = 0.95
    pixels = pixels if side is Laterality.LEFT else pixels[:, ::-1]
    return np.ascontiguousarray(pixels, dtype=np.float32)


def subject(number: int, spotted: str, twins: bool = True) -> Subject:
    """An exam of a patient of its own whose breasts in `spotted` ("", "R", "L" or "RL") show a spot in both views."""
    views = tuple(View(standard_view_id(s, p), s, p, WIDTH, HEIGHT, f"{s}{p}") for s, p in HANGING)
    spot = (90 + 7 * (number % 8), 50 + 5 * (number % 5))

    def decode(view: View) -> Picture:
        seed = 100 * number + [v.id for v in views].index(view.id)
        return Picture(breast(seed, view.laterality, spot if view.laterality in spotted else None))

    truth = frozenset((side, "mass") for side in spotted)
    found = Subject(Exam(f"e{number}", views, f"p{number}"), decode, f"p{number}", truth, ASKED)
    return replace(found, lesions=tuple(lesion(number, spotted, side) for side in spotted)) if twins else found


def lesion(number: int, spotted: str, side: str) -> Lesion:
    """The spot of a breast, with the exam without it and with it in the other breast."""
    gone = spotted.replace(side, "")
    other = "L" if side == "R" else "R"
    return Lesion(
        side, (side, "mass"), lambda: subject(number, gone, twins=False),
        lambda: None if other in gone else subject(number, gone + other, twins=False),
    )  # fmt: skip


class Made(Subjects):
    """Exams with the spots of a list."""

    def __init__(self, spotted: list[str], twins: bool = True) -> None:
        self._made = [subject(i, s, twins) for i, s in enumerate(spotted)]

    def __len__(self) -> int:
        return len(self._made)

    def __getitem__(self, number):
        return self._made[number]


Write = Callable[[Exam, Callable[[View], Picture]], Mapping[str, Box] | None]


@dataclass
class Fake:
    """A generator that writes what a function says: text, and boxes of the sides that it found a spot in."""

    says: Callable
    without_weights: "Fake | None" = None
    texts: tuple[str, ...] = ("report",)
    calls: int = 0

    def write(self, exam: Exam, decode) -> Written:
        self.calls += 1
        text, boxes = self.says(exam, decode)
        cited = tuple(Cited(side, "mass", own) for side, own in boxes.items())
        return Written({"report": facts_of([text], exam.imaged)}, cited, None, 4, 1)

    def randomised(self) -> "Fake | None":
        return self.without_weights


def spots(exam: Exam, decode) -> dict[Laterality, dict[str, Box]]:
    """Where the pictures are brighter than tissue, by side and view."""
    found: dict[Laterality, dict[str, Box]] = {}
    for view in exam.current:
        rows, columns = np.nonzero(decode(view).pixels > 0.8)
        if len(rows) > 30:
            box = Box(float(columns.min()), float(rows.min()), float(columns.max() + 1), float(rows.max() + 1))
            found.setdefault(view.laterality, {})[view.id] = box
    return found


def worded(sides) -> str:
    """A sentence for each side with a mass."""
    return " ".join(f"{side.word.capitalize()} breast: oval mass." for side in sides) or "No mass in either breast."


def looking(exam: Exam, decode) -> tuple[str, dict]:
    """Says what it sees."""
    found = spots(exam, decode)
    return worded(found), found


def constant(exam: Exam, decode) -> tuple[str, dict]:
    """Always says the same, and points at the same place."""
    return "Right breast: oval mass.", {Laterality.RIGHT: {"R_CC": Box(60, 80, 80, 100), "R_MLO": Box(60, 80, 80, 100)}}


def one_sided(exam: Exam, decode) -> tuple[str, dict]:
    """Sees whether there is a spot, and calls every side the right one."""
    found = spots(exam, decode)
    boxes = next(iter(found.values()), None)
    return worded([Laterality.RIGHT] if found else []), {} if boxes is None else {Laterality.RIGHT: boxes}


def memory(spotted: list[str]):
    """Knows the truth of every exam by its id, and never looks."""

    def says(exam: Exam, decode) -> tuple[str, dict]:
        sides = [Laterality(s) for s in spotted[int(exam.id[1:])]]
        return worded(sides), {side: {f"{side}_CC": Box(60, 80, 80, 100)} for side in sides}

    return says
