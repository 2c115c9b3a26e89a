"""IU X-ray as Open-i publishes it (archive, or unpacked), as Kaggle does, and as R2Gen split it; the texts are made up."""

import io
import json
import tarfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.data.datasets.made import Case, Made, write_lines, write_picture

ONE = {
    "COMPARISON": "None.", "INDICATION": "Cough & fever", "FINDINGS": "No XXXX of effusion.", "IMPRESSION": "Clear lungs.",
}  # fmt: skip


def xml(
    number: int,
    images: Sequence[str] = (),
    texts: Mapping[str, str] = ONE,
    major: Sequence[str] = ("normal",),
    automatic: Sequence[str] = (),
    caption: str = "PA and lateral",
) -> bytes:
    """A report as it lies in ecgen-radiology, with the empty elements and blank lines of the real ones."""
    four = {label: texts.get(label, "") for label in ONE}
    parts = "\n".join(
        f'<AbstractText Label="{label}">{text.replace("&", "&amp;").replace("<", "&lt;")}</AbstractText>'
        for label, text in four.items()
    )
    terms = [("major", t) for t in major] + [("automatic", t) for t in automatic]
    mesh = "".join(f"\n   <{tag}>{term}</{tag}>" for tag, term in terms)
    parents = "".join(
        f'<parentImage id="{name}">\n<figureId>F{n}</figureId>\n<caption>{caption}</caption>\n<panel type="single">'
        f"<url>/hadoop/{name}.jpg</url></panel></parentImage>"
        for n, name in enumerate(images, start=1)
    )
    return (
        f'<?xml version="1.0" encoding="utf-8"?>\n<eCitation><meta type="rr"/><uId id="CXR{number}"/>'
        f'<pmcId id="{number}"/><articleDate>2013-08-01</articleDate><MedlineCitation Owner="Indiana University">'
        f"<Article><Abstract>\n{parts}\n</Abstract></Article></MedlineCitation>\n<MeSH>{mesh}\n</MeSH>{parents}</eCitation>"
    ).encode()


def reports() -> dict[str, bytes]:
    return {
        "1.xml": xml(1, ["CXR1_1_IM-0001-3001", "CXR1_1_IM-0001-4001"]),
        "10.xml": xml(10, ["CXR10_IM-0002-1001"], {}, ["Opacity/lung/base/left", "Opacity/lung", "Lung, Hyperlucent"], ["opacity"]),
        "2.xml": xml(2, [], {"IMPRESSION": "No change."}, ["No Indexing"]),
        "3.xml": xml(3, [], {}),
    }  # fmt: skip


COUNTS = {
    "records": 3, "patients": 3, "images": 3, "files": 3, "reports": 2, "set_aside": 1, "faults": 0,
}  # fmt: skip


def pictures(root: Path, folder: str = "NLMCXR_png") -> Path:
    for seed, name in enumerate(("CXR1_1_IM-0001-3001", "CXR1_1_IM-0001-4001", "CXR10_IM-0002-1001")):
        write_picture(root / folder / f"{name}.png", seed)
    return root / folder


def write_archive(path: Path, files: Mapping[str, bytes]) -> Path:
    with tarfile.open(path, "w:gz") as archive:
        folder = tarfile.TarInfo("ecgen-radiology")
        folder.type = tarfile.DIRTYPE
        archive.addfile(folder)
        for name, raw in files.items():
            info = tarfile.TarInfo(f"ecgen-radiology/{name}")
            info.size = len(raw)
            archive.addfile(info, io.BytesIO(raw))
    return path


def archive(root: Path) -> Made:
    pictures(root)
    write_archive(root / "NLMCXR_reports.tgz", reports())
    return Made(COUNTS, "NLMCXR_png/CXR10_IM-0002-1001.png")


def extracted(root: Path) -> Made:
    pictures(root, ".")
    for name, raw in reports().items():
        path = root / "NLMCXR_reports" / "ecgen-radiology" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(raw)
    (root / "NLMCXR_reports" / "ecgen-radiology" / "._1.xml").write_bytes(b"\0\5\x16\7Mac OS X")
    return Made(COUNTS, "CXR1_1_IM-0001-3001.png")


def kaggle(root: Path) -> Made:
    write_lines(
        root / "indiana_reports.csv",
        "uid,MeSH,Problems,image,indication,comparison,findings,impression",
        "1,normal,normal,PA and lateral,Cough & fever,None.,No XXXX of effusion.,Clear lungs.",
        "10,Opacity/lung/base/left;Opacity/lung;Lung &c ,Opacity;Opacity;Lung &c,PA &lt;XXXX&gt;,,,,",
        '11,normal,normal,Not Available.,#NAME?,,"Clear, as before.",',
    )
    write_lines(
        root / "indiana_projections.csv",
        "uid,filename,projection",
        "1,1_IM-0001-4001.dcm.png,Frontal",
        "1,1_IM-0001-3001.dcm.png,Lateral",
        "10,10_IM-0002-1001.dcm.png,Frontal",
        "11,11_IM-0003-1001.dcm.png,Frontal",
    )
    for seed, name in enumerate(("1_IM-0001-4001", "1_IM-0001-3001", "10_IM-0002-1001", "11_IM-0003-1001")):
        write_picture(root / "images" / "images_normalized" / f"{name}.dcm.png", seed)
    counts = {"records": 3, "patients": 3, "images": 4, "files": 4, "reports": 2, "set_aside": 0, "faults": 0}
    return Made(counts, "images/images_normalized/10_IM-0002-1001.dcm.png", "indiana_reports.csv", "12,normal")


def entry(name: str, split: str, report: str = "Clear lungs.") -> dict[str, object]:
    return {"id": name, "report": report, "image_path": [f"{name}/0.png", f"{name}/1.png"], "split": split}


def r2gen(root: Path) -> Made:
    lists = {
        "train": [entry("CXR2384_IM-0942", "train"), entry("CXR1_1_IM-0001", "train", "Small effusion.")],
        "val": [entry("CXR7_IM-0005-0001", "val")], "test": [entry("CXR9_IM-0007", "test")],
    }  # fmt: skip
    (root / "annotation.json").write_text(json.dumps(lists), encoding="utf-8")
    names = ("CXR2384_IM-0942", "CXR1_1_IM-0001", "CXR7_IM-0005-0001", "CXR9_IM-0007")
    for seed, name in enumerate(f"{n}/{i}.png" for n in names for i in (0, 1)):
        write_picture(root / "images" / name, seed)
    counts = {
        "records": 4, "patients": 4, "images": 8, "files": 8, "reports": 4, "split:train": 2, "split:val": 1,
        "split:test": 1, "faults": 0,
    }  # fmt: skip
    return Made(counts, "images/CXR9_IM-0007/1.png")


CASES = (
    Case("iu-xray", "open-i archive", archive),
    Case("iu-xray", "open-i xml", extracted),
    Case("iu-xray", "kaggle", kaggle),
    Case("iu-xray", "r2gen", r2gen),
)
