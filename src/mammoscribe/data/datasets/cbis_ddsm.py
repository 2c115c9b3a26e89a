"""CBIS-DDSM (2017): digitised films with masks, as DICOM from TCIA, as JPEG from Kaggle, or the tables alone.

Names of columns, folders and files, what is swapped and what is missing: from TCIA's pages and loaders in public
repositories. All numbers of rows, patients and pictures: counted in the four tables.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from mammoscribe.data.dataset import Dataset, Edition, Fault, Item, Label, State
from mammoscribe.data.datasets.cbis_ddsm_masses import TABLE, read_masses
from mammoscribe.data.formats.spool import Spool
from mammoscribe.data.formats.tables import Row
from mammoscribe.data.formats.view_table import Value, column, projection_in, spooled, worded
from mammoscribe.data.naming import parse_laterality
from mammoscribe.data.records import Kind, ListedView, MammoExam
from mammoscribe.data.supervision import Question, Supervision, Teaching
from mammoscribe.domain.finding import FindingType
from mammoscribe.domain.view import Laterality, Projection
from mammoscribe.imaging.decode import open_dicom
from mammoscribe.support.errors import InputError, MammoscribeError, NotAMammogram

_TABLES = "*_case_description_*_set.csv"
_COLUMNS = (
    "patient_id", "left or right breast", "image view", "abnormality id", "abnormality type", "assessment", "pathology",
    "subtlety",
)  # fmt: skip
_FULL, _CROPPED, _MASK = "image file path", "cropped image file path", "ROI mask file path"
_DENSITY = worded("density", {"1": "a", "2": "b", "3": "c", "4": "d", "0": ""})
_OF_ABNORMALITY: dict[str, Value] = {
    "abnormality_id": column("abnormality id"),
    "abnormality": column("abnormality type"),
    "mass_shape": column("mass shape"),
    "mass_margins": column("mass margins"),
    "calc_type": column("calc type"),
    "calc_distribution": column("calc distribution"),
    "birads": column("assessment"),
    "pathology": lambda row: row.get("pathology").lower(),
    "subtlety": column("subtlety"),
}


@dataclass(frozen=True)
class _File:
    """A picture of the download: what its series is called, and its (columns, rows), None when nobody says."""

    path: str
    series: str = ""
    size: tuple[int, int] | None = None


@dataclass(frozen=True)
class _Pictures:
    """What lies there for one row: the film, and the mask and crop of its abnormality in whatever order."""

    film: _File | None = None
    parts: tuple[_File, ...] = ()


Finder = Callable[[Row], _Pictures]


def _read_tables(root: Path) -> Iterator[Item]:
    return _exams(root, lambda _: _Pictures())


def _read_tcia(root: Path) -> Iterator[Item]:
    return _exams(root, _in_folders(root))


def _read_kaggle(root: Path) -> Iterator[Item]:
    with Spool() as jpegs:
        needed = ("image_path", "SeriesDescription")
        yield from spooled(root / "csv" / "dicom_info.csv", needed, lambda r: _series(r.get("image_path")), jpegs)
        yield from _exams(root / "csv", _in_jpegs(jpegs))


def _exams(tables: Path, find: Finder) -> Iterator[Item]:
    """One exam per patient, whose rows stand in up to four tables."""
    with Spool() as spool:
        for table in sorted(tables.glob(_TABLES), key=lambda path: (not path.name.startswith("mass"), path.name)):
            yield from spooled(table, _COLUMNS, column("patient_id"), spool)
        for patient, rows in spool.groups():
            yield from _exam(patient, rows, find)


def _exam(patient: str, rows: Sequence[Row], find: Finder) -> Iterator[Item]:
    films: dict[str, list[tuple[Row, _Pictures]]] = {}
    for row in rows:
        try:
            case, found = _case(row), find(row)
        except MammoscribeError as error:
            same = isinstance(error, NotAMammogram)
            yield Fault(row.where, error) if same else row.fault(error.found, error.expected, error.do)
        else:
            films.setdefault(case, []).append((row, found))
    views: list[ListedView] = []
    good: list[Row] = []
    for of_film in films.values():
        try:
            views.append(_view(of_film))
            good += [row for row, _ in of_film]
        except MammoscribeError as error:
            yield of_film[0][0].fault(error.found, error.expected, error.do)
    if views:
        yield _record(patient, views, good)


def _record(patient: str, views: Sequence[ListedView], rows: Sequence[Row]) -> MammoExam:
    ages = "|".join(dict.fromkeys(age for row in rows if (age := row.get("patient_age"))))
    sides = dict.fromkeys(_kind(row)[0] for row in rows)
    return MammoExam(
        patient, patient, tuple(views), labels={"age": ages} if ages else {},
        breasts={side: _breast([row for row in rows if _kind(row)[0] is side]) for side in sides},
        split="test" if any(_official(row) == "test" for row in rows) else "train",
    )  # fmt: skip


def _kind(row: Row) -> tuple[Laterality, Projection]:
    return parse_laterality(row.get("left or right breast")), projection_in(row.get("image view"))


def _official(row: Row) -> str:
    return "test" if "_test_" in row.table else "train"


def _case(row: Row) -> str:
    """What TCIA calls the film of a row: `Mass-Training_P_00001_LEFT_CC`."""
    _kind(row)
    table = "Mass" if row.table.startswith("mass") else "Calc"
    part = "Test" if _official(row) == "test" else "Training"
    side, projection = row.get("left or right breast").upper(), row.get("image view").upper()
    return f"{table}-{part}_{row.get('patient_id')}_{side}_{projection}"


def _view(of_film: Sequence[tuple[Row, _Pictures]]) -> ListedView:
    """A film; what is said of each of its abnormalities stands at the same place in every label."""
    first, pictures = of_film[0]
    masks, crops = zip(*(_mask_and_crop(found) for _, found in of_film), strict=True)
    labels = {name: "|".join(value(row) for row, _ in of_film) for name, value in _OF_ABNORMALITY.items()}
    labels |= {"official_split": _official(first), "mask": "|".join(masks), "crop": "|".join(crops)}
    path = pictures.film.path if pictures.film is not None else None
    return ListedView(path, *_kind(first), labels={name: value for name, value in labels.items() if value.strip("|")})


def _breast(rows: Sequence[Row]) -> Mapping[str, str]:
    labels = {
        "cancer": "1" if any(row.get("pathology").upper() == "MALIGNANT" for row in rows) else "0",
        "birads": "|".join(dict.fromkeys(row.get("assessment") for row in rows if row.get("assessment"))),
        "density": next((d for row in rows if (d := _density(row))), ""),
    }
    return {name: value for name, value in labels.items() if value}


def _density(row: Row) -> str:
    return _DENSITY(Row(row.table, row.line, {"density": row.get("breast_density", "breast density")}))


def _mask_and_crop(found: _Pictures) -> tuple[str, str]:
    """Paths of mask and crop, "" where there is none or they cannot be told apart.

    The tables and the order of the files swap them at times; the mask is the one that is as large as its film, else the
    one whose series says so, else the larger of two.
    """
    film = found.film.size if found.film is not None else None
    as_large = [f for f in found.parts if f.size is not None and f.size == film]
    called = [f for f in found.parts if "mask" in f.series.lower()]
    masks = as_large if len(as_large) == 1 else called
    if len(masks) != 1:
        by_area = sorted(found.parts, key=_area, reverse=True)
        masks = by_area[:1] if len(by_area) == 2 and _area(by_area[0]) > _area(by_area[1]) > 0 else []
    crops = (
        [f for f in found.parts if f not in masks]
        if masks
        else [f for f in found.parts if "cropped" in f.series.lower()]
    )
    return masks[0].path if masks else "", crops[0].path if len(crops) == 1 else ""


def _area(file: _File) -> int:
    return file.size[0] * file.size[1] if file.size is not None else 0


def _in_folders(root: Path) -> Finder:
    """Pictures by the folders of their case; the NBIA Data Retriever renames the files that the tables name."""
    collections = [path for path in sorted(root.glob("**/CBIS-DDSM")) if path.is_dir()]

    def files(case: str, given: str) -> list[Path]:
        for collection in collections:
            if given and (collection / given).is_file():
                return [collection / given]
            if found := sorted((collection / case).rglob("*.dcm")):
                return found
        return []

    def find(row: Row) -> _Pictures:
        case = _case(row)
        films = [_looked_at(root, path) for path in files(case, _inside(row.get(_FULL)))]
        film = next((f for f in films if "full" in f.series.lower()), films[0] if films else None)
        if film is None:
            given = _inside(row.get(_FULL))
            if not given:
                raise InputError(f"no picture of {case}", f"a folder {case} in CBIS-DDSM", "fetch it again")
            film = _File((collections[0] / given).relative_to(root).as_posix())
        parts = files(f"{case}_{row.get('abnormality id')}", "")
        return _Pictures(film, tuple(_looked_at(root, path) for path in parts))

    return find


def _looked_at(root: Path, path: Path) -> _File:
    """A DICOM file with what its header says, without its pixels; nothing is said of one that cannot be read."""
    name = path.relative_to(root).as_posix()
    try:
        header = open_dicom(path, pixels=False)
        size = int(header.get("Columns") or 0), int(header.get("Rows") or 0)
    except (InputError, ValueError, TypeError):
        return _File(name)
    return _File(name, str(header.get("SeriesDescription") or path.parent.name), size) if all(size) else _File(name)


def _inside(given: str) -> str:
    """A path of a table, "" when it would lead out of the folder."""
    path = PurePosixPath(given)
    return "" if path.is_absolute() or ".." in path.parts or not given else path.as_posix()


def _in_jpegs(jpegs: Spool) -> Finder:
    """Pictures by their series, which is the folder of the JPEG and a part of every path in the tables."""

    def files(given: str) -> tuple[_File, ...]:
        return tuple(_jpeg(row) for row in jpegs.rows_of(_series(given))) if given else ()

    def find(row: Row) -> _Pictures:
        films = files(row.get(_FULL))
        film = next((f for f in films if "full" in f.series.lower()), films[0] if films else None)
        if film is None:
            raise InputError(
                f"no picture of {_case(row)} in dicom_info.csv", "the series of its path", "fetch it again"
            )
        series = dict.fromkeys(_series(row.get(name)) for name in (_MASK, _CROPPED) if row.get(name))
        return _Pictures(film, tuple(_jpeg(r) for name in series for r in jpegs.rows_of(name)))

    return find


def _series(given: str) -> str:
    """`1.3.6...` of `case/study/series/000000.dcm` and of `CBIS-DDSM/jpeg/series/1-001.jpg`."""
    return PurePosixPath(given).parent.name


def _jpeg(row: Row) -> _File:
    sides = [row.get(name).removesuffix(".0") for name in ("Columns", "Rows")]
    size = (int(sides[0]), int(sides[1])) if all(side.isdigit() for side in sides) else None
    path = PurePosixPath(row.get("image_path"))
    return _File(f"jpeg/{path.parent.name}/{path.name}", row.get("SeriesDescription"), size)


_OTHER_KINDS = {
    "ARCHITECTURAL_DISTORTION": "architectural_distortion", "ASYMMETRIC_BREAST_TISSUE": "asymmetry",
    "FOCAL_ASYMMETRIC_DENSITY": "asymmetry",
}  # fmt: skip
"""Words for the shape of a mass that say that it is none."""
_SHAPES = {
    "IRREGULAR": "shape.irregular", "OVAL": "shape.oval", "ROUND": "shape.round", "LOBULATED": "shape.lobulated",
    "IRREGULAR-ARCHITECTURAL_DISTORTION": "shape.irregular,associated.architectural_distortion",
}  # fmt: skip
_MARGINS = {
    "CIRCUMSCRIBED": "margin.circumscribed", "SPICULATED": "margin.spiculated", "ILL_DEFINED": "margin.indistinct",
    "OBSCURED": "margin.obscured", "MICROLOBULATED": "margin.microlobulated",
}  # fmt: skip
"""DDSM's words (BI-RADS 4th edition) -> lexicon terms; several words of one mass teach nothing."""

CBIS_DDSM = Dataset(
    name="cbis-ddsm",
    title="CBIS-DDSM, the Curated Breast Imaging Subset of the Digital Database for Screening Mammography",
    kind=Kind.MAMMO_EXAM,
    language="",
    licence="CC BY 3.0",
    obtain="The Cancer Imaging Archive, collection CBIS-DDSM: pictures by the NBIA Data Retriever, the four tables put beside;"
    " or Kaggle, awsaf49/cbis-ddsm-breast-cancer-image-dataset",
    cite="Lee et al., A curated mammography data set, Scientific Data 2017, doi 10.1038/sdata.2017.177;"
    " TCIA 10.7937/k9/tcia.2016.7o02s9cy",
    labels=(
        Label("age", "exam", "years, one value per row where they differ, joined by |: of little worth, and only where the"
              " table of calcifications has the column patient_age"),
        Label("cancer", "breast", "1 when one of its abnormalities is malignant, by biopsy; else 0"),
        Label("birads", "breast", "0 to 5, the assessments of its abnormalities; where they differ, joined by |"),
        Label("density", "breast", "a to d for the classes 1 to 4 of DDSM; blank for 0"),
        Label("abnormality_id", "view", "number of each abnormality of the film, joined by |; every further label has one"
              " value for each of them, in this order, blank where it does not apply"),
        Label("abnormality", "view", "mass or calcification"),
        Label("mass_shape", "view", "DDSM's words, several of one mass joined by -"),
        Label("mass_margins", "view", "the same"),
        Label("calc_type", "view", "DDSM's words, several of one cluster joined by -"),
        Label("calc_distribution", "view", "the same"),
        Label("birads", "view", "0 to 5, the assessment"),
        Label("pathology", "view", "malignant, benign (both by biopsy) or benign_without_callback (harmless without one)"),
        Label("subtlety", "view", "1 subtle to 5 obvious; 0 twice"),
        Label("official_split", "view", "train or test: the table in which the film stands"),
        Label("mask", "view", "the picture in which the abnormality is painted, as large as the film"),
        Label("crop", "view", "the picture of its surroundings"),
        Label("abnormality", "region", "mass (export of masses only)"),
        Label("abnormality_id", "region", "number of the abnormality, the same in both views of a breast"),
        Label("mass_shape", "region", "DDSM's words, several joined by -; only where box and row join one to one"),
        Label("mass_margins", "region", "the same"),
        Label("birads", "region", "the same: 0 to 5, the assessment"),
        Label("pathology", "region", "the same: malignant, benign or benign_without_callback"),
        Label("subtlety", "region", "the same: 1 subtle to 5 obvious"),
        Label("joined", "region", "whether the row of the case table that belongs to the box is known"),
    ),
    known_faults=(
        ("31 of the 1,566 patients are in both the train and the test tables (once for masses, once for calcifications): all"
        " of theirs is test here, and official_split tells what each film was"),
        "71 films are there twice, among the masses and among the calcifications (29 of them once in train and once in test)",
        ("the tables name files 000000.dcm and 000001.dcm, the NBIA Data Retriever writes 1-1.dcm and 1-2.dcm: files are found"
        " by the folder of their case"),
        ("mask and crop are swapped in many rows and files: the mask is the file that is as large as its film, else the one"
        " whose series says so, else the larger one"),
        "some masks are missing, and some are not as large as their film",
        "a few paths in the tables end in a line break; `breast density` is `breast_density` in the tables of masses",
        "abnormalities are numbered through masses and calcifications, so that 2 may come without 1",
        "films of breasts without an abnormality are not in it: 1,708 breasts of 1,566 patients",
        "the official tables have no age; where another copy has patient_age, it contradicts itself within an exam",
        "dates in folder names are those of the conversion (2016 and 2017), not of the exam; they are not read",
        ("the export of masses: films stretched to a square, with borders, edges and lead letters; about a quarter look mirrored"
        " against their laterality; every view has a mass, so it teaches no healthy breast"),
    ),
    editions=(
        Edition(
            "tcia", (_TABLES, "**/CBIS-DDSM/*_P_*"),
            "mass_ and calc_case_description_train_ and _test_set.csv; beside them CBIS-DDSM/ or manifest-.../CBIS-DDSM/ with"
            " <case>/<study>/<series>/1-1.dcm",
            {"records": 1_566, "patients": 1_566, "images": 3_103, "files": 3_103, "split:train": 1_217, "split:test": 349},
            State.DOCUMENTED, _read_tcia,
        ),
        Edition(
            "kaggle jpeg", (f"csv/{_TABLES}", "csv/dicom_info.csv", "jpeg"),
            "csv/ with the four tables and dicom_info.csv; jpeg/<series>/*.jpg",
            {"records": 1_566, "patients": 1_566, "images": 3_103, "split:train": 1_217, "split:test": 349},
            State.DOCUMENTED, _read_kaggle,
        ),
        Edition(
            "tables", (_TABLES,), "the four tables alone",
            {"records": 1_566, "patients": 1_566, "images": 3_103, "unnamed": 3_103, "split:train": 1_217, "split:test": 349,
             "faults": 0},
            State.TABLES_TESTED, _read_tables,
        ),
        Edition(
            "masses 800", (TABLE, "images/*_*_*.jpg"),
            "boxes.csv; images/<number>_<LEFT or RIGHT>_<view>.jpg, mass cases of the official training part",
            {}, State.TESTED, read_masses, (FindingType.MASS,),
        ),
    ),
    patients="one exam per patient",
    supervision=Supervision(
        (
            Teaching("density", "breast", Question.DENSITY),
            Teaching("mass_shape", "region", Question.KIND, _OTHER_KINDS),
            Teaching("abnormality", "region", Question.KIND, {"mass": "mass"}),
            Teaching("mass_shape", "region", Question.DESCRIPTORS, _SHAPES),
            Teaching("mass_margins", "region", Question.DESCRIPTORS, _MARGINS),
            Teaching("abnormality_id", "region", Question.FINDING),
            Teaching("pathology", "region", Question.MALIGNANT, {"malignant": "1", "benign": "0", "benign_without_callback": "0"}),
        )
    ),
)  # fmt: skip
