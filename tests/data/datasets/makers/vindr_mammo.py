"""VinDr-Mammo as PhysioNet publishes it, and as the PNG copy has it."""

from pathlib import Path

from tests.data.datasets.made import Case, Made, write_dicom, write_lines, write_picture

BREAST = (
    "study_id,series_id,image_id,laterality,view_position,height,width,breast_birads,breast_density,"
    "finding_categories,finding_birads,xmin,ymin,xmax,ymax,split"
)
_PICTURES = [
    ("s1", "i1", "L,CC", "BI-RADS 4,DENSITY C", "training"),
    ("s1", "i2", "L,MLO", "BI-RADS 4,DENSITY C", "training"),
    ("s1", "i3", "R,CC", "BI-RADS 1,DENSITY C", "training"),
    ("s2", "i4", "R,MLO", "BI-RADS 2,DENSITY B", "test"),
]
_FINDINGS = {
    "i1": [
        "\"['Mass', 'Skin Retraction']\",BI-RADS 4,-2.5,10.0,20.5,30.25",
        "['Suspicious Calcification'],BI-RADS 3,5,40,9,60",
    ],
    "i2": ["['Mass'],BI-RADS 4,1,2,3,4"],
}


def physionet(root: Path) -> Made:
    heads = BREAST.split(",")
    write_lines(
        root / "breast-level_annotations.csv", ",".join((*heads[:9], "split")),
        *(f"{study},r,{image},{view},64,48,{said},{split}" for study, image, view, said, split in _PICTURES),
    )  # fmt: skip
    write_lines(
        root / "finding_annotations.csv", BREAST,
        *(
            f"{study},r,{image},{view},64,48,{said},{finding},{split}"
            for study, image, view, said, split in _PICTURES
            for finding in _FINDINGS.get(image, ["['No Finding'],,,,,"])
        ),
    )  # fmt: skip
    write_lines(
        root / "metadata.csv",
        "SOP Instance UID,SOP Instance UID,Patient's Age,Manufacturer,Manufacturer's Model Name",
        "i1,i1,053Y,SIEMENS,Mammomat Inspiration",
        "i4,i4,,IMS s.r.l.,",
    )
    for number, (study, image, view, _, _) in enumerate(_PICTURES):
        write_dicom(root / "images" / study / f"{image}.dicom", number, ImageLaterality=view[0], ViewPosition=view[2:])
    counts = {
        "records": 2, "patients": 2, "images": 4, "files": 4, "regions": 3, "split:train": 1, "split:test": 1,
        "set_aside": 0, "faults": 0,
    }  # fmt: skip
    return Made(counts, "images/s1/i3.dicom", "breast-level_annotations.csv", "s3,r,i9,L")


def kaggle_png(root: Path) -> Made:
    rows = [
        "s1,i1.png,L,CC,BI-RADS 4,DENSITY C,training,\"['Mass']\",BI-RADS 4,1.0,2.0,30.5,40.0",
        "s1,i1.png,L,CC,BI-RADS 4,DENSITY C,training,\"['Asymmetry']\",BI-RADS 3,3,4,5,6",
        "s1,i2,L,MLO,BI-RADS 4,DENSITY C,training,\"['No Finding']\",,,,,",
        "s2,i3.png,R,MLO,1,B,test,\"['No Finding']\",,,,,",
    ]
    write_lines(
        root / "vindr_detection_v1_folds.csv",
        "patient_id,image_id,laterality,view,breast_birads,breast_density,split,finding_categories,finding_birads,"
        "resized_xmin,resized_ymin,resized_xmax,resized_ymax",
        *rows,
    )  # fmt: skip
    for name in ("s1/i1", "s1/i2", "s2/i3"):
        write_picture(root / "images_png" / f"{name}.png")
    counts = {"records": 2, "images": 3, "files": 3, "regions": 2, "split:train": 1, "split:test": 1, "faults": 0}
    return Made(counts, "images_png/s1/i2.png", "vindr_detection_v1_folds.csv", "s9,i9")


CASES = (Case("vindr-mammo", "physionet 1.0.0", physionet), Case("vindr-mammo", "kaggle png", kaggle_png))
