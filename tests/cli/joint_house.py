"""A stand-in for loading a joint space, so that the doors are tested without a network being run."""

from collections.abc import Mapping

import pytest

from tests.explain.fake_space import BrightnessSpace


class Loads:
    """What was asked for, and the space that is given."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str | None, Mapping[str, str]]] = []
        self.space = BrightnessSpace(whole=False)

    def __call__(self, name: str, mode: str | None, views: Mapping[str, str], fast: bool = False) -> BrightnessSpace:
        self.asked.append((name, mode, views))
        return self.space


def stand_in(monkeypatch: pytest.MonkeyPatch) -> Loads:
    """Puts a fake space in place of `explain.load.load_space`."""
    loads = Loads()
    monkeypatch.setattr("mammoscribe.explain.load.load_space", loads)
    return loads
