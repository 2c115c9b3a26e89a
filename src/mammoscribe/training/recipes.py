"""Recipes: the runs that made the shipped weights, with their hardware, hours and data. Variants are small functions."""

import csv
import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from mammoscribe.data.folds import fold
from mammoscribe.models.decoder.network import DecoderConfig, ReportDecoder
from mammoscribe.models.reader.crop_refiner import CropRefiner
from mammoscribe.models.reader.joint_head import JointHead
from mammoscribe.models.reader.network import ReaderConfig, ReaderNet, starter_config
from mammoscribe.models.reader.norm_statistics import FILMED
from mammoscribe.models.reader.phrases import PhraseNet
from mammoscribe.models.tokenizer import load_tokenizer
from mammoscribe.models.weights_file import load_net, read_checkpoint
from mammoscribe.phantom import TRAINING_SPEC
from mammoscribe.support.errors import InputError
from mammoscribe.support.files import write_text
from mammoscribe.training.batches import Augmentation
from mammoscribe.training.calibration.reader_folder import reader_at
from mammoscribe.training.decoder import DecoderSchedule, train_decoder
from mammoscribe.training.fact_tables import facts_example, random_fact_table
from mammoscribe.training.joint import JointSchedule, joint_views, train_joint
from mammoscribe.training.loop import Schedule, Source, films_statistics, train
from mammoscribe.training.malignancy import with_marks
from mammoscribe.training.predict import breast_rows, mark_rows
from mammoscribe.training.samples import by_breast, load_folder

TRAIN_SEEDS = range(1600, 2603)
TRAIN_SPEC = replace(
    TRAINING_SPEC, name="enriched", lesion_probability=0.75, extra_lesion_probability=0.3, mass_weight=0.50,
    suspicious_calc_weight=0.12, benign_calc_weight=0.08, distortion_weight=0.13, asymmetry_weight=0.17,
)  # fmt: skip
"""More lesions per drawn exam than any clinic sees, and fewer calcifications, which the patch path learns on its own."""
PHANTOM_AUGMENTATION = Augmentation()
RSNA_AUGMENTATION = Augmentation(
    rotation_deg=12, scale=0.15, shift_px=20, gamma=0.35, gain=0.15, noise=0.03, stretch=0.08, flip_chance=0.5
)
MIAS_AUGMENTATION = Augmentation(
    rotation_deg=12, scale=0.15, shift_px=20, gamma=0.35, gain=0.15, noise=0.04, stretch=0.05, flip_chance=0.5
)

JOINT_EXAMS = 900
"""Exams whose features the joint space learns from; they lie in memory, about 1.2 MB each."""

Report = Callable[[dict], None]


def starter_phantom(cache: Path, out: Path, minutes: float, report: Report) -> ReaderNet:
    """Stage 1, phantoms only: the starter learns findings and boxes. One core, about 50 minutes.

    The weights it gives are free of any data terms; `starter` goes on from them.
    """
    net = _fresh(starter_config())
    sources = [Source("phantom", load_folder(cache / "phantom"), 3, PHANTOM_AUGMENTATION)]
    return train(net, sources, Schedule(steps=100_000, learning_rate=6e-4, minutes=minutes), out, seed=1, report=report)


def starter(
    cache: Path, out: Path, warm_start: Path, minutes: float, report: Report, left_out: int | None = None,
    phantoms: int = 2,
) -> ReaderNet:  # fmt: skip
    """Stage 2, phantoms and real films (RSNA, mini-MIAS) together, from stage 1. One core, about 17 minutes.

    Args:
        left_out: fold of patients that is not trained on; None trains on all.
        phantoms: synthetic exams a step.
    """
    net = _warm(starter_config(), warm_start)
    drawn = Source("phantom", load_folder(cache / "phantom"), phantoms, PHANTOM_AUGMENTATION)
    schedule = Schedule(steps=100_000, learning_rate=3e-4, weight_decay=0.04, minutes=minutes)
    return train(net, [drawn, *_real(cache, left_out)], schedule, out, seed=2, report=report)


def real_fold(cache: Path, out: Path, warm_start: Path, left_out: int, minutes: float, report: Report) -> ReaderNet:
    """`starter` without one fold of patients, and its predictions for their breasts in `breasts.csv`. One core, 12 minutes.

    One phantom a step instead of two: what a fold is for is measured on films.
    """
    net = starter(cache, out, warm_start, minutes, report, left_out, phantoms=1)
    write_breasts(film_net(out / "checkpoint.pt"), cache, out, left_out)
    return net


def fold_marks(cache: Path, out: Path, checkpoint: Path, refined: Path | None, left_out: int) -> None:
    """Marks of a fold's network in the views of the patients it did not see, also as the crop refiner of `refined` scores them.

    `refined` is a run or a model folder of `train crop-refiner`.
    """
    refiner = None if refined is None else crop_refiner_of(refined)
    write_marks(film_net(checkpoint), refiner, cache, out, left_out)


def crop_refiner_of(place: Path) -> CropRefiner:
    """The crop refiner of a run or a model folder, for acquired images; InputError when there is none."""
    reader = reader_at(place)
    if reader.crop_refiner is None:
        raise InputError(f"the reader in {place} has no crop refiner", "a run of `mammoscribe train crop-refiner`")
    return reader.film_crop_refiner


def joint_space(
    cache: Path, out: Path, reader: Path, minutes: float, report: Report, gathered: Callable[[], None] = lambda: None
) -> tuple[JointHead, PhraseNet]:
    """The text side and the joint head, on the features of a trained first pass; phantoms only. One core, 8 minutes.

    Args:
        reader: checkpoint of the first pass.
        gathered: called after each exam whose features were computed.
    """
    net = _warm(starter_config(), reader).eval()
    views = joint_views(net, load_folder(cache / "phantom", limit=JOINT_EXAMS), gathered)
    return train_joint(views, JointSchedule(minutes=minutes), out, report=report)


def write_breasts(net: ReaderNet, cache: Path, out: Path, left_out: int) -> None:
    """Predictions for the breasts of one fold's patients: `breasts.csv` (logits)."""
    rsna = by_breast([e for e in load_folder(cache / "rsna") if fold(e.patient_id) == left_out])
    write_csv(out / "breasts.csv", [{**row, "fold": left_out} for row in breast_rows(net, rsna)])


def write_marks(net: ReaderNet, refiner: CropRefiner | None, cache: Path, out: Path, left_out: int) -> None:
    """Marks in the views of one fold's patients, as each pass scores them: `marks.json`; `breasts.csv` gets the strongest."""
    seen = refiner is not None
    rsna = by_breast([e for e in load_folder(cache / "rsna", seen) if fold(e.patient_id) == left_out])
    films = [e for e in load_folder(cache / "mias", seen) if fold(e.patient_id) == left_out]
    marks = {"mias": mark_rows(net, films, refiner), "rsna": mark_rows(net, rsna, refiner), "fold": left_out}
    write_text(out / "marks.json", json.dumps(marks))
    write_csv(out / "breasts.csv", with_marks(read_csv(out / "breasts.csv"), marks["rsna"]))


def report_decoder(minutes: float, report: Report, tables: int = 3000) -> ReportDecoder:
    """The report decoder, on random fact tables written up in every style. No images; two cores, about 10 minutes."""
    rng = np.random.default_rng(20_000)
    examples = [facts_example(random_fact_table(rng)) for _ in range(tables)]
    config = DecoderConfig(vocab_size=load_tokenizer().vocab_size)
    return train_decoder(examples, config, DecoderSchedule(epochs=12, minutes=minutes, bf16=True), report=report)


def _real(cache: Path, left_out: int | None) -> list[Source]:
    rsna = by_breast([e for e in load_folder(cache / "rsna") if fold(e.patient_id) != left_out])
    mias = [e for e in load_folder(cache / "mias") if fold(e.patient_id) != left_out]
    return [
        Source("rsna", rsna, 12, RSNA_AUGMENTATION, FILMED),
        Source("mias", mias, 2, MIAS_AUGMENTATION, FILMED, keeps_statistics=True),
    ]


def _fresh(config: ReaderConfig) -> ReaderNet:
    torch.manual_seed(0)
    return ReaderNet(config)


def _warm(config: ReaderConfig, checkpoint: Path) -> ReaderNet:
    net = _fresh(config)
    load_net(net, read_checkpoint(checkpoint), checkpoint)
    return net


def check_start(warm_start: Path | None, refined: Path | None) -> None:
    """Raise InputError for what a recipe could not start from, before anything is drawn or prepared."""
    if warm_start is not None:
        _warm(starter_config(), warm_start)
    if refined is not None:
        crop_refiner_of(refined)


def film_net(checkpoint: Path) -> ReaderNet:
    """The network of a checkpoint with the statistics of films, ready to look at them."""
    net = _warm(starter_config(), checkpoint).eval()
    films_statistics(read_checkpoint(checkpoint), net).lend_to(net)
    return net


def write_csv(path: Path, rows: Sequence[dict]) -> None:
    """Rows of equal keys as CSV."""
    lines = [",".join(rows[0])] + [",".join("" if v is None else str(v) for v in row.values()) for row in rows]
    write_text(path, "\n".join(lines) + "\n")


def read_csv(path: Path) -> list[dict[str, str]]:
    """Inverse of `write_csv`, values as text."""
    with path.open(newline="", encoding="utf-8") as stream:
        return list(csv.DictReader(stream))
