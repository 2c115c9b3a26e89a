"""A small lab: drawn half-discs with truth, or with labels or reports alone, ingested and prepared."""

import csv
from pathlib import Path

from mammoscribe.data.catalogue import write_splits
from mammoscribe.data.dataset import Dataset
from mammoscribe.data.datasets.phantom import PHANTOM
from mammoscribe.data.datasets.rsna import RSNA
from mammoscribe.data.ingest import ingest
from mammoscribe.data.prepared.dataset import PreparedDataset
from mammoscribe.data.prepared.preparation import PREPARATIONS
from mammoscribe.data.prepared.prepare import prepare
from mammoscribe.data.records import group_of
from tests.data.datasets.made import write_picture
from tests.data.datasets.makers import phantom


def prepared(dataset: Dataset, root: Path, out: Path, as_name: str = "reader") -> Path:
    """Ingest `root`, put every third patient into `val`, prepare; gives the prepared folder."""
    done = ingest(dataset, root, out / "catalogue")
    groups = sorted({group_of(r) for r in done.catalogue.records()})
    write_splits(done.catalogue.folder, {g: "val" if i % 3 == 1 else "train" for i, g in enumerate(groups)})
    prepare(done.catalogue, out / "prepared", PREPARATIONS[as_name])
    return out / "prepared"


def boxed_lab(root: Path, as_name: str = "reader") -> Path:
    """Two synthetic exams with boxes, one of them with a prior."""
    phantom.files(root / "files")
    return prepared(PHANTOM, root / "files", root, as_name)


def labelled_lab(root: Path, patients: int = 6, as_name: str = "reader") -> Path:
    """Patients of four views with labels of their breasts, in the layout of the RSNA export."""
    columns = [
        "site_id",
        "patient_id",
        "image_id",
        "laterality",
        "view",
        "age",
        "cancer",
        "biopsy",
        "invasive",
        "BIRADS",
        "implant",
        "density",
        "machine_id",
        "difficult_negative_case",
        "file_name",
        "image_side",
        "split",
    ]
    rows = []
    for patient in range(patients):
        for number, (side, view) in enumerate((s, v) for s in "RL" for v in ("CC", "MLO")):
            name = f"{patient}_{number}.jpg"
            write_picture(root / "files" / "images" / name, 10 * patient + number)
            cancer = int(side == "R" and patient % 2 == 0)
            row = dict.fromkeys(columns, "")
            row |= {
                "site_id": "1", "patient_id": str(patient), "image_id": str(number), "laterality": side, "view": view,
                "cancer": str(cancer), "BIRADS": "0" if cancer else "1", "density": "ABCD"[patient % 4],
                "file_name": name, "image_side": "L", "split": "train",
            }  # fmt: skip
            rows.append(row)
    with (root / "files" / "metadata.csv").open("w", newline="") as stream:
        writer = csv.DictWriter(stream, columns)
        writer.writeheader()
        writer.writerows(rows)
    return prepared(RSNA, root / "files", root, as_name)


def opened(folder: Path, split: str | None = None) -> PreparedDataset:
    """The prepared dataset of a lab."""
    return PreparedDataset(folder, split)
