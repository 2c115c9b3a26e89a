"""The tokeniser reads back what it wrote, facts included, and text cannot spell its marks."""

import numpy as np
import pytest

from mammoscribe.domain.evidence import Section
from mammoscribe.domain.search import everything_searched
from mammoscribe.models.tokenizer import EVID, MARKS, MAX_VOCABULARY, load_tokenizer, train_tokenizer
from mammoscribe.reporting.parse import parse_claim
from mammoscribe.reporting.styles import STYLES, write_reference
from mammoscribe.support.errors import InputError, InvalidNoun
from mammoscribe.training.decoder.fact_tables import random_fact_table


@pytest.fixture(scope="module")
def tokenizer():
    return load_tokenizer()


def test_the_shipped_vocabulary_is_small_and_holds_every_section(tokenizer):
    assert tokenizer.vocab_size <= MAX_VOCABULARY
    assert set(tokenizer.sections.values()) == set(Section)


@pytest.mark.parametrize("style", range(len(STYLES)))
def test_a_sentence_reads_back_with_the_same_facts(tokenizer, style):
    rng = np.random.default_rng(style)
    for _ in range(6):
        table = random_fact_table(rng)
        for sentence in write_reference(everything_searched(table.exam), table.findings, table.stated, style, rng):
            again = tokenizer.decode(tokenizer.encode(sentence.text))
            assert again.lower() == sentence.text.lower()
            assert parse_claim(again).facts == parse_claim(sentence.text).facts


@pytest.mark.parametrize(
    "text",
    [
        "The right breast is rated BI-RADS category 4A.",
        "BI-RADS 4C, left breast.",
        "There is an oval mass at 10 o'clock, seen in CC and MLO. It is new.",
        "R CC and L-MLO show a 12 mm mass (density c).",
    ],
)
def test_case_is_restored(tokenizer, text):
    assert tokenizer.decode(tokenizer.encode(text)) == text


def test_words_that_are_not_in_the_vocabulary_are_spelled_out(tokenizer):
    assert tokenizer.decode(tokenizer.encode("Xylophonic qwertz 98765 mm")) == "Xylophonic qwertz 98765 mm"


def test_reference_sentences_take_few_pieces(tokenizer):
    rng = np.random.default_rng(3)
    tables = [random_fact_table(rng) for _ in range(10)]
    written = [
        s.text for t in tables for s in write_reference(everything_searched(t.exam), t.findings, t.stated, 0, rng)
    ]
    pieces, words = (sum(len(count(t)) for t in written) for count in (tokenizer.encode, str.split))
    assert pieces < 1.6 * words


@pytest.mark.parametrize("mark", MARKS)
def test_text_cannot_spell_a_mark(tokenizer, mark):
    assert tokenizer.mark(mark) not in tokenizer.encode(f"prior report {mark} and {mark.lower()}")


def test_marks_leave_no_trace_in_text(tokenizer):
    ids = [tokenizer.section(Section.FINDINGS), *tokenizer.encode("No mass."), tokenizer.mark(EVID)]
    assert tokenizer.decode(ids) == "No mass."


def test_training_twice_on_the_same_texts_gives_the_same_file():
    texts = ["An irregular mass in the right breast.", "Grouped calcifications, left breast, BI-RADS 4."] * 4
    assert train_tokenizer(texts).to_json() == train_tokenizer(iter(texts)).to_json()


def test_what_is_no_mark_is_refused(tokenizer):
    with pytest.raises(InvalidNoun, match="no mark"):
        tokenizer.mark("mass")


def test_a_file_that_is_no_tokeniser_is_refused_in_one_sentence(tmp_path):
    broken = tmp_path / "tokenizer.json"
    with pytest.raises(InputError, match="no tokeniser file"):
        load_tokenizer(broken)
    broken.write_text("{}")
    with pytest.raises(InputError, match="not a tokeniser file"):
        load_tokenizer(broken)
