"""What a run of the text stage begins with: the model of --init, or a new one with a vocabulary trained on the run's own texts."""

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from mammoscribe.models.biovil.files import load_strictly
from mammoscribe.models.biovil.text_folder import TOKENIZER_FILES, VOCABULARY, text_weights_at
from mammoscribe.models.biovil.text_model import JointTextModel, bert_config, bert_tokenizer, load_text_model
from mammoscribe.support.errors import InputError, InvalidNoun
from mammoscribe.support.lookup import look_up
from mammoscribe.training.engine.collectives import from_first
from mammoscribe.training.text.pieces import Pieces
from mammoscribe.training.text.texts import Texts, evenly
from mammoscribe.training.text.vocabulary import train_vocabulary, vocabulary_file

PRESETS: Mapping[str, Mapping[str, Any]] = {
    "base": {
        "vocab_size": 30_522, "hidden_size": 768, "num_hidden_layers": 12, "num_attention_heads": 12,
        "intermediate_size": 3072, "hidden_dropout_prob": 0.25, "attention_probs_dropout_prob": 0.25,
        "max_position_embeddings": 512,
    },
    "starter": {
        "vocab_size": 8000, "hidden_size": 256, "num_hidden_layers": 4, "num_attention_heads": 4,
        "intermediate_size": 1024, "hidden_dropout_prob": 0.1, "attention_probs_dropout_prob": 0.1,
        "max_position_embeddings": 512,
    },
    "debug": {
        "vocab_size": 300, "hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 64,
        "hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0, "max_position_embeddings": 64,
    },
}  # fmt: skip
"""Shapes of a new model; `base` is that of CXR-BERT and BioViL-T. The vocabulary may turn out smaller."""
SHARED = {"layer_norm_eps": 1e-12, "type_vocab_size": 2, "pad_token_id": 0, "hidden_act": "gelu"}
NEW = "starter"
"""Preset of a new model where none is named."""
JOINT_DIM = 128
"""Dimensions of the published joint space."""


@dataclass(frozen=True)
class Shape:
    """The model of a run, and what its vocabulary is trained on where it is new.

    Args:
        preset: of a new model, `base`, `starter` or `debug`; none takes the model of --init, or `starter` without it.
        vocab_size: pieces of a new vocabulary; none is the preset's.
        vocabulary_texts: texts of each dataset that a new vocabulary is trained on, evenly spaced.
        max_tokens: of one text; none is as many as the model has positions for.
    """

    preset: str | None = None
    vocab_size: int | None = None
    vocabulary_texts: int = 100_000
    max_tokens: int | None = None

    def __post_init__(self) -> None:
        if self.preset is not None:
            look_up(self.preset, PRESETS, "preset of a text model")
        if self.vocabulary_texts < 1:
            raise InvalidNoun(f"vocabulary_texts {self.vocabulary_texts}", "1 or more")


@dataclass(frozen=True)
class Start:
    """A model that is trained, its tokeniser, and the files of that tokeniser as they are written in the end."""

    model: JointTextModel
    pieces: Pieces
    files: Mapping[str, bytes]


def text_start(
    init: Path | None, shape: Shape, texts: Sequence[Texts], seed: int, projects: bool, joint_dim: int | None = None
) -> Start:  # fmt: skip
    """The model that a run begins with; all processes get the same.

    Args:
        init: a text folder, its weights file, or a run of the text stage; None makes a new model.
        shape: of a new model.
        texts: the training texts of each dataset.
        seed: of new weights.
        projects: whether the model has a projection head; that of `init` is left out where it has none.
        joint_dim: dimensions of the head; None is those of `init`, or the published ones.

    Raises:
        InputError: when there is no such model, it has another number of dimensions, or `shape` says what only a new model
            can be given.
    """
    torch.manual_seed(seed)
    make = _new(shape, texts) if init is None else _loaded(init, shape)
    there = None if make.before is None else make.before.joint_dim
    if None not in (joint_dim, there) and joint_dim != there:
        raise InputError(f"joint_dim {joint_dim} for {init}, which projects to {there}", f"{there}, or none")
    dim = (joint_dim or there or JOINT_DIM) if projects else None
    model = JointTextModel(make.config, dim)
    for name in ("bert", "cls", "cls_projection_head"):
        before, new = getattr(make.before, name, None), getattr(model, name)
        if before is not None and new is not None:
            load_strictly(new, before.state_dict(), str(init))
    positions = model.max_tokens
    most = positions if shape.max_tokens is None else shape.max_tokens
    if most > positions:
        raise InputError(f"max_tokens {most}", f"at most {positions}, the positions of the model")
    return Start(model, Pieces(make.tokenizer, most), make.files)


@dataclass(frozen=True)
class _Make:
    """What a model is made of: its configuration and tokeniser, and the model whose weights it takes over."""

    config: Any
    tokenizer: Any
    files: Mapping[str, bytes]
    before: JointTextModel | None = None


def _new(shape: Shape, texts: Sequence[Texts]) -> _Make:
    values = {**SHARED, **PRESETS[shape.preset or NEW]}
    size = values["vocab_size"] if shape.vocab_size is None else shape.vocab_size
    chosen = [some[place] for some in texts for place in evenly(len(some), shape.vocabulary_texts).tolist()]
    words = from_first(train_vocabulary(chosen, size))
    files, config = {VOCABULARY: vocabulary_file(words)}, bert_config(values | {"vocab_size": len(words)})
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / VOCABULARY).write_bytes(files[VOCABULARY])
        return _Make(config, bert_tokenizer(Path(folder), config), files)


def _loaded(init: Path, shape: Shape) -> _Make:
    if shape.preset is not None or shape.vocab_size is not None:
        raise InputError("a preset or vocab_size beside --init, whose model has both", "one of them")
    folder = text_weights_at(init).parent
    found = load_text_model(folder)
    files = {name: (folder / name).read_bytes() for name in TOKENIZER_FILES if (folder / name).is_file()}
    return _Make(found.model.bert.config, found.tokenizer, files, found.model)
