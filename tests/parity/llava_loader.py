"""Goldens of LLaVA's own data loader: the tokens and the mask that `preprocess_v1` gives for 200 conversations composed here.

Run `PYTHONPATH=src:. python tests/parity/llava_loader.py CHECKOUT` with a checkout of haotian-liu/LLaVA (c121f043) to make
them anew; its functions are taken from its files and run as they are. The tokeniser is a small one with the two traits of
Llama's that the loader's arithmetic rests on: `USER` is one token, and two (a space and `USER`) at the beginning of a text.

What is compared are conversations that both read alike. The loader differs from ours where it
- takes the text behind a picture for a text of its own, which puts a token of a space before it (left out here: the tokens of
  llava-hf have none);
- moves `<image>` to the front of its turn, and takes several for one (here it stays where it is, and each is a picture);
- keeps spaces around a turn, which change where an answer begins and ends (stripped here, before either sees them);
- leaves a conversation out of the loss where its arithmetic does not fit, such as after `</s>` or `ASSISTANT: ` in a text
  (an error here, or learned), and cuts one that is too long (an error here).
"""

import ast
import hashlib
import json
import random
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.models.tiny_chat import llama_pieces

GOLDENS = Path(__file__).with_name("llava_loader.json")
PICTURE = -200
"""What the loader writes in place of a picture's tokens."""
WORDS = [
    "mass",
    "calcifications",
    "in",
    "the",
    "right",
    "breast",
    "left",
    "upper",
    "outer",
    "quadrant",
    "BI-RADS",
    "4a",
    "No",
    "suspicious",
    "finding",
    "is",
    "seen.",
    "größte",
    "Länge",
    "4.5",
    "mm,",
    "密度",
    "乳腺",
    "Брест",
    "«dense»",
    "naïve",
    "\u200b\xa0",
    "\t",
    "",
    "\n",
    "\n\n",
    "-",
    "*",
    "#1",
    "(new)",
    "[old]",
    "{text}",
    "<b>",
    "&",
    "%",
    "\\n",
    '"',
    "'",
    "USER",
    "assistant",
    "😀",
    "é",
    "é",
]


@dataclass(frozen=True)
class Sample:
    """A conversation: `(human, gpt, human, gpt, ...)`; of one with a picture, the first question begins with `<image>`."""

    texts: tuple[str, ...]
    has_picture: bool


def samples(count: int = 200) -> list[Sample]:
    """Conversations of one to five questions, half of them with a picture."""
    draw, found = random.Random(20), []
    for number in range(count):
        texts = [_text(draw, n) for n in range(2 * draw.randint(1, 5))]
        if number % 2:
            texts[0] = f"<image>\n{texts[0]}"
        found.append(Sample(tuple(texts), bool(number % 2)))
    return found


def _text(draw: random.Random, number: int) -> str:
    """A text without spaces around it, often of odd words; it is never empty."""
    words = [draw.choice(WORDS) for _ in range(draw.randint(1, 14))]
    return (("Yes. " if number % 2 else "Is it so? ") + " ".join(words)).strip()


def tokenizer() -> Any:
    """The tokeniser, without its token for pictures."""
    from tokenizers import processors
    from transformers import LlamaTokenizer

    vocab, merges = llama_pieces()
    kept = [(a, b) for a, b in merges if not (a + b).startswith("▁U")]
    made = LlamaTokenizer(vocab=dict(vocab), merges=kept, unk_token="<unk>", pad_token="<unk>", model_max_length=2048)
    made.backend_tokenizer.post_processor = processors.TemplateProcessing(single="<s> $A", special_tokens=[("<s>", 1)])
    assert made.tokenize("USER:")[:2] == ["▁", "USER"] and "USER" in vocab
    return made


def digest(ids: Sequence[int], labels: Sequence[int]) -> str:
    """Of a conversation's tokens and of what of them is learned."""
    return hashlib.sha256(json.dumps([list(ids), list(labels)]).encode()).hexdigest()[:16]


def vocabulary_digest() -> str:
    """Of the tokeniser's tokens and merges."""
    return hashlib.sha256(tokenizer().backend_tokenizer.to_str().encode()).hexdigest()[:16]


def reference(checkout: Path) -> Mapping[str, Any]:
    """`preprocess_multimodal` and `preprocess_v1` of a checkout."""
    import torch
    import transformers

    conversation: dict[str, Any] = {"__name__": "conversation"}
    sys.modules["conversation"] = type(sys)("conversation")  # its dataclass looks itself up
    exec(compile((checkout / "llava/conversation.py").read_text(), "conversation.py", "exec"), conversation)
    about = type("conversation_lib", (), {"default_conversation": conversation["default_conversation"],
                 "SeparatorStyle": conversation["SeparatorStyle"]})  # fmt: skip
    names: dict[str, Any] = {
        "torch": torch, "transformers": transformers, "conversation_lib": about, "Dict": dict, "Sequence": Sequence,
        "IS_TOKENIZER_GREATER_THAN_0_14": True, "DataArguments": object,
    }  # fmt: skip
    exec((checkout / "llava/constants.py").read_text(), names)
    wanted = {
        "llava/mm_utils.py": ["tokenizer_image_token"],
        "llava/train/train.py": ["preprocess_multimodal", "preprocess_v1"],
    }
    for file, functions in wanted.items():
        for node in ast.parse((checkout / file).read_text()).body:
            if isinstance(node, ast.FunctionDef) and node.name in functions:
                exec(compile(ast.Module([node], []), file, "exec"), names)
    return names


def by_loader(names: Mapping[str, Any], made: Any, sample: Sample) -> tuple[list[int], list[int]]:
    """Tokens and labels as the loader gives them, without the space behind a picture."""
    source = [{"from": ("human", "gpt")[n % 2], "value": text} for n, text in enumerate(sample.texts)]
    given = type("Given", (), {"is_multimodal": True, "mm_use_im_start_end": False})
    (source,) = names["preprocess_multimodal"]([source], given)
    found = names["preprocess_v1"]([source], made, sample.has_picture)
    ids, labels = found["input_ids"][0].tolist(), found["labels"][0].tolist()
    space = made.convert_tokens_to_ids("▁")
    kept = [n for n, number in enumerate(ids) if not (number == space and n and ids[n - 1] == PICTURE)]
    assert any(label >= 0 for label in labels), f"the loader leaves out {sample}"
    return [ids[n] for n in kept], [labels[n] for n in kept]


def main(checkout: Path) -> None:
    """Write the goldens."""
    names, made = reference(checkout), tokenizer()
    made.legacy = False  # as tokenizer_config.json of LLaVA-1.5 says
    found = [digest(*by_loader(names, made, sample)) for sample in samples()]
    GOLDENS.write_text(json.dumps({"vocabulary": vocabulary_digest(), "conversations": found}, indent=0) + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
