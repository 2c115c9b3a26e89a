"""IU X-ray, the Indiana University chest X-rays of Open-i: the XML as downloaded, Kaggle's CSV, and R2Gen's split.

Everything about the texts and tables was read from all of the real files. Names of PNG files: from the XML and from
issue threads; their number, sizes and broken ones: from a public inventory of the download. Recalled only: nothing that
is read.
"""

import html
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from xml.etree.ElementTree import Element

from mammoscribe.data.dataset import Dataset, Edition, Fault, Item, Label, State
from mammoscribe.data.formats.archives import Limits, is_litter, members
from mammoscribe.data.formats.spool import DiskSet, Spool
from mammoscribe.data.formats.tables import Row, read_rows
from mammoscribe.data.formats.view_table import column, spooled
from mammoscribe.data.formats.xml_document import MAX_BYTES, parse_document
from mammoscribe.data.records import SPLITS, ImageText, Kind, ListedImage
from mammoscribe.data.supervision import Question, Supervision, Teaching
from mammoscribe.data.texts.report_text import ReportText, Section
from mammoscribe.support.errors import InputError, MammoscribeError, SetAside
from mammoscribe.support.parsing import json_value, kind_of_value

_REPORTS, _PROJECTIONS = "indiana_reports.csv", "indiana_projections.csv"
_ANNOTATION = "*annotation.json"
_MAX_ANNOTATION_BYTES = 64 << 20
_FIELDS = (Section.INDICATION, Section.COMPARISON, Section.FINDINGS, Section.IMPRESSION)
_REPORT_COLUMNS = ("uid", "MeSH", "Problems", "image", *(str(f) for f in _FIELDS))
_PNG_FOLDERS = ("NLMCXR_png/", "", "images/", "png/")
_KAGGLE_FOLDERS = ("images/images_normalized/", "images_normalized/", "images/", "")
_SPREADSHEET_ERROR, _NOT_AVAILABLE = "#NAME?", "Not Available."
_DOUBLED = re.compile(r"CXR(\d+)_\1_")
"""Study 1 has its number twice in the XML and on Open-i (`CXR1_1_IM-0001-3001`), and once on Kaggle."""


def _report(texts: Mapping[Section, str]) -> ReportText | None:
    """The fields as sections; `raw` is them joined, each behind its heading, since there is no other whole text."""
    sections = {s: text for s in _FIELDS if (text := texts.get(s, "").strip()) and text != _SPREADSHEET_ERROR}
    raw = "\n".join(f"{section.upper()}: {text}" for section, text in sections.items())
    return ReportText(raw, sections) if sections else None


def _terms(terms: Sequence[str]) -> str:
    return "|".join(dict.fromkeys(t for term in terms if (t := term.strip())))


def _labels(procedure: str, major: Sequence[str], automatic: Sequence[str] = ()) -> dict[str, str]:
    """Labels of a study; `problems` are the heads of its MeSH terms, as Kaggle's table has them."""
    found = {
        "procedure": procedure.strip(), "mesh": _terms(major), "mesh_automatic": _terms(automatic),
        "problems": _terms([term.partition("/")[0] for term in major]),
    }  # fmt: skip
    return {name: value for name, value in found.items() if value}


def _study(
    uid: str, images: Sequence[ListedImage], report: ReportText | None, labels: Mapping[str, str], where: str
) -> Item:
    if not images and report is None:
        return Fault(where, SetAside(f"{uid} has neither a picture nor a text", "one of them"))
    return ImageText(uid, uid, tuple(images), report=report, labels=labels)


def _folder(root: Path, folders: Sequence[str], names: str) -> str:
    """The first of these folders that holds pictures, or the first of all."""
    return next((f for f in folders if next(root.glob(f + names), None) is not None), folders[0])


def _read_archive(root: Path) -> Iterator[Item]:
    path = min(root.glob("NLMCXR_reports.t*"))
    read = _xml_reader(root)
    try:
        for name, raw in members(path, ".xml", Limits(member_bytes=MAX_BYTES)):
            yield read(name, raw)
    except InputError as error:
        yield Fault(path.name, error)


def _read_extracted(root: Path) -> Iterator[Item]:
    folder = min(root.glob("**/ecgen-radiology"))
    read = _xml_reader(root)
    for path in sorted(folder.glob("*.xml"), key=lambda p: (len(p.name), p.name)):
        where = path.relative_to(root).as_posix()
        if is_litter(where):
            continue
        with path.open("rb") as stream:
            yield read(where, stream.read(MAX_BYTES + 1))


def _xml_reader(root: Path) -> Callable[[str, bytes], Item]:
    """(name, content) of a file -> its study; views come from Kaggle's table where that lies beside it."""
    folder, views = _folder(root, _PNG_FOLDERS, "CXR*_*.png"), _views(root / _PROJECTIONS)

    def image(name: str) -> ListedImage:
        return ListedImage(f"{folder}{name}.png", views.get(_DOUBLED.sub(r"CXR\1_", name), ""))

    def read(name: str, raw: bytes) -> Item:
        try:
            return _of_xml(parse_document(raw, name), name, image)
        except MammoscribeError as error:
            return Fault(name, InputError(error.found, error.expected, error.do))

    return read


def _views(path: Path) -> dict[str, str]:
    """Name of a picture as Open-i has it -> Frontal or Lateral, as far as the table can be read; {} without it."""
    if not path.is_file():
        return {}
    rows = (row for row in read_rows(path, ("filename", "projection")) if isinstance(row, Row))
    return {f"CXR{row.get('filename').removesuffix('.dcm.png')}": row.get("projection") for row in rows}


def _of_xml(document: Element, where: str, image: Callable[[str], ListedImage]) -> Item:
    named = document.find("uId")
    uid = named.get("id", "") if named is not None else ""
    if not re.fullmatch(r"CXR\d+", uid):
        raise InputError(f"{where} is of the study {uid!r}", "CXR and a number")
    sections = {str(s).upper(): s for s in _FIELDS}
    texts: dict[Section, str] = {}
    for part in document.iter("AbstractText"):
        label, text = part.get("Label", ""), "".join(part.itertext())
        if label not in sections and text.strip():
            raise InputError(f"{where} has a text under {label!r}", ", ".join(sections))
        texts |= {sections[label]: text} if label in sections else {}
    parents = list(document.iter("parentImage"))
    names = [parent.get("id", "") for parent in parents]
    if strange := [name for name in names if not re.fullmatch(r"CXR[\w\-]+", name)]:
        raise InputError(f"{where} names the picture {strange[0]!r}", "CXR1_1_IM-0001-3001 or the like")
    captions = (caption for parent in parents if (caption := parent.findtext("caption", "")).strip())
    mesh = {tag: ["".join(term.itertext()) for term in document.iter(tag)] for tag in ("major", "automatic")}
    labels = _labels(next(captions, ""), mesh["major"], mesh["automatic"])
    return _study(uid, [image(name) for name in names], _report(texts), labels, where)


def _read_kaggle(root: Path) -> Iterator[Item]:
    folder = _folder(root, _KAGGLE_FOLDERS, "*.dcm.png")
    with Spool() as pictures, closing(DiskSet()) as seen:
        needed = ("uid", "filename", "projection")
        yield from spooled(root / _PROJECTIONS, needed, column("uid"), pictures)
        for row in read_rows(root / _REPORTS, _REPORT_COLUMNS):
            if isinstance(row, Fault):
                yield row
                continue
            seen.add(row.get("uid"))
            yield _of_rows(row, pictures.rows_of(row.get("uid")), folder)
        for uid, rows in pictures.groups():
            if seen.add(uid):
                yield rows[0].fault(f"no report of the study {uid!r}", f"a row in {_REPORTS}", "fetch it again")


def _of_rows(row: Row, pictures: Sequence[Row], folder: str) -> Item:
    uid, texts = row.get("uid"), {field: row.get(field) for field in _FIELDS}
    try:
        if not re.fullmatch(r"\d+", uid, re.ASCII) or not all(p.get("filename") for p in pictures):
            raise InputError(f"the uid {uid!r}, or a picture of it without a name", "a number and file names")
        images = [ListedImage(folder + p.get("filename"), p.get("projection")) for p in pictures]
        procedure = html.unescape(row.get("image"))  # Kaggle's table has &lt; where the XML has <
        labels = _labels("" if procedure == _NOT_AVAILABLE else procedure, row.get("MeSH").split(";"))
        return _study(f"CXR{uid}", images, _report(texts), labels, row.where)
    except MammoscribeError as error:
        return row.fault(error.found, error.expected, error.do)


def _read_r2gen(root: Path) -> Iterator[Item]:
    path = min(root.glob(_ANNOTATION))
    folder = _folder(root, ("images/", ""), "CXR*_IM-*")
    for split, entries in _annotation(path).items():
        if split not in SPLITS or not isinstance(entries, list):
            yield Fault(path.name, InputError(f"{path.name} has {split!r}", "lists called train, val and test"))
            continue
        for number, entry in enumerate(entries):
            where = f"{path.name} {split}[{number}]"
            try:
                yield _of_entry(entry, split, folder)
            except MammoscribeError as error:
                yield Fault(where, InputError(f"{where}: {error.found}", error.expected, error.do))


def _annotation(path: Path) -> dict[str, object]:
    if (size := path.stat().st_size) > _MAX_ANNOTATION_BYTES:
        raise InputError(f"{path} has {size >> 20} MB", f"at most {_MAX_ANNOTATION_BYTES >> 20} MB (IU X-ray has 1)")
    try:
        found = json_value(path.read_text("utf-8-sig"))
    except ValueError as error:
        raise InputError(f"{path} is not JSON ({error})", "R2Gen's annotation", "fetch it again") from error
    if not isinstance(found, dict):
        raise InputError(f"{path} is {kind_of_value(found)}", "an object with train, val and test")
    return found


def _of_entry(entry: object, split: str, folder: str) -> ImageText:
    fields = entry if isinstance(entry, dict) else {}
    name, text, paths = fields.get("id"), fields.get("report"), fields.get("image_path")
    study = re.match(r"CXR\d+(?=_)", name) if isinstance(name, str) else None
    if study is None or not isinstance(name, str):
        raise InputError(f"the id {name!r}", "CXR2384_IM-0942 or the like")
    if not isinstance(text, str) or not isinstance(paths, list) or not all(isinstance(p, str) for p in paths):
        raise InputError(f"{name} without report or image_path", "a text and a list of paths")
    if fields.get("split", split) != split:
        raise InputError(f"{name} of the split {fields['split']!r} in the list {split}", "the same")
    report = ReportText(text, {Section.FINDINGS: text.strip()}) if text.strip() else None
    return ImageText(name, study[0], tuple(ListedImage(folder + p) for p in paths), report=report, split=split)


_XML_TOTALS = {"records": 3_952, "patients": 3_952, "images": 7_470, "reports": 3_927, "set_aside": 3}

IU_XRAY = Dataset(
    name="iu-xray",
    title="IU X-ray, the Indiana University chest X-ray collection of Open-i",
    kind=Kind.IMAGE_TEXT,
    language="en",
    licence="CC BY-NC-ND 4.0 (in every report): no commercial use, no changed copies to others",
    obtain="openi.nlm.nih.gov/faq: NLMCXR_reports.tgz and NLMCXR_png.tgz, free; or Kaggle, dataset"
    " raddar/chest-xrays-indiana-university; or the archive that R2Gen links",
    cite="Demner-Fushman et al., Preparing a collection of radiology examinations for distribution and retrieval,"
    " JAMIA 2016;23(2):304-310, doi 10.1093/jamia/ocv080",
    labels=(
        Label("mesh", "exam", "terms that people gave the report, joined by |: a heading, then its qualifiers, with / between"
              " (Opacity/lung/base/left); normal, or No Indexing where nobody coded it"),
        Label("problems", "exam", "the headings of mesh alone, each once, joined by |"),
        Label("mesh_automatic", "exam", "terms that software found in the text, joined by |; XML only"),
        Label("procedure", "exam", "what was done, in free words (the caption of the pictures)"),
    ),
    supervision=Supervision((Teaching("problems", "exam", Question.LISTED, unknown=("No Indexing",)),)),
    known_faults=(
        "words that were taken out as identifying are XXXX, ordinary ones among them (chest x-XXXX): in 3,411 of 3,955 reports",
        "28 reports have no text (3 of them no picture either: set aside), 530 no findings, 34 no impression",
        "104 reports have no picture; they are in the XML only",
        "155 reports are word for word as another one; of the findings in R2Gen's split, 823 of 2,955 are: templates",
        "the XML does not say which picture is the frontal one: lay indiana_projections.csv beside it, or use Kaggle's edition",
        "the date in the XML (2013-08-01) is one for all and is not read",
        "9 PNG pictures are said to be broken or turned, among them the two of CXR2084 and CXR3809_IM-1919-1003002",
        "Kaggle lacks CXR2560_IM-1064-4001 and CXR3809_IM-1919-1003002 and names the two of study 2084 otherwise",
        "on Kaggle, a spreadsheet turned 3 indications that began with + or - into #NAME?; they are taken as blank",
        "PNG have 512 px along one side and 8 bits; the DICOM (NLMCXR_dcm.tgz, 80 GB) are not read here",
        "R2Gen's split has 2,955 studies with two pictures each, does not tell views, and of the texts has the findings only",
    ),
    editions=(
        Edition(
            "open-i archive", ("NLMCXR_reports.t*",),
            "NLMCXR_reports.tgz as it is; NLMCXR_png/CXR1_1_IM-0001-3001.png (NLMCXR_png.tgz unpacked)",
            _XML_TOTALS, State.TABLES_TESTED, _read_archive,
        ),
        Edition(
            "open-i xml", ("**/ecgen-radiology/*.xml",),
            "ecgen-radiology/1.xml (NLMCXR_reports.tgz unpacked); NLMCXR_png/CXR1_1_IM-0001-3001.png",
            _XML_TOTALS, State.TABLES_TESTED, _read_extracted,
        ),
        Edition(
            "kaggle", (_REPORTS, _PROJECTIONS),
            f"{_REPORTS}, {_PROJECTIONS}; images/images_normalized/1_IM-0001-4001.dcm.png",
            {"records": 3_851, "patients": 3_851, "images": 7_466, "reports": 3_826},
            State.TABLES_TESTED, _read_kaggle,
        ),
        Edition(
            "r2gen", (_ANNOTATION,), "annotation.json; images/CXR2384_IM-0942/0.png",
            {
                "records": 2_955, "patients": 2_955, "images": 5_910, "reports": 2_955, "split:train": 2_069,
                "split:val": 296, "split:test": 590,
            },
            State.TABLES_TESTED, _read_r2gen,
        ),
    ),
    patients="not published: every study is taken as a patient of its own",
)  # fmt: skip
