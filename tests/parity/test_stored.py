"""Ours against numbers of the reference (`compare.py --store`): seeded weights and inputs, thinned outputs.

In double precision, so that no other processor's rounding comes near the limit; single precision is in `make parity`.
"""

import json

import numpy as np
import pytest
import torch

from mammoscribe.imaging.joint_prepare import prepare_published
from mammoscribe.models.biovil.image_model import JointImageConfig, JointImageModel
from mammoscribe.models.biovil.text_model import JointTextModel, load_text_model
from tests.parity import cases
from tests.parity.filled import filled


@pytest.fixture(scope="module")
def stored():
    with np.load(cases.STORED / "reference.npz") as found:
        return dict(found)


def seeded(takes_priors: bool) -> JointImageModel:
    with torch.device("meta"):
        empty = JointImageModel(JointImageConfig(takes_priors=takes_priors))
    model = empty.to_empty(device="cpu")
    model.load_state_dict(filled(model.state_dict()), assign=True)
    return model.double().eval()


def inputs(pair: bool = False) -> tuple[torch.Tensor, ...]:
    return tuple(image.double() for image in cases.image_inputs(448, pair))


@pytest.fixture(scope="module")
def biovil_t():
    """The model with a memory for what its backbone has seen, since all tests show it the same two pictures."""
    model, seen = seeded(takes_priors=True), {}
    backbone = model.encoder.encoder
    whole = backbone.forward

    def remembered(image):
        key = image.sum().item()
        if key not in seen:
            seen[key] = whole(image)
        return seen[key]

    backbone.forward = remembered
    return model


def difference(out, stored, case: str) -> float:
    return max(
        float(np.abs(cases.thinned(getattr(out, field)) - stored[f"{case}/{field}"]).max()) for field in cases.FIELDS
    )


@torch.no_grad()
def test_biovil_gives_the_references_numbers(stored):
    assert difference(seeded(takes_priors=False)(*inputs()), stored, "BioViL single") <= cases.LIMIT


@torch.no_grad()
def test_biovil_t_gives_the_references_numbers_without_a_prior(biovil_t, stored):
    assert difference(biovil_t(*inputs()), stored, "BioViL-T single") <= cases.LIMIT


@torch.no_grad()
def test_biovil_t_gives_the_references_numbers_with_a_prior_and_no_fault_would_pass(biovil_t, stored):
    current, prior = inputs(pair=True)
    assert difference(biovil_t(current, prior), stored, "BioViL-T pair") <= cases.LIMIT
    assert (
        difference(biovil_t(current, previous_maps=biovil_t.prior_maps(prior)), stored, "BioViL-T pair") <= cases.LIMIT
    )
    for fault in cases.FAULTS:
        with cases.broken(biovil_t, fault):
            assert difference(biovil_t(current, prior), stored, "BioViL-T pair") > cases.LIMIT, fault
    assert difference(biovil_t(current, prior), stored, "BioViL-T pair") <= cases.LIMIT


@pytest.fixture(scope="module")
def text(tmp_path_factory):
    from transformers import BertConfig

    config = cases.text_config()
    model = JointTextModel(BertConfig(**{k: v for k, v in config.items() if k != "model_type"}), 128)
    folder = tmp_path_factory.mktemp("text")
    cases.write_text_folder(folder, filled(model.state_dict()))
    return load_text_model(folder)


@torch.no_grad()
def test_the_text_model_gives_the_references_numbers(text, stored):
    tokens, model = text.tokens(cases.sentences()), text.model.double()
    assert np.array_equal(tokens.ids.numpy(), stored["text/ids"])
    out = model(tokens.ids, tokens.mask, logits=True)
    valid = tokens.mask.bool()
    for name, values in (("hidden", out.hidden[valid]), ("logits", out.logits[valid]), ("projected", out.projected)):
        assert np.abs(cases.thinned(values) - stored[f"text/{name}"]).max() <= cases.LIMIT, name


def test_the_fast_tokeniser_gives_the_slow_ones_ids_but_for_unassigned_code_points(text):
    strings = cases.strings()
    theirs = json.loads((cases.STORED / "tokens.json").read_text())
    ours = text.tokenizer(strings)["input_ids"]
    differ = [s for s, one, other in zip(strings, ours, theirs, strict=True) if one != other]
    assert len(theirs) == len(strings) and len(differ) < len(strings) / 4
    assert [s for s in differ if not cases.has_unassigned(s)] == []


def test_published_pre_processing_gives_the_references_pixels(stored, tmp_path):
    for path in cases.write_pictures(tmp_path)[::2]:
        assert np.array_equal(cases.thinned(prepare_published(path).pixels), stored[f"pictures/{path.name}"]), path.name
