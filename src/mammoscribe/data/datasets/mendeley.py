"""Kermany et al. 2018 on Mendeley Data, optical coherence tomography and chest X-rays of children; and Kaggle's chest part."""

import re
from collections.abc import Iterator
from pathlib import Path

from mammoscribe.data.dataset import Dataset, Edition, Item, Label, State
from mammoscribe.data.formats.class_folders import ClassFolders, PictureName, read_class_folders
from mammoscribe.data.records import Kind
from mammoscribe.data.supervision import Question, Supervision, Teaching

_OCT_CLASSES = ("CNV", "DME", "DRUSEN", "NORMAL")
_CXR_CLASSES = ("NORMAL", "PNEUMONIA")
_OCT = re.compile(r"(CNV|DME|DRUSEN|NORMAL)-(\d+)-\d+")
_PERSON = re.compile(r"(person\d+_(bacteria|virus))_\d+(_\d+)*")
_NORMAL = re.compile(r"((?:NORMAL2-)?IM-\d+)(-\d+)+")
_ACCESSION = re.compile(r"(BACTERIA|VIRUS|NORMAL)-(\d+)-\d+")


def _oct_name(stem: str) -> PictureName | None:
    match = _OCT.fullmatch(stem)
    return PictureName(match[2], match[1]) if match else None


def _chest_name(stem: str) -> PictureName | None:
    """A name of version 2 and Kaggle (`person7_virus_20`, `IM-0115-0001`), or of version 3 (`VIRUS-1013-0001`)."""
    if match := _PERSON.fullmatch(stem):
        return PictureName(match[1], "PNEUMONIA", {"cause": match[2]})
    if match := _NORMAL.fullmatch(stem):
        return PictureName(match[1], "NORMAL")
    if match := _ACCESSION.fullmatch(stem):
        if match[1] == "NORMAL":
            return PictureName(match[2], "NORMAL")
        return PictureName(match[2], "PNEUMONIA", {"cause": match[1].lower()})
    return None


def _oct(root: Path, *bases: str) -> Iterator[Item]:
    return read_class_folders(root, ClassFolders(bases, _OCT_CLASSES, _oct_name, "CLASS-PATIENT-NUMBER.jpeg"))


def _chest(root: Path, *bases: str) -> Iterator[Item]:
    names = "personN_bacteria_N, personN_virus_N, IM-N-N, NORMAL2-IM-N-N, BACTERIA-N-N, VIRUS-N-N or NORMAL-N-N, .jpeg"
    return read_class_folders(root, ClassFolders(bases, _CXR_CLASSES, _chest_name, names, view="AP"))


_LICENCE = "CC BY 4.0"
_CITE = (
    "Kermany, Zhang, Goldbaum, Mendeley Data 2018, doi 10.17632/rscbjbr9sj; Kermany et al., Cell 172 (2018) 1122,"
    " doi 10.1016/j.cell.2018.02.010"
)
_CAUSE = Label("cause", "exam", "of the pneumonia, as the file name says it: bacteria or virus; none for NORMAL")
_CHEST_CLASS = Label(
    "class", "exam", "NORMAL or PNEUMONIA: the folder; two experts, and a third one for the test pictures"
)
_CHEST_SUPERVISION = Supervision(
    (
        Teaching("class", "exam", Question.CLASSES, {"NORMAL": "pneumonia=0", "PNEUMONIA": "pneumonia=1"}),
        Teaching("cause", "exam", Question.CLASSES, {"bacteria": "bacterial=1", "virus": "bacterial=0"}),
    )
)
"""Whether a pneumonia is bacterial is known where there is one."""
_DISEASES = ("CNV", "DME", "DRUSEN")
_OCT_ANSWERS = {c: ",".join(f"{d.lower()}={int(d == c)}" for d in _DISEASES) for c in (*_DISEASES, "NORMAL")}
_NUMBERED = (
    "version 2 and Kaggle number bacterial and viral patients apart, each series through train and test: no number was seen in both",
    "person101_bacteria (test) and person101_virus (train) are two children; who merges them finds 170 numbers in both parts",
    "IM- and NORMAL2-IM- are two series of healthy children, numbered apart; IM-0429-0001-0001 is one more picture of IM-0429",
    "version 2 and Kaggle: 32 files are exact copies of others, also under other numbers (NORMAL2-IM-0095 and -0096): see the leakage audit",
    "version 2 and Kaggle: 283 pictures are RGB; sizes differ; bacterial and viral pneumonia make up 73 % (no prevalence)",
)  # fmt: skip

MENDELEY_OCT = Dataset(
    name="mendeley-oct",
    title="Labeled Optical Coherence Tomography Images for Classification (Kermany et al.)",
    kind=Kind.IMAGE_TEXT,
    language="",
    licence=_LICENCE,
    obtain="Mendeley Data, rscbjbr9sj: OCT2017.tar.gz of version 2, or ZhangLabData.zip of version 3; free",
    cite=_CITE,
    labels=(
        Label(
            "class", "exam", "CNV (choroidal neovascularization), DME (diabetic macular edema), DRUSEN or NORMAL: the folder"
        ),
    ),
    supervision=Supervision((Teaching("class", "exam", Question.CLASSES, _OCT_ANSWERS),)),
    known_faults=(
        "version 2: 566 of the 633 test patients (91 % of the test pictures) also have training pictures",
        "version 3: no test patient has training pictures; its test pictures are not in version 2",
        "one patient may be in several classes (475 patients with drusen also are in another one, over both versions)",
        "the paper says 108,312 + 1,000 pictures: version 3 has 108,309 + 1,000, version 2 has 83,484 + 1,000 (Kaggle: 84,495)",
        "70 % of the file names of version 3 are in version 2: do not take one for training and the other for testing",
        "the archive of version 2 holds a ._ file of macOS beside each picture; they are passed over",
        "slices of one patient are very alike (Tampu et al. 2022, doi 10.1038/s41597-022-01618-6): split by patient only",
    ),
    editions=(
        Edition(
            "version 2", ("OCT2017/train/CNV/CNV-*",),
            "OCT2017.tar.gz, unpacked: OCT2017/{train,test}/{CNV,DME,DRUSEN,NORMAL}/CNV-1016042-1.jpeg",
            # counted in the published archive by two readers on GitHub, per split and per training class
            {
                "records": 84_484, "split:train": 83_484, "split:test": 1_000, "label:class=CNV": 37_455,
                "label:class=DME": 11_598, "label:class=DRUSEN": 8_866, "label:class=NORMAL": 26_565,
            },
            State.DOCUMENTED, lambda root: _oct(root, "OCT2017"),
        ),
        Edition(
            "version 3", ("CellData/OCT/train/CNV/CNV-*",),
            "ZhangLabData.zip, unpacked: CellData/OCT/{train,test}/{CNV,DME,DRUSEN,NORMAL}/CNV-1016042-1.jpeg",
            # per split: counted in the published archive; per class: OCTMNIST, which is made of all of it
            {
                "records": 109_309, "split:train": 108_309, "split:test": 1_000, "label:class=CNV": 37_455,
                "label:class=DME": 11_598, "label:class=DRUSEN": 8_866, "label:class=NORMAL": 51_390,
            },
            State.DOCUMENTED, lambda root: _oct(root, "CellData/OCT"),
        ),
    ),
    patients="the number in the file name, whatever the class before it",
)  # fmt: skip

_CHEST_TOTALS = {"records": 5_856, "label:class=NORMAL": 1_583, "label:class=PNEUMONIA": 4_273}
"""1,349 + 234 and 3,883 + 390: counted by several readers in version 2 and on Kaggle, which is made of it."""

MENDELEY_CXR = Dataset(
    name="mendeley-cxr",
    title="Labeled Chest X-Ray Images for Classification (Kermany et al.): children of one to five years, Guangzhou",
    kind=Kind.IMAGE_TEXT,
    language="",
    licence=_LICENCE,
    obtain="Mendeley Data, rscbjbr9sj: ChestXRay2017.zip of version 2, or ZhangLabData.zip of version 3; free",
    cite=_CITE,
    labels=(_CHEST_CLASS, _CAUSE),
    supervision=_CHEST_SUPERVISION,
    known_faults=(
        *_NUMBERED,
        "version 3 has new names with one number per child; no number is in both parts or in two classes",
    ),
    editions=(
        Edition(
            "version 2", ("chest_xray/train/PNEUMONIA/person*",),
            "ChestXRay2017.zip, unpacked: chest_xray/{train,test}/{NORMAL,PNEUMONIA}/person1_virus_6.jpeg",
            {**_CHEST_TOTALS, "split:train": 5_232, "split:test": 624},
            State.DOCUMENTED, lambda root: _chest(root, "chest_xray"),
        ),
        Edition(
            "version 3", ("CellData/chest_xray/train/PNEUMONIA/BACTERIA-*",),
            "ZhangLabData.zip, unpacked: CellData/chest_xray/{train,test}/{NORMAL,PNEUMONIA}/BACTERIA-1008087-0001.jpeg",
            # all, and test: counted in the published archive by two readers; not by class
            {"records": 5_856, "split:train": 5_232, "split:test": 624},
            State.DOCUMENTED, lambda root: _chest(root, "CellData/chest_xray"),
        ),
    ),
    patients="version 2: the first number in the file name with bacteria, virus, IM or NORMAL2-IM; version 3: the number",
)  # fmt: skip

KAGGLE_CXR = Dataset(
    name="kaggle-cxr",
    title="Chest X-Ray Images (Pneumonia) on Kaggle: the chest part of Kermany et al., with a val part",
    kind=Kind.IMAGE_TEXT,
    language="",
    licence=_LICENCE,
    obtain="Kaggle, dataset paultimothymooney/chest-xray-pneumonia; free, with an account",
    cite=_CITE,
    labels=(_CHEST_CLASS, _CAUSE),
    supervision=_CHEST_SUPERVISION,
    known_faults=(
        "the archive holds the whole tree a second time in chest_xray/chest_xray; it is read once",
        "val has 16 pictures, taken out of train: too few to choose a model by",
        "Kaggle says 5,863 pictures; there are 5,856, those of Mendeley's version 2",
        *_NUMBERED,
    ),
    editions=(
        Edition(
            "kaggle", ("chest_xray/**/val/PNEUMONIA/person*",), "unpacked: chest_xray/{train,val,test}/{NORMAL,PNEUMONIA}/person1_virus_6.jpeg",
            {**_CHEST_TOTALS, "split:train": 5_216, "split:val": 16, "split:test": 624},
            State.DOCUMENTED, lambda root: _chest(root, "chest_xray", "chest_xray/chest_xray"),
        ),
    ),
    patients="the first number in the file name, with bacteria, virus, IM or NORMAL2-IM",
)  # fmt: skip
