"""Speed and memory of reading a lab's own folder of DICOM: `python benchmarks/own_folder.py [--files 20000]`.

Writes mammograms with a header of 200 elements (as scanners write them) and no more pixels than it needs, four to an
exam, and a CSV with a report for each exam; reads them in a process of its own, twice, and prints files per second of
wall and of processor time for the second time (files in the cache of the system), and the largest resident set.
"""

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from pydicom import Dataset
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.sequence import Sequence
from pydicom.uid import DigitalMammographyXRayImageStorageForPresentation, ExplicitVRLittleEndian

TOML = (
    'name = "ours"\nkind = "mammo-exam"\nimages = "dicom/**/*.dcm"\nexam = "header:AccessionNumber"\n'
    'reports = "reports.csv"\nreport_exam = "Accession"\nreport_text = "Report"\n'
)
VIEWS = (("R", "CC"), ("L", "CC"), ("R", "MLO"), ("L", "MLO"))


def _mammogram() -> FileDataset:
    meta = FileMetaDataset()
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    meta.MediaStorageSOPClassUID = DigitalMammographyXRayImageStorageForPresentation
    found = FileDataset("", {}, file_meta=meta, preamble=b"\0" * 128)
    values = {
        "SOPClassUID": meta.MediaStorageSOPClassUID, "Modality": "MG", "StudyDate": "20200102",
        "PresentationIntentType": "FOR PRESENTATION", "Manufacturer": "Maker", "ManufacturerModelName": "Model",
        "ImageType": ["DERIVED", "PRIMARY"], "BodyPartExamined": "BREAST", "KVP": "29", "PixelSpacing": [0.07, 0.07],
        "Rows": 16, "Columns": 16, "BitsAllocated": 16, "BitsStored": 12, "HighBit": 11, "PixelRepresentation": 0,
        "SamplesPerPixel": 1, "PhotometricInterpretation": "MONOCHROME2", "PixelData": b"\0" * 512,
    }  # fmt: skip
    for name, value in values.items():
        setattr(found, name, value)
    block = found.private_block(0x0019, "MAKER", create=True)
    for number in range(170):
        block.add_new(number + 1, "LO", f"a value of the maker's own, number {number}")
    code = Dataset()
    code.CodeValue, code.CodingSchemeDesignator, code.CodeMeaning = "R-10242", "SRT", "cranio-caudal"
    found.ViewCodeSequence = Sequence([code])
    return found


def write_folder(folder: Path, files: int) -> None:
    """The DICOM files, a folder for every hundred, the table of reports and the TOML."""
    one = _mammogram()
    for number in range(files):
        exam, view = divmod(number, 4)
        one.SOPInstanceUID = one.file_meta.MediaStorageSOPInstanceUID = f"1.2.3.{number + 1}"
        one.PatientID, one.AccessionNumber, one.StudyInstanceUID = f"P{exam // 2}", f"A{exam}", f"1.2.4.{exam + 1}"
        one.ImageLaterality, one.ViewPosition = VIEWS[view]
        one.ViewCodeSequence[0].CodeValue = "R-10242" if view < 2 else "R-10226"
        path = folder / "dicom" / f"{number // 100:04d}" / f"{number:06d}.dcm"
        path.parent.mkdir(parents=True, exist_ok=True)
        one.save_as(path, enforce_file_format=True)
    with (folder / "reports.csv").open("w", encoding="utf-8") as table:
        table.write("Accession,Report\n")
        table.writelines(
            f"A{exam},Findings: There is a mass in the right breast.\n" for exam in range((files + 3) // 4)
        )
    (folder / "ours.toml").write_text(TOML, encoding="utf-8")


def read_once(toml: Path) -> None:
    """What the measured process does."""
    from mammoscribe.data.dataset import Fault
    from mammoscribe.data.own_folder.folder import folder_dataset

    dataset, root = folder_dataset(toml)
    for _ in range(2):
        wall, processor = time.perf_counter(), time.process_time()
        exams = faults = 0
        for item in dataset.edition_in(root).read(root):
            exams, faults = exams + (not isinstance(item, Fault)), faults + isinstance(item, Fault)
        took = time.perf_counter() - wall, time.process_time() - processor
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    peak = float(next(line.split()[1] for line in status.splitlines() if line.startswith("VmHWM"))) / 1024
    print(f"{exams} {faults} {took[0]:.3f} {took[1]:.3f} {peak:.0f}")


def main() -> None:
    """Print a line per size."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, default=20_000, help="the largest folder")
    parser.add_argument("--toml", type=Path, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.toml is not None:
        read_once(args.toml)
        return
    print("files    exams   faults  files/s  files/s of processor  peak MB")
    size = 200
    while size <= args.files:
        with tempfile.TemporaryDirectory() as name:
            write_folder(Path(name), size)
            command = [sys.executable, __file__, "--toml", str(Path(name) / "ours.toml")]
            told = subprocess.run(command, check=True, capture_output=True, text=True).stdout  # noqa: S603
        exams, faults, wall, processor, peak = told.split()
        print(
            f"{size:<8} {exams:<7} {faults:<7} {size / float(wall):<8.0f} {size / float(processor):<21.0f} {peak}",
            flush=True,
        )
        size *= 10


if __name__ == "__main__":
    main()
