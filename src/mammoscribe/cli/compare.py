"""`mammoscribe compare`: how well a text model tells sentences that say the same from those that contradict."""

from collections.abc import Sequence
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mammoscribe.cli.console import out as console
from mammoscribe.cli.console import warn, working
from mammoscribe.cli.joint_options import SpaceModel, open_space
from mammoscribe.cli.tables import csv_for, show_table

if TYPE_CHECKING:
    import numpy as np

    from mammoscribe.explain.similarity import Pair

EXAMPLE = "Example: mammoscribe compare pairs.csv --model weights/biovil-t"


def command(
    pairs: Annotated[
        Path,
        typer.Argument(
            metavar="PAIRS.csv",
            help="Columns sentence_1, sentence_2, label (paraphrase, entailment, contradiction, neutral).",
        ),
    ],
    threshold: Annotated[
        float | None,
        typer.Option(
            "--threshold",
            min=-1,
            max=1,
            help="Similarity from which on a pair says the same; else the card's, or fitted.",
        ),
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="CSV", help="Also write every pair with its similarity there.")
    ] = None,
    model: SpaceModel = "starter",
) -> None:
    """Compare sentences by the cosine of their embeddings: accuracy at a threshold, and ROC-AUC.

    Made for temporal statements (MS-CXR-T) and inference by similarity (RadNLI: entailment against contradiction). Which
    contradictions the model of this package tells is printed with its threshold. A model without one on its card has it
    fitted on these pairs, which flatters the accuracy.
    """
    table = csv_for(out)
    from mammoscribe.explain.similarity import pair_figures, read_pairs, sentence_similarities
    from mammoscribe.explain.verdict import distinction, sentence_threshold

    found, left_out = read_pairs(pairs)
    if left_out:
        warn(f"{left_out} neutral pairs are left out")
    space = open_space(model, None, None)
    with working("comparing"):
        scores = sentence_similarities(space, [p.first for p in found], [p.second for p in found])
    known = sentence_threshold(space) if threshold is None else None
    figures = pair_figures(scores, [p.alike for p in found], threshold if known is None else known.threshold)
    auc = f"{figures.auc:.4f}" if isfinite(figures.auc) else "not defined, as there is one kind of pair only"
    how = "fitted on these pairs, which flatters" if figures.fitted else "as given"
    if known is not None:
        how = f"fixed on pairs about {known.fixed.exams} {known.fixed.population}"
    console.print(
        f"{figures.alike} pairs that say the same, {figures.opposed} that contradict: accuracy {figures.accuracy:.4f} at "
        f"{figures.threshold:.4f} ({how}), ROC-AUC {auc}",
        highlight=False, markup=False, soft_wrap=True,
    )  # fmt: skip
    if known is not None:
        console.print(distinction(known), highlight=False, markup=False, soft_wrap=True)
    if table is not None:
        _write_pairs(found, scores, None if figures.fitted else figures.threshold, table)


def _write_pairs(found: "Sequence[Pair]", scores: "np.ndarray", threshold: float | None, table: Path) -> None:
    """Every pair with its similarity, and whether it says the same; no answer where the threshold was fitted on it."""
    same = ["not given" if threshold is None else bool(s >= threshold) for s in scores]
    rows = [
        {"similarity": float(s), "says_the_same": yes, "alike": p.alike, "sentence_1": p.first, "sentence_2": p.second}
        for s, yes, p in zip(scores, same, found, strict=True)
    ]
    show_table(rows, table)
