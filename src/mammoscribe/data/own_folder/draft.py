"""A first TOML for a folder that nobody has described yet: what was found, what was guessed, what to look at."""

import glob
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from mammoscribe.data.naming import parse_laterality
from mammoscribe.data.own_folder.look import (
    Column,
    Files,
    Looked,
    Way,
    columns_in,
    files_in,
    looked_at,
    way_of_pictures,
)
from mammoscribe.data.own_folder.dates import date_of
from mammoscribe.data.own_folder.said import is_both, split_of
from mammoscribe.data.texts.report_sections import split_sections
from mammoscribe.data.texts.report_text import Section
from mammoscribe.support.errors import InputError

_EXAM = ("accession", "exam", "study", "case", "uid", "id")
_TEXT = ("report", "text", "findings", "caption", "informe", "befund", "note")
_PATIENT = ("patient", "mrn", "subject", "paciente")
_LABELS = {
    "birads": ("birads", "bi-rads", "bi rads", "bi_rads", "assessment"),
    "density": ("density", "acr", "composition", "densidad"),
    "cancer": ("cancer", "malignan"),
    "pathology": ("pathology", "histolog"),
}
MAX_TABLES = 20
_LONG = 25
"""Letters that a text has on average, at least, and an id has not."""


@dataclass(frozen=True)
class _Table:
    name: str
    columns: Mapping[str, Column]
    way: Way | None = None
    exam: str = ""
    hits: int = 0

    @property
    def longest(self) -> float:
        """Letters of the column with the longest values."""
        return max((column.mean_letters for column in self.columns.values()), default=0)


def draft_toml(folder: Path) -> str:
    """A TOML that describes the folder as far as a look at it tells, with comments where it is a guess.

    The same folder gives the same text. Of images a sample is opened; of tables the first rows are read, and the column
    in which the ids of the sample stand is the exam's.

    Raises:
        InputError: when it is no folder, or holds neither an image nor a table nor texts.
    """
    folder = Path(folder)
    if not folder.is_dir():
        found = f"{folder} is {'a file' if folder.exists() else 'not there'}"
        raise InputError(found, "a folder of images and reports")
    root = folder.resolve()
    files = files_in(root)
    if not (files.images or files.tables or files.texts):
        raise InputError(f"{folder} holds no image and no table", "a folder of images and reports")
    looked = looked_at(root, files.sample)
    unread: list[str] = []
    tables = list(_tables(root, files, looked.ways, unread))
    manifest = next((t for t in tables if {"exam_id", "path"} <= {name.lower() for name in t.columns}), None)
    kind = "mammo-exam" if looked.num_mammograms or manifest else "image-text" if files.images else "text-document"
    seen = f"{looked.num_mammograms} of {len(files.sample)} images looked at are CC or MLO views"
    lines = [
        "# A draft: every line is a guess from a look at the folder. Correct it, then `mammoscribe data check` it.",
        f"name = {_text(root.name or 'ours')}",
        f"kind = {_text(kind)}{f'  # {seen}' if files.images else ''}",
        f"language = {_text(_language(tables))}  # of the reports: en or es",
        'licence = "not stated"  # the terms of your data',
        f'root = {_text(root.as_posix())}  # or "." when this file lies in it',
        *(_said(files, looked, tables) if manifest is None else _of_manifest(manifest)),
        *unread,
    ]
    return "\n".join(lines) + "\n"


def _of_manifest(manifest: _Table) -> Iterator[str]:
    yield f"manifest = {_text(manifest.name)}  # it has exam_id and path"
    yield from _labels(manifest, set())


def _said(files: Files, looked: Looked, tables: Sequence[_Table]) -> Iterator[str]:
    table = max(tables, key=lambda t: (t.hits, t.longest), default=None)
    texts = max(_text_files(files, looked.ways), key=lambda t: (t.hits, t.name), default=None)
    chosen = texts if table is None or (texts is not None and texts.hits > table.hits) else table
    told = list(_reports(chosen, tables, looked, bool(files.images))) if chosen is not None else []
    if files.images:
        yield f"images = {_patterns(files)}  # {files.num_images} files"
        if not looked.num_mammograms and chosen is not None:
            yield from _views(chosen)
        by_table = any(line.startswith("report_image") for line in told)
        ways = looked.ways if chosen is None or chosen.way is None or chosen.way.exam == "column" else (chosen.way,)
        if ways and not by_table:
            yield f"exam = {_text(ways[0].exam)}  # {_comment(ways[0].why)}"
    yield from told


def _text_files(files: Files, ways: Sequence[Way]) -> Iterator[_Table]:
    """The folders with text files, and for how many of the ids there is one of that name."""
    for name, stems in files.texts.items():
        folder, _, pattern = name.rpartition("/")
        escaped = f"{glob.escape(folder)}/{pattern}" if folder else pattern
        hits, way = max(((len(way.ids & set(stems)), way) for way in ways), key=lambda pair: pair[0], default=(0, None))
        yield _Table(escaped, {}, way if hits else None, "", hits)


def _patterns(files: Files) -> str:
    """One pattern per top folder and suffix; where there are many top folders, one for all of them."""
    tops = {top for top, _ in files.images}
    many = len(tops) > 3
    found = dict.fromkeys(
        f"{'**/' if many else f'{glob.escape(top)}/**/' if top else ''}*{suffix}" for top, suffix in files.images
    )
    return "[" + ", ".join(map(_text, found)) + "]"


def _tables(root: Path, files: Files, ways: Sequence[Way], unread: list[str]) -> Iterator[_Table]:
    """Tables that can be read, each with the way and column in which most ids of the sample stand; and what is unread."""
    names = files.tables
    ways = (*ways, way_of_pictures(files.sample))
    for name in names[:MAX_TABLES]:
        try:
            columns = columns_in(root / name, ways)
        except InputError as error:
            unread.append(f"# {_comment(name)} cannot be read: {_comment(error.sentence())}")
            continue
        best = _Table(name, columns)
        for way in ways:
            for column in columns.values():
                if column.hits[way.exam] >= max(best.hits + 1, way.num_needed):
                    best = _Table(name, columns, way, column.name, column.hits[way.exam])
        if columns:
            yield best
    if len(names) > MAX_TABLES:
        unread.append(f"# {len(names) - MAX_TABLES} more tables were not looked at")


def _reports(table: _Table, tables: Sequence[_Table], looked: Looked, has_images: bool) -> Iterator[str]:
    if not table.columns:
        named = (
            f"{table.hits} of them are named after exams looked at"
            if table.hits
            else "named after the exam: is that so?"
        )
        yield f"reports = {_text(table.name)}  # {named}"
        return
    names_files = table.way is not None and table.way.exam == "column"
    exam = table.exam or _likely(table, _EXAM, set(), lambda c: c.mean_letters < 4 * _LONG) or next(iter(table.columns))
    used = {exam}
    texts = list(_texts(table, used, must=not has_images))
    labels = list(_labels(table, used))
    mark = "" if texts or labels else "# "
    others = ", ".join(t.name for t in tables if t is not table)
    yield f"{mark}reports = {_text(table.name)}" + (f"  # also there: {_comment(others)}" if others else "")
    yield f"# its columns: {_comment(', '.join(table.columns))}"
    key, what = ("report_image", "names") if names_files else ("report_exam", "ids")
    told = f"{table.hits} of its values are {what} of images looked at" if table.hits else "a guess"
    if has_images and not table.hits:
        told = "a guess: no id of the images looked at is in any column; correct this, or exam"
    yield f"{mark}{key} = {_text(exam)}  # {told}"
    if names_files and (group := _likely(table, _EXAM[:-2], used)):
        used.add(group)
        yield f"{mark}report_exam = {_text(group)}  # a guess; without it every picture is an exam of its own"
    yield from texts
    if not looked.num_dicom and (patient := _likely(table, _PATIENT, used)):
        used.add(patient)
        yield f"{mark}report_patient = {_text(patient)}  # a guess"
    if not looked.num_dicom and (day := _all(table, date_of, used)):
        yield f"{mark}report_date = {_text(day)}  # a guess"
    yield from labels
    if looked.num_mammograms and labels and (side := _all(table, lambda v: is_both(v) or parse_laterality(v), used)):
        yield f"# laterality = {_text(side)}  # when a row is one breast, and its labels are that breast's"
    if split := _all(table, lambda value: split_of("", [value]), used):
        yield f"{mark}split = {_text(split)}  # a guess"


def _views(table: _Table) -> Iterator[str]:
    """A hint where a table of pictures that say no view says it itself."""
    side = _all(table, parse_laterality, set())
    view = next((c.name for c in table.columns.values() if {"CC", "MLO"} & {v.upper() for v in c.values}), "")
    if side and view:
        found = f"{side} and {view} look like sides and views of mammograms"
        yield f"# {_comment(found)}: as a manifest (exam_id,laterality,view,path) the table makes exams of them"


def _texts(table: _Table, used: set[str], must: bool) -> Iterator[str]:
    """The column of the report, or those of its sections."""
    named = [column.name for column in table.columns.values() if column.has_words and column.name not in used]
    sections = {name: section for name in named if (section := _section(name)) is not None}
    if len(set(sections.values())) > 1:
        once = {section: name for name, section in reversed(sections.items())}
        used |= set(once.values())
        pairs = ", ".join(f"{section} = {_text(once[section])}" for section in Section if section in once)
        yield f"report_sections = {{ {pairs} }}  # a guess"
        return
    text = _likely(table, _TEXT, used, lambda column: column.has_words)
    text = text or _likely(table, ("",), used, lambda column: column.has_words and column.mean_letters >= _LONG)
    text = text or _likely(table, _TEXT, used, lambda column: not column.all_are(date_of))
    told = "a guess" if text else "no column looks like a text: correct this"
    text = text or (list(table.columns)[-1] if must else "")
    if text:
        used.add(text)
        yield f"report_text = {_text(text)}  # {told}"


def _section(name: str) -> Section | None:
    found = {s for language in ("en", "es") for s in split_sections(f"{name}: text", language)} - {Section.OTHER}
    return found.pop() if len(found) == 1 else None


def _labels(table: _Table, used: set[str]) -> Iterator[str]:
    found: dict[str, str] = {}
    for label, words in _LABELS.items():
        if name := _likely(table, words, used, lambda column: column.mean_letters < _LONG, by_name=True):
            found[label] = name
            used.add(name)
    if found:
        yield f"labels = {{ {', '.join(f'{label} = {_text(name)}' for label, name in found.items())} }}  # a guess"


def _likely(
    table: _Table,
    words: Sequence[str],
    used: set[str],
    fits: Callable[[Column], bool] = lambda _: True,
    by_name: bool = False,
) -> str:
    """The column with the longest values (or shortest name) of those whose name holds the first word that any name holds."""
    for word in words:
        named = [c for c in table.columns.values() if word in c.name.lower() and c.name not in used and fits(c)]
        if named:
            return max(named, key=lambda c: -len(c.name) if by_name else c.mean_letters).name
    return ""


def _all(table: _Table, kind: Callable[[str], object], used: set[str]) -> str:
    return next((c.name for c in table.columns.values() if c.name not in used and c.all_are(kind)), "")


def _language(tables: Sequence[_Table]) -> str:
    texts = " ".join(
        value.lower() for t in tables for c in t.columns.values() if c.mean_letters >= _LONG for value in c.values
    )
    spanish, english = (
        sum(texts.count(f" {w} ") for w in words) for words in (("de", "la", "el", "en"), ("the", "of", "and", "no"))
    )
    return "es" if spanish > english else "en"


def _text(value: str) -> str:
    """A TOML basic string (TOML 1.0: escapes as in JSON, and DEL escaped too)."""
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def _comment(text: str) -> str:
    """Words that fit a comment: one line, printable, not too long."""
    plain = "".join(c if c.isprintable() else " " for c in text)
    return plain if len(plain) <= 300 else f"{plain[:300]}..."
