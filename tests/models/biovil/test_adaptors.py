"""RE-tune adaptors: published sizes, which side each variant adapts, the class score, strict files."""

import pytest
import torch
import torch.nn.functional as F

from mammoscribe.models.biovil.adaptors import (
    AdaptorConfig,
    AdaptorKind,
    PromptBank,
    RetuneAdaptors,
    Sides,
    embed_prompts,
    load_adaptors,
    save_adaptors,
)
from mammoscribe.support.errors import InputError, InvalidNoun
from tests.feature_sets import DIM, NumberSpace, separable


def size(net: torch.nn.Module) -> int:
    return sum(p.numel() for p in net.parameters())


@pytest.mark.parametrize(
    ("kind", "sides", "parameters"),
    [
        (AdaptorKind.MLP, Sides.BOTH, 131_840),
        (AdaptorKind.MLP, Sides.SHARED, 65_920),
        (AdaptorKind.MLP, Sides.IMAGE, 65_920),
        (AdaptorKind.MLP, Sides.TEXT, 65_920),
        (AdaptorKind.LINEAR, Sides.BOTH, 33_024),
        (AdaptorKind.LINEAR, Sides.SHARED, 16_512),
    ],
)
def test_adaptors_have_the_published_number_of_parameters(kind, sides, parameters):
    assert size(RetuneAdaptors(AdaptorConfig(kind, sides))) == parameters


def test_a_variant_adapts_the_sides_it_names():
    for sides, image, text in ((Sides.IMAGE, True, False), (Sides.TEXT, False, True), (Sides.BOTH, True, True)):
        net = RetuneAdaptors(AdaptorConfig(sides=sides))
        assert (size(net.image) > 0, size(net.text) > 0) == (image, text)
    shared = RetuneAdaptors(AdaptorConfig(sides=Sides.SHARED))
    assert shared.image is shared.text


def test_without_adaptors_the_cosines_are_those_of_the_mean_prompts():
    features, bank = separable(20, 5)
    x = torch.from_numpy(features.features)
    positive, negative = RetuneAdaptors()(x, bank)
    for c in range(len(bank.classes)):
        own = bank.owners == c
        expected = F.cosine_similarity(x, bank.prompts[own & bank.positive].mean(0)[None])
        torch.testing.assert_close(positive[:, c], expected)
        expected = F.cosine_similarity(x, bank.prompts[own & ~bank.positive].mean(0)[None])
        torch.testing.assert_close(negative[:, c], expected)


def test_a_prompt_is_adapted_before_the_mean():
    features, bank = separable(20, 5)
    torch.manual_seed(0)
    net = RetuneAdaptors(AdaptorConfig(sides=Sides.TEXT, dim=DIM))
    x = torch.from_numpy(features.features)
    own = (bank.owners == 1) & bank.positive
    expected = F.cosine_similarity(x, net.text(bank.prompts[own]).mean(0)[None])
    torch.testing.assert_close(net(x, bank)[0][:, 1], expected)


def test_choosing_classes_keeps_their_prompts_and_order():
    _, bank = separable(20, 5)
    chosen = bank.only(("pneumonia", "edema"))
    torch.testing.assert_close(chosen.prompts[chosen.owners == 0], bank.prompts[bank.owners == 2])
    torch.testing.assert_close(chosen.prompts[chosen.owners == 1], bank.prompts[bank.owners == 0])
    with pytest.raises(InputError, match="no prompts for mass"):
        bank.only(("mass",))


def test_prompts_are_embedded_by_class_and_sort():
    space = NumberSpace()
    bank = embed_prompts(space, {"edema": (("edema is seen", "edema"), ("no edema",)), "mass": (("mass",), ("none",))})
    assert bank.classes == ("edema", "mass")
    assert bank.owners.tolist() == [0, 0, 0, 1, 1]
    assert bank.positive.tolist() == [True, True, False, True, False]
    torch.testing.assert_close(bank.prompts[2:3], space.embed_texts(["no edema"]))


def test_raw_text_embeddings_are_used_where_a_model_gives_them():
    space = NumberSpace()
    space.project_texts = lambda texts: 7 * space.embed_texts(texts)
    bank = embed_prompts(space, {"mass": (("mass",), ("none",))})
    torch.testing.assert_close(bank.prompts.norm(dim=1), torch.tensor([7.0, 7.0]))


def test_a_class_needs_both_sorts_of_prompts():
    with pytest.raises(InvalidNoun, match="class mass has 2 positive of 2 prompts"):
        PromptBank(("mass",), torch.ones(2, 4), torch.tensor([0, 0]), torch.tensor([True, True]))


@pytest.mark.parametrize("sides", list(Sides))
@pytest.mark.parametrize("kind", list(AdaptorKind))
def test_saved_adaptors_give_the_same_scores(tmp_path, kind, sides):
    features, bank = separable(20, 5)
    torch.manual_seed(0)
    net = RetuneAdaptors(AdaptorConfig(kind, sides, DIM))
    save_adaptors(net, tmp_path / "a.safetensors", bank.classes, "numbers")
    loaded, classes, model = load_adaptors(tmp_path / "a.safetensors")
    assert (loaded.config, classes, model) == (net.config, bank.classes, "numbers")
    x = torch.from_numpy(features.features)
    torch.testing.assert_close(loaded(x, bank), net(x, bank), rtol=0, atol=0)


def test_a_file_without_adaptors_is_one_sentence(tmp_path):
    with pytest.raises(InputError, match="no adaptors at"):
        load_adaptors(tmp_path / "a.safetensors")
    (tmp_path / "a.safetensors").write_bytes(b"nonsense")
    with pytest.raises(InputError, match="holds no RE-tune adaptors"):
        load_adaptors(tmp_path / "a.safetensors")
