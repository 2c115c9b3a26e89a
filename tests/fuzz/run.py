"""`python -m tests.fuzz.run --count N`: damages N pictures, opens each in a pool of processes, and ends with 1 when one did harm."""

import argparse
import json
import os
import select
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from tests.fuzz.inputs import damaged

LIMIT_S = 10.0
"""Processor time for one file."""
LIMIT_MB = 2048
PATIENCE_S = 120.0
"""Wall time after which a file is taken to hang, however busy the machine is."""


@dataclass
class Tally:
    """What came of the inputs so far."""

    counts: Counter[str] = field(default_factory=Counter)
    failures: list[str] = field(default_factory=list)
    seconds: float = 0.0
    megabytes: float = 0.0

    def add(self, number: int, answer: dict) -> None:
        """Count the answer of one input."""
        self.seconds, self.megabytes = (
            max(self.seconds, answer["seconds"]), max(self.megabytes, answer["megabytes"]),
        )  # fmt: skip
        harm = [answer["failure"]] if answer["failure"] else []
        harm += [f"took {answer['seconds']:.1f} s"] if answer["seconds"] > LIMIT_S else []
        harm += [f"took {answer['megabytes']:.0f} MB"] if answer["megabytes"] > LIMIT_MB else []
        self.failures += [f"input {number}: {what}" for what in harm]
        crashed = "crashed" in answer["told"] or "killed" in answer["told"] or "was not done" in answer["told"]
        self.counts["harm" if harm else "read" if answer["told"] == "read" else "refused"] += 1
        self.counts["of which a decoder died"] += crashed


class Worker:
    """One process of the pool, started again when it has died."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None

    def ask(self, path: Path) -> dict:
        """The worker's answer about a file; its own death is one too."""
        process = self._process or self._start()
        assert process.stdin is not None
        try:
            process.stdin.write(f"{path}\n".encode())
            process.stdin.flush()
            line = self._line(process)
        except OSError:
            line = b""
        if not line:
            process.kill()
            code, self._process = process.wait(), None
            return {
                "told": "",
                "failure": f"the process that opened it ended with {code}",
                "seconds": 0,
                "megabytes": 0,
            }
        return json.loads(line)

    def _start(self) -> subprocess.Popen[bytes]:
        environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)}
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.fuzz.worker"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL, env=environment,
        )  # fmt: skip
        assert json.loads(self._line(self._process)) == {"ready": True}
        return self._process

    def _line(self, process: subprocess.Popen[bytes]) -> bytes:
        assert process.stdout is not None
        ready, _, _ = select.select([process.stdout], [], [], PATIENCE_S)
        return process.stdout.readline() if ready else b""

    def close(self) -> None:
        """End the process."""
        if self._process is not None:
            self._process.communicate()


def fuzz(numbers: range, workers: int, folder: Path, on_input=lambda number, answer: None) -> Tally:
    """Open every input of `numbers`; inputs that did harm stay in `folder`."""
    tally, pool = Tally(), [Worker() for _ in range(workers)]

    def share(which: int) -> Iterator[tuple[int, dict]]:
        for number in numbers[which::workers]:
            name, content = damaged(number)
            path = folder / name
            path.write_bytes(content)
            answer = pool[which].ask(path)
            if not answer["failure"] and answer["seconds"] <= LIMIT_S and answer["megabytes"] <= LIMIT_MB:
                path.unlink()
            yield number, answer

    def work(which: int) -> None:
        for number, answer in share(which):
            tally.add(number, answer)
            on_input(number, answer)
        pool[which].close()

    damaged(0)  # the seeds are drawn once, before threads ask for them
    with ThreadPoolExecutor(workers) as threads:
        for done in [threads.submit(work, which) for which in range(workers)]:
            done.result()
    return tally


def main() -> int:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=10_000)
    parser.add_argument("--first", type=int, default=0, help="number of the first input")
    parser.add_argument("--workers", type=int, default=max(1, (os.cpu_count() or 2) // 2))
    parser.add_argument("--keep", type=Path, help="folder for the inputs that did harm")
    given = parser.parse_args()
    folder = given.keep or Path(tempfile.mkdtemp(prefix="fuzz-"))
    folder.mkdir(parents=True, exist_ok=True)
    start, numbers = time.monotonic(), range(given.first, given.first + given.count)
    tally = fuzz(numbers, given.workers, folder)
    for failure in tally.failures:
        print(failure)
    counts = ", ".join(f"{n} {what}" for what, n in sorted(tally.counts.items()))
    print(f"{given.count} inputs from {given.first}: {counts}; most {tally.seconds:.1f} s, {tally.megabytes:.0f} MB;",
          f"{time.monotonic() - start:.0f} s in all")  # fmt: skip
    if tally.failures:
        print(f"the inputs that did harm are in {folder}")
        return 1
    if given.keep is None:
        folder.rmdir()
    return 0


if __name__ == "__main__":
    sys.exit(main())
