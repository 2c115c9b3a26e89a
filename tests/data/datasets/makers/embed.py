"""EMBED's open release: a wide table of pictures, one of findings, and paths that begin with a folder of Emory's."""

from pathlib import Path

from tests.data.datasets.made import Case, Made, write_dicom, write_lines

METADATA = (
    ",anon_dicom_path,empi_anon,acc_anon,study_date_anon,cohort_num,StudyDescription,FinalImageType,"
    "ImageLateralityFinal,ViewPosition,spot_mag,num_roi,ROI_coords,match_level,PatientOrientation,Rows,Columns,"
    "Manufacturer,ManufacturerModelName"
)
CLINICAL = (
    ",empi_anon,acc_anon,study_date_anon,desc,side,numfind,asses,tissueden,massshape,massmargin,massdens,calcfind,"
    "calcdistri,calcnumber,path_severity,age_at_study"
)
_MACHINE = '64,48,"HOLOGIC, Inc.",Selenia Dimensions'


def picture(
    name: str, exam: str, day: str, kind: str, view: str, spot: str = "", marks: str = "0,(),[],\"['A', 'R']\""
) -> str:
    """A row of the metadata: `exam` is patient and accession, `view` side and position, `marks` four columns."""
    path = f"/mnt/NAS2/mammo/anon_dicom/cohort_1/{exam.split(',')[0]}/1.2.{exam.split(',')[1]}/1.3/{name}.dcm"
    return f"0,{path},{exam},{day},1,MG Screening,{kind},{view},{spot},{marks},{_MACHINE}"


def open_data(root: Path) -> Made:
    first, second, other = "101,9001", "101,9002", "202,9003"
    write_lines(
        root / "tables" / "EMBED_OpenData_metadata.csv",
        METADATA,
        picture("a", first, "2014-02-03", "cview", "L,CC"),
        picture(
            "b",
            first,
            "2014-02-03",
            "2D",
            "L,CC",
            marks='2,"((5, 1, 20, 11), (30, 0, 40, 8))","[1, 2]","[\'A\', \'R\']"',
        ),
        picture("c", first, "2014-02-03", "2D", "R,MLO", marks='1,"((5, 1, 20, 11),)","[1]","[\'P\', \'FL\']"'),
        picture("d", second, "2016-05-06 00:00:00", "2D", "R,CC", "1.0"),
        picture("e", second, "2016-05-06 00:00:00", "2D", "R,CC"),
        picture("f", other, "2015-01-01", "2D", "L,ML"),
        picture("g", other, "2015-01-01", "ROI_SSC", "L,CC"),
        picture("h", other, "2015-01-01", "2D", "L,MLO"),
    )
    write_lines(
        root / "tables" / "EMBED_OpenData_clinical.csv",
        CLINICAL,
        "0,101,9001,2014-02-04,MG Screening Bilateral,L,1,A,3.0,O,I,=,,,0,1.0,52.031185",
        "1,101,9001,2014-02-04,MG Screening Bilateral,L,2,A,3.0,S,,,P,,2,,52.031185",
        "2,101,9001,2014-02-04,MG Screening Bilateral,R,3,N,3.0,,,,,,0,,52.031185",
        "3,101,9002,2016-05-06,MG Diagnostic Right,B,1,B,2.0,,,,,,2.0,4.0,54.3",
        "4,202,9003,2015-01-02,MG Screening Bilateral,,1,N,5.0,,,,,,0,,61.0",
    )
    for number, (name, exam) in enumerate(zip("abceh", (first, first, first, second, other), strict=True)):
        patient, accession = exam.split(",")
        write_dicom(root / "images" / "cohort_1" / patient / f"1.2.{accession}" / "1.3" / f"{name}.dcm", number)
    counts = {"records": 3, "patients": 2, "images": 5, "files": 5, "regions": 3, "set_aside": 3, "faults": 0}
    path = "images/cohort_1/202/1.2.9003/1.3/h.dcm"
    return Made(counts, path, "tables/EMBED_OpenData_metadata.csv", "0,/mnt/x.dcm,303")


CASES = (Case("embed", "open data", open_data),)
