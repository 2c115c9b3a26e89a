"""A reader small enough for one thread, and batches of noise to feed it."""

import torch

from mammoscribe.models.biovil.image_encoder import ImageEncoderConfig
from mammoscribe.models.biovil.resnet import ResNetConfig
from mammoscribe.models.reader.batch import ViewBatch
from mammoscribe.models.reader.network import ReaderConfig


def tiny_config() -> ReaderConfig:
    """A few thousand parameters on 96 x 64 pixels."""
    backbone = ResNetConfig(in_channels=1, stem=8, width=8, depths=(1, 1, 1, 1), norm="group")
    encoder = ImageEncoderConfig(backbone=backbone, dim=16, heads=2, blocks=1, dropout=0.0, drop_path=0.0)
    return ReaderConfig(
        encoder=encoder, canvas_px=(96, 64), dim=24, heads=2, fusion_layers=1, query_layers=1, mark_channels=16,
        queries_per_view=3,
    )  # fmt: skip


def noise_batch(slots: list[list[int]], with_prior: bool = False, seed: int = 0) -> ViewBatch:
    """A batch of exams, each given by its slots."""
    generator = torch.Generator().manual_seed(seed)
    exam = torch.tensor([e for e, own in enumerate(slots) for _ in own])
    slot = torch.tensor([s for own in slots for s in own])
    n = len(slot)
    has_prior = torch.zeros(n, dtype=torch.bool)
    has_prior[::2] = with_prior
    images = torch.rand(n, 1, 96, 64, generator=generator)
    previous = torch.rand(int(has_prior.sum()), 1, 96, 64, generator=generator) if with_prior else None
    nipple = torch.tensor([[60.0, 48.0]]).expand(n, 2).contiguous()
    return ViewBatch(images, exam, slot, nipple, torch.full((n,), 1.6), previous, has_prior, len(slots))
