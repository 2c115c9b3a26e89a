"""A device that is not there: tensors are marked as being on it, and mixing them with others fails as on a real one.

The marked tensors are on the CPU and so are the sums done with them; only where they claim to be differs.
"""

from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode
from torch.utils._pytree import tree_flatten, tree_map
from torch.utils.weak import WeakIdKeyDictionary

HERE = torch.device("cpu")
DEVICE_OF = Tensor.device.__get__  # type: ignore[attr-defined]
SET_DATA = Tensor.data.__set__  # type: ignore[attr-defined]
MIXING_ALLOWED = (Tensor.__deepcopy__, torch._has_compatible_shallow_copy_type)
TO_NUMPY = (Tensor.numpy, Tensor.__array__)


class PretendedDevice(TorchFunctionMode):
    """While it is entered, tensors can be moved to `device`, which this machine does not have."""

    def __init__(self, device: str = "cuda:0") -> None:
        super().__init__()
        self.device, self.calls = torch.device(device), 0
        self._marked: Any = WeakIdKeyDictionary()

    def holds(self, tensor: Tensor) -> bool:
        return tensor in self._marked

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = dict(kwargs or {})
        if func == DEVICE_OF:
            return self.device if self.holds(args[0]) else func(*args)
        if func == SET_DATA:
            func(*args)
            return self._mark(args[0], self.holds(args[1]))
        if func == Tensor.cpu:
            return args[0].clone()
        if func == Tensor.to:
            return self._moved(args, kwargs)
        tensors = [t for t in tree_flatten((args, kwargs))[0] if isinstance(t, Tensor)]
        there = self._wanted(kwargs) if "device" in kwargs else any(map(self.holds, tensors))
        if func in TO_NUMPY and there:
            raise TypeError(f"can't convert {self.device} device type tensor to numpy")
        if func not in MIXING_ALLOWED and "device" not in kwargs:
            self._check_together(func, tensors)
        if there:
            self.calls += 1
        kwargs.pop("device", None)
        return tree_map(lambda out: self._mark(out, there) if isinstance(out, Tensor) else out, func(*args, **kwargs))

    def _check_together(self, func: Any, tensors: list[Tensor]) -> None:
        """A number may come from anywhere, as in torch; everything else must be on one device."""
        shaped = [t for t in tensors if t.dim()]
        if len({self.holds(t) for t in shaped}) > 1:
            raise RuntimeError(f"{func}: expected all tensors to be on the same device")

    def _moved(self, args: Any, kwargs: dict[str, Any]) -> Tensor:
        tensor, *rest = args
        there = self.holds(tensor)
        plain = []
        for value in rest:
            if isinstance(value, (str, torch.device)):
                there = torch.device(value) == self.device
            elif isinstance(value, Tensor):
                there = self.holds(value)
                plain.append(value.dtype)
            elif value is not None and not isinstance(value, bool):  # non_blocking and copy change nothing here
                plain.append(value)
        if kwargs.get("device") is not None:
            there = self._wanted(kwargs)
        kept = {
            name: value for name, value in kwargs.items() if name in ("dtype", "memory_format") and value is not None
        }
        out = tensor.to(*plain, **kept) if plain or kept else tensor
        return self._mark(out.clone() if there != self.holds(tensor) else out, there)

    def _wanted(self, kwargs: dict[str, Any]) -> bool:
        return kwargs["device"] is not None and torch.device(kwargs["device"]) == self.device

    def _mark(self, tensor: Tensor, there: bool) -> Tensor:
        if there:
            self._marked[tensor] = True
        else:
            self._marked.pop(tensor, None)
        return tensor
