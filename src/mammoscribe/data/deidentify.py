"""An exam to be read without what says whose it is: under pseudonyms, or with nothing in their place."""

import datetime as dt
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from mammoscribe.data.load import LoadedExam, exam_json_among, files_under, load_rows
from mammoscribe.data.manifest import ManifestRow, read_exam_json, read_manifest
from mammoscribe.data.pseudonyms import Pseudonyms, is_pseudonym
from mammoscribe.data.redaction import DATE, FILE, ID, Redactor, identifiers_of_files, identifiers_of_paths
from mammoscribe.domain.exam import Exam
from mammoscribe.domain.view import View, standard_view_id
from mammoscribe.imaging.decode import Picture, decode_view
from mammoscribe.support.errors import InputError

NO_INDICATION = "the indication is left out, as it may say whose exam this is"
WITHHELD = "exam"
"""What an exam without identity is called."""


@dataclass(frozen=True)
class DeidentifiedExam:
    """An exam whose views name no file, with the way to their pixels.

    Args:
        exam: as it may be written down; its views are called by what they show.
        warnings: what the reader should know, without identifiers.
        files: view id -> its file.
        redactor: takes identifiers out of what decoding says.
    """

    exam: Exam
    warnings: tuple[str, ...]
    files: Mapping[str, str]
    redactor: Redactor

    def decode(self, view: View) -> Picture:
        """The pixels of a view; what is said of them, and errors, hold no identifiers."""
        with self.redactor.errors():
            picture = decode_view(replace(view, source=self.files[view.id]))
        steps, warnings = (tuple(map(self.redactor.text, lines)) for lines in (picture.steps, picture.warnings))
        return replace(picture, steps=steps, warnings=warnings)


def redactor_of(paths: Iterable[Path], rows: Sequence[ManifestRow] = ()) -> Redactor:
    """What takes the identifiers of these files and rows out of messages.

    Args:
        paths: files, and folders of files.
        rows: of a manifest, for the files.
    """
    paths = list(paths)
    files = [f for p in paths for f in (files_under(p) if p.is_dir() else [p])]
    known = identifiers_of_paths(dict.fromkeys([*paths, *files], FILE))
    for row in rows:
        known |= {row.path: FILE, row.date: DATE, row.exam_id: ID, row.patient_id: ID}
    return Redactor(known | identifiers_of_files(files))


def redactor_of_exam(paths: list[Path], priors: list[Path], manifest: Path | None, exam_id: str | None) -> Redactor:
    """What takes the identifiers of what `load_exam` is given out of messages; a list that cannot be read has none."""
    json_file = None if manifest else exam_json_among(paths)
    rows: list[ManifestRow] = []
    with suppress(InputError):
        rows = read_manifest(manifest) if manifest else read_exam_json(json_file)[0] if json_file else []
    root = manifest or json_file or Path()
    own = [_file_of(row, root) for row in rows if exam_id in (None, row.exam_id)]
    redactor = redactor_of([*paths, *priors, root, *own], rows)
    return redactor if exam_id is None else redactor.also({exam_id: ID})


def without_identity(loaded: LoadedExam, redactor: Redactor) -> DeidentifiedExam:
    """The exam with no id of patient or exam, no dates and no file names; the interval to its prior stays.

    Args:
        loaded: as its files and their list say.
        redactor: of these files (`redactor_of`).
    """
    exam = loaded.exam
    dated = exam.date is not None and exam.prior_date is not None
    days = (exam.date - exam.prior_date).days if dated else None  # type: ignore[operator]
    return _deidentified(
        loaded, redactor, lambda _: None, id=WITHHELD, patient_id=None, dates_withheld=True, days_since_prior=days
    )


def load_pseudonymous(rows: Sequence[ManifestRow], manifest: Path, names: Pseudonyms) -> DeidentifiedExam:
    """Open the exam that these rows of a manifest are, under the pseudonyms that `data.ingest` gives it with this key.

    In a manifest that has pseudonyms already (of a catalogue made with this key) ids and dates stay as they are.

    Raises:
        InputError: as `load_rows`, without identifiers; for pseudonyms that are not of this key.
    """
    redactor = redactor_of([manifest, *(_file_of(row, manifest) for row in rows)], rows)
    redactor = redactor.also({row.exam_id: exam_pseudonym(row.exam_id, names) for row in rows})
    with redactor.errors():
        loaded = load_rows([replace(r, patient_id="") if is_pseudonym(r.patient_id) else r for r in rows], manifest)
        exam_id, own = loaded.exam.id, loaded.exam.patient_id
        patient = _patient_pseudonym(own, rows, names)
        moved = {r.date for r in rows} if is_pseudonym(exam_id) else set()
        by = own or (None if is_pseudonym(exam_id) else exam_id)

        def date_of(view: View) -> dt.date | None:
            if view.date is None or view.date.isoformat() in moved:
                return view.date
            return None if by is None else names.date(by, view.date)

        known = redactor.also({} if own is None or patient is None else {own: patient})
        return _deidentified(loaded, known, date_of, id=exam_pseudonym(exam_id, names), patient_id=patient)


def pseudonymous_groups(
    groups: Iterable[tuple[str, list[ManifestRow] | InputError]], names: Pseudonyms
) -> Iterator[tuple[str, list[ManifestRow] | InputError]]:
    """Groups of `data.manifest.exam_groups` by the pseudonyms of their exams; a faulty row is named by its line alone."""
    for exam_id, rows in groups:
        if isinstance(rows, InputError):
            line = re.search(r"\bline \d+", rows.found)
            where = f"{line[0]} of the manifest" if line else "a row of the manifest"
            rows = InputError(f"{where} cannot be read (the reason may name a patient and is not shown)")
        yield exam_pseudonym(exam_id, names), rows


def exam_pseudonym(exam_id: str, names: Pseudonyms) -> str:
    """The pseudonym of an exam; an id that is one stays."""
    return exam_id if is_pseudonym(exam_id) else names.exam(exam_id)


def _patient_pseudonym(own: str | None, rows: Sequence[ManifestRow], names: Pseudonyms) -> str | None:
    """The pseudonym of a patient whose id is `own`, held against that of the manifest where it has one."""
    given = {row.patient_id for row in rows if is_pseudonym(row.patient_id)}
    made = names.patient(own) if own else None
    if len(given | ({made} if made else set())) > 1:
        raise InputError(
            "the manifest's pseudonym of the patient is not the one that this key gives", "the key of its catalogue"
        )
    return made or next(iter(given), None)


def _file_of(row: ManifestRow, manifest: Path) -> Path:
    return manifest.parent / row.path.replace("\\", "/").replace("\0", "")


def _deidentified(
    loaded: LoadedExam, redactor: Redactor, date_of: Callable[[View], dt.date | None], **identity: object
) -> DeidentifiedExam:
    """The exam with another identity and dates, its views and files called by what they are."""
    exam = loaded.exam
    ids = {view.id: standard_view_id(view.laterality, view.projection, view.role) for view in exam.views}
    aside = {file.source: f"file {number}" for number, file in enumerate(exam.set_aside, start=1)}
    files = {Path(source): name for source, name in aside.items()}
    files |= {Path(view.source): ids[view.id] for view in exam.views}
    known = redactor.also(identifiers_of_paths(files))
    warnings = [known.text(warning) for warning in loaded.warnings]
    new = replace(
        exam, **identity, accession=None, indication=None,  # type: ignore[arg-type]  # fields of Exam, by name
        views=tuple(replace(v, id=ids[v.id], source=ids[v.id], date=date_of(v)) for v in exam.views),
        set_aside=tuple(replace(s, source=aside[s.source], reason=known.text(s.reason)) for s in exam.set_aside),
    )  # fmt: skip
    if exam.indication is not None:
        warnings.append(NO_INDICATION)
    return DeidentifiedExam(new, tuple(warnings), {ids[v.id]: v.source for v in exam.views}, known)
