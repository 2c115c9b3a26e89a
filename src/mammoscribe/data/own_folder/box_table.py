"""What a lab's TOML file says of its boxes: which table or COCO file holds them, and in which columns."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any

from mammoscribe.data.own_folder.teaching import Lesson
from mammoscribe.data.supervision import Question
from mammoscribe.domain.finding import FindingType
from mammoscribe.support.errors import InvalidNoun
from mammoscribe.support.lookup import look_up

KEYS = ("boxes", "box_image", "box_edges", "box_labels", "boxed_kinds")
"""Keys of the TOML file that are about boxes."""
COCO_LABELS: Mapping[str, str] = {"category": "category"}
COCO_IMAGE, COCO_EDGES = "file_name", ("x0", "y0", "x1", "y1")
"""What a COCO file has in place of columns (`formats.coco`)."""
_TABLES = (".csv", ".tsv", ".txt", ".xlsx", ".gz")


@dataclass(frozen=True)
class BoxTable:
    """A table with one row per box, or a COCO file.

    Args:
        path: of the table or the `.json` in COCO's format; a pattern may stand for several.
        image: column with the picture: its path from the root, or its name where only one file has it.
        edges: columns with left, top, right and bottom edge in pixels of the stored picture, half-open.
        labels: label of a box -> column; in a COCO file `category`, or a name in `attributes` of an annotation.
        kinds: kinds of finding of which every view has all its boxes.

    Raises:
        InvalidNoun: for too little, or what would not be used.
    """

    path: str
    image: str = ""
    edges: tuple[str, ...] = ()
    labels: Mapping[str, str] = field(default_factory=dict)
    kinds: tuple[FindingType, ...] = ()

    def __post_init__(self) -> None:
        suffix = PurePosixPath(self.path).suffix.lower()
        if self.is_coco:
            if (self.image, tuple(self.edges)) != (COCO_IMAGE, COCO_EDGES):
                raise InvalidNoun(
                    "box_image or box_edges for a COCO file", "neither: it has its own names", "leave them out"
                )
            return
        if suffix not in _TABLES:
            raise InvalidNoun(f'boxes = "{self.path}"', f"a table ({', '.join(_TABLES)}) or a COCO file (.json)")
        if not self.image:
            raise InvalidNoun("boxes without box_image", "the column that names the picture of a box")
        if len(set(self.edges)) != 4:
            found = f"box_edges = {list(self.edges)}" if self.edges else "boxes without box_edges"
            raise InvalidNoun(found, 'four columns, left, top, right, bottom: ["x0", "y0", "x1", "y1"]')

    @property
    def is_coco(self) -> bool:
        """Whether it is in COCO's format."""
        return self.path.lower().endswith(".json")

    @property
    def columns(self) -> Mapping[str, str]:
        """Key of the TOML file -> column, of every column that it names."""
        edges = {f"box_edges {n}": column for n, column in enumerate(self.edges, 1)}
        labels = {f"box_labels.{label}": column for label, column in self.labels.items()}
        return {"box_image": self.image, **edges, **labels}

    def check_kinds(self, lessons: tuple[Lesson, ...]) -> None:
        """InvalidNoun where a kind is to have all its boxes, and no label of a box can be that kind."""
        taught = [lesson for lesson in lessons if lesson.question is Question.KIND]
        for kind in self.kinds:
            if not taught:
                example = next(iter(self.labels), "kind")
                raise InvalidNoun(
                    f'boxed_kinds = ["{kind}"], and no label of a box teaches its kind',
                    f'[teaches.region] {example} = {{ question = "kind", answers = {{ VALUE = "{kind}" }} }}',
                )
            if not any(lesson.answers is None or kind.value in lesson.answers.values() for lesson in taught):
                raise InvalidNoun(
                    f'boxed_kinds names "{kind}", and no answer in [teaches.region] is {kind}', "one that is"
                )


def box_table_in(given: Mapping[str, Any]) -> BoxTable | None:
    """The noun of the keys about boxes; None where there are none.

    Raises:
        InvalidNoun: for keys without `boxes`.
        InputError: for an unknown kind of finding.
    """
    used = [key for key in KEYS if given.get(key)]
    if not used:
        return None
    if "boxes" not in used:
        raise InvalidNoun(f"{used[0]} without boxes", 'boxes = "boxes.csv"')
    known = {kind.value: kind for kind in FindingType}
    kinds = tuple(look_up(name, known, "kind of finding (boxed_kinds)") for name in given.get("boxed_kinds", ()))
    labels, image, edges = given.get("box_labels", {}), given.get("box_image", ""), given.get("box_edges", ())
    path = given["boxes"].replace("\\", "/").removeprefix("./")
    if path.lower().endswith(".json") and not (image or edges):
        labels, image, edges = labels or COCO_LABELS, COCO_IMAGE, COCO_EDGES
    return BoxTable(path, image, tuple(edges), labels, kinds)
