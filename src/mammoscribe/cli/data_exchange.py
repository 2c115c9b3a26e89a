"""`mammoscribe data export, import, draft`: catalogues to and from other programs' files, and a first TOML for a folder."""

from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mammoscribe.cli.console import progress_bar, warn
from mammoscribe.cli.data_options import CatalogueDir, counting, say
from mammoscribe.cli.options import file_for, folder_for
from mammoscribe.support.errors import InputError
from mammoscribe.support.files import write_text

if TYPE_CHECKING:
    from mammoscribe.data.catalogue import Catalogue
    from mammoscribe.data.dataset import Fault

SHOWN = 5


class Target(StrEnum):
    """What a catalogue is written as: conversations, a manifest for `predict`, or labels for `retune`."""

    LLAVA = "llava"
    MANIFEST = "manifest"
    LABELS = "labels"


class Source(StrEnum):
    """What a catalogue is made of."""

    LLAVA = "llava"


def export(
    catalogue: CatalogueDir,
    to: Annotated[Target, typer.Option("--to", help="llava: a folder of JSON; manifest, labels: a CSV.")],
    out: Annotated[Path, typer.Option("--out", metavar="PATH", help="The folder (llava) or CSV to write.")],
    prompts: Annotated[
        Path | None, typer.Option("--prompts", metavar="TOML", help="What is asked and answered, for llava.")
    ] = None,
    png: Annotated[
        bool, typer.Option("--png", help="Also write every picture as an 8-bit PNG beside the JSON, for llava.")
    ] = False,
    classes: Annotated[
        list[str] | None,
        typer.Option(
            "--class",
            metavar="NAME:LABEL=VALUE",
            help="A class of the labels CSV, of one value or several (VALUE|VALUE); may be repeated.",
        ),
    ] = None,
) -> None:
    """Write a catalogue as LLaVA conversations, as a manifest, or as a table of labels.

    llava gives train.json, val.json and test.json (all.json before there are splits), each entry with id, image or
    images, and conversations; beside each a sidecar, so that `data import` brings everything back.
    """
    _check_used(
        to, {"--prompts": (prompts, Target.LLAVA), "--png": (png, Target.LLAVA), "--class": (classes, Target.LABELS)}
    )
    from mammoscribe.data.catalogue import open_catalogue

    opened = open_catalogue(catalogue)
    if to is Target.LLAVA:
        _export_llava(opened, folder_for(out), prompts, png)
    elif to is Target.MANIFEST:
        from mammoscribe.data.exchange.table_files import export_manifest

        say(f"{out} holds {export_manifest(opened, file_for(out, 'a CSV file'))} views")
    else:
        _export_labels(opened, file_for(out, "a CSV file"), classes or [])


def _check_used(to: Target, options: dict[str, tuple[object, Target]]) -> None:
    for name, (value, target) in options.items():
        if value and target is not to:
            raise InputError(f"{name} with --to {to}", f"--to {target}")


def _export_llava(catalogue: "Catalogue", out: Path, prompts: Path | None, png: bool) -> None:
    from mammoscribe.data.exchange.llava import read_prompts
    from mammoscribe.data.exchange.llava_files import export_llava

    asked = read_prompts(prompts)
    with progress_bar() as progress:
        task = progress.add_task("writing", total=catalogue.about.num_records)
        done = export_llava(catalogue, out, asked, png, lambda: progress.advance(task))
    for part, count in done.entries.items():
        say(f"{out / f'{part}.json'} holds {count} conversations")
    if done.num_without_text:
        say(f"{done.num_without_text} records have no text to learn from and are left out")
    say(f"paths of pictures start from {out / 'images' if png else catalogue.root}")
    _say_faults(done.faults)


def _export_labels(catalogue: "Catalogue", out: Path, classes: Sequence[str]) -> None:
    from mammoscribe.data.exchange.table_files import export_labels

    rules: dict[str, str] = {}
    for text in classes:
        name, separator, rule = text.partition(":")
        if not separator or not name or rules.setdefault(name, rule) != rule:
            raise InputError(f"--class {text!r}", "NAME:LABEL=VALUE, each name once, such as cancer:cancer=1")
    if not rules:
        raise InputError("no classes", "--class NAME:LABEL=VALUE, such as --class suspicious:birads='4|5'")
    done = export_labels(catalogue, out, rules)
    say(f"{out} holds {done.num_rows} pictures")
    for value, count in list(done.not_understood.items())[:SHOWN]:
        pictures = f"{count} picture{'s' if count > 1 else ''}"
        warn(f"{value} is not understood and its class is left blank ({pictures}); ingest the dataset again")
    if len(done.not_understood) > SHOWN:
        warn(f"and {len(done.not_understood) - SHOWN} more values")
    if done.not_understood:
        raise typer.Exit(1)


def _say_faults(faults: "Sequence[Fault]") -> None:
    for fault in faults[:SHOWN]:
        warn(fault.error.sentence())
    if len(faults) > SHOWN:
        warn(f"and {len(faults) - SHOWN} more")
    if faults:
        raise typer.Exit(1)


def bring_in(
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="LLaVA files, such as train.json.")],
    images: Annotated[
        Path, typer.Option("--images", metavar="DIR", help="Folder that the paths of the pictures start from.")
    ],
    source: Annotated[Source, typer.Option("--from", help="What the files are.")],
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="Folder of the catalogue.")] = Path("catalogue"),
) -> None:
    """Read LLaVA files into a catalogue; every picture must exist and open, and have its image token in the text."""
    assert source is Source.LLAVA
    target = folder_for(out)
    from mammoscribe.data.exchange.llava_files import import_llava

    with counting("reading conversations") as count:
        done = import_llava(files, images, target, count)
    say(f"{target} holds {done.catalogue.about.num_records} records")
    if done.tally.counts["faults"]:
        for fault in done.tally.faults[:SHOWN]:
            warn(fault.error.sentence())
        warn(f"{done.tally.counts['faults']} entries could not be read, all in {target / 'errors.csv'}")
        raise typer.Exit(1)


def draft(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="A folder of images and reports.")],
    out: Annotated[Path, typer.Option("--out", metavar="TOML", help="The file to write.")] = Path("dataset.toml"),
) -> None:
    """Look at a folder and write the TOML that describes it, with what was guessed as comments; correct it by hand."""
    if out.exists():
        raise InputError(f"{out} is there already", "a new file", "delete it, or give --out")
    target = file_for(out, "a TOML file")
    from mammoscribe.data.own_folder.draft import draft_toml

    say(f"wrote {write_text(target, draft_toml(folder))}; look through it, then: mammoscribe data check {out}")
