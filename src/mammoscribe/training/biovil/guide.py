"""What lets masked tokens look at the picture: text states attend to projected patches. Only training needs it."""

import torch.nn.functional as F
from torch import Tensor, nn


class GuideBlock(nn.Module):
    """Cross-attention and a two-layer network, each added and normalised afterwards, as the layers of BERT are.

    Args:
        dim: of the text states.
        joint_dim: of the patches.
        heads: of the attention; has to divide `dim`.
        dropout: of both branches while training.
    """

    def __init__(self, dim: int, joint_dim: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.attend = nn.MultiheadAttention(dim, heads, dropout, kdim=joint_dim, vdim=joint_dim, batch_first=True)
        self.norm_attend = nn.LayerNorm(dim, eps=1e-12)
        self.widen, self.narrow = nn.Linear(dim, 2 * dim), nn.Linear(2 * dim, dim)
        self.norm_out = nn.LayerNorm(dim, eps=1e-12)
        self.dropout = nn.Dropout(dropout)

    def forward(self, texts: Tensor, patches: Tensor, hidden_patches: Tensor) -> Tensor:
        """[N, T, dim] states that look at [N, P, joint_dim] patches, but for the true ones of `hidden_patches` [N, P]."""
        seen, _ = self.attend(texts, patches, patches, key_padding_mask=hidden_patches, need_weights=False)
        texts = self.norm_attend(texts + self.dropout(seen))
        return self.norm_out(texts + self.dropout(self.narrow(F.gelu(self.widen(texts)))))


class ImageGuide(nn.Module):
    """Text states after a look at the patches of their picture, for the masked-token head.

    Masked tokens are predicted from the text and the picture, so that what only the picture shows has to be read off it
    (BioViL-T, Bannur et al. 2023). The published weights hold no such layers and the paper does not say between which
    layers of the text model they are; here they come after its last one, so that the exported text model is a plain BERT.

    Args:
        dim, joint_dim, heads, dropout: as in `GuideBlock`.
        layers: number of blocks.
    """

    def __init__(self, dim: int, joint_dim: int, heads: int, layers: int = 1, dropout: float = 0.1) -> None:
        super().__init__()
        self.norm_patches = nn.LayerNorm(joint_dim)
        self.blocks = nn.ModuleList(GuideBlock(dim, joint_dim, heads, dropout) for _ in range(layers))
        for layer in self.modules():
            if isinstance(layer, nn.Linear):
                nn.init.trunc_normal_(layer.weight, std=0.02)
                nn.init.zeros_(layer.bias)

    def forward(self, texts: Tensor, patches: Tensor, shown: Tensor) -> Tensor:
        """Text states [N, T, dim], projected patches [N, P, joint_dim], which of them show anything [N, P] -> [N, T, dim]."""
        patches = self.norm_patches(patches)
        for block in self.blocks:
            texts = block(texts, patches, ~shown)
        return texts
