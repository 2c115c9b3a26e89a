"""A model folder: the weights of a reader, and a card whose operating points come from exams it did not learn from."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from mammoscribe.models.reader.card import ModelCard, OperatingPoint
from mammoscribe.models.reader.reader import Reader
from mammoscribe.support.errors import InputError
from mammoscribe.training.calibration.parts import write_reader
from mammoscribe.training.calibration.point import calibrated
from mammoscribe.training.calibration.seen import SeenExam


def write_model(
    reader: Reader, drawn: Sequence[SeenExam], acquired: Sequence[SeenExam], how: tuple[str, str], out: Path
) -> ModelCard:
    """Fix the operating points and write `weights.safetensors` and `card.json` into `out`.

    Where there are exams of one origin only, its operating point is taken for the other too, and names its population.
    Where the exams are too few to fix which views are familiar, what the reader knew of that stays, with its population.

    Args:
        reader: what is written; of its operating points the familiar views alone are looked at.
        drawn, acquired: labelled exams of either origin, seen by networks that did not learn from them.
        how: what the drawn and the acquired exams are, in words.
        out: the model folder.

    Raises:
        InputError: without an exam.
    """
    if not drawn and not acquired:
        raise InputError(
            "no labelled exam to fix thresholds on", "a `val` split with labels, or folds that left some out"
        )
    before = reader.card
    synthetic = _familiar_or(calibrated(drawn, how[0]), before.synthetic) if drawn else None
    real = _familiar_or(calibrated(acquired, how[1], synthetic), before.real) if acquired else synthetic
    assert real is not None
    return write_reader(replace(reader, card=replace(reader.card, synthetic=synthetic or real, real=real)), out)


def _familiar_or(point: OperatingPoint, before: OperatingPoint) -> OperatingPoint:
    return point if point.familiar is not None else replace(point, familiar=before.familiar)
