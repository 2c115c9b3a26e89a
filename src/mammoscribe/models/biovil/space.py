"""BioViL-T and BioViL as a joint space: an image model and its text model from one folder of published files or ours."""

import hashlib
from collections import OrderedDict
from collections.abc import Sequence
from pathlib import Path
from typing import Literal, Self

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from mammoscribe.models.biovil.fast import FastTextModel, Quick, for_inference
from mammoscribe.models.biovil.image_model import ImageOutput, LoadedImageModel, load_image_model, three_channels
from mammoscribe.models.biovil.published import BIOVIL_IMAGE, BIOVIL_T_IMAGE, published_name
from mammoscribe.models.biovil.text_model import LoadedTextModel, load_text_model
from mammoscribe.models.joint_space import JointImages, JointPixels
from mammoscribe.support.errors import InputError

Mode = Literal["published", "whole"]
IMAGE_FILES = ("image.safetensors", BIOVIL_T_IMAGE.file, BIOVIL_IMAGE.file)
AT_ONCE = 8
KEPT_PRIORS = 64


class BiovilSpace:
    """An image model and a text model that were trained together; implements `joint_space.JointSpace`.

    Maps of the latest priors are kept, so that comparing with the same prior again costs one pass of the backbone
    less. Everything runs without gradients.

    Args:
        image, text: loaded models of one family.
        mode: `published`: shorter side to 512, centre crop; `whole`: the whole picture fitted and padded; None is what a
            model trained here learned from, `published` for any other.
        truncate: cut texts of more than 512 tokens instead of refusing them; `cut_texts` names those of the last call.
        quick: run quick copies of the models (CPU only): `float32` gives the same numbers within 1e-4, `bfloat16` a cosine above
            0.9995; None runs the models as they are.

    Raises:
        InputError: for an unknown mode, a text model without projection head, models of two families, or bfloat16 where
            the processor has no such products.
    """

    def __init__(
        self,
        image: LoadedImageModel,
        text: LoadedTextModel,
        mode: Mode | None = None,
        truncate: bool = False,
        quick: Quick | None = None,
    ) -> None:
        learned = None if image.card is None else image.card.pixels
        mode = mode or ("whole" if learned == "whole" else "published")
        if mode not in ("published", "whole"):
            raise InputError(f"pre-processing {mode!r}", "published or whole")
        if text.model.joint_dim != image.model.config.joint_dim:
            wanted = f"a text model with a projection to {image.model.config.joint_dim} dimensions"
            raise InputError(f"{text.file} projects to {text.model.joint_dim or 'nothing'}", wanted)
        one, other = published_name(image.source_sha256), published_name(text.source_sha256)
        if one and other and one != other:
            raise InputError(f"{image.file} of {one} beside {text.file} of {other}", "image and text of one model")
        self.image, self.text, self.mode, self.truncate = image, text, mode, truncate
        self._image = for_inference(image.model, image.crop_px, quick) if quick else image.model
        self._text = FastTextModel(text.model, quick) if quick else text.model
        self.cut_texts: tuple[int, ...] = ()
        self._maps: OrderedDict[bytes, Tensor] = OrderedDict()

    @classmethod
    def load(cls, folder: Path, mode: Mode | None = None, truncate: bool = False, quick: Quick | None = None) -> Self:
        """Load both models from a folder.

        Args:
            folder: holds the published files, or those that `weights convert` wrote.
            mode: see the class.
            truncate: see the class.
            quick: see the class.

        Raises:
            InputError: where a file is absent or does not fit.
        """
        return cls(load_image_model(image_weights(folder)), load_text_model(folder), mode, truncate, quick)

    @property
    def name(self) -> str:
        """`biovil-t` or `biovil`, by the layout of the image weights."""
        return self.image.model.config.name

    @property
    def dim(self) -> int:
        """Dimensions of the joint space."""
        return self.image.model.config.joint_dim

    @property
    def smoothing_patches(self) -> float:
        """The published 1.5 patches (`hi-ml-multimodal` 0.2.2)."""
        return 1.5

    def prepare(self, path: Path) -> JointPixels:
        """Decode and pre-process one picture; InputError when it cannot be read."""
        from mammoscribe.imaging import joint_prepare

        side = self.image.crop_px
        if self.mode == "whole":
            return joint_prepare.prepare_whole(path, size_px=side)
        if self.image.size_px is None:
            return joint_prepare.prepare_published(path, crop_px=side)
        return joint_prepare.prepare_published(path, joint_prepare.resize_px_for(side), side)

    @torch.no_grad()
    def embed_images(
        self, images: Sequence[JointPixels], priors: Sequence[JointPixels | None] | None = None
    ) -> JointImages:
        """Embed pictures of one size, each with or without its prior; nothing returned is normalised.

        Raises:
            InputError: for pictures of several sizes, a number of priors that is not that of the pictures, or priors
                for BioViL, which compares nothing.
        """
        if not images:
            raise InputError("no picture to embed", "one or more")
        if priors is not None and len(priors) != len(images):
            raise InputError(f"{len(priors)} priors for {len(images)} pictures", "one each, or None")
        of_row = list(priors) if priors is not None else [None] * len(images)
        parts = [self._embed(images[i : i + AT_ONCE], of_row[i : i + AT_ONCE]) for i in range(0, len(images), AT_ONCE)]
        patches, whole, pooled = (
            torch.cat([getattr(part, field) for part in parts])
            for field in ("projected_patches", "projected_global", "pooled")
        )
        return JointImages(patches, whole, pooled)

    @torch.no_grad()
    def embed_texts(self, texts: Sequence[str]) -> Tensor:
        """[N, J], L2-normalised; as in the reference, `!?.` at the end of a text are dropped.

        Raises:
            InputError: for a text that holds a special token other than `[MASK]`, or, unless `truncate`, is too long.
        """
        return F.normalize(self.project_texts(texts), dim=1)

    @torch.no_grad()
    def project_texts(self, texts: Sequence[str]) -> Tensor:
        """[N, J], not normalised: for means over prompts, which the reference takes before it normalises."""
        if not texts:
            return torch.zeros(0, self.dim)
        tokens = self.text.tokens([self._prompt(text) for text in texts], self.truncate)
        self.cut_texts = tokens.cut
        device = next(self._text.parameters()).device
        return self._text.project(tokens.ids.to(device), tokens.mask.to(device))

    def _prompt(self, text: str) -> str:
        special = [t for t in self.text.tokenizer.all_special_tokens if t != self.text.tokenizer.mask_token]
        found = [token for token in special if token in text]
        if found:
            raise InputError(f"the special token {found[0]} in the text {text[:60]!r}", "plain words, or [MASK]")
        return text.rstrip("!?.")

    def _embed(self, images: Sequence[JointPixels], priors: Sequence[JointPixels | None]) -> ImageOutput:
        model, stack = self._image, self._stacked(images)
        if all(prior is None for prior in priors):
            return model(stack)
        maps = self._prior_maps([prior for prior in priors if prior is not None])
        has_prior = torch.tensor([prior is not None for prior in priors], device=stack.device)
        return model(stack, has_prior=has_prior, previous_maps=maps)

    def _prior_maps(self, priors: Sequence[JointPixels]) -> Tensor:
        """[M, 256, h, w]; only priors whose map is not kept from before go through the backbone."""
        keys = [hashlib.sha256(p.pixels.tobytes()).digest() + str(p.pixels.shape).encode() for p in priors]
        new = {key: prior for key, prior in zip(keys, priors, strict=True) if key not in self._maps}
        fresh = {}
        if new:
            fresh = dict(zip(new, self._image.prior_maps(self._stacked(list(new.values()))), strict=True))
        found = [fresh[key] if key in fresh else self._maps[key] for key in keys]
        for key, kept in zip(keys, found, strict=True):
            self._maps[key] = kept
            self._maps.move_to_end(key)
        while len(self._maps) > KEPT_PRIORS:
            self._maps.popitem(last=False)
        return torch.stack(found)

    def _stacked(self, images: Sequence[JointPixels]) -> Tensor:
        shapes = {image.pixels.shape for image in images}
        if len(shapes) > 1:
            raise InputError(f"pictures of {len(shapes)} sizes in one call", "one size", "prepare them alike")
        grey = torch.from_numpy(np.stack([np.asarray(image.pixels, np.float32) for image in images]))
        parameter = next(self._image.parameters())
        return three_channels(grey, self._image.config.encoder.backbone.in_channels).to(
            parameter.device, parameter.dtype
        )


def image_weights(folder: Path) -> Path:
    """The image weights of a folder; ours first. InputError where there are none, or those of two models."""
    found = [folder / name for name in IMAGE_FILES if (folder / name).is_file()]
    if not found:
        raise InputError(f"no image weights in {folder}", " or ".join(IMAGE_FILES), "see `mammoscribe weights list`")
    if len(found) > 1:
        raise InputError(f"{' and '.join(p.name for p in found)} in {folder}", "one image model", "use two folders")
    return found[0]
