"""Inputs of a network that sees pictures by cross-attention (Llama 3.2 Vision): one row of tiles for each conversation."""

from collections.abc import Sequence

import torch
from torch import Tensor

from mammoscribe.models.chat.adapter import Pixels

RATIO_IDS, TILE_MASK = "aspect_ratio_ids", "aspect_ratio_mask"


def crossed(of_pictures: Tensor, pixels: Sequence[Pixels | None]) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """(pixel inputs, which tiles each token sees) of N conversations with one picture each, or none.

    A conversation without a picture gets an empty one beside those that have one: no token of it sees it, and `hide_from_texts`
    makes it nothing. Where no conversation has a picture there are no inputs at all.

    Args:
        of_pictures: [N, T], true at the token of the picture.
        pixels: of each conversation.

    Shapes: pixel inputs [N, 1, tiles, ...]; the mask [N, T, 1, tiles], 1 from the picture's token on.
    """
    given = next((own for own in pixels if own is not None), None)
    if given is None:
        return {}, {}
    rows = [_empty(given) if own is None else own.tensors for own in pixels]
    inputs = {name: torch.cat([row[name] for row in rows]) for name in given.tensors}
    sees = of_pictures.cumsum(dim=1) > 0
    tiles = inputs[TILE_MASK]
    return inputs, {"cross_attention_mask": sees[:, :, None, None].long() * tiles[:, None]}


def _empty(like: Pixels) -> dict[str, Tensor]:
    """No picture: ratio 0, and one tile in the mask, as the library has it, since a softmax over none is no number."""
    found = {name: torch.zeros_like(tensor) for name, tensor in like.tensors.items()}
    found[TILE_MASK][:, :, 0] = 1
    return found
