"""The BioViL-T image encoder: a ResNet and a temporal block that compares an image with its prior.

Structure and key names follow the published model (Bannur et al., CVPR 2023; `hi-ml-multimodal` 0.2.2), so its
weights load strictly into the default configuration. Two things differ in use, not in value: a batch may mix rows with
and without a prior, and any image size is allowed (the sine code is a formula, computed for the grid at hand).
"""

import math
from dataclasses import dataclass, field

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mammoscribe.models.biovil.resnet import ResNetConfig
from mammoscribe.models.efficientnet_lite import EfficientNetLiteConfig


@dataclass(frozen=True)
class ImageEncoderConfig:
    """Shape of the encoder; defaults are the published BioViL-T (27.3 M parameters)."""

    backbone: ResNetConfig | EfficientNetLiteConfig = field(default_factory=ResNetConfig)
    dim: int = 256
    heads: int = 8
    blocks: int = 3
    dropout: float = 0.10
    drop_path: float = 0.25


@dataclass(frozen=True)
class EncodedViews:
    """What the encoder gives for N views.

    Args:
        patches: [N, 2 * dim, h, w], the static half beside the difference half, at stride 32.
        stages: backbone maps of the current images at strides 4, 8, 16, 32.
    """

    patches: Tensor
    stages: tuple[Tensor, Tensor, Tensor, Tensor]


def sine_position_code(height: int, width: int, dim: int, device: torch.device | None = None) -> Tensor:
    """Sine code of the places of a map (published formula: coordinates from 1).

    Args:
        height, width: of the map.
        dim: length of the code, a multiple of 4.
        device: that it is made on.

    Returns:
        [height * width, dim], row after row; the y half comes before the x half.
    """
    half = dim // 2
    scale = 2 * math.pi
    y = torch.arange(1, height + 1, dtype=torch.float32, device=device) / (height + 1e-6) * scale
    x = torch.arange(1, width + 1, dtype=torch.float32, device=device) / (width + 1e-6) * scale
    steps = torch.arange(half, dtype=torch.float32, device=device)
    frequency = 10000 ** (2 * torch.div(steps, 2, rounding_mode="floor") / half)

    def interleaved(position: Tensor) -> Tensor:
        angle = position[:, None] / frequency
        return torch.stack((angle[:, 0::2].sin(), angle[:, 1::2].cos()), dim=2).flatten(1)

    code_y = interleaved(y)[:, None].expand(height, width, half)
    code_x = interleaved(x)[None].expand(height, width, half)
    return torch.cat((code_y, code_x), dim=2).reshape(height * width, dim)


class _DropPath(nn.Module):
    """Drops a residual branch for whole rows while training (stochastic depth)."""

    def __init__(self, rate: float) -> None:
        super().__init__()
        self.rate = rate

    def forward(self, x: Tensor) -> Tensor:
        if not self.training or self.rate == 0:
            return x
        keep = 1 - self.rate
        mask = x.new_empty((x.shape[0],) + (1,) * (x.ndim - 1)).bernoulli_(keep)
        return x * mask / keep


class _Attention(nn.Module):
    """Multi-head self-attention with separate, bias-free projections."""

    def __init__(self, dim: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.heads, self.dropout = heads, dropout
        self.proj_q = nn.Linear(dim, dim, bias=False)
        self.proj_k = nn.Linear(dim, dim, bias=False)
        self.proj_v = nn.Linear(dim, dim, bias=False)
        self.proj = nn.Linear(dim, dim)

    def forward(self, x: Tensor) -> Tensor:
        n, length, dim = x.shape
        q, k, v = (
            p(x).view(n, length, self.heads, dim // self.heads).transpose(1, 2)
            for p in (self.proj_q, self.proj_k, self.proj_v)
        )
        dropout = self.dropout if self.training else 0.0
        y = F.scaled_dot_product_attention(q, k, v, dropout_p=dropout)
        return F.dropout(self.proj(y.transpose(1, 2).reshape(n, length, dim)), self.dropout, self.training)


class _Mlp(nn.Module):
    def __init__(self, dim: int, dropout: float) -> None:
        super().__init__()
        self.fc1, self.fc2 = nn.Linear(dim, dim), nn.Linear(dim, dim)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor) -> Tensor:
        return self.dropout(self.fc2(self.dropout(F.gelu(self.fc1(x)))))


class _Block(nn.Module):
    """Pre-norm block. The position-and-type code is added to queries, keys *and* values, as the published model does."""

    def __init__(self, dim: int, heads: int, dropout: float, drop_path: float) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(dim, eps=1e-6)
        self.attn = _Attention(dim, heads, dropout)
        self.norm2 = nn.LayerNorm(dim, eps=1e-6)
        self.mlp = _Mlp(dim, dropout)
        self.drop_path = _DropPath(drop_path)

    def forward(self, x: Tensor, code: Tensor) -> Tensor:
        x = x + self.drop_path(self.attn(self.norm1(x) + code))
        return x + self.drop_path(self.mlp(self.norm2(x)))


class TemporalBlock(nn.Module):
    """Transformer over the tokens of a current and a prior image; gives the difference features of the current one."""

    def __init__(self, config: ImageEncoderConfig) -> None:
        super().__init__()
        self.dim = config.dim
        self.type_embed = nn.Parameter(torch.zeros(2, 1, config.dim))
        nn.init.trunc_normal_(self.type_embed, std=0.02)
        self.pos_drop = nn.Dropout(config.dropout)
        self.blocks = nn.ModuleList(
            _Block(config.dim, config.heads, config.dropout, config.drop_path) for _ in range(config.blocks)
        )
        self.norm_post = nn.LayerNorm(config.dim, eps=1e-6)

    def forward(self, current: Tensor, previous: Tensor) -> Tensor:
        """[N, dim, h, w] twice -> [N, dim, h, w]."""
        n, dim, h, w = current.shape
        position = sine_position_code(h, w, dim, current.device)
        code = torch.cat((position + self.type_embed[0], position + self.type_embed[1]))[None]
        tokens = torch.cat((current.flatten(2), previous.flatten(2)), dim=2).transpose(1, 2)
        tokens = self.pos_drop(tokens)
        for block in self.blocks:
            tokens = block(tokens, code)
        return self.norm_post(tokens)[:, : h * w].transpose(1, 2).reshape(n, dim, h, w)


class MultiImageEncoder(nn.Module):
    """Backbone and temporal block; the attribute names are the published checkpoint's.

    Attributes:
        compares_always: whether the temporal block also runs where no row has a prior, on a pair that changes nothing.
            Processes that share the weights of one network have to run the same blocks.
    """

    def __init__(self, config: ImageEncoderConfig) -> None:
        super().__init__()
        self.config, self.compares_always = config, False
        self.encoder = config.backbone.network()
        self.backbone_to_vit = nn.Conv2d(config.backbone.channels[3], config.dim, 1, bias=False)
        self.vit_pooler = TemporalBlock(config)
        self.missing_previous_emb = nn.Parameter(torch.zeros(1, config.dim, 1, 1))
        nn.init.trunc_normal_(self.missing_previous_emb, std=0.02)

    def _compared_with_itself(self, image: Tensor) -> Tensor:
        """Zero, of which every parameter of a comparison is a part; batch statistics do not see the image again."""
        norms = [m for m in self.modules() if isinstance(m, nn.modules.batchnorm._BatchNorm) and m.training]
        for norm in norms:
            norm.eval()
        maps = self.prior_maps(image)
        for norm in norms:
            norm.train()
        return 0.0 * self.vit_pooler(maps, maps).sum()

    def prior_maps(self, images: Tensor) -> Tensor:
        """[M, C, H, W] -> [M, dim, h, w]: all that the temporal block sees of a prior, so it can be kept and given again."""
        return self.backbone_to_vit(self.encoder(images)[3])

    def forward(
        self,
        current: Tensor,
        previous: Tensor | None = None,
        has_prior: Tensor | None = None,
        previous_maps: Tensor | None = None,
    ) -> EncodedViews:
        """Encode N views, of which the rows named in `has_prior` have a prior image.

        Args:
            current: [N, C, H, W].
            previous: [M, C, H, W], one image for each true row of `has_prior`, in order; None when no row has one.
            has_prior: [N] bool; None means that all rows have a prior when one is given, else none.
            previous_maps: [M, dim, h, w] of `prior_maps`, in place of `previous`.
        """
        n = len(current)
        given = previous_maps if previous is None else previous
        if has_prior is None:
            has_prior = torch.full((n,), given is not None, device=current.device)
        stages = self.encoder(current)
        static = self.backbone_to_vit(stages[3])
        difference = self.missing_previous_emb.to(static.dtype).expand(n, -1, *static.shape[2:])
        if given is not None and len(given):
            earlier = self.prior_maps(given) if previous_maps is None else previous_maps
            compared = self.vit_pooler(static[has_prior], earlier)
            rows = torch.nonzero(has_prior).squeeze(1)
            difference = difference.index_copy(0, rows, compared.to(static.dtype))
        elif self.compares_always:
            difference = difference + self._compared_with_itself(current[:1])
        return EncodedViews(torch.cat((static, difference), dim=1), stages)
