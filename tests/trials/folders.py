"""Trials of a lab's folders: each is drafted, checked, read into a catalogue, prepared and exported."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tests.trials.place import Outcome, Place, Row

TWO = {"findings": "A mass.", "impression": "BI-RADS 2."}


@dataclass(frozen=True)
class Folder:
    """What is right for one folder.

    Args:
        reports: exam -> sections of its report; an exam that is not here has none.
        exams: all of them.
        labels: exam -> BI-RADS label, "" for none.
        faults: words, one for each line of errors.csv that is an error.
        left_out: how many lines of errors.csv say "set aside".
        pictures: beginning of the names of the pictures that are read.
        asked: the BI-RADS value of the class that is exported.
        leaks: whether the audit must find one picture in two splits, as it is where all exams have the same one.
    """

    exams: tuple[str, ...]
    reports: Mapping[str, Mapping[str, str]]
    labels: Mapping[str, str] = field(default_factory=dict)
    faults: tuple[str, ...] = ()
    left_out: int = 0
    pictures: str = ""
    asked: str = "4"
    leaks: bool = False

    def words(self) -> str:
        labels = f", BI-RADS {' '.join(self.labels.values())}" if self.labels else ""
        return f"{len(self.exams)} exams, {len(self.reports)} reports word for word{labels}, {len(self.faults)} faults, {self.left_out} left out"  # fmt: skip


_BIRADS = tuple(f"A{i:03d}" for i in range(9))
LOST = "a spreadsheet changed this id to 1.23457E+11"
CASES = {
    "birads": Folder(
        _BIRADS,
        {exam: {"findings": "Tissue.", "impression": "As said."} for exam in _BIRADS},
        dict(zip(_BIRADS, ("4", "4", "4", "4A", "4", "0", "3", "2", "2"), strict=True)),
        leaks=True,
    ),
    "sci": Folder(tuple(f"12345678901{i}" for i in range(3)), {}, faults=(LOST, LOST, LOST)),
    "sep": Folder(("S0", "S1"), {"S0": {"findings": "a."}, "S1": {"findings": "b."}}),
    "u16": Folder(("U0", "U1"), {"U0": {"findings": "nódulo."}, "U1": {"findings": "b."}}),
    "xlsx": Folder(
        ("00123", "X1", "X2", "X3"),
        {"X1": TWO, "X3": {"findings": "d."}},
        {"X1": "2", "X3": ""},
        ("is it 00123, and did a spreadsheet change the id?",),
        asked="2",
    ),
    "combo": Folder(("C1",), {"C1": {"findings": "a."}}, left_out=7, pictures="b_ffdm"),
    "dirty": Folder(
        tuple(f"D{i}" for i in range(6)),
        {
            "D0": {"findings": 'a "star" shape.', "impression": "x"},
            "D1": {"findings": '5" scar.', "impression": "y"},
            "D2": TWO,
            "D3": {"findings": "A mass < 5 mm.", "impression": "BI-RADS 2."},
            "D5": TWO,
        },
    ),
    "title": Folder(("T0", "T1"), {"T0": {"findings": "a."}, "T1": {"findings": "b."}}),
}


def rows(place: Place) -> Iterator[Row]:
    """For each folder: the catalogue by its TOML, the same by a drafted TOML, and what later commands make of it."""
    made = {path.stem for path in (place.trials / "own").glob("*.toml")}
    for name in sorted(made | CASES.keys()):
        if name not in CASES or name not in made:
            yield Row(f"folder {name}", "an expectation and its files", "one of them is missing", False)
            continue
        case = CASES[name]
        for how, toml in (("ingest", place.trials / "own" / f"{name}.toml"), ("draft", _drafted(place, name))):
            checked = place.command("data", "check", toml)
            done = place.command("data", "ingest", toml, out=f"catalogues/{how}-{name}")
            got = checked.harm() or done.harm() or _judged(case, done)
            got = got or ("check and ingest end differently" if checked.code != done.code else "")
            yield Row(f"{how} own/{name}", case.words(), got or "the same", not got)
        yield from _used(place, name, case)


def _drafted(place: Place, name: str) -> Path:
    done = place.command("data", "draft", place.trials / "own" / name, out=f"drafts-{name}.toml")
    return done.written


def _judged(case: Folder, done: Outcome) -> str:
    """What is other than expected, "" when nothing is."""
    if done.code != bool(case.faults):
        return f"exit code {done.code}, '{done.error}'"
    records, errors = done.records(), done.table("errors.csv")
    if sorted(records) != sorted(case.exams):
        return f"exams {sorted(records)}"
    faults = [f"{e['found']}; {e['expected']}; {e['do']}" for e in errors if e["what"] == "error"]
    if len(faults) != len(case.faults) or not all(w in f for w, f in zip(case.faults, faults, strict=True)):
        return f"faults {faults}"
    if sum(e["what"] == "set aside" for e in errors) != case.left_out:
        return f"{len(errors)} lines in errors.csv"
    for exam, record in records.items():
        sections = record.get("report", {}).get("sections")
        if sections != case.reports.get(exam):
            return f"report of {exam}: {sections}"
        if exam in case.labels and record.get("labels", {}).get("birads", "") != case.labels[exam]:
            return f"labels of {exam}: {record.get('labels')}"
        if not all(v["path"].split("/")[-1].startswith(case.pictures) for v in record["views"]):
            return f"pictures of {exam}: {[v['path'] for v in record['views']]}"
    return ""


def _used(place: Place, name: str, case: Folder) -> Iterator[Row]:
    """The commands that take the catalogue on."""
    catalogue = place.folder / f"catalogues/ingest-{name}"
    split = place.command("data", "split", catalogue)
    few = "warning: no patient is in " in split.err
    got = split.harm() or ("" if split.code == 0 and few else f"exit code {split.code}, {split.err.strip()!r}")
    yield Row(f"split own/{name}", "a warning of few patients", got or "the same", not got)
    prepared = place.command("data", "prepare", catalogue, out=f"prepared-{name}")
    leaks = [line for line in prepared.err.splitlines() if " - leak: " in line]
    got = prepared.harm() or (
        ""
        if (prepared.code, bool(leaks)) == (case.leaks, case.leaks)
        else f"exit code {prepared.code}, {prepared.err!r}"
    )
    told = ", the same one in two splits told" if case.leaks else ""
    yield Row(f"prepare own/{name}", f"every picture prepared{told}", got or "the same", not got)
    chats = place.command("data", "export", catalogue, "--to", "llava", out=f"chats-{name}")
    if case.reports:
        got = chats.harm() or ("" if chats.code == 0 else f"exit code {chats.code}, {chats.err.strip()!r}")
        yield Row(f"export own/{name} llava", "conversations of its reports", got or "the same", not got)
    else:
        got = chats.harm() or ("" if chats.code == 2 else f"exit code {chats.code}, {chats.out.strip()!r}")
        yield Row(f"export own/{name} llava", "refused: no report", chats.error or got, not got)
    if case.labels:
        table = place.command(
            "data",
            "export",
            catalogue,
            "--to",
            "labels",
            "--class",
            f"asked:birads={case.asked}",
            out=f"labels-{name}.csv",
        )
        got = table.harm() or _classes(case, table)
        yield Row(f"export own/{name} labels", f"birads={case.asked}, of 4A to 4C as of 4, blank where unlabelled", got or "the same", not got)  # fmt: skip


def _classes(case: Folder, done: Outcome) -> str:
    values = {}
    for row in done.table() if done.written.exists() else []:
        exam = next((e for e in case.labels if e in row.values() or any(f"{e}_" in v for v in row.values())), None)
        if exam is not None:
            values[exam] = row.get("asked")
    wanted = {exam: str(int(label.startswith(case.asked))) if label else "" for exam, label in case.labels.items()}
    return "" if values == wanted else f"exit code {done.code}, {values or done.err.strip()!r}"
