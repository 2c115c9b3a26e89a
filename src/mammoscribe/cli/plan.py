"""`mammoscribe plan`: whether a training fits on given devices, in which way of sharing it, and how long its steps take."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from mammoscribe.cli.console import out as console
from mammoscribe.cli.console import working
from mammoscribe.cli.tables import show_table
from mammoscribe.cli.train import RECIPES, Data, Init, Set, fields_of
from mammoscribe.support.lookup import look_up

if TYPE_CHECKING:
    from mammoscribe.training.engine.plan import Way

GIB = 2**30
EXAMPLE = "Example: mammoscribe plan reader --data prepared --set task.preset=base --gpus 8x80GB --tflops 150"


def command(
    recipe: Annotated[str, typer.Argument(help="A recipe of `mammoscribe train list`.")],
    gpus: Annotated[str, typer.Option("--gpus", metavar="NxGB", help="Number and memory of the devices, as 8x80GB.")],
    data: Data = None,
    init: Init = None,
    set_fields: Set = None,
    tflops: Annotated[
        float | None,
        typer.Option(
            "--tflops",
            min=0.001,
            help="What a device computes in a second, in 10^12 operations; a third of its data sheet is usual.",
        ),
    ] = None,
) -> None:
    """Measure a recipe on the CPU with a few items of its data, and say what it needs on GPUs.

    Memory counts weights, gradients, optimiser, averages, and what a pass keeps for the backward pass. A tenth of each
    device is left to its driver and libraries. Nothing is trained.
    """
    look_up(recipe, RECIPES, "recipe")
    from mammoscribe.training.engine.footprint import footprint
    from mammoscribe.training.engine.plan import Devices, seconds_of_step, ways
    from mammoscribe.training.recipe_list import RECIPES as FUNCTIONS

    devices = Devices.from_text(gpus)
    run = FUNCTIONS[recipe](data or [], init).with_set({**fields_of(set_fields), "execution.device": "cpu"})
    for name in run.batch:
        run.share(name, devices.count)
    with working("measuring a few items of each source"):
        found = footprint(run)
    planned = list(ways(found, run, devices))
    items = ", ".join(f"{count} {name}" for name, count in run.batch.items())
    console.print(
        f"{found.weights / 4e6:.1f} M weights, {found.trained / 4e6:.1f} M trained; {items} a step", highlight=False
    )
    show_table([_row(way) for way in planned])
    console.print(_advice(planned), highlight=False)
    console.print(f"{found.of_step(run.batch) / 1e12:.3g} x 10^12 operations a step", highlight=False)
    if tflops is not None:
        seconds = seconds_of_step(found, run, devices, tflops)
        console.print(
            f"{seconds:.3g} s a step, {run.steps * seconds / 3600:.3g} h for {run.steps} steps at that rate; reading data is not counted",
            highlight=False,
        )


def _row(way: "Way") -> dict[str, str]:
    return {
        "kind": str(way.kind), "offload": str(way.offload), "GiB a device": f"{way.device / GIB:.2f}",
        "GiB of the host": f"{way.host / GIB:.2f}", "fits": "yes" if way.fits else "no",
    }  # fmt: skip


def _advice(planned: "Sequence[Way]") -> str:
    way = next((w for w in planned if w.fits), None)
    if way is None:
        return "fits in no way: more devices, fewer items a step, or more parts of a step (--set accumulate=N)"
    offload = "" if way.offload == "none" else f" --set distribution.offload={way.offload}"
    return f"the quickest that fits: --set distribution.kind={way.kind}{offload}"
