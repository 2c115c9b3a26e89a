"""Compares our BioViL-T family and EfficientNet-Lite with their references and prints the table of differences; `make parity` runs it.

python tests/parity/compare.py            in the parity environment; exit code 1 when a row fails
python tests/parity/compare.py --store    also write the numbers that the default test suite is held against
"""

import argparse
import json
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from mammoscribe.explain.grounding import Interpolation, ground, heat_map, smoothed
from mammoscribe.imaging.joint_prepare import prepare_published
from mammoscribe.models.biovil.fast import FastTextModel, for_inference
from mammoscribe.models.biovil.image_model import JointImageModel, load_image_model
from mammoscribe.models.biovil.space import BiovilSpace
from mammoscribe.models.biovil.text_model import load_text_model
from mammoscribe.models.efficientnet_lite import EfficientNetLite, EfficientNetLiteConfig, load_published
from tests.parity import cases, reference
from tests.parity.filled import filled, images

IMAGE_FILES = {True: "biovil_t_image_model_proj_size_128.pt", False: "biovil_image_resnet50_proj_size_128.pt"}
QUICK_LIMIT = 1e-4
"""For the quick copies, which sum in another order."""
NAMES = {True: "BioViL-T", False: "BioViL"}


@dataclass(frozen=True)
class Row:
    """One line of the table: the largest difference, and the limit it must stay under or (a must-fail) exceed."""

    check: str
    difference: float
    limit: float = cases.LIMIT
    must_exceed: bool = False

    @property
    def ok(self) -> bool:
        return self.difference > self.limit if self.must_exceed else self.difference <= self.limit


def largest(ours: Tensor | np.ndarray, theirs: Tensor | np.ndarray) -> float:
    """Largest difference of two arrays of one shape; not-a-number has to lie at the same places."""
    one, other = (np.asarray(v.detach() if isinstance(v, Tensor) else v, np.float64) for v in (ours, theirs))
    if one.shape != other.shape or not np.array_equal(np.isnan(one), np.isnan(other)):
        return float("inf")
    return float(np.nanmax(np.abs(one - other), initial=0.0))


def outputs(ours: tuple, theirs: object, row: slice = slice(None)) -> float:
    """Largest difference over the four outputs."""
    return max(largest(getattr(ours, a)[row], getattr(theirs, b)) for a, b in cases.FIELDS.items())


def image_rows(folder: Path, store: dict) -> Iterator[Row]:
    """Single images at three sizes in two precisions, pairs, a mixed batch, a kept prior, gradients, must-fails."""
    for takes_priors in (True, False):
        theirs, path = reference.image_model(takes_priors), folder / IMAGE_FILES[takes_priors]
        torch.save(theirs.state_dict(), path)
        ours = load_image_model(path).model
        name = NAMES[takes_priors]
        for dtype, word in ((torch.float32, "fp32"), (torch.float64, "fp64")):
            ours, theirs = ours.to(dtype), theirs.to(dtype)
            with torch.no_grad():
                for size in (448, 480, 512):
                    (x,) = (v.to(dtype) for v in cases.image_inputs(size))
                    out = theirs(x)
                    yield Row(f"{name} single {size} {word}", outputs(ours(x), out))
                    if size == 448 and word == "fp64":
                        store[f"{name} single"] = out
            if takes_priors:
                yield from _pair_rows(ours, theirs, word, store)
        yield Row(f"{name} gradients fp64, relative", _gradients(ours, theirs, takes_priors))


def _pair_rows(ours: JointImageModel, theirs: torch.nn.Module, word: str, store: dict) -> Iterator[Row]:
    dtype = next(ours.parameters()).dtype
    x, prior = (v.to(dtype) for v in cases.image_inputs(448, pair=True))
    with torch.no_grad():
        pair, single = theirs(x, prior), theirs(prior)
        yield Row(f"BioViL-T pair 448 {word}", outputs(ours(x, prior), pair))
        yield Row(
            f"BioViL-T pair 448 {word}, prior map kept", outputs(ours(x, previous_maps=ours.prior_maps(prior)), pair)
        )
        mixed = ours(torch.cat((prior, x, prior)), prior, torch.tensor([False, True, False]))
        yield Row(f"BioViL-T mixed batch {word}, row with prior", outputs(mixed, pair, slice(1, 2)))
        yield Row(
            f"BioViL-T mixed batch {word}, rows without", max(outputs(mixed, single, slice(i, i + 1)) for i in (0, 2))
        )
        if word == "fp64":
            store["BioViL-T pair"] = pair
        else:
            quick = for_inference(ours)
            out = (quick(prior), quick(x, prior), quick(x, previous_maps=quick.prior_maps(prior)))
            worst = max(outputs(one, other) for one, other in zip(out, (single, pair, pair), strict=True))
            yield Row("BioViL-T for_inference, single, pair, prior map kept", worst, QUICK_LIMIT)
            for fault in cases.FAULTS:
                with cases.broken(ours, fault):
                    yield Row(f"must fail: {fault}", outputs(ours(x, prior), pair), must_exceed=True)


def _gradients(ours: JointImageModel, theirs: torch.nn.Module, takes_priors: bool) -> float:
    """Largest difference of a gradient, relative to the largest gradient of its tensor; fp64, 224 where sizes are free."""
    inputs = [v.double() for v in cases.image_inputs(448 if takes_priors else 224, pair=takes_priors)]
    for model, field in ((ours, "projected_patches"), (theirs, cases.FIELDS["projected_patches"])):
        patches = getattr(model(*inputs), field)
        (patches * images(3, *patches.shape).double()).mean().backward()
    found = {name: p.grad for name, p in theirs.named_parameters() if p.grad is not None}
    mine = {name: p.grad for name, p in ours.named_parameters() if p.grad is not None}
    extra = max((float(mine[name].abs().max()) for name in mine.keys() - found.keys()), default=0.0)
    return max(
        extra,  # the vector for a missing prior is zero in ours where it is none in theirs
        *(largest(mine[name], g) / float(g.abs().max().clamp_min(1e-30)) for name, g in found.items()),
    )


def text_rows(folder: Path, store: dict) -> Iterator[Row]:
    """Hidden states, logits and embeddings of the small text model on a padded batch; ids of hard strings."""
    theirs = reference.text_model(cases.text_config())
    cases.write_text_folder(folder, theirs.state_dict())
    loaded = load_text_model(folder)
    tokens = loaded.tokens(cases.sentences())
    valid = tokens.mask.bool()
    for dtype, word in ((torch.float32, "fp32"), (torch.float64, "fp64")):
        theirs, ours = theirs.to(dtype), loaded.model.to(dtype)
        with torch.no_grad():
            out = theirs(tokens.ids, tokens.mask, output_cls_projected_embedding=True, return_dict=True)
            own = ours(tokens.ids, tokens.mask, logits=True)
            unit = theirs.get_projected_text_embeddings(tokens.ids, tokens.mask)
        yield Row(f"text hidden states {word}", largest(own.hidden[valid], out.last_hidden_state[valid]))
        yield Row(f"text logits {word}", largest(own.logits[valid], out.logits[valid]))
        yield Row(f"text projected {word}", largest(own.projected, out.cls_projected_embedding))
        yield Row(f"text projected, normalised, {word}", largest(F.normalize(own.projected, dim=1), unit))
    store["text"] = {"ids": tokens.ids, "hidden": out.last_hidden_state[valid], "logits": out.logits[valid]}
    store["text"]["projected"] = out.cls_projected_embedding
    quick = FastTextModel(loaded.model.float()).project(tokens.ids, tokens.mask)
    yield Row("text FastTextModel", largest(quick, out.cls_projected_embedding), QUICK_LIMIT)
    yield from _token_rows(store)


def _token_rows(store: dict) -> Iterator[Row]:
    from transformers import BertTokenizer, BertTokenizerFast

    strings = cases.strings()
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "vocab.txt").write_text("\n".join(cases.vocabulary()) + "\n", encoding="utf-8")
        slow, fast = (kind.from_pretrained(folder) for kind in (BertTokenizer, BertTokenizerFast))
    theirs = slow(strings)["input_ids"]
    differ = [s for s, one, other in zip(strings, theirs, fast(strings)["input_ids"], strict=True) if one != other]
    known = [s for s in differ if not cases.has_unassigned(s)]
    count = f"{len(differ)} of {len(strings)} strings differ, slow against fast"
    yield Row(f"tokeniser: {count}; of those without unassigned code points", len(known), 0)
    store["tokens"] = theirs


def picture_rows(folder: Path, store: dict) -> Iterator[Row]:
    """Pre-processing of picture files, map smoothing and resizing, and grounding from file to heat map."""
    engine = {crop: reference.image_engine(_NoModel(), 512, crop) for crop in (448, 480, 512)}
    paths, worst = cases.write_pictures(folder / "pictures"), 0.0
    for crop, one in engine.items():
        for path in paths:
            theirs = one.transform(reference.load_image(path))
            worst = max(worst, largest(np.repeat(prepare_published(path, crop_px=crop).pixels[None], 3, 0), theirs))
    yield Row(f"pre-processing, {len(engine) * len(paths)} pictures", worst, 0)
    store["pictures"] = {p.name: engine[448].transform(reference.load_image(p))[0] for p in paths}
    patches, text = images(7, 14, 14, 128) - 0.5, F.normalize(images(8, 1, 128) - 0.5)
    patches = F.normalize(patches, dim=2)
    tool = reference.ImageTextInferenceEngine
    grid = tool._get_similarity_map_from_embeddings(patches, text)
    yield Row("heat map, smoothing", largest(smoothed((patches @ text[0]).numpy()), grid))
    worst = 0.0
    for path in paths:
        image = prepare_published(path)
        size = {"width": image.placement.stored_width_px, "height": image.placement.stored_height_px}
        for mode in Interpolation:
            theirs = tool.convert_similarity_to_image_size(
                grid, **size, resize_size=512, crop_size=448, interpolation=mode
            )
            worst = max(worst, largest(heat_map(grid.numpy(), image, mode), theirs))
    yield Row("heat map, to stored pixels", worst)
    yield from _grounding_rows(folder, paths)


def _grounding_rows(folder: Path, paths: list[Path]) -> Iterator[Row]:
    from transformers import BertTokenizer

    text = reference.TextInferenceEngine(
        BertTokenizer.from_pretrained(folder), reference.text_model(cases.text_config())
    )
    for takes_priors, crop in ((True, 448), (False, 480)):
        other = folder / IMAGE_FILES[not takes_priors]
        hidden = other.rename(other.with_suffix(".aside"))
        space = BiovilSpace.load(folder)
        hidden.rename(other)
        engine = reference.image_engine(reference.image_model(takes_priors), 512, crop)
        both = reference.ImageTextInferenceEngine(engine, text)
        phrase, worst, scores = "new mass in the left breast.", 0.0, 0.0
        for path in paths[::4]:
            ours = ground(space, space.prepare(path), phrase)
            worst = max(worst, largest(ours.heat, both.get_similarity_map_from_raw_data(path, phrase)))
            scores = max(scores, abs(ours.similarity - both.get_similarity_score_from_raw_data(path, phrase)))
        yield Row(f"{NAMES[takes_priors]} grounding, file to heat map", worst)
        yield Row(f"{NAMES[takes_priors]} similarity, file and phrase", scores)


def lite_rows(folder: Path, store: dict) -> Iterator[Row]:
    """The maps of EfficientNet-Lite0 with its ImageNet weights and with seeded ones, with norms and with folded ones."""
    del store  # nothing of it is kept for the default suite
    published, seeded = Path(reference.lite_weights()), folder / "lite.pt"
    torch.save(filled(torch.load(published, weights_only=True)), seeded)
    x = images(11, 2, 3, 224, 224) * 2 - 1
    for path, word in ((published, "ImageNet"), (seeded, "seeded")):
        theirs = reference.lite_maps(str(path), x)
        for norm, limit in (("batch", 0.0), ("folded", 1e-5)):
            net = EfficientNetLite(EfficientNetLiteConfig("lite0", norm, 3)).eval()
            load_published(net, path)
            with torch.no_grad():
                worst = max(largest(a, b) / float(b.abs().max()) for a, b in zip(net.maps(x), theirs, strict=True))
            yield Row(f"EfficientNet-Lite0, {word} weights, {norm} norms, relative", worst, limit)


class _NoModel(reference.BaseImageModel):
    """Stands where the engine wants a model, for its pre-processing alone."""

    def forward(self, *args: object) -> None: ...

    def get_patchwise_projected_embeddings(self, *args: object) -> None: ...


def write_stored(store: dict) -> None:
    """Thinned reference outputs in double precision, kept as singles: small enough for git, and alike on any processor."""
    cases.STORED.mkdir(exist_ok=True)
    arrays = {
        f"{case}/{ours}": cases.thinned(getattr(store[case], theirs)).astype(np.float32)
        for case in ("BioViL-T single", "BioViL single", "BioViL-T pair")
        for ours, theirs in cases.FIELDS.items()
    }
    arrays |= {
        f"text/{k}": v.numpy() if k == "ids" else cases.thinned(v).astype(np.float32) for k, v in store["text"].items()
    }
    arrays |= {f"pictures/{name}": cases.thinned(v) for name, v in store["pictures"].items()}
    np.savez_compressed(cases.STORED / "reference.npz", **arrays)
    (cases.STORED / "tokens.json").write_text(json.dumps(store["tokens"], separators=(",", ":")) + "\n")


def main() -> int:
    """Print the table; 1 when a row fails."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--store", action="store_true", help="write the numbers for the default test suite")
    wanted = parser.parse_args()
    torch.manual_seed(0)
    store: dict = {}
    failed = 0
    print("| check | largest difference | limit | |\n|---|---|---|---|")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for part in (image_rows, text_rows, picture_rows, lite_rows):
            for row in part(folder, store):
                sign = ">" if row.must_exceed else "<="
                failed += not row.ok
                print(
                    f"| {row.check} | {row.difference:.2g} | {sign} {row.limit:g} | {'ok' if row.ok else 'FAILED'} |",
                    flush=True,
                )
    if wanted.store:
        write_stored(store)
    return int(failed > 0)


if __name__ == "__main__":
    sys.exit(main())
