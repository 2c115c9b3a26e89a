"""`mammoscribe train-starter`: the recipes that made the weights in the package, on exams that they prepare themselves."""

import os
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from rich.progress import Progress, TaskID

from mammoscribe.cli.console import out as console
from mammoscribe.cli.console import progress_bar
from mammoscribe.support.errors import InputError

EXAMPLE = "Example: mammoscribe train-starter starter_phantom --out runs/phantom --minutes 40"


class Recipe(StrEnum):
    """The recipes; what each one does is in `training/recipes.py`."""

    STARTER_PHANTOM = "starter_phantom"
    STARTER = "starter"
    REAL_FOLD = "real_fold"
    FOLD_MARKS = "fold_marks"
    JOINT_SPACE = "joint_space"


FILM_RECIPES = (Recipe.STARTER, Recipe.REAL_FOLD, Recipe.FOLD_MARKS)
"""Those that read real films."""
GATHERING_RECIPES = (Recipe.JOINT_SPACE,)
"""Those that let a trained first pass look at every exam before they start."""


def command(
    recipe: Annotated[
        Recipe,
        typer.Argument(help="starter_phantom and joint_space need no data; the others need --data."),
    ],
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="Folder of the run; one found there goes on.")],
    cache: Annotated[
        Path, typer.Option("--cache", metavar="DIR", help="Folder of prepared exams, filled once.")
    ] = Path("cache"),
    minutes: Annotated[float, typer.Option("--minutes", min=0.1, help="How long to train.")] = 40.0,
    data: Annotated[
        Path | None,
        typer.Option("--data", metavar="DIR", envvar="MAMMOSCRIBE_DATA", help="Folder of the real data sets."),
    ] = None,
    warm_start: Annotated[
        Path | None,
        typer.Option("--warm-start", metavar="FILE", help="checkpoint.pt of the run this one goes on from."),
    ] = None,
    crop_refiner: Annotated[
        Path | None,
        typer.Option("--crop-refiner", metavar="RUN", help="Run of `train crop-refiner`, for fold_marks."),
    ] = None,
    fold: Annotated[int, typer.Option("--fold", min=0, help="The fold of patients that real_fold leaves out.")] = 0,
    workers: Annotated[int, typer.Option("--workers", min=1, help="Processes that draw phantoms.")] = os.cpu_count()
    or 1,
) -> None:
    """Train a reader by a recipe; the run's folder holds metrics.jsonl and checkpoint.pt."""
    if recipe is not Recipe.STARTER_PHANTOM and warm_start is None:
        raise InputError(f"{recipe} goes on from starter_phantom", "--warm-start FILE", "train starter_phantom first")
    if recipe in FILM_RECIPES and (data is None or not data.is_dir()):
        raise InputError(f"no real data in {data or '(nothing given)'}", "--data DIR with rsna_512 and mini_mias")
    if crop_refiner is not None and recipe is not Recipe.FOLD_MARKS:
        raise InputError(f"--crop-refiner, which {recipe} does not use", "fold_marks with it")
    from mammoscribe.training.recipes import check_start

    check_start(warm_start, crop_refiner)
    with progress_bar() as progress:
        _prepare(cache, data if recipe in FILM_RECIPES else None, workers, progress)
        _run(recipe, cache, out, minutes, warm_start or Path(), crop_refiner, fold, progress)
    console.print(f"run in {out}", highlight=False, markup=False, soft_wrap=True)


def _run(
    recipe: Recipe, cache: Path, out: Path, minutes: float, warm_start: Path, crop_refiner: Path | None, fold: int,
    progress: Progress,
) -> None:  # fmt: skip
    """Run one recipe with its bars; what it needs was checked before."""
    from mammoscribe.training import recipes

    gathering = progress.add_task("gathering", total=None, visible=recipe in GATHERING_RECIPES)
    task = progress.add_task("training", total=100)

    def gathered() -> None:
        progress.advance(gathering)

    def report(row: dict) -> None:
        progress.update(task, completed=int(100 * row["progress"]))

    match recipe:
        case Recipe.STARTER_PHANTOM:
            recipes.starter_phantom(cache, out, minutes, report)
        case Recipe.STARTER:
            recipes.starter(cache, out, warm_start, minutes, report)
        case Recipe.REAL_FOLD:
            recipes.real_fold(cache, out, warm_start, fold, minutes, report)
        case Recipe.JOINT_SPACE:
            recipes.joint_space(cache, out, warm_start, minutes, report, gathered)
        case Recipe.FOLD_MARKS:
            recipes.fold_marks(cache, out, warm_start, crop_refiner, fold)


def _prepare(cache: Path, data: Path | None, workers: int, progress: Progress) -> None:
    """Fill what is missing of the cache: phantoms, and the real sets where `data` is given."""
    from mammoscribe.models.reader.network import starter_config
    from mammoscribe.training.prepare import prepare_mias, prepare_phantoms, prepare_rsna
    from mammoscribe.training.recipes import TRAIN_SEEDS, TRAIN_SPEC

    def one_more(task: TaskID) -> None:
        progress.advance(task)

    config = starter_config()
    task = progress.add_task("drawing phantoms", total=None)
    prepare_phantoms(TRAIN_SEEDS, config, TRAIN_SPEC, cache / "phantom", workers, lambda: one_more(task))
    if data is not None:
        task = progress.add_task("preparing films", total=None)
        prepare_rsna(data / "rsna_512", config, cache / "rsna", lambda: one_more(task))
        prepare_mias(data / "mini_mias", config, cache / "mias", lambda: one_more(task))
