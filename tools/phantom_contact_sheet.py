"""Put drawn exams beside in-silico and film mammograms, to look at: python tools/phantom_contact_sheet.py --out out."""

import argparse
from dataclasses import replace
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from mammoscribe.phantom import TRAINING_SPEC, GeneratorVersion, PhantomExam, draw_exam

CELL = (270, 340)
PER_ROW = 6


def main() -> None:
    """Write two sheets: views of phantoms beside others' pictures, and close-ups of every kind of lesion."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"), help="folder with msynth and mini_mias")
    parser.add_argument("--out", type=Path, default=Path("out"), help="folder to write to (ignored by git)")
    parser.add_argument("--seed", type=int, default=500, help="seed of the first phantom")
    parser.add_argument("--exams", type=int, default=12, help="how many phantoms")
    parser.add_argument(
        "--generator", choices=[v.value for v in GeneratorVersion], default="1", help="which version draws"
    )
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    spec = replace(TRAINING_SPEC, generator=GeneratorVersion(args.generator))
    exams = [draw_exam(args.seed + k, spec) for k in range(args.exams)]
    views = [("phantom", _grey(e.pixels[("L_CC", "R_MLO")[k % 2]])) for k, e in enumerate(exams)]
    others = _pictures(args.data / "msynth", "msynth") + _pictures(args.data / "mini_mias" / "images", "mini-MIAS")
    if not others:
        print(f"no pictures to compare with in {args.data}; phantoms only")
    _sheet(views + others).save(args.out / "phantom_contact_sheet.png")
    close = [item for e in exams for item in _lesions(e)]
    if close:
        _sheet(close).save(args.out / "phantom_lesions.png")
    print(f"wrote {args.out}/phantom_contact_sheet.png and {args.out}/phantom_lesions.png")


def _grey(pixels: np.ndarray) -> Image.Image:
    return Image.fromarray((pixels >> 4).astype(np.uint8))


def _pictures(folder: Path, label: str, count: int = 6) -> list[tuple[str, Image.Image]]:
    files = sorted(folder.glob("*.jpg"))[:: max(1, len(list(folder.glob("*.jpg"))) // count)][:count]
    return [(label, Image.open(f).convert("L")) for f in files]


def _lesions(exam: PhantomExam, half_px: int = 300) -> list[tuple[str, Image.Image]]:
    """A 60 mm cut around every mark."""
    out = []
    for finding in exam.findings:
        words = " ".join(d.split(".")[1] for d in finding.descriptors) or finding.type.value
        for mark in finding.marks:
            x, y = (int(v) + half_px for v in mark.box.centre)
            padded = np.pad(exam.pixels[mark.view_id], half_px)
            cut = padded[y - half_px : y + half_px, x - half_px : x + half_px]
            out.append((f"{exam.seed} {finding.id} {mark.view_id} {words}", _grey(cut)))
    return out


def _sheet(items: list[tuple[str, Image.Image]]) -> Image.Image:
    rows = -(-len(items) // PER_ROW)
    sheet = Image.new("L", (PER_ROW * (CELL[0] + 6), rows * (CELL[1] + 20)))
    pen = ImageDraw.Draw(sheet)
    for k, (label, picture) in enumerate(items):
        x, y = (k % PER_ROW) * (CELL[0] + 6), (k // PER_ROW) * (CELL[1] + 20)
        small = picture.copy()
        small.thumbnail(CELL, Image.Resampling.BOX)
        sheet.paste(small, (x, y))
        pen.text((x + 2, y + CELL[1] + 3), label[:46], fill=200)
    return sheet


if __name__ == "__main__":
    main()
