"""The how-to of evaluating holds: its commands run on files that are made here."""

import json
from pathlib import Path

from mammoscribe.data.catalogue import open_catalogue, write_splits
from mammoscribe.data.prepared.preparation import PREPARATIONS
from mammoscribe.data.prepared.prepare import prepare
from tests.docs.page import HOW_TO, run_commands, write_files
from tests.training.reader.lab import labelled_lab

PAGE = HOW_TO / "evaluate.md"
REPORTS = (
    "Right breast: spiculated mass at 10 o'clock. BI-RADS 4 right. ACR B.",
    "Left breast: grouped calcifications. BI-RADS 4 left. ACR C.",
    "Both breasts are normal. BI-RADS 1. ACR B.",
)


def make_labelled_exams() -> None:
    """`prepared` with all three splits, and `results.csv` in which malignant breasts have the higher probability."""
    labelled_lab(Path("lab"), 8)
    parts = {str(n): ("train", "train", "val", "val", "test", "test", "test", "test")[n] for n in range(8)}
    write_splits(Path("lab/catalogue"), parts)
    prepare(open_catalogue(Path("lab/catalogue")), Path("prepared"), PREPARATIONS["reader"])
    rows = [
        f"{record.id},{side},{0.8 if side == 'R' and int(record.patient_id) % 2 == 0 else 0.1}\n"
        for record in open_catalogue(Path("lab/catalogue")).records()
        for side in "RL"
    ]
    Path("results.csv").write_text("exam_id,laterality,prob_malignant\n" + "".join(rows))


def test_the_page_runs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_files(PAGE)
    make_labelled_exams()
    rows = [f"{i},p{i},{report}\n" for i, report in enumerate(REPORTS * 3)]
    Path("references.csv").write_text("exam_id,patient_id,report\n" + "".join(rows))
    for name, word in (("model_a", "Left"), ("model_b", "Right")):
        texts = [report.replace("Right", word) for report in REPORTS * 3]
        Path(f"{name}.csv").write_text("exam_id,report\n" + "".join(f"{i},{t}\n" for i, t in enumerate(texts)))
    printed = run_commands(PAGE, without=("mammoscribe evaluate --model",))
    assert len(printed) == 7
    assert json.loads(Path("runs/planned/card.json").read_text())["plan"]["met"]
    assert json.loads(Path("runs/threshold/card.json").read_text())["threshold"]["value"] == 0.8
    assert Path("runs/results/card.html").is_file()
    assert json.loads(Path("runs/abstention/card.json").read_text())["abstention"][0]["alpha"] == 0.1
    assert json.loads(Path("runs/card_a/card.json").read_text())["exams"] == 9
    assert json.loads(Path("runs/a_against_b/card.json").read_text())["differences"]
    suite = next(text for command, text in printed.items() if "--must-pass" in command)
    assert "| 122 " in suite
