"""A catalogue read under pseudonyms, as `ingest --pseudonymous` would have written it; links lead to its pictures."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path

from mammoscribe.data.catalogue import Catalogue
from mammoscribe.data.kept_apart import KeptApart, picture_name
from mammoscribe.data.pseudonyms import Pseudonyms, read_or_make_key
from mammoscribe.data.records import Record, group_of
from mammoscribe.support.errors import InputError


@dataclass(frozen=True)
class PseudonymousCatalogue(Catalogue):
    """A catalogue whose records and splits come under pseudonyms; its root holds links to the pictures.

    Args:
        names: the pseudonyms of a key.
    """

    names: Pseudonyms

    def records(self) -> Iterator[Record]:
        """Every record in order, under pseudonyms."""
        for record in super().records():
            numbers = count(1)
            yield self.names.record(record, lambda exam, path, numbers=numbers: picture_name(exam, next(numbers), path))

    def splits(self) -> dict[str, str] | None:
        """Group -> split, by the pseudonyms of the groups."""
        found = super().splits()
        if found is None:
            return None
        groups = {group_of(r): self._group(r) for r in super().records()}
        return {groups[group]: split for group, split in found.items() if group in groups}

    def _group(self, record: Record) -> str:
        return self.names.patient(record.patient_id) if record.patient_id else self.names.exam(record.id)


def under_pseudonyms(catalogue: Catalogue, key_file: Path, out: Path) -> PseudonymousCatalogue:
    """The catalogue under the pseudonyms of a key, the same as those of `ingest`; links to its pictures are made.

    Args:
        catalogue: with the ids of its source.
        key_file: the key; made where it is not there.
        out: what will be written from it, in which the key must not be; the links get their folder by its name.

    Raises:
        InputError: for a catalogue that holds pseudonyms; as `KeptApart`.
    """
    if catalogue.about.pseudonymous:
        raise InputError(
            f"{catalogue.folder} holds pseudonyms already", "a catalogue with the ids of its source",
            "leave --pseudonymous out",
        )  # fmt: skip
    names = read_or_make_key(key_file, (out, catalogue.folder, catalogue.root))
    with KeptApart(key_file, catalogue.root, links_of(out)) as apart:
        for record in catalogue.records():
            apart.pseudonymous(record)
        pictures = apart.finish()
    about = replace(catalogue.about, root=str(pictures), pseudonymous=True)
    return PseudonymousCatalogue(catalogue.folder, about, names)


def links_of(out: Path) -> Path:
    """What the folder of links for an export is called after: two places of one name have two folders."""
    place = hashlib.sha256(str(out.resolve()).encode("utf-8", "surrogatepass")).hexdigest()[:8]
    return out.with_name(f"{out.name}.export-{place}")
