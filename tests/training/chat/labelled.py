"""Labelled exams for tests of the three steps: records made by hand, with drawn pictures where a place is looked for."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from mammoscribe.data.catalogue import write_splits
from mammoscribe.data.dataset import Label
from mammoscribe.data.ingest import ingest
from mammoscribe.data.prepared.dataset import StoredPicture, StoredRecord
from mammoscribe.data.prepared.preparation import PREPARATIONS
from mammoscribe.data.prepared.prepare import prepare
from mammoscribe.data.records import ListedView, MammoExam, Region, group_of
from mammoscribe.data.supervision import Question, Supervision, Teaching
from mammoscribe.domain.finding import FindingType
from mammoscribe.domain.view import Box, Laterality, Projection
from mammoscribe.imaging.placement import Placement
from tests.data.some_records import dataset_of

R, L = Laterality.RIGHT, Laterality.LEFT
CC, MLO = Projection.CC, Projection.MLO
FOUR = ((R, CC), (L, CC), (R, MLO), (L, MLO))
TEACHINGS = (
    Teaching("density", "breast", Question.DENSITY), Teaching("recall", "breast", Question.RECALL),
    Teaching("birads", "breast", Question.BIRADS), Teaching("cancer", "breast", Question.MALIGNANT),
    Teaching("unplaced", "view", Question.UNPLACED), Teaching("kind", "region", Question.KIND),
    Teaching("name", "region", Question.FINDING), Teaching("descriptors", "region", Question.DESCRIPTORS),
    Teaching("cancer", "region", Question.MALIGNANT), Teaching("suspicion", "region", Question.SUSPICION),
    Teaching("change", "region", Question.CHANGE),
)  # fmt: skip
ALL = Supervision(TEACHINGS, tuple(FindingType))
MASSES = Supervision(TEACHINGS, (FindingType.MASS,))
NONE = Supervision(TEACHINGS)
HIGH, WIDE = 320, 220


def view(side: Laterality, kind: Projection, *regions: Mapping[str, str], name: str = "e", **labels: str) -> ListedView:
    """A listed view with a box for each mapping of labels."""
    boxes = tuple(Region(Box(20 + 30 * n, 100, 40 + 30 * n, 130), labels) for n, labels in enumerate(regions))
    return ListedView(f"{name}/{side}_{kind}.png", side, kind, labels=labels, regions=boxes)


def mass(name: str = "", **labels: str) -> dict[str, str]:
    return {"kind": "mass", **({"name": name} if name else {}), **labels}


def exam(name: str, views: Sequence[ListedView], **more: object) -> MammoExam:
    return MammoExam(name, f"patient of {name}", tuple(views), **more)  # type: ignore[arg-type]


def stored(record: MammoExam, missing: Sequence[int] = ()) -> StoredRecord:
    """The record as it is prepared at its own size, without the pictures of these numbers."""
    blank, place = np.zeros((HIGH, WIDE), np.uint8), Placement(WIDE, HIGH, False, 1.0, 1.0, 0.0, 0.0, WIDE, HIGH)
    pictures = tuple(
        StoredPicture(str(v.path), blank, place, tuple(r.box for r in v.regions), image=n)
        for n, v in enumerate(record.images)
        if n not in missing
    )
    return StoredRecord(record, pictures)


def half_disc(chest_on_left: bool, spot: Box | None = None) -> np.ndarray:
    """uint8 [HIGH, WIDE]: a half-disc with its middle at half the height, and a nipple that stands out there."""
    rows, columns = np.mgrid[:HIGH, :WIDE]
    inside = np.hypot((rows - HIGH / 2) / 150, columns / 180) < 1
    nipple = np.hypot(rows - HIGH / 2, columns - 180) < 9
    noise = np.random.default_rng(0).integers(0, 20, rows.shape)
    grey = np.where(inside | nipple, 90 + noise, 0)
    if spot is not None:
        grey[int(spot.y0) : int(spot.y1), int(spot.x0) : int(spot.x1)] = 230
    return (grey if chest_on_left else grey[:, ::-1]).astype(np.uint8)


def write_views(
    root: Path, record: MammoExam, chest_on_left: Mapping[Laterality, bool], spots: bool = False
) -> None:  # fmt: skip
    """Draw the views of an exam; where boxes are on a mirrored picture is the business of who lists them.

    With `spots` the first box of a view is bright, on a breast with its chest wall at the left.
    """
    from PIL import Image

    for listed in record.images:
        path = root / "files" / str(listed.path)
        path.parent.mkdir(parents=True, exist_ok=True)
        spot = listed.regions[0].box if spots and listed.regions else None
        Image.fromarray(half_disc(chest_on_left[listed.laterality], spot)).save(path)


def prepared(
    root: Path, records: Sequence[MammoExam], supervision: Supervision,
    chest_on_left: Mapping[Laterality, bool] = {R: False, L: True}, as_name: str = "plain",
    splits: Sequence[str] = ("train",), spots: bool = False,
) -> Path:  # fmt: skip
    """The prepared folder of drawn exams; a right breast has its chest wall at the right unless it is said otherwise."""
    for record in records:
        write_views(root, record, chest_on_left, spots)
    (root / "files" / "here").touch()
    listed = dataset_of(list(records))
    card = tuple(Label(t.label, t.of, "as its name says") for t in TEACHINGS)
    edition = replace(listed.editions[0], boxed_kinds=supervision.boxed_kinds)  # which kinds is a fact of the edition
    own = replace(supervision, boxed_kinds=())
    dataset = replace(listed, labels=(*listed.labels, *card), editions=(edition,), supervision=own)
    done = ingest(dataset, root / "files", root / "catalogue")
    groups = sorted({group_of(r) for r in done.catalogue.records()})
    write_splits(done.catalogue.folder, {g: splits[n % len(splits)] for n, g in enumerate(groups)})
    prepare(done.catalogue, root / "prepared", PREPARATIONS[as_name])
    return root / "prepared"
