"""Speed of our BioViL-T family beside the reference, interleaved in one run, with the largest difference and the smallest cosine of each option.

    OMP_NUM_THREADS=1 PYTHONPATH=src:. .venv-parity/bin/python benchmarks/biovil/speed.py --threads 1

Runs in the environment of `make parity`. Every option of a task runs once per round, in an order that changes; a ratio is
the median over rounds of reference time / own time, so that what else the machine does falls on all of them. BIOVIL_TASK=grounding runs the tasks whose name starts so.
"""

import argparse
import copy
import os
import random
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from mammoscribe.explain.grounding import ground
from mammoscribe.imaging.joint_prepare import prepare_published
from mammoscribe.models.biovil.fast import FastTextModel, for_inference, has_bfloat16
from mammoscribe.models.biovil.image_model import JointImageModel, LoadedImageModel, load_image_model
from mammoscribe.models.biovil.space import BiovilSpace
from mammoscribe.models.biovil.text_model import JointTextModel, LoadedTextModel
from tests.parity import cases, reference
from tests.parity.filled import images

REFERENCE = "reference"
Options = dict[str, Callable[[], Tensor]]
BASE = {"vocab_size": 30_522, "projection_size": 128}
ONLY = os.environ.get("BIOVIL_TASK", "")
"""Start of the name of the tasks to run; all when empty."""
PHRASE = "new mass in the left upper breast with calcifications"


def measure(task: str, options: Options, rounds: int) -> None:
    """Print one row per option: median milliseconds, median ratio to the reference, largest difference, smallest cosine of a row."""
    if ONLY and not task.startswith(ONLY):
        return
    expected = options[REFERENCE]()
    differences, cosines = {}, {}
    for name, run in options.items():
        run()
        own = run()
        differences[name] = float((own - expected).abs().nan_to_num().max())
        cosines[name] = float(F.cosine_similarity(*(x.nan_to_num().flatten(1).double() for x in (own, expected))).min())
    times: dict[str, list[float]] = {name: [] for name in options}
    for _ in range(rounds):
        for name in random.sample(list(options), len(options)):
            start = time.perf_counter()
            options[name]()
            times[name].append((time.perf_counter() - start) * 1e3)
    for name, own in times.items():
        ratio = statistics.median(a / b for a, b in zip(times[REFERENCE], own, strict=True))
        shown = "" if name == REFERENCE else f"{ratio:.2f}"
        row = (task, name, f"{statistics.median(own):.0f}", shown, f"{differences[name]:.1g}", f"{cosines[name]:.5f}")
        print(f"| {' | '.join(row)} |", flush=True)


def folded(model: JointImageModel, channels_last: bool) -> JointImageModel:
    """Batch norms folded into their convolutions, nothing else; optionally in channels-last layout."""
    model = copy.deepcopy(model)
    for part in list(model.modules()):
        names = [("conv1", "bn1"), ("conv2", "bn2"), ("conv3", "bn3"), ("0", "1")]
        for conv, norm in names:
            pair = part._modules.get(conv), part._modules.get(norm)
            if isinstance(pair[0], nn.Conv2d) and isinstance(pair[1], nn.BatchNorm2d):
                part._modules[conv], part._modules[norm] = fuse_conv_bn_eval(*pair), nn.Identity()
    return model.to(memory_format=torch.channels_last) if channels_last else model


class Maps(nn.Module):
    """Backbone and reduction alone, for the compilers."""

    def __init__(self, model: JointImageModel) -> None:
        super().__init__()
        self.net, self.reduce = model.encoder.encoder, model.encoder.backbone_to_vit

    def forward(self, x: Tensor) -> Tensor:
        """[N, 3, H, W] -> [N, 256, h, w]."""
        return self.reduce(self.net(x)[3])


def compiled_options(model: JointImageModel, x: Tensor) -> Options:
    """`torch.compile` with freezing, and a traced and frozen module; both need half a minute before the first image."""
    import torch._inductor.config as inductor

    inductor.freezing = True
    compiled = torch.compile(Maps(copy.deepcopy(model)).eval())
    traced = torch.jit.optimize_for_inference(torch.jit.freeze(torch.jit.trace(Maps(folded(model, False)).eval(), x)))

    def whole(maps: Callable[[Tensor], Tensor]) -> Tensor:
        static = maps(x)
        missing = model.encoder.missing_previous_emb.expand(len(x), -1, *static.shape[2:])
        return model.projector(torch.cat((static, missing), 1))

    return {"torch.compile, frozen": lambda: whole(compiled), "torch.jit, frozen": lambda: whole(traced)}


def image_tasks(rounds: int, with_compilers: bool) -> tuple[nn.Module, LoadedImageModel]:
    """One image, a pair, and a pair whose prior is kept."""
    theirs = reference.image_model(takes_priors=True)
    with tempfile.TemporaryDirectory() as folder:
        torch.save(theirs.state_dict(), Path(folder) / "m.pt")
        loaded = load_image_model(Path(folder) / "m.pt")
    ours = loaded.model
    quick = {"for_inference": for_inference(ours)}
    if has_bfloat16():
        quick["for_inference, bfloat16"] = for_inference(ours, quick="bfloat16")
    x, prior = cases.image_inputs(448, pair=True)
    ones = {"exact": ours, "batch norms folded": folded(ours, False), "folded, channels last": folded(ours, True)}
    ones |= quick
    options: Options = {REFERENCE: lambda: theirs(x).projected_patch_embeddings}
    options |= {name: (lambda m=model: m(x).projected_patches) for name, model in ones.items()}
    if with_compilers:
        options |= compiled_options(ours, x)
    measure("one image, 448", options, rounds)
    pairs: Options = {REFERENCE: lambda: theirs(x, prior).projected_patch_embeddings}
    pairs |= {name: (lambda m=m: m(x, prior).projected_patches) for name, m in {"exact": ours, **quick}.items()}
    measure("pair, 448", pairs, rounds)
    kept: Options = {REFERENCE: pairs[REFERENCE]}
    for name, model in {"exact": ours, **quick}.items():
        maps = model.prior_maps(prior)
        kept[f"{name}, prior map kept"] = lambda m=model, maps=maps: m(x, previous_maps=maps).projected_patches
    measure("pair, 448, same prior again", kept, rounds)
    return theirs, loaded


def text_tasks(rounds: int, folder: Path) -> tuple[nn.Module, LoadedTextModel]:
    """16 texts of 64 tokens, 16 texts of 12 to 64 tokens, and one phrase."""
    from transformers import BertConfig, BertTokenizer

    vocabulary = cases.vocabulary()
    fill = [f"[unused{i}]" for i in range(BASE["vocab_size"] - len(vocabulary))]
    (folder / "vocab.txt").write_text("\n".join([*vocabulary, *fill]) + "\n", encoding="utf-8")
    theirs = reference.text_model(BASE)
    ours = JointTextModel(BertConfig(vocab_size=BASE["vocab_size"]), BASE["projection_size"]).eval()
    state = theirs.state_dict()
    ours.load_state_dict({name: state[name] for name in ours.state_dict()})
    quick = {"FastTextModel": FastTextModel(ours)}
    if has_bfloat16():
        quick["FastTextModel, bfloat16"] = FastTextModel(ours, "bfloat16")
    draw = np.random.RandomState(9)
    ids = torch.from_numpy(draw.randint(5, BASE["vocab_size"], (16, 64)))
    lengths = torch.from_numpy(draw.randint(12, 65, 16))
    lengths[0] = 64
    masks = {
        "text, 16 x 64 tokens": torch.ones_like(ids),
        f"text, 16 x 12..64 tokens ({int(lengths.sum())} of 1024)": (torch.arange(64)[None] < lengths[:, None]).long(),
        "text, one of 12 tokens": torch.ones(1, 12, dtype=torch.long),
    }
    for task, mask in masks.items():
        own = ids[: mask.shape[0], : mask.shape[1]]
        options: Options = {
            REFERENCE: lambda i=own, m=mask: theirs.get_projected_text_embeddings(i, m),
            "exact (no logits)": lambda i=own, m=mask: F.normalize(ours.project(i, m), dim=1),
        }
        for name, model in quick.items():
            options[name] = lambda i=own, m=mask, f=model: F.normalize(f.project(i, m), dim=1)
        measure(task, options, rounds)
    return theirs, LoadedTextModel(ours, BertTokenizer.from_pretrained(folder), "seeded", "", "", ())


def whole_tasks(
    rounds: int, folder: Path, image: tuple[nn.Module, LoadedImageModel], text: tuple[nn.Module, LoadedTextModel]
) -> None:
    """From a file of 1000 x 1200 pixels to pixels for the model, and with a phrase to its heat map."""
    path = folder / "a.png"
    Image.fromarray((images(1, 1000, 1200).numpy() * 255).astype(np.uint8)).save(path)
    engine = reference.image_engine(image[0], 512, 448)
    measure(
        "file to pixels, 1000 x 1200",
        {
            REFERENCE: lambda: engine.transform(reference.load_image(path))[0],
            "exact": lambda: torch.from_numpy(prepare_published(path).pixels),
        },
        rounds * 3,
    )
    both = reference.ImageTextInferenceEngine(engine, reference.TextInferenceEngine(text[1].tokenizer, text[0]))
    spaces = {"exact": BiovilSpace(image[1], text[1]), "float32": BiovilSpace(image[1], text[1], quick="float32")}
    if has_bfloat16():
        spaces["bfloat16"] = BiovilSpace(image[1], text[1], quick="bfloat16")

    def heat(space: BiovilSpace) -> Tensor:
        return torch.from_numpy(ground(space, space.prepare(path), PHRASE).heat)[None]

    measure(
        "grounding, file and phrase to heat map",
        {
            REFERENCE: lambda: torch.as_tensor(both.get_similarity_map_from_raw_data(path, PHRASE))[None],
        }
        | {name: (lambda s=space: heat(s)) for name, space in spaces.items()},
        rounds,
    )


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument(
        "--compilers", action="store_true", help="also torch.compile and torch.jit (needs a C++ compiler)"
    )
    wanted = parser.parse_args()
    torch.set_num_threads(wanted.threads)
    torch.set_grad_enabled(False)
    random.seed(0)
    print(
        f"torch {torch.__version__}, {wanted.threads} threads, load {os.getloadavg()[0]:.1f}, {wanted.rounds} rounds\n"
    )
    print("| task | option | median ms | times as fast | largest difference | cosine |\n|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as name:
        image = image_tasks(wanted.rounds, wanted.compilers)
        text = text_tasks(wanted.rounds, Path(name))
        whole_tasks(wanted.rounds, Path(name), image, text)


if __name__ == "__main__":
    main()
