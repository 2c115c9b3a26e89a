"""The last step of training: parts become one model folder with its operating points, ready to be read with.

`python -m mammoscribe.training.finish --reader runs/starter/checkpoint.pt ... --out runs/model` writes `card.json` and
`weights.safetensors`; `mammoscribe read --model runs/model` then uses them.
"""

import argparse
import json
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path

import torch
from rich.progress import track

from mammoscribe.models.decoder.network import DecoderConfig, ReportDecoder
from mammoscribe.models.reader.card import ModelCard, OperatingPoint, write_card
from mammoscribe.models.reader.joint_head import JointHead
from mammoscribe.models.reader.loading import joint_head
from mammoscribe.models.reader.network import ReaderNet, starter_config
from mammoscribe.models.reader.phrases import PhraseConfig, PhraseNet
from mammoscribe.models.reader.reader import Reader
from mammoscribe.models.tokenizer import load_tokenizer
from mammoscribe.models.weights_file import save_weights
from mammoscribe.phantom import TRAINING_SPEC
from mammoscribe.phantom.bench import VALIDATION_SEEDS
from mammoscribe.support.errors import InputError
from mammoscribe.training.calibration.reader_folder import reader_at
from mammoscribe.training.loop import films_statistics
from mammoscribe.training.malignancy import cross_fitted
from mammoscribe.training.operating import (
    SeenExam,
    judged,
    neutral,
    phantom_mark_weights,
    real_point,
    reliability,
    see_validation,
    synthetic_point,
    with_word_level,
)
from mammoscribe.training.recipes import read_csv, write_csv

SYNTHETIC_POPULATION = "synthetic exams (validation phantoms)"
VERSION = "3"
FILM_FALSE_PER_VIEW = 0.1
RELIABILITY_SEEDS = VALIDATION_SEEDS[50_000:]
"""Validation phantoms that never choose a threshold, a weight or a level of words."""


def gather(
    reader_checkpoint: Path, crop_refiner: Path | None, calcifications: Path | None, decoder: Path | None,
    joint: Path | None,
    trained_on: str,
) -> Reader:  # fmt: skip
    """A reader from its parts, without operating points yet.

    Args:
        reader_checkpoint, decoder, joint: checkpoints.
        crop_refiner, calcifications: runs, or model folders, of `train crop-refiner` and `train calcifications`.
        trained_on: for the card.
    """
    net = ReaderNet(starter_config()).eval()
    state = _checkpoint(reader_checkpoint)
    net.load_state_dict(state["net"])
    fine = None if calcifications is None else reader_at(calcifications).patch_net
    refined = None if crop_refiner is None else reader_at(crop_refiner)
    refiner, crop_films = (None, None) if refined is None else (refined.crop_refiner, refined.crop_films)
    writer = None
    if decoder is not None:
        writer = ReportDecoder(DecoderConfig(vocab_size=load_tokenizer().vocab_size)).eval()
        writer.load_state_dict(_checkpoint(decoder))
    head, phrases = (None, None) if joint is None else _joint(joint)
    card = ModelCard(
        "starter", trained_on, starter_config(), "", neutral(), neutral(),
        patches=None if fine is None else asdict(fine.config),
        looks=None if refiner is None else asdict(refiner.config),
        decoder=None if writer is None else writer.config.as_dict(),
        phrases=None if phrases is None else phrases.config.as_dict(), version=VERSION,
    )  # fmt: skip
    return Reader(net, card, films_statistics(state, net), fine, refiner, writer, head, phrases, crop_films)


def _joint(checkpoint: Path) -> tuple[JointHead, PhraseNet]:
    phrases = PhraseNet(PhraseConfig(load_tokenizer().vocab_size)).eval()
    head = joint_head(starter_config(), phrases.config).eval()
    state = _checkpoint(checkpoint)
    phrases.load_state_dict(state["phrases"])
    head.load_state_dict(state["head"])
    return head, phrases


def _checkpoint(path: Path) -> dict:
    if not path.is_file():
        raise InputError(f"no checkpoint at {path}", "", "train that part first")
    return torch.load(path, weights_only=True, map_location="cpu")


def validate(reader: Reader, num_exams: int) -> list[SeenExam]:
    """Let the networks see the validation phantoms that fix the operating point, with a progress bar."""
    seeds = track(VALIDATION_SEEDS[:num_exams], description="validation exams")
    return see_validation(reader, seeds, TRAINING_SPEC)


def measure_reliability(reader: Reader, point: OperatingPoint, num_exams: int) -> tuple[str, ...]:
    """How often the sentences of a reader are right at an operating point, on phantoms that chose nothing of it."""
    seeds = track(RELIABILITY_SEEDS[:num_exams], description="exams for the reliability")
    exams = [judged(e, point.mark_weights) for e in see_validation(reader, seeds, TRAINING_SPEC)]
    return reliability(exams, point.thresholds, f"{num_exams} further {point.population}")


def finish(
    reader: Reader, exams: Sequence[SeenExam], folds: Sequence[Path], out: Path, num_further: int = 200
) -> ModelCard:
    """Fix the operating points and write the model folder.

    Args:
        reader: from `gather`.
        exams: from `validate`.
        folds: folders of `real_fold` runs, whose patients were not trained on.
        num_further: phantoms of other seeds that its reliability is measured on.
        out: the model folder; `rsna_out_of_fold.csv` beside the model is what benchmarks/rsna.py reads.
    """
    weights = phantom_mark_weights(exams)
    judgements = [judged(e, weights) for e in exams]
    synthetic = with_word_level(exams, synthetic_point(judgements, SYNTHETIC_POPULATION, weights))
    synthetic = replace(synthetic, reliability=measure_reliability(reader, synthetic, num_further))
    breasts = [row for f in folds for row in read_csv(f / "breasts.csv")]
    marks = [row for f in folds for row in json.loads((f / "marks.json").read_text())["mias"]]
    real = real_point(breasts, marks, FILM_FALSE_PER_VIEW, synthetic) if folds else synthetic
    if folds:
        write_csv(out / "rsna_out_of_fold.csv", cross_fitted(breasts))
    digest = save_weights(reader.parts, out / "weights.safetensors")
    card = replace(reader.card, weights_sha256=digest, synthetic=synthetic, real=real)
    write_card(card, out / "card.json")
    return card


def main(arguments: Sequence[str] | None = None) -> None:
    """Command line of this step."""
    parser = argparse.ArgumentParser(prog="mammoscribe.training.finish", description=__doc__)
    parser.add_argument("--reader", type=Path, required=True, metavar="CHECKPOINT")
    parser.add_argument("--crop-refiner", type=Path, metavar="RUN")
    parser.add_argument("--calcifications", type=Path, metavar="RUN")
    parser.add_argument("--decoder", type=Path, metavar="CHECKPOINT")
    parser.add_argument("--joint", type=Path, metavar="CHECKPOINT")
    parser.add_argument("--fold", type=Path, action="append", default=[], metavar="RUN", help="repeatable")
    parser.add_argument("--exams", type=int, default=80, help="validation phantoms that fix the operating point")
    parser.add_argument("--further", type=int, default=200, help="other phantoms that its reliability is measured on")
    parser.add_argument("--trained-on", required=True)
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args(arguments)
    parts = options.crop_refiner, options.calcifications, options.decoder, options.joint
    reader = gather(options.reader, *parts, options.trained_on)
    card = finish(reader, validate(reader, options.exams), options.fold, options.out, options.further)
    print(json.dumps({"synthetic": asdict(card.synthetic), "real": asdict(card.real)}, indent=1))  # noqa: T201


if __name__ == "__main__":
    main()
