"""Views of a record as the domain's nouns: the pictures of an ingested exam, opened as far as an Exam needs it."""

from pathlib import Path

from mammoscribe.data.found import Declared, look_at
from mammoscribe.data.records import ListedView, MammoExam
from mammoscribe.domain.exam import Exam
from mammoscribe.domain.view import Role, View
from mammoscribe.support.errors import InputError


def view_of(listed: ListedView, root: Path) -> View:
    """The view that a dataset lists, with the spacing that it declares; its header is read, its pixels are not.

    Args:
        listed: the view.
        root: the dataset's folder.

    Raises:
        InputError: for a view without a file, and for a file that is no picture.
    """
    if listed.path is None:
        raise InputError("a picture without a file", "the pictures beside the tables")
    kind = (listed.laterality, listed.projection)
    declared = Declared(
        kind, "the dataset", listed.spacing_mm, frame=listed.frame, height_to_width=listed.height_to_width
    )
    return look_at(root / listed.path, Role.CURRENT, declared).view


def exam_of(record: MammoExam, root: Path) -> Exam:
    """The exam of a record; of several pictures of one view the first.

    Raises:
        InputError: as `view_of`.
    """
    first: dict[str, View] = {}
    for view in (view_of(listed, root) for listed in record.images):
        first.setdefault(view.id, view)
    return Exam(record.id, tuple(first.values()), record.patient_id)
