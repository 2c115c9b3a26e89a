"""A citation of PubMed as documents: its abstract, and abstracts of it in other languages or for other readers.

Elements as in the DTD pubmed_190101 and its successors (dtd.nlm.nih.gov/ncbi/pubmed/out).
"""

import datetime as dt
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from dataclasses import dataclass

from mammoscribe.data.records import TextDocument
from mammoscribe.support.errors import InputError

_NAMESPACES = b'xmlns:mml="http://www.w3.org/1998/Math/MathML" xmlns:xlink="http://www.w3.org/1999/xlink"'
"""Prefixes that the DTD may bind and an element need not."""
PLACEHOLDER = "Abstract available from the publisher."
"""What stands in OtherAbstract where there is one, but not here."""
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_LANGUAGES = {
    "afr": "af", "ara": "ar", "bul": "bg", "cat": "ca", "chi": "zh", "cze": "cs", "dan": "da", "dut": "nl", "eng": "en",
    "est": "et", "fin": "fi", "fre": "fr", "ger": "de", "gre": "el", "heb": "he", "hin": "hi", "hrv": "hr", "hun": "hu",
    "ice": "is", "ind": "id", "ita": "it", "jpn": "ja", "kor": "ko", "lav": "lv", "lit": "lt", "may": "ms", "nor": "no",
    "per": "fa", "pol": "pl", "por": "pt", "rum": "ro", "rus": "ru", "slo": "sk", "slv": "sl", "spa": "es", "srp": "sr",
    "swe": "sv", "tha": "th", "tur": "tr", "ukr": "uk", "vie": "vi",
}  # fmt: skip
"""ISO 639-2 (bibliographic), as PubMed has it -> ISO 639-1; another code is kept as it is."""


@dataclass(frozen=True)
class Citation:
    """One version of a citation: its PMID and its documents, none where it has no abstract."""

    pmid: str
    version: int
    documents: tuple[TextDocument, ...]


def read_citation(element: bytes) -> Citation:
    """The citation in a PubmedArticle element; InputError when it is not whole or has no PMID."""
    article = _parsed(element)
    pmid, version = _pmid(article.find("MedlineCitation/PMID"))
    return Citation(pmid, version, tuple(_documents(article, pmid, version)))


def deleted_pmids(element: bytes) -> list[str]:
    """The PMIDs in a DeleteCitation element."""
    return [_pmid(found)[0] for found in _parsed(element).findall("PMID")]


def _parsed(element: bytes) -> ET.Element:
    try:
        # no document type comes before it, so no entity can have been declared and expanded
        return ET.fromstring(b"<one %s>%s</one>" % (_NAMESPACES, element))[0]  # noqa: S314
    except (ET.ParseError, ValueError, IndexError) as error:
        raise InputError(f"it is no whole element ({error})", "well-formed XML", "fetch the file again") from error


def _pmid(found: ET.Element | None) -> tuple[str, int]:
    text, version = (_text(found), found.get("Version", "1")) if found is not None else ("", "1")
    if not (text.isascii() and text.isdigit() and version.isascii() and version.isdigit()):
        raise InputError(f"the PMID {text!r}, version {version!r}", "numbers")
    return text, int(version)


def _documents(article: ET.Element, pmid: str, version: int) -> Iterator[TextDocument]:
    title, vernacular = _found(article, "ArticleTitle"), _found(article, "VernacularTitle")
    labels = _labels(article) | ({"version": str(version)} if version != 1 else {})
    date = _date(article)
    if text := _abstract(article.find("MedlineCitation/Article/Abstract")):
        yield TextDocument(pmid, text, title=title, date=date, labels=labels)
    for number, other in enumerate(article.findall("MedlineCitation/OtherAbstract"), start=2):
        if (text := _abstract(other)) and text != PLACEHOLDER:
            code = other.get("Language", "eng")
            values = labels | {"abstract": other.get("Type", "")}
            language = _LANGUAGES.get(code, code)
            name = vernacular if vernacular and language != "en" else title
            # the PMID as its patient: what keeps it in one split with the abstract that has this id
            yield TextDocument(f"{pmid}-{number}", text, pmid, name, language, date, labels=_filled(values))


def _abstract(abstract: ET.Element | None) -> str:
    """Its parts, a line each, behind their labels."""
    parts = [] if abstract is None else [(p.get("Label", ""), _text(p)) for p in abstract.findall("AbstractText")]
    return "\n".join(f"{label}: {text}" if label and label != "UNLABELLED" else text for label, text in parts if text)


def _labels(article: ET.Element) -> dict[str, str]:
    citation = "MedlineCitation"
    year = _found(article, "Journal/JournalIssue/PubDate/Year")
    return _filled({
        "journal": _text(article.find(f"{citation}/MedlineJournalInfo/MedlineTA")),
        "year": year or _found(article, "Journal/JournalIssue/PubDate/MedlineDate")[:4],
        "types": _joined(article, f"{citation}/Article/PublicationTypeList/PublicationType"),
        "languages": _joined(article, f"{citation}/Article/Language"),
        "mesh": _joined(article, f"{citation}/MeshHeadingList/MeshHeading/DescriptorName"),
    })  # fmt: skip


def _date(article: ET.Element) -> dt.date | None:
    """The day of publication, in print or online, where it is known to the day."""
    for place in ("Journal/JournalIssue/PubDate", "ArticleDate"):
        year, month, day = (_found(article, f"{place}/{part}") for part in ("Year", "Month", "Day"))
        word = month[:3].lower()
        try:
            return dt.date(int(year), _MONTHS.index(word) + 1 if word in _MONTHS else int(month), int(day))
        except ValueError:
            continue
    return None


def _found(article: ET.Element, place: str) -> str:
    """The text at a place in the Article."""
    return _text(article.find(f"MedlineCitation/Article/{place}"))


def _text(element: ET.Element | None) -> str:
    """All text of an element, that of its mark-up too, with single blanks."""
    return "" if element is None else " ".join("".join(element.itertext()).split())


def _joined(article: ET.Element, place: str) -> str:
    return "|".join(filter(None, dict.fromkeys(_text(found) for found in article.findall(place))))


def _filled(labels: dict[str, str]) -> dict[str, str]:
    return {name: value for name, value in labels.items() if value}
