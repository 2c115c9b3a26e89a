"""Language models out of GGUF files: numbers as transformers has them, the tokeniser, and files that are no such model."""

import numpy as np
import pytest
import torch

from mammoscribe.models.chat.gguf_file import read_gguf
from mammoscribe.support.errors import InputError
from tests.models.tiny_gguf import HEADS, HIDDEN, SPECIAL, pieces, write_gguf

pytest.importorskip("gguf")
pytest.importorskip("transformers")


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    path = tmp_path_factory.mktemp("gguf") / "tiny.gguf"
    write_gguf(path)
    return path


def test_the_weights_are_those_that_transformers_reads_out_of_the_same_file(file):
    pytest.importorskip("accelerate")
    from transformers import AutoModelForCausalLM

    by_library = AutoModelForCausalLM.from_pretrained(file.parent, gguf_file=file.name, dtype=torch.float32)
    state = {k: v for k, v in by_library.state_dict().items() if k != "lm_head.weight"}
    ours = read_gguf(file)
    assert set(ours.tensors) == set(state) and ours.config["tie_word_embeddings"] is True
    assert all(torch.equal(ours.tensors[name], tensor) for name, tensor in state.items())


def test_a_block_of_q4_1_is_its_step_times_its_numbers_plus_its_lowest(file):
    """The layout of llama.cpp: 16 bits each of step and lowest value, then 32 numbers of 4 bits, the low halves first."""
    import gguf

    stored = next(t for t in gguf.GGUFReader(str(file)).tensors if t.name == "blk.1.ffn_up.weight")
    row = np.asarray(stored.data)[3].reshape(-1, 20)
    step, lowest = (row[:, part].copy().view(np.float16).astype(np.float32) for part in (slice(0, 2), slice(2, 4)))
    numbers = np.concatenate([row[:, 4:] & 15, row[:, 4:] >> 4], axis=1)
    found = read_gguf(file).tensors["model.layers.1.mlp.up_proj.weight"][3].numpy()
    assert np.array_equal(found, (numbers * step + lowest).reshape(-1))


def test_the_two_halves_of_a_turned_pair_are_put_apart_in_queries_alone(file):
    import gguf

    stored = {t.name: t for t in gguf.GGUFReader(str(file)).tensors}
    tensors = read_gguf(file).tensors
    rows = {
        n: gguf.quants.dequantize(stored[f"blk.0.{n}.weight"].data, stored[f"blk.0.{n}.weight"].tensor_type)
        for n in ("attn_q", "attn_v")
    }
    size = HIDDEN // HEADS
    ours = tensors["model.layers.0.self_attn.q_proj.weight"].numpy()
    for head in range(HEADS):
        first, own = rows["attn_q"][head * size :], ours[head * size :]
        for pair in range(size // 2):
            assert np.array_equal(own[pair], first[2 * pair]) and np.array_equal(
                own[size // 2 + pair], first[2 * pair + 1]
            )
    assert np.array_equal(tensors["model.layers.0.self_attn.v_proj.weight"].numpy(), rows["attn_v"])


def test_the_tokeniser_splits_digits_and_knows_the_special_tokens(file):
    from tokenizers import Tokenizer

    made, tokens = Tokenizer.from_str(read_gguf(file).tokenizer), pieces()[0]
    text = "A mass of 125 mm; größte 4.5.\n\nBI-RADS 4A"
    ids = made.encode(text).ids
    assert made.decode(ids, skip_special_tokens=False) == text
    assert [tokens[i] for i in made.encode("125").ids] == ["1", "2", "5"]
    assert [tokens[i] for i in made.encode(f"Yes.{SPECIAL[2]}").ids][-1] == SPECIAL[2]
    assert [made.token_to_id(token) for token in tokens] == list(range(len(tokens)))


@pytest.mark.parametrize("harm", ["empty", "cut", "text", "other kind"])
def test_what_is_no_such_file_is_one_sentence(file, tmp_path, harm):
    bad = tmp_path / "bad.gguf"
    content = file.read_bytes()
    if harm == "other kind":
        write_gguf(bad, "qwen2")
    else:
        bad.write_bytes({"empty": b"", "cut": content[: len(content) // 2], "text": b"no model" * 99}[harm])
    with pytest.raises(InputError, match=r"bad\.gguf") as found:
        read_gguf(bad)
    assert "\n" not in str(found.value) and ("qwen2" in str(found.value)) == (harm == "other kind")
