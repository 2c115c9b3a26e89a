"""A file that turned out to be a view: what header, name and user say about it, and how files become an exam."""

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from mammoscribe.data.choice import candidate_of, choose
from mammoscribe.data.naming import ViewKind, view_in_name
from mammoscribe.domain.exam import Exam, SetAside
from mammoscribe.domain.view import Laterality, Origin, Projection, Role, SpacingSource, View, standard_view_id
from mammoscribe.imaging.decode import check_readable, is_dicom
from mammoscribe.imaging.header import ViewHeader, read_header
from mammoscribe.imaging.plain import is_plain, plain_frames, plain_origin, plain_size
from mammoscribe.imaging.spacing import MAX_FIELD_MM, chosen_spacing
from mammoscribe.support.errors import InputError, InvalidNoun


@dataclass(frozen=True)
class FoundView:
    """One view and where what is known about it comes from.

    Args:
        view: ready for an exam.
        path: its file.
        named_by: `header`, `name`, `--view` or `manifest`: what said which view it is.
        patient_id, exam_key: identity, None or "" when the file does not say.
        header: the DICOM header, None for plain pictures.
        warnings: what the reader should know.
    """

    view: View
    path: Path
    named_by: str
    patient_id: str | None = None
    exam_key: str = ""
    header: ViewHeader | None = None
    warnings: tuple[str, ...] = ()

    @property
    def kind(self) -> tuple[Role, Laterality, Projection]:
        """What an exam may hold only once."""
        return self.view.role, self.view.laterality, self.view.projection


@dataclass(frozen=True)
class Declared:
    """What a user, a manifest or a dataset says about a file, beside or instead of its header.

    Args:
        kind: laterality and projection.
        by: who says it, for messages.
        spacing_mm: (row, column).
        date, frame, view_id: of the view.
        height_to_width: shape of the picture before it was stretched or squashed, where no spacing is known.

    Raises:
        InputError: for a shape outside 0.2 to 5, or one beside a spacing.
    """

    kind: ViewKind | None = None
    by: str = "--view"
    spacing_mm: tuple[float, float] | None = None
    date: dt.date | None = None
    frame: int = 0
    view_id: str | None = None
    height_to_width: float | None = None

    def __post_init__(self) -> None:
        if self.height_to_width is not None and (self.spacing_mm or not 0.2 <= self.height_to_width <= 5):
            beside = f" beside a spacing of {self.spacing_mm}" if self.spacing_mm else ""
            raise InputError(f"height : width {self.height_to_width:g}{beside}", "0.2 to 5, and no spacing")


def look_at(path: Path, role: Role, declared: Declared) -> FoundView:
    """Find out what a file shows.

    Raises:
        NotAMammogram: for a DICOM object that is not a CC or MLO view.
        InputError: when the file is no picture, or nobody says which view it is, or those who do disagree.
    """
    path = Path(path)
    try:
        str(path).encode("utf-8")
    except UnicodeEncodeError as error:
        printed = str(path).encode("utf-8", "backslashreplace").decode()
        raise InputError(
            f"the name {printed} holds bytes that are no UTF-8", "a name in letters", "rename it"
        ) from error
    check_readable(path)
    if is_dicom(path):
        return _dicom_view(path, role, declared)
    if not is_plain(path):
        raise InputError(f"{path} is not a picture", "a DICOM, PNG, JPEG, TIFF or PGM file")
    return _plain_view(path, role, declared)


def _dicom_view(path: Path, role: Role, declared: Declared) -> FoundView:
    header = read_header(path, named=declared.kind is not None)
    stated = (header.laterality, header.projection)
    warnings = [f"{path.name}: {w}" for w in header.warnings if declared.kind is None]
    if declared.kind is None:
        if header.conflicts:
            several = any(c.count(" says ") > 1 for c in header.conflicts)
            words = "contradicts itself" if several else "does not name one breast"
            raise InputError(
                f"the header of {path} {words} ({'; '.join(header.conflicts)})",
                "one view",
                f"say which it is with --view {path.name}=RCC",
            )
        kind, named_by = _completed(path, header), "header"
    else:
        kind, named_by = declared.kind, declared.by
        if any(h is not None and h is not d for h, d in zip(stated, kind, strict=True)):
            words = f"the header of {path} says {stated[0] or '?'} {stated[1] or '?'}, {declared.by} says {kind[0]} {kind[1]}"
            if declared.by != "--view":
                raise InputError(words, "the same view")
            warnings.append(f"{words}; the latter is used")
    size = (header.width_px, header.height_px)
    dated = replace(declared, date=declared.date or header.date)
    view = _view(path, kind, size, role, dated, header.spacing_mm, header.origin)
    return FoundView(view, path, named_by, header.patient_id, header.exam_key, header, tuple(warnings))


def _completed(path: Path, header: ViewHeader) -> ViewKind:
    """Laterality and projection of the header; what it leaves open comes from the file name."""
    if header.laterality and header.projection:
        return header.laterality, header.projection
    named = view_in_name(path)
    if named is None:
        missing = "projection" if header.laterality else "laterality" if header.projection else "view"
        why = f" ({'; '.join(header.warnings)})" if header.warnings else ""
        raise InputError(
            f"neither the header nor the name of {path} says its {missing}{why}",
            "Image Laterality and View Code Sequence, or a name like R_CC",
            f"say which view it is with --view {path.name}=RCC",
        )
    for stated, name in zip((header.laterality, header.projection), named, strict=True):
        if stated is not None and stated is not name:
            raise InputError(
                f"the header of {path} says {stated}, its name {name}", "the same view", f"give --view {path.name}=RCC"
            )
    return named


def _plain_view(path: Path, role: Role, declared: Declared) -> FoundView:
    kind = declared.kind or view_in_name(path)
    if kind is None:
        raise InputError(
            f"nothing says which view {path} is", "a name like R_CC or left-mlo", f"give --view {path.name}=RCC"
        )
    warnings = ()
    if declared.frame == 0 and (frames := plain_frames(path)) > 1:
        warnings = (f"{path.name}: the first of {frames} pages is read",)
    view = _view(path, kind, plain_size(path), role, declared, None, plain_origin(path))
    return FoundView(view, path, declared.by if declared.kind else "name", warnings=warnings)


def _view(
    path: Path, kind: ViewKind, size: tuple[int, int], role: Role, declared: Declared,
    in_file: tuple[float, float] | None, origin: Origin,
) -> View:  # fmt: skip
    spacing, source = chosen_spacing(size, declared.spacing_mm, declared.height_to_width, in_file)
    if source is SpacingSource.DECLARED and spacing and max(size[1] * spacing[0], size[0] * spacing[1]) > MAX_FIELD_MM:
        found = f"{path}: a spacing of {spacing[0]:g} x {spacing[1]:g} mm for {size[0]} x {size[1]} pixels"
        raise InputError(found, f"a picture of at most {MAX_FIELD_MM:.0f} mm a side")
    try:
        return View(
            declared.view_id or standard_view_id(*kind, role), *kind, *size, str(path), role,
            spacing, source, declared.date, declared.frame, origin,
        )  # fmt: skip
    except InvalidNoun as error:
        raise InputError(f"{path}: {error.found}", error.expected, error.do) from error


def one_of_each(found: Sequence[FoundView]) -> tuple[list[FoundView], list[SetAside]]:
    """One file for each view, and the files set aside with the reason: a file named with --view, else as `choose` says.

    Raises:
        InputError: for more than one patient or exam; when two files are named with --view for one view; or when plain
            files of one view lie in different folders, for nothing says that they are of one visit.
    """
    _check_identity(found, set())
    chosen: list[FoundView] = []
    aside: list[SetAside] = []
    for kind in dict.fromkeys(f.kind for f in found):
        group = [f for f in found if f.kind == kind]
        named = [f for f in group if f.named_by == "--view"]
        if named:
            _check_one_file(named, f"--view names {len(named)} files as", "")
            kept, reasons = (
                group.index(named[0]),
                dict.fromkeys(range(len(group)), f"--view chose {named[0].path.name}"),
            )
        else:
            apart = {f.path.parent: f for f in group if f.named_by == "name" and f.header is None}
            do = "give one folder; the earlier exam goes with --prior"
            _check_one_file(list(apart.values()), "files of different folders say by their names that they are", do)
            sizes = (f.view.width_px * f.view.height_px for f in group)
            kept, reasons = choose([candidate_of(f.path.name, n, f.header) for f, n in zip(group, sizes, strict=True)])
        chosen.append(group[kept])
        aside += [not_read(f, reasons[i]) for i, f in enumerate(group) if i != kept]
    return chosen, aside


def _check_one_file(files: Sequence[FoundView], words: str, do: str) -> None:
    if len(files) > 1:
        role, side, projection = files[0].kind
        listed = ", ".join(sorted(str(f.path) for f in files))
        raise InputError(f"{words} the {role} {side} {projection} view: {listed}", "one", do)


def not_read(found: FoundView, reason: str) -> SetAside:
    """A view that is left out, with the reason."""
    return SetAside(str(found.path), reason, found.view.laterality, found.view.projection)


def assemble(
    found: Iterable[FoundView], exam_id: str | None, patient_id: str | None = None, indication: str | None = None,
    set_aside: Sequence[SetAside] = (),
) -> Exam:  # fmt: skip
    """An exam of the views found.

    Args:
        found: one file for each view.
        exam_id: its name; None takes it from the files.
        patient_id: from a manifest, held against what the files say.
        indication: why the exam was made.
        set_aside: files that came with it and are not read.

    Raises:
        InputError: for more than one patient or exam, listing the candidates, or synthetic beside acquired files.
    """
    found = list(found)
    _check_identity(found, {patient_id} if patient_id else set())
    current = [f for f in found if f.view.role is Role.CURRENT]
    patient = patient_id or next((f.patient_id for f in found if f.patient_id), None)
    name = exam_id or next((f.exam_key for f in current if f.exam_key), None) or (current or found)[0].path.parent.name
    origins = {f.view.origin for f in found}
    if len(origins) > 1:
        drawn = ", ".join(sorted(f.path.name for f in found if f.view.origin is Origin.SYNTHETIC))
        raise InputError(f"synthetic files ({drawn}) beside acquired ones", "files of one origin")
    accession = next((f.header.accession for f in current if f.header and f.header.accession), None)
    return Exam(name or "exam", tuple(f.view for f in found), patient, indication, tuple(set_aside), accession)


def _check_identity(found: Sequence[FoundView], patients: set[str]) -> None:
    """InputError for more than one patient, or more than one exam or prior exam."""
    _check_one("patient", {f.patient_id for f in found if f.patient_id} | patients, found)
    for role, what in ((Role.CURRENT, "exam"), (Role.PRIOR, "prior exam")):
        views = [f for f in found if f.view.role is role]
        _check_one(what, {f.exam_key for f in views if f.exam_key}, views)


def _check_one(what: str, values: set[str], found: Sequence[FoundView]) -> None:
    if len(values) < 2:
        return
    key = (lambda f: f.patient_id) if what == "patient" else (lambda f: f.exam_key)
    listed = "; ".join(
        f"{v}: {', '.join(sorted(f.path.name for f in found if key(f) == v)) or 'given'}" for v in sorted(values)
    )
    do = "give the files of one; the earlier exam goes with --prior" if what != "patient" else "give the files of one"
    raise InputError(f"the files belong to {len(values)} {what}s ({listed})", f"one {what}", do)
