"""A first TOML for a folder that nobody has described yet: what was found, what was guessed, what to look at."""

import glob
import json
import re
import tomllib
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from mammoscribe.data.labels.values import kind_of, normalised
from mammoscribe.data.naming import parse_laterality, parse_projection, parse_view
from mammoscribe.data.own_folder.dates import OrderFound, is_day
from mammoscribe.data.own_folder.draft_teaching import proposed_teaching
from mammoscribe.data.own_folder.ids import lost_by_a_spreadsheet
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
from mammoscribe.data.own_folder.values import is_both, split_of
from mammoscribe.data.texts.report_sections import headings_in, languages
from mammoscribe.data.texts.report_text import Section
from mammoscribe.support.errors import InputError

_EXAM = ("accession", "exam", "study", "case", "uid", "id")
_TEXT = ("report", "text", "findings", "caption", "informe", "laudo", "befund", "note")
_PATIENT = ("patient", "mrn", "subject", "paciente")
_LABELS = {
    "birads": ("birads", "bi-rads", "bi rads", "bi_rads", "assessment"),
    "density": ("density", "acr", "composition", "densidad"),
    "cancer": ("cancer", "malignan"),
    "pathology": ("pathology", "patolog"),
    "histology": ("histolog",),
}
_MAMMOGRAPHY = re.compile(r"bi-?\s?rads|mammogra|mamograf|\bmammo\b|\bmamas?\b", re.IGNORECASE)
_WORDS = {
    "en": ("the", "of", "and", "is", "with", "in"),
    "es": ("el", "la", "los", "las", "en", "una", "del", "y", "con", "se"),
    "pt": ("o", "os", "da", "do", "das", "dos", "em", "uma", "com", "e", "não", "na"),
}
"""Words by which the language of reports is known."""
MAX_TABLES = 20
_LONG = 25
"""Letters that a text has on average, at least, and an id has not."""


@dataclass(frozen=True)
class _Table:
    """A table, or a folder of text files, and how many ids of the sample are in which of its columns.

    Args:
        way, exam, hits: the way of naming exams whose ids are in the column `exam`, and how many different ones.
        near: where none is, ids of the sample and how the column writes them.
    """

    name: str
    columns: Mapping[str, Column]
    way: Way | None = None
    exam: str = ""
    hits: int = 0
    near: Mapping[str, str] = field(default_factory=dict)

    @property
    def longest(self) -> float:
        """Letters of the column with the longest values."""
        return max((column.mean_letters for column in self.columns.values()), default=0)

    @property
    def names_pictures(self) -> bool:
        """Whether its rows are about pictures."""
        return self.way is not None and self.way.exam == "column"


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
    kind, seen = _kind(files, looked, tables, manifest)
    lines = [
        "# A draft: every line is a guess from a look at the folder. Correct it, then `mammoscribe data check` it.",
        f"name = {_text(root.name or 'ours')}",
        f"kind = {_text(kind)}{f'  # {seen}' if seen else ''}",
        f"language = {_text(_language(tables))}  # of the reports: {', '.join(languages())}",
        'licence = "not stated"  # the terms of your data',
        f'root = {_text(root.as_posix())}  # or "." when this file lies in it',
        *(_lines(files, looked, tables) if manifest is None else _of_manifest(manifest)),
        *unread,
    ]
    text = "\n".join(lines) + "\n"
    return text + "".join(f"{line}\n" for line in proposed_teaching(tomllib.loads(text)))


def _kind(files: Files, looked: Looked, tables: Sequence[_Table], manifest: _Table | None) -> tuple[str, str]:
    """What the records are, and why: mammograms by their headers or names, or by a table of them."""
    if manifest is not None:
        return "mammo-exam", ""
    if looked.num_mammograms:
        return "mammo-exam", f"{looked.num_mammograms} of {len(files.sample)} images looked at are CC or MLO views"
    if table := next((t for t in tables if t.names_pictures and _side_and_view(t)), None):
        return "mammo-exam", f"{_comment(table.name)} says side and view of each picture"
    if not files.images and any(_MAMMOGRAPHY.search(text) for table in tables for text in _texts_of(table)):
        return "mammo-exam", "the reports are of mammography; without images they are exams without pictures"
    seen = f"{looked.num_mammograms} of {len(files.sample)} images looked at are CC or MLO views"
    return ("image-text", seen) if files.images else ("text-document", "")


def _texts_of(table: _Table) -> Iterator[str]:
    yield from table.columns
    yield from (value for column in table.columns.values() for value in column.values)


def _side_and_view(table: _Table) -> tuple[str, str] | None:
    """("", column) where one column has the whole view, (column, column) for side and projection, None for neither."""
    whole = next((c.name for c in table.columns.values() if c.share_of(parse_view) > 0.5), "")
    if whole:
        return "", whole
    sides = [c for c in table.columns.values() if c.all_are(parse_laterality)]
    views = [c for c in table.columns.values() if c.mean_letters < _LONG and c.share_of(parse_projection) >= 0.5]
    return (sides[0].name, views[0].name) if sides and views else None


def _of_manifest(manifest: _Table) -> Iterator[str]:
    yield f"manifest = {_text(manifest.name)}  # it has exam_id and path"
    yield from _labels(manifest, set())


def _lines(files: Files, looked: Looked, tables: Sequence[_Table]) -> Iterator[str]:
    table = max(tables, key=lambda t: (t.hits, len(t.near), t.longest), default=None)
    texts = max(_text_files(files, looked.ways), key=lambda t: (t.hits, t.name), default=None)
    chosen = texts if table is None or (texts is not None and texts.hits > table.hits) else table
    lines = list(_reports(chosen, tables, looked, bool(files.images))) if chosen is not None else []
    if files.images:
        yield f"images = {_patterns(files)}  # {files.num_images} files"
        by_table = any(line.startswith("report_image") for line in lines)
        ways = looked.ways if chosen is None or chosen.way is None or chosen.names_pictures else (chosen.way,)
        if ways and not by_table:
            yield f"exam = {_text(ways[0].exam)}  # {_comment(ways[0].why)}"
    yield from lines


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
        if columns:
            yield _best(name, columns, ways)
    if len(names) > MAX_TABLES:
        unread.append(f"# {len(names) - MAX_TABLES} more tables were not looked at")


def _best(name: str, columns: Mapping[str, Column], ways: Sequence[Way]) -> _Table:
    """The table with the way and column that have most different ids of the sample in common; if none has, nearly.

    Where two have as many, the column that has few other values, and that is no label, is the one of the ids.
    """
    labels = {c.name for c in columns.values() if any(_is_label(label, c) for label in _LABELS)}
    best, rank = _Table(name, columns), (0, False, 0.0)
    for way in ways:
        for column in columns.values():
            number = column.num_found(way)
            found = (number, column.name not in labels, number / max(1, column.num_distinct))
            if number >= max(1, way.num_needed) and found > rank:
                best, rank = _Table(name, columns, way, column.name, number), found
    if best.way is not None:
        return best
    pairs = [
        (way, column)
        for way in ways
        for column in columns.values()
        if way.exam != "column" and column.name not in labels and column.num_near(way) >= max(1, way.num_needed)
    ]
    if not pairs:
        return best
    way, column = max(pairs, key=lambda pair: pair[1].num_near(pair[0]))
    return _Table(name, columns, way, column.name, 0, column.near[way.exam])


def _is_label(label: str, column: Column) -> bool:
    """Whether a column has the values of a label, by its name and by what most of them are."""
    if not any(word in column.name.lower() for word in _LABELS[label]):
        return False
    kind = kind_of(label)
    if kind is None:
        return column.mean_letters < 2 * _LONG
    understood = column.share_of(lambda value: normalised(kind, value))
    return understood >= 0.5 or (label != "pathology" and column.mean_letters < _LONG)


def _reports(table: _Table, tables: Sequence[_Table], looked: Looked, has_images: bool) -> Iterator[str]:
    if not table.columns:
        named = (
            f"{table.hits} of them are named after exams looked at"
            if table.hits
            else "named after the exam: is that so?"
        )
        yield f"reports = {_text(table.name)}  # {named}"
        return
    exam = table.exam or _likely(table, _EXAM, set(), lambda c: c.mean_letters < 4 * _LONG) or next(iter(table.columns))
    used = {exam}
    labels = list(_labels(table, used))
    view = _side_and_view(table) if table.names_pictures and not looked.num_dicom else None
    used |= set(view or ())
    texts = list(_texts(table, used, must=not has_images))
    mark = "" if texts or labels or view else "# "
    others = ", ".join(t.name for t in tables if t is not table)
    yield f"{mark}reports = {_text(table.name)}" + (f"  # also there: {_comment(others)}" if others else "")
    yield f"# its columns: {_comment(', '.join(table.columns))}"
    key = "report_image" if table.names_pictures else "report_exam"
    yield f"{mark}{key} = {_text(exam)}  # {_why(table, exam, has_images)}"
    if table.names_pictures and (group := _likely(table, _EXAM[:-2], used)):
        used.add(group)
        yield f"{mark}report_exam = {_text(group)}  # a guess; without it every picture is an exam of its own"
    yield from texts
    if not looked.num_dicom:
        yield from _who_and_when(table, used, mark)
    yield from labels
    yield from _view_lines(table, used, view, bool(looked.num_mammograms and labels))
    if split := _all(table, lambda value: split_of("", [value]), used):
        yield f"{mark}split = {_text(split)}  # a guess"


def _why(table: _Table, exam: str, has_images: bool) -> str:
    """Why a column is taken for that of the ids, and how it writes them where they differ."""
    if table.hits:
        return f"{table.hits} of its values are {'names' if table.names_pictures else 'ids'} of images looked at"
    if table.near:
        known, written = next(iter(table.near.items()))
        return _comment(
            f"{len(table.near)} of its values are like ids of images looked at, and written differently ({written} for {known}): "
            "nothing is joined by likeness, so correct the table, or exam"
        )
    spoiled = [why for value in sorted(table.columns[exam].values) if (why := lost_by_a_spreadsheet(value))]
    if spoiled:
        return _comment(spoiled[0])
    return "a guess: no id of the images looked at is in any column; correct this, or exam" if has_images else "a guess"


def _who_and_when(table: _Table, used: set[str], mark: str) -> Iterator[str]:
    """Patient and day, which pictures without headers do not say."""
    if patient := _likely(table, _PATIENT, used):
        used.add(patient)
        yield f"{mark}report_patient = {_text(patient)}  # a guess"
    if day := _all(table, is_day, used):
        used.add(day)
        yield f"{mark}report_date = {_text(day)}  # a guess"
        order = OrderFound()
        for value in sorted(table.columns[day].values):
            order.note(value)
        if order.either and len(order.examples) != 1:
            yield f'{mark}report_date_order = "dmy"  # or "mdy": {_comment(order.either)} can be two days'


def _view_lines(table: _Table, used: set[str], view: tuple[str, str] | None, may_be_breasts: bool) -> Iterator[str]:
    """Columns that say what a picture shows, or which breast a row is about."""
    if view is not None:
        if view[0]:
            yield f"laterality = {_text(view[0])}  # of the picture; the labels are then those of that breast"
        yield f"view = {_text(view[1])}  # of the picture"
    elif may_be_breasts and (side := _all(table, lambda v: is_both(v) or parse_laterality(v), used)):
        yield f"# laterality = {_text(side)}  # when a row is one breast, and its labels are that breast's"


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
    text = text or _likely(table, _TEXT, used, lambda column: not column.all_are(is_day))
    remark = "a guess" if text else "no column looks like a text: correct this"
    text = text or (list(table.columns)[-1] if must else "")
    if text:
        used.add(text)
        yield f"report_text = {_text(text)}  # {remark}"


def _section(name: str) -> Section | None:
    found = {h.section for language in languages() for h in headings_in(f"{name}: text", language)} - {Section.OTHER}
    return found.pop() if len(found) == 1 else None


def _labels(table: _Table, used: set[str]) -> Iterator[str]:
    found: dict[str, str] = {}
    for label, words in _LABELS.items():
        if name := _likely(table, words, used, lambda column, label=label: _is_label(label, column), by_name=True):
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
    """The language whose words are most frequent in the long values; English where there are none."""
    texts = " ".join(
        value.lower() for t in tables for c in t.columns.values() if c.mean_letters >= _LONG for value in c.values
    )
    words = Counter(re.findall(r"[^\W\d_]+", texts))
    counts = {language: sum(words[word] for word in _WORDS[language]) for language in languages()}
    best = max(counts, key=lambda language: counts[language])
    return best if counts[best] > 2 else languages()[0]


def _text(value: str) -> str:
    """A TOML basic string (TOML 1.0: escapes as in JSON, and DEL escaped too)."""
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def _comment(text: str) -> str:
    """Words that fit a comment: one line, printable, not too long."""
    plain = "".join(c if c.isprintable() else " " for c in text)
    return plain if len(plain) <= 300 else f"{plain[:300]}..."
