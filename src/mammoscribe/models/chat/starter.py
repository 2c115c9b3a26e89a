"""Folders of starter-chat: projector and updates of low rank, beside a reader and a language model that are found by digest."""

import json
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from mammoscribe.models.biovil.files import read_checkpoint
from mammoscribe.models.chat.base import BASE, base_folder, read_base_card, write_language
from mammoscribe.models.chat.card import ChatCard, canvas_from, write_card
from mammoscribe.models.chat.families import CONFIG, STARTER_CHAT, config_of
from mammoscribe.models.chat.family import Canvas, Preparation
from mammoscribe.models.chat.folder import files_beside, write_weights
from mammoscribe.models.chat.library import (
    PREPROCESSOR,
    in_one_sentence,
    library_class,
    preprocessing_place,
    quiet,
    transformers,
)
from mammoscribe.models.chat.lora import Lora, add_updates
from mammoscribe.models.chat.network import load_network, refuse_names
from mammoscribe.models.chat.place import weight_files
from mammoscribe.models.chat.starter_views import READER, SeenOnCanvas, StarterChat, ViewEncoder
from mammoscribe.models.reader.loading import load_reader, model_files
from mammoscribe.support.errors import InputError, InvalidNoun
from mammoscribe.support.files import write_text

STORED = torch.float16
FARTHEST = 8.0
"""Standard deviations from the mean beyond which a number of a token counts no more."""
LEAST_DEVIATION = 1e-3
"""Of a number of a token that hardly ever changes."""


@dataclass(frozen=True)
class Opened:
    """A folder of starter-chat before its network is built.

    Args:
        folder: of the chat model.
        base: of its language model.
        config: of `transformers`' LLaVA, around this language model.
        adapter: with the encoder of its reader.
        lora: the updates that it holds, None where it holds none.
    """

    folder: Path
    base: Path
    config: Any
    adapter: StarterChat
    lora: Lora | None


def open_starter(folder: Path, card: ChatCard | None) -> Opened:
    """What a folder of starter-chat says, with the reader and the language model that it names.

    Args:
        folder: with config.json and preprocessor_config.json.
        card: of the folder, None where it has none.

    Raises:
        InputError: for files that are absent or damaged, another reader than it was trained on, and a language model that
            is not there.
    """
    values = config_of(folder)
    try:
        base_sha256, image = str(values["base_sha256"]), int(values["image_token_id"])
        lora = None if values["lora"] is None else Lora(**values["lora"])
        canvas = canvas_from(preprocessing_place(folder)[2])
    except (KeyError, TypeError, ValueError, InvalidNoun) as error:
        found = f"{folder / CONFIG} or {PREPROCESSOR} beside it is not as written ({error})"
        raise InputError(found, "both files of one model", "fetch the folder again") from error
    if card is not None and card.preparation.canvas != canvas:
        raise InputError(f"{folder} names two readers", f"the same in {PREPROCESSOR} and the card", "fetch it again")
    adapter = StarterChat.opened(folder, values, STARTER_CHAT, Preparation(False, canvas=canvas))
    base = base_folder(folder, base_sha256)
    return Opened(folder, base, _config(base, adapter.width, image), adapter, lora)


def check_whole(folder: Path) -> None:
    """Look whether the language model of a starter-chat is there; no network is built.

    Raises:
        InputError: as `base_folder`.
    """
    base_folder(folder, str(config_of(folder).get("base_sha256")))


def _config(base: Path, width: int, image: int) -> Any:
    """The configuration of transformers' LLaVA: the language model as it is, and an image encoder in name only."""
    with in_one_sentence(CONFIG, base), quiet():
        text = library_class("AutoConfig").from_pretrained(str(base), local_files_only=True)
        vision = library_class("CLIPVisionConfig")(
            hidden_size=width,
            intermediate_size=1,
            num_hidden_layers=1,
            num_attention_heads=1,
            image_size=1,
            patch_size=1,
        )
        return library_class("LlavaConfig")(
            vision_config=vision, text_config=text, image_token_index=image, projector_hidden_act="gelu",
            vision_feature_select_strategy="full", vision_feature_layer=-1, tie_word_embeddings=text.tie_word_embeddings,
            pad_token_id=text.pad_token_id,
        )  # fmt: skip


def starter_network(opened: Opened, dtype: torch.dtype | None) -> Any:
    """The network with all weights, in evaluation mode on the CPU: transformers' LLaVA around the language model.

    Args:
        opened: the folder.
        dtype: of the weights; None is 32 bits, in which they are computed on a CPU.

    Raises:
        InputError: for a weight that is missing, left over or of another shape, naming the first of them.
    """
    network = _untrained(
        opened.config, load_network(opened.base, STARTER_CHAT, opened.config.text_config, torch.float32)
    )
    if opened.lora is not None:
        add_updates(network, opened.lora)
    own = {name: tensor for name, tensor in network.state_dict().items() if is_own(name)}
    found: dict[str, Tensor] = {}
    for file in weight_files(opened.folder):
        found |= read_checkpoint(file).tensors
    _check(opened.folder, own, found)
    network.load_state_dict({name: tensor.float() for name, tensor in found.items()}, strict=False)
    with quiet():  # on a CPU, plain attention with a mask takes a fifth of a training step less than torch's own
        network.model.language_model.set_attn_implementation("eager")
    return network.to(dtype or torch.float32).eval()


def _check(folder: Path, own: Mapping[str, Tensor], found: Mapping[str, Tensor]) -> None:
    refuse_names(folder, STARTER_CHAT, "holds no", sorted(own.keys() - found.keys()))
    refuse_names(folder, STARTER_CHAT, "holds a surplus", sorted(found.keys() - own.keys()))
    shapes = [
        f"{name} of shape {tuple(found[name].shape)}, not {tuple(tensor.shape)}"
        for name, tensor in own.items()
        if found[name].shape != tensor.shape
    ]
    refuse_names(folder, STARTER_CHAT, "holds", sorted(shapes))


def is_own(name: str) -> bool:
    """Whether a weight inside the network is of starter-chat itself: projector, what tokens are divided by, or an update."""
    return name.startswith(("model.multi_modal_projector.", "model.vision_tower.")) or ".lora_" in name


class _Handed(nn.Module):
    """In the place of LLaVA's image encoder: the tokens of the reader's encoder, standardised, in the type of the network.

    Its maps are of very unlike size; what is standardised is learned from many times faster.

    Args:
        mean, deviation: [D] of each number of a token.
    """

    mean: Tensor
    deviation: Tensor

    def __init__(self, mean: Tensor, deviation: Tensor) -> None:
        super().__init__()
        self.register_buffer("mean", mean)
        self.register_buffer("deviation", deviation)

    def forward(self, pixel_values: Tensor, **_: Any) -> Any:
        apart = (pixel_values.float() - self.mean.float()) / self.deviation.float()
        tokens = apart.clamp(-FARTHEST, FARTHEST).to(self.mean.dtype)
        output = transformers().modeling_outputs.BaseModelOutputWithPooling
        return output(last_hidden_state=tokens, hidden_states=(tokens,))


def _untrained(config: Any, language: Any) -> Any:
    """LLaVA around a language model, its projector at random, tokens as they are.

    Only the frame is built by its class; a second language model of this size would take a second and half a gigabyte.
    """
    frame = library_class("LlavaConfig").from_dict(config.to_dict())
    frame.text_config.num_hidden_layers, frame.text_config.vocab_size = 1, max(frame.image_token_id + 1, 8)
    network = library_class("LlavaForConditionalGeneration")(frame)
    network.model.language_model, network.lm_head = language.model, language.lm_head
    width = config.vision_config.hidden_size
    network.model.vision_tower = _Handed(torch.zeros(width), torch.ones(width))
    network.config = network.model.config = config
    network.generation_config = language.generation_config
    return network


def begin_starter(out: Path, base: Path, reader: str, views: Iterable[np.ndarray] = (), seed: int = 0) -> None:
    """Write a starter-chat that has learned nothing: a projector at random between a reader and a language model.

    Args:
        out: an existing, empty folder.
        base: folder of a language model that `import_base` has written. One outside the weights folder is copied.
        reader: name of the package's reader, or a folder, which is copied.
        views: uint8 [H, W], by whose tokens all tokens are standardised; without any they stay as they are.
        seed: of the projector.

    Raises:
        InputError: for a reader or language model that cannot be used.
    """
    about, files = read_base_card(base), model_files(reader)
    if Path(reader).is_dir():
        (out / READER).mkdir()
        for file in files:
            shutil.copyfile(file, out / READER / file.name)
    given = load_reader(reader)
    encoder, config = ViewEncoder(given), given.card.config
    canvas = Canvas(given.card.name, given.card.weights_sha256, config.canvas_px, config.um_per_px)
    image = _image_token(base)
    _write_config(out, about.weights_sha256, image, canvas, None)
    try:
        found = base_folder(out, about.weights_sha256)
    except InputError:
        found = shutil.copytree(base, out / BASE)
    language = load_network(found, STARTER_CHAT, _text_config(found), torch.float32)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = _untrained(_config(found, encoder.width, image), language)
    seen = [SeenOnCanvas(encoder, canvas)(view) for view in views]
    if seen:
        mean, deviation = _spread(torch.cat(seen))
        network.model.vision_tower = _Handed(mean, deviation)
    write_weights({n: t.to(STORED) for n, t in network.state_dict().items() if is_own(n)}, out)
    card = ChatCard(
        "starter-chat, untrained", STARTER_CHAT.name, STARTER_CHAT.licence, Preparation(False, canvas=canvas),
        about.weights_sha256,
    )  # fmt: skip
    write_card(card, out)


def _spread(tokens: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and standard deviation of each number of [N, D] tokens."""
    return tokens.mean(dim=0), tokens.std(dim=0, correction=0).clamp_min(LEAST_DEVIATION)


def _text_config(base: Path) -> Any:
    with in_one_sentence(CONFIG, base), quiet():
        return library_class("AutoConfig").from_pretrained(str(base), local_files_only=True)


def _image_token(base: Path) -> int:
    with in_one_sentence("the tokeniser", base), quiet():
        tokenizer = library_class("AutoTokenizer").from_pretrained(str(base), local_files_only=True)
        found = tokenizer.convert_tokens_to_ids(STARTER_CHAT.image_token)
    if found is None or found == tokenizer.unk_token_id:
        raise InputError(f"the tokeniser in {base} has no {STARTER_CHAT.image_token}", "that of SmolLM2")
    return int(found)


def write_starter(tensors: Mapping[str, Tensor], start: Path, card: ChatCard, lora: Lora | None, out: Path) -> None:
    """Write the folder of a starter-chat that was trained: projector and updates in 16 bits.

    Args:
        tensors: weights under their names inside the network. Those of the language model are left out, unless it is in the
            folder that the training began with.
        start: that folder; a reader in it is copied.
        card: of the model.
        lora: the updates among the weights, None where there are none.
        out: an existing, empty folder.
    """
    assert card.preparation.canvas is not None
    values = config_of(start)
    write_weights({name: tensor.to(STORED) for name, tensor in tensors.items() if is_own(name)}, out)
    for name, content in files_beside(start).items():
        (out / name).write_bytes(content)
    if (start / READER).is_dir():
        shutil.copytree(start / READER, out / READER)
    base = str(values["base_sha256"])
    if (start / BASE).is_dir():
        base = write_language(tensors, start / BASE, out / BASE)
    _write_config(out, base, values["image_token_id"], card.preparation.canvas, lora)
    write_card(card, out)


def _write_config(out: Path, base_sha256: str, image: int, canvas: Canvas, lora: Lora | None) -> None:
    config = {
        "model_type": STARTER_CHAT.model_types[0], "base_sha256": base_sha256, "image_token_id": image,
        "lora": None if lora is None else {"rank": lora.rank, "alpha": lora.alpha, "dropout": 0.0}, "dtype": "float16",
    }  # fmt: skip
    write_text(out / CONFIG, json.dumps(config, indent=1) + "\n")
    write_text(out / PREPROCESSOR, json.dumps(asdict(canvas), indent=1) + "\n")
