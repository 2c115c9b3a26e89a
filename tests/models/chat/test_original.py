"""LLaVA-1.5 in the layout of its own repository, written anew: every weight in its place, the same scores."""

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from typer.testing import CliRunner

from mammoscribe.cli import app
from mammoscribe.data.records import Turn
from mammoscribe.models.chat.batch import batch_of
from mammoscribe.models.chat.chat_model import load_chat_model
from tests.models.tiny_chat import SIDE_PX, picture, write_llava
from tests.models.tiny_families import write_llava_med

transformers = pytest.importorskip("transformers")
VOCABULARY = 480


def write_original(folder: Path, like: Path, tower: bool = True, kind: str = "llava") -> dict[str, torch.Tensor]:
    """The weights of a folder of llava-hf as the original repository has them: shards of pickles, a flat config.json.

    `kind` is llava (LLaVA-1.5) or llava_mistral (LLaVA-Med v1.5).
    """
    folder.mkdir()
    held = json.loads((like / "config.json").read_text())["text_config"]
    flat = {key: held[key] for key in (
        "hidden_size", "intermediate_size", "num_hidden_layers", "num_attention_heads", "num_key_value_heads", "rms_norm_eps",
        "max_position_embeddings", "bos_token_id", "eos_token_id",
    )}  # fmt: skip
    flat |= {
        "model_type": kind, "architectures": ["LlavaLlamaForCausalLM"], "vocab_size": VOCABULARY, "mm_hidden_size": 32,
        "mm_projector_type": "mlp2x_gelu", "mm_vision_select_layer": -2, "mm_vision_select_feature": "patch",
        "mm_vision_tower": "tiny/clip", "image_aspect_ratio": "pad", "mm_use_im_start_end": False, "torch_dtype": "float16",
    }  # fmt: skip
    if kind == "llava_mistral":
        flat |= {
            "rope_theta": 1e6,
            "sliding_window": None,
            "mm_resampler_type": None,
            "tokenizer_model_max_length": 2048,
        }
    (folder / "config.json").write_text(json.dumps(flat))
    named = {}
    for name, tensor in load_file(like / "model.safetensors").items():
        name = name.replace("language_model.model.", "model.").replace("language_model.lm_head", "lm_head")
        name = name.replace("multi_modal_projector.linear_1", "model.mm_projector.0").replace(
            "multi_modal_projector.linear_2", "model.mm_projector.2"
        )
        name = name.replace("vision_tower.vision_model", "model.vision_tower.vision_tower.vision_model")
        if tower or "vision_tower" not in name:
            named[name] = (
                tensor[:VOCABULARY].clone() if name in ("lm_head.weight", "model.embed_tokens.weight") else tensor
            )
    named["model.layers.0.self_attn.rotary_emb.inv_freq"] = torch.ones(8)
    names = sorted(named)
    for number, half in enumerate((names[::2], names[1::2]), start=1):
        torch.save({name: named[name] for name in half}, folder / f"pytorch_model-0000{number}-of-00002.bin")
    tokenizer = json.loads((like / "tokenizer.json").read_text())
    tokenizer["added_tokens"] = [t for t in tokenizer["added_tokens"] if t["id"] < VOCABULARY]
    (folder / "tokenizer.json").write_text(json.dumps(tokenizer))
    (folder / "tokenizer_config.json").write_text(
        json.dumps({"tokenizer_class": "LlamaTokenizer", "bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>"})
    )
    return named


@pytest.fixture(scope="module")
def llava(tmp_path_factory):
    return write_llava(tmp_path_factory.mktemp("hf") / "llava")


@pytest.fixture
def clip(llava, tmp_path):
    return clip_of(llava, tmp_path / "clip")


def convert(*arguments):
    return CliRunner().invoke(app, ["chat", "convert", *map(str, arguments)])


def clip_of(like, folder):
    """The image encoder of a model as a CLIP folder has it."""
    folder.mkdir()
    held = json.loads((like / "config.json").read_text())["vision_config"]
    (folder / "config.json").write_text(json.dumps({"model_type": "clip", "vision_config": held}))
    own = {
        n.removeprefix("vision_tower."): t
        for n, t in load_file(like / "model.safetensors").items()
        if n.startswith("vision_tower.")
    }
    save_file({**own, "text_model.final_layer_norm.weight": torch.ones(4)}, folder / "model.safetensors")
    return folder


@pytest.mark.parametrize(("kind", "tower"), [("llava", True), ("llava", False), ("llava_mistral", True)])
def test_a_converted_model_gives_the_scores_of_the_one_in_transformers_layout(tmp_path, kind, tower):
    llava = {"llava": write_llava, "llava_mistral": write_llava_med}[kind](tmp_path / "hf")
    clip = clip_of(llava, tmp_path / "clip")
    write_original(tmp_path / "original", llava, tower, kind)
    shown = convert(tmp_path / "original", "--out", tmp_path / "out", "--vision-tower", clip)
    assert shown.exit_code == 0, shown.output
    text = json.loads((tmp_path / "out" / "config.json").read_text())["text_config"]
    assert text["model_type"] == {"llava": "llama", "llava_mistral": "mistral"}[kind]
    assert ("sliding_window" in text) == (kind == "llava_mistral") and text.get("sliding_window") is None
    views = [picture(n, 50, 40) for n in range(4)]
    turns = [Turn("human", "<image>\n" * 4 + "Write the report.")]
    found = []
    for folder in (tmp_path / "out", llava):
        model = load_chat_model(folder, torch.float32)
        pixels, prompter = model.adapter.pixels(views), model.prompter()
        ids = prompter.asked(turns, pixels.tokens, "x")
        with torch.no_grad():
            found.append(model.network(**batch_of([ids], None, [pixels], prompter).inputs()).logits[0, :, :VOCABULARY])
        assert model.tokenizer("The breast é</s>USER: x")["input_ids"][0] == 1
        assert model.tokenizer.decode(ids.tolist()).startswith("<s>") and (ids[1:] != 1).all()
    assert torch.allclose(found[0], found[1], atol=1e-5)
    network, info = transformers.LlavaForConditionalGeneration.from_pretrained(
        tmp_path / "out", output_loading_info=True
    )
    assert not any(info[kind] for kind in ("missing_keys", "unexpected_keys", "mismatched_keys"))
    assert network.config.text_config.vocab_size % 64 == 0 and network.config.image_token_id == VOCABULARY
    table = network.get_input_embeddings().weight
    assert torch.allclose(
        table[VOCABULARY:], table[:VOCABULARY].mean(dim=0).expand(len(table) - VOCABULARY, -1), atol=1e-6
    )
    processor = transformers.AutoProcessor.from_pretrained(tmp_path / "out")
    assert processor.image_processor.do_pad and processor.tokenizer.convert_tokens_to_ids("<pad>") == VOCABULARY + 1
    assert processor.image_processor.size.shortest_edge == SIDE_PX


def _without(folder, key):
    for path in folder.glob("*.bin"):
        tensors = torch.load(path)
        if key in tensors:
            del tensors[key]
            torch.save(tensors, path)


def _surplus(folder):
    path = folder / "pytorch_model-00001-of-00002.bin"
    torch.save({**torch.load(path), "model.mm_projector.4.weight": torch.ones(2)}, path)


def _set(folder, **fields):
    held = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**held, **fields}))


WRONG = {
    "layers.1.mlp.up_proj": lambda folder: _without(folder, "model.layers.1.mlp.up_proj.weight"),
    "mm_projector.4.weight": _surplus,
    "'linear'": lambda folder: _set(folder, mm_projector_type="linear"),
    "'llava_mpt'": lambda folder: _set(folder, model_type="llava_mpt"),
    "mm_use_im_start_end": lambda folder: _set(folder, mm_use_im_start_end=True),
    "no weights": lambda folder: [path.unlink() for path in folder.glob("*.bin")],
    "is not a checkpoint": lambda folder: next(folder.glob("*.bin")).write_bytes(b"PK broken"),
    "no tokeniser": lambda folder: (folder / "tokenizer.json").unlink(),
    "has 480 tokens": lambda folder: _set(folder, vocab_size=470),
}


@pytest.mark.parametrize("words", WRONG)
def test_what_is_wrong_is_one_sentence_and_nothing_is_written(llava, clip, tmp_path, words):
    write_original(tmp_path / "original", llava)
    WRONG[words](tmp_path / "original")
    shown = convert(tmp_path / "original", "--out", tmp_path / "out", "--vision-tower", clip)
    assert shown.exit_code == 2 and words in " ".join(shown.stderr.split()), shown.output
    assert not (tmp_path / "out").exists() and not list(tmp_path.glob(".out*"))


def test_an_encoder_that_is_nowhere_is_asked_for(llava, tmp_path):
    write_original(tmp_path / "original", llava, tower=False)
    shown = convert(tmp_path / "original", "--out", tmp_path / "out")
    assert shown.exit_code == 2 and "the image encoder tiny/clip" in shown.stderr and "--vision-tower" in shown.stderr
    _set(tmp_path / "original", mm_vision_tower="openai/clip-vit-large-patch14-336")
    shown = convert(tmp_path / "original", "--out", tmp_path / "out")
    assert shown.exit_code == 2 and "hold no image encoder" in shown.stderr and not (tmp_path / "out").exists()
