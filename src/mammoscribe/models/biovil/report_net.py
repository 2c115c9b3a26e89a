"""The report decoder of BioViL-T's family: a causal BERT that looks at the patches of an image model.

The paper (Bannur et al., CVPR 2023) trains such a decoder from its text model, with the prior report before the report. Its
code and weights were never published; the released text weights hold no cross-attention, so that those layers begin new
(https://github.com/microsoft/hi-ml/issues/933). Keys are those of `BertLMHeadModel` of transformers with cross-attention,
and of the layer in front of it that projects patches.
"""

from dataclasses import dataclass, field
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mammoscribe.models.biovil.files import load_strictly
from mammoscribe.models.biovil.image_encoder import sine_position_code
from mammoscribe.models.biovil.text_model import SHAPE, JointTextModel, MaskedTokenHead, bert_config, bert_layers


def decoder_config(config: Any) -> Any:
    """The configuration of a BERT as a decoder with cross-attention; the same shape otherwise."""
    values = {name: getattr(config, name) for name in SHAPE}
    return bert_config({**values, "is_decoder": True, "add_cross_attention": True})


@dataclass(frozen=True)
class Looked:
    """Patches as the decoder looks at them.

    Args:
        patches: [N, P, D], in the width of the decoder.
        shown: [N, P] bool, those that show anything; at least one of each picture.
    """

    patches: Tensor
    shown: Tensor

    def rows(self, numbers: Tensor) -> "Looked":
        """Those of some pictures; a number may come more than once."""
        return Looked(self.patches[numbers], self.shown[numbers])


@dataclass
class Memory:
    """Keys and values of the tokens so far, and how many of them each row has; grows with each pass that it is given to."""

    cache: Any = field(default_factory=lambda: _cache())
    mask: Tensor | None = None

    def reorder(self, rows: Tensor) -> None:
        """Keep these rows, in this order; a number may come more than once."""
        assert self.mask is not None
        self.cache.reorder_cache(rows)
        self.mask = self.mask[rows]


def _cache() -> Any:
    from transformers import DynamicCache, EncoderDecoderCache

    return EncoderDecoderCache(DynamicCache(), DynamicCache())


class ReportNet(nn.Module):
    """Gives the next token of a report from the tokens before it and the patches of the picture.

    Args:
        config: of a BERT; see `decoder_config`.
        features: channels of the patches.
    """

    def __init__(self, config: Any, features: int) -> None:
        super().__init__()
        self.config, self.features = decoder_config(config), features
        self.bert = bert_layers(self.config)
        dim, eps = self.config.hidden_size, self.config.layer_norm_eps
        self.cls = nn.ModuleDict({"predictions": MaskedTokenHead(dim, self.config.vocab_size, eps)})
        self.norm_patches, self.from_patches = nn.LayerNorm(features), nn.Linear(features, dim)

    @property
    def max_tokens(self) -> int:
        """Tokens that fit: the prior report, the report and what frames them."""
        return self.config.max_position_embeddings

    def take_over(self, text: JointTextModel) -> None:
        """The weights of a text model; cross-attention and the projection of patches stay as they are."""
        own = {name: value for name, value in self.bert.state_dict().items() if ".crossattention." in name}
        load_strictly(self.bert, {**own, **text.bert.state_dict()}, "the text model")
        if text.cls is not None:
            load_strictly(self.cls, text.cls.state_dict(), "the text model")

    def look(self, patches: Tensor, shown: Tensor) -> Looked:
        """Patches of an image model, [N, features, h, w], and which of them show anything, [N, h * w].

        A code of their places is added, because half of their channels say nothing of where they are.
        """
        high, wide = patches.shape[2:]
        code = sine_position_code(high, wide, self.features, patches.device)
        rows = self.norm_patches(patches.flatten(2).transpose(1, 2)) + code
        return Looked(self.from_patches(rows), shown)

    def states(
        self, ids: Tensor, mask: Tensor, kinds: Tensor, looked: Looked, memory: Memory | None = None
    ) -> Tensor:  # fmt: skip
        """[N, T, D]: states from which the next tokens are predicted; each sees only the tokens before it.

        Args:
            ids: [N, T] tokens; with a `memory` that has some, those after them.
            mask: [N, T], 1 at tokens and 0 at padding, which follows the tokens of a row.
            kinds: [N, T], 1 at the prior report, 0 elsewhere.
            looked: what is looked at.
            memory: keys and values of the tokens before; None where there are none and none are kept.
        """
        before = None if memory is None else memory.mask
        seen = mask if before is None else torch.cat([before, mask], dim=1)
        places = (seen.cumsum(1) - 1).clamp(0, self.max_tokens - 1)[:, -ids.shape[1] :]
        out = self.bert(
            input_ids=ids, attention_mask=seen, position_ids=places,
            token_type_ids=kinds.clamp(max=self.config.type_vocab_size - 1), encoder_hidden_states=looked.patches,
            encoder_attention_mask=looked.shown.long(), past_key_values=None if memory is None else memory.cache,
            use_cache=memory is not None,
        )  # fmt: skip
        if memory is not None:
            memory.mask = seen
        return out.last_hidden_state

    def logits(self, states: Tensor) -> Tensor:
        """[..., D] -> [..., V], the scores of the next token."""
        return self.cls["predictions"](states, self.bert.embeddings.word_embeddings.weight)

    def forward(self, ids: Tensor, mask: Tensor, kinds: Tensor, looked: Looked) -> Tensor:
        """[N, T, V]: scores of the token after each of `ids`, all at once.

        Args:
            ids, mask, kinds, looked: see `states`.
        """
        return self.logits(self.states(ids, mask, kinds, looked))

    def log_chances(self, states: Tensor) -> Tensor:
        """[..., V]: logarithm of the chance of each next token."""
        return F.log_softmax(self.logits(states).float(), dim=-1)
