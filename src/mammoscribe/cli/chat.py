"""`mammoscribe chat`: the chat models that can be fine-tuned here, with terms and memory; LLaVA's own layout converted."""

from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated

import typer

from mammoscribe.cli.console import out as console
from mammoscribe.cli.options import folder_for
from mammoscribe.cli.plain_help import PlainCommand, PlainGroup
from mammoscribe.support.errors import InputError, install_extra

if TYPE_CHECKING:
    from mammoscribe.models.chat.family import Family

EXAMPLE = "Example: mammoscribe chat list"
READING, FULL = 2, 16
"""Bytes a parameter: weights in 16 bits; weights, gradients and Adam in 32 bits, as full fine-tuning keeps them."""

app = typer.Typer(
    cls=PlainGroup,
    help="Chat models that see pictures, such as LLaVA-1.5: which there are, one question, conversion.",
    no_args_is_help=True,
)


@app.command("list", cls=PlainCommand, epilog=EXAMPLE)
def show() -> None:
    """Print each family: its published models with the memory that they take, how it is shown views, and its terms."""
    from mammoscribe.models.chat.families import FAMILIES

    installed = find_spec("transformers") is not None
    for family in FAMILIES:
        _say(f"{family.name}: {', '.join(size.repository for size in family.sizes)}", bold=True)
        for size in family.sizes:
            _say(
                f"  {size.repository}: {size.billions:g} billion parameters; {_gb(size.gigabytes(READING))} GB to read with, "
                f"{_gb(size.gigabytes(FULL))} GB to fine-tune all of it, before activations"
            )
        _say(
            f"  views: {family.policy}, at most {family.most_images} in a conversation; {_tokens(family)} of a context of "
            f"{family.context}; an exam fits: {_yes(family.takes_exam)}, with its prior: {_yes(family.takes_prior)}"
        )
        _say(f"  preparation: windowed to 8 bits, {_shape(family)}")
        _say(f"  licence: {family.licence}")
        state = "ready" if installed else f"needs transformers: {install_extra('chat')}"
        _say(f"  state: {state}; tested on small models in its layout, not on the published weights")


@app.command(cls=PlainCommand, epilog="Example: mammoscribe chat begin --out starter-chat-0 --data prepared")
def begin(
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="Folder to write; it must not hold anything.")],
    data: Annotated[
        list[Path] | None,
        typer.Option(
            "--data",
            metavar="PREPARED",
            help="What it will learn from; by a few of these views what the encoder sees is standardised. May be repeated.",
        ),
    ] = None,
    reader: Annotated[
        str,
        typer.Option(
            "--reader", metavar="NAME_OR_DIR", help="Whose image encoder it has: one that ships here, or a folder."
        ),
    ] = "starter",
    base: Annotated[
        Path | None,
        typer.Option(
            "--base",
            metavar="DIR",
            help="Language model of `weights import`; the one in the weights folder when not given.",
        ),
    ] = None,
    scratch: Annotated[
        bool,
        typer.Option(
            "--scratch",
            help="In its place a small one of random weights with the same tokeniser, to be trained as a whole: the control.",
        ),
    ] = False,
) -> None:
    """Write a starter-chat that has learned nothing, for `train chat --init`: projector between a reader and a language model.

    Give --data for a model that is trained in earnest: without it, what the encoder sees is not standardised, and learning is slow.
    """
    from mammoscribe.models.chat.scratch import write_scratch_base
    from mammoscribe.models.chat.starter import begin_starter
    from mammoscribe.support.base_weights import NAME
    from mammoscribe.support.weights_folder import weights_folder
    from mammoscribe.training.chat.spread import usual_views

    like = base or weights_folder() / NAME
    with _new_folder(out, "beginning") as whole, TemporaryDirectory(prefix="mammoscribe-base-") as place:
        if scratch:
            write_scratch_base(like, Path(place))
        begin_starter(whole, Path(place) if scratch else like, reader, usual_views(data or ()))
    _say(f"wrote {out}")


@app.command(cls=PlainCommand, epilog="Example: mammoscribe chat convert llava-v1.5-7b --out llava-1.5-7b-hf")
def convert(
    folder: Annotated[
        Path,
        typer.Argument(
            metavar="DIR", help="Folder of liuhaotian/llava-v1.5-*, LLaVA-Med v1.5 or deepseek-ai/deepseek-vl-*."
        ),
    ],
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="Folder to write; it must not hold anything.")],
    vision_tower: Annotated[
        Path | None,
        typer.Option(
            "--vision-tower", metavar="DIR", help="Folder of the CLIP model, where the weights lack its image encoder."
        ),
    ] = None,
) -> None:
    """Write a model from the layout of its makers' repository in that of transformers; every weight is accounted for."""
    from mammoscribe.models.chat.chat_model import load_chat_model
    from mammoscribe.models.chat.convert import convert_folder

    with _new_folder(out, "converting into") as whole:
        convert_folder(folder, whole, vision_tower)
        load_chat_model(whole)  # what is missing or left over is named before anything gets its name
    _say(f"wrote {out}")


@contextmanager
def _new_folder(out: Path, doing: str) -> Iterator[Path]:
    """A folder to fill that becomes `out` when the block ends well; InputError where `out` holds files."""
    from mammoscribe.support.files import working_folder

    folder_for(out)
    if out.exists() and any(out.iterdir()):
        raise InputError(f"{out} holds files", "an empty folder, or a new one")
    with working_folder(out, doing) as part:
        whole = part / "model"  # with the permissions that the umask leaves; the working folder has fewer
        whole.mkdir()
        yield whole
        if out.exists():
            out.rmdir()
        whole.rename(out)


def _gb(number: float) -> str:
    return f"{number:.0f}" if number >= 2 else f"{number:.1f}"


def _tokens(family: "Family") -> str:
    fewest, most = family.view_tokens
    if family.crosses:
        return f"the picture is {most} token, which the language model sees by cross-attention,"
    return f"{fewest} tokens each" if fewest == most else f"{fewest} to {most} tokens each"


def _shape(family: "Family") -> str:
    from mammoscribe.models.chat.families import STARTER_CHAT

    if family is STARTER_CHAT:
        return "the breast alone, on the canvas of its reader"
    if family.preparation.pads_to_square:
        return "padded to a square, never cropped"
    return "kept in shape, all in one picture, never cropped" if family.crosses else "kept in shape, never cropped"


def _yes(fits: bool) -> str:
    return "yes" if fits else "no"


def _say(text: str, bold: bool = False) -> None:
    console.print(text, style="bold" if bold else None, highlight=False, markup=False, soft_wrap=True)
