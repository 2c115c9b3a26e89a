"""results.csv of `predict`: one row per imaged breast, whole exams only, and resumable."""

import csv
import io
import json
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
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
MadeBy = Mapping[str, str | float | None]
"""What made the rows of a table: the reader, and the options that decide about the results."""


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
    """Keep other runs from the results while this one reads and rewrites them; the last to write would drop their rows."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with alone(path.with_name(f".{path.name}.lock"), f"another run is writing to {path}"):
        yield


class ResultsFile:
    """A results.csv that always holds whole exams, in the order of the manifest: it is rewritten, then renamed.

    Beside it stands `<name>.provenance.json` with what made the rows; nothing else can add to them. As a context it is
    written when it is left, whatever the reason. Before that, writing takes no more than a twentieth of the time, so that
    a killed run loses the rows of a moment and a long table is not written again for every exam.

    Args:
        path: the table; rows that are in it are kept.
        made_by: what makes the rows: reader, options, and where it matters the manifest.
        retry_errors: whether rows of errors are dropped, so that their exams are read again.
        order: place of each exam in the manifest; an exam that is not in it any more comes first.

    Raises:
        InputError: when `path` is not such a file, or was made in another way.
    """

    def __init__(
        self, path: Path, made_by: MadeBy, retry_errors: bool = False, order: Mapping[str, int] | None = None
    ) -> None:
        self.path = path
        self._made_by = dict(made_by)
        self._order = order or {}
        self.rows = self._read() if path.exists() else []
        if retry_errors:
            self.rows = [row for row in self.rows if row["status"] != "error"]
        self._next_write = 0.0
        self._dirty = False

    def __enter__(self) -> "ResultsFile":
        return self

    def __exit__(self, error: type[BaseException] | None, *_: object) -> None:
        if self._dirty or (error is None and not self.path.exists()):
            self._write()

    @property
    def done(self) -> frozenset[str]:
        """Ids of the exams that have their rows."""
        return frozenset(row["exam_id"] for row in self.rows)

    def add(self, rows: Iterable[Row]) -> None:
        """Take the rows of one exam; the file holds all of them or, until it is written, none."""
        self.rows.extend(rows)
        self._dirty = True
        if time.monotonic() >= self._next_write:
            self._write()

    def replace(self, rows: Iterable[Row]) -> None:
        """Take these rows, of whole exams, in place of those that are there."""
        self.rows = list(rows)
        self._dirty = True

    def _write(self) -> None:
        began = time.monotonic()
        self.rows.sort(key=lambda row: self._order.get(row["exam_id"], -1))
        write_text(provenance_of(self.path), json.dumps(self._made_by, indent=2) + "\n")
        text = io.StringIO()
        writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(self.rows)
        write_text(self.path, text.getvalue())
        self._dirty = False
        ended = time.monotonic()
        self._next_write = ended + 19 * (ended - began)

    def _read(self) -> list[Row]:
        refused = InputError(f"{self.path} is not a results file of predict", "", "give another --out")
        try:
            with self.path.open(newline="", encoding="utf-8") as stream:
                table = csv.DictReader(stream)
                if tuple(table.fieldnames or ()) != COLUMNS:
                    raise refused
                rows = list(table)
        except UnicodeDecodeError:
            raise refused from None
        if rows:
            self._check_made_by()
        return rows

    def _check_made_by(self) -> None:
        before = read_provenance(self.path)
        if before == self._made_by:
            return
        differing = "" if before is None else f" ({differences(before, self._made_by)})"
        raise InputError(
            f"{self.path} was made by another reader, or with other options{differing}",
            "one reader, with the same options, per file",
            "give another --out",
        )


def provenance_of(path: Path) -> Path:
    """The file beside a results.csv that says what made it."""
    return path.with_name(f"{path.name}.provenance.json")


def read_provenance(path: Path) -> MadeBy | None:
    """What made a results.csv, None where that is not known."""
    try:
        made_by = json.loads(provenance_of(path).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return made_by if isinstance(made_by, dict) else None


def differences(before: MadeBy, now: MadeBy) -> str:
    """Where two runs differ: `setting screening, now diagnostic`."""
    names = [name for name in {**before, **now} if before.get(name) != now.get(name)]
    return "; ".join(f"{name} {before.get(name)}, now {now.get(name)}" for name in names)
