"""Trials of one exam: odd DICOM files and folders, each read by `mammoscribe read`, and all of them by one `predict`."""

import csv
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.trials.place import Outcome, Place, Row

WIDTH, HEIGHT = 928, 1712
"""Of the drawn right MLO view that most cases are made of."""
CLOSE_PX, CLOSE_PROB = 12, 0.05
"""How near to the reading of the unchanged view the reading of a case is: marks in pixels, probability of malignancy."""
VIEWS = ("L_CC", "L_MLO", "R_CC", "R_MLO")
Box = Sequence[float]
Turn = Callable[[Box], Box]


def same(box: Box) -> Box:
    """A stored array as it was."""
    return box


def upside_down(box: Box) -> Box:
    """Top and bottom exchanged."""
    return (box[0], HEIGHT - box[3], box[2], HEIGHT - box[1])


def mirrored(box: Box) -> Box:
    """Left and right exchanged."""
    return (WIDTH - box[2], box[1], WIDTH - box[0], box[3])


def half_turn(box: Box) -> Box:
    """Turned by 180 degrees."""
    return mirrored(upside_down(box))


def quarter_turn(box: Box) -> Box:
    """Turned by 90 degrees against the clock."""
    return (box[1], WIDTH - box[2], box[3], WIDTH - box[0])


@dataclass(frozen=True)
class Read:
    """The case reads as the unchanged view does.

    Args:
        spacing_mm: of its pixels.
        turn: where the marks of the unchanged view are in this one.
        warns: words that the warnings of the report hold, "" where the report has none.
        pixels: words of what was done to the pixels.
    """

    spacing_mm: float = 0.1
    turn: Turn = same
    warns: str = ""
    pixels: str = ""

    def words(self) -> str:
        told = f", warns '{self.warns}'" if self.warns else ", no warning"
        return f"read as the unchanged view, {self.spacing_mm} mm{told}"


@dataclass(frozen=True)
class Whole:
    """A folder of which four views are read.

    Args:
        names: beginning of the names of the files that are read.
        left_out: of the others, the reason, and how many there are; rubbish is counted too.
        warns: as `Read`.
    """

    names: str
    left_out: str
    count: int
    warns: str = ""

    def words(self) -> str:
        return f"four views of {self.names}*, {self.count} left out, one as '{self.left_out}'"


@dataclass(frozen=True)
class Refused:
    """The case is refused in a sentence that holds `why`."""

    why: str

    def words(self) -> str:
        return f"refused: '{self.why}'"


BITS = "the header says 16 bits stored, the compressed picture has 12"
USUAL = "the other side is usual for a right breast"
CASES: dict[str, Read | Whole | Refused] = {
    "badcharset_R_MLO.dcm": Read(),
    "base_R_MLO.dcm": Read(),
    "bigendian_R_MLO.dcm": Read(),
    "cd": Whole("IM", "is a Mammography CAD SR document", 8),
    "combo": Whole("ffdm", "synthesised from tomosynthesis", 4),
    "ermf11_R_MLO.dcm": Read(spacing_mm=0.0909),
    "flipv_R_MLO.dcm": Read(turn=upside_down, warns="upside down"),
    "frame_R_MLO.dcm": Read(),
    "hostile_R_MLO.dcm": Read(),
    "implant": Whole("full", "an implant-displaced view", 4, warns="a breast with an implant"),
    "j2k_bits10_R_MLO.dcm": Read(warns="the header says 10 bits stored, the pixels have 12"),
    "j2k_bits16_nowin_R_MLO.dcm": Read(warns=BITS),
    "j2k_bits16_win_R_MLO.dcm": Read(warns=BITS),
    "j2k_signed_R_MLO.dcm": Read(),
    "j2k_signmismatch_R_MLO.dcm": Read(warns="the header says signed values"),
    "jls_signed_R_MLO.dcm": Read(),
    "lat_both": Refused("Image Laterality says B"),
    "lat_frame": Read(),
    "lat_only_in_text": Refused("says its laterality"),
    "lat_series": Read(),
    "lat_word": Read(),
    "lut_claims16_R_MLO.dcm": Read(pixels="VOI LUT to 4095"),
    "lut_claims8_R_MLO.dcm": Read(pixels="VOI LUT to 4095"),
    "lut_emptyitem_R_MLO.dcm": Read(warns="VOI LUT 1 cannot be used"),
    "lut_nodata_R_MLO.dcm": Read(warns="VOI LUT 1 cannot be used"),
    "mag_by_distance_R_MLO.dcm": Refused("magnification view (factor 1.89)"),
    "mirror_stale_R_MLO.dcm": Read(turn=mirrored, warns="the picture may have been mirrored"),
    "mirror_truthful_R_MLO.dcm": Read(turn=mirrored, warns=USUAL),
    "mono1_inverse_R_MLO.dcm": Read(pixels="inverted (bright = dense)"),
    "mono2_inverse_R_MLO.dcm": Read(warns="black and white were exchanged"),
    "ps_corrected_R_MLO.dcm": Read(spacing_mm=0.0909),
    "raw_bits16_nowin_R_MLO.dcm": Read(pixels="12 bits"),
    "rot180_R_MLO.dcm": Read(turn=half_turn, warns="upside down"),
    "rot90_R_MLO.dcm": Read(turn=quarter_turn, warns="on its side"),
    "scanborder_R_MLO.dcm": Read(),
    "signed_R_MLO.dcm": Read(pixels="padding set to background"),
    "spacing_comma_R_MLO.dcm": Read(),
    "tomo_slice_R_MLO.dcm": Refused("a tomosynthesis slice"),
    "ts_priv833_R_MLO.dcm": Refused("the transfer syntax 1.2.840.113845.1.2.1 is not one of DICOM's"),
    "twice": Whole("", "the same object as", 1),
    "window_40_80_R_MLO.dcm": Read(warns="window 40/80 LINEAR, 1 of 1 leaves 100% of the tissue black or white"),
    "window_text_R_MLO.dcm": Read(warns="window n/a/4096 cannot be used (these are no numbers)"),
    "window_zero_R_MLO.dcm": Read(warns="window 0/0 cannot be used"),
}  # fmt: skip
"""By the name of a file or folder under B."""
ABSENT = frozenset({"jls_signed_R_MLO.dcm"})
"""Made only where an encoder for it is installed."""


def rows(place: Place) -> Iterator[Row]:
    """Every case read alone, then all that are one file by one `predict`."""
    base = place.command("read", place.trials / "B" / "base_R_MLO.dcm", "--format", "json", out="read/base")
    made = {path.name: path for path in sorted((place.trials / "B").iterdir())}
    for name, path in made.items():
        case = CASES.get(name)
        if case is None:
            yield Row(f"read B/{name}", "an expectation", "none is written", False)
            continue
        done = place.command("read", path, "--format", "json,html", out=f"read/{name}")
        got = done.harm() or _judged(case, done, base)
        yield Row(f"read B/{name}", case.words(), got or "the same", not got)
    for name in CASES.keys() - made.keys() - ABSENT:
        yield Row(f"read B/{name}", CASES[name].words(), "the file was not made", False)
    yield from _predicted(place, {n: p for n, p in made.items() if p.is_file() and n in CASES})


def _judged(case: Read | Whole | Refused, done: Outcome, base: Outcome) -> str:
    """What is other than expected, "" when nothing is."""
    if isinstance(case, Refused):
        if done.code != 2 or case.why not in done.error:
            return f"exit code {done.code}, '{done.error}'"
        return "wrote files all the same" if done.written.exists() else ""
    if done.code != 0:
        return f"exit code {done.code}, '{done.error}'"
    if "<script>alert" in (done.written / "report.html").read_text(encoding="utf-8"):
        return "a script of the header is on the page"
    report = done.json("report.json")
    if fault := _warned(case.warns, report["warnings"]):
        return fault
    return _whole(case, report) if isinstance(case, Whole) else _alike(case, report, base.json("report.json"))


def _warned(wanted: str, warnings: Sequence[str]) -> str:
    if wanted and not any(wanted in warning for warning in warnings):
        return f"warnings {warnings}"
    return f"warns {warnings}" if warnings and not wanted else ""


def _whole(case: Whole, report: dict) -> str:
    views, left_out = report["exam"]["views"], report["exam"]["set_aside"]
    if sorted(view["id"] for view in views) != sorted(VIEWS):
        return f"views {[view['id'] for view in views]}"
    if not all(Path(view["source"]).name.startswith(case.names) for view in views):
        return f"read {[Path(view['source']).name for view in views]}"
    if len(left_out) != case.count or not any(case.left_out in one["reason"] for one in left_out):
        return f"left out {[one['reason'] for one in left_out]}"
    return ""


def _alike(case: Read, report: dict, base: dict) -> str:
    (view,) = report["exam"]["views"]
    if (view["laterality"], view["projection"]) != ("R", "MLO"):
        return f"view {view['id']}"
    if view["spacing_source"] != "header" or any(abs(s - case.spacing_mm) > 1e-4 for s in view["spacing_mm"]):
        return f"spacing {view['spacing_mm']} from {view['spacing_source']}"
    if case.pixels not in "; ".join(view["preprocessing"]):
        return f"pixels: {view['preprocessing']}"
    ours, theirs = (next(b for b in r["breasts"] if b["laterality"] == "R") for r in (report, base))
    if (ours["assessment"]["birads"], ours["density"]) != (theirs["assessment"]["birads"], theirs["density"]):
        return f"BI-RADS {ours['assessment']['birads']}, density {ours['density']}"
    if abs(ours["prob_malignant"] - theirs["prob_malignant"]) > CLOSE_PROB:
        return f"probability {ours['prob_malignant']}, of the unchanged view {theirs['prob_malignant']}"
    marks, wanted = _boxes(report), [case.turn(box) for box in _boxes(base)]
    if len(marks) != len(wanted) or any(abs(a - b) > CLOSE_PX for m, w in zip(marks, wanted, strict=True) for a, b in zip(m, w, strict=True)):  # fmt: skip
        return f"marks {marks}, not {wanted}"
    return "" if wanted else "the unchanged view has no mark to compare with"


def _boxes(report: dict) -> list[Box]:
    return [mark["box_px"] for finding in report["findings"] for mark in finding["marks"]]


def _predicted(place: Place, files: dict[str, Path]) -> Iterator[Row]:
    """One `predict` over all single files: a row each, `ok` where `read` reads and `error` with a reason where it does not."""
    manifest = place.folder / "all.csv"
    with manifest.open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file)
        table.writerow(["exam_id", "patient_id", "laterality", "view", "path"])
        table.writerows([name, "", "R", "MLO", str(path)] for name, path in files.items())
    done = place.command("predict", manifest, out="predict/results.csv")
    results = {row["exam_id"]: row for row in done.table()} if done.written.exists() else {}
    for name in files:
        row, case = results.get(name, {}), CASES[name]
        right = "ok" if isinstance(case, Read) else "error"
        got = done.harm() or f"{row.get('status')} {row.get('message')}"
        ok = row.get("status") == right and (right == "ok" or bool(row["message"])) and not done.harm()
        yield Row(f"predict B/{name}", f"a row, {right}", got, ok)
