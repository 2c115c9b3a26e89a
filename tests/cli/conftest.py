"""A stand-in for reading and loading, so that the doors are tested without a network being run."""

import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from mammoscribe.cli import app
from mammoscribe.domain.exam import Exam, SetAside
from mammoscribe.domain.report import Report
from mammoscribe.support.errors import InputError
from tests.nouns import make_exam, make_finding, make_report

Run = Callable[..., Result]


@pytest.fixture
def run() -> Run:
    """Runs a command line as `mammoscribe ARGS...`."""
    return lambda *args: CliRunner().invoke(app, [str(a) for a in args])


@dataclass
class FakeHouse:
    """What the commands called, and what they get back."""

    loaded: list[dict[str, Any]] = field(default_factory=list)
    read: list[str] = field(default_factory=list)
    images: list[bool] = field(default_factory=list)
    exam_ids: tuple[str, ...] = ("e1",)
    bad: dict[str, Exception] = field(default_factory=dict)
    set_aside: tuple[SetAside, ...] = ()
    settings: list[tuple[Any, float | None]] = field(default_factory=list)
    devices: list[str] = field(default_factory=list)
    sha: str = "a" * 64
    report: Callable[[Exam], Report] = lambda exam: make_report(exam, findings=(make_finding(),))

    def load_exam(
        self, paths: Any, priors: Any = (), view_names: Any = None, manifest: Any = None, exam_id: str | None = None
    ) -> SimpleNamespace:
        self.loaded.append({"paths": paths, "priors": priors, "view_names": view_names, "manifest": manifest})
        exam_id = exam_id or "e1"
        if exam_id in self.bad:
            raise self.bad[exam_id]
        warnings = tuple(f"{s.source} is not used: {s.reason}" for s in self.set_aside)
        return SimpleNamespace(exam=make_exam(id=exam_id, set_aside=self.set_aside), warnings=warnings)

    def load_rows(self, rows: list[SimpleNamespace], manifest: Path) -> SimpleNamespace:
        return self.load_exam([], manifest=manifest, exam_id=rows[0].exam_id)

    def exam_groups(self, path: Path) -> Iterator[tuple[str, list[SimpleNamespace]]]:
        if not Path(path).exists():
            raise InputError(f"no manifest {path}")
        yield from ((exam_id, [SimpleNamespace(exam_id=exam_id)] * 4) for exam_id in self.exam_ids)

    def card_of(self, name: str = "starter") -> SimpleNamespace:
        return SimpleNamespace(name=name, weights_sha256=self.sha)

    def load_reader(self, name: str = "starter", device: Any = "cpu") -> SimpleNamespace:
        self.devices.append(str(device))
        return SimpleNamespace(card=self.card_of(name))

    def read_exam(
        self, exam: Exam, reader: Any, author: Any = None, decode: Any = None, images: bool = True, setting: Any = None,
        prevalence: float | None = None, prior_report: str | None = None,
    ) -> SimpleNamespace:  # fmt: skip
        self.read.append(exam.id)
        self.settings.append((setting, prevalence))
        self.images.append(images)
        return SimpleNamespace(report=self.report(exam))

    def write_outputs(self, reading: Any, out: Path, formats: tuple[str, ...]) -> list[Path]:
        out.mkdir(parents=True, exist_ok=True)
        paths = [out / f"report.{name}" for name in formats]
        for path in paths:
            path.write_text(reading.report.exam.id)
        return paths


@pytest.fixture
def house(monkeypatch: pytest.MonkeyPatch) -> FakeHouse:
    """Puts a FakeHouse in place of `reading`, `data.load` and `data.manifest`."""
    fake = FakeHouse()
    homes = {
        "mammoscribe.reading": ("card_of", "load_reader", "read_exam", "write_outputs"),
        "mammoscribe.data.load": ("load_exam", "load_rows"),
        "mammoscribe.data.manifest": ("exam_groups",),
    }
    for home, names in homes.items():
        module = ModuleType(home)
        for name in names:
            setattr(module, name, getattr(fake, name))
        monkeypatch.setitem(sys.modules, home, module)
    return fake
