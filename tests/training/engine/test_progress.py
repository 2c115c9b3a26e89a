"""Progress on the terminal: losses, throughput, memory, validations that stay."""

import io

from rich.console import Console

from mammoscribe.training.engine.progress import described, shown

ROW = {
    "step": 7, "loss/total": 1.25, "loss/class": 0.123456, "rate": 0.1, "grad_norm": 2.0, "skipped": 0, "items_per_s": 33.33,
    "memory_mb": 512.4, "seconds": 3.0,
}  # fmt: skip


def test_a_line_is_said_in_words():
    assert described(ROW) == "total 1.25, class 0.1235; 33.3 items/s; 512 MB"
    assert described(ROW | {"skipped": 2, "loss/total": None}).startswith("total not finite, ")
    assert described(ROW | {"skipped": 2}).endswith("; 2 steps skipped")


def test_the_bar_follows_the_steps_and_validations_stay():
    stream = io.StringIO()
    with shown(40, Console(file=stream, force_terminal=True, width=200)) as on_row:
        on_row(ROW)
        on_row({"step": 7, "val/auc": 0.75, "seconds": 4.0})
        on_row(ROW | {"step": 40})
    text = stream.getvalue()
    assert "step 7: auc 0.75" in text
    assert "40/40" in text
    assert "33.3 items/s" in text
