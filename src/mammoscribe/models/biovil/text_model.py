"""The published text models: PubMedBERT, CXR-BERT-general, CXR-BERT-specialized and BioViL-T's BERT, from their folders.

A folder holds `config.json`, `vocab.txt` and `pytorch_model.bin` or `model.safetensors`. It is read through the plain
BERT classes of `transformers` (extra `biovil`) and our own heads; no code of the folder is run, nothing is fetched.

Tokeniser. WordPiece, lower case, accents stripped. Ids come from the folder's vocabulary, where `[PAD]` = 0, `[UNK]` = 1,
`[CLS]` = 2, `[SEP]` = 3, `[MASK]` = 4, not the ids of `bert-base-uncased`. `transformers` 5 has the fast tokeniser only;
the reference used the slow one. They differ on unassigned code points alone: the slow one drops them, the fast one keeps
them (as `[UNK]`).
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mammoscribe.models.biovil.files import load_strictly, read_checkpoint, split_ignored
from mammoscribe.support.errors import InputError, install_extra

IGNORED = re.compile(
    r"bert\.embeddings\.position_ids$|bert\.pooler\.|cls\.seq_relationship\.|cls\.predictions\.decoder\."
)
"""Keys left out and reported: a counting buffer, BERT's pooler and next-sentence head, and the tied copies of the
masked-token head (which have to be equal to what they are tied to)."""
WEIGHTS = ("model.safetensors", "pytorch_model.bin")
SHAPE = (
    "vocab_size", "hidden_size", "num_hidden_layers", "num_attention_heads", "intermediate_size", "hidden_act",
    "hidden_dropout_prob", "attention_probs_dropout_prob", "max_position_embeddings", "type_vocab_size",
    "layer_norm_eps", "pad_token_id",
)  # fmt: skip
EXTRA = install_extra("biovil")


class TextOutput(NamedTuple):
    """What a text model gives for N texts of T tokens; nothing is normalised.

    Args:
        hidden: [N, T, D], last hidden states.
        projected: [N, J], the projected `[CLS]`; None where the model has no projection head.
        logits: [N, T, V] of the masked-token head, only when asked for.
    """

    hidden: Tensor
    projected: Tensor | None
    logits: Tensor | None


class ProjectionHead(nn.Module):
    """From the `[CLS]` state to the joint space; attribute names are the published checkpoint's."""

    def __init__(self, hidden: int, joint_dim: int) -> None:
        super().__init__()
        self.dense_to_hidden = nn.Linear(hidden, joint_dim)
        self.LayerNorm = nn.LayerNorm(joint_dim, eps=1e-12)
        self.dense_to_output = nn.Linear(joint_dim, joint_dim)

    def forward(self, x: Tensor) -> Tensor:
        """[N, D] -> [N, J]."""
        return self.dense_to_output(self.LayerNorm(F.gelu(self.dense_to_hidden(x))))


class _Transform(nn.Module):
    def __init__(self, hidden: int, eps: float) -> None:
        super().__init__()
        self.dense, self.LayerNorm = nn.Linear(hidden, hidden), nn.LayerNorm(hidden, eps=eps)

    def forward(self, x: Tensor) -> Tensor:
        return self.LayerNorm(F.gelu(self.dense(x)))


class MaskedTokenHead(nn.Module):
    """BERT's masked-token head; its output matrix is the word embedding, which the caller gives."""

    def __init__(self, hidden: int, vocabulary: int, eps: float) -> None:
        super().__init__()
        self.transform = _Transform(hidden, eps)
        self.bias = nn.Parameter(torch.zeros(vocabulary))

    def forward(self, x: Tensor, words: Tensor) -> Tensor:
        """[N, T, D] and [V, D] -> [N, T, V]."""
        return F.linear(self.transform(x), words, self.bias)


class JointTextModel(nn.Module):
    """BERT with a projection head and a masked-token head, either of which a folder may lack."""

    def __init__(self, config: Any, joint_dim: int | None = None, masked: bool = True) -> None:
        super().__init__()
        self.bert = bert_layers(config)
        eps = config.layer_norm_eps
        head = MaskedTokenHead(config.hidden_size, config.vocab_size, eps) if masked else None
        self.cls = nn.ModuleDict({"predictions": head}) if head is not None else None
        self.cls_projection_head = None if joint_dim is None else ProjectionHead(config.hidden_size, joint_dim)
        self.joint_dim = joint_dim

    @property
    def max_tokens(self) -> int:
        """Tokens that fit, `[CLS]` and `[SEP]` among them."""
        return self.bert.config.max_position_embeddings

    def forward(self, ids: Tensor, mask: Tensor, logits: bool = False) -> TextOutput:
        """Encode token ids [N, T] with their attention mask [N, T]; the masked-token head runs only for `logits`."""
        hidden = self.bert(input_ids=ids, attention_mask=mask).last_hidden_state
        projected = None if self.cls_projection_head is None else self.cls_projection_head(hidden[:, 0])
        if not logits:
            return TextOutput(hidden, projected, None)
        if self.cls is None:
            raise InputError("logits of a text model without masked-token head")
        return TextOutput(
            hidden, projected, self.cls["predictions"](hidden, self.bert.embeddings.word_embeddings.weight)
        )

    def logits_at(self, ids: Tensor, mask: Tensor, chosen: Tensor) -> Tensor:
        """[M, V]: logits of the masked-token head at the M positions that `chosen`, [N, T] bool, names, and no others."""
        if self.cls is None:
            raise InputError("logits of a text model without masked-token head")
        hidden = self(ids, mask).hidden[chosen]
        return self.cls["predictions"](hidden, self.bert.embeddings.word_embeddings.weight)

    def project(self, ids: Tensor, mask: Tensor) -> Tensor:
        """Token ids [N, T] and attention mask [N, T] -> [N, J], the projected `[CLS]`, not normalised."""
        projected = self(ids, mask).projected
        if projected is None:
            raise InputError("an embedding of a text model without projection head", "one of the joint space")
        return projected


@dataclass(frozen=True)
class Tokens:
    """Token ids and attention mask, [N, T] each, padded to the longest; `cut` names the rows that were too long."""

    ids: Tensor
    mask: Tensor
    cut: tuple[int, ...]


@dataclass(frozen=True)
class LoadedTextModel:
    """A text model in evaluation mode with its tokeniser, where it came from, and which keys are not used."""

    model: JointTextModel
    tokenizer: Any
    file: str
    sha256: str
    source_sha256: str
    ignored: tuple[str, ...]

    def tokens(self, texts: Sequence[str], truncate: bool = False) -> Tokens:
        """Tokenise; a text of more than `max_tokens` is refused, or with `truncate` cut before its `[SEP]` and named."""
        limit = self.model.max_tokens
        rows = self.tokenizer(list(texts), add_special_tokens=True, verbose=False)["input_ids"]
        cut = tuple(i for i, row in enumerate(rows) if len(row) > limit)
        if cut and not truncate:
            raise InputError(f"text {cut[0] + 1} has {len(rows[cut[0]])} tokens", f"at most {limit}", "shorten it")
        rows = [row if len(row) <= limit else [*row[: limit - 1], row[-1]] for row in rows]
        width = max(map(len, rows), default=0)
        pad = self.tokenizer.pad_token_id
        ids = torch.tensor([row + [pad] * (width - len(row)) for row in rows], dtype=torch.long)
        mask = torch.tensor([[1] * len(row) + [0] * (width - len(row)) for row in rows], dtype=torch.long)
        return Tokens(ids.reshape(len(rows), width), mask.reshape(len(rows), width), cut)


def load_text_model(folder: Path) -> LoadedTextModel:
    """Load a published Hugging Face folder, or one that `mammoscribe weights import` wrote.

    Raises:
        InputError: without `transformers`, or for a folder whose files are absent, damaged or of another layout.
    """
    path = text_weights(folder)
    config = _config(folder)
    found = read_checkpoint(path)
    kept, ignored = split_ignored(found.tensors, IGNORED)
    tensors = {name: found.tensors[name] for name in kept}
    _check_ties({**found.tensors}, found.file)
    head = tensors.get("cls_projection_head.dense_to_output.weight")
    masked = any(name.startswith("cls.predictions.") for name in tensors)
    try:
        model = JointTextModel(config, None if head is None else head.shape[0], masked)
    except (ValueError, KeyError, IndexError) as error:
        raise _no_bert(folder / "config.json", error) from error
    load_strictly(model, tensors, found.file)
    tokenizer = bert_tokenizer(folder, config)
    return LoadedTextModel(model.eval(), tokenizer, found.file, found.sha256, found.source_sha256, ignored)


def text_weights(folder: Path) -> Path:
    """The weights of a text folder; safetensors first. InputError where there are none."""
    for name in WEIGHTS:
        if (folder / name).is_file():
            return folder / name
    raise InputError(f"no text weights in {folder}", " or ".join(WEIGHTS), "see `mammoscribe weights list`")


def _transformers() -> Any:
    try:
        import transformers
    except ImportError as error:
        raise InputError("the BioViL text models need transformers, which is not installed", "", EXTRA) from error
    return transformers


def _config(folder: Path) -> Any:
    """BERT's shape from `config.json`; fields that carry remote code are not looked at."""
    path = folder / "config.json"
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
        shape = {name: values[name] for name in SHAPE if name in values}
        if values.get("position_embedding_type", "absolute") != "absolute":
            raise ValueError("positions that are not absolute")
    except (OSError, ValueError, AttributeError) as error:
        raise _no_bert(path, error) from error
    _transformers()
    try:
        return bert_config(shape)
    except Exception as error:  # its validation has errors of its own, which differ between versions
        raise _no_bert(path, error) from error


def bert_config(values: Mapping[str, Any]) -> Any:
    """The configuration of a BERT from its fields, as `JointTextModel` takes it; InputError without `transformers`."""
    return _transformers().BertConfig(**values)


def bert_layers(config: Any) -> Any:
    """A BERT of this configuration with new weights, without pooling layer; InputError without `transformers`."""
    return _transformers().BertModel(config, add_pooling_layer=False)


def _no_bert(path: Path, error: Exception) -> InputError:
    reason = " ".join(str(error).split())[:120]
    return InputError(f"{path} is not the configuration of a BERT ({reason})", "the published config.json")


def bert_tokenizer(folder: Path, config: Any) -> Any:
    """The tokeniser of a folder with a `vocab.txt`.

    Raises:
        InputError: when it cannot be read, or is not that of the model of `config`.
    """
    if not (folder / "vocab.txt").is_file():
        raise InputError(f"no vocab.txt in {folder}", "the published vocabulary beside the weights")
    transformers = _transformers()
    try:
        tokenizer = transformers.BertTokenizer.from_pretrained(str(folder), local_files_only=True)
    except Exception as error:  # the tokenisers' own library raises bare exceptions
        reason = " ".join(str(error).split())[:120]
        found = f"vocab.txt, or another tokeniser file in {folder}, cannot be read ({reason})"
        raise InputError(found, "the published vocabulary, and no other tokeniser files") from error
    if len(tokenizer) != config.vocab_size or tokenizer.pad_token_id != config.pad_token_id:
        raise InputError(
            f"vocab.txt of {len(tokenizer)} tokens with [PAD] = {tokenizer.pad_token_id}",
            f"{config.vocab_size} tokens with [PAD] = {config.pad_token_id}, as config.json says",
        )
    return tokenizer


def _check_ties(tensors: dict[str, Tensor], file: str) -> None:
    """The masked-token head's matrix and bias are copies; a file where they differ is of another model."""
    ties = {"decoder.weight": "bert.embeddings.word_embeddings.weight", "decoder.bias": "cls.predictions.bias"}
    for copy, original in ties.items():
        one, other = tensors.get(f"cls.predictions.{copy}"), tensors.get(original)
        if one is not None and (other is None or not torch.equal(one, other)):
            raise InputError(f"cls.predictions.{copy} of {file} is not the tied {original}", "a published BERT")
