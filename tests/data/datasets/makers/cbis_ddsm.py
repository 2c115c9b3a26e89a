"""CBIS-DDSM: the tables with folders of DICOM as the NBIA Data Retriever writes them, with Kaggle's JPEG, and alone."""

from pathlib import Path

from tests.data.datasets.made import Case, Made, write_dicom, write_lines, write_picture

PATHS = "image file path,cropped image file path,ROI mask file path"
MASS = (
    "patient_id,breast_density,left or right breast,image view,abnormality id,abnormality type,mass shape,mass margins,"
    "assessment,pathology,subtlety"
)
CALC = (
    "patient_id,breast density,left or right breast,image view,abnormality id,abnormality type,calc type,calc distribution,"
    "assessment,pathology,subtlety"
)
_ROWS = {
    "mass_case_description_train_set.csv": (
        MASS,
        ("P_00001,3,LEFT,CC,1,mass,OVAL,SPICULATED,4,MALIGNANT,4", "Mass-Training_P_00001_LEFT_CC", 1),
        ("P_00001,3,LEFT,CC,2,mass,ROUND,N/A,3,BENIGN,5", "Mass-Training_P_00001_LEFT_CC", 2),
        ("P_00001,3,LEFT,MLO,1,mass,OVAL,SPICULATED,4,MALIGNANT,4", "Mass-Training_P_00001_LEFT_MLO", 1),
    ),
    "calc_case_description_test_set.csv": (
        CALC, ("P_00001,3,LEFT,CC,3,calcification,AMORPHOUS,N/A,2,BENIGN_WITHOUT_CALLBACK,3", "Calc-Test_P_00001_LEFT_CC", 3),
    ),
    "calc_case_description_train_set.csv": (
        CALC, ("P_00002,4,RIGHT,CC,1,calcification,AMORPHOUS,N/A,2,BENIGN,3", "Calc-Training_P_00002_RIGHT_CC", 1),
    ),
}  # fmt: skip
COUNTS = {
    "records": 2, "patients": 2, "images": 4, "regions": 0, "split:test": 1, "split:train": 1, "set_aside": 0, "faults": 0,
}  # fmt: skip


def write_tables(folder: Path, paths: bool) -> list[tuple[str, str]]:
    """The tables; gives (case, case of the abnormality) of every row."""
    cases = []
    for name, (header, *rows) in _ROWS.items():
        lines = [f"{header},{PATHS}" if paths else header]
        for row, case, number in rows:  # type: ignore[misc]
            part = f"{case}_{number}"
            said = f"{row},{series(case)}/000000.dcm,{series(part)}/000000.dcm,{series(part)}/000001.dcm"
            lines.append(said if paths else row)
            cases.append((case, part))
        write_lines(folder / name, *lines)
    return cases


def series(case: str) -> str:
    return f"{case}/1.2.{len(case)}/1.3.{sum(map(ord, case))}"


def write_part(path: Path, number: int, description: str, small: bool) -> Path:
    size = {"Rows": 8, "Columns": 8, "PixelData": b"\0" * 128} if small else {}
    return write_dicom(path, number, SeriesDescription=description, ViewPosition=None, ImageLaterality=None, **size)


def tcia(root: Path) -> Made:
    """The last film lies as the table says, the others as the NBIA Data Retriever names them; masks come in any order."""
    folder = root / "manifest-1" / "CBIS-DDSM"
    cases = write_tables(root, paths=True)
    for number, (case, part) in enumerate(cases):
        film = folder / case / "07-20-2016-DDSM-NA-1" / "1.000000-full mammogram images-2" / "1-1.dcm"
        if case == cases[-1][0]:
            film = folder / series(case) / "000000.dcm"
        write_part(film, number, "full mammogram images", small=False)
        mask_first = number % 2 == 0
        shared = folder / part / "07-21-2016-DDSM-NA-3" / "1.000000-ROI mask images-4"
        write_part(shared / "1-1.dcm", number, "ROI mask images", small=not mask_first)
        write_part(shared / "1-2.dcm", number, "ROI mask images", small=mask_first)
    gone = f"manifest-1/CBIS-DDSM/{series(cases[-1][0])}/000000.dcm"
    return Made(COUNTS | {"files": 4}, gone, "calc_case_description_train_set.csv", "P_00009,3,LEFT")


def kaggle(root: Path) -> Made:
    lines = ["file_path,image_path,PatientID,SeriesDescription,Rows,Columns"]

    def jpeg(case: str, name: str, description: str, side: int) -> None:
        uid = series(case).rsplit("/", 1)[1]
        lines.append(
            f"CBIS-DDSM/dicom/{uid}/{name}.dcm,CBIS-DDSM/jpeg/{uid}/{name}.jpg,{case},{description},{side},{side}"
        )
        write_picture(root / "jpeg" / uid / f"{name}.jpg", side)

    films: set[str] = set()
    for case, part in write_tables(root / "csv", paths=True):
        if case not in films:
            jpeg(case, "1-001", "full mammogram images", 64)
            films.add(case)
        jpeg(part, "1-002", "", 16)
        jpeg(part, "2-003", "", 64)
    write_lines(root / "csv/dicom_info.csv", *lines)
    gone = f"jpeg/{series('Calc-Training_P_00002_RIGHT_CC').rsplit('/', 1)[1]}/1-001.jpg"
    return Made(COUNTS | {"files": 4}, gone, "csv/calc_case_description_test_set.csv", "P_00009,3,LEFT")


def tables(root: Path) -> Made:
    write_tables(root, paths=False)
    return Made(COUNTS | {"unnamed": 4}, None, "mass_case_description_train_set.csv", "P_00009,3,LEFT")


def masses(root: Path) -> Made:
    rows = (
        "00001_LEFT_CC.jpg,P_00001,L,CC,6,20,20,40,1,OVAL,SPICULATED,4,MALIGNANT,4,3,one to one",
        "00001_LEFT_CC.jpg,P_00001,L,CC,8,42,18,50,2,,,,,,3,several: order unknown",
        "00001_LEFT_MLO.jpg,P_00001,L,MLO,6,10,20,30,1,ARCHITECTURAL_DISTORTION,N/A,4,BENIGN,3,3,one to one",
    )
    header = "file_name,patient_id,laterality,view,x0,y0,x1,y1,abnormality_id,mass_shape,mass_margins,assessment,pathology,subtlety,density,joined"
    write_lines(root / "boxes.csv", header, *rows)
    for number, name in enumerate(("00001_LEFT_CC.jpg", "00001_LEFT_MLO.jpg")):
        write_picture(root / "images" / name, number)
    counts = {"records": 1, "patients": 1, "images": 2, "files": 2, "regions": 3, "set_aside": 0, "faults": 0}
    return Made(counts, "images/00001_LEFT_MLO.jpg", "boxes.csv", "x.jpg,P_00009,L,CC,30,20,10,40,1,,,,,,,")


CASES = (
    Case("cbis-ddsm", "masses 800", masses),
    Case("cbis-ddsm", "tcia", tcia), Case("cbis-ddsm", "kaggle jpeg", kaggle), Case("cbis-ddsm", "tables", tables),
)  # fmt: skip
