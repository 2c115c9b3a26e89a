"""The training loop: batch statistics move on phantoms and stay on films; a run goes on from its checkpoint."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from mammoscribe.models.reader.network import ReaderNet
from mammoscribe.models.reader.norm_statistics import FILMED
from mammoscribe.training.batches import NO_AUGMENTATION
from mammoscribe.training.loop import Schedule, Source, films_statistics, train
from mammoscribe.training.samples import BreastLabels, TrainingExam, ViewSample
from tests.models.tiny import tiny_config

LABELS = (BreastLabels(density=1, malignant=1), BreastLabels())


def exam(seed: int) -> TrainingExam:
    canvas = np.random.default_rng(seed).integers(20, 250, (96, 64)).astype(np.uint8)
    return TrainingExam(f"e{seed}", f"p{seed}", "rsna", (ViewSample(0, canvas, (60.0, 48.0), 1.6),), (), LABELS)


@pytest.fixture
def net() -> ReaderNet:
    torch.manual_seed(0)
    config = tiny_config()
    backbone = replace(config.encoder.backbone, norm="batch")
    return ReaderNet(replace(config, encoder=replace(config.encoder, backbone=backbone)))


def statistics(net: ReaderNet) -> torch.Tensor:
    norms = [m for m in net.modules() if isinstance(m, torch.nn.BatchNorm2d)]
    return torch.cat([n.running_mean.clone() for n in norms if n.running_mean is not None])


@pytest.mark.parametrize("keep", [True, False])
def test_batch_statistics_stay_when_they_are_to_be_kept(net, tmp_path, keep):
    before, weight = statistics(net), net.image_encoder.encoder.conv1.weight.detach().clone()
    sources = [Source("rsna", [exam(0), exam(1)], 2, NO_AUGMENTATION, keeps_statistics=keep)]
    train(net, sources, Schedule(steps=2, minutes=5), tmp_path, seed=0)
    assert torch.equal(statistics(net), before) is keep
    assert not torch.equal(net.image_encoder.encoder.conv1.weight, weight)


def test_each_domain_moves_its_own_statistics(net, tmp_path):
    before = statistics(net)
    drawn = Source("phantom", [exam(0), exam(1)], 2, NO_AUGMENTATION)
    films = Source("rsna", [exam(2), exam(3)], 2, NO_AUGMENTATION, FILMED)
    train(net, [films], Schedule(steps=2, minutes=5), tmp_path / "films", seed=0)
    assert torch.equal(statistics(net), before)  # the network comes back with those of phantoms
    state = torch.load(tmp_path / "films" / "checkpoint.pt", weights_only=True)
    films_statistics(state, net).lend_to(net)
    moved = statistics(net)
    assert not torch.equal(moved, before)
    train(net, [drawn], Schedule(steps=2, minutes=5), tmp_path / "drawn", seed=0)
    assert not torch.equal(statistics(net), moved)


def test_a_run_goes_on_from_its_checkpoint(net, tmp_path):
    sources = [Source("rsna", [exam(0), exam(1)], 2, NO_AUGMENTATION)]
    train(net, sources, Schedule(steps=2, minutes=5), tmp_path, seed=0)
    seen: list[dict] = []
    train(net, sources, Schedule(steps=3, minutes=5), tmp_path, seed=0, report=seen.append)
    assert [row["step"] for row in seen] == [3]
