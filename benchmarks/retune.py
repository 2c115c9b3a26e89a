"""RE-tune scenarios side by side: AUROC, F1 and exact accuracy after the last task, and what was forgotten.

Without `--features`, on a synthetic feature set whose answer is known: every class is a direction in picture space and
another one in text space, partly turned, under noise. 30,000 training pictures in batches of 1,024 give a task about as
many optimiser steps as 191,000 chest radiographs in batches of 6,144. These figures show that the method behaves as it
should, and say nothing of any clinic.

    python benchmarks/retune.py                                # synthetic, about 30 s on one core
    python benchmarks/retune.py --out runs/retune              # ... and a folder with a heat map for each scenario
    python benchmarks/retune.py --features F.npz --model NAME  # your own feature set, no bars

Phantom exams as a feature set (DICOM, since its header tells a reader that they are drawn):

    mammoscribe phantom --exams 300 --seed 5000 --format dicom --out runs/phantoms
    python benchmarks/phantom_labels.py runs/phantoms          # writes runs/phantoms/labels.csv
    mammoscribe features runs/phantoms/labels.csv --model starter --out runs/phantoms.npz
    python benchmarks/retune.py --features runs/phantoms.npz --model starter --batch 64
"""

import argparse
import json
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from scipy import stats

from mammoscribe.data.labelled import LabelKind
from mammoscribe.evaluation.card import Row, Sense, markdown, table, write_rows
from mammoscribe.models.biovil.adaptors import PromptBank
from mammoscribe.support.errors import MammoscribeError
from mammoscribe.training.engine.run import Run
from mammoscribe.training.engine.task import Task
from mammoscribe.training.engine.train import train
from mammoscribe.training.probes.feature_set import FeatureKind, FeatureSet, load_features, save_features
from mammoscribe.training.probes.recipes import retune
from mammoscribe.training.probes.retune import RetuneSettings, retune_task
from mammoscribe.training.probes.scenarios import Scenario

CLASSES = ("atelectasis", "cardiomegaly", "consolidation", "edema", "pleural effusion")
PREVALENCE = np.array([0.5, 0.3, 0.25, 0.35, 0.4])
DIM, PROMPTS = 128, 4
TURNED, CORRELATION, NOISE, CONE = 0.5, 0.5, 4.8, 3.0
"""Cosine between a class's direction in pictures and in texts; of the labels' common cause; noise and offset lengths."""
RUNS: dict[str, dict] = {
    "joint": {"scenario": Scenario.JOINT},
    "class": {"scenario": Scenario.CLASS},
    "class-positives": {"scenario": Scenario.CLASS, "positives_only": True},
    "label": {"scenario": Scenario.LABEL},
    "data-5": {"scenario": Scenario.DATA, "parts": 5},
    "data-10": {"scenario": Scenario.DATA, "parts": 10},
    "data-20": {"scenario": Scenario.DATA, "parts": 20},
}


def synthetic(num_train: int, num_test: int, seed: int = 0) -> tuple[FeatureSet, PromptBank]:
    """Pictures and prompts of five correlated classes; the same seed gives the same set."""
    rng = np.random.default_rng(seed)
    n, classes = num_train + num_test, len(CLASSES)
    seen, other = (np.linalg.qr(rng.normal(size=(DIM, classes)))[0].T for _ in range(2))
    said = TURNED * seen + np.sqrt(1 - TURNED**2) * other
    cause = np.sqrt(CORRELATION) * rng.normal(size=(n, 1)) + np.sqrt(1 - CORRELATION) * rng.normal(size=(n, classes))
    labels = (cause > stats.norm.ppf(1 - PREVALENCE)).astype(np.float32)
    pictures, texts = (CONE * rng.normal(size=DIM) / np.sqrt(DIM) for _ in range(2))
    noise = NOISE * rng.normal(size=(n, DIM)) / np.sqrt(DIM)
    features = pictures + (labels - PREVALENCE) @ seen + noise
    owners, signs = np.repeat(np.arange(classes), 2 * PROMPTS), np.tile([1] * PROMPTS + [-1] * PROMPTS, classes)
    prompts = texts + 0.7 * signs[:, None] * said[owners] + 0.25 * rng.normal(size=(len(owners), DIM)) / np.sqrt(DIM)
    ids = tuple(f"s{i}" for i in range(n))
    feature_set = FeatureSet(
        features.astype(np.float32), ids, ids, ("train",) * num_train + ("test",) * num_test, np.zeros(n, bool), CLASSES,
        (LabelKind.PRESENCE,) * classes, labels, FeatureKind.PROJECTED, "synthetic", "none",
    )  # fmt: skip
    bank = PromptBank(
        CLASSES, torch.tensor(prompts, dtype=torch.float32), torch.tensor(owners), torch.tensor(signs > 0)
    )
    return feature_set, bank


@dataclass(frozen=True)
class Synthetic(RetuneSettings):
    """RE-tune on the synthetic set, whose prompts are embedded already."""

    num_train: int = 0
    num_test: int = 0

    def build(self, run: Run) -> Task:
        """The task with fresh adaptors."""
        return retune_task(run, self, *synthetic(self.num_train, self.num_test))


def measure(data: Path, settings: RetuneSettings, batch: int, steps: int, out: Path) -> dict[str, dict]:
    """All scenarios, each a run in its own folder of `out`; the content of its result.json by name."""
    results = {}
    for name, options in RUNS.items():
        run = replace(retune([data]), task=replace(settings, **options), batch={"pictures": batch}, steps=steps)
        train(run.with_set({"execution.device": "cpu"}), out / name)
        results[name] = json.loads((out / name / "model" / "result.json").read_text(encoding="utf-8"))
    return results


def figures(results: Mapping[str, dict]) -> str:
    """Scenario by figure, as markdown; the first row is the model without training."""
    head = ("scenario", "tasks", "AUROC", "95 % interval", "F1", "exact", "AUROC forgotten", "backward transfer")
    rows = [_row("zero-shot", next(iter(results.values()))["steps"][0], 0, "", "", "")]
    for r in results.values():
        ends = r["final_macro_auroc_interval"]
        interval = f"{ends['low']:.3f}-{ends['high']:.3f}" if ends else "not defined"
        lost, transfer = (signed(r[f"{name}_auroc"]["mean"]) for name in ("forgetting", "backward_transfer"))
        rows.append(_row(r["scenario"], r["steps"][-1], len(r["steps"]) - 1, interval, lost, transfer))
    return table(head, rows)


def _row(title: str, step: dict, tasks: int, interval: str, lost: str, transfer: str) -> tuple[object, ...]:
    area, f1, exact = (f"{step[name]:.3f}" for name in ("macro_auroc", "macro_f1", "exact"))
    return title, tasks, area, interval, f1, exact, lost, transfer


def signed(value: float | None) -> str:
    """With its sign; nothing where it is not defined."""
    return "" if value is None else f"{value:+.3f}"


def checks(results: Mapping[str, dict], n: str) -> list[Row]:
    """What must hold on the synthetic set."""
    area = {name: r["steps"][-1]["macro_auroc"] for name, r in results.items()}
    area["zero-shot"] = results["joint"]["steps"][0]["macro_auroc"]
    lost = {
        name: r["forgetting_auroc"]["mean"] for name, r in results.items() if r["forgetting_auroc"]["mean"] is not None
    }
    return [
        Row("AUROC: joint training over zero-shot", area["joint"] - area["zero-shot"], n, bar=0.2),
        Row("AUROC: joint training over class-incremental", area["joint"] - area["class"], n, bar=0.03),
        Row("AUROC forgotten, class-incremental", lost["class"], n, bar=0.02),
        Row("AUROC forgotten, data-incremental, 5 parts", lost["data-5"], n, bar=0.005, sense=Sense.AT_MOST),
        Row("AUROC: joint training over data-incremental", area["joint"] - area["data-5"], n, bar=0.02,
            sense=Sense.AT_MOST),
        Row("AUROC: class-incremental over the same with positives only", area["class"] - area["class-positives"], n,
            bar=0.1),
    ]  # fmt: skip


def main() -> int:
    """Print the table and the checks; 1 when a check fails, 2 when nothing could be measured."""
    args = _options()
    torch.set_num_threads(args.threads)
    try:
        with tempfile.TemporaryDirectory() as folder:
            data, settings = _data(args, Path(folder))
            features = load_features(data)
            results = measure(data, settings, args.batch, args.steps, args.out or Path(folder) / "runs")
    except MammoscribeError as error:
        print(error)
        return 2
    held_out = f"{features.splits.count('test'):,} pictures"
    print(
        f"retune, {features.model}, {features.splits.count('train'):,} train, {held_out} held out\n\n{figures(results)}"
    )
    if args.features is not None:
        return 0
    rows = checks(results, held_out)
    print(f"\n{markdown(rows)}")
    if args.json:
        write_rows(rows, args.json)
    return int(any(r.met is False for r in rows))


def _data(args: argparse.Namespace, folder: Path) -> tuple[Path, RetuneSettings]:
    """The feature file, and the settings that every scenario shares."""
    if args.features is not None:
        return args.features, RetuneSettings(model=args.model, prompts=args.prompts)
    features, _ = synthetic(args.train, args.test)
    return save_features(features, folder / "synthetic.npz"), Synthetic(num_train=args.train, num_test=args.test)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--features", type=Path, help="feature set instead of the synthetic one")
    parser.add_argument("--model", help="the model of that feature set")
    parser.add_argument("--prompts", type=Path, help="prompts by class (TOML)")
    parser.add_argument("--train", type=int, default=30_000, help="synthetic training pictures")
    parser.add_argument("--test", type=int, default=2_000, help="synthetic held-out pictures")
    parser.add_argument("--batch", type=int, default=1024)
    parser.add_argument("--steps", type=int, default=310, help="of all tasks of a scenario together")
    parser.add_argument("--out", type=Path, help="folder for results and heat maps")
    parser.add_argument("--threads", type=int, default=1, help="torch threads")
    parser.add_argument("--json", type=Path, help="also write the checks to this file")
    args = parser.parse_args()
    if (args.features is None) != (args.model is None):
        parser.error("--features and --model go together")
    return args


if __name__ == "__main__":
    sys.exit(main())
