"""Two PubMed files and an update file, with everything that the DTD lets a citation be."""

import gzip
import hashlib
from pathlib import Path

from tests.data.datasets.made import Case, Made

HEAD = (
    '<?xml version="1.0" encoding="utf-8"?>\n'
    '<!DOCTYPE PubmedArticleSet SYSTEM "http://dtd.nlm.nih.gov/ncbi/pubmed/out/pubmed_190101.dtd">\n<PubmedArticleSet>\n'
)
END = "</PubmedArticleSet>\n"
LABELLED = (
    '<Abstract><AbstractText Label="BACKGROUND" NlmCategory="BACKGROUND">Dense <i>breasts</i> hide'
    ' T<sub>1</sub> cancers.</AbstractText><AbstractText Label="RESULTS">AUC &lt; 0.9.</AbstractText>'
    "<CopyrightInformation>Copyright.</CopyrightInformation></Abstract>"
)


def plain(text: str) -> str:
    return f"<Abstract><AbstractText>{text}</AbstractText></Abstract>"


def citation(
    pmid: object, abstract: str = "", more: str = "", version: int = 1, language: str = "eng", article: str = ""
) -> str:
    """One PubmedArticle; `abstract`, `article` and `more` are elements inside Article and after it."""
    return (
        f'<PubmedArticle>\n<MedlineCitation Status="MEDLINE" Owner="NLM"><PMID Version="{version}">{pmid}</PMID>'
        '<Article PubModel="Print"><Journal><JournalIssue CitedMedium="Print"><PubDate><Year>2020</Year><Month>Mar</Month>'
        f"<Day>05</Day></PubDate></JournalIssue></Journal><ArticleTitle>Title of {pmid}.</ArticleTitle>{abstract}"
        f"<Language>{language}</Language><PublicationTypeList><PublicationType UI='D016428'>Journal Article</PublicationType>"
        f"<PublicationType UI='D016454'>Review</PublicationType></PublicationTypeList>{article}</Article>"
        "<MedlineJournalInfo><MedlineTA>Radiology</MedlineTA></MedlineJournalInfo><MeshHeadingList><MeshHeading>"
        "<DescriptorName UI='D008327' MajorTopicYN='Y'>Mammography</DescriptorName></MeshHeading></MeshHeadingList>"
        f"{more}<CommentsCorrectionsList><CommentsCorrections RefType='Cites'><PMID Version='1'>1</PMID>"
        "</CommentsCorrections></CommentsCorrectionsList></MedlineCitation></PubmedArticle>\n"
    )


def write_file(path: Path, *elements: str, md5: bool = False) -> Path:
    """A PubMed file, gzipped by its name, with its .md5 beside it where asked."""
    content = (HEAD + "".join(elements) + END).encode()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)
    if md5:
        digest = hashlib.md5(path.read_bytes(), usedforsecurity=False).hexdigest()
        path.with_name(f"{path.name}.md5").write_text(f"MD5({path.name})= {digest}\n")
    return path


def baseline(root: Path) -> Made:
    spanish = (
        '<OtherAbstract Type="Publisher" Language="spa"><AbstractText>Mamas densas.</AbstractText></OtherAbstract>'
    )
    elsewhere = (
        '<OtherAbstract Type="Publisher" Language="fre"><AbstractText>Abstract available from the publisher.</AbstractText>'
        "</OtherAbstract>"
    )  # fmt: skip
    write_file(
        root / "pubmed26n0001.xml.gz", citation(11, plain("Old.")), citation(12, LABELLED), citation(13), md5=True
    )
    write_file(
        root / "pubmed26n0002.xml.gz", citation(14, plain("English."), spanish + elsewhere, language="spa"), md5=True
    )
    write_file(
        root / "updatefiles" / "pubmed26n1300.xml", citation(11, plain("New.")), citation(15, plain("Short-lived.")),
        "<DeleteCitation>\n<PMID Version='1'>15</PMID>\n<PMID Version='1'>99</PMID>\n</DeleteCitation>",
    )  # fmt: skip
    # set aside: 11 in the first file, 15 that was deleted, 13 without an abstract
    counts = {"records": 4, "patients": 3, "reports": 4, "images": 0, "set_aside": 3, "faults": 0}
    return Made(counts, None, "updatefiles/pubmed26n1300.xml", "<PubmedArticle><PMID>16</PMID>")


CASES = (Case("pubmed", "baseline", baseline),)
