"""`mammoscribe features`: pictures of a manifest, embedded once by a frozen image-text model."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from mammoscribe.cli.console import out as console
from mammoscribe.cli.console import progress_bar, warn
from mammoscribe.cli.joint_options import Bfloat16, Mode, SpaceMode, open_space
from mammoscribe.cli.options import file_for, names_of

EXAMPLE = "Example: mammoscribe features manifest.csv --model weights/biovil-t --out features.npz"
LISTED = 5
"""Skipped pictures that are named on the terminal; the file keeps all."""


class Kind(StrEnum):
    """Which features: in the joint space, for RE-tune, or before the projection, for temporal heads and probes."""

    PROJECTED = "projected"
    POOLED = "pooled"


def command(
    manifest: Annotated[
        Path,
        typer.Argument(metavar="MANIFEST.csv", help="path[,prior_path],split[,patient_id] and a column per class."),
    ],
    model: Annotated[
        str,
        typer.Option(
            "--model",
            metavar="NAME_OR_DIR",
            help="The model: one that ships here, or a folder of BioViL-T or BioViL files.",
        ),
    ],
    out: Annotated[Path, typer.Option("--out", metavar="FILE", help="The feature set (.npz); a stopped run goes on.")],
    kind: Annotated[
        Kind,
        typer.Option("--kind", help="projected for `train retune`; pooled for `train temporal` and `train probe`."),
    ] = Kind.PROJECTED,
    mode: SpaceMode = None,
    classes: Annotated[
        str | None, typer.Option("--classes", metavar="LIST", help="Comma-separated class columns; all by default.")
    ] = None,
    root: Annotated[
        Path | None, typer.Option("--root", metavar="DIR", help="Where paths start; the manifest's folder by default.")
    ] = None,
    bfloat16: Bfloat16 = False,
) -> None:
    """Embed the pictures of a manifest once, so that training on them takes seconds.

    A class column holds 1, 0 or blank (unknown), or improving, stable, worsening since the prior. A picture that
    cannot be read is skipped and named; the feature set keeps the list with the reasons.
    """
    file_for(out, "a feature set (.npz)")
    from mammoscribe.data.labelled import read_labels

    table = read_labels(manifest, names_of(classes), root)
    from mammoscribe.training.probes.embed import build_features
    from mammoscribe.training.probes.feature_set import FeatureKind

    space = open_space(model, mode, None, many=True, bfloat16=bfloat16)
    used = getattr(space, "mode", Mode.PUBLISHED.value)
    settings = "" if used == Mode.PUBLISHED.value else used  # published is what most models do without --mode
    settings = " ".join(filter(None, (settings, "bfloat16" if bfloat16 else "")))
    with progress_bar() as progress:
        task = progress.add_task("embedding", total=len(table.rows))
        features = build_features(
            space, table, out, FeatureKind(kind.value), settings, lambda n, _: progress.update(task, completed=n)
        )
    for name, reason in features.skipped[:LISTED]:
        warn(f"{name} skipped: {reason}")
    if len(features.skipped) > LISTED:
        warn(f"... and {len(features.skipped) - LISTED} more; all are listed in {out} under `skipped`")
    found = f"{len(features)} pictures, {features.features.shape[1]} {kind} features, {len(features.classes)} classes"
    console.print(f"{out}: {found}, {len(features.skipped)} skipped", highlight=False, markup=False, soft_wrap=True)
