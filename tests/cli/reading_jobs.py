"""Stand-ins for what `predict` does in its workers; in a module of their own, since they travel by name."""

import os
import signal
import time
from functools import partial

from mammoscribe.cli.predicting import ReadingJob
from mammoscribe.cli.results import COLUMNS


def _row(exam_id: str) -> dict[str, str]:
    return dict.fromkeys(COLUMNS, "") | {"exam_id": exam_id, "laterality": "R", "status": "ok"}


class JobByName(ReadingJob):
    """What happens to an exam is in its id: `slow-`, `killed-`, `aborts-`, `hangs-`; any other is read at once."""

    def begin(self):
        return partial(_by_name, self.manifest)


def _by_name(manifest, exam):
    exam_id, _ = exam
    kind = exam_id.split("-")[0]
    if kind == "slow":
        time.sleep(1.0)
    if kind in ("killed", "aborts"):
        os.kill(os.getpid(), signal.SIGKILL if kind == "killed" else signal.SIGABRT)
    if kind == "hangs":
        (manifest.parent / f"hanging-{os.getpid()}").touch()
        time.sleep(100)
    return [_row(exam_id)]
