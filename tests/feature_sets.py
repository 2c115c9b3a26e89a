"""A joint space of nothing but numbers, and small feature sets and prompts whose answer is known."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from mammoscribe.data.labelled import LabelKind
from mammoscribe.domain.view import Box
from mammoscribe.imaging.joint_pixels import JointPixels
from mammoscribe.imaging.placement import Placement
from mammoscribe.models.biovil.adaptors import PromptBank
from mammoscribe.models.joint_space import JointImages
from mammoscribe.support.errors import InputError
from mammoscribe.training.probes.feature_set import FeatureKind, FeatureSet

NAMES = ("edema", "effusion", "pneumonia")
DIM = 16


class NumberSpace:
    """A picture is a text file with a number, its features are made from that number; counts what it is asked for."""

    name, dim = "numbers", DIM

    def __init__(self, takes_priors: bool = True) -> None:
        self.takes_priors, self.prepared, self.batches = takes_priors, [], []

    def prepare(self, path: Path) -> JointPixels:
        self.prepared.append(Path(path).name)
        if not path.is_file():
            raise InputError(f"{path.name} is not there")
        value = float(path.read_text())
        side = 4 if value < 100 else 6
        pixels = np.full((side, side), value, np.float32)
        place = Placement(side, side, False, 1.0, 1.0, 0.0, 0.0, side, side)
        return JointPixels(pixels, place, Box(0, 0, side, side), "as they are")

    def embed_images(
        self, images: Sequence[JointPixels], priors: Sequence[JointPixels | None] | None = None
    ) -> JointImages:
        assert len({i.pixels.shape for i in images}) == 1
        if priors is not None and not self.takes_priors:
            raise InputError("a model without priors")
        self.batches.append(len(images))
        now = torch.tensor([float(i.pixels[0, 0]) for i in images])
        then = torch.tensor([0.0 if p is None else float(p.pixels[0, 0]) for p in priors or [None] * len(images)])
        whole = now[:, None] * torch.ones(DIM)
        return JointImages(whole[:, :, None, None], whole, torch.stack((now, now - then), dim=1))

    def embed_texts(self, texts: Sequence[str]) -> Tensor:
        rows = [np.random.default_rng(list(t.encode())).normal(size=DIM) for t in texts]
        return torch.nn.functional.normalize(torch.tensor(np.array(rows), dtype=torch.float32), dim=1)


def make_features(**fields: Any) -> FeatureSet:
    """Four pictures of two classes; every keyword replaces one field."""
    given = {
        "features": np.arange(8, dtype=np.float32).reshape(4, 2),
        "ids": ("a", "b", "c", "d"),
        "patients": ("p", "p", "q", "r"),
        "splits": ("train", "train", "test", "val"),
        "has_prior": np.array([True, True, True, False]),
        "classes": ("edema", "edema change"),
        "kinds": (LabelKind.PRESENCE, LabelKind.CHANGE),
        "labels": np.array([[1, 0], [0, 2], [np.nan, 1], [1, np.nan]], np.float32),
        "kind": FeatureKind.POOLED,
        "model": "numbers",
        "mode": "as they are",
        "skipped": (("e", "it is not there."),),
    }
    return FeatureSet(**(given | fields))


def separable(num_train: int = 600, num_test: int = 200, seed: int = 0) -> tuple[FeatureSet, PromptBank]:
    """Three correlated classes, each a direction in picture space and another, partly turned, in text space."""
    rng = np.random.default_rng(seed)
    n, c = num_train + num_test, len(NAMES)
    seen, other = (np.linalg.qr(rng.normal(size=(DIM, c)))[0].T for _ in range(2))
    said = 0.6 * seen + 0.8 * other
    labels = (rng.normal(size=(n, 1)) + rng.normal(size=(n, c)) > 0).astype(np.float32)
    features = rng.normal(size=DIM) / 4 + 2 * (labels - 0.5) @ seen + 0.5 * rng.normal(size=(n, DIM))
    owners, signs = np.repeat(np.arange(c), 4), np.tile([1, 1, -1, -1], c)
    prompts = rng.normal(size=DIM) / 4 + signs[:, None] * said[owners] + 0.1 * rng.normal(size=(4 * c, DIM))
    ids = tuple(f"s{i}" for i in range(n))
    kinds = (LabelKind.PRESENCE,) * c
    splits = ("train",) * num_train + ("test",) * num_test
    return (
        FeatureSet(
            features.astype(np.float32), ids, ids, splits, np.zeros(n, bool), NAMES, kinds, labels,
            FeatureKind.PROJECTED, "numbers", "as they are",
        ),
        PromptBank(NAMES, torch.tensor(prompts, dtype=torch.float32), torch.tensor(owners), torch.tensor(signs > 0)),
    )  # fmt: skip


def changing_pairs(num: int = 240, seed: int = 0, shift: float = 1.5) -> FeatureSet:
    """Pairs of two findings: the first can be told from the features, the second is chance; two pairs a patient."""
    rng = np.random.default_rng(seed)
    change = rng.integers(0, 3, num)
    features = rng.normal(size=(num, 8))
    features[:, 0] += shift * (change - 1)
    features[:, 1] += shift * (change == 1)
    labels = np.stack([change, rng.integers(0, 3, num)], axis=1).astype(np.float32)
    return FeatureSet(
        features.astype(np.float32), tuple(f"s{i}" for i in range(num)), tuple(f"p{i // 2}" for i in range(num)),
        tuple("test" if i // 2 % 3 == 0 else "train" for i in range(num)), np.ones(num, bool), ("edema", "chance"),
        (LabelKind.CHANGE,) * 2, labels, FeatureKind.POOLED, "numbers", "as they are",
    )  # fmt: skip
