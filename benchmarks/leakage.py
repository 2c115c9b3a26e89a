"""How near the pictures of different patients are, how near copies stay, and how long the audit takes.

    python benchmarks/leakage.py --data ../shared/data

Hashes are of the stored pictures of RSNA (512 px), mini-MIAS and CDD-CESM, reduced to 128 x 128. Patients are halved by a
hash: the first half is for choosing thresholds, the second for the figures that are stated. Copies are changed at random
with a fixed seed.
"""

import argparse
import csv
import io
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from PIL import Image

from mammoscribe.data.leakage import ALIKE_BITS, SAME_BITS, near_pairs
from mammoscribe.data.splits import position
from mammoscribe.imaging.perceptual import picture_hash


def pictures(root: Path) -> Iterator[tuple[str, Path]]:
    """(patient, file) of every picture."""
    for folder, table, patient, name in (
        ("rsna_512", "metadata.csv", "patient_id", lambda r: r["file_name"]),
        ("mini_mias", "labels.csv", "pair", lambda r: f"{r['name']}.jpg"),
        ("cdd_cesm_512", "metadata.csv", "Patient_ID", lambda r: f"{r['Image_name'].strip()}.jpg"),
    ):
        seen = set()
        with (root / folder / table).open(newline="", encoding="utf-8-sig") as stream:
            for row in csv.DictReader(stream):
                path = root / folder / "images" / name(row)
                if path not in seen and path.is_file():
                    seen.add(path)
                    yield f"{folder} {row[patient]}", path


def _jpeg(pixels: np.ndarray) -> np.ndarray:
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "JPEG", quality=60)
    return np.asarray(Image.open(stream).convert("L"))


def _cropped(pixels: np.ndarray, share: float) -> np.ndarray:
    high, wide = (int(s * share) for s in pixels.shape)
    return pixels[high : pixels.shape[0] - high, wide : pixels.shape[1] - wide]


COPIES: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "half the size": lambda a: np.asarray(Image.fromarray(a).resize((a.shape[1] // 2, a.shape[0] // 2))),
    "JPEG quality 60": _jpeg,
    "brighter, less contrast": lambda a: np.clip(a * 0.8 + 30, 0, 255).astype(np.uint8),
    "contrast 1.3, clipped": lambda a: np.clip((a.astype(float) - 128) * 1.3 + 128, 0, 255).astype(np.uint8),
    "gamma 1.5": lambda a: (255 * (a / 255.0) ** 1.5).astype(np.uint8),
    "1 % cut from each side": lambda a: _cropped(a, 0.01),
    "2 % cut from each side": lambda a: _cropped(a, 0.02),
    "mirrored": lambda a: np.ascontiguousarray(a[:, ::-1]),
}


def _bits(values: list[bytes]) -> np.ndarray:
    return np.unpackbits(np.frombuffer(b"".join(values), np.uint8).reshape(-1, 32), axis=1).astype(np.int16)


def main() -> None:
    """Print everything."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--every", type=int, default=4, help="copies are made of every so many pictures")
    args = parser.parse_args()
    listed = list(pictures(args.data))
    grey = [np.asarray(Image.open(path).convert("L")) for _, path in listed]
    groups = [patient for patient, _ in listed]
    values = [picture_hash(g) for g in grey]
    second = [position(group, "half") >= 0.5 for group in groups]
    for half, name in ((False, "first half"), (True, "second half")):
        chosen = [n for n, s in enumerate(second) if s is half]
        start = time.perf_counter()
        pairs = list(near_pairs([values[n] for n in chosen], [groups[n] for n in chosen], limit=60))
        nearest = sorted(bits for _, _, bits, _ in pairs)
        told = f"{len(chosen)} pictures of {len({groups[n] for n in chosen})} patients, {time.perf_counter() - start:.1f} s"
        print(f"{name}: {told}; nearest of different patients (mirrored too): {nearest[:8]}")
        same, alike = (sum(b <= limit for b in nearest) for limit in (SAME_BITS, ALIKE_BITS))
        print(f"  called the same ({SAME_BITS} bits): {same} pairs; to be looked at ({ALIKE_BITS} bits): {alike} pairs")
        some = chosen[:: args.every]
        original = _bits([values[n] for n in some])
        mirror = np.tile(np.arange(16) % 2 == 1, 16)
        for what, change in COPIES.items():
            copy = _bits([picture_hash(change(grey[n])) for n in some])
            apart = np.minimum(np.abs(copy - original).sum(1), np.abs((copy ^ mirror) - original).sum(1))
            caught, looked = (apart <= SAME_BITS).mean(), (apart <= ALIKE_BITS).mean()
            print(
                f"  {what}: {caught:.3f} called the same, {looked:.3f} at least to be looked at; median {np.median(apart):.0f} bits"
            )
    rng = np.random.default_rng(0)
    for count in (10_000, 50_000):
        start = time.perf_counter()
        assert not list(near_pairs([rng.bytes(32) for _ in range(count)], [str(n) for n in range(count)]))
        print(f"audit of {count} pictures, all pairs, mirrored too: {time.perf_counter() - start:.0f} s")


if __name__ == "__main__":
    main()
