"""An experiment, not in the product: float32 products on AMX tiles, each made of three bfloat16 products.

A float32 is cut into two bfloat16 halves, high and low; high x high + low x high + high x low is summed in float32 and
is right to about 16 bits. PyTorch has no bfloat16 product with a float32 result on the CPU, but MKL has, and its symbol
is in torch's library on Linux; it is called through ctypes.
"""

import copy
import ctypes
from pathlib import Path

import torch
from torch import Tensor, nn

from mammoscribe.models.biovil.fast import FastTextModel

FEW_ROWS = 128
"""Below that, reading the weights takes the time, and two halves are no less to read."""
ROW_MAJOR, PLAIN, TRANSPOSED = 101, 111, 112


def mkl_product() -> ctypes._CFuncPtr | None:
    """`cblas_gemm_bf16bf16f32` of this torch, or None where it has none or the processor has no AMX."""
    library = Path(torch.__file__).parent / "lib" / "libtorch_cpu.so"
    if not torch.cpu._is_amx_tile_supported() or not library.is_file():
        return None
    product = getattr(ctypes.CDLL(str(library)), "cblas_gemm_bf16bf16f32", None)
    if product is not None:
        number, array, real = ctypes.c_long, ctypes.c_void_p, ctypes.c_float
        product.argtypes = [ctypes.c_int] * 3 + [number] * 3 + [real, array, number, array, number, real, array, number]
        product.restype = None
    return product


class SplitLinear(nn.Module):
    """A linear layer of three bfloat16 products, for many rows; for few it is the plain one."""

    def __init__(self, plain: nn.Linear, product: ctypes._CFuncPtr) -> None:
        super().__init__()
        self.plain, self.product = plain, product
        self.in_features = plain.in_features
        self.high, self.low = halves(plain.weight.detach())

    def forward(self, x: Tensor) -> Tensor:
        """[R, K] -> [R, N]."""
        if x.shape[0] < FEW_ROWS or not x.is_contiguous():
            return self.plain(x)
        high, low = halves(x)
        out = self.plain.bias.expand(x.shape[0], -1).contiguous()
        for left, right in ((high, self.high), (low, self.high), (high, self.low)):
            rows, depth, columns = x.shape[0], x.shape[1], out.shape[1]
            sizes = (ROW_MAJOR, PLAIN, TRANSPOSED, rows, columns, depth, 1.0)
            self.product(*sizes, left.data_ptr(), depth, right.data_ptr(), depth, 1.0, out.data_ptr(), columns)
        return out


def halves(x: Tensor) -> tuple[Tensor, Tensor]:
    """The number as high + low, both bfloat16."""
    high = x.bfloat16()
    return high, (x - high).bfloat16()


def split_text_model(fast: FastTextModel) -> FastTextModel | None:
    """The text model with split products in all layers but the last; None where this machine cannot."""
    product = mkl_product()
    if product is None:
        return None
    split = copy.deepcopy(fast)
    for layer in split.layers:
        for name in ("qkv", "out", "up", "down"):
            setattr(layer, name, SplitLinear(getattr(layer, name), product))
    return split
