"""The frozen benchmark: a spec and the seeds of its exams, read from a data file whose hash a test holds."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from typing import Any

from mammoscribe.phantom.spec import PhantomSpec
from mammoscribe.phantom.streams import GeneratorVersion

TRAINING_SEEDS = range(0, 100_000)
VALIDATION_SEEDS = range(100_000, 200_000)


@dataclass(frozen=True)
class Bench:
    """A benchmark's name, the spec its exams are drawn from, and their seeds."""

    name: str
    spec: PhantomSpec
    seeds: tuple[int, ...]


def load_bench(name: str) -> Bench:
    """Read a benchmark that ships with the package, for example `bench_v1`."""
    text = resources.files("mammoscribe.phantom").joinpath(f"{name}.json").read_text(encoding="utf-8")
    raw = json.loads(text)
    spec: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in raw["spec"].items()}
    spec["generator"] = GeneratorVersion(spec.get("generator", GeneratorVersion.V1))
    return Bench(raw["name"], PhantomSpec(**spec), tuple(raw["seeds"]))


BENCH_V1 = load_bench("bench_v1")
"""200 test exams; training uses seeds below 100 000, validation the next 100 000, this bench 900 000 and up."""

BENCH_V2 = load_bench("bench_v2")
"""200 test exams of generator version 2, seeds 970 000 and up: the mix of `BENCH_V1` with what real pictures have besides."""

BENCHES: Mapping[str, Bench] = {bench.name: bench for bench in (BENCH_V1, BENCH_V2)}
"""What a user can ask for by name."""
