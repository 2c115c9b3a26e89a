"""A small lab for chat models: four-view exams drawn by a formula, with reports, as a file in LLaVA's JSON."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from PIL import Image

from tests.models.tiny_chat import picture

REPORTS = (
    'Findings: An irregular mass of 12 mm lies in the right breast at 10 o\'clock ("new").\n\nImpression: BI-RADS 4; biopsy.',
    "Findings: The breasts are heterogeneously dense. No suspicious finding is seen. Impression: BI-RADS 1, negative.",
)
VIEWS = ("right CC", "left CC", "right MLO", "left MLO")


def exam_entry(root: Path, number: int, report: str) -> dict[str, Any]:
    """Draw the views of an exam; no two exams share one."""
    names = []
    for view in range(4):
        name = f"exam{number}/{VIEWS[view].replace(' ', '_')}.png"
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(picture((3 * number + 2 * view + number * view) % 16, 70 - 4 * view, 40 + 3 * number)).save(
            root / name
        )
        names.append(name)
    asked = "\n".join([*(f"{view}: <image>" for view in VIEWS), "Write the report."])
    turns = [{"from": "human", "value": asked}, {"from": "gpt", "value": report}]
    return {"id": f"exam-{number}", "image": names, "conversations": turns}


def text_entry(
    number: int, asked: str = "Is BI-RADS 1 negative?", said: str = "Yes, it is negative."
) -> dict[str, Any]:
    return {
        "id": f"text-{number}",
        "conversations": [{"from": "human", "value": asked}, {"from": "gpt", "value": said}],
    }


def write_entries(root: Path, entries: Sequence[dict[str, Any]], name: str = "train.json") -> Path:
    root.mkdir(parents=True, exist_ok=True)
    (root / name).write_text(json.dumps(entries))
    return root / name


def lab(root: Path, exams: int = 6, texts: int = 6) -> Path:
    """Exams and texts in turn; the reports have several lengths."""
    said = [REPORTS[n % 2] + " The left breast is normal." * (n // 2) for n in range(exams)]
    entries = [exam_entry(root, n, said[n]) for n in range(exams)]
    return write_entries(root, [*entries, *(text_entry(n, said=f"Yes. Number {n}.") for n in range(texts))])
