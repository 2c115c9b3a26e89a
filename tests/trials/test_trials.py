"""What `make trials` takes for harm and for wrong, and that it says so when its scripts are not there."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from tests.trials import dicom, texts
from tests.trials.place import Outcome, Row
from tests.trials.run import shown, tell

HERE = Path("out")


def outcome(code: int = 0, out: str = "", err: str = "") -> Outcome:
    return Outcome(code, out, err, HERE)


@pytest.mark.parametrize(
    ("ended", "harm"),
    [
        (outcome(-6), "ended with -6"),
        (outcome(139), "ended with 139"),
        (outcome(1, err="Traceback (most recent call last):\n"), "Traceback"),
        (outcome(0, err="/x/pydicom/valuerep.py:440: UserWarning: Invalid\n"), "printed"),
        (outcome(0, err="UserWarning: Invalid value\n"), "UserWarning"),
        (outcome(0, err="warning: a\x1b[31m.\n"), "escape"),
        (outcome(0, out="\x1b]0;x\n"), "escape"),
        (outcome(2, err=""), "0 errors"),
        (outcome(2, err="error a.\nerror b.\n"), "2 errors"),
        (outcome(2, err="error without an end\n"), "one sentence"),
        (outcome(0, err="invalid header in tag\n"), "on stderr"),
    ],
)
def test_what_no_input_may_cause_is_harm(ended: Outcome, harm: str) -> None:
    assert harm in ended.harm()


@pytest.mark.parametrize(
    "ended",
    [
        outcome(),
        outcome(0, "wrote out\n", "warning: a.dcm not used: a spot view\n"),
        outcome(1, "", "warning: t.csv line 2: a.\n"),
        outcome(2, "", "\nerror a.dcm is a CT image; expected a view.\n"),
        outcome(2, "", "error a.dcm is not there; did you mean b.dcm?\n"),
        outcome(0, "", "writing ━━━ 4/4 0:00:00 left 0:00:00\n"),
    ],
)
def test_results_warnings_and_one_sentence_are_no_harm(ended: Outcome) -> None:
    assert ended.harm() == ""


def report(
    view: dict | None = None, box: tuple = (656, 520, 808, 664), warnings: tuple = (), birads: str = "0"
) -> dict:
    """The part of a report that is compared."""
    seen = {
        "id": "R_MLO", "laterality": "R", "projection": "MLO", "spacing_mm": [0.1, 0.1], "spacing_source": "header",
        "preprocessing": [],
    }  # fmt: skip
    right = {"laterality": "R", "density": "b", "prob_malignant": 0.6, "assessment": {"birads": birads}}
    marks = [{"marks": [{"box_px": box}]}] if box else []
    return {"exam": {"views": [seen | (view or {})]}, "breasts": [right], "findings": marks, "warnings": list(warnings)}


@pytest.mark.parametrize(
    ("case", "wrong"),
    [
        (report({"laterality": "L"}), "view"),
        (report({"spacing_mm": [0.2, 0.2]}), "spacing"),
        (report({"spacing_source": "assumed"}), "spacing"),
        (report(birads="1"), "BI-RADS 1"),
        (report(box=(656, 1048, 808, 1192)), "marks"),
        (report(box=()), "marks"),
    ],
)
def test_a_reading_other_than_that_of_the_unchanged_view_is_wrong(case: dict, wrong: str) -> None:
    assert wrong in dicom._alike(dicom.Read(), case, report())
    assert dicom._alike(dicom.Read(), report(), report()) == ""


@pytest.mark.parametrize(
    ("turn", "box"),
    [
        (dicom.upside_down, (656, 1048, 808, 1192)), (dicom.mirrored, (120, 520, 272, 664)),
        (dicom.half_turn, (120, 1048, 272, 1192)), (dicom.quarter_turn, (520, 120, 664, 272)),
    ],
)  # fmt: skip
def test_marks_are_looked_for_where_the_array_was_turned_to(turn: dicom.Turn, box: tuple) -> None:
    assert dicom._alike(dicom.Read(turn=turn), report(box=box), report()) == ""
    assert "marks" in dicom._alike(dicom.Read(turn=turn), report(), report())


def test_a_warning_is_wanted_or_unwanted() -> None:
    assert dicom._warned("upside down", ["it lies upside down"]) == "" == dicom._warned("", [])
    assert dicom._warned("upside down", []) and dicom._warned("", ["it lies upside down"])


def test_printed_sections_are_read_back() -> None:
    lines = "--- one\n   findings     'A \"star\".\\nB'\n--- two\n"
    assert texts.printed(lines) == {"one": {"findings": ast.literal_eval("'A \"star\".\\nB'")}, "two": {}}


def test_the_table_counts_what_went_wrong(capsys: pytest.CaptureFixture[str]) -> None:
    rows = [Row("a", "x", "x", True), Row("b", "x", "y" * 200, False)]
    assert tell(iter(rows)) == (2, 1)
    printed = capsys.readouterr().out
    assert "WRONG" in printed and "y" * 200 in printed and shown(rows[0]).endswith("| ok")


def test_without_the_scripts_the_trials_are_skipped_in_one_sentence(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.trials.run", "--scripts", str(tmp_path / "none")],
        capture_output=True, text=True, cwd=Path(__file__).parents[2],
    )  # fmt: skip
    assert done.returncode == 0 and done.stderr == ""
    assert (
        done.stdout
        == f"skipped: the scripts that make the trials are not in {tmp_path / 'none'} (MAMMOSCRIBE_TRIALS).\n"
    )
