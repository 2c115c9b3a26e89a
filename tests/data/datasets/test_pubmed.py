"""PubMed's files: which of several versions counts, what a bad citation costs, and what is held against the .md5 files."""

import tracemalloc

import pytest

from mammoscribe.data.dataset import Fault
from mammoscribe.data.datasets.pubmed import PUBMED, check_md5
from mammoscribe.data.formats import xml_pieces
from mammoscribe.data.records import group_of
from mammoscribe.support.errors import InputError
from tests.data.datasets.makers.pubmed import END, HEAD, LABELLED, baseline, citation, plain, write_file


def read(root):
    """Texts by id, sentences of the errors, and (sentence, count) of what was set aside."""
    items = list(PUBMED.edition_in(root).read(root))
    texts = {i.id: i.text for i in items if not isinstance(i, Fault)}
    errors = [i.error.sentence() for i in items if isinstance(i, Fault) and not i.set_aside]
    return texts, errors, {i.error.found: i.count for i in items if isinstance(i, Fault) and i.set_aside}


def test_the_newest_file_counts_and_what_it_deletes_is_gone(tmp_path):
    baseline(tmp_path)
    texts, errors, aside = read(tmp_path)
    assert texts["11"] == "New." and "15" not in texts and list(texts) == ["11", "14", "14-2", "12"]
    assert not errors
    assert aside == {
        "updatefiles/pubmed26n1300.xml: 1 citations were replaced or deleted later": 1,
        "pubmed26n0001.xml.gz: 1 citations have no abstract": 1,
        "pubmed26n0001.xml.gz: 1 citations were replaced or deleted later": 1,
    }


def test_abstracts_of_one_article_stay_in_one_split(tmp_path):
    baseline(tmp_path)
    items = [i for i in PUBMED.edition_in(tmp_path).read(tmp_path) if not isinstance(i, Fault)]
    assert {group_of(i) for i in items if i.id.startswith("14")} == {"14"}


def test_a_newer_citation_without_an_abstract_takes_the_older_text_away(tmp_path):
    write_file(tmp_path / "pubmed26n0001.xml", citation(1, plain("Withdrawn later.")))
    write_file(tmp_path / "pubmed26n0002.xml", citation(1))
    texts, errors, aside = read(tmp_path)
    assert not texts and not errors and sum(aside.values()) == 2


def test_in_one_file_the_highest_version_counts_and_of_these_the_last(tmp_path):
    write_file(
        tmp_path / "pubmed26n0001.xml.gz", citation(1, plain("v1"), version=1), citation(1, plain("v10"), version=10),
        citation(1, plain("v2"), version=2), citation(2, plain("first")), citation(2, plain("last")),
    )  # fmt: skip
    texts, _, aside = read(tmp_path)
    assert texts == {"1": "v10", "2": "last"} and sum(aside.values()) == 3


def test_what_a_newer_file_deletes_is_gone_from_the_older_ones(tmp_path):
    write_file(tmp_path / "pubmed26n0001.xml", citation(1, plain("One.")), citation(2, plain("Two.")))
    write_file(tmp_path / "pubmed26n0002.xml", "<DeleteCitation><PMID>1</PMID></DeleteCitation>")
    texts, errors, aside = read(tmp_path)
    assert texts == {"2": "Two."} and not errors
    assert aside == {"pubmed26n0001.xml: 1 citations were replaced or deleted later": 1}


def test_a_deleted_citation_may_come_again_in_a_newer_file(tmp_path):
    write_file(tmp_path / "pubmed26n0001.xml", citation(1, plain("Old.")))
    write_file(tmp_path / "pubmed26n0002.xml", "<DeleteCitation><PMID>1</PMID></DeleteCitation>")
    write_file(tmp_path / "pubmed26n0003.xml", citation(1, plain("Again.")))
    assert read(tmp_path)[0] == {"1": "Again."}


def test_files_of_an_earlier_year_are_replaced_as_a_whole(tmp_path):
    write_file(
        tmp_path / "2025" / "pubmed25n0900.xml.gz", citation(1, plain("Old.")), citation(2, plain("Deleted since."))
    )
    write_file(tmp_path / "2026" / "pubmed26n0001.xml.gz", citation(1, plain("New.")))
    texts, errors, aside = read(tmp_path)
    assert texts == {"1": "New."} and not errors
    assert aside == {"2025/pubmed25n0900.xml.gz is replaced by the baseline of 2026": 1}


@pytest.mark.parametrize("bad", [citation("x", plain("text")), citation(2).replace("</Article>", ""), "stray text"])
def test_a_bad_citation_is_one_fault_and_the_next_ones_stand(bad, tmp_path):
    write_file(tmp_path / "pubmed26n0001.xml", citation(1, plain("One.")), bad, citation(3, LABELLED))
    texts, errors, _ = read(tmp_path)
    assert list(texts) == ["1", "3"] and len(errors) == 1 and errors[0].startswith("pubmed26n0001.xml")


def test_a_citation_that_is_never_closed_does_not_swallow_the_next_one(tmp_path):
    write_file(tmp_path / "pubmed26n0001.xml", citation(1, plain("One."))[:-40], citation(2, plain("Two.")))
    texts, errors, _ = read(tmp_path)
    assert texts == {"2": "Two."} and len(errors) == 1 and "citation 1" in errors[0]


def test_a_citation_of_any_length_is_one_fault(tmp_path, monkeypatch):
    monkeypatch.setattr(xml_pieces, "MAX_PIECE_BYTES", 100_000)
    write_file(tmp_path / "pubmed26n0001.xml", citation(1, plain("text " * 500_000)), citation(2, plain("Two.")))
    texts, errors, _ = read(tmp_path)
    assert texts == {"2": "Two."} and len(errors) == 1 and "citation 1" in errors[0]


@pytest.mark.parametrize("name", ["pubmed26n0001.xml", "pubmed26n0001.xml.gz"])
def test_a_file_that_is_cut_off_gives_its_citations_and_one_fault_and_the_others_stand(name, tmp_path):
    path = write_file(tmp_path / name, *(citation(n, plain(f"Text {n * 7919}.")) for n in range(1, 400)))
    path.write_bytes(path.read_bytes()[: -path.stat().st_size // 3])
    write_file(tmp_path / "pubmed26n0002.xml.gz", citation(900, plain("Other file.")))
    texts, errors, _ = read(tmp_path)
    assert "900" in texts and 100 < len(texts) < 400
    assert len(errors) == 1 and "fetch" in errors[0]


def test_a_file_that_is_cut_off_between_citations_is_noticed(tmp_path):
    (tmp_path / "pubmed26n0001.xml").write_text(HEAD + citation(1, plain("One.")))
    texts, errors, _ = read(tmp_path)
    assert texts == {"1": "One."} and errors == [
        "pubmed26n0001.xml: it is cut off after 1 citations; expected a whole file; fetch it again."
    ]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (HEAD.replace(".dtd\">", ".dtd\" [<!ENTITY a 'x'><!ENTITY b '&a;&a;'>]>") + citation(1, plain("&b;")) + END, "entities"),
        ("<html>log in</html>", "no PubMed file"),
        ("", "it is empty"),
    ],
)  # fmt: skip
def test_what_is_no_pubmed_file_or_declares_entities_is_one_fault(content, said, tmp_path):
    (tmp_path / "pubmed26n0001.xml").write_text(content)
    write_file(tmp_path / "pubmed26n0002.xml", citation(2, plain("Two.")))
    texts, errors, _ = read(tmp_path)
    assert list(texts) == ["2"] and len(errors) == 1 and said in errors[0]


def test_a_bomb_is_one_fault(tmp_path):
    write_file(tmp_path / "pubmed26n0001.xml.gz", citation(1, plain("One.")), " " * (80 << 20))
    texts, errors, _ = read(tmp_path)
    assert list(texts) == ["1"] and len(errors) == 1 and "times its size" in errors[0]


def test_a_book_is_set_aside(tmp_path):
    write_file(
        tmp_path / "pubmed26n0001.xml", "<PubmedBookArticle><BookDocument/></PubmedBookArticle>", citation(1, LABELLED)
    )
    texts, errors, aside = read(tmp_path)
    assert list(texts) == ["1"] and not errors and list(aside) == ["pubmed26n0001.xml citation 1 is a book"]


def test_a_file_is_held_against_its_md5(tmp_path):
    path = write_file(tmp_path / "pubmed26n0001.xml.gz", citation(1, plain("One.")), md5=True)
    check_md5(path)
    write_file(path, citation(1, plain("Another.")))
    texts, errors, _ = read(tmp_path)
    assert texts == {"1": "Another."} and len(errors) == 1 and "md5" in errors[0] and "fetch it again" in errors[0]
    path.with_name(f"{path.name}.md5").write_text("<html>")
    with pytest.raises(InputError, match="holds no MD5 digest"):
        check_md5(path)
    path.with_name(f"{path.name}.md5").unlink()
    check_md5(path)


def test_memory_does_not_grow_with_the_citations(tmp_path):
    def peak(count):
        root = tmp_path / str(count)
        write_file(root / "pubmed26n0001.xml.gz", *(citation(n, plain(f"{n} " * 50)) for n in range(count)))
        tracemalloc.start()
        assert sum(not isinstance(i, Fault) for i in PUBMED.edition_in(root).read(root)) == count
        return tracemalloc.get_traced_memory()[1], tracemalloc.stop()

    assert peak(1_500)[0] < peak(300)[0] + 200_000
