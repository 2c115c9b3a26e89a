"""PadChest: the wide table, and pictures in numbered folders as the archives are unpacked; texts are made up."""

from pathlib import Path

from tests.data.datasets.made import Case, Made, write_lines, write_picture

TABLE = "PADCHEST_chest_x_ray_images_labels_160K_01.02.19.csv"
COLUMNS = (
    ",ImageID,ImageDir,StudyDate_DICOM,StudyID,PatientID,PatientBirth,PatientSex_DICOM,ViewPosition_DICOM,Projection,"
    "MethodProjection,Pediatric,Modality_DICOM,Manufacturer_DICOM,PhotometricInterpretation_DICOM,PixelRepresentation_DICOM,"
    "PixelAspectRatio_DICOM,SpatialResolution_DICOM,BitsStored_DICOM,WindowCenter_DICOM,WindowWidth_DICOM,Rows_DICOM,"
    "Columns_DICOM,XRayTubeCurrent_DICOM,Exposure_DICOM,ExposureInuAs_DICOM,ExposureTime,RelativeXRayExposure_DICOM,"
    "ReportID,Report,MethodLabel,Labels,Localizations,LabelsLocalizationsBySentence,labelCUIS,LocalizationsCUIS"
)
REVIEWED, GUESSED = "Manual review of DICOM fields", "resnet-50.t7"


def row(image: str, folder: str, day: str, study: str, patient: str, view: str, said: str) -> str:
    """A row; `said` is from Report on."""
    seen = GUESSED if view == "L" else REVIEWED
    header = "CR,PhilipsMedicalSystems,MONOCHROME2,0,,0.2,12,2047.0,4095.0,64,48,,,,,419.0"
    return f"0,{image}.png,{folder},{day},{study},{patient},1930.0,F,,{view},{seen},No,{header},4765777,{said}"


CHRONIC = (
    "cambi cronic . derram izquierd .,Physician,\"['chronic changes', ' pleural effusion']\",\"['loc  left']\","
    "\"[['chronic changes'], ['pleural effusion', 'loc left']]\",\"['C0742362' '' 'C0032227']\",['C0443246']"
)
NORMAL = "sin hallazg .,RNN_model,['normal'],[],\"[['normal'], ['normal']]\",[],[]"
UNSAID = ",RNN_model,,,,,"


def table(root: Path) -> list[str]:
    rows = [
        row("1_aaa", "0", "20100301", "11", "901", "PA", CHRONIC),
        row("2_bbb", "1", "20120704", "12", "901", "AP_horizontal", NORMAL),
        row("1_ccc", "0", "20100301", "11", "901", "L", CHRONIC),
        row("3_ddd", "54", "20150622.0", "13", "902", "PA", UNSAID),
    ]
    write_lines(root / TABLE, COLUMNS, *rows)
    return ["0/1_aaa.png", "1/2_bbb.png", "0/1_ccc.png", "54/3_ddd.png"]


def numbered(root: Path) -> Made:
    for seed, path in enumerate(table(root)):
        write_picture(root / path, seed, top=65535)
    counts = {"records": 3, "patients": 2, "images": 4, "files": 4, "reports": 2, "faults": 0, "set_aside": 0}
    return Made(counts, "54/3_ddd.png", TABLE, "4,5_eee.png,0,20100301")


CASES = (Case("padchest", "160K 01.02.19", numbered),)
