"""The leakage audit on real pictures and reports: what it takes for copies that are none, and which copies it finds.

Pictures are those of RSNA (512 px), mini-MIAS and CDD-CESM; each is copied in a dozen ways with a fixed seed. Reports are
those of IU X-ray and DMID. Patients (and reports) are halved by a hash: thresholds were chosen on the first half, and
stand in `data/leakage/pictures.py` and `data/leakage/texts.py`; bars are held up to the second. (The form of the hash and of the rule for texts was chosen with all of them in view, so the
second half flatters a little.) Random hashes give the time.

    python benchmarks/leakage.py                                # all of it, some 10 minutes on one core
    python benchmarks/leakage.py --only texts
    python benchmarks/leakage.py --only time --sizes 100000
"""

import argparse
import csv
import io
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from mammoscribe.data.formats.spool import temporary_database
from mammoscribe.data.leakage.audit import Verdict
from mammoscribe.data.leakage.near_hashes import found_share, near_hashes
from mammoscribe.data.leakage.pictures import ALIKE_BITS, LIKENESS, SAME_BITS
from mammoscribe.data.leakage.texts import Sentences, text_leaks, words_of
from mammoscribe.data.splits import position
from mammoscribe.data.texts.sentences import sentence_spans
from mammoscribe.evaluation.bootstrap import clopper_pearson
from mammoscribe.evaluation.card import Row, Sense, markdown, write_rows
from mammoscribe.imaging.likeness import likeness, small_picture
from mammoscribe.imaging.perceptual import MIRRORED, picture_hash

ROOT = Path(__file__).parents[1]
DATA = Path(os.environ.get("MAMMOSCRIBE_DATA", ROOT.parent / "shared" / "data"))
NEAREST = 100
"""Pairs of different patients that are laid over each other, whatever their hashes say: the hardest ones."""
MEGABYTE = 1e6


@dataclass(frozen=True)
class Listed:
    """A picture of a patient; mini-MIAS pairs of films and CDD-CESM patients as their tables have them."""

    dataset: str
    patient: str
    path: Path


def listed(root: Path) -> Iterator[Listed]:
    """Every picture that is there."""
    for folder, table, patient, name in (
        ("rsna_512", "metadata.csv", "patient_id", lambda row: row["file_name"]),
        ("mini_mias", "labels.csv", "pair", lambda row: f"{row['name']}.jpg"),
        ("cdd_cesm_512", "metadata.csv", "Patient_ID", lambda row: f"{row['Image_name'].strip()}.jpg"),
    ):
        if not (root / folder / table).is_file():
            continue
        with (root / folder / table).open(newline="", encoding="utf-8-sig") as stream:
            found = {root / folder / "images" / name(row): row[patient] for row in csv.DictReader(stream)}
        yield from (Listed(folder, f"{folder} {owner}", path) for path, owner in found.items() if path.is_file())


def _resized(pixels: np.ndarray, down: float, across: float) -> np.ndarray:
    size = int(pixels.shape[1] * across), int(pixels.shape[0] * down)
    return np.asarray(Image.fromarray(pixels).resize(size, Image.Resampling.BICUBIC))


def _jpeg(pixels: np.ndarray) -> np.ndarray:
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "JPEG", quality=60)
    return np.asarray(Image.open(stream).convert("L"))


def _levels(pixels: np.ndarray, gain: float, offset: float) -> np.ndarray:
    return np.clip(pixels * gain + offset, 0, 255).astype(np.uint8)


def _gamma(pixels: np.ndarray, power: float) -> np.ndarray:
    return (255 * (pixels / 255.0) ** power).astype(np.uint8)


def _cropped(pixels: np.ndarray, top: float, bottom: float, left: float, right: float) -> np.ndarray:
    height, width = pixels.shape
    return pixels[
        int(top * height) : height - int(bottom * height), int(left * width) : width - int(right * width)
    ]  # fmt: skip


def _cut_2(pixels: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    down, across = 0.02 * rng.random(2)
    return _cropped(pixels, down, 0.02 - down, across, 0.02 - across)


Change = Callable[[np.ndarray, np.random.Generator], np.ndarray]
COPIES: dict[str, tuple[Change, float | None]] = {
    "half the size": (lambda a, _: _resized(a, 0.5, 0.5), 0.99),
    "0.61 of the height, 0.37 of the width": (lambda a, _: _resized(a, 0.61, 0.37), 0.99),
    "JPEG of quality 60": (lambda a, _: _jpeg(a), 0.99),
    "brighter, less contrast": (lambda a, _: _levels(a, 0.8, 30), 0.99),
    "contrast 1.3, clipped at both ends": (lambda a, _: _levels(a, 1.3, -38), None),
    "gamma 0.7": (lambda a, _: _gamma(a, 0.7), None),
    "gamma 1.5": (lambda a, _: _gamma(a, 1.5), None),
    "mirrored": (lambda a, _: np.ascontiguousarray(a[:, ::-1]), 0.99),
    "2 % of height and width cut off": (_cut_2, None),
    "2 % cut off at each of the four sides": (lambda a, _: _cropped(a, 0.02, 0.02, 0.02, 0.02), None),
    "half the size, 1 % cut at each side, darker, JPEG": (
        lambda a, _: _jpeg(_levels(_cropped(_resized(a, 0.5, 0.5), 0.01, 0.01, 0.01, 0.01), 0.85, 0)), None,
    ),
}  # fmt: skip
"""What is done to a copy, and the share that must be found."""


@dataclass(frozen=True)
class Copy:
    """A changed copy of one picture: bits in which the hashes differ, mirrored or not, and how like they are."""

    bits: int
    like: float | None

    @property
    def found(self) -> bool:
        """Whether the audit calls it the same."""
        return self.bits <= SAME_BITS or (self.like is not None and self.like >= LIKENESS)


def bits_apart(one: bytes, other: bytes) -> int:
    """Bits in which two hashes differ, as they are or with one mirrored."""
    apart = np.frombuffer(one, np.uint8) ^ np.frombuffer(other, np.uint8)
    return min(int(np.unpackbits(apart).sum()), int(np.unpackbits(apart ^ MIRRORED).sum()))


def copies_of(pixels: np.ndarray, value: bytes, small: np.ndarray, rng: np.random.Generator) -> dict[str, Copy]:
    """Every copy of one picture; likeness only where the hashes leave it open."""
    made = {}
    for name, (change, _) in COPIES.items():
        copy = change(pixels, rng)
        bits = bits_apart(value, picture_hash(copy))
        like = _likeness(small, small_picture(copy)) if SAME_BITS < bits <= ALIKE_BITS else None
        made[name] = Copy(bits, like)
    return made


def _likeness(one: np.ndarray, other: np.ndarray) -> float:
    return max(likeness(one, other), likeness(one, other[:, ::-1]))


def picture_rows(pictures: Sequence[Listed], second: bool) -> list[Row]:
    """The figures of one half of the patients; bars for the second."""
    rng, values, smalls, made = np.random.default_rng(0), [], [], []
    for picture in pictures:
        pixels = np.asarray(Image.open(picture.path).convert("L"))
        values.append(picture_hash(pixels))
        smalls.append(small_picture(pixels))
        made.append(copies_of(pixels, values[-1], smalls[-1], rng))
    half = "second half" if second else "first half"
    patients = len({p.patient for p in pictures})
    rows = between_rows(pictures, values, smalls, f"{half}: ", second)
    for name, (_, bar) in COPIES.items():
        rows.append(_share(f"{half}: found, {name}", [m[name].found for m in made], "copies", bar if second else None))
        by_hash = [m[name].bits <= SAME_BITS for m in made]
        if not all(by_hash):
            rows.append(_share("… by the hash alone", by_hash, "copies"))
    return [Row(f"{half}: pictures", len(pictures), f"{patients} patients", digits=0), *rows]


def between_rows(
    pictures: Sequence[Listed], values: list[bytes], smalls: list[np.ndarray], half: str, second: bool
) -> list[Row]:
    """How near the pictures of different patients come, and which of them the audit would call the same."""
    hashes = np.frombuffer(b"".join(values), np.uint8).reshape(-1, 32)
    pairs = [
        (int(bits), int(a), int(b)) for one, other, apart, _ in near_hashes(hashes, 2 * ALIKE_BITS, all_pairs=len(hashes))
        for a, b, bits in zip(one, other, apart, strict=True) if pictures[a].patient != pictures[b].patient
    ]  # fmt: skip
    pairs.sort()
    likes = [_likeness(smalls[a], smalls[b]) for _, a, b in pairs[:NEAREST]]
    total = f"{len(pictures) * (len(pictures) - 1) // 2:,} pairs, each as it is and mirrored"
    same = sum(bits <= SAME_BITS for bits, _, _ in pairs)
    opened = [like for (bits, _, _), like in zip(pairs, likes, strict=False) if SAME_BITS < bits <= ALIKE_BITS]
    wrong = same + sum(like >= LIKENESS for like in opened)
    for dataset in dict.fromkeys(p.dataset for p in pictures):
        own = [bits for bits, a, b in pairs if pictures[a].dataset == pictures[b].dataset == dataset]
        print(f"{half}{dataset}: nearest of different patients {own[:8]}")
    return [
        Row(f"{half}bits between the nearest pictures of different patients", pairs[0][0], total, digits=0),
        Row(f"{half}pairs of different patients to be opened", len(opened), total, digits=0),
        Row(f"{half}… called the same", wrong, total, None, 0 if second else None, Sense.AT_MOST, 0),
        Row(f"{half}highest likeness of the {NEAREST} nearest pairs of different patients", max(likes), total),
    ]


def _share(what: str, found: Sequence[bool], of: str, bar: float | None = None) -> Row:
    interval = clopper_pearson(sum(found), len(found))
    return Row(what, float(np.mean(found)), f"{len(found):,} {of}", interval, bar)


@dataclass(frozen=True)
class Report:
    """One report; `normal` by the dataset's own label (IU X-ray: Problems; DMID: BI-RADS 1)."""

    name: str
    text: str
    normal: bool


def reports(root: Path) -> dict[str, list[Report]]:
    """Every report that has a text, by dataset."""
    found = {}
    for name, table, read in (
        ("IU X-ray", "iu_xray_text/indiana_reports.csv",
         lambda r: Report(r["uid"], f"{r['findings']}\n{r['impression']}", r["Problems"] == "normal")),
        ("DMID", "dmid_reports/dmid_reports.csv", lambda r: Report(r["id"], r["report"], r["birads_max"] == "1")),
    ):  # fmt: skip
        if (root / table).is_file():
            with (root / table).open(newline="", encoding="utf-8-sig") as stream:
                rows = [read(row) for row in csv.DictReader(stream)]
            found[name] = [report for report in rows if report.text.strip()]
    return found


def leaks_among(texts: Sequence[tuple[str, str]]) -> dict[frozenset[str], Verdict]:
    """What the audit says of (id, text) when each has a patient and a split of its own: every pair is one of two splits."""
    said = Sentences()
    with closing(
        temporary_database("CREATE TABLE record (id TEXT, split TEXT, text TEXT, words INTEGER);")
    ) as database:
        for name, text in texts:
            words = words_of(text)
            database.execute("INSERT INTO record VALUES (?, ?, ?, ?)", (name, name, " ".join(words), len(words)))
            said.add(name, text)
        return {frozenset((leak.first, leak.second)): leak.verdict for leak in text_leaks(database, said)}


def text_rows(name: str, held: Sequence[Report], every: int = 10, bar: float | None = None) -> list[Row]:
    """What is called a copy as the reports are, and which injected copies are found (every tenth report is copied)."""
    base = [(report.name, report.text) for report in held]
    found = leaks_among(base)
    counts = {v: [sorted(pair) for pair, verdict in found.items() if verdict is v] for v in Verdict}
    print(f"{name}: leaks {sorted(counts[Verdict.LEAK])}; to be looked at {sorted(counts[Verdict.WARNING])}")
    pairs = f"{len(held) * (len(held) - 1) // 2:,} pairs of {len(held):,} reports"
    rows = [
        Row(
            f"{name}: pairs of different reports called copies",
            len(counts[Verdict.LEAK]),
            pairs,
            None,
            bar,
            Sense.AT_MOST,
            0,
        ),
        Row(f"{name}: … to be looked at", len(counts[Verdict.WARNING]), pairs, digits=0),
    ]
    chosen = held[::every]
    for what, change in (("copies", lambda text: text), ("copies without one sentence", _shortened)):
        texts = base + [(f"copy of {report.name}", change(report.text)) for report in chosen]
        verdicts = leaks_among(texts)
        said = [verdicts.get(frozenset((report.name, f"copy of {report.name}"))) for report in chosen]
        for kind, some in (("", None), (", not normal", False)):
            here = [v for v, report in zip(said, chosen, strict=True) if some is None or report.normal is some]
            rows.append(_share(f"{name}: {what}{kind}, called so", [v is Verdict.LEAK for v in here], "reports"))
            if what != "copies":
                rows.append(_share("… or to be looked at", [v is not None for v in here], "reports"))
    return rows


def _shortened(text: str) -> str:
    """Without its last sentence, set as it was."""
    spans = sentence_spans(text)
    return text[: spans[-1][0]] if len(spans) > 1 else text


def half_of(name: str) -> bool:
    """Whether a patient or report is of the second half."""
    return position(name, "half") >= 0.5


def time_rows(count: int) -> list[Row]:
    """Seconds and memory of the search among random hashes, in a fresh process."""
    done = subprocess.run(  # noqa: S603 - our own command
        [sys.executable, __file__, "--child", str(count)], capture_output=True, text=True, check=True
    )
    found = json.loads(done.stdout.splitlines()[-1])
    what = f"{count:,} random hashes, {ALIKE_BITS} bits"
    return [
        Row(f"{what}: seconds", found["seconds"], "mirrored too", digits=0),
        Row(f"{what}: rise of peak memory, MB", found["rise"] / MEGABYTE, "1 process", digits=0),
        Row(f"{what}: planted pairs found at {ALIKE_BITS} bits", found["found"], "500 pairs"),
        Row("… expected", found_share(ALIKE_BITS, count, ALIKE_BITS), "by the rule of the tables"),
    ]


def _peak_bytes() -> int:
    """Peak resident memory of this process (Linux)."""
    (line,) = (v for v in Path("/proc/self/status").read_text().splitlines() if v.startswith("VmHWM"))
    return int(line.split()[1]) * 1024


def measure_time(count: int) -> dict[str, float]:
    """In a fresh process: random hashes with 500 planted pairs at the limit."""
    rng = np.random.default_rng(0)
    hashes = rng.integers(0, 256, (count, 32), dtype=np.uint8)
    places = rng.permutation(count)[:1000].reshape(-1, 2)
    for one, other in places:
        bits = np.unpackbits(hashes[one])
        bits[rng.choice(256, ALIKE_BITS, replace=False)] ^= 1
        hashes[other] = np.packbits(bits)
    before, start = _peak_bytes(), time.perf_counter()
    pairs = {
        pair for one, other, _, _ in near_hashes(hashes, ALIKE_BITS) for pair in zip(one.tolist(), other.tolist(), strict=True)
    }  # fmt: skip
    seconds = time.perf_counter() - start
    share = float(np.mean([tuple(sorted(place)) in pairs for place in places.tolist()]))
    return {"seconds": seconds, "rise": _peak_bytes() - before, "found": share}


def all_rows(args: argparse.Namespace) -> list[Row]:
    """Everything that was asked for and is there."""
    rows: list[Row] = []
    if args.only in (None, "pictures"):
        pictures = list(listed(args.data))
        for second in (False, True):
            if held := [p for p in pictures if half_of(p.patient) is second]:
                rows += picture_rows(held, second)
    if args.only in (None, "texts"):
        for name, held in reports(args.data).items():
            rows += text_rows(f"{name}, first half", [r for r in held if not half_of(r.name)])
            rows += text_rows(f"{name}, second half", [r for r in held if half_of(r.name)], bar=0)
            rows += text_rows(f"{name}, all", held)
    if args.only in (None, "time"):
        rows += [row for count in args.sizes for row in time_rows(count)]
    return rows


def main() -> int:
    """Print the table; 1 when a bar is missed, 2 when nothing could be measured."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=DATA, help="folder of the datasets")
    parser.add_argument("--only", choices=("pictures", "texts", "time"), help="one part")
    parser.add_argument("--sizes", type=int, nargs="+", default=[100_000, 1_000_000], help="numbers of random hashes")
    parser.add_argument("--json", type=Path, help="also write the rows to this file")
    parser.add_argument("--child", type=int, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.child:
        print(json.dumps(measure_time(args.child)))
        return 0
    rows = all_rows(args)
    if not rows:
        print(f"no dataset under {args.data}; set MAMMOSCRIBE_DATA")
        return 2
    print(f"\nleakage audit: the same at {SAME_BITS} bits, opened up to {ALIKE_BITS}, like from {LIKENESS}\n")
    print(markdown(rows))
    if args.json:
        write_rows(rows, args.json)
    return int(any(row.met is False for row in rows))


if __name__ == "__main__":
    sys.exit(main())
