"""`mammoscribe data list, show, check, ingest`: which datasets are known, what a download holds, and reading it once."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mammoscribe.cli.console import warn
from mammoscribe.cli.data_options import (
    EditionName,
    Pseudonymous,
    What,
    Where,
    counting,
    dataset_at,
    personal_data,
    say,
)
from mammoscribe.cli.options import file_for, folder_for
from mammoscribe.cli.tables import show_table
from mammoscribe.data.texts.comparisons import Comparisons

if TYPE_CHECKING:
    from mammoscribe.data.counts import Tally
    from mammoscribe.data.dataset import Dataset, Edition

SHOWN = 5
"""Missing pictures and errors that are printed; errors.csv has them all."""
SHOWN_VALUES = 20
"""Different values of labels that were not understood; each is printed once."""


def show_list() -> None:
    """Print every dataset that can be read: kind, layouts, how well each is tested, and terms."""
    from mammoscribe.data.datasets.known import DATASETS

    show_table(
        [
            {"name": d.name, "kind": str(d.kind), "layout": e.name, "state": str(e.state), "licence": d.licence}
            for d in DATASETS.values()
            for e in d.editions
        ]
    )


def show(name: Annotated[str, typer.Argument(metavar="NAME", help="A name of `mammoscribe data list`.")]) -> None:
    """Print all about one dataset: how to obtain it, its files, counts, labels and known faults."""
    from mammoscribe.data.datasets.known import DATASETS
    from mammoscribe.support.lookup import look_up

    dataset = look_up(name, DATASETS, "dataset")
    say(f"{dataset.name}: {dataset.title}", style="bold")
    facts = {"kind": str(dataset.kind), "licence": dataset.licence, "obtain": dataset.obtain, "cite": dataset.cite}
    facts |= {"texts": dataset.language, "patients": dataset.patients}
    for what, text in facts.items():
        if text:
            say(f"  {what}: {text}")
    for edition in dataset.editions:
        say(f"\nlayout {edition.name} ({edition.state})", style="bold")
        say(f"  {edition.layout}")
        if edition.expected:
            say(f"  a whole download has {', '.join(f'{n:,} {name}' for name, n in edition.expected.items())}")
    say("\nlabels", style="bold")
    for label in dataset.labels:
        say(f"  {label.name} ({label.of}): {label.meaning}")
    say("\nknown faults", style="bold")
    for fault in dataset.known_faults:
        say(f"  {fault}")


def check(
    dataset: What,
    folder: Where = None,
    edition: EditionName = None,
    open_all: Annotated[bool, typer.Option("--open", help="Also decode every picture; slow.")] = False,
    errors: Annotated[
        Path | None, typer.Option("--errors", metavar="CSV", help="Write every error and missing picture there.")
    ] = None,
) -> None:
    """Hold a download against the counts of a whole one; name what is missing or cannot be read.

    Exit code 0 when all is well, 1 when something is missing or wrong, 2 when it cannot be read at all.
    """
    from mammoscribe.data.check import check_download

    known, root = dataset_at(dataset, folder)
    out = None if errors is None else file_for(errors, "a CSV file")
    with counting(f"reading {known.name}") as count:
        checked = check_download(known, root, edition, open_all, out, count)
    _say_counts(checked.edition, checked.tally)
    _say_missing_reports(known, checked.tally)
    if out is not None:
        say(personal_data(f"{out} holds ids and paths"))
    _say_faults(checked.tally, out)
    if not checked.whole:
        raise typer.Exit(1)


def _say_counts(edition: "Edition", tally: "Tally") -> None:
    say(f"layout {edition.name}: {edition.state}")
    names = list(dict.fromkeys([*(n for n, c in tally.counts.items() if c), *edition.expected]))
    rows = []
    for name in names:
        found, expected = tally.counts[name], edition.expected.get(name)
        verdict = "" if expected is None else "ok" if found == expected else "differs"
        rows.append({"count": name, "found": found, "expected": "" if expected is None else expected, "": verdict})
    show_table(rows)


def _say_missing_reports(dataset: "Dataset", tally: "Tally") -> None:
    """How reports are added to pictures that have none."""
    if tally.counts["images"] and not tally.counts["reports"] and dataset.add_reports:
        say(f"no picture has a report; to add them, {dataset.add_reports}")


def _say_faults(tally: "Tally", out: Path | None) -> None:
    for path in tally.missing[:SHOWN]:
        warn(f"missing: {path}")
    for fault in tally.faults[:SHOWN]:
        warn(fault.error.sentence())
    values = tally.not_understood.most_common()
    for (label, value), number in values[:SHOWN_VALUES]:
        warn(f"{label} {value!r} is not understood and left out of {number} {'records' if number > 1 else 'record'}")
    listed = min(SHOWN, len(tally.missing)) + min(SHOWN, len(tally.faults)) + sum(n for _, n in values[:SHOWN_VALUES])
    more = tally.num_missing + tally.counts["faults"] - listed
    if more > 0:
        warn(f"and {more} more, all in {out}" if out is not None else f"and {more} more; --errors FILE writes them all")


def ingest(
    dataset: What,
    folder: Where = None,
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="Folder of the catalogue.")] = Path("catalogue"),
    edition: EditionName = None,
    comparisons: Annotated[
        Comparisons,
        typer.Option(
            "--comparisons",
            help="Sentences that compare with another exam: keep them, drop them, or rewrite them to what is seen now.",
        ),
    ] = Comparisons.KEEP,
    pseudonymous: Pseudonymous = None,
) -> None:
    """Read a dataset once: records with their priors and report sections, and errors.csv with what cannot be read.

    Nothing in the dataset's folder is changed or renamed. Exit code 1 when some rows could not be read.
    """
    from mammoscribe.data.ingest import ingest as read_once
    from mammoscribe.data.kept_apart import private_folder

    known, root = dataset_at(dataset, folder)
    target = folder_for(out)
    with counting(f"reading {known.name}") as count:
        done = read_once(known, root, target, comparisons, edition, count, pseudonymous)
    about, counts = done.catalogue.about, done.tally.counts
    say(
        f"{target} holds {about.num_records} records of {counts['patients']} patients: {counts['images']} pictures"
        f" ({done.tally.num_missing} of them missing), {counts['reports']} reports, {done.num_with_prior} with a prior"
    )
    _say_missing_reports(known, done.tally)
    if done.num_edited:
        say(f"{done.num_edited} reports had sentences with a comparison, now {_past(comparisons)}; each is noted")
    errors = target / "errors.csv" if pseudonymous is None else private_folder(pseudonymous, target) / "errors.csv"
    if about.num_set_aside:
        say(f"{about.num_set_aside} rows or pictures are left out on purpose; {errors.name} says why")
    say(_personal(target, pseudonymous))
    if about.num_faults:
        _say_faults(done.tally, errors)
        raise typer.Exit(1)


def _personal(target: Path, key_file: Path | None) -> str:
    """What of patients is in the catalogue."""
    if key_file is None:
        return personal_data(f"{target} holds patient ids, dates, paths and whole reports")
    from mammoscribe.data.kept_apart import private_folder

    return (
        f"ids, dates and paths in {target} are pseudonyms; keep {key_file} and {private_folder(key_file, target)} apart from it."
        " Reports are as they were but for the exam's own ids, and may name people"
    )


def _past(comparisons: Comparisons) -> str:
    return {Comparisons.DROP: "dropped", Comparisons.REWRITE: "rewritten or dropped"}.get(comparisons, "kept")
