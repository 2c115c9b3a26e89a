"""`mammoscribe temporal`: linear heads that say improving, stable or worsening, measured patient by patient."""

from pathlib import Path
from typing import Annotated

import typer

from mammoscribe.cli.console import out as console
from mammoscribe.cli.console import progress_bar, warn
from mammoscribe.cli.options import folder_for, names_of
from mammoscribe.support.errors import InputError
from mammoscribe.support.files import write_text

EXAMPLE = "Example: mammoscribe temporal pairs.npz --out runs/temporal"


def command(
    features: Annotated[
        Path, typer.Argument(metavar="FEATURES", help="A feature set of pairs, made with `features --kind pooled`.")
    ],
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="Folder for temporal.json and heads.safetensors.")],
    findings: Annotated[
        str | None, typer.Option("--findings", metavar="LIST", help="Comma-separated findings; all by default.")
    ] = None,
    test_on: Annotated[
        str | None,
        typer.Option("--test-on", metavar="SPLIT", help="Fit on train and measure on val or test, without folds."),
    ] = None,
    folds: Annotated[
        int | None, typer.Option("--folds", min=2, help="Folds of the cross-validation by patient; 5 by default.")
    ] = None,
    penalty: Annotated[float, typer.Option("--penalty", min=1e-6, help="Weight of the squared weights.")] = 0.05,
    balanced: Annotated[
        bool, typer.Option("--balanced/--as-found", help="Whether every class counts alike in training.")
    ] = True,
) -> None:
    """Fit one linear head per finding on pooled pair features, and measure its macro accuracy.

    Every pair is answered by a head that saw no pair of its patient; with --test-on, by the head fitted on train.
    """
    folder = folder_for(out)
    if test_on is not None and folds is not None:
        raise InputError("--folds beside --test-on, which uses none", "one of the two")
    from mammoscribe.data.folds import FOLDS
    from mammoscribe.training import temporal
    from mammoscribe.training.feature_cache import load_features

    pairs = load_features(features)
    settings = temporal.TemporalSettings(penalty, balanced, folds or FOLDS)
    with progress_bar() as progress:
        task = progress.add_task("findings", total=None)

        def report(done: int, total: int) -> None:
            progress.update(task, completed=done, total=total)

        if test_on is None:
            result = temporal.cross_validate(pairs, settings, names_of(findings), report=report)
        else:
            result = temporal.train_and_test(pairs, test_on, settings, names_of(findings), report=report)
    for name, reason in result.left_out:
        warn(f"{name} left out: {reason}")
    told = {"model": pairs.model, "preprocessing": pairs.mode, "features": pairs.made_from, "penalty": penalty,
            "balanced": balanced}  # fmt: skip
    write_text(folder / "temporal.json", temporal.temporal_json(result, **told))
    temporal.save_heads(result, folder / "heads.safetensors", pairs.model)
    console.print(temporal.temporal_table(result), highlight=False, markup=False, soft_wrap=True)
