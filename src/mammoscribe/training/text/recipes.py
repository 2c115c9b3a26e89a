"""The recipes of the text stage: masked tokens over texts of any prepared data, then findings against impressions."""

from collections.abc import Sequence
from pathlib import Path

from mammoscribe.models.biovil.text_folder import text_weights_at
from mammoscribe.support.errors import InputError
from mammoscribe.training.engine.run import Execution, Optimiser, Precision, Run
from mammoscribe.training.engine.schedule import Schedule, Shape
from mammoscribe.training.reader.task import named
from mammoscribe.training.text.mlm import MlmSettings
from mammoscribe.training.text.sections import SectionSettings

TEXTS, PAIRS = 32, 64
"""Items of one step, of each dataset."""


def text_mlm(data: Sequence[Path], init: Path | None = None) -> Run:
    """Train a text model on masked tokens, with a vocabulary of its own or with the model of --init.

    Without --init, a WordPiece vocabulary is trained on the texts and the model starts from random weights; `task.shape.preset`
    is `starter` (5 million parameters), `base` (BERT-base, as CXR-BERT) or `debug`. With --init it goes on with PubMedBERT,
    CXR-BERT or any BERT in a folder of config.json, vocab.txt and weights; a projection head is left out, since nothing
    here trains it. `batch.NAME` is how many texts of that dataset are in every step: the weight of the dataset.
    `model/` is a text model in the published layout, which `train text-sections --init` goes on with.

    Hardware and time: `starter` on one core, 1.0 s a step of 32 chest reports; `base` as published (2,048 texts of 512
    tokens a step, 250,000 steps) needs many GPUs, and was not tried. `--set preset=debug` with a few steps takes seconds and
    learns nothing of use.

    Expected: on IU X-ray, `starter` from nothing, 1,000 steps: perplexity 14.7 on patients not learned from, where predicting
    tokens by how often they come has 165 (docs/how_to/train_biovil_t.md). Validation figures are perplexity and accuracy of masked tokens.

    Args:
        data: folders of `mammoscribe data prepare --as text` (or any other), each with a `val` split.
        init: a text folder, a run of `train text-mlm`, or the weights file in one.

    Raises:
        InputError: without data, or without such a model.
    """
    return Run(
        recipe="text-mlm", task=MlmSettings(), steps=10_000, batch=dict.fromkeys(_given(data), TEXTS), data=tuple(data),
        init=None if init is None else text_weights_at(init),
        schedule=Schedule(4e-4 if init is None else 5e-5, Shape.LINEAR, warm_up=0.05), precision=Precision.BF16,
        optimiser=Optimiser(weight_decay=0.01), execution=Execution(checkpoint_every=500, validate_every=500),
    )  # fmt: skip


def text_sections(data: Sequence[Path], init: Path | None = None) -> Run:
    """Train a text model to find the impression that belongs to findings, and the other way round, with masked tokens beside.

    Negatives are the other reports of the same dataset in the step, of all processes (`--set batch.NAME=256` for more);
    with `accumulate` above 1, those of the same part of the step. Reports that share a section's text are not each other's
    negatives. With each pair comes a text of the dataset with masked tokens, of any record, so that reports with one
    section are learned from too. `model/` is a text model with a projection head in the published layout.

    Hardware and time: `starter` on two cores or one GPU; `base` as published (256 pairs a step, 100 passes over MIMIC-CXR,
    learning rate 2e-5) needs a GPU, and was not tried. `--set preset=debug` with a few steps takes seconds and learns
    nothing of use.

    Expected: on reports of drawn exams, 200 steps of 32 at 3e-4 find the own impression among 100 for 0.43 of them, where
    words in common find none (docs/how_to/biovil_t_from_nothing.md). On IU X-ray, after 300 steps as by
    words in common, the own counterpart is the nearest of 100 for one section in four (docs/how_to/train_biovil_t.md). Validation figures are the share of sections
    whose own counterpart is the nearest of 100, both ways, and perplexity.

    Args:
        data: folders of `mammoscribe data prepare --as text` (or any other), each with a `val` split and reports that have
            findings and an impression.
        init: a run of `train text-mlm`, a text folder, or the weights file in one; None begins as text-mlm does.

    Raises:
        InputError: without data, or without such a model.
    """
    return Run(
        recipe="text-sections", task=SectionSettings(), steps=2000, batch=dict.fromkeys(_given(data), PAIRS),
        data=tuple(data), init=None if init is None else text_weights_at(init),
        schedule=Schedule(1e-4, warm_up=0.03), precision=Precision.BF16, optimiser=Optimiser(weight_decay=0.01),
        execution=Execution(checkpoint_every=250, validate_every=250),
    )  # fmt: skip


def _given(data: Sequence[Path]) -> dict[str, Path]:
    if not data:
        raise InputError("no data to train on", "--data PREPARED, one or more", "see `mammoscribe data prepare --help`")
    return named(data)
