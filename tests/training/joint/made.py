"""Views by hand for the tests of the joint space, and a model folder of a small reader."""

import json
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from mammoscribe.data.datasets.phantom import PHANTOM
from mammoscribe.domain.finding import FindingType
from mammoscribe.models.decoder.network import DecoderConfig, ReportDecoder
from mammoscribe.models.reader.card import ModelCard
from mammoscribe.models.reader.network import ReaderNet, debug_config
from mammoscribe.models.reader.norm_statistics import NormStatistics
from mammoscribe.models.reader.reader import Reader
from mammoscribe.models.tokenizer import load_tokenizer
from mammoscribe.training.calibration.parts import write_reader
from mammoscribe.training.calibration.point import neutral
from mammoscribe.training.joint.batches import JointBatch, collate
from mammoscribe.training.joint.statements import findings_of_view
from mammoscribe.training.joint.views import LabelledView
from mammoscribe.training.reader.batches import NO_AUGMENTATION
from mammoscribe.training.reader.samples import BreastLabels, LabelledFinding, LabelledMark, TrainingExam, ViewSample
from tests.training.reader.lab import prepared

UNLABELLED = BreastLabels()
KINDS = list(FindingType)
ALL = frozenset(range(len(KINDS)))
HIGH, WIDE, TOP = 128, 96, 32
"""Size of a canvas, and its empty rows at the top."""


def view(
    *found: tuple[str, tuple[str, ...], tuple[float, float, float, float]], boxed=ALL, labels=UNLABELLED, seed=0
) -> LabelledView:
    """A right CC view that shows findings, each given by kind, descriptors and box."""
    canvas = np.random.default_rng(seed).integers(20, 200, (HIGH, WIDE)).astype(np.uint8)
    canvas[:TOP], canvas[:, 80:] = 0, 0
    findings = tuple(LabelledFinding(KINDS.index(FindingType(kind)), words, 0.5) for kind, words, _ in found)
    marks = tuple(LabelledMark(n, box) for n, (_, _, box) in enumerate(found))
    sample = ViewSample(0, canvas, (79.0, 64.0), 0.5, marks, boxed)
    exam = TrainingExam(f"e{seed}", "p", (sample,), findings, (labels, BreastLabels()), synthetic=True)
    return LabelledView(exam, findings_of_view(exam, 0))


OVAL = ("mass", ("shape.oval", "margin.circumscribed"), (16.0, 40.0, 40.0, 64.0))
SPICULATED = ("mass", ("shape.irregular", "margin.spiculated"), (24.0, 72.0, 56.0, 104.0))
GROUPED = ("calcification", ("morphology.amorphous", "distribution.grouped"), (40.0, 40.0, 64.0, 64.0))


def batch_of(*views: LabelledView, first_seed: int = 0) -> JointBatch:
    """The views as a batch, each with its own seed."""
    return collate([(v, first_seed + n) for n, v in enumerate(views)], NO_AUGMENTATION, load_tokenizer(), 96)


def drawn_lab(root: Path) -> Path:
    """Three synthetic exams of half-discs, each with a bright mass in both views of the right breast, prepared."""
    rows, columns = np.mgrid[:800, :560]
    breast = np.hypot((rows - 400) / 380, columns / 500) < 1
    for seed in range(3):
        rng, folder = np.random.default_rng(seed), root / "files" / f"phantom-{seed}"
        folder.mkdir(parents=True)
        boxes = {}
        for name in ("R_CC", "L_CC", "R_MLO", "L_MLO"):
            grey = np.where(breast, 90 + 8 * rng.standard_normal(breast.shape), 0)
            if name[0] == "R":
                x, y = (int(rng.integers(60, 240)), int(rng.integers(200, 500)))
                grey[y : y + 90, x : x + 90] += 100
                boxes[name] = [560 - x - 90, y, 560 - x, y + 90]
                grey = grey[:, ::-1]
            Image.fromarray(np.clip(grey, 0, 255).astype(np.uint8)).save(folder / f"{name}.png")
        mass = {"id": "m1", "type": "mass", "laterality": "R", "descriptors": ["shape.oval", "margin.spiculated"],
                "marks": [{"view": v, "box_px": b} for v, b in boxes.items()], "suspicion": 0.9, "malignant": True,
                "change": None}  # fmt: skip
        breasts = [{"laterality": s, "density": "c", "birads": "4", "malignant": s == "R"} for s in "RL"]
        truth = {"seed": seed, "exam_id": f"phantom-{seed}", "dates": {"current": "2020-06-15"}, "breasts": breasts,
                 "findings": [mass]}  # fmt: skip
        (folder / "truth.json").write_text(json.dumps(truth))
    return prepared(PHANTOM, root / "files", root)


def small_model(folder: Path, with_decoder: bool = False) -> Path:
    """A model folder of an untrained reader that sees the starter's canvas, without a text side."""
    torch.manual_seed(0)
    net = ReaderNet(debug_config()).eval()
    card = ModelCard("small", "nothing", debug_config(), "0" * 64, neutral(), neutral())
    reader = Reader(net, card, NormStatistics(net))
    if with_decoder:
        config = DecoderConfig(load_tokenizer().vocab_size, dim=24, layers=1, heads=2, ff_dim=32)
        reader = Reader(
            net,
            ModelCard("small", "nothing", debug_config(), "0" * 64, neutral(), neutral(), decoder=config.as_dict()),
            NormStatistics(net),
            decoder=ReportDecoder(config).eval(),
        )
    folder.mkdir(parents=True)
    write_reader(reader, folder)
    return folder
