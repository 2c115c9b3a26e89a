"""Anatomy that is no lesion: how far off nipples are, how often true lesions and a reader's marks rest on a structure.

Real data (MAMMOSCRIBE_DATA) is divided by a hash of the patient: `measure` is what figures are stated on, `develop` is
what thresholds and weights were chosen on. Looks at `measure` are lines `- look:` of `notebook/LOG.md`.
A nipple's error is in millimetres: true ones for mini-MIAS, assumed scales elsewhere (see `anatomy_labels.py`).

    python benchmarks/anatomy.py                            # the measuring half, some six minutes on one core
    python benchmarks/anatomy.py --half develop --sheets runs/anatomy    # and pictures of the marks, to be looked at
"""

import argparse
import hashlib
import sys
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

import numpy as np
import torch
from anatomy_labels import DATA, NippleLabel, measuring_half, read_nipples, records_of, true_lesions
from PIL import Image, ImageDraw

from mammoscribe.data.datasets.rsna import RSNA
from mammoscribe.data.record_views import exam_of
from mammoscribe.domain.anatomy import Resting
from mammoscribe.domain.exam import Exam
from mammoscribe.domain.view import Box
from mammoscribe.evaluation.bootstrap import clopper_pearson
from mammoscribe.evaluation.card import Row, Sense, markdown, write_rows
from mammoscribe.evaluation.reading_records import decode_phantom
from mammoscribe.imaging.anatomy.find import find_anatomy
from mammoscribe.imaging.decode import decode_view
from mammoscribe.imaging.prepare import PreparedView, prepare_view, resample
from mammoscribe.models.reader.reader import Reader
from mammoscribe.phantom import TRAINING_SPEC, draw_exam
from mammoscribe.reading import load_reader, prepare
from mammoscribe.support.errors import MammoscribeError

FIRST_PHANTOM = 124_000
"""Validation seeds; never those of bench_v1."""

TILE_PX = 256


@dataclass(frozen=True)
class Seen:
    """A box and what it rests on, with the view it was seen in for the sheets."""

    prepared: PreparedView
    box: Box
    resting: Resting | None
    title: str


def nipple_rows(labels: Sequence[NippleLabel]) -> list[Row]:
    """Error of the nipple, how often it counts as found, and agreement on whether it is in profile."""
    errors, found, agree = [], [], []
    for label in labels:
        prepared = prepare_view(label.view, decode_view(label.view))
        x, y = prepared.placement.to_canvas_point(*label.xy)
        away = np.hypot(x - prepared.nipple_xy[0], y - prepared.nipple_xy[1])
        errors.append(float(away) * prepared.um_per_px / 1000)
        found.append(prepared.nipple_found)
        agree.append(prepared.nipple_in_profile == label.visible)
    parts = {"all": [True] * len(labels), "seen in profile by the labeller": [label.visible for label in labels]}
    parts |= {"a place the labeller is sure of": [label.sure for label in labels]}
    parts |= {name: [label.dataset == name for label in labels] for name in dict.fromkeys(i.dataset for i in labels)}
    parts |= {"counted as found": found}
    rows = [row for name, of in parts.items() for row in _error_rows(name, np.array(errors)[np.array(of)])]
    return [
        *rows,
        _share("nipples found", found),
        _share("agreement on in profile or not", agree),
        _share("agreement on it, labels that are sure", [a for a, i in zip(agree, labels, strict=True) if i.sure]),
        _share("in profile by the labeller", [label.visible for label in labels]),
    ]


def _error_rows(name: str, errors: np.ndarray) -> list[Row]:
    n = f"{errors.size} images"
    return [
        Row(f"nipple, {name}: median error, mm", float(np.median(errors)), n, digits=1),
        Row(f"nipple, {name}: 90th percentile, mm", float(np.percentile(errors, 90)), n, digits=1),
        _share(f"nipple, {name}: within 10 mm", (errors <= 10).tolist(), "images"),
    ]


def _share(
    what: str, hits: Sequence[bool], of: str = "images", bar: float | None = None, sense: Sense = Sense.AT_MOST
) -> Row:
    interval = clopper_pearson(sum(hits), len(hits)) if hits else None
    return Row(what, float(np.mean(hits)) if hits else float("nan"), f"{len(hits)} {of}", interval, bar, sense)


def lesion_rows(reader: Reader, measuring: bool) -> list[Row]:
    """How often the true lesions of mini-MIAS and CBIS-DDSM would be called a structure."""
    lesions = [lesion for lesion in true_lesions() if lesion.measuring is measuring]
    found: list[tuple[str, Resting | None]] = []
    for _, group in groupby(sorted(lesions, key=lambda i: i.view.source), key=lambda i: i.view.source):
        same_view = list(group)
        picture = decode_view(same_view[0].view)
        config = reader.card.config
        prepared = prepare_view(same_view[0].view, picture, config.um_per_px, config.canvas_px)
        anatomy = find_anatomy(prepared, resample(picture, prepared, config.detail_um))
        found += [(i.dataset, anatomy.structure_of(prepared.placement.to_canvas_box(i.box))) for i in same_view]
    by_name = Counter(f"true lesions on: {r.structure.words}" for _, r in found if r is not None)
    rows = [_share("true lesions called a structure", [r is not None for _, r in found], "lesions", 0.02)]
    for dataset in dict.fromkeys(d for d, _ in found):
        hits = [r is not None for d, r in found if d == dataset]
        rows.append(_share(f"true lesions called a structure, {dataset}", hits, "lesions"))
    return rows + [Row(name, count / len(found), f"{len(found)} lesions") for name, count in sorted(by_name.items())]


def exams_of(measuring: bool, num_exams: int) -> list[Exam]:
    """RSNA exams in an order that a hash gives; those to measure on were in neither half that was looked at before."""
    records = [r for r in records_of(DATA / "rsna_512", RSNA) if _set_aside(r.patient_id) is measuring]
    records.sort(key=lambda r: hashlib.sha256(f"marks:{r.patient_id}".encode()).hexdigest())
    return [exam_of(r, DATA / "rsna_512") for r in records[:num_exams]]


def _set_aside(patient: str) -> bool:
    """Whether neither the marks of a patient (first hash) nor its foreign objects (second) were looked at while tuning."""
    marks_looked_at = hashlib.sha256(f"anatomy marks:{patient}".encode()).digest()[30] % 2 == 0
    return measuring_half("rsna_512", patient) and not marks_looked_at


def read_marks(reader: Reader, exams: Sequence[Exam]) -> tuple[list[Seen], list[float]]:
    """Marks of findings above the reader's threshold, with what they rest on; and seconds of anatomy per view."""
    seen, seconds = [], []
    for exam in exams:
        canvases = prepare(exam, reader, decode_view, images=False).canvases
        output = reader.read(exam, canvases)
        for view in exam.views:
            first = canvases.first[view.id]
            start = time.process_time()
            anatomy = find_anatomy(first)
            seconds.append(time.process_time() - start)
            if view.id in canvases.detail:
                anatomy = find_anatomy(first, canvases.detail[view.id])
            for mark in (m for f in output.findings for m in f.marks if m.view_id == view.id):
                box = first.placement.to_canvas_box(mark.box)
                seen.append(Seen(first, box, anatomy.structure_of(box), f"{exam.id} {view.name}"))
    return seen, seconds


def mark_rows(seen: Sequence[Seen], seconds: Sequence[float]) -> list[Row]:
    """How many marks rest on which structure, and the time it took to know."""
    names = Counter(s.resting.structure.words for s in seen if s.resting is not None)
    rows = [_share("reader's marks on a structure", [s.resting is not None for s in seen], "marks")]
    rows += [Row(f"reader's marks on: {n}", c / len(seen), f"{len(seen)} marks") for n, c in names.most_common()]
    milliseconds = 1000 * np.array(seconds)
    n = f"{milliseconds.size} views"
    middle, high = (float(v) for v in np.percentile(milliseconds, (50, 95)))
    return [
        *rows,
        Row("anatomy of a view: median, ms", middle, n, bar=60, sense=Sense.AT_MOST, digits=0),
        Row("anatomy of a view: 95th percentile, ms", high, n, digits=0),
    ]


def phantom_rows(reader: Reader, num_exams: int) -> list[Row]:
    """How often true lesions of phantoms would be called a structure."""
    config, flagged = reader.card.config, []
    for seed in range(FIRST_PHANTOM, FIRST_PHANTOM + num_exams):
        drawn = draw_exam(seed, TRAINING_SPEC)
        for view in drawn.exam.current:
            picture = decode_phantom(drawn)(view)
            prepared = prepare_view(view, picture, config.um_per_px, config.canvas_px)
            anatomy = find_anatomy(prepared, resample(picture, prepared, config.detail_um))
            marks = (f.mark_in(view.id) for f in drawn.findings)
            boxes = (prepared.placement.to_canvas_box(m.box) for m in marks if m is not None)
            flagged += [anatomy.structure_of(box) is not None for box in boxes]
    return [_share(f"phantoms' lesions called a structure, {num_exams} exams", flagged, "marks", 0.01)]


def write_sheets(seen: Sequence[Seen], folder: Path) -> None:
    """PNG sheets of the marks that rest on something, twelve a sheet, each with its surroundings."""
    folder.mkdir(parents=True, exist_ok=True)
    flagged = [s for s in seen if s.resting is not None]
    for start in range(0, len(flagged), 12):
        sheet = Image.new("L", (4 * TILE_PX, 3 * TILE_PX))
        for i, one in enumerate(flagged[start : start + 12]):
            sheet.paste(_tile(one), ((i % 4) * TILE_PX, (i // 4) * TILE_PX))
        sheet.save(folder / f"marks-{start // 12:02d}.png")


def _tile(seen: Seen) -> Image.Image:
    pixels = np.clip(seen.prepared.pixels / 1.2 * 255, 0, 255).astype(np.uint8)
    x, y = (int(v) for v in seen.box.centre)
    half = 64
    part = np.pad(pixels, half)[y : y + 2 * half, x : x + 2 * half]
    tile = Image.fromarray(part).resize((TILE_PX, TILE_PX))
    draw, zoom = ImageDraw.Draw(tile), TILE_PX / (2 * half)
    edges = [(seen.box.x0 - x, seen.box.y0 - y), (seen.box.x1 - x, seen.box.y1 - y)]
    draw.rectangle([((a + half) * zoom, (b + half) * zoom) for a, b in edges], outline=255)
    if seen.resting is not None:
        draw.text((2, 2), f"{seen.resting.structure.words} {seen.resting.share:.2f} {seen.title}", fill=255)
    return tile


def main() -> int:
    """Print the table; 1 when a bar is missed, 2 when nothing could be measured."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--half", choices=("measure", "develop"), default="measure", help="half of the patients")
    parser.add_argument("--exams", type=int, default=60, help="RSNA exams to read")
    parser.add_argument("--phantoms", type=int, default=50, help="phantoms to draw")
    parser.add_argument("--model", default="starter", help="model name or folder")
    parser.add_argument("--sheets", type=Path, help="folder for pictures of the marks on structures")
    parser.add_argument("--json", type=Path, help="also write the rows to this file")
    args = parser.parse_args()
    torch.set_num_threads(1)
    measuring = args.half == "measure"
    try:
        reader = load_reader(args.model)
        rows = nipple_rows([label for label in read_nipples() if label.measuring is measuring])
        rows += lesion_rows(reader, measuring)
        seen, seconds = read_marks(reader, exams_of(measuring, args.exams))
        rows += mark_rows(seen, seconds) + phantom_rows(reader, args.phantoms)
    except MammoscribeError as error:
        print(error)
        return 2
    if args.sheets:
        write_sheets(seen, args.sheets)
    print(f"{args.half} half, model {reader.card.name} {reader.card.version}\n\n{markdown(rows)}")
    if args.json:
        write_rows(rows, args.json)
    return int(any(r.met is False for r in rows))


if __name__ == "__main__":
    sys.exit(main())
