"""A reader of random weights in a folder, as `--model DIR` takes it: quick, and it marks something in every exam."""

from pathlib import Path

import torch

from mammoscribe.domain.finding import FindingType
from mammoscribe.models.reader.card import ModelCard, OperatingPoint, write_card
from mammoscribe.models.reader.network import ReaderConfig, ReaderNet
from mammoscribe.models.reader.norm_statistics import NormStatistics
from mammoscribe.models.weights_file import save_weights
from tests.models.tiny import tiny_config


def write_tiny_reader(folder: Path, config: ReaderConfig | None = None) -> Path:
    """Write `card.json` and `weights.safetensors` of an untrained tiny reader, or one of another shape, into `folder`."""
    torch.manual_seed(0)
    config = config or tiny_config()
    net = ReaderNet(config)
    digest = save_weights({"reader": net, "films": NormStatistics(net)}, folder / "weights.safetensors")
    point = OperatingPoint(
        population="nothing: random weights",
        thresholds={kind.value: 0.0 for kind in FindingType},
        possible={kind.value: 0.0 for kind in FindingType},
        malignant=(1.0, 0.0, 0.0, 0.0, 0.0, 0.0),
        prevalence=0.5,
        n=1,
    )
    card = ModelCard("tiny", "nothing", config, digest, synthetic=point, real=point)
    write_card(card, folder / "card.json")
    return folder
