"""The order of pixels in memory that convolutions on a processor are quickest with."""

import torch
from torch import Tensor


def channels_last(images: Tensor) -> Tensor:
    """The same [N, C, H, W] values with the channels of a pixel side by side in memory, also where there is one channel.

    `Tensor.contiguous` takes one channel to be in that order whatever it is. Convolutions then go another way, which takes
    a third longer in half precision and rounds otherwise: a picture that was cut out and a copy of it gave other features.
    """
    if images.stride(1) == 1 and images.is_contiguous(memory_format=torch.channels_last):
        return images
    return torch.empty_like(images, memory_format=torch.channels_last).copy_(images)
