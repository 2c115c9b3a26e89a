"""Prepared shards: reading them against decoding from source, against what training consumes, and memory by size.

    python benchmarks/shards.py                       # phantoms only, about four minutes on two cores
    python benchmarks/shards.py --data ../shared/data # the 512 px JPEG of RSNA as a source, too

All rows of one run are of one machine at one time; compare the ratios. `reads per consumed picture` is how many pictures
the shards give while one training step consumes one, so anything above 1 saturates training.
"""

import argparse
import itertools
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from mammoscribe.data.catalogue import Catalogue, CatalogueWriter, open_catalogue
from mammoscribe.data.dataset import Dataset
from mammoscribe.data.datasets.known import DATASETS
from mammoscribe.data.folder import folder_dataset
from mammoscribe.data.ingest import ingest
from mammoscribe.data.preparation import PREPARATIONS, prepare_picture
from mammoscribe.data.prepare import prepare
from mammoscribe.data.prepared import PreparedDataset
from mammoscribe.data.records import ImageText, Kind, ListedImage

EXAMS, STEPS = 6, 3
TOML = 'name = "phantoms"\nkind = "mammo-exam"\nimages = "**/*.dcm"\nexam = "header:StudyInstanceUID"\n'


def phantoms(folder: Path) -> Catalogue:
    """DICOM exams of four views at 100 um, drawn."""
    from mammoscribe.phantom import TRAINING_SPEC, draw_exam, write_dicom_exam

    for seed in range(EXAMS):
        write_dicom_exam(draw_exam(900 + seed, TRAINING_SPEC), folder / "files" / str(seed))
    (folder / "files" / "p.toml").write_text(TOML)
    return _ingested(*folder_dataset(folder / "files" / "p.toml"), folder)


def _ingested(dataset: Dataset, root: Path, folder: Path) -> Catalogue:
    return ingest(dataset, root, folder / "catalogue").catalogue


def rate(work: Callable[[], int]) -> float:
    """Pictures a second."""
    start = time.perf_counter()
    count = work()
    return count / (time.perf_counter() - start)


def from_source(catalogue: Catalogue, name: str, limit: int) -> float:
    """Decoding and preparing every picture again, as training without shards would."""

    def work() -> int:
        images = itertools.islice((i for r in catalogue.records() for i in r.images), limit)
        return sum(prepare_picture(i, catalogue.root, PREPARATIONS[name]).pixels.size > 0 for i in images)

    return rate(work)


def touched(dataset: PreparedDataset) -> int:
    """Read every picture into memory in a shuffled order; gives how many."""
    return sum(p.pixels.astype(np.float32).size > 0 for stored in dataset.shuffled(1) for p in stored.pictures)


def loader_rate(dataset: PreparedDataset, workers: int) -> float:
    """Through a torch DataLoader that copies pictures into tensors."""
    import torch
    from torch.utils.data import DataLoader

    def tensors(batch: list) -> list:
        return [torch.from_numpy(p.pixels.astype(np.float32)) for stored in batch for p in stored.pictures]

    loader = DataLoader(dataset, batch_size=4, shuffle=True, num_workers=workers, collate_fn=tensors)
    return rate(lambda: sum(len(batch) for _ in range(3) for batch in loader))


def reader_step(dataset: PreparedDataset, preset: str, steps: int) -> float:
    """Pictures a second that training of a reader consumes: forward, losses, backward and update in bf16, four exams a step."""
    from mammoscribe.models.reader_net import PRESETS, ReaderNet
    from mammoscribe.training.loop import Schedule, Source, train
    from mammoscribe.training.prepared_exams import PreparedExams

    source = Source("prepared", PreparedExams(dataset, "drawn"), 4)
    with tempfile.TemporaryDirectory() as folder:
        train(net := ReaderNet(PRESETS[preset]()), [source], Schedule(steps=1), Path(folder) / "warm", seed=1)
        start = time.perf_counter()
        train(net, [source], Schedule(steps=steps), Path(folder) / "run", seed=1)
    pictures = np.mean([len(stored.pictures) for stored in dataset])
    return steps * 4 * float(pictures) / (time.perf_counter() - start)


def memory(sizes: list[int]) -> None:
    """Peak memory of preparing and reading catalogues of 10^3 to 10^6 records, each in a process of its own."""
    for size in sizes:
        with tempfile.TemporaryDirectory() as name:
            command = [sys.executable, __file__, "--child", name, "--records", str(size)]
            print(subprocess.run(command, check=True, capture_output=True, text=True).stdout, end="", flush=True)  # noqa: S603


def peak_mb() -> float:
    """Largest resident set of this process (not of the one that started it, as getrusage would say)."""
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    return float(next(line.split()[1] for line in status.splitlines() if line.startswith("VmHWM"))) / 1024


def child(folder: Path, size: int) -> None:
    """A catalogue of `size` records that share one tiny picture; prepared, then read in part."""
    from PIL import Image

    (folder / "files").mkdir()
    Image.fromarray(np.arange(64, dtype=np.uint8).reshape(8, 8)).save(folder / "files" / "a.png")
    with CatalogueWriter(folder / "c", Kind.IMAGE_TEXT) as writer:
        for n in range(size):
            writer.add(ImageText(f"r{n}", f"p{n}", (ListedImage("a.png"),)))
        about = {
            "name": "tiny",
            "edition": "x",
            "licence": "none",
            "root": str(folder / "files"),
            "comparisons": "keep",
            "package": "x",
        }
        writer.finish(about)
    start = time.perf_counter()
    prepare(open_catalogue(folder / "c"), folder / "p", PREPARATIONS["plain"], records_per_shard=1024)
    seconds = time.perf_counter() - start
    prepared_mb = peak_mb()
    dataset = PreparedDataset(folder / "p")
    assert sum(1 for _ in itertools.islice(dataset.shuffled(1), 10_000)) == min(size, 10_000)
    told = f"peak {prepared_mb:.0f} MB prepared, {peak_mb():.0f} MB after reading"
    print(f"{size} records: {size / seconds:.0f} a second, {told}")


def rows(what: str, catalogue: Catalogue, folder: Path, name: str, limit: int) -> Iterator[tuple[str, float]]:
    """Rates of one source under one preparation."""
    source = from_source(catalogue, name, limit)
    yield f"{what}, {name}: decoded from source, pictures/s", source
    start = time.perf_counter()
    done = prepare(catalogue, folder / name, PREPARATIONS[name], workers=2)
    yield (
        f"{what}, {name}: written to shards by two processes, pictures/s",
        done.num_pictures / (time.perf_counter() - start),
    )
    dataset = PreparedDataset(folder / name)
    read = max(rate(lambda: touched(dataset)) for _ in range(3))
    yield f"{what}, {name}: read from shards, pictures/s", read
    yield f"{what}, {name}: shards over source", read / source
    for workers in (0, 2):
        yield f"{what}, {name}: DataLoader with {workers} workers, pictures/s", loader_rate(dataset, workers)


def main() -> None:
    """Print every row."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, help="folder of the real data sets")
    parser.add_argument("--records", type=int, default=100_000, help="the largest catalogue of the memory rows")
    parser.add_argument("--child", type=Path, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.child is not None:
        child(args.child, args.records)
        return
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        catalogue = phantoms(folder)
        for preparation in ("reader", "reader-base", "joint"):
            for label, value in rows("phantom DICOM", catalogue, folder, preparation, 8):
                print(f"{label}: {value:.1f}", flush=True)
        for preset, preparation, steps in (("starter", "reader", STEPS), ("base", "reader-base", 1)):
            dataset = PreparedDataset(folder / preparation)
            consumed = reader_step(dataset, preset, steps)
            print(f"training step of {preset}, pictures/s: {consumed:.2f}")
            print(
                f"reads per consumed picture, {preset}: {rate(lambda d=dataset: touched(d)) / consumed:.0f}", flush=True
            )
        if args.data is not None:
            (folder / "rsna").mkdir()
            rsna = _ingested(DATASETS["rsna-2023"], args.data / "rsna_512", folder / "rsna")
            for label, value in rows("512 px JPEG", rsna, folder / "rsna", "reader", 200):
                print(f"{label}: {value:.1f}", flush=True)
    memory([10**n for n in range(3, 7) if 10**n <= args.records])


if __name__ == "__main__":
    main()
