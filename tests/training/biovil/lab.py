"""A small lab for the joint stage: chest pictures whose report names the bright quarter, and mammograms with reports."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from mammoscribe.data.catalogue import write_splits
from mammoscribe.data.ingest import ingest
from mammoscribe.data.prepared.preparation import PREPARATIONS
from mammoscribe.data.prepared.prepare import prepare
from mammoscribe.data.records import ListedImage, ListedView, Record, group_of
from tests.data.some_records import CC, MLO, L, R, dataset_of, exam, report, study

PLACES = {("upper", "right"): (0, 0), ("upper", "left"): (0, 1), ("lower", "right"): (1, 0), ("lower", "left"): (1, 1)}
"""Quarter of the picture that is bright, as its report says it."""


def chest_picture(path: Path, quarter: tuple[int, int], seed: int) -> None:
    grey = np.random.default_rng(seed).integers(20, 60, (96, 80)).astype(np.uint8)
    row, column = quarter
    grey[10 + 44 * row : 38 + 44 * row, 8 + 36 * column : 36 + 36 * column] += 180
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(grey).save(path)


def chest_records(root: Path, patients: int = 24) -> list[Record]:
    """Patients with one study from the front and one from the side; every other one has an earlier study."""
    records: list[Record] = []
    for n in range(patients):
        (height, side), quarter = list(PLACES.items())[n % 4]
        names = [f"s{n:03d}/pa.png", f"s{n:03d}/lat.png"]
        for name in names:
            chest_picture(root / "files" / name, quarter, n)
        prior = None
        if n % 2:
            prior = f"s{n:03d}-before"
            chest_picture(root / "files" / f"{prior}/pa.png", (0, 0), 1000 + n)
            before = (ListedImage(f"{prior}/pa.png", "AP"),)
            records.append(study(prior, f"p{n:03d}", "2019-01-01", images=before, report=None))
        said = report(f"There is an opacity in the {height} {side} lung.", f"Opacity {height} {side}, number {n // 4}.")
        images = (ListedImage(names[0], "PA"), ListedImage(names[1], "LATERAL"))
        records.append(study(f"s{n:03d}", f"p{n:03d}", "2020-01-01", images=images, report=said, prior_id=prior))
    return records


def breast_picture(path: Path, chest_on_left: bool, seed: int) -> None:
    """A half-disc on black, as a mammogram lies, with a bright spot in its upper half."""
    rows, columns = np.mgrid[:240, :160]
    inside = np.hypot((rows - 120) / 110, columns / 130) < 1
    grey = np.where(inside, 90 + 20 * np.random.default_rng(seed).random(rows.shape), 0)
    grey[60:80, 40:60] = 230
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray((grey if chest_on_left else grey[:, ::-1]).astype(np.uint8)).save(path)


def breast_records(root: Path, patients: int = 9) -> list[Record]:
    """Exams of four views with a report that says something else of each breast; every third has a prior exam."""
    records: list[Record] = []
    for n in range(patients):
        name = f"e{n}"
        views = [(side, kind) for side in (R, L) for kind in (CC, MLO)]

        def listed(folder: str, first: int, views=views) -> tuple[ListedView, ...]:
            paths = [f"{folder}/{side}_{kind}.png" for side, kind in views]
            for number, (path, (side, _)) in enumerate(zip(paths, views, strict=True)):
                breast_picture(root / "files" / path, side is L, first + number)
            return tuple(ListedView(p, side, kind) for p, (side, kind) in zip(paths, views, strict=True))

        said = report(
            f"There is an oval mass in the right breast, number {n}. Scattered calcifications are seen in the left breast.",
            "BI-RADS 4.",
        )
        prior = None
        if n % 3 == 0:
            prior = f"{name}-before"
            records.append(
                exam(
                    prior, f"q{n}", "2018-01-01", images=listed(prior, 500 + 10 * n), report=None, breasts={}, labels={}
                )
            )
        records.append(
            exam(
                name,
                f"q{n}",
                "2020-01-01",
                images=listed(name, 10 * n),
                report=said,
                breasts={},
                labels={},
                prior_id=prior,
            )
        )
    return records


def prepared(
    records: Sequence[Record], root: Path, as_name: str, splits: Sequence[str] = ("train", "train", "val")
) -> Path:  # fmt: skip
    """The prepared folder of records whose pictures are there; patients are put into splits in turn."""
    kind = records[0].kind
    (root / "files").mkdir(parents=True, exist_ok=True)
    (root / "files" / "here").touch()
    catalogue = ingest(dataset_of(list(records), kind), root / "files", root / "catalogue").catalogue
    groups = sorted({group_of(r) for r in catalogue.records()})
    write_splits(catalogue.folder, {g: splits[(n + n // len(splits)) % len(splits)] for n, g in enumerate(groups)})
    prepare(catalogue, root / as_name, PREPARATIONS[as_name])
    return root / as_name


def chest_lab(root: Path, patients: int = 24, as_name: str = "joint") -> Path:
    return prepared(chest_records(root, patients), root, as_name)


def breast_lab(root: Path, patients: int = 9) -> Path:
    return prepared(breast_records(root, patients), root, "plain")
