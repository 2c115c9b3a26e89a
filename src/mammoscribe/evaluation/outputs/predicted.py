"""Outputs that `mammoscribe predict` or another program left: a table with a row per breast, or a folder of report.json."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from mammoscribe.data.formats.tables import Row, all_rows
from mammoscribe.data.report_json import REPORT, current_views, grounded_sentences
from mammoscribe.domain.finding import FindingType
from mammoscribe.domain.view import Box, Laterality
from mammoscribe.evaluation.outputs.exam_output import (
    DENSITIES,
    BreastOutput,
    ExamOutput,
    OutputMark,
    OutputView,
)
from mammoscribe.evaluation.outputs.store import MadeBy
from mammoscribe.support.code_version import source_digest
from mammoscribe.support.errors import InputError, InvalidNoun
from mammoscribe.support.files import sha256_of
from mammoscribe.support.parsing import json_value

FORMS = f"a table with the columns exam_id and laterality, or a folder of EXAM/{REPORT}"
_PROBS = tuple(f"prob_density_{letter}" for letter in DENSITIES)
_ANSWERS = ("prob_malignant", "birads", "density", *_PROBS)
_ERROR = "error"


def read_predictions(path: Path) -> tuple[MadeBy, tuple[ExamOutput, ...]]:
    """Outputs by exam, with what they were read from.

    Args:
        path: `results.csv` of `predict` or any table with its columns (of the answers only those that there are), or the
            folder that `predict --reports` filled.

    Raises:
        InputError: when nothing can be read, a breast is there twice, or an answer is none.
    """
    path = Path(path)
    if path.is_dir():
        return _of_folder(path)
    if not path.is_file():
        raise InputError(f"{path} is not there", FORMS)
    rows = all_rows(path, "a table of predictions")
    provenance = path.with_name(f"{path.name}.provenance.json")
    made = _json_of(provenance) if provenance.is_file() else None
    return _made_by(sha256_of(path), made), tuple(_of_table(path, rows))


def _made_by(digest: str, configuration: object) -> MadeBy:
    return MadeBy(
        {
            "input": {"predictions_sha256": digest}, "configuration": configuration,
            "code": {"sha256": source_digest("evaluation/outputs")},
        }
    )  # fmt: skip


# --- tables -------------------------------------------------------------------------------------------------------


def _of_table(path: Path, rows: Sequence[Row]) -> Iterator[ExamOutput]:
    columns = {name for row in rows[:1] for name in row.fields}
    missing = [name for name in ("exam_id", "laterality") if name not in columns]
    if missing or not columns.intersection(_ANSWERS):
        lacks = f"no column {missing[0]}" if missing else f"none of the columns {', '.join(_ANSWERS)}"
        raise InputError(f"{path} has {lacks}", FORMS)
    exams: dict[str, dict[Laterality, BreastOutput]] = {}
    problems: dict[str, str] = {}
    for row in rows:
        exam = row.fields["exam_id"].strip()
        if not exam:
            raise InputError(f"{row.where} has no exam_id", "the exam of every row")
        breasts = exams.setdefault(exam, {})
        if row.get("status") == _ERROR:
            problems[exam] = row.get("message") or _ERROR
            continue
        side = _side(row)
        if side in breasts:
            raise InputError(
                f"{row.where}: the {side.word} breast of {exam} is in {path.name} twice", "one row for each breast"
            )
        breasts[side] = _answers(row)
    for exam, breasts in exams.items():
        yield ExamOutput(exam, breasts, problem="" if breasts else problems.get(exam, ""))


def _side(row: Row) -> Laterality:
    given = row.fields["laterality"].strip().upper()[:1]
    if given not in {s.value for s in Laterality}:
        raise InputError(f"{row.where} has the laterality {row.fields['laterality']!r}", "R or L")
    return Laterality(given)


def _answers(row: Row) -> BreastOutput:
    probs = [_number(row, name) for name in _PROBS]
    known = tuple(p for p in probs if p is not None)
    count = row.get("num_findings")
    with _at(row.where):
        return BreastOutput(
            _number(row, "prob_malignant"), row.get("density").lower() or None, known if len(known) == len(probs) else None,
            row.get("birads").upper() or None, int(count) if count.isdigit() else None,
        )  # fmt: skip


def _number(row: Row, name: str) -> float | None:
    text = row.get(name)
    if not text:
        return None
    try:
        return float(text)
    except ValueError as error:
        raise InputError(f"{row.where} has {text!r} under {name}", "a number") from error


# --- folders ------------------------------------------------------------------------------------------------------


def _of_folder(folder: Path) -> tuple[MadeBy, tuple[ExamOutput, ...]]:
    files = sorted(folder.glob(f"*/{REPORT}"))
    if not files:
        raise InputError(f"{folder} holds no EXAM/{REPORT}", FORMS, "predict --reports DIR --format json writes them")
    digest, found, made = hashlib.sha256(), {}, None
    for file in files:
        digest.update(file.read_bytes() + b"\0")
        report = _json_of(file)
        with _at(str(file)):
            output = output_of_json(report)
        if output.exam_id in found:
            raise InputError(f"{folder} holds two reports of the exam {output.exam_id}", "one for each exam")
        made = report["provenance"].get("model")
        found[output.exam_id] = output
    return _made_by(digest.hexdigest(), {"model": made}), tuple(found.values())


def output_of_json(report: Mapping[str, Any]) -> ExamOutput:
    """The output that a report.json holds; KeyError, TypeError, ValueError or InvalidNoun where it is none."""
    names = current_views(report)
    current = [v for v in report["exam"]["views"] if v["id"] in names]
    marks = tuple(
        OutputMark(names[m["view"]], FindingType(f["type"]), Box(*m["box_px"]), f["score"], f.get("suspicion"), stated)
        for key, stated in (("findings", True), ("possible", False))
        for f in report[key]
        for m in f["marks"]
        if m["view"] in names
    )
    counts = [f["laterality"] for f in report["findings"]]
    breasts = {
        Laterality(b["laterality"]): _json_breast(b, counts.count(b["laterality"]))
        for b in report["breasts"]
        if b["imaged"]
    }
    return ExamOutput(
        report["exam"]["id"],
        breasts,
        {names[v["id"]]: _json_view(v) for v in current},
        marks,
        False,
        grounded_sentences(report),
    )


def _json_view(view: Mapping[str, Any]) -> OutputView:
    searched = {FindingType(k) for k, s in (view["searched"] or {}).items() if s["searched"]}
    return OutputView(view["width_px"], view["height_px"], frozenset(searched))


def _json_breast(b: Mapping[str, Any], count: int) -> BreastOutput:
    probs = b["density_probs"]
    given = b["assessment"]
    return BreastOutput(
        b["prob_malignant"], b["density"], None if probs is None else tuple(probs[c] for c in DENSITIES),
        None if given is None else given["birads"], count,
    )  # fmt: skip


def _json_of(path: Path) -> Any:
    try:
        return json_value(path.read_bytes())
    except (OSError, ValueError) as error:
        raise InputError(f"{path} cannot be read ({error})", "JSON") from error


@contextmanager
def _at(where: str) -> Iterator[None]:
    """Whatever cannot be read in the block is one sentence that begins with its place."""
    try:
        yield
    except InvalidNoun as error:
        raise InputError(f"{where}: {error.found}", error.expected, error.do) from error
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise InputError(
            f"{where} is no report of this package ({error!r})", f"{REPORT}, as predict writes it"
        ) from error
