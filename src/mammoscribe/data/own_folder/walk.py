"""The files of a folder that fit patterns, in the same order every time; nothing outside it is read, and memory stays flat."""

import fnmatch
import os
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path, PurePosixPath

from mammoscribe.data.dataset import Fault
from mammoscribe.data.formats.archives import is_litter
from mammoscribe.data.records import ListedImage
from mammoscribe.support.errors import InputError, InvalidNoun

Pattern = tuple[re.Pattern[str] | None, ...]
"""A glob pattern, folder by folder; None is `**`."""
_MANY = 2000


def parsed_pattern(text: str) -> Pattern:
    """`dicom/**/*.dcm` as a Pattern. Case of letters does not count: disks from Windows have IM1.DCM and im1.dcm."""
    return tuple(
        None if part == "**" else re.compile(fnmatch.translate(part), re.IGNORECASE)
        for part in PurePosixPath(text).parts
    )


def fits(pattern: Pattern, parts: Sequence[str]) -> bool:
    """Whether the path of a file is one of the pattern's; `a/**` is every file below a."""
    if not pattern:
        return not parts
    if pattern[0] is None:
        if len(pattern) == 1:
            return bool(parts)
        return any(fits(pattern[1:], parts[start:]) for start in range(len(parts)))
    return bool(parts) and pattern[0].match(parts[0]) is not None and fits(pattern[1:], parts[1:])


def _leads_on(pattern: Pattern, parts: Sequence[str]) -> bool:
    """Whether files of the pattern may lie in this folder."""
    for expected, part in zip(pattern, parts, strict=False):
        if expected is None:
            return True
        if expected.match(part) is None:
            return False
    return len(parts) < len(pattern)


def files_of(root: Path, patterns: Sequence[str], without: frozenset[str] = frozenset()) -> Iterator[str | Fault]:
    """Paths from `root`, with forward slashes, of the files that fit; a Fault for each that may not be read.

    Hidden files and what an operating system puts beside files are passed over. A link to a file inside is a file; one
    that leads out, nowhere or to a folder is a Fault, so that there are no loops.

    Args:
        root: resolved.
        patterns: as `parsed_pattern` reads them.
        without: paths that are passed over.
    """
    wanted = [parsed_pattern(text) for text in patterns]
    for item in _walk(root, (), wanted):
        if isinstance(item, Fault) or item not in without:
            yield item


def _walk(root: Path, parts: tuple[str, ...], wanted: Sequence[Pattern]) -> Iterator[str | Fault]:
    try:
        with os.scandir(root.joinpath(*parts)) as found:
            entries = sorted(found, key=lambda entry: entry.name)
    except OSError as error:
        name = _printed("/".join(parts))
        yield Fault(name, InputError(f"the folder {name} cannot be read ({error.strerror})", "a folder of files"))
        return
    for entry in entries:
        inside = (*parts, entry.name)
        if entry.name.startswith(".") or is_litter(entry.name):
            continue
        is_folder = entry.is_dir(follow_symlinks=False) or (entry.is_symlink() and os.path.isdir(entry.path))
        concerns = _leads_on if is_folder else fits
        if not any(concerns(pattern, inside) for pattern in wanted):
            continue
        if (fault := _fault_of(root, entry, "/".join(inside), is_folder)) is not None:
            yield fault
        elif is_folder:
            yield from _walk(root, inside, wanted)
        elif entry.is_file():
            yield "/".join(inside)


def _fault_of(root: Path, entry: os.DirEntry[str], path: str, is_folder: bool) -> Fault | None:
    """What is wrong with a name or link, None when nothing is."""
    name, do = _printed(path), ""
    try:
        path.encode("utf-8")
        ListedImage(path)
    except (UnicodeEncodeError, InvalidNoun):
        found = f"the name {name} holds a backslash, a drive or bytes that are no UTF-8"
        return Fault(name, InputError(found, "a name that every system can read", "rename it"))
    if not entry.is_symlink():
        return None
    target = os.path.realpath(entry.path)
    if not os.path.exists(target):
        found = f"{name} is a link that leads nowhere"
    elif not Path(target).is_relative_to(root):
        found, do = f"{name} is a link that leads out of {root.name}", "set root so that both are in it"
    elif is_folder:
        found, do = f"{name} is a link to a folder, which is not followed", "name the folder that it leads to"
    else:
        return None
    return Fault(name, InputError(found, "a file or folder inside the root", do))


def _printed(path: str) -> str:
    return path.encode("utf-8", "backslashreplace").decode()


def suffixes_in(root: Path) -> str:
    """What kinds of files are there, for a message: `2 .xlsx, 40 .png`; of the first two thousand."""
    names = (item for item in files_of(root, ["**"]) if isinstance(item, str))
    found = Counter(PurePosixPath(name).suffix.lower() or "without suffix" for name in islice(names, _MANY))
    return ", ".join(f"{number} {suffix}" for suffix, number in sorted(found.items())) or "nothing"
