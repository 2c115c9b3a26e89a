"""RSNA 2023 as Kaggle publishes it, and as the 512 px export has it."""

from pathlib import Path

from tests.data.datasets.made import Case, Made, write_dicom, write_lines, write_picture

COLUMNS = (
    "site_id,patient_id,image_id,laterality,view,age,cancer,biopsy,invasive,BIRADS,implant,density,machine_id,"
    "difficult_negative_case"
)  # fmt: skip


def kaggle(root: Path) -> Made:
    rows = [
        "2,10006,462822612,L,CC,61.0,0,0,0,,0,,29,False",
        "2,10006,1459541791,L,MLO,61.0,0,0,0,,0,,29,False",
        "1,10011,220375232,R,CC,55.0,1,1,1,0.0,0,B,21,False",
        "1,10011,541722628,R,AT,55.0,1,1,1,0.0,0,B,21,False",
    ]
    write_lines(root / "train.csv", COLUMNS, *rows)
    for row in rows:
        patient, image = row.split(",")[1:3]
        write_dicom(
            root / "train_images" / patient / f"{image}.dcm", int(image), PatientID=patient, ImageLaterality=None
        )
    counts = {"records": 2, "patients": 2, "images": 3, "files": 3, "set_aside": 1, "faults": 0}
    return Made(counts, "train_images/10006/462822612.dcm", "train.csv", "2,10007,x")


def export(root: Path) -> Made:
    rows = [
        "5_1.jpg,5,1,L,CC,68.0,0,0,0,0.0,,0,21,2,True,L,val",
        "5_2.jpg,5,2,R,MLO,68.0,0,0,0,1.0,C,0,21,2,False,R,val",
        "7_3.jpg,7,3,R,MLO,50,1,1,1,0.0,A,0,48,1,False,R,train",
    ]
    header = (
        "file_name,patient_id,image_id,laterality,view,age,cancer,biopsy,invasive,BIRADS,density,implant,machine_id,"
        "site_id,difficult_negative_case,image_side,split"
    )  # fmt: skip
    write_lines(root / "metadata.csv", header, *rows)
    for row in rows:
        write_picture(root / "images" / row.split(",")[0], int(row.split(",")[2]))
    counts = {"records": 2, "patients": 2, "images": 3, "files": 3, "split:val": 1, "split:train": 1, "faults": 0}
    return Made(counts, "images/7_3.jpg", "metadata.csv", "8_4.jpg,8")


CASES = (Case("rsna-2023", "kaggle", kaggle), Case("rsna-2023", "export 512", export))
