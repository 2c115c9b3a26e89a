"""What the training of a report decoder begins with: the image model of --init, and a decoder from the text model beside it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from mammoscribe.models.biovil.report_frames import ReportFrames
from mammoscribe.models.biovil.report_model import CARD, REPORT, load_report_model
from mammoscribe.models.biovil.report_net import ReportNet
from mammoscribe.models.biovil.text_folder import TOKENIZER_FILES
from mammoscribe.support.errors import InputError
from mammoscribe.support.files import sha256_of
from mammoscribe.training.biovil.start import ImageShape, ImageStart, loaded_image, text_init
from mammoscribe.training.text.start import Shape, text_start
from mammoscribe.training.text.texts import Texts


@dataclass(frozen=True)
class ReportStart:
    """The models that a run begins with.

    Args:
        image: the image model.
        net: the decoder.
        frames: how its sequences are made.
        files: name -> content of its tokeniser's files.
        sha256: of the weights that the decoder begins with, "" where it is new.
    """

    image: ImageStart
    net: ReportNet
    frames: ReportFrames
    files: Mapping[str, bytes]
    sha256: str


@dataclass(frozen=True)
class DecoderShape:
    """The decoder of a run.

    Args:
        text: the BERT that it is, where it is new or begins with a text model; see `text.start.Shape`.
        prompt_tokens: of a prior report; none is what a decoder of --init has, or half the places less 2.
    """

    text: Shape
    prompt_tokens: int | None = None


def report_start(
    init: Path, image: ImageShape, decoder: DecoderShape, texts: Sequence[Texts], seed: int
) -> ReportStart:  # fmt: skip
    """The models that a run begins with; all processes get the same.

    Args:
        init: the image weights of a folder. A decoder in this folder is gone on with; else a new one begins with the text
            model there, and where there is none, with new weights and a new vocabulary.
        image, decoder: of the models.
        texts: training texts of each dataset, for a new vocabulary.
        seed: of new weights.

    Raises:
        InputError: when a model is of another layout, or what was asked for can only be given a new one.
    """
    found = loaded_image(init, image)
    folder = init.parent
    if (folder / CARD).is_file() and (folder / REPORT).is_file():
        return _gone_on_with(folder, found, decoder)
    written = text_init(init)
    text = text_start(written, decoder.text, texts, seed, projects=False)
    torch.manual_seed(seed)
    net = ReportNet(text.model.bert.config, found.model.config.features)
    net.take_over(text.model)
    most = text.pieces.max_tokens
    room = most // 2 - 2 if decoder.prompt_tokens is None else decoder.prompt_tokens
    frames = ReportFrames(text.pieces.tokenizer, most, room)
    return ReportStart(found, net, frames, text.files, "" if written is None else sha256_of(written))


def _gone_on_with(folder: Path, image: ImageStart, decoder: DecoderShape) -> ReportStart:
    if decoder.text.preset is not None or decoder.text.vocab_size is not None:
        raise InputError("a preset or vocab_size beside --init, whose decoder has both", "one of them")
    model = load_report_model(folder)
    before = model.frames
    most = before.max_tokens if decoder.text.max_tokens is None else decoder.text.max_tokens
    if most > model.net.max_tokens:
        raise InputError(f"max_tokens {most}", f"at most {model.net.max_tokens}, the positions of the model")
    room = before.prompt_tokens if decoder.prompt_tokens is None else decoder.prompt_tokens
    files = {name: (folder / name).read_bytes() for name in TOKENIZER_FILES if (folder / name).is_file()}
    frames = ReportFrames(before.tokenizer, most, min(room, most // 2 - 2))
    return ReportStart(image, model.net, frames, files, model.card.weights_sha256)
