"""Do other versions of transformers read the chat models that we write? Tiny ones of every family, keys and scores compared.

`make compat` runs it. Each version goes into a folder of its own (pip --target), in front of the packages of this environment,
so that torch is not fetched again. Exit code 1 where a folder does not load whole or gives other scores than here.
"""

import argparse
import os
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import torch

from mammoscribe.data.records import Turn
from mammoscribe.models.chat.batch import batch_of
from mammoscribe.models.chat.card import ChatCard
from mammoscribe.models.chat.chat_model import ChatModel, load_chat_model
from mammoscribe.models.chat.folder import Beside, files_beside, write_chat_folder
from tests.models.tiny_chat import picture
from tests.models.tiny_families import CLASSES, WRITERS

OTHERS = {
    "4.57.6": ("transformers==4.57.6", "tokenizers>=0.22,<=0.23.0", "huggingface-hub>=0.34,<1.0"),
    "5.19.0": ("transformers==5.19.0",),
}
"""Version -> what is installed for it; other packages are those of this environment."""
LOADER = Path(__file__).with_name("chat_compat_load.py")
SENTENCE = "The breasts are heterogeneously dense; größte 4.5 mm.\n\nBI-RADS 1: negative."


def main() -> int:
    """Write the folders, install the versions, load each folder with each."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--work", type=Path, default=Path(".compat"), help="folder for models and versions [default: .compat]"
    )
    work: Path = parser.parse_args().work
    for name in WRITERS:
        if not (work / "models" / name / "expected.pt").is_file():
            _write(name, work)
    failed = _load(work, version("transformers"), [])
    for other, packages in OTHERS.items():
        place = work / f"transformers-{other}"
        if not (place / "transformers").is_dir():
            pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", str(place), *packages]
            subprocess.run(pip, check=True)  # noqa: S603  (names and versions are written above)
        failed |= _load(work, other, [str(place.resolve())])
    return int(failed)


def _write(name: str, work: Path) -> None:
    """A tiny model as training writes it, with what it says to four views."""
    published, out = work / "published" / name, work / "models" / name
    out.mkdir(parents=True, exist_ok=True)
    model = load_chat_model(WRITERS[name](published))
    card = ChatCard("compat", model.family.name, model.family.licence, model.adapter.preparation, "0" * 64)
    write_chat_folder(
        model.network.state_dict(), Beside(files_beside(published), card, model.tied), model.family, out
    )  # fmt: skip
    torch.save({**_expected(load_chat_model(out)), "class": CLASSES[name]}, out / "expected.pt")


def _expected(model: ChatModel) -> dict[str, object]:
    views = [picture(number, 56, 30 + 9 * number) for number in range(4)]
    pixels, prompter = model.adapter.pixels(views), model.prompter()
    ids = prompter.asked([Turn("human", "<image>\n" * 4 + "Write the report.")], pixels.tokens, "the question")
    inputs = batch_of([ids], None, [pixels], prompter).inputs()
    with torch.no_grad():
        logits = model.network(**inputs).logits
    return {"inputs": inputs, "logits": logits, "sentence": SENTENCE, "ids": model.tokenizer(SENTENCE)["input_ids"]}


def _load(work: Path, label: str, first: list[str]) -> bool:
    """Whether a folder failed in a version of transformers whose packages come first."""
    paths = [*first, *filter(None, [os.environ.get("PYTHONPATH")])]
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(paths), "HF_HUB_OFFLINE": "1"}
    folders = [str(work / "models" / name) for name in WRITERS]
    found = subprocess.run([sys.executable, str(LOADER), label, *folders], env=env, check=False)  # noqa: S603  (our own)
    return found.returncode != 0


if __name__ == "__main__":
    raise SystemExit(main())
