"""Model folders: a reader written as one, and the folder of a reader of which a part was trained anew."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path

from torch import Tensor, nn

from mammoscribe.data.prepared.dataset import PreparedDataset
from mammoscribe.domain.finding import FindingType
from mammoscribe.models.reader.card import ModelCard, write_card
from mammoscribe.models.reader.loading import WEIGHTS_NAME, load_reader, model_files
from mammoscribe.models.reader.reader import Reader
from mammoscribe.models.weights_file import save_weights

SPACE = {"net", "films", "head", "phrases"}
"""Networks of a reader on which its joint space rests."""


def model_to_extend(init: Path | None) -> Path:
    """The weights file of the reader whose part is trained.

    Args:
        init: name of a reader that ships with the package, a model folder, or a run folder with `model/`; None is `starter`.

    Raises:
        InputError: when there is no such reader.
    """
    place = init or Path("starter")
    inside = place / "model"
    _, weights = model_files(str(inside if (inside / "card.json").is_file() else place))
    return weights


def reader_at(place: Path | None) -> Reader:
    """The reader of a name, of a model folder, or of a run folder that holds one; None is `starter`.

    Raises:
        InputError: when there is none.
    """
    return load_reader(str(model_to_extend(place)))


def named_data(folders: Sequence[Path]) -> str:
    """The names of prepared datasets, joined."""
    return ", ".join(str(PreparedDataset(f).about["dataset"]) for f in folders)


def part_of(tensors: Mapping[str, Tensor], name: str) -> dict[str, Tensor]:
    """The weights of one module of a checkpoint, without its name in front."""
    return {k.removeprefix(f"{name}."): v for k, v in tensors.items() if k.startswith(f"{name}.")}


def write_reader(reader: Reader, out: Path) -> ModelCard:
    """Write `card.json` and `weights.safetensors` into `out`; gives the card with the digest of the weights.

    Measures of the joint space are of one file of weights, so they are left out of the card where the weights are others.
    """
    digest, measured = save_weights(reader.parts, out / WEIGHTS_NAME), reader.card.joint
    if measured is not None and measured.weights_sha256 != digest:
        measured = None
    card = replace(reader.card, weights_sha256=digest, joint=measured)
    write_card(card, out / "card.json")
    return card


def write_with_parts(
    reader: Reader, out: Path, networks: Mapping[str, nn.Module], shapes: Mapping[str, dict], trained_on: str
) -> ModelCard:
    """Write the model folder of a reader with some of its networks replaced; all others stay as they are, bit for bit.

    The operating points stay too, so a network that they depend on must not be replaced in this way. So do measures of the joint
    space, unless its own networks are replaced.

    Args:
        reader: the one that was extended.
        out: the folder to fill.
        networks: field of `Reader` -> its new network.
        shapes: field of the card -> shape of the new network.
        trained_on: part and data in words, for the card: `joint space: phantom`.

    Returns:
        the card. Its version ends with the first digits of the weights' digest, so that what is kept with a model's name
        and version, such as an index of embeddings, is not taken for another model's.
    """
    card = replace(reader.card, trained_on=f"{reader.card.trained_on}; {trained_on}", **shapes)
    card = write_reader(replace(reader, card=card, **networks), out)
    measured = reader.card.joint
    if measured is not None and not networks.keys() & SPACE:
        card = replace(card, joint=replace(measured, weights_sha256=card.weights_sha256))
    card = replace(card, version=f"{card.version.partition('+')[0]}+{card.weights_sha256[:8]}")
    write_card(card, out / "card.json")
    return card


def with_parts(reader: Reader, other: Reader) -> Reader:
    """`reader` with the crop refiner, calcification network and decoder of `other`, where it has none of its own.

    The text side is not taken: it was trained on the features of the other's first pass.
    """
    card, refiner, patches, decoder = reader.card, reader.crop_refiner, reader.patch_net, reader.decoder
    if refiner is None and other.crop_refiner is not None:
        refiner, card = other.crop_refiner, replace(card, looks=asdict(other.crop_refiner.config))
    if patches is None and other.patch_net is not None:
        taught = card.taught_also(FindingType.CALCIFICATION)
        patches, card = other.patch_net, replace(card, patches=asdict(other.patch_net.config), taught=taught)
    if decoder is None and other.decoder is not None:
        decoder, card = other.decoder, replace(card, decoder=other.decoder.config.as_dict())
    return replace(reader, card=card, crop_refiner=refiner, patch_net=patches, decoder=decoder)
