"""A process that opens pictures as `read` does, one after the other, and says of each what came of it."""

import json
import os
import sys
import time
import traceback
import warnings
from pathlib import Path
from typing import Any

from mammoscribe.data.load import load_exam
from mammoscribe.imaging import decoder
from mammoscribe.imaging.decode import decode_view
from mammoscribe.imaging.prepare import prepare_view, resample
from mammoscribe.reading import shown_view
from mammoscribe.support.errors import MammoscribeError


def opened(path: Path) -> str:
    """`read`, or the sentence; anything but an error of the family is raised."""
    try:
        view = load_exam([path], view_names={path.name: "RMLO"}).exam.views[0]
        picture = decode_view(view)
        prepared = prepare_view(view, picture)
        resample(picture, prepared, 200.0)
        if prepared.millimetres_known:
            resample(picture, prepared, 100.0)
        shown_view(view, picture, prepared)
    except MammoscribeError as error:
        sentence = error.sentence()
        if path.name not in sentence or "\n" in sentence or len(sentence) > 2000:
            raise AssertionError(f"not one sentence that names the file: {sentence!r}") from error
        return sentence
    return "read"


def measured(path: Path) -> dict[str, Any]:
    """What came of a file, its seconds of processor time, and the megabytes that this process and its decoder have used."""
    before = _processor_s()
    try:
        told, failure = opened(path), ""
    except Exception:
        told, failure = "", traceback.format_exc(limit=-6)
    return {"told": told, "failure": failure, "seconds": _processor_s() - before, "megabytes": _megabytes()}


def _decoders() -> list[int]:
    return [process._process.pid for process in decoder._PROCESSES._idle]


def _processor_s() -> float:
    """Of this process and of the decoders that it keeps."""
    total, tick = time.process_time(), os.sysconf("SC_CLK_TCK")
    for pid in _decoders():
        fields = Path(f"/proc/{pid}/stat").read_text().rsplit(") ", 1)[1].split()
        total += (int(fields[11]) + int(fields[12])) / tick
    return total


def _megabytes() -> float:
    """Most that this process, or its decoder, ever held."""
    found = [0.0]
    for pid in (os.getpid(), *_decoders()):
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
        found.append(next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM")))
    return max(found)


def main() -> None:
    """Paths come on stdin, lines of JSON go to stdout."""
    warnings.simplefilter("ignore")
    out = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what C libraries print is no answer
    print(json.dumps({"ready": True}), file=out, flush=True)
    for line in sys.stdin:
        print(json.dumps(measured(Path(line.rstrip("\n")))), file=out, flush=True)


if __name__ == "__main__":
    main()
