"""A lab's manifest (one row per view) as exams: views, labels of breasts, splits, and what is prior to what."""

import datetime as dt
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from mammoscribe.data.choice import candidate_of, one_for_each
from mammoscribe.data.dataset import Fault, Item
from mammoscribe.data.formats.spool import DiskSet, temporary_database
from mammoscribe.data.formats.tables import columns_of
from mammoscribe.data.found import FoundView
from mammoscribe.data.manifest import COLUMNS, ManifestRow, exam_groups, found_in_rows
from mammoscribe.data.own_folder.spec import FolderSpec
from mammoscribe.data.own_folder.values import one, split_of, tidy
from mammoscribe.data.records import ListedView, MammoExam
from mammoscribe.domain.view import Laterality, Role, SpacingSource
from mammoscribe.support.errors import InputError, MammoscribeError, SetAside
from mammoscribe.support.lookup import look_up

Seen = tuple[ManifestRow, FoundView]


def manifest_exams(spec: FolderSpec, root: Path) -> Iterator[tuple[str, Item]]:
    """(id, exam or Fault) of every exam of a manifest.

    An exam with a row that cannot be read is left out as a whole, so that it is not read with a view missing; a row of
    something that is no CC or MLO view is set aside. Rows with `is_prior`: where their files are views of another exam
    of the manifest, that one is the prior; otherwise they become an exam of their own, `ID/prior`.

    Raises:
        InputError: when the manifest is not there or lacks a column.
    """
    path = root / spec.manifest
    if path.exists() and not path.resolve().is_relative_to(root):
        raise InputError(
            f"{spec.path}: manifest: {spec.manifest} is a link that leads out of {root}", "a file inside it"
        )
    try:
        names = [name.lower() for name in columns_of(path)] if path.is_file() else []
        columns = [*spec.labels.values(), spec.split] if not spec.has_table else []
        for column in filter(None, columns if names else []):
            look_up(column.lower(), dict.fromkeys(names), f"column of {path.name}")
        reader = _Manifest(spec, root, path)
        if "is_prior" in names:
            reader.note_owners()
        for exam_id, rows in exam_groups(path):
            yield from reader.read(exam_id, rows)
    except InputError as error:
        raise InputError(f"{spec.path}: manifest: {error.found}", error.expected, error.do) from error


def pictures_of_manifest(spec: FolderSpec, root: Path) -> Iterator[str]:
    """Paths from the root of the pictures that the manifest lists; rows and exams that cannot be read are left out."""
    path = root / spec.manifest
    for _, rows in exam_groups(path):
        for row in rows if isinstance(rows, list) else ():
            picture = Path(os.path.realpath(path.parent / row.path))
            if picture.is_relative_to(root):
                yield picture.relative_to(root).as_posix()


class _Manifest:
    """What is known over all exams of a manifest while it is read: objects that were there, and whose views files are."""

    def __init__(self, spec: FolderSpec, root: Path, path: Path) -> None:
        self._spec, self._root, self._path = spec, root, path
        self._objects = DiskSet()
        self._owners = temporary_database("CREATE TABLE owner (path TEXT PRIMARY KEY, exam TEXT) WITHOUT ROWID;")

    def note_owners(self) -> None:
        """Read once which file is a view of which exam."""
        for exam_id, rows in exam_groups(self._path):
            for row in rows if isinstance(rows, list) else ():
                try:
                    if row.role is Role.CURRENT:
                        self._own(row, exam_id)
                except InputError:
                    break  # told when the exam is read

    def _own(self, row: ManifestRow, exam_id: str) -> None:
        self._owners.execute("INSERT OR IGNORE INTO owner VALUES (?, ?)", (_plain(row.path), exam_id))

    def _owner(self, row: ManifestRow) -> str | None:
        found = self._owners.execute("SELECT exam FROM owner WHERE path = ?", (_plain(row.path),)).fetchone()
        return found[0] if found else None

    def read(self, exam_id: str, rows: list[ManifestRow] | InputError) -> Iterator[tuple[str, Item]]:
        """The exam, after the exams that are its priors; or a Fault."""
        if isinstance(rows, InputError):
            yield exam_id, Fault(exam_id, rows)
            return
        try:
            seen: list[Seen] = []
            for row in rows:
                try:
                    seen.append((row, self._look(row)))
                except SetAside as error:
                    yield exam_id, Fault(f"{self._path.name} line {row.line}", error)
            for fault in self._repeats(seen):
                yield exam_id, fault
            for exam in self._exams(exam_id, seen, rows):
                yield exam.id, exam
        except MammoscribeError as error:
            yield exam_id, Fault(exam_id, InputError(error.found, error.expected, error.do))

    def _repeats(self, seen: list[Seen]) -> Iterator[Fault]:
        """Take out of `seen` what is not the one picture of its view, and say why."""
        kinds = [(*view.kind, view.view.date) for _, view in seen]
        sizes = [view.view.width_px * view.view.height_px for _, view in seen]
        pictures = [candidate_of(view.path.name, n, view.header) for (_, view), n in zip(seen, sizes, strict=True)]
        left_out = one_for_each(kinds, pictures)
        for number, reason in sorted(left_out.items(), reverse=True):
            row, _ = seen.pop(number)
            where = f"{self._path.name} line {row.line}"
            yield Fault(where, SetAside(f"{where}: {row.path}: {reason}", "one picture of each view"))

    def _look(self, row: ManifestRow) -> FoundView:
        (found,) = found_in_rows([row], self._path.parent, self._path.name, absolute=True)
        if not found.path.resolve().is_relative_to(self._root):
            found_at = f"{self._path.name} line {row.line}: {found.path} is not inside {self._root}"
            raise InputError(found_at, "a file inside the root", "set root in the TOML file")
        return found

    def _exams(self, exam_id: str, seen: Sequence[Seen], rows: Sequence[ManifestRow]) -> Iterator[MammoExam]:
        current = [pair for pair in seen if pair[1].view.role is Role.CURRENT]
        prior = [pair for pair in seen if pair[1].view.role is Role.PRIOR]
        if not current:
            if any(row.role is Role.CURRENT for row in rows) or not prior:
                return  # what there was is set aside, and told
            raise InputError(f"exam {exam_id} has priors and no view of its own", "at least one with is_prior 0")
        patient = one("patient", exam_id, [row.patient_id or view.patient_id or "" for row, view in seen]) or exam_id
        date = _only_day(exam_id, current)
        prior_id = None
        for exam, day, pairs in self._priors(exam_id, prior):
            if date is not None and day is not None and day >= date:
                raise InputError(f"the prior of exam {exam_id} is of {day}, the exam of {date}", "an earlier day")
            prior_id = exam
            if self._owner(pairs[0][0]) is None:
                yield MammoExam(exam, patient, self._views(pairs), day)
                for row, _ in pairs:
                    self._own(row, exam)
        views = self._views(current)
        split = None if self._spec.has_table else self._split(exam_id, current)
        yield MammoExam(
            exam_id, patient, views, date, breasts=self._breasts(exam_id, current), split=split, prior_id=prior_id
        )

    def _priors(self, exam_id: str, pairs: Sequence[Seen]) -> Iterator[tuple[str, dt.date | None, list[Seen]]]:
        """(id, day, views) of each prior, by day, those without one first."""
        days: dict[dt.date | None, list[Seen]] = {}
        for pair in pairs:
            days.setdefault(pair[1].view.date, []).append(pair)
        for day in sorted(days, key=lambda d: d or dt.date.min):
            owners = {self._owner(row) for row, _ in days[day]}
            if len(owners) > 1:
                listed = ", ".join(sorted(owner or "no exam" for owner in owners))
                raise InputError(f"priors of exam {exam_id} are views of {listed}", "views of one exam")
            own = f"{exam_id}/prior" if len(days) == 1 else f"{exam_id}/prior/{day or 'undated'}"
            yield owners.pop() or own, day, days[day]

    def _views(self, pairs: Sequence[Seen]) -> tuple[ListedView, ...]:
        listed = []
        for row, found in pairs:
            path = found.path.resolve().relative_to(self._root).as_posix()
            instance = found.header.sop_instance_uid if found.header is not None else ""
            if not self._objects.add(f"{instance or path} {found.view.frame}"):
                where = f"{self._path.name} line {row.line}: {row.path}"
                raise InputError(f"{where} is the same picture as in an earlier row", "each picture once")
            view = found.view
            spacing = view.spacing_mm if view.spacing_source is SpacingSource.DECLARED else None
            shape = row.declared().height_to_width
            listed.append(
                ListedView(path, view.laterality, view.projection, spacing, view.frame, height_to_width=shape)
            )
        return tuple(listed)

    def _breasts(self, exam_id: str, pairs: Sequence[Seen]) -> Mapping[Laterality, Mapping[str, str]]:
        if self._spec.has_table:
            return {}
        found: dict[Laterality, dict[str, str]] = {}
        for side in Laterality:
            rows = [row for row, view in pairs if view.view.laterality is side]
            for name, column in self._spec.labels.items():
                values = [tidy(name, _value(row, column)) for row in rows]
                if value := one(name, f"{exam_id}, {side.word} breast,", values):
                    found.setdefault(side, {})[name] = value
        return found

    def _split(self, exam_id: str, pairs: Sequence[Seen]) -> str | None:
        return split_of(exam_id, [_value(row, self._spec.split) for row, _ in pairs])


def _value(row: ManifestRow, column: str) -> str:
    name = column.lower()
    return str(getattr(row, name)) if name in COLUMNS else row.labels.get(name, "")


def _plain(path: str) -> str:
    return os.path.normpath(path.replace("\\", "/"))


def _only_day(exam_id: str, pairs: Sequence[Seen]) -> dt.date | None:
    days = sorted({view.view.date for _, view in pairs if view.view.date is not None})
    if len(days) > 1:
        raise InputError(f"exam {exam_id} has views of {', '.join(map(str, days))}", "one day")
    return days[0] if days else None
