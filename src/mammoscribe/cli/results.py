"""results.csv of `predict`: one row per imaged breast, whole exams only, and resumable."""

import csv
import io
import json
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from mammoscribe.domain.exam import Exam
from mammoscribe.domain.report import Breast, Report
from mammoscribe.support.errors import InputError
from mammoscribe.support.files import write_text
from mammoscribe.support.locks import alone

COLUMNS: tuple[str, ...] = (
    "exam_id",
    "laterality",
    "prob_malignant",
    "birads",
    "density",
    "prob_density_a",
    "prob_density_b",
    "prob_density_c",
    "prob_density_d",
    "num_findings",
    "status",
    "message",
)
Row = dict[str, str]


def lacks_a_view(exam: Exam) -> bool:
    """Whether a file was set aside for whose view no other was read; a repeat of a view that was read lacks nothing."""
    read = {(view.laterality, view.projection) for view in exam.current}
    return any((file.laterality, file.projection) not in read for file in exam.set_aside)


def rows_of(report: Report, notes: Sequence[str] = (), set_aside: bool = False) -> list[Row]:
    """One row per imaged breast; `partial` when a fact is missing or a view was set aside."""
    return [_row(report, breast, notes, set_aside) for breast in report.breasts if breast.imaged]


def _row(report: Report, breast: Breast, notes: Sequence[str], set_aside: bool) -> Row:
    known = (breast.prob_malignant, breast.assessment, breast.density)
    partial = set_aside or any(fact is None for fact in known)
    messages = [*notes, *([breast.reason] if breast.reason else [])]
    row = dict.fromkeys(COLUMNS, "")
    row |= {
        "exam_id": report.exam.id,
        "laterality": breast.laterality.value,
        "prob_malignant": "" if breast.prob_malignant is None else f"{breast.prob_malignant:.4f}",
        "birads": breast.assessment.category.value if breast.assessment else "",
        "density": breast.density or "",
        "num_findings": str(sum(f.laterality is breast.laterality for f in report.findings)),
        "status": "partial" if partial else "ok",
        "message": _one_line("; ".join(messages)),
    }
    if breast.density_probs is not None:
        row |= {f"prob_density_{c}": f"{p:.4f}" for c, p in zip("abcd", breast.density_probs, strict=True)}
    return row


def error_row(exam_id: str, message: str) -> Row:
    """The row of an exam that could not be read."""
    return dict.fromkeys(COLUMNS, "") | {"exam_id": exam_id, "status": "error", "message": _one_line(message)}


def _one_line(text: str) -> str:
    return " ".join(text.split())


@contextmanager
def held(path: Path) -> Iterator[None]:
    """Keep other runs from the results while this one reads and rewrites them: the last to write would drop their rows."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with alone(path.with_name(f".{path.name}.lock"), f"another run is writing to {path}"):
        yield


class ResultsFile:
    """A results.csv that always holds whole exams: every addition rewrites it under another name, then renames.

    Beside it stands `<name>.provenance.json` with the reader that made the rows; another reader cannot add to them.

    Raises:
        InputError: when `path` is not such a file, or another reader made it.
    """

    def __init__(self, path: Path, reader: dict[str, str | float | None], retry_errors: bool = False) -> None:
        self.path = path
        self.provenance = path.with_name(f"{path.name}.provenance.json")
        self._reader = reader
        self._rows = self._read() if path.exists() else []
        if retry_errors:
            self._rows = [row for row in self._rows if row["status"] != "error"]

    @property
    def done(self) -> frozenset[str]:
        """Ids of the exams that have their rows."""
        return frozenset(row["exam_id"] for row in self._rows)

    def add(self, rows: Iterable[Row]) -> None:
        """Append the rows of one exam; afterwards the file holds all of them or, after a crash, none."""
        if not self._rows:
            write_text(self.provenance, json.dumps(self._reader, indent=2) + "\n")
        self._rows.extend(rows)
        text = io.StringIO()
        writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(self._rows)
        write_text(self.path, text.getvalue())

    def _read(self) -> list[Row]:
        try:
            with self.path.open(newline="", encoding="utf-8") as stream:
                table = csv.DictReader(stream)
                if tuple(table.fieldnames or ()) != COLUMNS:
                    raise InputError(f"{self.path} is not a results file of predict", "", "give another --out")
                rows = list(table)
        except UnicodeDecodeError:
            raise InputError(f"{self.path} is not a results file of predict", "", "give another --out") from None
        if rows:
            self._check_same_reader()
        return rows

    def _check_same_reader(self) -> None:
        try:
            before = json.loads(self.provenance.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            before = None
        if before != self._reader:
            raise InputError(
                f"{self.path} was made by another reader than {self._reader}",
                "one reader per file",
                "give another --out",
            )
