"""Tiny BioViL models and folders in the published layout, with random weights, for the tests of what stands on them."""

import json
from pathlib import Path

import torch

from mammoscribe.domain.view import Box
from mammoscribe.imaging.joint_pixels import JointPixels
from mammoscribe.imaging.placement import Placement
from mammoscribe.models.biovil.image_encoder import ImageEncoderConfig
from mammoscribe.models.biovil.image_model import JointImageConfig, JointImageModel
from mammoscribe.models.biovil.resnet import ResNetConfig
from mammoscribe.models.biovil.text_model import JointTextModel
from tests.parity.filled import filled, images

SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
WORDS = (
    "a",
    "mass",
    "in",
    "the",
    "left",
    "right",
    "breast",
    "no",
    "##es",
    "##m",
    "m",
    "##a",
    "new",
    "stable",
    ".",
    "!",
)
TINY_IMAGE = ImageEncoderConfig(ResNetConfig(3, stem=8, width=8, depths=(1, 1, 1, 1)), dim=32, blocks=1)


def tiny_image_model(takes_priors: bool = True, joint_dim: int = 16) -> JointImageModel:
    """An image model of some 60,000 parameters, none of them at its default."""
    model = JointImageModel(JointImageConfig(TINY_IMAGE, joint_dim, takes_priors))
    model.load_state_dict(filled(model.state_dict()))
    return model.eval()


def write_published_image(path: Path, takes_priors: bool = True, **changed: torch.Tensor | None) -> JointImageModel:
    """Write a checkpoint in the published layout, unused classifier included; `changed` adds keys, None drops them."""
    model = tiny_image_model(takes_priors)
    tensors = {
        **model.state_dict(),
        "encoder.encoder.fc.weight": torch.rand(10, 256),
        "encoder.encoder.fc.bias": torch.rand(10),
    }
    for key, value in changed.items():
        tensors.pop(key, None)
        if value is not None:
            tensors[key] = value
    torch.save(tensors, path)
    return model


def tiny_text_config(positions: int = 12) -> dict:
    """A `config.json` like the published one, remote-code fields included."""
    return {
        "architectures": ["CXRBertModel"],
        "auto_map": {"AutoModel": "modeling_cxrbert.CXRBertModel"},
        "model_type": "cxr-bert",
        "vocab_size": len(SPECIAL) + len(WORDS),
        "hidden_size": 32,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "intermediate_size": 64,
        "hidden_dropout_prob": 0.25,
        "attention_probs_dropout_prob": 0.25,
        "max_position_embeddings": positions,
        "layer_norm_eps": 1e-12,
        "projection_size": 16,
    }


def write_published_text(folder: Path, joint_dim: int | None = 16, **changed: torch.Tensor | None) -> JointTextModel:
    """Write a text folder in the published layout, with the legacy keys that are left out."""
    from transformers import BertConfig

    values = tiny_text_config()
    model = JointTextModel(BertConfig(**{k: v for k, v in values.items() if k != "model_type"}), joint_dim).eval()
    model.load_state_dict(filled(model.state_dict()))
    words = model.bert.embeddings.word_embeddings.weight.detach()
    tensors = {
        **model.state_dict(),
        "bert.embeddings.position_ids": torch.arange(12)[None],
        "bert.pooler.dense.weight": torch.rand(32, 32),
        "bert.pooler.dense.bias": torch.rand(32),
        "cls.predictions.decoder.weight": words.clone(),
        "cls.predictions.decoder.bias": model.state_dict()["cls.predictions.bias"].clone(),
    }
    for key, value in changed.items():
        tensors.pop(key, None)
        if value is not None:
            tensors[key] = value
    folder.mkdir(parents=True, exist_ok=True)
    torch.save(tensors, folder / "pytorch_model.bin")
    (folder / "config.json").write_text(json.dumps(values))
    (folder / "vocab.txt").write_text("\n".join((*SPECIAL, *WORDS)) + "\n")
    return model


def write_published_folder(folder: Path, takes_priors: bool = True) -> Path:
    """A folder with image and text in the published layout, as `BiovilSpace.load` takes it."""
    write_published_text(folder)
    name = "biovil_t_image_model_proj_size_128.pt" if takes_priors else "biovil_image_resnet50_proj_size_128.pt"
    write_published_image(folder / name, takes_priors)
    return folder


def picture(seed: int, side: int = 64) -> JointPixels:
    """A square picture of noise, as if prepared."""
    placement = Placement(side, side, False, 1.0, 1.0, 0.0, 0.0, side, side)
    return JointPixels(images(seed, side, side).numpy(), placement, Box(0, 0, side, side), "test")
