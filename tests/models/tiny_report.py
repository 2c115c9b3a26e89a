"""A tiny report decoder and its frames, with random weights, for the tests of what stands on them."""

from pathlib import Path

import torch

from mammoscribe.models.biovil.report_frames import ReportFrames
from mammoscribe.models.biovil.report_model import Parts, Pictures, write_report_folder
from mammoscribe.models.biovil.report_net import Looked, ReportNet
from mammoscribe.models.biovil.text_model import bert_config
from tests.models.tiny_joint import tiny_image_model

FEATURES = 16
SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
PAD, UNK, CLS, SEP, MASK = range(5)


def tiny_net(
    vocabulary: int = 9, positions: int = 24, spread: float = 0.4, seed: int = 0, features: int = FEATURES
) -> ReportNet:  # fmt: skip
    """Two layers of 32, every weight drawn anew so that none is at its default."""
    torch.manual_seed(seed)
    net = ReportNet(bert_config({
        "vocab_size": vocabulary, "hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4,
        "intermediate_size": 64, "max_position_embeddings": positions, "type_vocab_size": 2, "pad_token_id": 0,
        "hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0,
    }), features)  # fmt: skip
    for name, parameter in net.named_parameters():
        torch.nn.init.normal_(parameter, float("norm" in name.lower() and name.endswith("weight")), spread)
    return net.eval()


def looked(net: ReportNet, pictures: int = 3) -> Looked:
    """Random patches of a 2 x 2 grid; of all pictures but the first some show nothing."""
    torch.manual_seed(1)
    shown = torch.ones(pictures, 4, dtype=torch.bool)
    shown[1:, 3] = False
    return net.look(torch.randn(pictures, FEATURES, 2, 2), shown)


def frames(folder: Path, words: tuple[str, ...], max_tokens: int = 24, prompt_tokens: int = 6) -> ReportFrames:
    from transformers import BertTokenizer

    (folder / "vocab.txt").write_text("\n".join((*SPECIAL, *words)) + "\n")
    tokenizer = BertTokenizer.from_pretrained(str(folder), local_files_only=True)
    return ReportFrames(tokenizer, max_tokens, prompt_tokens)


def says(net: ReportNet, ids: list[int]) -> None:
    """Set the weights so that a first report is always `ids`: the place of a token alone decides the next one."""
    with torch.no_grad():
        for name, parameter in net.named_parameters():
            parameter.fill_(float("norm" in name.lower() and name.endswith("weight")))
        torch.nn.init.eye_(net.bert.embeddings.word_embeddings.weight)
        torch.nn.init.eye_(net.cls["predictions"].transform.dense.weight)
        for place, token in enumerate((*ids, SEP), start=1):  # the prompt is [CLS] and [SEP]
            net.bert.embeddings.position_embeddings.weight[place, token] = 10.0


def write_tiny_report(
    folder: Path, pictures: Pictures, words: tuple[str, ...] = ("a", "mass", "new", "."), text: str | None = None
) -> Path:  # fmt: skip
    """A folder of a report writer that writes random words, or always `text`."""
    folder.mkdir(parents=True, exist_ok=True)
    image, made = tiny_image_model(), frames(folder, words)
    net = tiny_net(len(SPECIAL) + len(words), features=image.config.features, spread=0.7)
    if text is not None:
        says(net, made.ids(text))
    files = {"vocab.txt": (folder / "vocab.txt").read_bytes()}
    pixels = "whole" if pictures is Pictures.MAMMOGRAM else "published"
    write_report_folder(Parts(image, 64, pixels, net, files, made, f"tiny {pictures}", pictures), folder)
    return folder
