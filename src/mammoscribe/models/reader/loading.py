"""How a reader is loaded: the card, the networks that it describes, and their weights."""

from pathlib import Path

import torch

from mammoscribe.models.decoder.network import DecoderConfig, ReportDecoder
from mammoscribe.models.reader.calcifications import PatchConfig, PatchNet
from mammoscribe.models.reader.card import ModelCard, read_card
from mammoscribe.models.reader.crop_refiner import CropRefiner, CropRefinerConfig
from mammoscribe.models.reader.joint_head import JointHead
from mammoscribe.models.reader.network import ReaderConfig, ReaderNet
from mammoscribe.models.reader.norm_statistics import NormStatistics
from mammoscribe.models.reader.phrases import PhraseConfig, PhraseNet
from mammoscribe.models.reader.reader import Reader
from mammoscribe.models.reader.tophat import TopHatConfig
from mammoscribe.models.weights_file import load_weights
from mammoscribe.support.errors import InputError

WEIGHTS = Path(__file__).parents[1] / "weights"
WEIGHTS_NAME = "weights.safetensors"
"""The weights file of a model folder."""


def load_reader(name_or_dir: str = "starter", device: torch.device | str = "cpu") -> Reader:
    """The reader that ships with the package, or one from a folder that holds `card.json` and `weights.safetensors`.

    Args:
        name_or_dir: the reader's name, or its folder.
        device: where its networks run (`models.devices.chosen_device` checks a name).

    Raises:
        InputError: for an unknown name, or files that do not fit each other.
    """
    card_path, weights_path = model_files(name_or_dir)
    card = read_card(card_path)
    try:
        reader = _untrained(card)
    except (TypeError, ValueError, KeyError, AttributeError, RuntimeError, AssertionError, ArithmeticError) as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0][:200]
        raise InputError(
            f"{card_path} describes no network ({reason})", "the card that came with the weights"
        ) from error
    load_weights(reader.parts, weights_path, card.weights_sha256)
    for part in reader.parts.values():
        part.to(device)
    return reader


def card_of(name_or_dir: str = "starter") -> ModelCard:
    """The card of the reader that `load_reader` would load, without its networks.

    Raises:
        InputError: for an unknown name, or a card that cannot be read.
    """
    return read_card(model_files(name_or_dir)[0])


def model_files(name_or_dir: str) -> tuple[Path, Path]:
    """Card and weights of a reader, by its name, its folder, or the weights file of either.

    Raises:
        InputError: when there is no card.
    """
    given = Path(name_or_dir)
    if given.suffix == ".safetensors" and given.is_file():
        name = "card.json" if given.name == WEIGHTS_NAME else f"{given.stem}.json"
        card, weights = given.with_name(name), given
    elif given.is_dir():
        card, weights = given / "card.json", given / WEIGHTS_NAME
    else:
        card, weights = WEIGHTS / f"{name_or_dir}.json", WEIGHTS / f"{name_or_dir}.safetensors"
    if not card.is_file():
        known = ", ".join(sorted(p.stem for p in WEIGHTS.glob("*.safetensors")))
        raise InputError(f"no model {name_or_dir!r}", f"one of {known}, or a folder with card.json")
    return card, weights


def _untrained(card: ModelCard) -> Reader:
    """The networks that a card describes; values that no network can have fail in as many ways as there are layers."""
    net = ReaderNet(card.config).eval()
    patches = None if card.patches is None else PatchNet(patch_config(card.patches)).eval()
    decoder = None if card.decoder is None else ReportDecoder(DecoderConfig(**card.decoder)).eval()
    refiner = None if card.looks is None else CropRefiner(CropRefinerConfig(**card.looks)).eval()
    crop_films = NormStatistics(refiner) if refiner is not None and refiner.config.acquired_statistics else None
    phrases = None if card.phrases is None else PhraseNet(PhraseConfig(**card.phrases)).eval()
    head = None if phrases is None else joint_head(card.config, phrases.config).eval()
    return Reader(net, card, NormStatistics(net), patches, refiner, decoder, head, phrases, crop_films)


def joint_head(config: ReaderConfig, phrases: PhraseConfig) -> JointHead:
    """The joint head that fits a reader and a text side."""
    return JointHead(config.mark_channels, phrases.joint_dim)


def patch_config(values: dict) -> PatchConfig:
    """The patch path's shape from a card's plain values."""
    values = dict(values)
    return PatchConfig(tophat=TopHatConfig(**values.pop("tophat")), **values)
