"""`mammoscribe data split, audit, prepare`: patients into splits, what leaks between them, and pictures made ready."""

import csv
import io
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mammoscribe.cli.console import progress_bar, warn
from mammoscribe.cli.data_options import CatalogueDir, personal_data, say
from mammoscribe.cli.options import file_for, folder_for
from mammoscribe.support.errors import InputError
from mammoscribe.support.files import write_text

if TYPE_CHECKING:
    from mammoscribe.data.catalogue import Catalogue
    from mammoscribe.data.leakage.audit import Audit, Hashed

SHOWN = 10
Workers = Annotated[int, typer.Option("--workers", min=1, help="Processes that decode.")]
_CORES = os.cpu_count() or 1


def split(
    catalogue: CatalogueDir,
    shares: Annotated[
        str | None, typer.Option("--shares", metavar="TRAIN/VAL/TEST", help="80/10/10 when not given.")
    ] = None,
    stratify: Annotated[
        str | None, typer.Option("--stratify", metavar="LABEL", help="Every split gets its share of each value.")
    ] = None,
    own: Annotated[bool, typer.Option("--own", help="Ignore the splits that the dataset publishes.")] = False,
    strictest: Annotated[
        bool, typer.Option("--strictest", help="A patient in two official splits goes to test, then val.")
    ] = False,
    val_from_train: Annotated[
        float, typer.Option("--val-from-train", metavar="PERCENT", help="Of official train, where there is no val.")
    ] = 0.0,
    fold: Annotated[
        str | None, typer.Option("--fold", metavar="I/K", help="Patients of fold I (from 0) of K are test.")
    ] = None,
    salt: Annotated[str, typer.Option("--salt", metavar="TEXT", help="Another text gives another division.")] = "",
) -> None:
    """Divide patients into train, val and test by a hash; nobody moves when data is added.

    Official splits are used where the dataset has them. Then patients, priors and texts are audited; exit code 1 on a leak.
    """
    from mammoscribe.data.catalogue import open_catalogue
    from mammoscribe.data.leakage.audit import audit as look
    from mammoscribe.data.splits import SplitRule, empty_parts, known_division, shares_of, split_groups, write_division

    opened = open_catalogue(catalogue)
    folds, test_fold = _fold(fold)
    rule = SplitRule(
        _shares(shares), salt, stratify, not own, val_from_train, strictest, folds, test_fold
    )  # fmt: skip
    splits = split_groups(opened.records(), rule, known_division(opened.folder, rule))
    write_division(opened.folder, splits, rule)
    for part, count, percent in shares_of(splits):
        say(f"{part}: {count} patients ({percent:.1f} %)")
    if not opened.about.pseudonymous:
        say(personal_data(f"{opened.folder / 'splits.csv'} holds patient ids"))
    if empty := empty_parts(splits, rule):
        warn(_too_few(empty, len(splits), stratify))
    _say_audit(look(opened, splits), None)


def _too_few(empty: Sequence[str], patients: int, stratify: str | None) -> str:
    """That parts have no patient, and what helps."""
    parts = " and ".join(empty)
    exact = "" if stratify else " --stratify has_report, which cuts exactly where a hash does not"
    do = f"; give more patients{f', or --shares 60/20/20{exact}' if patients >= _FEWEST else ''}"
    found = f"no patient is in {parts}: {patients} {'are' if patients > 1 else 'is'} too few for these shares"
    return f"{found}{do}"


_FEWEST = 4
"""Patients of whom 60/20/20, cut exactly, leaves no part empty; fewer cannot be divided into three."""


def _shares(text: str | None) -> tuple[float, float, float]:
    try:
        parts = tuple(float(part) for part in (text or "80/10/10").split("/"))
    except ValueError:
        parts = ()
    if len(parts) != 3:
        raise InputError(f"--shares {text!r}", "three numbers, such as 80/10/10")
    return parts[0], parts[1], parts[2]


def _fold(text: str | None) -> tuple[int | None, int]:
    if text is None:
        return None, 0
    from mammoscribe.data.folds import Fold

    fold = Fold.from_text(text)
    return fold.of, fold.number


def audit(
    catalogue: CatalogueDir,
    prepared: Annotated[
        Path | None, typer.Option("--prepared", metavar="DIR", help="Take the hashes of pictures prepared before.")
    ] = None,
    pictures: Annotated[
        bool, typer.Option("--pictures/--no-pictures", help="Look for near-equal pictures too; decodes each.")
    ] = True,
    out: Annotated[Path | None, typer.Option("--out", metavar="CSV", help="Write every pair there.")] = None,
    workers: Workers = _CORES,
) -> None:
    """Look for what two splits share: patients, priors, long equal texts, near-equal pictures. Exit code 1 on a leak."""
    if prepared is not None and not pictures:
        raise InputError("--prepared with --no-pictures", "one of them")
    from mammoscribe.data.catalogue import open_catalogue
    from mammoscribe.data.leakage.audit import audit as look
    from mammoscribe.data.prepared.dataset import PreparedDataset

    opened = open_catalogue(catalogue)
    target = None if out is None else file_for(out, "a CSV file")
    splits = opened.splits()
    if splits is None:
        raise InputError(f"{catalogue} has no splits", "splits.csv", "run `mammoscribe data split` first")
    hashes = None
    if prepared is not None:
        hashes = list(PreparedDataset(prepared).hashes())
    elif pictures:
        hashes = list(_hashes(opened, workers))
    with progress_bar() as progress:
        task = progress.add_task("comparing pictures", total=len(hashes or ()))
        found = look(opened, splits, hashes, lambda done: progress.update(task, completed=done))
    if target is not None and not opened.about.pseudonymous:
        say(personal_data(f"{target} holds patient ids"))
    _say_audit(found, target)


def _hashes(catalogue: "Catalogue", workers: int) -> "Iterator[Hashed]":
    from mammoscribe.data.dataset import Fault
    from mammoscribe.data.leakage.picture_hashes import hash_pictures

    bad = 0
    with progress_bar() as progress:
        task = progress.add_task("decoding pictures", total=None)
        for item in hash_pictures(catalogue, workers):
            progress.advance(task)
            if isinstance(item, Fault):
                bad += 1
            else:
                yield item
    if bad:
        warn(f"{bad} pictures cannot be decoded and are left out; `mammoscribe data check --open` names them")


def _say_audit(found: "Audit", out: Path | None) -> None:
    from mammoscribe.data.leakage.audit import Verdict

    looked = f"{found.num_records} records" + (f" and {found.num_pictures} pictures" if found.num_pictures else "")
    counts = {v: sum(leak.verdict is v for leak in found.found) for v in Verdict}
    say(f"audit of {looked}: {', '.join(f'{n} {v}s' for v, n in counts.items())}")
    if found.num_short_texts:
        say(f"{found.num_short_texts} short texts are in several splits, as common phrases are")
    for leak in found.found[:SHOWN]:
        warn(f"{leak.what} {leak.first} and {leak.second} ({leak.splits}) - {leak.verdict}: {leak.detail}")
    if len(found.found) > SHOWN:
        warn(f"and {len(found.found) - SHOWN} more")
    if out is not None:
        table = io.StringIO(newline="")
        writer = csv.writer(table, lineterminator="\n")
        writer.writerow(["verdict", "what", "first", "second", "splits", "detail"])
        writer.writerows(
            [leak.verdict, leak.what, leak.first, leak.second, leak.splits, leak.detail] for leak in found.found
        )
        write_text(out, table.getvalue())
    if not found.clean:
        raise typer.Exit(1)


def prepare(
    catalogue: CatalogueDir,
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="Folder of the shards; a run found there goes on.")],
    preparation: Annotated[
        str | None,
        typer.Option(
            "--as",
            metavar="NAME",
            help="reader, crops, calcifications (each holds the one before; with -base for the larger reader), joint, plain, "
            "or text (texts alone, no picture is opened); reader for exams, joint for others.",
        ),
    ] = None,
    workers: Workers = _CORES,
) -> None:
    """Decode and resample every picture once into shards that training maps; then audit the splits by picture.

    A run that was stopped goes on. Exit code 1 when some pictures could not be prepared, or the audit found a leak.
    """
    from mammoscribe.data.catalogue import open_catalogue
    from mammoscribe.data.leakage.audit import audit as look
    from mammoscribe.data.prepared.dataset import PreparedDataset
    from mammoscribe.data.prepared.preparation import PREPARATIONS
    from mammoscribe.data.prepared.prepare import prepare as make
    from mammoscribe.data.records import Kind
    from mammoscribe.support.lookup import look_up

    opened = open_catalogue(catalogue)
    name = preparation or ("reader" if opened.about.kind is Kind.MAMMO_EXAM else "joint")
    chosen, target = look_up(name, PREPARATIONS, "preparation"), folder_for(out)
    with progress_bar() as progress:
        task = progress.add_task(f"preparing for {name}", total=opened.about.num_records)
        done = make(opened, target, chosen, workers, lambda records: progress.update(task, completed=records))
    say(
        f"{target} holds {done.num_pictures} pictures of {done.num_records} records in {done.num_shards} shards"
        f" ({done.num_kept} from before)"
    )
    held = (
        "pictures and whole reports"
        if opened.about.pseudonymous
        else "pictures, patient ids, dates, paths and whole reports"
    )
    say(personal_data(f"{target} holds {held}"))
    if done.num_errors:
        warn(f"{done.num_errors} pictures could not be prepared, all in {target / 'errors.csv'}")
    if (splits := opened.splits()) is not None:
        _say_audit(look(opened, splits, PreparedDataset(target).hashes()), None)
    if done.num_errors:
        raise typer.Exit(1)
