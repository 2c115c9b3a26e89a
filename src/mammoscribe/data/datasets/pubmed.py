"""PubMed's yearly baseline and its update files: abstracts, as XML files of thirty thousand citations each."""

import json
import re
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from io import BufferedIOBase
from pathlib import Path

from mammoscribe.data.dataset import Dataset, Edition, Fault, Item, Label, State
from mammoscribe.data.formats.archives import open_gz
from mammoscribe.data.formats.pubmed_xml import Citation, deleted_pmids, read_citation
from mammoscribe.data.formats.spool import DiskSet, temporary_database
from mammoscribe.data.formats.xml_pieces import pieces
from mammoscribe.data.record_json import from_json, to_json
from mammoscribe.data.records import Kind, Record
from mammoscribe.support.downloads import PinnedFile
from mammoscribe.support.errors import InputError, SetAside

_NAME = re.compile(r"pubmed(\d\d)n(\d+)\.xml(\.gz)?")
_BEGIN, _END = b"<PubmedArticleSet", b"</PubmedArticleSet>"
_COMMENT = re.compile(rb"<!--.*?-->", re.DOTALL)


def read_pubmed(root: Path) -> Iterator[Item]:
    """Every citation with an abstract, as its newest file has it.

    Files are read from the newest to the oldest, and a PMID that was seen (or deleted) in a newer one is passed over, so
    that only the set of PMIDs, on disk, grows. In one file the highest version, of these the last, is taken. Files of an
    earlier year are replaced by the newest year's baseline as a whole.
    """
    files = sorted((int(m[1]), int(m[2]), path) for path in root.rglob("pubmed*") if (m := _NAME.fullmatch(path.name)))
    newest = files[-1][0] if files else 0
    with closing(DiskSet()) as seen:
        for year, _, path in reversed(files):
            where = path.relative_to(root).as_posix()
            if year != newest:
                words = f"{where} is replaced by the baseline of 20{newest:02}"
                yield Fault(where, SetAside(words, "files of one year"))
            else:
                yield from _PubmedFile(path, where).items(seen)


def check_md5(path: Path) -> None:
    """Hold a file against the digest in the `.md5` file beside it, where there is one.

    Raises:
        InputError: when they differ, or the .md5 file holds no digest.
    """
    beside = path.with_name(f"{path.name}.md5")
    if not beside.is_file():
        return
    digest = re.search(r"\b[0-9a-fA-F]{32}\b", beside.read_text(encoding="utf-8", errors="replace"))
    if digest is None:
        raise InputError(f"{beside.name} holds no MD5 digest", "MD5(file)= 32 hex digits", "fetch it again")
    PinnedFile(path.name, md5=digest[0].lower()).check(path)


@contextmanager
def _opened(path: Path) -> Iterator[BufferedIOBase]:
    if path.suffix == ".gz":
        with open_gz(path) as stream:
            yield stream
    else:
        with path.open("rb") as stream:
            yield stream


@dataclass
class _PubmedFile:
    """One file: its citations wait on disk until all of it is read, since a later one may replace or delete them."""

    path: Path
    where: str
    deleted: list[str] = field(default_factory=list)
    number: int = 0

    def items(self, seen: DiskSet) -> Iterator[Item]:
        """What is wrong with the file, its documents, and how many citations gave none."""
        with closing(
            temporary_database("CREATE TABLE doc (pmid TEXT PRIMARY KEY, version INT, texts TEXT);")
        ) as database:
            whole = 0
            for found in self._citations():
                if isinstance(found, Fault):
                    yield found
                    continue
                whole += 1
                texts = json.dumps([to_json(document) for document in found.documents])
                database.execute(
                    "INSERT INTO doc VALUES (?1, ?2, ?3) ON CONFLICT (pmid) DO UPDATE SET version = ?2, texts = ?3"
                    " WHERE ?2 >= version",
                    (found.pmid, found.version, texts),
                )
            database.executemany("DELETE FROM doc WHERE pmid = ?", [(pmid,) for pmid in self.deleted])
            given = blank = 0
            for pmid, texts in database.execute("SELECT pmid, texts FROM doc ORDER BY rowid"):
                if seen.add(pmid):
                    documents: Sequence[Record] = [from_json(found) for found in json.loads(texts)]
                    given += bool(documents)
                    blank += not documents
                    yield from documents
        for pmid in self.deleted:
            seen.add(pmid)
        yield from self._left_out(blank, "citations have no abstract", "an abstract")
        yield from self._left_out(whole - given - blank, "citations were replaced or deleted later", "the last version")

    def _left_out(self, count: int, words: str, expected: str) -> Iterator[Fault]:
        if count:
            yield Fault(self.where, SetAside(f"{self.where}: {count:,} {words}", expected), count)

    def _fault(self, where: str, error: InputError) -> Fault:
        return Fault(where, InputError(f"{where}: {error.found}", error.expected, error.do))

    def _citations(self) -> Iterator[Citation | Fault]:
        try:
            check_md5(self.path)
        except InputError as error:
            yield self._fault(self.where, error)
        try:
            with _opened(self.path) as stream:
                yield from self._read(stream)
        except InputError as error:  # the .gz is damaged: what came before it stands
            yield self._fault(self.where, error)

    def _read(self, stream: BufferedIOBase) -> Iterator[Citation | Fault]:
        """Citations, and a fault for each that cannot be read; DeleteCitation, at the end, is kept."""
        begun = ended = broken = False
        for tag, piece in pieces(stream, ("PubmedArticle", "PubmedBookArticle", "DeleteCitation")):
            if not begun:
                self._check_beginning(piece)
                begun = True
                piece = piece[piece.index(_BEGIN) :].partition(b">")[2] if not tag else piece
            if not tag:
                ended = ended or _END in piece
                if not broken and (text := _unknown(piece)):
                    yield self._fault(self.where, InputError(f"text between citations ({text[:40]!r})", "citations"))
                continue
            self.number += 1
            where = f"{self.where} citation {self.number}"
            try:
                if tag == "DeleteCitation":
                    self.deleted += deleted_pmids(piece)
                elif tag == "PubmedArticle":
                    yield read_citation(piece)
                else:
                    yield Fault(where, SetAside(f"{where} is a book", "articles"))
                broken = False
            except InputError as error:
                broken = True
                yield self._fault(where, error)
        if not ended and not broken:
            words = f"it is cut off after {self.number} citations" if begun else "it is empty"
            yield self._fault(self.where, InputError(words, "a whole file", "fetch it again"))

    def _check_beginning(self, piece: bytes) -> None:
        if b"<!ENTITY" in piece or _BEGIN not in piece:
            found = "it declares entities" if b"<!ENTITY" in piece else "it is no PubMed file"
            raise InputError(found, "a file of PubmedArticleSet without entities of its own")


def _unknown(piece: bytes) -> str:
    """What stands between citations and is neither blank, a comment nor the end."""
    rest = _COMMENT.sub(b"", piece).replace(_END, b"")
    return rest.strip().decode("utf-8", "replace")


PUBMED = Dataset(
    name="pubmed",
    title="PubMed: abstracts of the biomedical literature (yearly baseline and daily updates)",
    kind=Kind.TEXT_DOCUMENT,
    language="en; other languages where an OtherAbstract has them",
    licence="NLM terms and conditions: free to use with attribution; abstracts may be under copyright of their publishers",
    obtain="ftp.ncbi.nlm.nih.gov/pubmed/baseline and /updatefiles, free: all files of one year, with their .md5",
    cite="National Library of Medicine (US), PubMed, with the year of the baseline; tell the date of the download",
    labels=(
        Label("journal", "document", "its MEDLINE abbreviation"),
        Label("year", "document", "of publication"),
        Label("types", "document", "publication types joined by |; Retracted Publication is one of them"),
        Label("languages", "document", "of the article, three letters each, joined by |; the abstract is in English"),
        Label("mesh", "document", "MeSH headings joined by | (Mammography, Breast Neoplasms, ...); none on the newest"),
        Label("version", "document", "of the citation, where it is not 1"),
        Label("abstract", "document", "type of a further abstract: Publisher, plain-language-summary, KIE and others"),
    ),
    known_faults=(
        "one PMID comes again in later files when it was changed: the newest file counts, in one file the highest version",
        "citations that later files delete (DeleteCitation) are left out",
        "about a third of all citations have no abstract; they are counted as set aside, one line per file",
        "in another language there often is the line 'Abstract available from the publisher.' only: passed over",
        "a new baseline replaces all files of the years before; where both lie in one folder the older ones are set aside",
        "retracted articles are included; see the label types",
        "mark-up and formulas of abstracts are read as plain text",
    ),
    editions=(
        Edition(
            "baseline", ("**/pubmed[0-9][0-9]n[0-9]*.xml*",),
            "pubmed26n0001.xml.gz and so on, .xml too, with or without .md5, in the folder or in folders of it",
            {}, State.DOCUMENTED, read_pubmed,
        ),
    ),
    patients="no patients; an abstract in another language stays with its article (PMID)",
)  # fmt: skip
