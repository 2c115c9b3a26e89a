"""Datasets that are folders of pictures and no table: SPLIT/CLASS/NAME.jpeg, where the name says who the patient is."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from mammoscribe.data.dataset import Fault, Item
from mammoscribe.data.formats.archives import is_litter
from mammoscribe.data.records import SPLITS, ImageText, ListedImage
from mammoscribe.support.errors import InputError, SetAside

SUFFIXES = (".jpeg", ".jpg", ".png")


@dataclass(frozen=True)
class PictureName:
    """What the name of a picture says: its patient and class, and further labels."""

    patient_id: str
    label: str
    labels: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class ClassFolders:
    """How such a dataset lies on disk.

    Args:
        bases: folders that may hold train, val and test; the first that is there is read.
        classes: the folders in each of these; the folder is the label `class` of its pictures.
        name: what a file name (without its suffix) says, None for a name that is not of this dataset.
        names: what names look like, for the errors.
        view: of every picture.
    """

    bases: tuple[str, ...]
    classes: tuple[str, ...]
    name: Callable[[str], PictureName | None]
    names: str
    view: str = ""


def read_class_folders(root: Path, spec: ClassFolders) -> Iterator[Item]:
    """A record per picture: split by split, class by class, by name. What is no such picture is a fault, not silence."""
    base = next((b for b in spec.bases if (root / b / SPLITS[0]).is_dir()), None)
    if base is None:
        raise InputError(f"{root} has no folder {spec.bases[0]}/{SPLITS[0]}", "pictures in folders by split and class")
    for folder in _listed(root / base):
        if folder.name not in SPLITS:
            yield _beside(folder, f"{base}/{folder.name}")
    for split in SPLITS:
        for folder in _listed(root / base / split):
            where = f"{base}/{split}/{folder.name}"
            if folder.name in spec.classes and folder.is_dir():
                yield from (_picture(path, f"{where}/{path.name}", split, spec) for path in _listed(folder))
            else:
                yield Fault(where, InputError(f"{where} is no class", ", ".join(spec.classes)))


def _listed(folder: Path) -> list[Path]:
    """What is in a folder, sorted; [] where it is not there."""
    return sorted(path for path in folder.iterdir() if not is_litter(path.name)) if folder.is_dir() else []


def _beside(path: Path, where: str) -> Fault:
    if any((path / split).is_dir() for split in SPLITS):
        return Fault(where, SetAside(f"{where} holds the pictures once more", f"{', '.join(SPLITS)} beside it"))
    return Fault(where, InputError(f"{where} is none of the parts of the dataset", ", ".join(SPLITS)))


def _picture(path: Path, where: str, split: str, spec: ClassFolders) -> Item:
    named = spec.name(path.stem) if path.suffix.lower() in SUFFIXES else None
    if named is None:
        return Fault(where, InputError(f"{where} has no name of this dataset", spec.names))
    folder = path.parent.name
    if named.label != folder:
        return Fault(where, InputError(f"{where} is {named.label} by its name and {folder} by its folder", "the same"))
    return ImageText(
        id=f"{split}/{folder}/{path.stem}",
        patient_id=named.patient_id,
        images=(ListedImage(where, spec.view),),
        labels={"class": folder, **named.labels},
        split=split,
    )
