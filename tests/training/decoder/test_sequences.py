"""What the decoder is taught: sentences with the rows of their evidence, in batches."""

import dataclasses

import numpy as np
import pytest
import torch

from mammoscribe.domain.evidence import EvidenceKind, Section
from mammoscribe.domain.search import everything_searched
from mammoscribe.models.decoder.grammar import NO_ROW
from mammoscribe.models.decoder.memory import FactTable, evidence_rows, facts_memory
from mammoscribe.models.decoder.network import DecoderConfig
from mammoscribe.models.tokenizer import EVID, load_tokenizer
from mammoscribe.reporting.styles import write_reference
from mammoscribe.training.decoder.fact_tables import RandomTables
from mammoscribe.training.decoder.sequences import (
    IGNORED,
    collate,
    in_random_style,
    target_sequence,
    without_measures,
    written,
)

TOKENIZER = load_tokenizer()
LONG = 384


def table(min_findings: int = 2) -> FactTable:
    return next(t for t in RandomTables(4, 50) if len(t.findings) >= min_findings)


def in_prose(of: FactTable):
    search = everything_searched(without_measures(of.exam))
    return write_reference(search, of.findings, of.stated, 2, np.random.default_rng(0))


def test_every_sentence_ends_with_the_rows_of_its_evidence():
    of = table()
    refs, sentences = evidence_rows(of), in_random_style(of, np.random.default_rng(0))
    target = target_sequence(TOKENIZER, refs, sentences, LONG)
    assert target.dropped == 0
    cited, evid = [], TOKENIZER.mark(EVID)
    for token, row in zip(target.tokens, target.rows, strict=True):
        if token in TOKENIZER.sections:
            cited.append(set())
        elif token == evid:
            cited[-1].add(refs[row])
    assert cited == [set(s.evidence) for s in sentences]


def test_words_are_about_the_first_row_their_sentence_cites():
    of = table()
    target = target_sequence(TOKENIZER, evidence_rows(of), in_prose(of), LONG)
    section = TOKENIZER.section(Section.FINDINGS)
    start = next(i for i, (t, r) in enumerate(zip(target.tokens, target.rows, strict=True)) if (t, r) == (section, 1))
    assert target.rows[start : start + 4] == [1] * 4
    assert target.rows[0] == target.rows[-1] == NO_ROW


def test_a_sentence_about_something_without_a_row_is_left_out():
    of = table()
    refs, sentences = evidence_rows(of), in_prose(of)
    without = [r for r in refs if r.ref != "f1"]
    about_it = [s for s in sentences if any(e.ref == "f1" for e in s.evidence)]
    target = target_sequence(TOKENIZER, without, sentences, LONG)
    assert target.dropped == len(about_it) >= 1
    assert target == dataclasses.replace(
        target_sequence(TOKENIZER, without, [s for s in sentences if s not in about_it], LONG), dropped=target.dropped
    )


def test_a_report_that_is_too_long_loses_whole_sentences():
    of = table()
    target = target_sequence(TOKENIZER, evidence_rows(of), in_prose(of), 80)
    assert target.dropped > 0 and len(target.tokens) <= 80


def test_neither_dates_nor_millimetres_are_taught():
    for number, of in enumerate(RandomTables(0, 30)):
        for sentence in in_random_style(of, np.random.default_rng(number)):
            assert " mm" not in sentence.text
            assert "20" not in sentence.text


def test_rows_are_labelled_where_a_sentence_opens_or_cites_and_padding_teaches_nothing():
    config = DecoderConfig(TOKENIZER.vocab_size, memory_dim=16)
    long, short = (written(t, np.random.default_rng(0), config, TOKENIZER) for t in (table(3), table(0)))
    batch = collate([long, short], TOKENIZER)
    pointing = {TOKENIZER.mark(EVID), *TOKENIZER.sections}
    here = batch.row_labels != IGNORED
    assert here.tolist() == [[int(t) in pointing for t in row] for row in batch.token_labels]
    lengths = [len(w.target.tokens) - 1 for w in (long, short)]
    assert (batch.token_labels != IGNORED).sum(dim=1).tolist() == lengths
    assert batch.memory_mask.sum(dim=1).tolist() == [len(long.refs), len(short.refs)]
    assert batch.tokens[0, 1:].tolist() == batch.token_labels[0, :-1].tolist()


def test_noise_is_added_to_the_rows_and_the_same_generator_gives_the_same():
    of, config = table(), DecoderConfig(TOKENIZER.vocab_size)
    plain, _ = facts_memory(of)
    one, two = (written(of, np.random.default_rng(3), config, TOKENIZER, 0.1) for _ in range(2))
    assert torch.equal(one.memory, two.memory) and one.target == two.target
    assert float((one.memory - plain).std()) == pytest.approx(0.1, rel=0.1)
    assert torch.equal(written(of, np.random.default_rng(3), config, TOKENIZER).memory, plain)


def test_memory_holds_the_facts():
    of = next(t for t in RandomTables(4, 50) if t.findings and t.findings[0].descriptors)
    memory, refs = facts_memory(of, 64)
    assert memory.shape == (len(refs), 64) and refs[0].kind is EvidenceKind.FINDING
    other = dataclasses.replace(of.findings[0], descriptors=())
    changed, _ = facts_memory(dataclasses.replace(of, findings=(other, *of.findings[1:])), 64)
    assert torch.equal(memory[1:], changed[1:]) and not torch.equal(memory[0], changed[0])
