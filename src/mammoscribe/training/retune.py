"""RE-tune: incremental fine-tuning of a frozen image-text model by adaptors on its cached embeddings.

Source: Mistretta & Bagdanov, arXiv 2410.17827; schedule as in the authors' experiments (Adam 1e-4, batch 6144, 10
epochs a task, seed 27). A task starts a new optimiser and keeps nothing of the tasks before but the weights.
"""

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from mammoscribe.evaluation.incremental import IncrementalResult, Step, macro_auroc_interval, measure_step
from mammoscribe.models.biovil.adaptors import AdaptorConfig, PromptBank, RetuneAdaptors
from mammoscribe.support.errors import InputError, InvalidNoun
from mammoscribe.training.feature_cache import FeatureKind, FeatureSet
from mammoscribe.training.scenarios import Task

Report = Callable[[int, int, float], None]
"""Takes epochs done, epochs in all, and the mean loss of the last epoch."""


@dataclass(frozen=True)
class RetuneSchedule:
    """How a task is trained.

    Args:
        learning_rate, batch, epochs: of Adam, for every task.
        seed: of initial weights and order of pictures.
        reset_below: after a task, a weight that moved less than this share of the largest move in its tensor goes
            back to where it was; 0 keeps all moves.
        device: a torch device name.

    Raises:
        InvalidNoun: for a value out of its range.
        InputError: for a device that is not there.
    """

    learning_rate: float = 1e-4
    batch: int = 6144
    epochs: int = 10
    seed: int = 27
    reset_below: float = 0.0
    device: str = "cpu"

    def __post_init__(self) -> None:
        if not 0 <= self.seed < 1 << 63:
            raise InvalidNoun(f"seed {self.seed}", "0 to 2^63 - 1")
        if not (self.learning_rate > 0 and self.batch >= 1 and self.epochs >= 1 and 0 <= self.reset_below < 1):
            raise InvalidNoun(f"schedule {self}", "positive rate, batch and epochs, reset_below from 0 to below 1")
        try:
            torch.zeros(1, device=self.device)
        except (RuntimeError, AssertionError) as error:
            raise InputError(
                f"the device {self.device} cannot be used here", "", "leave it out to use the CPU"
            ) from error


def masked_loss(logits: Tensor, labels: Tensor) -> Tensor:
    """Mean binary cross-entropy over the known labels [N, C]; NaN labels count for nothing, and so do none at all."""
    known = ~torch.isnan(labels)
    each = F.binary_cross_entropy_with_logits(logits, labels.nan_to_num(0.0), reduction="none")
    return (each * known).sum() / known.sum().clamp(min=1)


def train_task(
    net: RetuneAdaptors, features: Tensor, labels: Tensor, bank: PromptBank, task: Task, schedule: RetuneSchedule,
    generator: torch.Generator, report: Callable[[float], None] = lambda _: None,
) -> None:  # fmt: skip
    """Train the adaptors in place on one task.

    Args:
        net: the adaptors.
        features: [N, J], of all training pictures.
        labels: [N, C], NaN = unknown; only the task's rows and classes are looked at.
        bank: prompts of the C classes.
        task: rows and classes.
        schedule: rate, batch, epochs.
        generator: of the order of pictures.
        report: gets the mean loss after every epoch.
    """
    names = [bank.classes[c] for c in task.classes]
    own, rows = bank.only(names), torch.as_tensor(task.rows)
    x, y = features[rows], labels[rows][:, torch.as_tensor(task.classes)]
    own = PromptBank(own.classes, *(t.to(x.device) for t in (own.prompts, own.owners, own.positive)))
    before = copy.deepcopy(net.state_dict())
    optimiser = torch.optim.Adam(net.parameters(), lr=schedule.learning_rate)
    for _ in range(schedule.epochs):
        losses = []
        for chosen in torch.randperm(len(x), generator=generator).split(schedule.batch):
            optimiser.zero_grad(set_to_none=True)
            positive, negative = net(x[chosen], own)
            loss = masked_loss(positive - negative, y[chosen])
            loss.backward()
            optimiser.step()
            losses.append(float(loss.detach()))
        report(float(np.mean(losses)))
    if schedule.reset_below:
        reset_small_moves(net, before, schedule.reset_below)


@torch.no_grad()
def reset_small_moves(net: RetuneAdaptors, before: dict[str, Tensor], share: float) -> None:
    """Put weights back that moved less than `share` of the largest move in their tensor."""
    for name, weight in net.named_parameters():
        move = (weight - before[name]).abs()
        weight.copy_(torch.where(move < share * move.max(), before[name], weight))


def retune(
    train: FeatureSet, held_out: FeatureSet, bank: PromptBank, tasks: Sequence[Task], config: AdaptorConfig,
    schedule: RetuneSchedule, scenario: str, report: Report = lambda *_: None, num_draws: int = 1000,
) -> tuple[RetuneAdaptors, IncrementalResult]:  # fmt: skip
    """Train task after task, and measure all classes on held-out pictures before the first and after each.

    Args:
        train, held_out: projected features with presence labels of the same classes.
        bank: prompts of those classes, in their order.
        tasks: of `training.scenarios`; none measures the model as it is (zero-shot).
        config: of the adaptors.
        schedule: of every task.
        scenario: name for the result.
        report: called after every epoch.
        num_draws: of the bootstrap over patients behind the final interval.

    Raises:
        InputError: when features, prompts and classes do not belong together.
    """
    _check(train, held_out, bank, config)
    torch.manual_seed(schedule.seed)
    net = RetuneAdaptors(config).to(schedule.device)
    generator = torch.Generator().manual_seed(schedule.seed)
    as_it_is = RetuneAdaptors()
    steps = [_measured(as_it_is, held_out, bank, "zero-shot", (), 0, schedule.device)]
    x, y = (torch.from_numpy(a).to(schedule.device) for a in (train.features, train.labels))
    done, total = 0, len(tasks) * schedule.epochs

    def one_epoch(loss: float) -> None:
        nonlocal done
        done += 1
        report(done, total, loss)

    for task in tasks:
        train_task(net, x, y, bank, task, schedule, generator, one_epoch)
        steps.append(
            _measured(net, held_out, bank, task.name, tuple(map(int, task.classes)), len(task.rows), schedule.device)
        )
    positive, _ = class_cosines(net if tasks else as_it_is, held_out.features, bank, schedule.device)
    interval = macro_auroc_interval(positive, held_out.labels, held_out.patients, num_draws)
    return net.to("cpu").eval(), IncrementalResult(scenario, bank.classes, tuple(steps), interval)


@torch.inference_mode()
def class_cosines(
    net: RetuneAdaptors, features: np.ndarray, bank: PromptBank, device: str = "cpu"
) -> tuple[np.ndarray, np.ndarray]:
    """Cosines of pictures with positive and negative prototypes, float64 [N, C] each."""
    there = PromptBank(bank.classes, *(t.to(device) for t in (bank.prompts, bank.owners, bank.positive)))
    net = net.to(device).eval()
    parts = [net(part.to(device), there) for part in torch.from_numpy(features).split(8192)]
    positive, negative = (torch.cat(side).double().cpu().numpy() for side in zip(*parts, strict=True))
    return positive, negative


def _measured(
    net: RetuneAdaptors, held_out: FeatureSet, bank: PromptBank, name: str, optimised: tuple[int, ...], rows: int,
    device: str,
) -> Step:  # fmt: skip
    positive, negative = class_cosines(net, held_out.features, bank, device)
    return Step(name, optimised, rows, measure_step(positive, negative, held_out.labels))


def _check(train: FeatureSet, held_out: FeatureSet, bank: PromptBank, config: AdaptorConfig) -> None:
    for features in (train, held_out):
        if features.kind is not FeatureKind.PROJECTED:
            raise InputError(
                f"{features.kind} features",
                "features in the joint space",
                "make them with `mammoscribe features --kind projected`",
            )
        if features.classes != bank.classes:
            raise InputError(
                f"classes {', '.join(features.classes)} beside prompts for {', '.join(bank.classes)}", "the same"
            )
    dims = {train.features.shape[1], held_out.features.shape[1], bank.prompts.shape[1], config.dim}
    if len(dims) > 1:
        raise InputError(f"features, prompts and adaptors of {sorted(dims)} dimensions", "one joint space")
