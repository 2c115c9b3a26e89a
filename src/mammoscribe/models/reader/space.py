"""The joint space of the reader that ships: mammograms and phrases, on the reader's own features."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from mammoscribe.data.found import Declared, look_at
from mammoscribe.data.naming import parse_view
from mammoscribe.domain.exam import Exam
from mammoscribe.domain.view import Box, Origin, Role, View
from mammoscribe.imaging.decode import decode_view
from mammoscribe.imaging.joint_pixels import JointPixels
from mammoscribe.imaging.picture import Picture
from mammoscribe.imaging.prepare import PreparedView, prepare_view
from mammoscribe.models.joint_space import JointImages
from mammoscribe.models.reader.batch import moved, trimmed
from mammoscribe.models.reader.detection_head import STRIDE
from mammoscribe.models.reader.joint_head import JointHead, cell_features, on_grid
from mammoscribe.models.reader.loading import load_reader
from mammoscribe.models.reader.phrases import PhraseNet, phrase_ids
from mammoscribe.models.reader.reader import Reader, exam_batch
from mammoscribe.models.space_measures import SpaceMeasures
from mammoscribe.models.tokenizer import load_tokenizer
from mammoscribe.support.errors import InputError

MODE = "reader canvas"
SMOOTHING_PATCHES = 1.0
"""One patch of 4 mm, chosen on 16 validation phantoms (0 to 1.5 were tried)."""


@dataclass(frozen=True)
class MammogramPixels(JointPixels):
    """A mammogram on the reader's canvas, its empty rows moved from the top to the bottom.

    `prepared` is the view it was made from, on that same canvas; the view's origin decides the batch statistics.
    """

    prepared: PreparedView = field(kw_only=True)


@dataclass(frozen=True)
class StarterSpace:
    """A `JointSpace` of one mammogram at a time; each image is read as an exam of a single view.

    Args:
        reader: a reader with both parts of the joint space.
        view_names: file name -> `RCC`, ... for files that do not say which view they are.
    """

    reader: Reader
    head: JointHead
    phrases: PhraseNet
    view_names: Mapping[str, str] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """Name and version of the reader."""
        return f"{self.reader.card.name} {self.reader.card.version}"

    @property
    def dim(self) -> int:
        """Dimensions of the joint space."""
        return self.phrases.config.joint_dim

    @property
    def smoothing_patches(self) -> float:
        """See `SMOOTHING_PATCHES`."""
        return SMOOTHING_PATCHES

    @property
    def measures(self) -> SpaceMeasures | None:
        """What was measured of this space, from the reader's card."""
        return self.reader.card.joint

    def origin_of(self, image: JointPixels) -> Origin:
        """As the picture's file says; InputError for a picture of another space."""
        return _own(image).prepared.view.origin

    def prepare(self, path: Path) -> MammogramPixels:
        """Decode a mammogram and bring it onto the reader's canvas; InputError when nobody says which view it is."""
        named = self.view_names.get(Path(path).name)
        found = look_at(Path(path), Role.CURRENT, Declared(None if named is None else parse_view(named)))
        return self.prepare_picture(found.view, decode_view(found.view))

    def prepare_picture(self, view: View, picture: Picture) -> MammogramPixels:
        """The same for a picture that is decoded already."""
        config = self.reader.card.config
        moved = _moved_up(prepare_view(view, picture, config.um_per_px, config.canvas_px))
        rows, columns = np.nonzero(moved.mask.any(axis=1))[0], np.nonzero(moved.mask.any(axis=0))[0]
        seen = Box(0.0, 0.0, float(columns[-1] + 1), float(rows[-1] + 1))
        return MammogramPixels(moved.pixels, moved.placement, seen, MODE, moved.steps, moved.mask, prepared=moved)

    @torch.inference_mode()
    def embed_images(
        self, images: Sequence[JointPixels], priors: Sequence[JointPixels | None] | None = None
    ) -> JointImages:
        """Embed mammograms made by this space's `prepare`; InputError for any other picture."""
        before = priors or [None] * len(images)
        parts = [self._embed(_own(i), None if p is None else _own(p)) for i, p in zip(images, before, strict=True)]
        patches, whole, pooled = (torch.cat(values) for values in zip(*parts, strict=True))
        return JointImages(patches, whole, pooled)

    @torch.inference_mode()
    def embed_texts(self, texts: Sequence[str]) -> Tensor:
        """[N, J], L2-normalised; InputError for an empty phrase or one that is too long."""
        ids, mask = moved(phrase_ids(texts, load_tokenizer(), self.phrases.config.max_tokens), self.reader.device)
        return self.phrases(ids, mask).cpu()

    def _embed(self, image: MammogramPixels, prior: MammogramPixels | None) -> tuple[Tensor, Tensor, Tensor]:
        view = image.prepared.view
        views = {view.id: image.prepared}
        shown = [view]
        if prior is not None:
            earlier = replace(prior.prepared.view, id=f"{view.id}_prior", role=Role.PRIOR)
            if (earlier.laterality, earlier.projection) != (view.laterality, view.projection):
                raise InputError(f"the prior of {view.name} shows {earlier.name}", "the same view")
            views[earlier.id] = prior.prepared
            shown.append(earlier)
        batch, _ = trimmed(exam_batch(Exam("image", tuple(shown)), views))
        batch = moved(batch, self.reader.device)
        out = self.reader.first_pass(batch, view.origin)
        patches, whole, pooled = moved(self.head(cell_features(out, batch)), "cpu")
        high, wide = self.reader.card.config.canvas_px
        return on_grid(patches[0], (high // STRIDE, wide // STRIDE))[None], whole, pooled


def _own(image: JointPixels) -> MammogramPixels:
    if not isinstance(image, MammogramPixels):
        raise InputError(f"a picture prepared as {image.mode!r}", "one prepared by this model")
    return image


def _moved_up(prepared: PreparedView) -> PreparedView:
    """The same canvas with its breast starting at row 0, as the networks see it after trimming."""
    top = int(np.nonzero(prepared.mask.any(axis=1))[0][0]) if prepared.mask.any() else 0
    placement = replace(prepared.placement, offset_y=prepared.placement.offset_y - top)
    x, y = prepared.nipple_xy

    def up(canvas: np.ndarray) -> np.ndarray:
        return np.concatenate((canvas[top:], np.zeros_like(canvas[:top])))

    return replace(
        prepared, pixels=up(prepared.pixels), mask=up(prepared.mask), placement=placement, nipple_xy=(x, y - top)
    )


def load_starter_space(name_or_dir: str = "starter", view_names: Mapping[str, str] | None = None) -> StarterSpace:
    """The joint space of a reader that ships with the package or lies in a folder.

    Raises:
        InputError: when there is no such reader, or it came without a joint space.
    """
    reader = load_reader(name_or_dir)
    if reader.head is None or reader.phrases is None:
        raise InputError(f"the model {reader.card.name} has no text side", "", "train one with `train joint-space`")
    return StarterSpace(reader, reader.head, reader.phrases, view_names or {})
