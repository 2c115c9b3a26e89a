"""A small lab for the report decoder: chest pictures, every other one with an earlier study that has a report of its own."""

from pathlib import Path

from mammoscribe.data.records import ListedImage, Record
from tests.data.some_records import report, study
from tests.models.tiny_joint import write_published_image
from tests.training.biovil.lab import PLACES, chest_picture, prepared

EARLIER = "The lungs are clear, and the heart is of normal size."
BY_HEART = (
    "There is an opacity in the upper right lung. The heart is large; no pleural effusion is seen.",
    "Small nodule at the left base, 4.5 mm, unchanged. No pneumothorax (supine film).",
)


def image_only(folder: Path) -> Path:
    """A folder that holds a tiny image model and no text model."""
    folder.mkdir(parents=True, exist_ok=True)
    write_published_image(folder / "biovil_t_image_model_proj_size_128.pt")
    return folder


def picture_and_report(root: Path, number: int, quarter: tuple[int, int], said: str, prior: str | None) -> Record:
    name = f"s{number:03d}"
    chest_picture(root / "files" / name / "pa.png", quarter, number)
    images = (ListedImage(f"{name}/pa.png", "PA"),)
    return study(name, f"p{number:03d}", "2020-01-01", images=images, report=report("", said), prior_id=prior)


def earlier_study(root: Path, number: int) -> Record:
    name = f"s{number:03d}-before"
    chest_picture(root / "files" / name / "pa.png", (0, 0), 1000 + number)
    images = (ListedImage(f"{name}/pa.png", "PA"),)
    return study(name, f"p{number:03d}", "2019-01-01", images=images, report=report("", EARLIER))


def chest_lab(root: Path, patients: int = 12) -> Path:
    """Reports of several lengths that name the bright quarter; every other patient has an earlier study with a report."""
    records: list[Record] = []
    for n in range(patients):
        (height, side), quarter = list(PLACES.items())[n % 4]
        if n % 2:
            records.append(earlier_study(root, n))
        said = (
            f"There is an opacity in the {height} {side} lung. Number {n // 4}."
            + " The heart is of normal size." * (n % 3)
        )
        records.append(picture_and_report(root, n, quarter, said, f"s{n:03d}-before" if n % 2 else None))
    return prepared(records, root, "joint")


def by_heart_lab(root: Path) -> Path:
    """Two pictures with a report each for training, and two alike in `val`."""
    quarters = ((0, 0), (1, 1))
    records = [picture_and_report(root, n, quarters[n % 2], BY_HEART[n % 2], None) for n in range(4)]
    return prepared(records, root, "joint", ("train", "train", "val", "val"))
