"""Reading time and peak memory from DICOM files to report.json, each in fresh processes.

A phantom exam is drawn, written as DICOM MG and resampled into a temporary folder. `loaded` rows count from files to
report.json with weights loaded; the `cold` row is the whole command, Python start and imports included.

    python benchmarks/speed.py                 # medians of three runs on two cores
    python benchmarks/speed.py --runs 1        # a quick look
"""

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from pydicom import dcmread, uid
from scipy import ndimage

from mammoscribe.evaluation.card import Row, Sense, markdown, write_rows
from mammoscribe.phantom import TRAINING_SPEC, PhantomExam, draw_exam
from mammoscribe.phantom.dicom import write_dicom_exam

FULL_FIELD = (4096, 3328)
FIRST_SEED = 150_000
GIGABYTE = 1e9


@dataclass(frozen=True)
class Encoding:
    """How a view is put down: spacing, size to pad or cut to (None keeps it), compressed or not."""

    spacing_mm: float
    size: tuple[int, int] | None = None
    j2k: bool = False


def exam_with_prior() -> PhantomExam:
    """The first validation phantom that has a prior."""
    return next(e for e in (draw_exam(s, TRAINING_SPEC) for s in range(FIRST_SEED, FIRST_SEED + 50)) if e.exam.prior)


def resample_folder(source: Path, target: Path, encoding: Encoding) -> Path:
    """Write every DICOM file of `source` again, at another spacing and size."""
    target.mkdir(parents=True)
    for path in sorted(source.glob("*.dcm")):
        ds = dcmread(path)
        factor = ds.PixelSpacing[0] / encoding.spacing_mm
        pixels = np.asarray(ndimage.zoom(ds.pixel_array.astype(np.float32), factor, order=1))
        if encoding.size:
            pixels = _fitted(pixels, encoding.size, chest_left=ds.ImageLaterality == "L")
        ds.Rows, ds.Columns = pixels.shape
        ds.PixelSpacing = ds.ImagerPixelSpacing = [encoding.spacing_mm, encoding.spacing_mm]
        ds.PixelData = np.rint(pixels).astype("<u2").tobytes()
        if encoding.j2k:
            ds.compress(uid.JPEG2000Lossless, encoding_plugin="pylibjpeg", generate_instance_uid=False)
        ds.save_as(target / path.name, enforce_file_format=True)
    return target


def _fitted(pixels: np.ndarray, size: tuple[int, int], chest_left: bool) -> np.ndarray:
    """Padded with air or cut to `size`; the chest wall keeps its edge."""
    rows, columns = min(pixels.shape[0], size[0]), min(pixels.shape[1], size[1])
    out = np.zeros(size, dtype=pixels.dtype)
    top = (size[0] - rows) // 2
    if chest_left:
        out[top : top + rows, :columns] = pixels[:rows, :columns]
    else:
        out[top : top + rows, size[1] - columns :] = pixels[:rows, pixels.shape[1] - columns :]
    return out


def read_once(args: argparse.Namespace) -> None:
    """In a fresh process: load the weights, then time files -> report.json; prints JSON."""
    import torch

    from mammoscribe.data.load import load_exam
    from mammoscribe.reading import load_reader, read_exam, write_outputs

    torch.set_num_threads(args.threads)
    reader = load_reader(args.model)
    start = time.perf_counter()
    loaded = load_exam([args.child], [args.prior] if args.prior else [])
    write_outputs(read_exam(loaded.exam, reader, images=False), args.child.parent / "out", ["json"])
    seconds = time.perf_counter() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    print(json.dumps({"seconds": seconds, "bytes": peak}))


def loaded_rows(
    what: str, folder: Path, prior: Path | None, args: argparse.Namespace, bars: tuple[float, float] | None
) -> list[Row]:
    """Median seconds and largest peak memory of several fresh processes."""
    command = [sys.executable, __file__, "--child", str(folder), "--model", args.model, "--threads", str(args.threads)]
    command += ["--prior", str(prior)] if prior else []
    results = [json.loads(_run(command, args.threads).splitlines()[-1]) for _ in range(args.runs)]
    n = f"{args.runs} runs, {args.threads} threads"
    seconds, memory = bars or (None, None)
    return [
        Row(f"{what}: seconds", statistics.median(r["seconds"] for r in results), n, None, seconds, Sense.AT_MOST, 2),
        Row(f"{what}: peak memory, GB", max(r["bytes"] for r in results) / GIGABYTE, n, None, memory, Sense.AT_MOST, 2),
    ]


def cold_row(folder: Path, out: Path, args: argparse.Namespace) -> Row:
    """The whole `read` command, all formats, from process start to files written."""
    code = "from mammoscribe.cli import main; main()"
    command = [sys.executable, "-c", code, "read", str(folder), "--out", str(out), "--model", args.model]
    times = []
    for _ in range(args.runs):
        start = time.perf_counter()
        _run(command, args.threads)
        times.append(time.perf_counter() - start)
    return Row(
        "cold `mammoscribe read`, 100 um views, json, txt and html: seconds",
        statistics.median(times),
        f"{args.runs} runs",
        None,
        15.0,
        Sense.AT_MOST,
        2,
    )


def _run(command: list[str], threads: int) -> str:
    env = {**os.environ, "OMP_NUM_THREADS": str(threads), "HF_HUB_OFFLINE": "1"}
    done = subprocess.run(command, capture_output=True, text=True, env=env, check=False)  # noqa: S603
    if done.returncode:
        raise SystemExit(f"the reading failed: {(done.stderr or done.stdout).strip().splitlines()[-1]}")
    return done.stdout


def measure(folder: Path, args: argparse.Namespace) -> list[Row]:
    """All rows, on one exam in several encodings."""
    drawn = write_dicom_exam(exam_with_prior(), folder / "drawn")
    encodings = {"200um": Encoding(0.2), "full": Encoding(0.07, FULL_FIELD, j2k=True)}
    made = {
        (name, role): resample_folder(drawn / role, folder / name / role, encoding)
        for name, encoding in encodings.items()
        for role in ("current", "prior")
    }
    plain, full = made["200um", "current"], made["full", "current"]
    return [
        *loaded_rows("200 um uncompressed, no prior", plain, None, args, (3.0, 2.5)),
        *loaded_rows("200 um uncompressed, with prior", plain, made["200um", "prior"], args, None),
        *loaded_rows("full-field 70 um JPEG 2000, no prior", full, None, args, None),
        *loaded_rows("full-field 70 um JPEG 2000, with prior", full, made["full", "prior"], args, None),
        cold_row(drawn / "current", folder / "cold", args),
    ]


def main() -> int:
    """Print the table; 1 when a bar is missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=3, help="fresh processes per row")
    parser.add_argument("--model", default="starter", help="model name or folder")
    parser.add_argument("--threads", type=int, default=2, help="torch threads")
    parser.add_argument("--json", type=Path, help="also write the rows to this file")
    parser.add_argument("--child", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--prior", type=Path, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.child:
        read_once(args)
        return 0
    with tempfile.TemporaryDirectory() as folder:
        rows = measure(Path(folder), args)
    print(markdown(rows))
    if args.json:
        write_rows(rows, args.json)
    return int(any(r.met is False for r in rows))


if __name__ == "__main__":
    sys.exit(main())
