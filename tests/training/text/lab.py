"""A small lab for the text stage: invented reports whose impression follows from the findings, prepared without pictures."""

from collections.abc import Sequence
from itertools import product
from pathlib import Path

from mammoscribe.data.catalogue import write_splits
from mammoscribe.data.prepared.preparation import PREPARATIONS
from mammoscribe.data.prepared.prepare import prepare
from mammoscribe.data.records import Record, TextDocument, group_of
from tests.data.some_records import report, study, written

SIDES, PLACES, THINGS = ("left", "right"), ("apex", "base", "hilum"), ("opacity", "nodule", "effusion", "scar")
ENDED = ("The heart is normal.", "No bone is broken.", "The trachea is in the middle.")


def findings_of(side: str, place: str, thing: str, number: int) -> str:
    return (
        f"{ENDED[number % 3]} There is {'an' if thing[0] in 'oe' else 'a'} {thing} at the {place} of the {side} lung."
    )


def reports(repeats: int = 3) -> list[Record]:
    """Studies with findings and an impression: 24 different ones, as often as asked for in other words."""
    found: list[Record] = []
    for number, (_, side, place, thing) in enumerate(product(range(repeats), SIDES, PLACES, THINGS)):
        text = report(findings_of(side, place, thing, number // 24), f"{thing.title()} in {side} {place}.")
        found.append(study(f"s{number:03d}", f"p{number:03d}", images=(), report=text))
    return found


def one_section(number: int) -> Record:
    return study(f"only{number}", f"only{number}", images=(), report=report(f"Only findings {number}.", ""))


def documents(number: int = 24) -> list[Record]:
    """Abstracts of nobody in particular."""
    return [
        TextDocument(
            f"d{n}", f"We read {n} mammograms of women. {PLACES[n % 3]} {THINGS[n % 4]} was rare.", title="A study"
        )
        for n in range(number)
    ]


def prepared(
    records: Sequence[Record], root: Path, splits: Sequence[str] = ("train", "train", "val", "test")
) -> Path:  # fmt: skip
    """The prepared folder of the records; patients are put into splits in turn, each round one further on, so that all
    things are in all splits."""
    catalogue = written(list(records), root)
    groups = sorted({group_of(r) for r in catalogue.records()})
    write_splits(catalogue.folder, {g: splits[(n + n // len(splits)) % len(splits)] for n, g in enumerate(groups)})
    prepare(catalogue, root / "prepared", PREPARATIONS["text"])
    return root / "prepared"
