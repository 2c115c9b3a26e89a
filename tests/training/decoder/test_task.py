"""The decoder on the engine: losses by hand, a short run learns, goes on exactly, and gives a model that writes."""

import json
from dataclasses import asdict, replace

import numpy as np
import pytest
import torch

from mammoscribe.evaluation.facts import FactCounts
from mammoscribe.models.decoder.network import DecoderConfig, ReportDecoder
from mammoscribe.models.reader.loading import load_reader
from mammoscribe.models.tokenizer import load_tokenizer
from mammoscribe.support.errors import InputError, InvalidNoun
from mammoscribe.training.decoder.fact_tables import RandomTables
from mammoscribe.training.decoder.recipe import decoder
from mammoscribe.training.decoder.sequences import collate, written
from mammoscribe.training.decoder.task import DecoderSettings, decoder_counts, decoder_losses, measure, summary
from mammoscribe.training.engine.sources import ItemSource
from mammoscribe.training.engine.task import Feed
from mammoscribe.training.engine.train import train
from tests.training.joint.made import small_model
from tests.training.stopped import check_that_it_goes_on_exactly

pytest.importorskip("accelerate")
FAST = {
    "preset": "debug", "steps": "20", "precision": "fp32", "execution.device": "cpu", "batch": "4", "held_out": "2",
    "checkpoint_every": "8", "validate_every": "20", "learning_rate": "5e-3",
}  # fmt: skip
TIMED = ("seconds", "items_per_s", "memory_mb")
SMALL = DecoderConfig(load_tokenizer().vocab_size, dim=24, memory_dim=16, layers=1, heads=2, ff_dim=32, dropout=0.0)


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return small_model(tmp_path_factory.mktemp("model") / "small")


@pytest.fixture(scope="module")
def whole(model, tmp_path_factory):
    """A run that nothing disturbed."""
    folder = tmp_path_factory.mktemp("decoder") / "run"
    assert train(decoder([], model).with_set(FAST), folder).finished
    return folder


def rows(folder):
    found = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    return [{name: value for name, value in row.items() if name not in TIMED} for row in found]


def test_losses_are_sums_of_the_negative_log_likelihood_over_what_is_labelled():
    torch.manual_seed(0)
    net, tokenizer = ReportDecoder(SMALL).eval(), load_tokenizer()
    tables = [written(t, np.random.default_rng(n), SMALL, tokenizer) for n, t in enumerate(RandomTables(1, 3))]
    batches = {"tables": collate(tables, tokenizer)}
    with torch.no_grad():
        found = decoder_losses({"decoder": net}, batches)
        token = pointer = 0.0
        number = {"token": 0, "pointer": 0}
        for table in tables:
            own = collate([table], tokenizer)
            out = net(own.tokens, own.memory, own.memory_mask, None, None, own.kinds, own.pointed)
            for step, (label, row) in enumerate(zip(own.token_labels[0], own.row_labels[0], strict=True)):
                token -= float(out.logits[0, step].log_softmax(0)[label])
                number["token"] += 1
                if row >= 0:
                    pointer -= float(out.pointers[0, step].log_softmax(0)[row])
                    number["pointer"] += 1
    assert float(found["token"]) == pytest.approx(token, rel=1e-4)
    assert float(found["pointer"]) == pytest.approx(pointer, rel=1e-4)
    assert decoder_counts(batches) == number


def test_a_short_run_learns_and_states_its_figures(whole):
    steps = [r for r in rows(whole) if "rate" in r]
    for name in ("loss/token", "loss/pointer"):
        first, last = (sum(r[name] for r in part) for part in (steps[:3], steps[-3:]))
        assert last < 0.9 * first, name
    (figures,) = [r for r in rows(whole) if "val/f1" in r]
    assert {"val/f1", "val/precision", "val/recall"} <= figures.keys()


def test_a_run_that_was_stopped_goes_on_exactly(whole, model, tmp_path):
    check_that_it_goes_on_exactly(decoder([], model).with_set(FAST), whole, tmp_path, 5)


def test_the_model_folder_is_the_reader_with_a_decoder_that_drafts(whole, model):
    before, after = load_reader(str(model)), load_reader(str(whole / "model"))
    assert before.decoder is None and after.decoder is not None
    for part in ("reader", "films"):
        one, other = before.parts[part].state_dict(), after.parts[part].state_dict()
        assert all(torch.equal(one[name], other[name]) for name in one)
    kept = ("config", "synthetic", "real", "patches", "looks", "phrases", "name")
    assert all(asdict(after.card)[n] == asdict(before.card)[n] for n in kept)
    assert after.card.trained_on == "nothing; decoder: random fact tables"
    table = RandomTables(0, 9)[3]
    assert isinstance(after.draft(table.exam, table.findings, table.breasts), tuple)


def test_a_decoder_is_gone_on_with_when_it_is_kept(tmp_path):
    model = small_model(tmp_path / "with", with_decoder=True)
    run = decoder([], model).with_set({**FAST, "preset": "kept", "steps": "1", "learning_rate": "1e-30"})
    assert train(run, tmp_path / "run").finished
    one, other = (load_reader(str(f)).parts["decoder"].state_dict() for f in (model, tmp_path / "run" / "model"))
    assert all(torch.equal(one[name], other[name]) for name in one)


def test_a_few_tables_are_learned_by_heart():
    """Two tables in one wording each: what is written about them is what is true of them."""
    torch.manual_seed(0)
    tokenizer = load_tokenizer()
    config = replace(SMALL, dim=96, memory_dim=64, heads=4, ff_dim=128, layers=2)
    net = ReportDecoder(config)
    tables = [t for t in RandomTables(11, 30) if t.findings][:2]
    batch = {"tables": collate([written(t, np.random.default_rng(5), config, tokenizer) for t in tables], tokenizer)}
    optimiser, number = torch.optim.AdamW(net.parameters(), lr=4e-3), decoder_counts(batch)
    for _ in range(120):
        sums = decoder_losses({"decoder": net}, batch)
        optimiser.zero_grad()
        (sums["token"] / number["token"] + sums["pointer"] / number["pointer"]).backward()
        torch.nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        optimiser.step()
    counted = measure({"decoder": net.eval()}, tables)
    assert counted.f1 > 0.9 and counted.right > 2


def test_a_decoder_that_was_not_trained_states_hardly_anything_true():
    torch.manual_seed(0)
    assert measure({"decoder": ReportDecoder(SMALL).eval()}, list(RandomTables(2, 2))).f1 < 0.2


def test_figures_are_over_the_facts_of_all_tables():
    figures = summary([FactCounts(3, 1, 0), FactCounts(0, 0, 2)])
    assert figures == {"f1": pytest.approx(6 / 9), "precision": 0.75, "recall": 0.6}


def test_the_tables_of_the_validation_are_never_trained_on(model):
    task = DecoderSettings(preset="debug", held_out=5).build(decoder([], model))
    assert task.validation is not None
    (held_out,) = task.validation.batches.batches([0])
    source = task.sources["tables"]
    assert isinstance(source, ItemSource) and len(held_out) == 4
    assert not {t.findings for t in held_out if t.findings} & {t.findings for t in source.items[:200]}
    with pytest.raises(InputError, match="where the validation begins"):
        DecoderSettings().build(decoder([], model).with_set({"seeds.data": "900000"}))


def test_two_processes_draw_the_tables_of_one(model):
    source = DecoderSettings(preset="debug").build(decoder([], model)).sources["tables"]
    whole = next(source.batches(Feed(0, size=4)))
    parts = [next(source.batches(Feed(0, rank=r, world=2, size=2))) for r in range(2)]
    for number in range(4):
        part, row = parts[number // 2], number % 2
        length = int((part.token_labels[row] >= 0).sum())
        assert torch.equal(part.token_labels[row, :length], whole.token_labels[number, :length])


def test_what_is_wrong_is_named(model, tmp_path):
    with pytest.raises(InputError, match="--data, which the decoder does not use"):
        decoder([tmp_path], model)
    with pytest.raises(InputError, match="has no decoder"):
        train(decoder([], model).with_set({**FAST, "preset": "kept"}), tmp_path / "run")
    for wrong in ({"num_tables": "0"}, {"memory_noise": "-1"}, {"held_out": "0"}):
        with pytest.raises(InvalidNoun):
            decoder([], model).with_set(wrong)
