"""`mammoscribe data export, import, draft`: catalogues to and from other programs' files, and a first TOML for a folder."""

from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mammoscribe.cli.console import progress_bar, warn
from mammoscribe.cli.data_options import CatalogueDir, Pseudonymous, counting, personal_data, say
from mammoscribe.cli.options import file_for, folder_for
from mammoscribe.data.exchange.flavours import Flavour, Views
from mammoscribe.support.errors import InputError
from mammoscribe.support.files import write_text

if TYPE_CHECKING:
    from mammoscribe.data.catalogue import Catalogue
    from mammoscribe.data.dataset import Fault
    from mammoscribe.data.exchange.boxes import Counts
    from mammoscribe.data.exchange.chat_export import ChatOptions

SHOWN = 5


class Target(StrEnum):
    """What a catalogue is written as: conversations, boxes, a manifest for `predict`, or labels for `features`."""

    LLAVA = "llava"
    COCO = "coco"
    YOLO = "yolo"
    MANIFEST = "manifest"
    LABELS = "labels"


class Source(StrEnum):
    """What a catalogue is made of."""

    LLAVA = "llava"


FlavourOption = Annotated[
    Flavour | None,
    typer.Option(
        "--flavour",
        help="For llava, the trainer: llava (one picture an entry), llava-next, messages (LLaMA-Factory, ms-swift), hf "
        "(datasets, TRL). By default llava where every record has one picture, else llava-next.",
    ),
]
ViewsOption = Annotated[
    Views | None,
    typer.Option(
        "--views",
        help="For llava, several pictures of a record: together in one entry, each in its own, or one montage. By "
        "default together, and a montage for the flavour llava.",
    ),
]
Png = Annotated[
    bool | None,
    typer.Option(
        "--png/--no-png",
        help="Write the pictures to OUT, as 8-bit PNG where they are no 8-bit PNG or JPEG already (default), or name the "
        "dataset's own files; for llava, coco and yolo.",
    ),
]
Category = Annotated[
    str | None,
    typer.Option("--category", metavar="LABEL", help="The label that is the category of a box, for coco and yolo."),
]


def export(
    catalogue: CatalogueDir,
    to: Annotated[Target, typer.Option("--to", help="llava, coco, yolo: a folder; manifest, labels: a CSV.")],
    out: Annotated[Path, typer.Option("--out", metavar="PATH", help="The folder or CSV to write.")],
    flavour: FlavourOption = None,
    views: ViewsOption = None,
    prompts: Annotated[
        Path | None, typer.Option("--prompts", metavar="TOML", help="What is asked and answered, for llava.")
    ] = None,
    png: Png = None,
    category: Category = None,
    classes: Annotated[
        list[str] | None,
        typer.Option(
            "--class",
            metavar="NAME:LABEL=VALUE",
            help="A class of the labels CSV, of one value or several (VALUE|VALUE); may be repeated.",
        ),
    ] = None,
    pseudonymous: Pseudonymous = None,
) -> None:
    """Write a catalogue as conversations or boxes for a trainer, as a manifest, or as a table of labels.

    llava gives one file of conversations per split, or one called all before there are splits, and beside it a sidecar,
    so that `data import` brings everything back.
    coco gives annotations/instances_SPLIT.json, yolo data.yaml with images and labels; pictures without boxes are in both.
    """
    boxes, chats = (Target.COCO, Target.YOLO), (Target.LLAVA,)
    used = {
        "--flavour": (flavour, chats), "--views": (views, chats), "--prompts": (prompts, chats),
        "--png" if png else "--no-png": (png is not None, (*chats, *boxes)), "--category": (category, boxes),
        "--class": (classes, (Target.LABELS,)),
    }  # fmt: skip
    _check_used(to, used)
    from mammoscribe.data.catalogue import open_catalogue

    opened = open_catalogue(catalogue)
    if pseudonymous is not None:
        from mammoscribe.data.pseudonymous_catalogue import under_pseudonyms

        opened = under_pseudonyms(opened, pseudonymous, out)
    say(_personal(to, out, opened, pseudonymous))
    if to is Target.LLAVA:
        _export_chats(opened, folder_for(out), flavour, views, prompts, png is not False)
    elif to in boxes:
        _export_boxes(opened, to, folder_for(out), category, png is not False)
    elif to is Target.MANIFEST:
        from mammoscribe.data.exchange.table_files import export_manifest

        say(f"{out} holds {export_manifest(opened, file_for(out, 'a CSV file'))} views")
    else:
        _export_labels(opened, file_for(out, "a CSV file"), classes or [])


_HELD = {
    Target.LLAVA: "reports word for word; *.records.jsonl also hold patient ids, dates and labels, for `data import`: do not share them",
    Target.COCO: "exam ids and paths of pictures",
    Target.YOLO: "pictures named after their files",
    Target.MANIFEST: "patient and exam ids, dates, indications and paths of pictures",
    Target.LABELS: "patient and exam ids, labels and paths of pictures",
}
"""What of patients is in an export."""


def _personal(to: Target, out: Path, catalogue: "Catalogue", key_file: Path | None) -> str:
    """What of patients will be in the export."""
    if not catalogue.about.pseudonymous:
        return personal_data(f"{out} gets {_HELD[to]}")
    texts = {
        Target.LLAVA: ". Reports are as they were but for the exam's own ids, and may name people",
        Target.MANIFEST: ". Indications are as they were, and may name people",
    }
    apart = ""
    if key_file is not None:
        from mammoscribe.data.kept_apart import private_folder
        from mammoscribe.data.pseudonymous_catalogue import links_of

        apart = f"; keep {key_file} and {private_folder(key_file, links_of(out))} apart from it"
    return f"ids, dates and paths in {out} are pseudonyms{apart}{texts.get(to, '')}"


def _check_used(to: Target, options: dict[str, tuple[object, tuple[Target, ...]]]) -> None:
    for name, (value, targets) in options.items():
        if value and to not in targets:
            raise InputError(f"{name} with --to {to}", " or ".join(f"--to {target}" for target in targets))


def _export_chats(
    catalogue: "Catalogue", out: Path, flavour: Flavour | None, views: Views | None, prompts: Path | None, png: bool
) -> None:
    from mammoscribe.data.exchange.chat_export import (
        ChatOptions,
        export_chats,
        most_pictures,
        usual_flavour,
        usual_views,
    )
    from mammoscribe.data.exchange.prompts import read_prompts

    most = most_pictures(catalogue)
    chosen = flavour or usual_flavour(most)
    options = ChatOptions(chosen, views or usual_views(chosen, most), read_prompts(prompts), png)
    say(_choice(options, most, flavour is None))
    with progress_bar() as progress:
        task = progress.add_task("writing", total=catalogue.about.num_records)
        done = export_chats(catalogue, out, options, lambda: progress.advance(task))
    for path, count in done.entries.items():
        say(f"{path} holds {count} conversations")
    for count, what in (
        (done.num_without_text, "records have no text to learn from and are left out"),
        (done.num_without_picture, "records have no picture and are left out"),
        (
            done.num_pictures_left_out,
            "pictures are further ones of a view that is in its montage already, and are left out",
        ),
    ):
        if count:
            say(f"{count} {what}")
    say(_where_pictures_are(options, out, catalogue))
    _say_faults(done.faults)


def _choice(options: "ChatOptions", most: int, by_default: bool) -> str:
    """What was chosen, in words."""
    why = f", as records have {'one picture' if most < 2 else f'up to {most} pictures'} (--flavour changes it)"
    how = f"; several pictures of a record: {options.views} (--views changes it)" if most > 1 else ""
    return f"flavour {options.flavour}{why if by_default else ''}{how}"


def _where_pictures_are(options: "ChatOptions", out: Path, catalogue: "Catalogue") -> str:
    """Where the pictures are, and what the trainer is given."""
    start = out / "images" if options.png else catalogue.root
    if options.flavour is Flavour.HF:
        return f'pictures are in {out}; load_dataset("imagefolder", data_dir="{out}") reads them'
    if options.flavour is Flavour.MESSAGES:
        start = out if options.png else start
        return f"paths of pictures start from {start}: --media_dir in LLaMA-Factory, ROOT_IMAGE_DIR in ms-swift"
    return f"paths of pictures start from {start}: --image_folder {start}"


def _export_boxes(catalogue: "Catalogue", to: Target, out: Path, category: str | None, png: bool) -> None:
    from mammoscribe.data.exchange.coco import export_coco
    from mammoscribe.data.exchange.yolo import export_yolo

    if to is Target.YOLO and not png:
        raise InputError("--no-png with --to yolo, which finds the boxes of a picture by its folder", "--png")
    with progress_bar() as progress:
        task = progress.add_task("writing", total=catalogue.about.num_records)
        if to is Target.YOLO:
            names, counts = export_yolo(catalogue, out, category, lambda: progress.advance(task))
        else:
            names, counts = export_coco(catalogue, out, category, png, lambda: progress.advance(task))
    say(f"{len(names)} categories: {', '.join(names)}")
    _say_boxes(counts)
    written = f"written to {out / 'images'}, as 8-bit PNG where they were no 8-bit PNG or JPEG"
    where = written if png else f"the files in {catalogue.root}, DICOM as they are"
    say(f"pictures are {where}; boxes are in stored pixels")
    if to is Target.YOLO and "all" in counts.pictures:
        warn("before there are splits, train and val are the same pictures; run `mammoscribe data split` first")
    elif to is Target.YOLO and not (counts.pictures["train"] and counts.pictures["val"]):
        warn("train or val has no pictures, and YOLO needs both; run `mammoscribe data split` with shares for them")
    _say_faults(counts.faults)


def _say_boxes(counts: "Counts") -> None:
    for part, pictures in counts.pictures.items():
        say(f"{part}: {pictures} pictures, {counts.boxes[part]} boxes, {counts.negatives[part]} pictures without one")
    if counts.num_clipped:
        say(f"{counts.num_clipped} boxes went beyond their picture and are clipped to it")
    if counts.num_unplaced:
        say(f"{counts.num_unplaced} pictures show something that has no box and are left out")


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
    files: Annotated[list[Path], typer.Argument(metavar="FILE", help="Such as train.json or train.jsonl.")],
    images: Annotated[
        Path, typer.Option("--images", metavar="DIR", help="Folder that the paths of the pictures start from.")
    ],
    source: Annotated[Source, typer.Option("--from", help="llava: conversations in LLaVA's layout, or messages.")],
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="Folder of the catalogue.")] = Path("catalogue"),
) -> None:
    """Read files of conversations into a catalogue: JSON lists or JSON Lines, with `conversations` or `messages`.

    Every picture must exist and open, and have its image token in the text; turns must alternate and end with an answer.
    """
    assert source is Source.LLAVA
    target = folder_for(out)
    from mammoscribe.data.exchange.chat_import import import_chats

    with counting("reading conversations") as count:
        done = import_chats(files, images, target, count)
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
