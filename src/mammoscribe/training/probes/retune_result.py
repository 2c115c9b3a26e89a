"""What a RE-tune run leaves: figures of every class after every stage, the heat map, the trained adaptors."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from safetensors.torch import load_file
from torch import nn

from mammoscribe.evaluation.heat_map import page, summary
from mammoscribe.evaluation.incremental import IncrementalResult, Step, macro_auroc_interval, measure_step, result_json
from mammoscribe.models.biovil.adaptors import AdaptorConfig, PromptBank, RetuneAdaptors, save_adaptors
from mammoscribe.support.files import write_text
from mammoscribe.training.engine.fields import plain
from mammoscribe.training.probes.feature_set import FeatureSet
from mammoscribe.training.probes.scenarios import Stage

if TYPE_CHECKING:
    from mammoscribe.training.probes.retune import RetuneSettings

AT_ONCE = 8192


@torch.inference_mode()
def class_cosines(net: RetuneAdaptors, features: np.ndarray, bank: PromptBank) -> tuple[np.ndarray, np.ndarray]:
    """Cosines of pictures [N, J] with positive and negative prototypes, float64 [N, C] each."""
    net.eval()
    parts = [net(part, bank) for part in torch.from_numpy(features).split(AT_ONCE)]
    positive, negative = (torch.cat(side).double().numpy() for side in zip(*parts, strict=True))
    return positive, negative


def zero_shot(held_out: FeatureSet, bank: PromptBank) -> Step:
    """The model as it is, measured on held-out pictures: prompts without any training."""
    positive, negative = class_cosines(RetuneAdaptors(), held_out.features, bank)
    return Step("zero-shot", (), 0, measure_step(positive, negative, held_out.labels))


@dataclass(frozen=True)
class RetuneExport:
    """Measures the adaptors after every stage, and fills the model folder at the end of a run.

    Args:
        settings: of the run.
        config: shape of the adaptors.
        stages: what each saw.
        held_out: the features that are measured.
        bank: prompts of their classes.
        learning_rate, steps: for the page.
        num_draws: of the bootstrap over patients behind the final interval.
    """

    settings: "RetuneSettings"
    config: AdaptorConfig
    stages: Sequence[Stage]
    held_out: FeatureSet
    bank: PromptBank
    learning_rate: float
    steps: int
    num_draws: int = 1000

    def __call__(self, weights: Path, out: Path) -> None:
        """Write result.json, heat_map.html, adaptors.safetensors and summary.md into `out`."""
        net, result = self.measured(weights)
        save_adaptors(net, out / "adaptors.safetensors", result.classes, self.held_out.model)
        provenance = {
            "model": self.held_out.model, "preprocessing": self.held_out.mode, "features": self.held_out.made_from,
            "settings": plain(self.settings), "learning_rate": self.learning_rate, "steps": self.steps,
        }  # fmt: skip
        write_text(out / "result.json", result_json(result, **provenance))
        write_text(out / "heat_map.html", page(result, self._lines()))
        write_text(out / "summary.md", f"{self.settings.title}, {summary(result)}\n")

    def measured(self, weights: Path) -> tuple[RetuneAdaptors, IncrementalResult]:
        """The adaptors as they ended, and the figures of all classes before the first stage and after each."""
        after = load_file(weights)["kept.after"]
        net = RetuneAdaptors(self.config)
        steps = [zero_shot(self.held_out, self.bank)]
        positive = np.zeros(())
        for stage, flat in zip(self.stages, after, strict=True):
            nn.utils.vector_to_parameters(flat, net.parameters())
            positive, negative = class_cosines(net, self.held_out.features, self.bank)
            figures = measure_step(positive, negative, self.held_out.labels)
            steps.append(Step(stage.name, tuple(map(int, stage.classes)), len(stage.rows), figures))
        interval = macro_auroc_interval(positive, self.held_out.labels, self.held_out.patients, self.num_draws)
        return net, IncrementalResult(self.settings.title, self.bank.classes, tuple(steps), interval)

    def _lines(self) -> list[str]:
        settings, held_out = self.settings, self.held_out
        return [
            f"Model {held_out.model}, pictures prepared as {held_out.mode}; measured on split {settings.test_on}.",
            f"Adaptor {settings.adaptor}, sides {settings.sides}; rate {self.learning_rate:g}, {self.steps} steps in all tasks.",
        ]
