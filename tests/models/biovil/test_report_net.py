"""The report decoder: equal to the decoder of transformers, blind to what comes later, open to patches and the prior report."""

import pytest
import torch

from mammoscribe.models.biovil.report_net import Memory, ReportNet
from mammoscribe.models.biovil.text_model import JointTextModel, bert_config
from tests.models.tiny_report import CLS, FEATURES, SEP, looked, tiny_net

pytest.importorskip("transformers")
IDS = torch.tensor([[CLS, SEP, 5, 6, 7], [CLS, 8, SEP, 5, 0], [CLS, 8, 6, SEP, 7]])
TOKENS = (IDS != 0).long()
KINDS = torch.tensor([[1, 1, 0, 0, 0], [1, 1, 1, 0, 0], [1, 1, 1, 1, 0]])


def test_logits_are_those_of_the_decoder_of_transformers():
    from transformers import BertLMHeadModel

    net = tiny_net()
    seen = looked(net)
    theirs = BertLMHeadModel(net.config).eval()
    state = {**net.state_dict(), "cls.predictions.decoder.bias": net.state_dict()["cls.predictions.bias"]}
    state["cls.predictions.decoder.weight"] = state["bert.embeddings.word_embeddings.weight"]
    loaded = theirs.load_state_dict(state, strict=False)
    assert not loaded.missing_keys
    assert set(loaded.unexpected_keys) == {
        "norm_patches.weight", "norm_patches.bias", "from_patches.weight", "from_patches.bias"
    }  # fmt: skip
    with torch.no_grad():
        expected = theirs(
            input_ids=IDS, attention_mask=TOKENS, token_type_ids=KINDS, encoder_hidden_states=seen.patches,
            encoder_attention_mask=seen.shown.long(),
        ).logits  # fmt: skip
        found = net(IDS, TOKENS, KINDS, seen)
    torch.testing.assert_close(found[TOKENS.bool()], expected[TOKENS.bool()], atol=1e-5, rtol=1e-5)


def test_a_token_is_predicted_from_those_before_it_only():
    net = tiny_net()
    seen, other = looked(net), IDS.clone()
    other[:, 3:] = 8
    with torch.no_grad():
        one, two = (net(ids, torch.ones_like(ids), KINDS, seen) for ids in (IDS, other))
    torch.testing.assert_close(one[:, :3], two[:, :3])
    assert not torch.allclose(one[:, 3:], two[:, 3:], atol=1e-2)


def test_the_prior_report_and_every_patch_that_shows_something_change_what_is_written():
    net = tiny_net()
    torch.manual_seed(2)
    maps, shown = torch.randn(1, FEATURES, 2, 2), torch.tensor([[True, True, True, False]])

    def logits(patches: torch.Tensor, ids: torch.Tensor = IDS[2:]) -> torch.Tensor:
        with torch.no_grad():
            return net(ids, torch.ones_like(ids), KINDS[2:], net.look(patches, shown))[0, -1]

    plain = logits(maps)
    for place in range(4):
        changed = maps.clone()
        changed[0, :, place // 2, place % 2] = torch.randn(FEATURES)
        assert torch.allclose(logits(changed), plain, atol=1e-5) == (place == 3), place
    swapped = maps.flip(3).clone()
    swapped[..., 1, 1] = maps[..., 1, 1]
    assert not torch.allclose(logits(swapped), plain, atol=1e-3)
    other = IDS[2:].clone()
    other[0, 1] = 5
    assert not torch.allclose(logits(maps, other), plain, atol=1e-3)


def test_the_same_patches_at_other_places_are_something_else():
    net = tiny_net()
    row = torch.zeros(1, FEATURES, 1, 4)
    row[..., 0] = torch.randn(FEATURES, 1)
    shown = torch.ones(1, 4, dtype=torch.bool)
    with torch.no_grad():
        one, two = (net(IDS[:1], TOKENS[:1], KINDS[:1], net.look(maps, shown)) for maps in (row, row.flip(3)))
    assert not torch.allclose(one, two, atol=1e-3)


def test_what_is_kept_of_the_tokens_before_gives_the_same_states():
    net = tiny_net()
    seen, whole = looked(net), torch.ones_like(IDS)
    with torch.no_grad():
        expected = net.states(IDS, whole, KINDS, seen)
        memory = Memory()
        parts = [net.states(IDS[:, :2], whole[:, :2], KINDS[:, :2], seen, memory)]
        parts += [net.states(IDS[:, n : n + 1], whole[:, :1], KINDS[:, n : n + 1], seen, memory) for n in range(2, 5)]
    torch.testing.assert_close(torch.cat(parts, dim=1), expected, atol=1e-5, rtol=1e-4)


def test_a_decoder_begins_with_the_weights_of_a_text_model():
    shape = {
        "vocab_size": 9,
        "hidden_size": 32,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "intermediate_size": 64,
    }
    text = JointTextModel(bert_config({**shape, "max_position_embeddings": 24}), 8)
    net = ReportNet(text.bert.config, FEATURES)
    before = {name: value.clone() for name, value in net.state_dict().items()}
    net.take_over(text)
    after = net.state_dict()
    new = {name for name in after if ".crossattention." in name or "patches" in name}
    assert {name for name in after if torch.equal(after[name], before[name])} >= new
    for name in after.keys() - new:
        assert torch.equal(after[name], text.state_dict()[name]), name
