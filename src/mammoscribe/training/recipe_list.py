"""The recipes by the name that `mammoscribe train` takes; each is a function that returns a run."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from mammoscribe.training.calcifications.recipe import calcifications
from mammoscribe.training.crop_refiner.recipe import crop_refiner
from mammoscribe.training.engine.run import Run
from mammoscribe.training.reader.recipe import reader

RECIPES: Mapping[str, Callable[[Sequence[Path], Path | None], Run]] = {
    "reader": reader,
    "crop-refiner": crop_refiner,
    "calcifications": calcifications,
}
