"""A look at a folder that nobody has described yet: what its files are, where an exam's id may stand, what its tables hold."""

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import islice
from pathlib import Path, PurePosixPath

from mammoscribe.data.formats.tables import Row
from mammoscribe.data.naming import view_in_name
from mammoscribe.data.own_folder.dates import is_day
from mammoscribe.data.own_folder.ids import plain_id
from mammoscribe.data.own_folder.reports import table_rows
from mammoscribe.data.own_folder.spec import TABLE_SUFFIXES, TEXT_SUFFIXES
from mammoscribe.data.own_folder.walk import files_of
from mammoscribe.imaging.damage import named_damage
from mammoscribe.imaging.decode import is_dicom, open_dicom
from mammoscribe.imaging.refusal import refusal
from mammoscribe.support.errors import InputError

PICTURES = (".dcm", ".dicom", ".ima", ".png", ".jpg", ".jpeg", ".tif", ".tiff", ".pgm")
SAMPLE, ROWS = 40, 20_000
"""Files of which the headers are read, and rows of a table that are looked at."""
KEPT, COUNTED, MAX_ID_CHARS = 50, 2000, 64
"""Different values of a column that are kept, and counted; letters of the longest that may be an id."""
_BEFORE_VIEW = r"(?i)(?P<exam>[^/]+?)[-_ .]+(?:right|left|rt|lt|r|l)[-_ .]*(?:cc|mlo)"
_BEFORE_MARK = r"(?P<exam>[^/_-]+)[_-][^/]*$"
_STEM = r"(?P<exam>[^/]+?)(?:\.[^/.]+)?$"


@dataclass(frozen=True)
class Way:
    """One way in which files may name their exam.

    Args:
        exam: what the TOML file would say.
        ids: what it gives for the sample.
        why: for a comment.
        num_needed: how many ids a table must hold before it is believed: names of files such as `1` are ids by chance.
    """

    exam: str
    ids: frozenset[str]
    why: str
    num_needed: int = 1

    @cached_property
    def plain_ids(self) -> Mapping[str, str]:
        """Plain form of an id (`ids.plain_id`) -> the id; forms of several ids, and of one letter, are left out."""
        forms = Counter(plain_id(name) for name in self.ids)
        return {form: name for name in self.ids if len(form := plain_id(name)) > 1 and forms[form] == 1}


@dataclass
class Files:
    """What lies in the folder: how many images of each pattern's kind, a sample of them, tables, and texts by folder."""

    images: Counter[tuple[str, str]] = field(default_factory=Counter)
    sample: list[str] = field(default_factory=list)
    tables: list[str] = field(default_factory=list)
    texts: dict[str, list[str]] = field(default_factory=dict)

    @property
    def num_images(self) -> int:
        """All images."""
        return sum(self.images.values())


@dataclass(frozen=True)
class Looked:
    """What the sample of images is: how many are mammograms, how many are DICOM, and the ways to name an exam, best first."""

    num_mammograms: int
    num_dicom: int
    ways: tuple[Way, ...]


@dataclass
class Column:
    """A column of a table: values met, their letters, and which ids of each way are among them."""

    name: str
    num_values: int = 0
    num_letters: int = 0
    values: set[str] = field(default_factory=set)
    found: dict[str, set[str]] = field(default_factory=dict)
    near: dict[str, dict[str, str]] = field(default_factory=dict)
    _distinct: set[str] = field(default_factory=set)

    @property
    def mean_letters(self) -> float:
        """Letters of a value."""
        return self.num_letters / max(1, self.num_values)

    @property
    def has_words(self) -> bool:
        """Whether a value has more than one word and is no day with its time."""
        return any(" " in value for value in self.values) and not self.all_are(is_day)

    @property
    def num_distinct(self) -> int:
        """Different values, as far as they are counted."""
        return len(self._distinct)

    def num_found(self, way: Way) -> int:
        """How many different ids of a way are among the values."""
        return len(self.found.get(way.exam, ()))

    def num_near(self, way: Way) -> int:
        """How many different ids of a way are among the values in another spelling."""
        return len(self.near.get(way.exam, ()))

    def add(self, value: str, ways: Sequence[Way]) -> None:
        """Look at one value; the first fifty different ones are kept."""
        if not value:
            return
        self.num_values += 1
        self.num_letters += len(value)
        if len(self.values) < KEPT:
            self.values.add(value)
        if len(self._distinct) < COUNTED:
            self._distinct.add(value)
        plain = plain_id(value) if len(value) <= MAX_ID_CHARS else ""
        for way in ways:
            if value in way.ids:
                self.found.setdefault(way.exam, set()).add(value)
            elif plain and (meant := way.plain_ids.get(plain)) is not None:
                self.near.setdefault(way.exam, {}).setdefault(meant, value)

    def all_are(self, kind: Callable[[str], object]) -> bool:
        """Whether every value that was kept is of a kind; `kind` gives something or raises InputError."""
        return bool(self.values) and self.share_of(kind) == 1

    def share_of(self, kind: Callable[[str], object]) -> float:
        """Share of the values that were kept which are of a kind."""
        return sum(_is(kind, value) for value in self.values) / max(1, len(self.values))


def _is(kind: Callable[[str], object], value: str) -> bool:
    try:
        return bool(kind(value))
    except InputError:
        return False


def files_in(root: Path) -> Files:
    """What lies in a folder; the sample is spread evenly over the images."""
    found, step = Files(), 1
    for name in files_of(root, ["**"]):
        if not isinstance(name, str):
            continue
        path = PurePosixPath(name)
        suffix = path.suffix.lower()
        if suffix in PICTURES or (_no_suffix(suffix) and is_dicom(root / name)):
            if found.num_images % step == 0:
                found.sample.append(name)
            if len(found.sample) > 2 * SAMPLE:
                found.sample, step = found.sample[::2], 2 * step
            found.images[path.parts[0] if len(path.parts) > 1 else "", "" if _no_suffix(suffix) else suffix] += 1
        elif suffix in TABLE_SUFFIXES:
            found.tables.append(name)
        elif suffix in TEXT_SUFFIXES:
            names = found.texts.setdefault((path.parent / f"*{suffix}").as_posix(), [])
            names += [path.stem] if len(names) < ROWS else []
    num = min(SAMPLE, len(found.sample))
    found.sample = [found.sample[i * len(found.sample) // num] for i in range(num)]
    return found


def _no_suffix(suffix: str) -> bool:
    """`IM0001` has none, and `1.2.840.113619.2` ends with a part of its UID."""
    return not suffix or suffix[1:].isdecimal()


def looked_at(root: Path, sample: Sequence[str]) -> Looked:
    """What a sample of images says of itself; what cannot be read is passed over."""
    headers: list[tuple[str, str]] = []
    num_mammograms = num_named = num_plain = 0
    for name in sample:
        try:
            if is_dicom(root / name):
                is_mammogram, *ids = _in_header(root / name)
                headers.append((ids[0], ids[1]))
                num_mammograms += is_mammogram
            else:
                num_plain += 1
                num_named += view_in_name(Path(name)) is not None
        except InputError:
            continue
    ways = []
    for keyword, ids in zip(("AccessionNumber", "StudyInstanceUID"), zip(*headers, strict=True), strict=False):
        if all(ids) and not num_plain:
            ways.append(Way(f"header:{keyword}", frozenset(ids), f"in all {len(ids)} headers looked at"))
    ways += _ways_of_names(sample, num_named)
    return Looked(num_mammograms + num_named, len(headers), tuple(ways))


def _in_header(path: Path) -> tuple[bool, str, str]:
    """Whether a DICOM file is a CC or MLO view, its accession number and its study."""
    with named_damage(path):
        header = open_dicom(path, pixels=False)
        accession, study = (str(header.get(name) or "").strip() for name in ("AccessionNumber", "StudyInstanceUID"))
        return not refusal(header), accession, study


def _ways_of_names(sample: Sequence[str], num_named: int) -> Iterator[Way]:
    """Folders, a table that names the files, and expressions for their names."""
    folders = {PurePosixPath(name).parent.as_posix() for name in sample}
    ids = {PurePosixPath(folder).name for folder in folders}
    if len(folders) > 1 and len(ids) == len(folders):
        yield Way("folder", frozenset(ids), "one folder per exam: is that so?")
    reasons = {
        _BEFORE_VIEW: "what stands before the view in the file's name",
        _BEFORE_MARK: "what stands before the first _ or - in the file's name",
        _STEM: "every file is an exam of its own: is that so?",
    }
    for expression, why in reasons.items():
        found = [match["exam"] for name in sample if (match := re.search(expression, name))]
        if found and len(found) == (num_named if expression == _BEFORE_VIEW else len(sample)):
            yield Way(f"name:{expression}", frozenset(found), why, (len(sample) + 1) // 2 if expression == _STEM else 1)


def way_of_pictures(sample: Sequence[str]) -> Way:
    """The way in which a table names files, by path, name or name without ending."""
    paths = [PurePosixPath(name) for name in sample]
    names = {text for path in paths for text in (path.as_posix(), path.name, path.stem)}
    return Way("column", frozenset(names), "a table names the files", (len(sample) + 1) // 2)


def columns_in(path: Path, ways: Sequence[Way]) -> Mapping[str, Column]:
    """The columns of a table, from its first rows; InputError when it cannot be read."""
    columns: dict[str, Column] = {}
    for row in islice(table_rows(path, {}), ROWS):
        for name, value in row.fields.items() if isinstance(row, Row) else ():
            columns.setdefault(name, Column(name)).add(value, ways)
    return columns
