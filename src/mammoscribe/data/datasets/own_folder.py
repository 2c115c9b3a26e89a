"""A lab's own folder, in the list of datasets: the folder that holds the one TOML file which describes it."""

from collections.abc import Iterator
from pathlib import Path

from mammoscribe.data.dataset import Dataset, Edition, Item, Label, State
from mammoscribe.data.own_folder.folder import read_folder
from mammoscribe.data.own_folder.spec import read_spec
from mammoscribe.data.records import Kind
from mammoscribe.data.supervision import Supervision
from mammoscribe.support.errors import InputError


def _read(root: Path) -> Iterator[Item]:
    tomls = sorted(root.glob("*.toml"))
    if len(tomls) != 1:
        raise InputError(f"{root} holds {', '.join(t.name for t in tomls)}", "one TOML file", "name the one to read")
    spec = read_spec(tomls[0])
    if spec.kind is not Kind.MAMMO_EXAM:
        found = f"{tomls[0]} describes records of kind {spec.kind}, the dataset `folder` has {Kind.MAMMO_EXAM}"
        raise InputError(found, "the same kind", f"give {tomls[0]} in place of the name")
    if spec.folder != root.resolve():
        found = f"{tomls[0]} has the root {spec.folder}"
        raise InputError(found, 'root = "." for the dataset `folder`', f"give {tomls[0]} in place of the name")
    if spec.supervision != Supervision():
        found = f"{tomls[0]} says what its labels teach, which the dataset `folder` does not"
        raise InputError(found, f"{tomls[0]} in place of the name")
    return read_folder(spec)


FOLDER = Dataset(
    name="folder",
    title="Your own folder of DICOM or images with reports, described by a TOML file",
    kind=Kind.MAMMO_EXAM,
    language="as the TOML file says",
    licence="yours",
    obtain="write a TOML file (`mammoscribe data draft FOLDER`) and give it instead of a name",
    cite="yours",
    labels=(
        Label("<label>", "exam", "every label that the TOML file names, with the values of its column"),
        Label("<label>", "breast", "the same, where the TOML file names a column with the breast"),
        Label("<label>", "region", "labels of boxes, as the TOML file names them"),
    ),
    known_faults=(
        "spreadsheets lose leading zeros of ids: keep the column as text (told with examples where no report fits)",
        "whole numbers with `.0` and density in capitals are made `4` and `a` to `d`; other values stay as they are",
        "DICOM headers that contradict themselves are refused and listed, never guessed at",
    ),
    editions=(
        Edition("toml", ("*.toml",), "one TOML file beside the data (docs/how_to/your_own_data.md)", {}, State.TESTED, _read),
    ),
    patients="DICOM Patient ID, or as the TOML file says",
)  # fmt: skip
