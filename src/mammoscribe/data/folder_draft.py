"""A first TOML for a folder that nobody has described yet: what was found, what was guessed, what to look at."""

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path

from mammoscribe.data.folder_spec import TABLE_SUFFIXES
from mammoscribe.data.naming import view_in_name
from mammoscribe.data.tables import columns_of
from mammoscribe.imaging.decode import is_dicom
from mammoscribe.imaging.header import read_header
from mammoscribe.support.errors import InputError, MammoscribeError

PICTURES = (".dcm", ".dicom", ".ima", ".png", ".jpg", ".jpeg", ".tif", ".tiff", ".pgm")
SAMPLE = 40
"""Files of which the headers are read."""
_EXAM = ("accession", "exam", "study", "case", "uid", "id")
_TEXT = ("report", "text", "findings", "befund", "informe")
_PATIENT = ("patient", "mrn", "subject")
_LABELS = {"birads": ("birads", "bi-rads", "bi rads", "assessment"), "density": ("density", "acr", "composition")}


def draft_toml(folder: Path) -> str:
    """A TOML that describes the folder as far as a look at it tells, with comments where it is a guess.

    Raises:
        InputError: when it is no folder, or holds neither an image nor a table.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise InputError(
            f"{folder} is {'a file' if folder.exists() else 'not there'}", "a folder of images and reports"
        )
    images = [p for p in _files(folder) if p.suffix.lower() in PICTURES]
    tables = [p for p in _files(folder) if p.suffix.lower() in TABLE_SUFFIXES and p.suffix.lower() != ".txt"]
    texts = [p for p in _files(folder) if p.suffix.lower() == ".txt"]
    if not (images or tables or texts):
        raise InputError(f"{folder} holds no image and no table", "a folder of images and reports")
    mammograms, exam = _look(images)
    kind = "mammo-exam" if mammograms else "image-text" if images else "text-document"
    lines = [
        "# A draft: every line is a guess from a look at the folder. Correct it, then `mammoscribe data check` it.",
        f'name = "{_quoted(folder.resolve().name)}"',
        f'kind = "{kind}"',
        'language = "en"',
        'licence = "not stated"  # the terms of your data',
        f'root = "{_quoted(folder.resolve().as_posix())}"',
    ]
    if images:
        patterns = ", ".join(f'"{_quoted(p)}"' for p in _patterns(folder, images))
        lines += [f"images = [{patterns}]  # {len(images)} files", exam]
    lines += _reports(folder, tables, texts)
    return "\n".join(lines) + "\n"


def _files(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.rglob("*")):
        if path.is_file() and not any(part.startswith(".") for part in path.relative_to(folder).parts):
            yield path


def _patterns(folder: Path, images: Sequence[Path]) -> list[str]:
    """One pattern per top folder and suffix."""
    found = Counter()
    for path in images:
        parts = path.relative_to(folder).parts
        top = f"{parts[0]}/**/" if len(parts) > 1 else ""
        found[f"{top}*{path.suffix}"] += 1
    return list(found)


def _look(images: Sequence[Path]) -> tuple[int, str]:
    """How many of the first files are mammograms, and the line that says where the exam's id stands."""
    mammograms, accession, study, named = 0, 0, 0, 0
    for path in islice(images, SAMPLE):
        try:
            if is_dicom(path):
                header = read_header(path)
                mammograms += 1
                accession += bool(header.accession)
                study += bool(header.study_uid)
            elif view_in_name(path) is not None:
                mammograms += 1
                named += 1
        except MammoscribeError:
            continue
    looked = min(len(images), SAMPLE)
    if accession and accession == mammograms:
        return mammograms, f'exam = "header:AccessionNumber"  # in {accession} of {looked} headers looked at'
    if study:
        return mammograms, f'exam = "header:StudyInstanceUID"  # in {study} of {looked} headers looked at'
    if len({path.parent for path in images}) > 1:
        return mammograms, 'exam = "folder"  # one folder per exam: is that so?'
    return mammograms, "exam = 'name:(?P<exam>[^/_]+)_[^/]*$'  # what stands before the first _ in the file's name"


def _reports(folder: Path, tables: Sequence[Path], texts: Sequence[Path]) -> Iterator[str]:
    if not tables and len(texts) > 1:
        parent = texts[0].parent.relative_to(folder).as_posix()
        yield f'reports = "{_quoted("*.txt" if parent == "." else f"{parent}/*.txt")}"  # named after the exam: is that so?'
        return
    if not tables:
        return
    table = max(tables, key=lambda p: (p.stat().st_size, p.name))
    yield f'reports = "{_quoted(table.relative_to(folder).as_posix())}"' + _others(folder, tables, table)
    if table.suffix.lower() in (".json", ".jsonl"):
        yield "# report_exam = , report_text = : keys of its objects"
        return
    try:
        columns = columns_of(table)
    except InputError as error:
        yield f"# its columns cannot be read: {error.sentence()}"
        return
    yield f"# its columns: {', '.join(columns)}"
    for key, words in (("report_exam", _EXAM), ("report_text", _TEXT), ("report_patient", _PATIENT)):
        name = _likely(columns, words)
        yield f'{key} = "{_quoted(name)}"  # a guess' if name else f'# {key} = ""'
    labels = {label: name for label, words in _LABELS.items() if (name := _likely(columns, words))}
    if labels:
        pairs = ", ".join(f'{label} = "{_quoted(name)}"' for label, name in labels.items())
        yield f"labels = {{ {pairs} }}  # a guess"


def _others(folder: Path, tables: Sequence[Path], chosen: Path) -> str:
    others = [p.relative_to(folder).as_posix() for p in tables if p != chosen]
    return f"  # also there: {', '.join(others[:3])}" if others else ""


def _likely(columns: Sequence[str], words: Sequence[str]) -> str:
    """The column whose name holds the first of the words that any name holds."""
    return next((name for word in words for name in columns if word in name.lower()), "")


def _quoted(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')
