"""The text side: unit vectors, padding that changes nothing, and phrases that are refused."""

import pytest
import torch

from mammoscribe.models.reader.phrases import PhraseConfig, PhraseNet, phrase_ids
from mammoscribe.models.tokenizer import load_tokenizer
from mammoscribe.support.errors import InputError


@pytest.fixture(scope="module")
def tokenizer():
    return load_tokenizer()


@pytest.fixture(scope="module")
def net(tokenizer):
    torch.manual_seed(0)
    return PhraseNet(PhraseConfig(tokenizer.vocab_size, dim=32, joint_dim=16)).eval()


def test_a_phrase_is_a_unit_vector_and_its_neighbours_do_not_change_it(net, tokenizer):
    alone = net(*phrase_ids(["spiculated mass"], tokenizer, 96))
    beside = net(
        *phrase_ids(["spiculated mass", "There is no evidence of malignancy in the left breast."], tokenizer, 96)
    )
    torch.testing.assert_close(alone[0], beside[0], atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(beside.norm(dim=1), torch.ones(2))
    assert not torch.allclose(beside[0], beside[1])


def test_word_order_matters(net, tokenizer):
    one, other = net(*phrase_ids(["mass left of calcifications", "calcifications left of mass"], tokenizer, 96))
    assert not torch.allclose(one, other)


@pytest.mark.parametrize(
    ("text", "message"), [("", "empty phrase"), ("  ", "empty phrase"), ("mass " * 96, "96 tokens")]
)
def test_an_empty_or_overlong_phrase_is_refused(tokenizer, text, message):
    with pytest.raises(InputError, match=message):
        phrase_ids(["mass", text], tokenizer, 96)
