"""The reader on film masses that it never saw and that chose no threshold: CBIS-DDSM, 1,231 views of 692 patients.

Every view shows at least one mass, so the figures say how many masses are found and how many marks are right, and
nothing of false recalls. The pictures are films stretched to a square; they are given back a height : width of 1.72,
the median of such films. Labels come from the data root (MAMMOSCRIBE_DATA).

    python benchmarks/cbis_masses.py                # all views, about six minutes of one core
    python benchmarks/cbis_masses.py --patients 60  # patients chosen by the hash of their id
"""

import argparse
import csv
import hashlib
import os
import sys
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image
from rich.progress import track

from mammoscribe.domain.exam import Exam
from mammoscribe.domain.finding import FindingType
from mammoscribe.domain.view import Box, Laterality, Projection, View, standard_view_id
from mammoscribe.evaluation.bootstrap import clopper_pearson, ratio_interval
from mammoscribe.evaluation.card import Row, markdown, write_rows
from mammoscribe.evaluation.detection import is_hit
from mammoscribe.imaging.picture import Picture
from mammoscribe.models.reader.loading import load_reader
from mammoscribe.models.reader.reader import Reader
from mammoscribe.reading import read_exam

ROOT = Path(__file__).parents[1]
DATA = Path(os.environ.get("MAMMOSCRIBE_DATA", ROOT.parent / "shared" / "data")) / "cbis_ddsm_mass_800"
HEIGHT_TO_WIDTH = 1.72
SQUARE_PX = 800
WIDTH_PX = round(SQUARE_PX / HEIGHT_TO_WIDTH)


@dataclass(frozen=True)
class Film:
    """One view: whose it is, its file, and its mass boxes in pixels of the un-stretched picture."""

    patient: str
    view: View
    masses: tuple[Box, ...]


def read_films(folder: Path) -> list[Film]:
    """The films of `boxes.csv`, patients in the order of a hash of their id."""
    rows = defaultdict(list)
    with (folder / "boxes.csv").open(newline="", encoding="utf-8") as stream:
        for row in csv.DictReader(stream):
            rows[row["file_name"]].append(row)
    films = [_film(folder / "images" / name, own) for name, own in rows.items()]
    return sorted(films, key=lambda f: (hashlib.sha256(f.patient.encode()).hexdigest(), f.view.source))


def _film(path: Path, rows: Sequence[dict[str, str]]) -> Film:
    side, projection = Laterality(rows[0]["laterality"]), Projection(rows[0]["view"])
    view = View(standard_view_id(side, projection), side, projection, WIDTH_PX, SQUARE_PX, str(path))
    across = WIDTH_PX / SQUARE_PX
    boxes = (Box(float(r["x0"]) * across, float(r["y0"]), float(r["x1"]) * across, float(r["y1"])) for r in rows)
    return Film(rows[0]["patient_id"], view, tuple(boxes))


def decode(view: View) -> Picture:
    """The film with its width given back."""
    with Image.open(view.source) as stored:
        grey = stored.convert("L").resize((WIDTH_PX, SQUARE_PX), Image.Resampling.LANCZOS)
    return Picture(np.asarray(grey, np.float32) / np.float32(255), None, view.spacing_source, ("un-stretched",))


def read_film(film: Film, reader: Reader) -> tuple[list[bool], list[bool], int]:
    """(each mass found in a sentence, each mark of a sentence right, masses found with weaker marks shown)."""
    exam = Exam(film.view.source, (film.view,))
    report = read_exam(exam, reader, decode=decode, images=False).report
    named = [m.box for f in report.findings if f.type is not FindingType.CALCIFICATION for m in f.marks]
    shown = named + [m.box for f in report.possible for m in f.marks]
    found = [any(is_hit(mark, mass) for mark in named) for mass in film.masses]
    right = [any(is_hit(mark, mass) for mass in film.masses) for mark in named]
    return found, right, sum(any(is_hit(mark, mass) for mark in shown) for mass in film.masses)


def main() -> int:
    """Print the table; 2 when the data are absent."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--patients", type=int, help="the first so many by the hash of their id")
    parser.add_argument("--model", default="starter")
    parser.add_argument("--json", type=Path, help="also write the rows to this file")
    args = parser.parse_args()
    if not (DATA / "boxes.csv").is_file():
        print(f"no boxes.csv in {DATA}")
        return 2
    films = read_films(DATA)
    kept = set(list(dict.fromkeys(f.patient for f in films))[: args.patients])
    films = [f for f in films if f.patient in kept]
    reader = load_reader(args.model)
    read = [read_film(f, reader) for f in track(films, description="films")]
    rows = _rows(films, read)
    print(markdown(rows))
    if args.json:
        write_rows(rows, args.json)
    return 0


def _rows(films: Sequence[Film], read: Sequence[tuple[list[bool], list[bool], int]]) -> list[Row]:
    masses, found = sum(len(f.masses) for f in films), sum(sum(r[0]) for r in read)
    marks, right, shown = sum(len(r[1]) for r in read), sum(sum(r[1]) for r in read), sum(r[2] for r in read)
    false = {p: [0, 0] for p in dict.fromkeys(f.patient for f in films)}
    for film, (_, own, _) in zip(films, read, strict=True):
        false[film.patient][0] += len(own) - sum(own)
        false[film.patient][1] += 1
    wrong, views = zip(*false.values(), strict=True)
    n = f"{masses} masses, {len(films)} views, {len(false)} patients"
    return [
        Row("masses found in sentences", found / masses, n, clopper_pearson(found, masses)),
        Row("masses found, weaker marks shown", shown / masses, n, clopper_pearson(shown, masses)),
        Row("marks of sentences that lie on a mass", right / max(marks, 1), f"{marks} marks", clopper_pearson(right, marks)),
        Row("marks of sentences beside the masses, per view", sum(wrong) / len(films), n, ratio_interval(wrong, views)),
    ]  # fmt: skip


if __name__ == "__main__":
    sys.exit(main())
