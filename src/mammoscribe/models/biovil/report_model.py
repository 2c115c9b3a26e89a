"""A model that writes reports, as a run of `train biovil-t-report` leaves it in its folder: image model, decoder, tokeniser."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load, save

from mammoscribe.data.texts.sentences import sentences
from mammoscribe.imaging.decode import check_readable, decode, is_dicom, open_dicom
from mammoscribe.imaging.joint_pixels import JointPixels, patches_shown
from mammoscribe.imaging.joint_prepare import WHOLE, fit_whole, prepare_published, resize_px_for
from mammoscribe.imaging.picture import Picture
from mammoscribe.models.biovil.files import load_strictly, write_trained
from mammoscribe.models.biovil.image_model import JointImageModel, LoadedImageModel, load_image_model, three_channels
from mammoscribe.models.biovil.report_frames import ReportFrames
from mammoscribe.models.biovil.report_net import Looked, ReportNet
from mammoscribe.models.biovil.report_search import Draft, Limits, write_reports
from mammoscribe.models.biovil.text_folder import CONFIG
from mammoscribe.models.biovil.text_model import SHAPE, bert_config, bert_tokenizer
from mammoscribe.models.devices import device_of
from mammoscribe.support.errors import InputError
from mammoscribe.support.files import sha256_of, write_bytes, write_text

IMAGE, REPORT, CARD = "image.safetensors", "report.safetensors", "report.json"
FORMAT = "mammoscribe.report-writer/1"
AT_ONCE = 8
GATED = "use `mammoscribe read EXAM --writer biovil-t --writer-model DIR`, which holds every claim against findings"
UNCHECKED = "Written by a model, not checked. Research use only."


class Pictures(StrEnum):
    """What a model learned to write about. Reports of mammograms are printed only after the gate."""

    CHEST = "chest"
    MAMMOGRAM = "mammogram"


@dataclass(frozen=True)
class ReportCard:
    """What a report writer is.

    Args:
        name: the recipe and its data.
        pictures: what it learned from.
        max_tokens, prompt_tokens: of its sequences, see `ReportFrames`.
        weights_sha256, image_sha256: of both files of weights.
    """

    name: str
    pictures: Pictures
    max_tokens: int
    prompt_tokens: int
    weights_sha256: str
    image_sha256: str
    format: str = FORMAT


@dataclass(frozen=True)
class WrittenReport:
    """What a model wrote about a picture; nothing of it was checked. `is_cut`: it did not come to its end."""

    text: str
    is_cut: bool


@dataclass(frozen=True)
class ReportModel:
    """A report writer in evaluation mode."""

    image: LoadedImageModel
    net: ReportNet
    frames: ReportFrames
    card: ReportCard

    def to(self, device: torch.device) -> "ReportModel":
        """The same, its networks on a device."""
        self.image.model.to(device)
        self.net.to(device)
        return self

    @property
    def is_whole(self) -> bool:
        """Whether whole pictures are shown, not the middle square as published."""
        return self.image.card is not None and self.image.card.pixels == WHOLE

    def prepare(self, path: Path) -> JointPixels:
        """Decode and pre-process one picture as in training.

        Raises:
            InputError: when it cannot be read, and for a mammogram by its header that is shown to a model of other pictures.
        """
        path, side = Path(path), self.image.crop_px
        check_readable(path)
        if self.card.pictures is Pictures.CHEST and is_dicom(path) and _is_of_breast(path):
            raise InputError(f"{path} is a mammogram", "a picture of the chest", GATED)
        if self.is_whole:
            return fit_whole(decode(path), str(path), side)
        return prepare_published(path, resize_px_for(side), side)

    def fit(self, picture: Picture, name: str) -> JointPixels:
        """The same of a mammogram that is decoded already; `name` is of its file, for an error."""
        return fit_whole(picture, name, self.image.crop_px)

    def write(
        self, images: Sequence[JointPixels], priors: Sequence[JointPixels | None] | None = None,
        prior_reports: Sequence[str | None] | None = None, limits: Limits | None = None,
    ) -> list[WrittenReport]:  # fmt: skip
        """A report for each picture.

        Args:
            images: as `prepare` gives them.
            priors: the earlier picture of each, or None.
            prior_reports: the earlier report of each, or None.
            limits: how it is written; the best token each time by default.

        Raises:
            InputError: for numbers of priors or prior reports that are not that of the pictures.
        """
        before = list(priors) if priors is not None else [None] * len(images)
        said = list(prior_reports) if prior_reports is not None else [None] * len(images)
        if not len(images) == len(before) == len(said):
            raise InputError(
                f"{len(before)} priors and {len(said)} prior reports for {len(images)} pictures", "one each"
            )
        drafts: list[Draft] = []
        for first in range(0, len(images), AT_ONCE):
            part = slice(first, first + AT_ONCE)
            prompts = [self.frames.prompt(text) for text in said[part]]
            drafts += write_reports(self.net, self.frames, self._look(images[part], before[part]), prompts, limits)
        return [self._written(draft) for draft in drafts]

    def _written(self, draft: Draft) -> WrittenReport:
        text = self.frames.text(draft.ids)
        if not draft.ended:  # half a sentence could say the opposite of the whole one
            whole = sentences(text)[: None if text.endswith((".", "!", "?")) else -1]
            text = " ".join(sentence for sentence in whole if any(map(str.isalnum, sentence)))
        return WrittenReport(text, not draft.ended)

    @torch.inference_mode()
    def _look(self, images: Sequence[JointPixels], priors: Sequence[JointPixels | None]) -> Looked:
        device, channels = device_of(self.net), self.image.model.config.encoder.backbone.in_channels

        def stacked(pictures: Sequence[JointPixels]) -> torch.Tensor:
            return three_channels(torch.from_numpy(np.stack([p.pixels for p in pictures])), channels).to(device)

        earlier = [prior for prior in priors if prior is not None]
        has_prior = torch.tensor([prior is not None for prior in priors], device=device)
        out = (
            self.image.model(stacked(images), stacked(earlier), has_prior)
            if earlier
            else self.image.model(stacked(images))
        )
        all_of_it = np.ones(images[0].pixels.shape, bool)
        shown = np.stack([patches_shown(all_of_it if i.shown is None else i.shown) for i in images])
        return self.net.look(out.patches, torch.from_numpy(shown).flatten(1).to(device))


def _is_of_breast(path: Path) -> bool:
    header = open_dicom(path, pixels=False)
    return header.get("Modality") == "MG" or "BREAST" in str(header.get("BodyPartExamined", "")).upper()


@dataclass(frozen=True)
class Parts:
    """What is written into the folder of a report writer.

    Args:
        image: the image model. size_px: side of what it is shown.
        pixels: its pre-processing; None where it learned from several.
        net: the decoder. files: name -> content of its tokeniser's files.
        frames: how its sequences are made.
        name, pictures: see `ReportCard`.
    """

    image: JointImageModel
    size_px: int
    pixels: str | None
    net: ReportNet
    files: Mapping[str, bytes]
    frames: ReportFrames
    name: str
    pictures: Pictures


def write_report_folder(parts: Parts, folder: Path) -> ReportCard:
    """Write `image.safetensors`, `report.safetensors` with their cards, `config.json` and the tokeniser's files."""
    image = write_trained(parts.image, folder / IMAGE, parts.name, parts.size_px, parts.pixels)
    tensors = {name: v.detach().to("cpu").clone().contiguous() for name, v in parts.net.state_dict().items()}
    write_bytes(folder / REPORT, save(tensors, {"format": "pt"}))
    for file, content in parts.files.items():
        write_bytes(folder / file, content)
    values = {name: getattr(parts.net.config, name) for name in SHAPE}
    about = {"model_type": "bert", "is_decoder": True, "add_cross_attention": True, **values}
    write_text(folder / CONFIG, json.dumps(about, indent=1) + "\n")
    card = ReportCard(
        parts.name, parts.pictures, parts.frames.max_tokens, parts.frames.prompt_tokens, sha256_of(folder / REPORT),
        image.weights_sha256,
    )  # fmt: skip
    write_text(folder / CARD, json.dumps(asdict(card), indent=1) + "\n")
    return card


def load_report_model(place: Path) -> ReportModel:
    """A report writer of its folder, or of the folder of its run.

    Raises:
        InputError: when there is none, or its files are damaged or do not belong together.
    """
    folder = _folder_of(place)
    card = _read_card(folder)
    image = load_image_model(folder / IMAGE)
    try:
        payload = (folder / REPORT).read_bytes()
        tensors = load(payload)
        values: dict[str, Any] = json.loads((folder / CONFIG).read_text(encoding="utf-8"))
        config = bert_config({name: values[name] for name in SHAPE if name in values})
    except (OSError, SafetensorError, ValueError, TypeError, AttributeError) as error:
        reason = " ".join(str(error).split())[:200]
        raise InputError(f"{folder} holds no readable report writer ({reason})", f"{REPORT} and {CONFIG}") from error
    if card.weights_sha256 != sha256_of(folder / REPORT) or card.image_sha256 != image.sha256:
        raise InputError(f"weights in {folder} have another SHA-256 than {CARD} says", "the files of one run")
    net = ReportNet(config, image.model.config.features)
    load_strictly(net, tensors, REPORT)
    frames = ReportFrames(bert_tokenizer(folder, config), card.max_tokens, card.prompt_tokens)
    return ReportModel(image, net.eval(), frames, card)


def report_card_of(place: Path) -> ReportCard:
    """The card of a report writer, by its folder or that of its run, without its weights.

    Raises:
        InputError: when there is none.
    """
    return _read_card(_folder_of(place))


def _folder_of(place: Path) -> Path:
    return place / "model" if (place / "model").is_dir() else place


def _read_card(folder: Path) -> ReportCard:
    path = folder / CARD
    if not path.is_file():
        raise InputError(f"no report writer in {folder}", f"{CARD}, which `mammoscribe train biovil-t-report` writes")
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
        if values["format"] != FORMAT:
            raise ValueError(f"format {values['format']}")
        return ReportCard(**{**values, "pictures": Pictures(values["pictures"])})
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise InputError(f"{path} is not a readable card ({error})", f"JSON of {FORMAT}") from error
