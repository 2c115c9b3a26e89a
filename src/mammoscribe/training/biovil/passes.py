"""A batch of pairs through both models: places in the joint space, and the logits of masked tokens."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from mammoscribe.models.biovil.image_encoder import MultiImageEncoder
from mammoscribe.models.biovil.image_model import ImageOutput, JointImageModel, three_channels
from mammoscribe.models.biovil.text_model import JointTextModel
from mammoscribe.training.biovil.batches import ImageTextBatch, PictureBatch
from mammoscribe.training.biovil.guide import ImageGuide
from mammoscribe.training.biovil.losses import Embedded
from mammoscribe.training.engine.task import Modules
from mammoscribe.training.text.losses import at_least_32_bits
from mammoscribe.training.text.masking import IGNORED

IMAGE, TEXT, GUIDE = "image", "text", "guide"


@dataclass(frozen=True)
class Passed:
    """What a batch gives: the pairs, and [K, V] logits of the K masked tokens."""

    pairs: Embedded
    logits: Tensor


def both_passes(modules: Modules, batch: ImageTextBatch) -> Passed:
    """The pairs, and the masked tokens of the same texts; whole and masked texts go through the text model together."""
    model, guide = modules[TEXT], modules[GUIDE]
    assert isinstance(model, JointTextModel) and isinstance(guide, ImageGuide) and model.cls is not None
    seen = see(modules[IMAGE], batch)
    hidden = model(torch.cat([batch.ids, batch.masked]), torch.cat([batch.mask, batch.mask])).hidden
    plain, masked = hidden.split(len(batch.ids))
    patches = seen.projected_patches.flatten(2).transpose(1, 2)
    guided = guide(masked, patches, batch.shown)[batch.labels != IGNORED]
    logits = model.cls["predictions"](guided, model.bert.embeddings.word_embeddings.weight)
    return Passed(_pairs(model, seen, plain, batch), logits)


def pairs_of(modules: Modules, batch: ImageTextBatch) -> Embedded:
    """The pairs alone, for validation."""
    model = modules[TEXT]
    assert isinstance(model, JointTextModel)
    return _pairs(model, see(modules[IMAGE], batch), model(batch.ids, batch.mask).hidden, batch)


def see(model: nn.Module, batch: PictureBatch) -> ImageOutput:
    """The pictures, each with its prior where it has one.

    A batch without any prior runs the temporal block on nothing and leaves that out of the sums, so that every process
    runs every block and every parameter has a gradient.
    """
    assert isinstance(model, JointImageModel) and isinstance(model.encoder, MultiImageEncoder)
    channels = model.config.encoder.backbone.in_channels
    images = three_channels(batch.images, channels)
    if len(batch.previous):
        return model(images, three_channels(batch.previous, channels), batch.has_prior)
    out = model(images)
    nothing = out.patches.new_zeros(1, model.config.encoder.dim, 1, 1)
    idle = 0.0 * model.encoder.vit_pooler(nothing, nothing).sum()
    return out._replace(patches=out.patches + idle, projected_patches=out.projected_patches + idle)


def _pairs(model: JointTextModel, seen: ImageOutput, hidden: Tensor, batch: ImageTextBatch) -> Embedded:
    """Tokens go through the projection of `[CLS]`: the published file has no other, and all that aligns is exported."""
    assert model.cls_projection_head is not None
    tokens = at_least_32_bits(model.cls_projection_head(hidden))
    patches = at_least_32_bits(seen.projected_patches)
    return Embedded(
        patches.mean(dim=(2, 3)), patches.flatten(2).transpose(1, 2), batch.shown, tokens[:, 0], tokens, batch.words,
        batch.keys,
    )  # fmt: skip
