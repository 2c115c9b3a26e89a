"""Devices: chosen by name, batches moved whatever they are made of, memory in megabytes."""

import subprocess
import sys
from dataclasses import dataclass
from typing import NamedTuple

import pytest
import torch

from mammoscribe.support.errors import InputError
from mammoscribe.training.engine.devices import chosen_device, give_back_when_short, on_device, peak_memory_mb

META = torch.device("meta")


@dataclass(frozen=True)
class Pair:
    a: torch.Tensor
    b: "tuple[torch.Tensor, str] | None" = None


class Named(NamedTuple):
    x: torch.Tensor
    y: int


class Own:
    def to(self, device: torch.device) -> str:
        return f"moved to {device}"


def test_auto_is_a_device_that_is_there():
    assert chosen_device("auto") in ("cuda", "mps", "cpu")
    assert chosen_device("cpu") == "cpu"


@pytest.mark.parametrize("name", ["cuda", "mps"])
def test_a_device_that_is_not_there_is_one_sentence(name, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    with pytest.raises(InputError, match=f"device {name}, which torch does not find here; expected cpu"):
        chosen_device(name)
    with pytest.raises(InputError, match="did you mean cuda"):
        chosen_device("cudda")


def test_tensors_are_moved_inside_anything():
    one = torch.ones(2)
    batch = {"d": Pair(one, (one, "kept")), "l": [one, 3, None], "n": Named(one, 4), "o": Own(), "p": Pair(one)}
    moved = on_device(batch, META)
    assert moved["d"].a.device == moved["d"].b[0].device == moved["l"][0].device == moved["n"].x.device == META
    assert (moved["d"].b[1], moved["l"][1:], moved["n"].y, moved["o"]) == ("kept", [3, None], 4, "moved to meta")
    assert isinstance(moved["n"], Named)
    assert moved["p"].b is None
    assert one.device.type == "cpu"


def test_memory_is_in_megabytes():
    before = peak_memory_mb(torch.device("cpu"))
    assert 50 < before < 100_000
    block = bytearray(300 * 2**20)
    block[::4096] = b"x" * len(block[::4096])
    assert peak_memory_mb(torch.device("cpu")) > 300


FAULTS = """
import resource, sys
import numpy as np
from mammoscribe.training.engine.devices import keep_freed_memory
if sys.argv[1] == "kept":
    keep_freed_memory()
faults = []
for _ in range(4):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    np.ones(16 << 20)
    faults.append(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
print(faults[-1])
"""


@pytest.mark.skipif(sys.platform != "linux", reason="asks glibc")
def test_freed_memory_is_kept_for_the_next_step():
    faults = {
        how: int(subprocess.run([sys.executable, "-c", FAULTS, how], capture_output=True, text=True, check=True).stdout)
        for how in ("given back", "kept")
    }
    assert faults["kept"] < 100 < faults["given back"]


GIVEN = """
import sys
from pathlib import Path
import numpy as np
from mammoscribe.training.engine.devices import give_back_when_short, keep_freed_memory
def held_mb():
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096 / 2**20
keep_freed_memory()
blocks = [np.ones(1 << 17) for _ in range(300)]
last = blocks[-1]
del blocks
before, answer = held_mb(), give_back_when_short(Path(sys.argv[1]))
print(answer, before - held_mb())
"""


@pytest.mark.skipif(sys.platform != "linux", reason="asks glibc")
@pytest.mark.parametrize(("left_kb", "gives"), [(100_000, True), (500_000, False)])
def test_kept_memory_is_given_back_when_the_machine_has_little_left(left_kb, gives, tmp_path):
    (tmp_path / "meminfo").write_text(f"MemTotal: 1000000 kB\nMemFree: 1 kB\nMemAvailable: {left_kb} kB\n")
    words = [sys.executable, "-c", GIVEN, str(tmp_path / "meminfo")]
    answer, less = subprocess.run(words, capture_output=True, text=True, check=True).stdout.split()
    assert answer == str(gives) and (float(less) > 200) == gives


def test_a_machine_that_does_not_say_how_much_memory_is_left_is_left_alone(tmp_path):
    assert not give_back_when_short(tmp_path / "none")
