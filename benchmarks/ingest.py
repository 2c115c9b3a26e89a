"""Speed and memory of ingesting tables of 10^3 to 10^6 rows: `python benchmarks/ingest.py [--rows 1000000]`.

Writes a table in the layout of RSNA 2023 (no pictures, rows of one patient apart from each other), ingests it in a
process of its own and prints rows per second and that process's largest resident set. One bad row is in each table.
"""

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HEADER = (
    "site_id,patient_id,image_id,laterality,view,age,cancer,biopsy,invasive,BIRADS,implant,density,machine_id,"
    "difficult_negative_case"
)  # fmt: skip
VIEWS = ("R,CC", "L,CC", "R,MLO", "L,MLO")


def write_table(folder: Path, rows: int) -> None:
    """A quarter as many patients as rows; the four views of a patient stand a quarter of the table apart."""
    (folder / "train_images").mkdir(parents=True)
    patients = max(1, rows // 4)
    with (folder / "train.csv").open("w", encoding="utf-8") as table:
        table.write(f"{HEADER}\n")
        for n in range(rows):
            view = VIEWS[min(n // patients, 3)]
            table.write(f"2,{n % patients},{n},{view},61.0,0,0,0,,0,,29,False\n")
            if n == rows // 2:
                table.write('2,"unclosed\n')


def ingest_once(folder: Path) -> None:
    """What the measured process does."""
    from mammoscribe.data.datasets.rsna import RSNA
    from mammoscribe.data.ingest import ingest

    start = time.perf_counter()
    done = ingest(RSNA, folder, folder / "catalogue")
    seconds = time.perf_counter() - start
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    peak = float(next(line.split()[1] for line in status.splitlines() if line.startswith("VmHWM"))) / 1024
    about = done.catalogue.about
    print(f"{about.num_records} {about.num_faults} {seconds:.3f} {peak:.0f}")


def main() -> None:
    """Print a line per size."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000, help="the largest table")
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.folder is not None:
        ingest_once(args.folder)
        return
    print("rows     exams   bad  rows/s   peak MB")
    size = 1000
    while size <= args.rows:
        with tempfile.TemporaryDirectory() as name:
            write_table(Path(name), size)
            command = [sys.executable, __file__, "--folder", name]
            told = subprocess.run(command, check=True, capture_output=True, text=True).stdout  # noqa: S603
        exams, bad, seconds, peak = told.split()
        print(f"{size:<8} {exams:<7} {bad:<4} {size / float(seconds):<8.0f} {peak}", flush=True)
        size *= 10


if __name__ == "__main__":
    main()
