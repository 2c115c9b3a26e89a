"""Prepared shards: reading them against decoding from source and against what training consumes; memory by size.

    taskset -c 0 python benchmarks/shards.py                            # speeds, about two minutes on one core
    taskset -c 0 python benchmarks/shards.py --memory --records 1000000 # peak memory of 10^3 to 10^6 records instead

Phantoms are drawn, written as DICOM (uncompressed and JPEG 2000) and as 512 px JPEG, and prepared. All rows of one run are
of one machine at one time: compare the ratios. `read / consumed` is how many pictures the shards give while one training
step in bf16 (forward, losses, backward, update) consumes one, so from 1 on the step never waits; `decoded / consumed` says
the same of decoding them each time.
"""

import argparse
import io
import itertools
import os
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from mammoscribe.data.catalogue import Catalogue, CatalogueWriter, open_catalogue, write_splits
from mammoscribe.data.prepared.dataset import PreparedDataset, StoredRecord
from mammoscribe.data.prepared.preparation import PREPARATIONS, Preparation, prepare_picture
from mammoscribe.data.prepared.prepare import prepare
from mammoscribe.data.records import ImageText, ListedImage, ListedView, MammoExam, Record, TextDocument
from mammoscribe.data.supervision import Question, Supervision, Teaching, supervision_json
from mammoscribe.evaluation.card import Row, Sense, markdown, write_rows
from mammoscribe.imaging.decode import decode
from mammoscribe.phantom import TRAINING_SPEC, PhantomExam, draw_exam
from mammoscribe.phantom.dicom import write_dicom_exam
from mammoscribe.support.files import write_bytes

FIRST_SEED, EXAMS = 150_000, 6
STEPS = {"starter": ("reader", 4, 4), "base": ("reader-base", 2, 3)}
"""Preset of the reader -> preparation, exams a step, steps timed; `base` has the image encoder of BioViL-T."""


@dataclass(frozen=True)
class Source:
    """One set of files and what is done to them."""

    name: str
    catalogue: Catalogue
    preparation: Preparation
    folder: Path

    @property
    def prepared(self) -> PreparedDataset:
        """The shards, opened anew: what nobody has mapped can be forgotten by the kernel."""
        return PreparedDataset(self.folder)

    @property
    def label(self) -> str:
        """For the table."""
        return f"{self.name}, `{self.preparation.name}`"


class Decoded:
    """A map-style dataset without shards: every picture of a record is decoded when the record is asked for."""

    def __init__(self, catalogue: Catalogue, preparation: Preparation) -> None:
        self.root, self.preparation, self.records = catalogue.root, preparation, list(catalogue.records())

    def __len__(self) -> int:
        return len(self.records)

    def __getitem__(self, number: int) -> list[np.ndarray]:
        images = self.records[number].images
        return [prepare_picture(image, self.root, self.preparation).pixels for image in images]


def write_files(folder: Path) -> dict[str, Catalogue]:
    """The same exams as uncompressed DICOM, JPEG 2000 DICOM and JPEG whose longer side is 512 pixels."""
    phantoms = [draw_exam(FIRST_SEED + n, TRAINING_SPEC) for n in range(EXAMS)]
    for syntax in ("explicit", "j2k_lossless"):
        for phantom in phantoms:
            write_dicom_exam(phantom, folder / syntax / str(phantom.seed), transfer_syntax=syntax)
    for path in sorted((folder / "explicit").glob("*/current/*.dcm")):
        grey = Image.fromarray(np.rint(decode(path).pixels * 255).astype(np.uint8))
        grey.thumbnail((512, 512))
        stream = io.BytesIO()
        grey.save(stream, "JPEG", quality=90)
        write_bytes(folder / "jpeg" / path.relative_to(folder / "explicit").with_suffix(".jpg"), stream.getvalue())
    files = {
        "DICOM": ("explicit", ".dcm"),
        "JPEG 2000 DICOM": ("j2k_lossless", ".dcm"),
        "512 px JPEG": ("jpeg", ".jpg"),
    }
    found = {name: catalogue(folder / at, map(exam(suffix), phantoms)) for name, (at, suffix) in files.items()}
    for made in found.values():
        write_splits(made.folder, {str(p.seed): "train" if p is not phantoms[-1] else "val" for p in phantoms})
    return found


def exam(suffix: str) -> Callable[[PhantomExam], MammoExam]:
    """The record of a drawn exam whose files end so."""

    def record(phantom: PhantomExam) -> MammoExam:
        name = str(phantom.seed)
        views = [v for v in phantom.exam.views if v.role == "current"]
        paths = [f"{name}/current/{v.laterality}_{v.projection}{suffix}" for v in views]
        images = [ListedView(p, v.laterality, v.projection) for p, v in zip(paths, views, strict=True)]
        breasts = {b.laterality: {"density": b.density} for b in phantom.breasts}
        return MammoExam(name, name, tuple(images), breasts=breasts)

    return record


def catalogue(root: Path, records: Iterator[Record]) -> Catalogue:
    """A catalogue beside the files it lists."""
    first = next(records)
    with CatalogueWriter(root.with_name(f"{root.name}-catalogue"), first.kind) as writer:
        for record in itertools.chain([first], records):
            writer.add(record)
        about = {"name": root.name, "edition": "drawn", "licence": "none", "root": str(root)}
        taught = supervision_json(Supervision((Teaching("density", "breast", Question.DENSITY),)))
        return writer.finish({**about, "comparisons": "keep", "package": "", "supervision": taught})


def rate(work: Callable[[], int], seconds: float = 2.0) -> float:
    """Pictures a second, over whole rounds that take at least so long."""
    count, start = 0, time.perf_counter()
    while (spent := time.perf_counter() - start) < seconds:
        count += work()
    return count / spent


def floats(pictures: Sequence[np.ndarray]) -> int:
    """Bring pictures into memory as floats, as a training step wants them; gives how many."""
    return sum(p.astype(np.float32).size > 0 for p in pictures)


def pixels(stored: StoredRecord) -> list[np.ndarray]:
    """Of a record."""
    return [picture.pixels for picture in stored.pictures]


def tensors(batch: list) -> list:
    """Pictures of a batch of records as float tensors."""
    import torch

    found = (record if isinstance(record, list) else pixels(record) for record in batch)
    return [torch.from_numpy(p.astype(np.float32)) for pictures in found for p in pictures]


def loader_rate(dataset: PreparedDataset | Decoded, workers: int, expected: float) -> float:
    """Pictures a second through a torch DataLoader, its start included, over about three seconds at the `expected` rate."""
    from torch.utils.data import DataLoader, RandomSampler

    records = max(len(dataset), int(3 * expected / 4))
    sampler = RandomSampler(dataset, replacement=True, num_samples=records)  # type: ignore[arg-type]
    loader = DataLoader(dataset, 2, sampler=sampler, num_workers=workers, collate_fn=tensors)  # type: ignore[arg-type]
    start = time.perf_counter()
    return sum(len(batch) for batch in loader) / (time.perf_counter() - start)


def read_rate(folder: Path, cold: bool = False) -> float:
    """Pictures a second from shards into floats, in a shuffled order; `cold`: the kernel was told to forget the files."""

    def work() -> int:
        for path in folder.glob("*.tar") if cold else ():
            with path.open("rb") as stream:
                os.posix_fadvise(stream.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
        return sum(floats(pixels(stored)) for stored in PreparedDataset(folder).shuffled(1))

    return rate(work)


def reading_rows(source: Source) -> Iterator[Row]:
    """Decoding each time against reading shards: alone, and through a loader."""
    decoded, shards = Decoded(source.catalogue, source.preparation), source.prepared
    numbers = itertools.cycle(range(len(decoded)))
    slow, fast = rate(lambda: floats(decoded[next(numbers)])), read_rate(source.folder)
    n = f"{shards.about['num_pictures']} pictures"
    yield Row(f"{source.label}: decoded from source, pictures/s", slow, n, digits=1)
    yield Row(f"{source.label}: read from shards, pictures/s", fast, n, digits=0)
    yield Row(f"{source.label}: read / decoded", fast / slow, n, bar=1.0, digits=0)
    for workers in (0, 2):
        through = loader_rate(shards, workers, fast / (5 if workers else 2))
        yield Row(f"… through a DataLoader with {workers} workers, pictures/s", through, n, digits=0)
        yield Row("… over decoding through it", through / loader_rate(decoded, workers, slow), n, digits=1)


def consumed(dataset: PreparedDataset, preset: str, batch: int, steps: int) -> float:
    """Pictures a second that training of a reader consumes from memory, by the time between its steps."""
    from mammoscribe.training.engine.train import train
    from mammoscribe.training.reader.recipe import reader

    times: list[float] = []
    sizes = {f"batch.{dataset.about['dataset']}": str(2 * batch)}  # read breast by breast, since nothing is boxed
    run = reader([dataset.folder]).with_set(
        {"preset": preset, "steps": str(steps + 1), "device": "cpu", "validate_every": str(steps + 1), **sizes}
    )
    with tempfile.TemporaryDirectory() as folder:
        train(run, Path(folder), lambda row: times.append(time.perf_counter()) if "loss/total" in row else None)
    pictures = dataset.about["num_pictures"] / len(dataset) * batch * steps
    return pictures / (times[steps] - times[0])


def step_rows(dicom: Sequence[Source]) -> Iterator[Row]:
    """What a training step consumes against what shards give and what decoding would."""
    for preset, (preparation, batch, steps) in STEPS.items():
        source = next(s for s in dicom if s.preparation.name == preparation)
        decoded = Decoded(source.catalogue, source.preparation)
        numbers = itertools.cycle(range(len(decoded)))
        used = consumed(source.prepared, preset, batch, steps)
        slow = rate(lambda d=decoded, n=numbers: floats(d[next(n)]))
        n = f"{steps} steps of {batch} exams"
        yield Row(f"training step of {preset}: consumed, pictures/s", used, n, digits=2)
        for what, cold in (("read / consumed: shards saturate it from 1 on", False), ("… from disk, not cached", True)):
            read = read_rate(source.folder, cold)
            yield Row(f"{what} ({source.label})", read / used, n, bar=1.0, digits=0)
        yield Row(f"decoded / consumed ({source.label})", slow / used, n, digits=2)


def speeds(folder: Path) -> list[Row]:
    """All rows of the speeds; each is said when it is there."""
    rows: list[Row] = []
    sources: list[Source] = []
    pairs = [("DICOM", "reader"), ("DICOM", "reader-base"), ("JPEG 2000 DICOM", "reader"), ("512 px JPEG", "joint")]
    catalogues = write_files(folder / "files")
    for number, (name, preparation) in enumerate(pairs):
        out, chosen = folder / str(number), PREPARATIONS[preparation]
        prepare(catalogues[name], out, chosen)
        source = Source(name, catalogues[name], chosen, out)
        sources.append(source)
        rows += reading_rows(source)
        print(f"{source.label} is measured", file=sys.stderr, flush=True)
    return rows + list(step_rows(sources))


KINDS: dict[str, Callable[[int], Record]] = {
    "pictures": lambda n: ImageText(f"r{n}", f"p{n}", (ListedImage("a.png"),)),
    "texts": lambda n: TextDocument(f"r{n}", "The lungs are clear. " * 20),
}


def memory(largest: int) -> list[Row]:
    """Peak memory of preparing and reading 10^3 to `largest` records, each in a process of its own."""
    rows: list[Row] = []
    for kind, size in itertools.product(KINDS, (10**n for n in range(3, 8))):
        if size > largest:
            continue
        with tempfile.TemporaryDirectory() as name:
            command = [sys.executable, __file__, "--child", name, "--records", str(size), "--kind", kind]
            told = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()  # noqa: S603
        smallest = next((r.value for r in rows if r.what.startswith(f"{kind}: peak")), None)
        limit, n = None if smallest is None else 1.5 * smallest, f"{size} records"
        rows.append(Row(f"{kind}: peak of preparing, MB", float(told[0]), n, None, limit, Sense.AT_MOST, 0))
        rows.append(Row(f"{kind}: prepared, records/s", float(told[1]), n, digits=0))
        rows.append(Row(f"{kind}: peak of opening, a split, 10,000 reads, MB", float(told[2]), n, digits=0))
        print(f"{size} {kind} are measured", file=sys.stderr, flush=True)
    return rows


def peak_mb() -> float:
    """Largest resident set of this process (not of the one that started it, as getrusage would say)."""
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    return float(next(line.split()[1] for line in status.splitlines() if line.startswith("VmHWM"))) / 1024


def child(folder: Path, size: int, kind: str) -> None:
    """In a process of its own: a catalogue of `size` records that share one tiny picture; prepared, or read when it is."""
    if not (folder / "files-catalogue").exists():
        Image.fromarray(np.arange(64, dtype=np.uint8).reshape(8, 8)).save(_made(folder / "files") / "a.png")
        made = catalogue(folder / "files", map(KINDS[kind], range(size)))
        with (made.folder / "splits.csv").open("w", encoding="utf-8") as stream:
            stream.write("group,split\n")
            stream.writelines(f"{'p' if kind == 'pictures' else 'r'}{n},train\n" for n in range(size))
        for _ in range(2):
            command = [sys.executable, __file__, "--child", str(folder), "--records", str(size), "--kind", kind]
            print(subprocess.run(command, check=True, capture_output=True, text=True).stdout, end="")  # noqa: S603
    elif not (folder / "out" / "prepared.json").exists():
        start = time.perf_counter()
        prepare(
            open_catalogue(folder / "files-catalogue"), folder / "out", PREPARATIONS["plain"], records_per_shard=256
        )
        print(f"{peak_mb():.0f} {size / (time.perf_counter() - start):.0f}")
    else:
        dataset = PreparedDataset(folder / "out", "train")
        assert len(dataset) == size and dataset.position_of(f"r{size - 1}") == size - 1
        assert sum(1 for _ in itertools.islice(dataset.shuffled(1), 10_000)) == min(size, 10_000)
        print(f"{peak_mb():.0f}")


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True)
    return folder


def main() -> int:
    """Print the table; 1 when a bar is missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--memory", action="store_true", help="measure memory, not speed")
    parser.add_argument("--records", type=int, help="with --memory: the largest catalogue (100,000)")
    parser.add_argument("--threads", type=int, default=1, help="torch threads")
    parser.add_argument("--json", type=Path, help="also write the rows to this file")
    parser.add_argument("--child", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--kind", choices=KINDS, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.child is not None:
        child(args.child, args.records, args.kind)
        return 0
    if args.records is not None and not args.memory:
        parser.error("--records is for --memory")
    if args.memory:
        rows = memory(args.records or 100_000)
    else:
        import torch

        torch.set_num_threads(args.threads)
        warnings.filterwarnings("ignore", "This DataLoader will create")  # more workers than the cores it is pinned to
        with tempfile.TemporaryDirectory() as name:
            rows = speeds(Path(name))
    print(markdown(rows))
    if args.json:
        write_rows(rows, args.json)
    return int(any(r.met is False for r in rows))


if __name__ == "__main__":
    sys.exit(main())
