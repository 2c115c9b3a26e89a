"""DeepSeek-VL in the layout of its own repository, written anew: every weight in its place, the same scores."""

import json
import re
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch.nn import functional as F
from typer.testing import CliRunner

from mammoscribe.cli import app
from mammoscribe.data.records import Turn
from mammoscribe.models.chat.batch import batch_of
from mammoscribe.models.chat.chat_model import load_chat_model
from tests.models.tiny_chat import PATCH_PX, SIDE_PX, picture
from tests.models.tiny_families import CLASSES, CLIP_MEAN, CLIP_STD, HALF, HIGH_PX, WRITERS

transformers = pytest.importorskip("transformers")
KINDS = ["deepseek-vl", "deepseek-vl-hybrid"]
RENAMED = (
    ("model.vision_model.vision_model.", "TOWER."), ("model.high_res_vision_model.vision_encoder.", "HIGH."),
    ("model.high_res_vision_neck.conv1", "HIGH.neck_hd.0"), ("model.high_res_vision_neck.layer_norm1", "HIGH.neck_hd.1"),
    ("model.high_res_vision_neck.conv2", "HIGH.neck_hd.2"), ("model.high_res_vision_neck.layer_norm2", "HIGH.neck_hd.3"),
    ("model.high_res_vision_proj.conv1", "HIGH.downsamples.0"), ("model.high_res_vision_proj.conv2", "HIGH.downsamples.1"),
    ("model.high_res_vision_alpha", "HIGH.hd_alpha_downsamples"), ("HIGH.neck.conv1", "HIGH.neck.0"),
    ("HIGH.neck.layer_norm1", "HIGH.neck.1"), ("HIGH.neck.conv2", "HIGH.neck.2"), ("HIGH.neck.layer_norm2", "HIGH.neck.3"),
    ("HIGH.layers.", "HIGH.blocks."), ("patch_embed.projection", "patch_embed.proj"), ("TOWER.encoder.layers.", "TOWER.blocks."),
    ("embeddings.position_embedding.weight", "pos_embed"), ("embeddings.patch_embedding", "patch_embed.proj"),
    ("post_layernorm", "norm"), ("self_attn.out_proj", "attn.proj"), (".layer_norm", ".norm"),
    ("model.aligner.linear1", "aligner.layers.0"), ("model.aligner.linear2", "aligner.layers.2"),
    ("model.aligner.vision_proj", "aligner.low_up_proj"), ("model.aligner.high_res_vision_proj", "aligner.high_up_proj"),
    ("model.aligner.proj", "aligner.layers.1"), ("model.language_model.", "language_model.model."),
)  # fmt: skip
"""Names in the folders of deepseek-community -> in the original, one replacement after the other."""


def write_original(folder: Path, like: Path, kind: str) -> dict[str, torch.Tensor]:
    """The weights of a folder of deepseek-community as deepseek-ai publishes them, with what nothing depends on."""
    folder.mkdir()
    hybrid, named = kind == "deepseek-vl-hybrid", {}
    tower = "vision_model.vision_tower_low.vision_tower." if hybrid else "vision_model.vision_tower."
    for name, tensor in load_file(like / "model.safetensors").items():
        for found, new in RENAMED:
            name = name.replace(found, new)
        name = name.replace("TOWER.", tower).replace("HIGH.", "vision_model.vision_tower_high.vision_tower.")
        if name == "lm_head.weight":
            name = "language_model.lm_head.weight"
        named[name] = tensor[None] if name == f"{tower}pos_embed" else tensor
    for name in [n for n in named if ".self_attn.q_proj." in n and n.startswith(tower)]:
        own = [named.pop(name.replace("q_proj", f"{part}_proj")) for part in "qkv"]
        named[name.replace("self_attn.q_proj", "attn.qkv")] = torch.cat(own)
    named[f"{tower}attn_pool.latent"] = torch.ones(1, 1, 128)
    if hybrid:
        named |= {
            f"vision_model.{size}_layer_norm.{part}": torch.ones(4)
            for size in ("high", "low")
            for part in ("weight", "bias")
        }
    names = sorted(named)
    for number, half in enumerate((names[::2], names[1::2]), start=1):
        save_file({n: named[n].contiguous() for n in half}, folder / f"model-0000{number}-of-00002.safetensors")
    _write_files(folder, like, hybrid)
    return named


def _write_files(folder: Path, like: Path, hybrid: bool) -> None:
    held = json.loads((like / "config.json").read_text())["text_config"]
    text = {key: held[key] for key in (
        "hidden_size", "intermediate_size", "num_hidden_layers", "num_attention_heads", "num_key_value_heads", "vocab_size",
        "max_position_embeddings",
    )}  # fmt: skip
    low = {
        "image_size": SIDE_PX,
        "model_name": "siglip_large_patch16_384",
        "select_feature": "same",
        "select_layer": -1,
    }
    high = {
        "image_size": HIGH_PX,
        "model_name": "sam_b_downsample",
        "output_dim": 1024,
        "pixel_mean": CLIP_MEAN,
        "pixel_std": CLIP_STD,
    }
    params = {"high_res_cfg": high, "low_res_cfg": {**low, "pixel_mean": HALF, "pixel_std": HALF}} if hybrid else low
    config = {
        "model_type": "multi_modality", "architectures": ["MultiModalityCausalLM"], "torch_dtype": "float16",
        "aligner_config": {"cls": "MlpProjector", "params": {
            "depth": 2, "projector_type": "low_high_hybrid_split_mlp_gelu" if hybrid else "mlp_gelu",
        }},
        "language_config": {**text, "model_type": "llama", "torch_dtype": "float16"},
        "vision_config": {"cls": "HybridVisionTower" if hybrid else "CLIPVisionTower", "params": params},
    }  # fmt: skip
    (folder / "config.json").write_text(json.dumps(config))
    prepared = {
        "image_processor_type": "VLMImageProcessor",
        "image_size": HIGH_PX if hybrid else SIDE_PX,
        "min_size": 14,
    }
    prepared |= {
        "do_normalize": not hybrid,
        "image_mean": CLIP_MEAN if hybrid else HALF,
        "image_std": CLIP_STD if hybrid else HALF,
    }
    (folder / "preprocessor_config.json").write_text(json.dumps(prepared))
    tokenizer = json.loads((like / "tokenizer.json").read_text())
    tokenizer["added_tokens"] = [t for t in tokenizer["added_tokens"] if t["content"] != "<image_placeholder>"]
    tokenizer["post_processor"] = None  # the first token was put there by the Python code of LlamaTokenizerFast
    (folder / "tokenizer.json").write_text(json.dumps(tokenizer))
    about = json.loads((like / "tokenizer_config.json").read_text())
    about["added_tokens_decoder"] = {
        k: v for k, v in about["added_tokens_decoder"].items() if v["content"] != "<image_placeholder>"
    }
    (folder / "tokenizer_config.json").write_text(json.dumps(about))


def convert(*arguments):
    return CliRunner().invoke(app, ["chat", "convert", *map(str, arguments)])


@pytest.fixture(scope="module", params=KINDS)
def kind(request):
    return request.param


@pytest.fixture(scope="module")
def hub(kind, tmp_path_factory):
    return WRITERS[kind](tmp_path_factory.mktemp("published") / "hub")


def test_a_converted_model_gives_the_scores_of_the_one_in_transformers_layout(kind, hub, tmp_path):
    write_original(tmp_path / "original", hub, kind)
    shown = convert(tmp_path / "original", "--out", tmp_path / "out")
    assert shown.exit_code == 0, shown.output
    views, turns = [picture(n, 50, 40) for n in range(4)], [Turn("human", "<image>\n" * 4 + "Write the report é.")]
    found = []
    for folder in (tmp_path / "out", hub):
        model = load_chat_model(folder, torch.float32)
        pixels, prompter = model.adapter.pixels(views), model.prompter()
        ids = prompter.asked(turns, pixels.tokens, "x")
        with torch.no_grad():
            found.append(
                (model.network(**batch_of([ids], None, [pixels], prompter).inputs()).logits[0], ids.tolist(), pixels)
            )
    assert found[0][1] == found[1][1]
    assert torch.allclose(found[0][0], found[1][0], atol=1e-5)
    assert all(torch.allclose(t, found[1][2].tensors[n], atol=1e-5) for n, t in found[0][2].tensors.items())
    _, info = getattr(transformers, CLASSES[kind]).from_pretrained(tmp_path / "out", output_loading_info=True)
    assert not any(info[key] for key in ("missing_keys", "unexpected_keys", "mismatched_keys"))
    processor = transformers.AutoProcessor.from_pretrained(tmp_path / "out")
    text = processor.tokenizer.decode(found[0][1]).replace("<image_placeholder>" * 4, "<image_placeholder>")
    assert processor.tokenizer(text.removeprefix(processor.tokenizer.bos_token))["input_ids"][0] == found[0][1][0]
    assert processor.num_image_tokens == 4
    held = [json.loads((place / "config.json").read_text())["text_config"] for place in (tmp_path / "out", hub)]
    assert all(held[0][key] == held[1][key] for key in ("bos_token_id", "eos_token_id"))


def test_the_image_encoder_is_that_of_the_original_in_plain_torch(kind, hub, tmp_path):
    """A vision transformer of timm, written out: norm before attention and MLP, one matrix for q, k and v, exact GELU."""
    held = write_original(tmp_path / "original", hub, kind)
    tower = "vision_model.vision_tower_low.vision_tower." if kind.endswith("hybrid") else "vision_model.vision_tower."
    w = {name.removeprefix(tower): tensor for name, tensor in held.items() if name.startswith(tower)}
    pixels = torch.randn(2, 3, SIDE_PX, SIDE_PX, generator=torch.Generator().manual_seed(0))
    x = (
        F.conv2d(pixels, w["patch_embed.proj.weight"], w["patch_embed.proj.bias"], stride=PATCH_PX).flatten(2).mT
        + w["pos_embed"]
    )
    norm = lambda x, name: F.layer_norm(x, x.shape[-1:], w[f"{name}.weight"], w[f"{name}.bias"], 1e-6)  # noqa: E731
    line = lambda x, name: F.linear(x, w[f"{name}.weight"], w[f"{name}.bias"])  # noqa: E731
    for n in range(2):
        q, k, v = line(norm(x, f"blocks.{n}.norm1"), f"blocks.{n}.attn.qkv").view(2, 4, 3, 2, 64).permute(2, 0, 3, 1, 4)
        seen = ((q @ k.mT) / 8).softmax(dim=-1) @ v
        x = x + line(seen.transpose(1, 2).reshape(2, 4, 128), f"blocks.{n}.attn.proj")
        x = x + line(F.gelu(line(norm(x, f"blocks.{n}.norm2"), f"blocks.{n}.mlp.fc1")), f"blocks.{n}.mlp.fc2")
    assert convert(tmp_path / "original", "--out", tmp_path / "out").exit_code == 0
    network = load_chat_model(tmp_path / "out", torch.float32).network
    with torch.no_grad():
        assert torch.allclose(network.model.vision_model(pixels).last_hidden_state, norm(x, "norm"), atol=1e-4)


def _tensors(folder, change):
    for path in folder.glob("*.safetensors"):
        tensors = load_file(path)
        change(tensors)
        save_file(tensors, path)


def _config(folder, change):
    held = json.loads((folder / "config.json").read_text())
    change(held)
    (folder / "config.json").write_text(json.dumps(held))


WRONG = {
    "layers.1.mlp.up_proj": lambda f: _tensors(
        f, lambda t: t.pop("language_model.model.layers.1.mlp.up_proj.weight", None)
    ),
    "surplus aligner.layers.7.weight": lambda f: _tensors(
        f, lambda t: t.update({"aligner.layers.7.weight": torch.ones(2)})
    ),
    "holds no model.vision_model": lambda f: _tensors(
        f, lambda t: [t.pop(n) for n in list(t) if n.endswith("patch_embed.proj.weight")]
    ),
    "no lm_head": lambda f: _tensors(f, lambda t: t.pop("language_model.lm_head.weight", None)),
    "eva02": lambda f: _config(
        f, lambda c: c["vision_config"].update(params={"model_name": "eva02", "image_size": 28})
    ),
    "no configuration of DeepSeek-VL": lambda f: _config(f, lambda c: c.pop("aligner_config")),
    "no vocab_size": lambda f: _config(f, lambda c: c["language_config"].pop("vocab_size")),
    "would be token 422": lambda f: _config(f, lambda c: c["language_config"].update(vocab_size=422)),
    "no tokenizer.json": lambda f: (f / "tokenizer.json").unlink(),
    "does not say how pictures": lambda f: (f / "preprocessor_config.json").unlink(),
    "no weights": lambda f: [path.unlink() for path in f.glob("*.safetensors")],
}


@pytest.mark.parametrize("words", WRONG)
def test_what_is_wrong_is_one_sentence_and_nothing_is_written(kind, hub, tmp_path, words):
    write_original(tmp_path / "original", hub, kind)
    WRONG[words](tmp_path / "original")
    shown = convert(tmp_path / "original", "--out", tmp_path / "out")
    said = re.sub(r"\s+", " ", shown.stderr)
    if kind.endswith("hybrid") and words == "eva02":
        words = "no configuration of DeepSeek-VL"
    assert shown.exit_code == 2 and words in said, shown.output
    assert not (tmp_path / "out").exists() and not list(tmp_path.glob(".out*"))


def test_an_image_encoder_from_elsewhere_is_not_taken(kind, hub, tmp_path):
    write_original(tmp_path / "original", hub, kind)
    shown = convert(tmp_path / "original", "--out", tmp_path / "out", "--vision-tower", hub)
    assert shown.exit_code == 2 and "--vision-tower with" in shown.stderr and not (tmp_path / "out").exists()
