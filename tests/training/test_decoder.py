"""What the decoder is taught, and that it learns it."""

import dataclasses

import numpy as np
import pytest
import torch

from mammoscribe.domain.evidence import EvidenceKind, Section
from mammoscribe.domain.search import everything_searched
from mammoscribe.evaluation.facts import FactCounts, count_facts, text_keys, truth_keys
from mammoscribe.models.decoder.grammar import NO_ROW
from mammoscribe.models.decoder.memory import facts_memory
from mammoscribe.models.decoder.network import DecoderConfig, ReportDecoder
from mammoscribe.models.tokenizer import EVID, load_tokenizer
from mammoscribe.reporting.styles import write_reference
from mammoscribe.support.errors import InvalidNoun
from mammoscribe.training.decoder import (
    IGNORED,
    DecoderSchedule,
    collate,
    decoder_losses,
    target_sequence,
    train_decoder,
    without_measures,
    write_in_random_style,
)
from mammoscribe.training.fact_tables import facts_example, random_fact_table

DIM = 64


def config(**more) -> DecoderConfig:
    small = {"dim": 96, "memory_dim": DIM, "layers": 2, "heads": 4, "ff_dim": 128, "max_tokens": 320, "dropout": 0.0}
    return DecoderConfig(vocab_size=load_tokenizer().vocab_size, **{**small, **more})


def examples(count: int, seed: int = 0, min_findings: int = 0):
    rng, made = np.random.default_rng(seed), []
    while len(made) < count:
        table = random_fact_table(rng, exam_id=f"e{len(made)}")
        if len(table.findings) >= min_findings:
            made.append(facts_example(table, DIM))
    return made


def in_prose(example, rng):
    """One wording per fact, so that what is learned can be compared word for word."""
    return write_reference(
        everything_searched(without_measures(example.exam)),
        example.findings,
        example.breasts,
        2,
        np.random.default_rng(0),
    )


@pytest.fixture(scope="module")
def decoder():
    torch.manual_seed(0)
    return ReportDecoder(config()).eval()


def test_every_sentence_ends_with_the_rows_of_its_evidence(decoder):
    example = examples(1, seed=4, min_findings=2)[0]
    sentences = write_in_random_style(example, np.random.default_rng(0))
    target = target_sequence(decoder, example, sentences)
    assert target.dropped == 0
    cited, evid = [], decoder.tokenizer.mark(EVID)
    for token, row in zip(target.tokens, target.rows, strict=True):
        if token in decoder.tokenizer.sections:
            cited.append(set())
        elif token == evid:
            cited[-1].add(example.refs[row])
    assert cited == [set(s.evidence) for s in sentences]


def test_words_are_about_the_first_row_their_sentence_cites(decoder):
    example = examples(1, seed=4, min_findings=2)[0]
    target = target_sequence(decoder, example, in_prose(example, None))
    finding = example.rows["f2"]
    start = next(
        i
        for i, (t, r) in enumerate(zip(target.tokens, target.rows, strict=True))
        if r == finding and t == decoder.tokenizer.section(Section.FINDINGS)
    )
    assert target.rows[start : start + 4] == [finding] * 4
    assert target.rows[0] == target.rows[-1] == NO_ROW


def test_a_sentence_about_a_missed_finding_is_left_out(decoder):
    example = examples(1, seed=4, min_findings=2)[0]
    missed = dataclasses.replace(example, rows={**example.rows, "f1": None})
    sentences = in_prose(example, None)
    target = target_sequence(decoder, missed, sentences)
    about_it = [s for s in sentences if any(e.ref == "f1" for e in s.evidence)]
    assert target.dropped == len(about_it) == 1
    kept = target_sequence(decoder, example, [s for s in sentences if s not in about_it])
    assert target.tokens == kept.tokens


def test_pointers_follow_the_match_and_not_the_name(decoder):
    """The reader's f1 may be the truth's f2."""
    example = examples(1, seed=4, min_findings=2)[0]
    swapped = dataclasses.replace(example, rows={**example.rows, "f1": 1, "f2": 0})
    sentence = next(s for s in in_prose(example, None) if any(e.ref == "f1" for e in s.evidence))
    assert {0, 1} & set(target_sequence(decoder, example, [sentence]).rows) == {0}
    assert {0, 1} & set(target_sequence(decoder, swapped, [sentence]).rows) == {1}


def test_a_report_that_is_too_long_loses_whole_sentences():
    short = ReportDecoder(config(max_tokens=80, prompt_tokens=8))
    example = examples(1, seed=4, min_findings=2)[0]
    target = target_sequence(short, example, in_prose(example, None))
    assert target.dropped > 0
    assert len(target.tokens) <= 80


def test_neither_dates_nor_millimetres_are_taught():
    for i, example in enumerate(examples(30)):
        for sentence in write_in_random_style(example, np.random.default_rng(i)):
            assert " mm" not in sentence.text
            assert "20" not in sentence.text


def test_the_prompt_is_given_and_not_learned(decoder):
    example = examples(1)[0]
    sentences = in_prose(example, None)
    plain = target_sequence(decoder, example, sentences)
    prompted = target_sequence(decoder, example, sentences, "The left breast is stable.")
    assert prompted.prompt_length > plain.prompt_length == 1
    labels = [collate(decoder, [(example, t)]).token_labels for t in (plain, prompted)]
    assert torch.equal(*(row[row != IGNORED] for row in labels))


def test_rows_are_labelled_where_a_sentence_opens_or_cites(decoder):
    example = examples(1, seed=4, min_findings=2)[0]
    batch = collate(decoder, [(example, target_sequence(decoder, example, in_prose(example, None)))])
    pointing = {decoder.tokenizer.mark(EVID), *decoder.tokenizer.sections}
    here = batch.row_labels[0] != IGNORED
    assert here.tolist() == [int(t) in pointing for t in batch.token_labels[0]]


def test_a_batch_of_unlike_exams_gives_the_losses_of_its_parts(decoder):
    pairs = [(e, target_sequence(decoder, e, in_prose(e, None))) for e in examples(2, seed=1)]
    one = dataclasses.replace(pairs[0][0], context=torch.randn(5, DIM))
    pairs[0] = (one, pairs[0][1])
    with torch.no_grad():
        together = float(decoder_losses(decoder, collate(decoder, pairs))["token"])
        apart = [float(decoder_losses(decoder, collate(decoder, [p]))["token"]) for p in pairs]
    lengths = [len(t.tokens) - 1 for _, t in pairs]
    assert together == pytest.approx(sum(a * n for a, n in zip(apart, lengths, strict=True)) / sum(lengths), rel=1e-4)


def test_memory_holds_the_facts():
    rng = np.random.default_rng(0)
    table = random_fact_table(rng)
    while not table.findings:
        table = random_fact_table(rng)
    memory, refs = facts_memory(table, DIM)
    assert memory.shape == (len(refs), DIM)
    assert refs[0].kind is EvidenceKind.FINDING
    other = dataclasses.replace(table.findings[0], descriptors=())
    changed, _ = facts_memory(dataclasses.replace(table, findings=(other, *table.findings[1:])), DIM)
    assert torch.equal(memory[1:], changed[1:])
    assert torch.equal(memory[0], changed[0]) == (not table.findings[0].descriptors)


def test_a_few_exams_are_learned_by_heart_with_their_pointers():
    taught = examples(2, seed=11, min_findings=1)
    losses = []
    schedule = DecoderSchedule(epochs=120, batch_exams=2, learning_rate=4e-3)
    decoder = train_decoder(taught, config(), schedule, write=in_prose, report=lambda row: losses.append(row["token"]))
    assert losses[-1] < 0.1 * losses[0]
    for example in taught:
        wanted = {(s.text.lower(), frozenset(s.evidence)) for s in in_prose(example, None)}
        assert {
            (c.text.lower(), frozenset(c.pointers)) for c in decoder.generate(example.memory, example.refs)
        } == wanted


def test_training_is_repeatable():
    taught, schedule = examples(2), DecoderSchedule(epochs=1, batch_exams=1)
    first, second = (train_decoder(taught, config(dropout=0.1), schedule, seed=3).state_dict() for _ in range(2))
    assert all(torch.equal(first[k], second[k]) for k in first)


def test_going_on_with_a_decoder_of_another_size_is_refused(decoder):
    with pytest.raises(InvalidNoun, match="go on with"):
        train_decoder(examples(1), config(dim=48), start_from=decoder)


@pytest.mark.parametrize("wrong", [{"epochs": 0}, {"minutes": 0.0}, {"prompt_share": 1.5}])
def test_a_schedule_that_makes_no_sense_is_refused(wrong):
    with pytest.raises(InvalidNoun):
        DecoderSchedule(**wrong)


def test_an_example_that_contradicts_itself_is_refused():
    example = examples(1, seed=4, min_findings=2)[0]
    for wrong in ({"refs": example.refs[1:]}, {"rows": {}}, {"rows": {**example.rows, "f1": len(example.refs) - 1}}):
        with pytest.raises(InvalidNoun):
            dataclasses.replace(example, **wrong)


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_facts_never_seen_together_are_written_right():
    rng = np.random.default_rng(0)
    taught = [facts_example(random_fact_table(rng), 192) for _ in range(1000)]
    schedule = DecoderSchedule(epochs=6, batch_exams=8)
    decoder = train_decoder(taught, DecoderConfig(vocab_size=load_tokenizer().vocab_size), schedule)
    counts = FactCounts(0, 0, 0)
    for _ in range(50):
        table = random_fact_table(rng)
        example = facts_example(table, 192)
        claims = decoder.generate(example.memory, example.refs)
        counts += count_facts(text_keys(c.text for c in claims), truth_keys(table.findings))
    assert counts.f1 > 0.75
