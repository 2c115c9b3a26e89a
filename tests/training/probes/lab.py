"""Small labs for probes: chest pictures in the folders of MIMIC-CXR-JPG, mammograms with labels, ingested and prepared."""

import gzip
from pathlib import Path

from mammoscribe.data.catalogue import write_splits
from mammoscribe.data.datasets.mimic_cxr import MIMIC_CXR_JPG
from mammoscribe.data.ingest import ingest
from mammoscribe.data.prepared.preparation import PREPARATIONS
from mammoscribe.data.prepared.prepare import prepare
from mammoscribe.data.records import group_of
from tests.data.datasets.made import write_picture

SPLITS = ("train", "train", "val", "test")
HEADER = (
    "dicom_id,subject_id,study_id,PerformedProcedureStepDescription,ViewPosition,Rows,Columns,StudyDate,StudyTime,"
    "ProcedureCodeSequence_CodeMeaning,ViewCodeSequence_CodeMeaning,PatientOrientationCodeSequence_CodeMeaning"
)


def write_gz(path: Path, lines: list[str]) -> None:
    path.write_bytes(gzip.compress("".join(f"{line}\n" for line in lines).encode()))


def chest_files(root: Path, patients: int, views: int = 1) -> None:
    """One study of every patient; Edema is there in every other one, Fracture is known of the first half only."""
    table, labels = [HEADER], ["subject_id,study_id,Edema,Fracture,Pneumonia"]
    for n in range(patients):
        subject, study = 10000000 + n, 50000000 + n
        for view in range(views):
            name = f"{n:08x}-{view:08x}-00000000-00000000-00000000"
            row = f"{name},{subject},{study},CHEST,{('PA', 'LATERAL')[view]},64,48,21500101,{view}.0,,,"
            table.append(row)
            folder = root / "files" / f"p{str(subject)[:2]}" / f"p{subject}" / f"s{study}"
            write_picture(folder / f"{name}.jpg", 7 * n + view)
        labels.append(f"{subject},{study},{n % 2}.0,{f'{n % 3 % 2}.0' if n < patients // 2 else ''},-1.0")
    write_gz(root / "mimic-cxr-2.0.0-metadata.csv.gz", table)
    write_gz(root / "mimic-cxr-2.0.0-chexpert.csv.gz", labels)


def chest_lab(root: Path, patients: int = 16, views: int = 1, as_name: str = "joint") -> Path:
    """The prepared folder of such files; of four patients two are in train, one in val, one in test."""
    (root / "raw").mkdir(parents=True)
    chest_files(root / "raw", patients, views)
    done = ingest(MIMIC_CXR_JPG, root / "raw", root / "catalogue")
    groups = sorted({group_of(r) for r in done.catalogue.records()})
    write_splits(done.catalogue.folder, {g: SPLITS[i // 2 % 4] for i, g in enumerate(groups)})
    prepare(done.catalogue, root / "prepared", PREPARATIONS[as_name])
    return root / "prepared"
