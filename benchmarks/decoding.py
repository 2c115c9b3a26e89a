"""Compressed pixels decoded in the process beside this one, against the same decoder in this process: is it as quick?

`python benchmarks/decoding.py [--repeats 15]`. A drawn view is enlarged to the size of a full-field mammogram, with noise,
and encoded in every codec that is read. Both ways are timed in turn, in processor seconds of this process and of the one beside it, which is warm: what other
programs take does not count. The median of each is taken.
"""

import argparse
import os
import statistics
import sys
import time
from pathlib import Path

import numpy as np
from pydicom.encaps import get_frame

from mammoscribe.evaluation.card import Row, markdown, write_rows
from mammoscribe.imaging.decoder import Said, decode_apart
from mammoscribe.imaging.decoder_process import decode_stream
from mammoscribe.phantom import TRAINING_SPEC, draw_exam
from mammoscribe.phantom.dicom import DicomOptions, build_dataset
from mammoscribe.phantom.encoding import encode

CODECS = ("rle", "jpeg_lossless", "jpeg_ls", "j2k", "j2k_lossless")
SIZE = (3328, 2560)
BAR = 0.9


def main() -> int:
    """Print the table; 1 where a codec is slower than the bar, 2 where the two ways give different pixels."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=15)
    parser.add_argument("--json", type=Path, help="also write the rows to this file")
    args = parser.parse_args()
    rows = []
    for codec in CODECS:
        stream, said = encoded(codec)
        if not np.array_equal(decode_stream(stream, dict(said)), decode_apart(stream, said)):
            print(f"{codec}: the two ways give different pixels")
            return 2
        here, apart = times(stream, said, args.repeats)
        what = f"{codec}, speed in the process beside over speed in this one ({here:.3f} s; {apart:.3f} s)"
        rows.append(Row(what, here / apart, n=str(args.repeats), bar=BAR))
    print(
        f"decoding, {SIZE[0]} x {SIZE[1]} pixels of 12 bits, processor seconds, median of {args.repeats}\n\n{markdown(rows)}"
    )
    if args.json:
        write_rows(rows, args.json)
    return int(any(row.met is False for row in rows))


def encoded(codec: str) -> tuple[bytes, Said]:
    """A full-field view as a stream, and what its decoder is told."""
    phantom = draw_exam(5, TRAINING_SPEC)
    view = phantom.exam.current[0]
    drawn = phantom.pixels[view.id]
    factor = [-(-wanted // had) for wanted, had in zip(SIZE, drawn.shape, strict=True)]
    large = np.kron(drawn, np.ones(factor, np.uint16))[: SIZE[0], : SIZE[1]]
    noisy = np.clip(large + np.random.default_rng(0).normal(0, 8, large.shape), 0, 4095).astype("<u2")
    dataset = build_dataset(phantom, view, DicomOptions("explicit", False, "linear", 12), 1)
    dataset.Rows, dataset.Columns = noisy.shape
    dataset.PixelData = noisy.tobytes()
    encode(dataset, codec)
    said: Said = {
        "syntax": str(dataset.file_meta.TransferSyntaxUID), "rows": SIZE[0], "columns": SIZE[1], "samples_per_pixel": 1,
        "bits_allocated": 16, "bits_stored": 12, "pixel_representation": 0, "photometric_interpretation": "MONOCHROME2",
        "number_of_frames": 1, "planar_configuration": 0, "pixel_keyword": "PixelData",
    }  # fmt: skip
    return get_frame(dataset.PixelData, 0, number_of_frames=1), said


def times(stream: bytes, said: Said, repeats: int) -> tuple[float, float]:
    """Median processor seconds decoded here, and in the process beside; each pair is timed in turn."""
    here, apart = [], []
    for _ in range(repeats):
        for way, taken in (
            (lambda: decode_stream(stream, dict(said)), here),
            (lambda: decode_apart(stream, said), apart),
        ):
            start = processor_s()
            way()
            taken.append(processor_s() - start)
    return statistics.median(here), statistics.median(apart)


def processor_s() -> float:
    """Processor time of this process and of its children that live, in seconds."""
    children = Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()
    fields = [Path(f"/proc/{pid}/stat").read_text().rsplit(") ", 1)[1].split() for pid in children]
    return time.process_time() + sum(int(f[11]) + int(f[12]) for f in fields) / os.sysconf("SC_CLK_TCK")


if __name__ == "__main__":
    sys.exit(main())
