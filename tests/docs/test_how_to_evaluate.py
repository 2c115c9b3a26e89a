"""The how-to of scoring reports holds: its commands run on files that are made here."""

import json
from pathlib import Path

from tests.docs.page import HOW_TO, run_commands

PAGE = HOW_TO / "evaluate.md"
REPORTS = (
    "Right breast: spiculated mass at 10 o'clock. BI-RADS 4 right. ACR B.",
    "Left breast: grouped calcifications. BI-RADS 4 left. ACR C.",
    "Both breasts are normal. BI-RADS 1. ACR B.",
)


def test_the_page_runs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    rows = [f"{i},p{i},{report}\n" for i, report in enumerate(REPORTS * 3)]
    Path("references.csv").write_text("exam_id,patient_id,report\n" + "".join(rows))
    for name, word in (("model_a", "Left"), ("model_b", "Right")):
        texts = [report.replace("Right", word) for report in REPORTS * 3]
        Path(f"{name}.csv").write_text("exam_id,report\n" + "".join(f"{i},{t}\n" for i, t in enumerate(texts)))
    printed = run_commands(PAGE)
    assert len(printed) == 3
    assert json.loads(Path("runs/card_a/card.json").read_text())["exams"] == 9
    assert json.loads(Path("runs/a_against_b/card.json").read_text())["differences"]
    suite = next(text for command, text in printed.items() if "--must-pass" in command)
    assert "| 122 " in suite
