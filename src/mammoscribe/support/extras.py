"""Optional dependencies: the module, or one sentence that says which extra brings it."""

import importlib
from types import ModuleType

from mammoscribe.support.errors import MissingExtra


def require(module: str, extra: str) -> ModuleType:
    """Import `module`; when it is not installed raise MissingExtra naming the extra that brings it."""
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        if error.name is None or error.name.split(".")[0] != module.split(".")[0]:
            raise
        raise MissingExtra(
            f"{module} is not installed", "", f"install it with: pip install 'mammoscribe[{extra}]'"
        ) from error
