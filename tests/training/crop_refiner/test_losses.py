"""Losses of the crop refiner against a reference that is written out crop by crop."""

import math

import numpy as np
import pytest
import torch

from mammoscribe.domain.lexicon import Axis
from mammoscribe.models.reader.crop_refiner import CROP_AXES, PLANES, CropOutput, CropRefiner, CropRefinerConfig
from mammoscribe.models.reader.queries import AXIS_TERMS, NO_FINDING
from mammoscribe.training.crop_refiner.crops import LabelledCrop, collate
from mammoscribe.training.crop_refiner.losses import LossWeights, counts, losses
from mammoscribe.training.reader.samples import UNKNOWN, LabelledFinding

NAMES = set(LossWeights.__dataclass_fields__)
ALL, MASSES = frozenset(range(4)), frozenset({0})
NAMED = frozenset({"associated.skin_thickening", "associated.nipple_retraction"})


def crops(*given) -> list[LabelledCrop]:
    """Crops of a dataset whose labels name two associated features."""
    planes = np.random.default_rng(0).random((PLANES, 32, 32), np.float32)
    return [LabelledCrop(planes, label, boxed, prior, NAMED) for label, boxed, prior in given]


def answers(n: int) -> CropOutput:
    made = torch.Generator().manual_seed(0)

    def logits(*shape):
        return torch.randn(*shape, generator=made)

    words = {a: logits(n, len(AXIS_TERMS[a])) for a in CROP_AXES}
    return CropOutput(logits(n, 5), words, logits(n), logits(n, 4))


GIVEN = (
    (LabelledFinding(0, ("shape.oval", "margin.spiculated", "associated.skin_thickening"), 0.9, 1), ALL, True),
    (LabelledFinding(0, ("margin.obscured",), UNKNOWN, 2), MASSES, False),
    (LabelledFinding(3, (), 0.2), ALL, True),
    (LabelledFinding(NO_FINDING), ALL, True),
    (LabelledFinding(NO_FINDING), MASSES, False),
    (LabelledFinding(UNKNOWN), ALL, True),
)


def log_softmax(row):
    total = math.log(sum(math.exp(v) for v in row))
    return [v - total for v in row]


def log_loss(logit, goal):
    p = 1 / (1 + math.exp(-logit))
    return -goal * math.log(p) - (1 - goal) * math.log(1 - p)


def reference(out: CropOutput) -> dict[str, float]:
    """Crop by crop, with nothing shared with the code."""
    sums = dict.fromkeys(NAMES, 0.0)
    for i, (label, boxed, prior) in enumerate(GIVEN):
        logs = log_softmax(out.type[i].tolist())
        if label.type == NO_FINDING:
            sums["type"] -= math.log(sum(math.exp(logs[k]) for k in range(5) if k == 4 or k not in boxed))
        elif label.type != UNKNOWN:
            sums["type"] -= logs[label.type]
        for axis in ("shape", "margin", "density", "asymmetry"):
            for word in label.descriptors:
                if word.startswith(axis + "."):
                    terms = AXIS_TERMS[Axis(axis)]
                    sums[axis] -= log_softmax(out.descriptors[Axis(axis)][i].tolist())[terms.index(word)]
        if label.descriptors:
            row = out.descriptors[Axis.ASSOCIATED][i].tolist()
            terms = AXIS_TERMS[Axis.ASSOCIATED]
            pairs = [(v, t) for v, t in zip(row, terms, strict=True) if t in NAMED]
            sums["associated"] += sum(log_loss(v, float(t in label.descriptors)) for v, t in pairs) / len(NAMED)
        if label.suspicion >= 0:
            sums["suspicion"] += log_loss(float(out.suspicion[i]), label.suspicion)
        if prior and label.change >= 0:
            sums["change"] -= log_softmax(out.change[i].tolist())[label.change]
    return sums


def test_every_loss_is_the_sum_over_the_crops_that_are_labelled():
    out = answers(len(GIVEN))
    found = losses(out, collate(crops(*GIVEN), True))
    assert {n: float(v) for n, v in found.items()} == pytest.approx(reference(out), abs=1e-4)


def test_counts_are_the_labels_that_each_sum_is_over():
    assert counts(collate(crops(*GIVEN), True)) == {
        "type": 5.0, "shape": 1.0, "margin": 2.0, "density": 0.0, "asymmetry": 0.0, "associated": 2.0, "suspicion": 2.0,
        "change": 1.0,
    }  # fmt: skip


def test_what_is_not_labelled_moves_no_output_and_every_output_takes_part():
    out = answers(1)
    tensors = [out.type, out.suspicion, out.change, *out.descriptors.values()]
    for tensor in tensors:
        tensor.requires_grad_()
    unknown = collate(crops((LabelledFinding(UNKNOWN), ALL, False)), True)
    torch.stack(list(losses(out, unknown).values())).sum().backward()
    assert all(t.grad is not None and float(t.grad.abs().sum()) < 1e-6 for t in tensors)


def test_every_parameter_has_a_gradient_whatever_the_labels():
    net = CropRefiner(CropRefinerConfig(32, 8))
    batch = collate(crops(*GIVEN[3:5]), True)
    torch.stack(list(losses(net(batch.planes), batch).values())).sum().backward()
    assert all(p.grad is not None for p in net.parameters())
