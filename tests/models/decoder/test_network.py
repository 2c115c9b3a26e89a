"""The decoder keeps to its grammar, its sizes and its causality, trained or not."""

import dataclasses

import pytest
import torch

from mammoscribe.domain.evidence import Evidence, EvidenceKind, Writer
from mammoscribe.models.decoder.grammar import NO_ROW
from mammoscribe.models.decoder.network import DecoderConfig, ReportDecoder, kinds_of
from mammoscribe.models.tokenizer import EOS, EVID, load_tokenizer
from mammoscribe.support.errors import InvalidNoun

REFS = (
    Evidence(EvidenceKind.FINDING, "f1"),
    Evidence(EvidenceKind.FINDING, "f2"),
    Evidence(EvidenceKind.BREAST, "R"),
    Evidence(EvidenceKind.VIEW, "R_CC"),
    Evidence(EvidenceKind.EXAM, "e"),
)


def config(**more) -> DecoderConfig:
    small = {"dim": 32, "memory_dim": 24, "layers": 2, "heads": 4, "ff_dim": 48, "pointer_dim": 16, "max_tokens": 96,
             "prompt_tokens": 16}  # fmt: skip
    return DecoderConfig(**{"vocab_size": load_tokenizer().vocab_size, **small, **more})


@pytest.fixture
def decoder() -> ReportDecoder:
    torch.manual_seed(0)
    return ReportDecoder(config()).eval()


def inputs(batch: int = 2, length: int = 12, seed: int = 1) -> dict:
    random = torch.Generator().manual_seed(seed)
    return {
        "tokens": torch.randint(20, 400, (batch, length), generator=random),
        "memory": torch.randn(batch, len(REFS), 24, generator=random),
        "memory_mask": torch.ones(batch, len(REFS), dtype=torch.bool),
        "context": torch.randn(batch, 7, 24, generator=random),
        "context_mask": torch.ones(batch, 7, dtype=torch.bool),
        "kinds": kinds_of(REFS).expand(batch, -1),
        "pointed": torch.randint(NO_ROW, len(REFS), (batch, length), generator=random),
    }


def test_the_shipped_size_stays_below_two_million_parameters():
    assert ReportDecoder(DecoderConfig(vocab_size=load_tokenizer().vocab_size)).num_parameters <= 2_000_000


def test_scores_have_one_row_per_position(decoder):
    out = decoder(**inputs())
    assert out.logits.shape == (2, 12, decoder.config.vocab_size)
    assert out.pointers.shape == (2, 12, len(REFS))


def test_a_position_does_not_see_what_comes_after_it(decoder):
    given = inputs()
    changed = {**given, "tokens": given["tokens"].clone(), "pointed": given["pointed"].clone()}
    changed["tokens"][:, 8:] = 30
    changed["pointed"][:, 8:] = 1
    before, after = decoder(**given), decoder(**changed)
    assert torch.allclose(before.logits[:, :8], after.logits[:, :8], atol=1e-5)
    assert torch.allclose(before.pointers[:, :8], after.pointers[:, :8], atol=1e-5)
    assert not torch.allclose(before.logits[:, 8:], after.logits[:, 8:], atol=1e-3)


def test_padding_rows_change_nothing_and_are_never_pointed_at(decoder):
    given = inputs()
    padded = dict(given)
    for name, width in (("memory", 3), ("context", 4)):
        padded[name] = torch.cat((given[name], torch.randn(2, width, 24)), dim=1)
        mask = given[f"{name}_mask"]
        padded[f"{name}_mask"] = torch.cat((mask, torch.zeros(2, width, dtype=torch.bool)), dim=1)
    padded["kinds"] = torch.cat((given["kinds"], torch.zeros(2, 3, dtype=torch.long)), dim=1)
    before, after = decoder(**given), decoder(**padded)
    assert torch.allclose(before.logits, after.logits, atol=1e-5)
    assert after.pointers.softmax(-1)[..., len(REFS) :].max() == 0


@pytest.mark.parametrize("part", ["memory", "context", "pointed"])
def test_every_input_reaches_the_words(decoder, part):
    given = inputs()
    changed = {
        **given,
        part: given[part].roll(1, dims=1) if part == "pointed" else given[part] + 1.5 * given[part].roll(1, 2),
    }
    assert not torch.allclose(decoder(**given).logits, decoder(**changed).logits, atol=1e-3)


def test_an_exam_without_context_can_be_read(decoder):
    given = {**inputs(), "context": None, "context_mask": None}
    empty = {**given, "context": torch.zeros(2, 0, 24)}
    assert torch.equal(decoder(**given).logits, decoder(**empty).logits)


class EagerDecoder(ReportDecoder):
    """Ends sentences and reports often, as an untrained decoder hardly ever does."""

    def _score(self, x, exam):
        out = super()._score(x, exam)
        out.logits[..., self.tokenizer.mark(EVID)] += 6
        out.logits[..., self.tokenizer.mark(EOS)] += 1
        return out


@pytest.mark.parametrize("seed", range(3))
def test_every_claim_has_text_and_points_at_given_rows(seed):
    random = torch.Generator().manual_seed(seed)
    claims = EagerDecoder(config()).generate(
        torch.randn(len(REFS), 24, generator=random), REFS, torch.randn(4, 24), greedy=False, generator=random
    )
    assert claims
    for claim in claims:
        assert claim.text
        assert claim.writer is Writer.DECODER
        assert claim.pointers
        assert set(claim.pointers) <= set(REFS)
        assert len(set(claim.pointers)) == len(claim.pointers)
    assert len(set(claims)) == len(claims)


def test_one_step_at_a_time_gives_the_scores_of_a_whole_pass(decoder):
    """The kept keys and values, and the findings not yet written about, agree with teacher forcing."""
    given = {**inputs(batch=1), "context": None, "context_mask": None}
    whole = decoder(**given)
    exam = decoder._read(given["memory"], given["memory_mask"], None, None, given["kinds"])
    past, written = [None] * len(decoder.layers), ~exam.findings
    for step in range(given["tokens"].shape[1]):
        here = slice(step, step + 1)
        x, written = decoder._embed(given["tokens"][:, here], given["pointed"][:, here], step, exam, written)
        for i, layer in enumerate(decoder.layers):
            x, past[i] = layer(x, exam.seen[i], exam.seen_mask, past[i])
        out = decoder._score(x, exam)
        assert torch.allclose(out.logits[:, 0], whole.logits[:, step], atol=1e-4)
        assert torch.allclose(out.pointers[:, 0], whole.pointers[:, step], atol=1e-4)


def test_generation_ends_at_the_limit_and_drops_the_unfinished_sentence(decoder):
    assert decoder.generate(torch.randn(len(REFS), 24), REFS, max_tokens=2) == ()


def test_no_rows_no_claims(decoder):
    assert decoder.generate(torch.zeros(0, 24), ()) == ()


def test_generation_is_repeatable_and_leaves_the_mode_alone(decoder):
    decoder.train()
    memory = torch.randn(len(REFS), 24)
    assert decoder.generate(memory, REFS, max_tokens=12) == decoder.generate(memory, REFS, max_tokens=12)
    assert decoder.training


def test_the_end_of_a_long_prior_report_is_kept(decoder):
    ids = decoder.prompt_ids("The right breast is fatty. " * 30 + "The overall assessment is BI-RADS 2.")
    assert len(ids) == decoder.config.prompt_tokens + 2
    assert decoder.tokenizer.decode(ids).endswith("The overall assessment is BI-RADS 2.")
    assert decoder.prompt_ids(None) == decoder.prompt_ids("") == [decoder.tokenizer.mark("[BOS]")]


def test_a_prior_report_changes_what_is_written(decoder):
    given = inputs(batch=1)
    del given["pointed"]
    prompts = ("Stable mass in the left breast.", "Stable mass in the right breast.")
    ids = [torch.tensor([decoder.prompt_ids(p)]) for p in prompts]
    seen = [decoder(**{**given, "tokens": i}).logits[:, -1] for i in ids]
    assert not torch.allclose(*seen, atol=1e-3)


@pytest.mark.parametrize(
    "wrong",
    [{"dim": 33}, {"layers": 0}, {"vocab_size": 5000}, {"prompt_tokens": 90}, {"dropout": 1.0}, {"heads": 2.0}],
)
def test_sizes_that_do_not_fit_are_refused(wrong):
    with pytest.raises(InvalidNoun):
        dataclasses.replace(config(), **wrong)


def test_a_decoder_for_another_vocabulary_is_refused():
    with pytest.raises(InvalidNoun, match="tokeniser"):
        ReportDecoder(config(vocab_size=100))


def test_memory_of_another_width_is_refused(decoder):
    with pytest.raises(InvalidNoun, match="memory"):
        decoder(**{**inputs(), "memory": torch.zeros(2, len(REFS), 25)})


def test_rows_without_references_are_refused(decoder):
    with pytest.raises(InvalidNoun, match="references"):
        decoder.generate(torch.zeros(3, 24), REFS)
    with pytest.raises(InvalidNoun, match="at most"):
        decoder(**inputs(length=97))


def test_the_config_survives_the_model_card():
    assert DecoderConfig(**config().as_dict()) == config()
