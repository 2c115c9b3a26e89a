"""`mammoscribe match`: which statements fit a picture, by prompt sets or by texts of one's own."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mammoscribe.cli.console import progress_bar, warn
from mammoscribe.cli.joint_options import Bfloat16, SpaceMode, SpaceModel, Views, open_space
from mammoscribe.cli.tables import Row, csv_for, show_table
from mammoscribe.support.errors import InputError

if TYPE_CHECKING:
    from mammoscribe.imaging.joint_pixels import JointPixels
    from mammoscribe.models.joint_space import JointSpace

EXAMPLE = "Example: mammoscribe match R_MLO.dcm L_MLO.dcm --prompts my_prompts.toml --out scores.csv"
Match = Callable[["JointPixels"], Iterator[Row]]
"""The rows of one picture; texts and prompts are embedded before."""


def command(
    images: Annotated[list[Path], typer.Argument(metavar="IMAGE", help="DICOM, PNG, JPEG, TIFF or PGM.")],
    prompts: Annotated[
        Path | None,
        typer.Option("--prompts", metavar="TOML", help="Prompt sets of your own (docs/how_to/biovil_t.md)."),
    ] = None,
    classes: Annotated[
        list[str] | None,
        typer.Option("--class", metavar="NAME", help="The published prompts for this class; repeatable."),
    ] = None,
    texts: Annotated[
        Path | None,
        typer.Option("--texts", metavar="FILE", help="Rank these texts: one per line, or a CSV with a column text."),
    ] = None,
    top: Annotated[
        int | None, typer.Option("--top", min=1, help="With --texts: how many per picture; 5 by default.")
    ] = None,
    out: Annotated[Path | None, typer.Option("--out", metavar="CSV", help="Also write the table to this file.")] = None,
    model: SpaceModel = "starter",
    mode: SpaceMode = None,
    view: Views = None,
    bfloat16: Bfloat16 = False,
) -> None:
    """Zero-shot: score pictures against prompt sets, by default the shipped mammography ones, or rank texts.

    The difference is the cosine with the mean of the positive prompts less that with the mean of the negative ones. Yes or
    no is given where the model's card has a margin for exactly these prompts and for such pictures, with how often it is
    right; else the reason why it is not. A picture that cannot be read is named at the end, and the exit code is 1 then.
    """
    if sum(bool(given) for given in (prompts, classes, texts)) > 1:
        raise InputError("two of --prompts, --class and --texts", "one of them")
    if top is not None and texts is None:
        raise InputError("--top without --texts", "both or neither")
    table = csv_for(out)
    against = _against_sets(prompts, classes) if texts is None else _against_texts(texts, top or 5)
    space = open_space(model, mode, view, many=True, bfloat16=bfloat16)
    match = against(space)
    rows: list[Row] = []
    unread: list[InputError] = []
    with progress_bar() as progress:
        for path in progress.track(images, description="pictures"):
            try:
                rows += [{"image": str(path), **row} for row in match(space.prepare(path))]
            except InputError as error:
                unread.append(error)
    if not rows:
        raise unread[0]
    show_table(rows, table, by="image")
    for error in unread:
        warn(error.sentence())
    if unread:
        raise typer.Exit(1)


def _against_sets(prompts: Path | None, classes: list[str] | None) -> Callable[["JointSpace"], Match]:
    from mammoscribe.explain import zero_shot
    from mammoscribe.explain.verdict import verdict

    shipped = [zero_shot.published_prompts(name) for name in classes] if classes else zero_shot.mammography_prompts()
    sets = shipped if prompts is None else zero_shot.read_prompts(prompts)

    def against(space: "JointSpace") -> Match:
        sides = zero_shot.prompt_sides(space, sets)

        def rows(image: "JointPixels") -> Iterator[Row]:
            scores = zero_shot.classify(space, [image], sets, sides)[0]
            for prompt_set, score in zip(sets, scores, strict=True):
                answer = verdict(space, image, prompt_set, score)
                yield {
                    "what": score.name,
                    "difference": score.difference,
                    "margin": "" if answer.margin is None else answer.margin,
                    "present": "not given" if answer.present is None else answer.present,
                    "positive": score.positive,
                    "negative": score.negative,
                    "why": answer.why,
                }

        return rows

    return against


def _against_texts(path: Path, top: int) -> Callable[["JointSpace"], Match]:
    from mammoscribe.explain.retrieval import find_texts, image_queries, text_queries

    texts = [item.value for item in find_texts(path)]

    def against(space: "JointSpace") -> Match:
        embedded = text_queries(space, texts)

        def rows(image: "JointPixels") -> Iterator[Row]:
            cosines = (image_queries(space, [image]) @ embedded.T)[0].tolist()
            ranked = sorted(range(len(texts)), key=lambda i: -cosines[i])
            for rank, i in enumerate(ranked[:top], 1):
                yield {"rank": rank, "similarity": cosines[i], "text": texts[i]}

        return rows

    return against
