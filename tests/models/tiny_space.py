"""A tiny reader with a text side, and a drawn mammogram for it."""

from dataclasses import replace
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from PIL import Image

from mammoscribe.models.reader.card import ModelCard
from mammoscribe.models.reader.loading import joint_head
from mammoscribe.models.reader.network import ReaderNet
from mammoscribe.models.reader.norm_statistics import NormStatistics
from mammoscribe.models.reader.phrases import PhraseConfig, PhraseNet
from mammoscribe.models.reader.reader import Reader
from mammoscribe.models.reader.space import StarterSpace
from mammoscribe.models.tokenizer import load_tokenizer
from mammoscribe.training.calibration.point import neutral
from tests.models.tiny import tiny_config


def tiny_space(norm: Literal["group", "batch"] = "group", **view_names: str) -> StarterSpace:
    """Random weights, always the same."""
    torch.manual_seed(0)
    config = tiny_config()
    backbone = replace(config.encoder.backbone, norm=norm)
    config = replace(config, encoder=replace(config.encoder, backbone=backbone))
    phrases = PhraseNet(PhraseConfig(load_tokenizer().vocab_size, dim=16, heads=2, layers=1, joint_dim=16)).eval()
    head, net = joint_head(config, phrases.config).eval(), ReaderNet(config).eval()
    card = ModelCard("tiny", "nothing", config, "0" * 64, neutral(), neutral(), phrases=phrases.config.as_dict())
    return StarterSpace(Reader(net, card, NormStatistics(net), head=head, phrases=phrases), head, phrases, view_names)


def mammogram(path: Path, seed: int = 0) -> Path:
    """A half disc with a bright spot on the left edge, 240 x 200 pixels."""
    rows, columns = np.mgrid[:240, :200]
    breast = np.hypot((rows - 120) / 100, columns / 120) < 1
    grey = breast * (90 + 10 * np.random.default_rng(seed).standard_normal((240, 200)))
    grey[100:115, 50:65] += 90
    Image.fromarray(np.clip(grey, 0, 255).astype(np.uint8)).save(path)
    return path
