"""Opening one exam: files, a folder, an exam.json or a row group of a manifest become an Exam, or a clear error."""

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from mammoscribe.data.found import Declared, FoundView, assemble, look_at, not_read, one_of_each
from mammoscribe.data.manifest import (
    EXAM_JSON,
    ManifestRow,
    exam_rows,
    found_in_rows,
    indication_of,
    read_exam_json,
    read_manifest,
)
from mammoscribe.data.naming import parse_view
from mammoscribe.domain.exam import Exam, SetAside
from mammoscribe.domain.view import Role
from mammoscribe.imaging.header import ViewHeader
from mammoscribe.support.errors import InputError, NotAMammogram


@dataclass(frozen=True)
class LoadedExam:
    """An exam and what was said while opening it.

    Args:
        exam: the exam; its views name their files, `set_aside` the files that are not read, each with the reason.
        warnings: what the reader should know.
        headers: DICOM header by view id, for views that have one.
    """

    exam: Exam
    warnings: tuple[str, ...] = ()
    headers: Mapping[str, ViewHeader] = field(default_factory=dict)


PathName = str | os.PathLike[str]
"""A path as text or as a Path."""


def load_exam(
    paths: PathName | Sequence[PathName],
    priors: PathName | Sequence[PathName] = (),
    view_names: Mapping[str, str] = {},
    manifest: PathName | None = None,
    exam_id: str | None = None,
) -> LoadedExam:
    """Open one exam.

    Args:
        paths: a folder of pictures; or picture files; or an `exam.json` (or the folder it lies in). With `manifest`,
            nothing, or the folder that the manifest's paths start from. One path, or several.
        priors: a folder, or files, of the earlier exam.
        view_names: file name or path -> `RCC`, ... for files whose header and name do not say it, or say it wrongly.
        manifest: a CSV with one row per view; `exam_id` says which exam.
        exam_id: the exam in the manifest; among DICOM files of several studies, the one to read; else a name for it.

    Raises:
        NotAMammogram: when the only file given is something else.
        InputError: for several patients or exams, a view that neither header nor name tells, or an option that is not
            used. Of several pictures of one view one is chosen (see `data.choice`), the others are in `exam.set_aside`.
    """
    paths, priors = _listed(paths), _listed(priors)
    json_file = exam_json_among(paths)
    listed = manifest is not None or json_file is not None  # then the list says which view a current file is
    names = _ViewNames(view_names, priors if listed else [*paths, *priors])
    if manifest is not None:
        found, aside, rows = _from_manifest(Path(manifest), paths, exam_id)
        name, patient = rows[0].exam_id, rows[0].patient_id or None
    elif json_file is not None:
        rows, name, patient = read_exam_json(json_file)
        found, aside = found_in_rows(rows, json_file.parent, json_file.name), _unnamed(paths, json_file, rows)
        if exam_id not in (None, name):
            raise InputError(f"{json_file} holds exam {name}", f"exam {exam_id}")
    else:
        found, aside = _from_paths(paths, Role.CURRENT, names)
        found, more = _one_study(found, exam_id)
        aside, name, patient, rows = aside + more, exam_id, None, []
    earlier, earlier_aside = _from_paths(priors, Role.PRIOR, names) if priors else ([], [])
    _check_not_both(found, earlier)
    return _loaded([*found, *earlier], aside + earlier_aside, name, patient, rows)


def _listed(paths: PathName | Sequence[PathName]) -> list[Path]:
    return [Path(paths)] if isinstance(paths, (str, os.PathLike)) else [Path(p) for p in paths]


def _loaded(
    found: Sequence[FoundView],
    aside: list[SetAside],
    name: str | None,
    patient: str | None,
    rows: Sequence[ManifestRow],
) -> LoadedExam:
    chosen, of_a_kind = one_of_each(found)
    exam = assemble(chosen, name, patient, indication_of(rows), aside + of_a_kind)
    return LoadedExam(
        exam, tuple(_warnings(exam, chosen)),
        {f.view.id: f.header for f in chosen if f.header is not None},
    )  # fmt: skip


def load_rows(rows: Sequence[ManifestRow], manifest: Path) -> LoadedExam:
    """Open the exam that these rows of a manifest are; paths start from the manifest's folder.

    Raises:
        InputError: as `load_exam`.
    """
    found = found_in_rows(rows, manifest.parent, manifest.name, absolute=True)
    return _loaded(found, [], rows[0].exam_id, rows[0].patient_id or None, rows)


class _ViewNames:
    """The --view mapping, held against the files given; an entry that fits no file, or several, is an error."""

    def __init__(self, given: Mapping[str, str], paths: Sequence[Path]) -> None:
        files = {f.resolve() for p in paths for f in (files_under(p) if p.is_dir() else [p])} if given else set()
        self._declared: dict[Path, Declared] = {}
        for key, text in given.items():
            whole = "/" in key or "\\" in key
            matches = [f for f in files if (f == Path(key).resolve() if whole else f.name == key)]
            if len(matches) != 1:
                raise InputError(
                    f"--view {key} names {len(matches) or 'no'} file{'s' if matches else ''} among those given",
                    "one file",
                    "give the file's name or its whole path",
                )
            self._declared[matches[0]] = Declared(parse_view(text))

    def declared(self, path: Path) -> Declared:
        """What the user says about that file."""
        return self._declared.get(path.resolve(), Declared())


TRUTH_JSON, MASKS = "truth.json", "masks"
"""What `mammoscribe phantom` writes beside the pictures of an exam: what is true of it, and where."""


def exam_json_among(paths: list[Path]) -> Path | None:
    """The exam.json that was given, or that lies in the one folder given."""
    if len(paths) == 1:
        if paths[0].is_file() and paths[0].suffix.lower() == ".json":
            return paths[0]
        if (paths[0] / EXAM_JSON).is_file():
            return paths[0] / EXAM_JSON
    return None


def _unnamed(paths: list[Path], json_file: Path, rows: Sequence) -> list[SetAside]:
    """Files beside an exam.json in a folder that was given, which it does not name; the truth of a drawn exam is no picture."""
    if not paths[0].is_dir():
        return []
    named = {(json_file.parent / r.path).resolve() for r in rows} | {json_file.resolve()}
    truth = json_file.with_name(TRUTH_JSON)
    if truth.is_file():
        named |= {truth.resolve(), *(p.resolve() for p in files_under(json_file.with_name(MASKS)))}
    return [
        SetAside(str(p), f"not named in {json_file.name}") for p in files_under(paths[0]) if p.resolve() not in named
    ]


def _from_manifest(
    manifest: Path, paths: list[Path], exam_id: str | None
) -> tuple[list[FoundView], list[SetAside], list[ManifestRow]]:
    if len(paths) > 1 or (paths and not paths[0].is_dir()):
        raise InputError(
            f"{', '.join(map(str, paths))} given together with --manifest", "the manifest's folder or nothing"
        )
    rows = exam_rows(read_manifest(manifest), exam_id, manifest)
    found = found_in_rows(rows, paths[0] if paths else manifest.parent, manifest.name, absolute=True)
    return found, [], rows


def files_under(folder: Path) -> Iterator[Path]:
    """Files of a folder and its sub-folders, by name, without hidden ones."""
    for path in sorted(folder.rglob("*")):
        if path.is_file() and not any(part.startswith(".") for part in path.relative_to(folder).parts):
            yield path


def _from_paths(paths: list[Path], role: Role, names: _ViewNames) -> tuple[list[FoundView], list[SetAside]]:
    """Views among the paths; in a folder, what is not a view is set aside, a file given by name must be one."""
    if not paths:
        raise InputError("no picture was given", "a folder or files")
    found: dict[Path, FoundView] = {}
    aside: list[tuple[Path, InputError]] = []
    for path in paths:
        if not path.exists():
            raise InputError(f"{path} is not there", "a folder or a picture file")
        for file in files_under(path) if path.is_dir() else [path]:
            try:
                found.setdefault(file.resolve(), look_at(file, role, names.declared(file)))
            except InputError as error:
                if not path.is_dir():
                    raise
                aside.append((file, error))
    if not found:
        raise _nothing_found(paths, aside)
    return list(found.values()), [SetAside(_printed(p), e.found) for p, e in aside]


def _printed(path: Path) -> str:
    """A name that can be written down, whatever bytes it holds."""
    return str(path).encode("utf-8", "backslashreplace").decode()


def _nothing_found(paths: list[Path], aside: list[tuple[Path, InputError]]) -> InputError:
    where = ", ".join(str(p) for p in paths)
    if not aside:
        return InputError(f"{where} is empty", "at least one mammography view")
    if len(aside) == 1:
        return aside[0][1]
    reasons = "; ".join(e.found for _, e in aside[:3]) + ("; ..." if len(aside) > 3 else "")
    kind = NotAMammogram if all(isinstance(e, NotAMammogram) for _, e in aside) else InputError
    return kind(
        f"none of the {len(aside)} files in {where} is a mammography view ({reasons})", "R or L, CC or MLO views"
    )


def _one_study(found: list[FoundView], exam_id: str | None) -> tuple[list[FoundView], list[SetAside]]:
    """With several studies among the files and one of them named, the files of that one."""
    keys = {f.exam_key for f in found if f.exam_key}
    if exam_id is None or not keys:
        return found, []
    accessions = {f.header.accession: f.exam_key for f in found if f.header}
    wanted = exam_id if exam_id in keys else accessions.get(exam_id)
    if wanted is None:
        raise InputError(f"no file belongs to exam {exam_id}", f"one of {', '.join(sorted(keys))}")
    kept = [f for f in found if f.exam_key == wanted]
    return kept, [not_read(f, f"belongs to exam {f.exam_key or 'unknown'}") for f in found if f not in kept]


def _check_not_both(found: list[FoundView], earlier: list[FoundView]) -> None:
    both = {f.path.resolve() for f in found} & {f.path.resolve() for f in earlier}
    if both:
        raise InputError(f"{sorted(both)[0]} was given both as current and as prior", "one of the two")


def _warnings(exam: Exam, chosen: list[FoundView]) -> Iterator[str]:
    for item in chosen:
        yield from item.warnings
    for reason in dict.fromkeys(s.reason for s in exam.set_aside):
        names = [Path(s.source).name for s in exam.set_aside if s.reason == reason]
        listed = ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
        yield f"{listed} not used: {reason}"
    if exam.prior and exam.prior_date is None:
        yield "prior, date unknown"
    if exam.prior and any(f.patient_id for f in chosen) and not all(f.patient_id for f in chosen):
        yield "not every file says whose it is: that current and prior show one patient is taken on trust"
