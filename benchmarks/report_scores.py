"""How long the report card takes: `python benchmarks/report_scores.py [--reports 10000] [--draws 1000]`.

The texts are generated here (findings, denials, density and categories in several wordings, for two breasts; the
candidate states some of them otherwise), so that nearly every report is another text. Two reports of a patient on
average. Printed are seconds of reading and scoring, of the bootstrap with intervals, and of the whole card.
"""

import argparse
import random
import time

from mammoscribe.evaluation.report_card.card import make_card
from mammoscribe.evaluation.report_card.pairs import ReportPairs

SHAPES, MARGINS = ("oval", "round", "irregular"), ("circumscribed", "spiculated", "indistinct", "obscured")
MORPHOLOGIES = ("amorphous", "punctate", "fine pleomorphic", "coarse heterogeneous")
QUADRANTS = ("upper outer", "upper inner", "lower outer", "lower inner")
DENSITIES = {
    "A": "almost entirely fatty", "B": "scattered areas of fibroglandular density", "C": "heterogeneously dense",
    "D": "extremely dense",
}  # fmt: skip


class Exam:
    """One made-up exam: density, and for each breast a finding or none and a category."""

    def __init__(self, generator: random.Random) -> None:
        self.draw = generator
        self.density = self.one_of(tuple(DENSITIES))
        self.breasts = {side: self._breast() for side in ("right", "left")}

    def one_of(self, options):
        """One of the options."""
        return options[int(self.draw.random() * len(options))]

    def _breast(self) -> dict:
        kind = self.one_of(("none", "none", "mass", "calcifications", "asymmetry"))
        return {
            "kind": kind, "shape": self.one_of(SHAPES), "margin": self.one_of(MARGINS),
            "morphology": self.one_of(MORPHOLOGIES), "quadrant": self.one_of(QUADRANTS),
            "size": 4 + int(self.draw.random() * 40), "category": "1" if kind == "none" else self.one_of("02345"),
        }  # fmt: skip

    def changed(self) -> "Exam":
        """The exam as a system that errs in about a fifth of its facts would see it."""
        other = Exam(self.draw)
        other.density = self.density if self.draw.random() < 0.8 else other.density
        for side, breast in self.breasts.items():
            if self.draw.random() < 0.8:
                other.breasts[side] = {
                    **breast,
                    **({"margin": self.one_of(MARGINS)} if self.draw.random() < 0.3 else {}),
                }
        return other

    def text(self) -> str:
        """A report of it."""
        opening = self.one_of(("The breasts are {}.", "Breast composition: {}.", "Tissue: {}.")).format(
            DENSITIES[self.density]
        )
        lines = [opening, *(self._said(side, breast) for side, breast in self.breasts.items())]
        lines += [f"BI-RADS {breast['category']} {side}." for side, breast in self.breasts.items()]
        return "\n".join(lines)

    def _said(self, side: str, b: dict) -> str:
        if b["kind"] == "none":
            return self.one_of(
                (f"{side.title()} breast: no mass, calcification or distortion.", f"The {side} breast is normal.")
            )
        what = {
            "mass": f"{b['shape']} mass with {b['margin']} margins, {b['size']} mm,",
            "calcifications": f"grouped {b['morphology']} calcifications",
            "asymmetry": "focal asymmetry",
        }[b["kind"]]
        return self.one_of(
            (
                f"{side.title()} breast: {what} in the {b['quadrant']} quadrant. No other abnormality.",
                f"{side.title()} breast: {what} {b['quadrant']} quadrant. No skin thickening. No axillary adenopathy.",
            )
        )


def main() -> None:
    """Generate, score, print the times."""
    parser = argparse.ArgumentParser(description="How long the report card takes.")
    parser.add_argument("--reports", type=int, default=10_000)
    parser.add_argument("--draws", type=int, default=1_000)
    given = parser.parse_args()
    generator = random.Random(0)
    exams = [Exam(generator) for _ in range(given.reports)]
    references = tuple(exam.text() for exam in exams)
    candidates = tuple(exam.changed().text() for exam in exams)
    ids = tuple(str(i) for i in range(given.reports))
    pairs = ReportPairs(ids, tuple(str(i // 2) for i in range(given.reports)), references, candidates, True)
    began, scored_at = time.perf_counter(), [0.0]

    def on_done(_: int) -> None:
        scored_at[0] = time.perf_counter()

    card = make_card("references", [("candidates", pairs)], given.draws, on_done)
    ended = time.perf_counter()
    print(
        f"{given.reports} reports, {len(set(references))} distinct, {given.draws} draws of {card.num_patients} patients"
    )
    print(f"reading and scoring {scored_at[0] - began:.1f} s, bootstrap and baseline {ended - scored_at[0]:.1f} s")
    print(f"whole card {ended - began:.1f} s, CPU {time.process_time():.1f} s")
    for line in card.lines:
        if line.figure.group in ("all facts", "text"):
            print(f"  {line.figure.name}: {line.entries[0].value:.3f} ({line.entries[0].interval})")


if __name__ == "__main__":
    main()
