"""What the network is shown of each view: the published pre-processing, with padding in place of cropping and squeezing."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

from mammoscribe.data.records import Turn
from mammoscribe.models.chat.batch import batch_of
from mammoscribe.models.chat.chat_model import load_chat_model
from mammoscribe.models.chat.llama_vision import hide_from_texts
from mammoscribe.models.chat.montage import grid_of, montage, place_words
from mammoscribe.support.errors import InputError
from tests.models.tiny_chat import SIDE_PX, picture
from tests.models.tiny_families import CLIP_MEAN, CLIP_STD, WRITERS

transformers = pytest.importorskip("transformers")
NEW = ["llava-med-1.5", "gemma-3", "llama-3.2-vision", "deepseek-vl", "deepseek-vl-hybrid"]
SHAPES = [(60, 41), (37, 80), (28, 28), (300, 203)]


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    return {name: WRITERS[name](tmp_path_factory.mktemp("published") / name) for name in NEW}


def colour(view: np.ndarray) -> Image.Image:
    return Image.fromarray(view).convert("RGB")


def in_square(view: np.ndarray, grey: int) -> Image.Image:
    out = Image.new("RGB", (max(view.shape),) * 2, (grey,) * 3)
    out.paste(colour(view), tuple((max(view.shape) - side) // 2 for side in reversed(view.shape)))
    return out


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("grey", [None, 0])
def test_a_view_of_gemma_is_padded_and_then_prepared_as_the_library_does_it(folders, shape, grey):
    folder, view = folders["gemma-3"], picture(2, *shape)
    usual = load_chat_model(folder).adapter.preparation
    given = usual if grey is None else replace(usual, pad_rgb=(grey, grey, grey))
    library = transformers.Gemma3ImageProcessorPil.from_pretrained(folder)
    wanted = library(in_square(view, 127 if grey is None else grey), return_tensors="pt")["pixel_values"]
    assert torch.equal(
        load_chat_model(folder, preparation=given).adapter.pixels([view]).tensors["pixel_values"], wanted
    )


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("name", ["deepseek-vl", "deepseek-vl-hybrid"])
def test_a_view_of_deepseek_is_prepared_as_the_library_does_it(folders, name, shape):
    kind = "DeepseekVLHybridImageProcessorPil" if name.endswith("hybrid") else "DeepseekVLImageProcessorPil"
    library, view = getattr(transformers, kind).from_pretrained(folders[name]), picture(2, *shape)
    wanted = library(colour(view), return_tensors="pt")
    found = load_chat_model(folders[name]).adapter.pixels([view]).tensors
    assert found.keys() == {"pixel_values", *(["high_res_pixel_values"] if name.endswith("hybrid") else [])}
    assert all(torch.equal(found[key], wanted[key]) for key in found)


@pytest.mark.parametrize("name", ["deepseek-vl", "deepseek-vl-hybrid"])
def test_the_padding_of_deepseek_is_of_the_mean_colour_or_the_one_that_is_asked_for(folders, name):
    view = np.full((20, 60), 200, np.uint8)
    usual = load_chat_model(folders[name]).adapter
    black = load_chat_model(folders[name], preparation=replace(usual.preparation, pad_rgb=(0, 0, 0))).adapter
    for key, pixels in usual.pixels([view]).tensors.items():
        other = black.pixels([view]).tensors[key]
        if name == "deepseek-vl" or key.startswith("high"):
            assert pixels[0, :, 0, 0].abs().max() < 0.02  # normalised, the mean is 0
        assert (other[0, :, 0, 0] < pixels[0, :, 0, 0] - 0.7).all()
        middle = pixels.shape[-1] // 2
        assert torch.allclose(other[0, :, middle, middle], pixels[0, :, middle, middle], atol=1e-3)


@pytest.mark.parametrize("shape", SHAPES)
def test_one_view_of_llama_is_cut_into_tiles_as_the_library_does_it(folders, shape):
    folder, view = folders["llama-3.2-vision"], picture(2, *shape)
    wanted = transformers.MllamaImageProcessorPil.from_pretrained(folder)(colour(view), return_tensors="pt")
    found = load_chat_model(folder).adapter.pixels([view])
    assert found.tokens == (1,) and all(torch.equal(tensor, wanted[key]) for key, tensor in found.tensors.items())


def normalised(tile: np.ndarray) -> torch.Tensor:
    grey = torch.from_numpy(tile.astype(np.float32) / 255)
    return torch.stack([(grey - mean) / std for mean, std in zip(CLIP_MEAN, CLIP_STD, strict=True)])


@pytest.mark.parametrize("count", [3, 4])
def test_three_or_four_views_of_llama_have_a_tile_each_row_by_row(folders, count):
    views = [picture(n, SIDE_PX, SIDE_PX) for n in range(count)]
    found = load_chat_model(folders["llama-3.2-vision"]).adapter.pixels(views).tensors
    assert found["aspect_ratio_ids"].tolist() == [[6]]  # 2 x 2 is the sixth of the published list
    assert found["aspect_ratio_mask"].tolist() == [[[1, 1, 1, 1]]]
    for n, view in enumerate([*views, np.zeros((SIDE_PX, SIDE_PX), np.uint8)][:4]):
        assert torch.allclose(found["pixel_values"][0, 0, n], normalised(view), atol=1e-5), n


def test_two_views_of_llama_have_two_tiles_each_one_above_the_other(folders):
    views = [picture(n, 2 * SIDE_PX, SIDE_PX) for n in range(2)]
    found = load_chat_model(folders["llama-3.2-vision"]).adapter.pixels(views).tensors
    wanted = [views[0][:SIDE_PX], views[1][:SIDE_PX], views[0][SIDE_PX:], views[1][SIDE_PX:]]
    for n, tile in enumerate(wanted):
        assert torch.allclose(found["pixel_values"][0, 0, n], normalised(tile), atol=1e-5), n


def test_a_montage_keeps_the_shape_of_each_view_in_the_middle_of_its_cell():
    views = [np.full(shape, grey, np.uint8) for shape, grey in (((80, 40), 100), ((20, 40), 150), ((40, 40), 200))]
    found = montage(views, (40, 40))
    assert found.shape == (80, 80)
    assert (found[:40, 10:30] == 100).all() and not found[:40, :10].any() and not found[:40, 30:40].any()
    assert (found[10:30, 40:] == 150).all() and not found[:10, 40:].any() and not found[30:40, 40:].any()
    assert (found[40:, :40] == 200).all() and not found[40:, 40:].any()


def test_places_are_named_row_by_row():
    assert [grid_of(n) for n in (1, 2, 3, 4)] == [(1, 1), (1, 2), (2, 2), (2, 2)]
    assert place_words(3) == ["row 1, column 1", "row 1, column 2", "row 2, column 1"]


def test_marks_of_several_questions_are_places_in_the_one_picture_which_the_first_shows(folders):
    model = load_chat_model(folders["llama-3.2-vision"])
    turns = [
        Turn("human", "Hi"),
        Turn("gpt", "Hi."),
        Turn("human", "R <image>"),
        Turn("gpt", "Yes."),
        Turn("human", "L <image> ?"),
    ]
    text = model.tokenizer.decode(model.prompter().asked(turns, (1, 0), "x").tolist())
    users = [part.split("<|eot_id|>")[0] for part in text.split("user<|end_header_id|>\n\n")[1:]]
    assert users == ["Hi", "<|image|>R row 1, column 1", "L row 1, column 2 ?"]
    with pytest.raises(InputError, match="x has 2 <image> for 3 pictures"):
        model.prompter().asked(turns, (1, 0, 0), "x")


def test_a_token_sees_the_tiles_of_the_picture_that_came_before_it_and_texts_see_none(folders):
    model = load_chat_model(folders["llama-3.2-vision"])
    prompter, tall = model.prompter(), model.adapter.pixels([picture(0, 56, 28)])
    ids = [prompter.asked([Turn("human", "<image> x")], (1,), "a"), prompter.asked([Turn("human", "Hi")], (), "b")]
    batch = batch_of(ids, None, [tall, None], prompter)
    mask = batch.of_tokens["cross_attention_mask"]
    at = int((batch.ids[0] == prompter.image_id).nonzero())
    assert mask.shape == (2, batch.ids.shape[1], 1, 4) and not mask[1].any() and not mask[0, :at].any()
    assert mask[0, at:, 0].tolist() == [[1, 1, 0, 0]] * (batch.ids.shape[1] - at)
    assert batch.pixels["aspect_ratio_ids"].tolist() == [[5], [0]] and not batch.pixels["pixel_values"][1].any()
    by_library = transformers.models.mllama.processing_mllama.convert_sparse_cross_attention_mask_to_dense(
        [[[at, -1]], []], [[2], []], 4, batch.ids.shape[1]
    )
    assert np.array_equal(by_library, mask.numpy())


def test_without_the_hook_a_text_beside_a_picture_would_be_another_than_alone(folders):
    """What `hide_from_texts` is for; should transformers mask the output of cross-attention one day, it can go."""
    model = load_chat_model(folders["llama-3.2-vision"])
    prompter, shown = model.prompter(), model.adapter.pixels([picture(0)])
    ids = [
        prompter.asked([Turn("human", "<image> x")], (1,), "a"),
        prompter.asked([Turn("human", "Is it dense?")], (), "b"),
    ]
    plain = transformers.MllamaForConditionalGeneration.from_pretrained(folders["llama-3.2-vision"]).eval()
    with torch.no_grad():
        both, alone = batch_of(ids, None, [shown, None], prompter), batch_of(ids[1:], None, [None], prompter)
        wanted = plain(**alone.inputs()).logits[0, -1]
        assert not torch.allclose(plain(**both.inputs()).logits[1, -1], wanted, atol=1e-3)
        before = plain(**both.inputs()).logits[0, -1]
        hide_from_texts(plain)
        assert torch.allclose(plain(**both.inputs()).logits[1, -1], wanted, atol=1e-5)
        assert torch.allclose(plain(**both.inputs()).logits[0, -1], before, atol=1e-6)


PUBLISHED = {  # one view, as the published processor is given it
    "gemma-3": "<start_of_turn>user\nRight: <start_of_image>\nReport é?<end_of_turn>\n<start_of_turn>model\n",
    "llama-3.2-vision": "<|begin_of_text|><|start_header_id|>user<|end_header_id|>\n\nRight: <|image|>\nReport é?<|eot_id|>"
    "<|start_header_id|>assistant<|end_header_id|>\n\n",
    "llava-med-1.5": "[INST] Right: <image>\nReport é? [/INST]",
}


@pytest.mark.parametrize("name", PUBLISHED)
def test_the_ids_of_a_view_are_those_of_the_published_processor(folders, name):
    model, processor = load_chat_model(folders[name]), transformers.AutoProcessor.from_pretrained(folders[name])
    view = picture(1)
    shown = [colour(view)] if name == "llava-med-1.5" else [[colour(view)]]
    begins = PUBLISHED[name].startswith(
        "<|begin"
    )  # its chat template writes the first token, and the tokeniser is told not to
    by_library = processor(images=shown, text=[PUBLISHED[name]], return_tensors="pt", add_special_tokens=not begins)
    pixels = model.adapter.pixels([view])
    ids = model.prompter().asked([Turn("human", "Right: <image>\nReport é?")], pixels.tokens, "x")
    batch = batch_of([ids], None, [pixels], model.prompter()).inputs()
    assert batch["input_ids"].tolist() == by_library["input_ids"].tolist()
    for key in set(batch) & set(by_library) - {"pixel_values"}:
        assert torch.equal(batch[key], by_library[key]), key
    assert set(batch) <= set(by_library)


def test_tokens_of_one_picture_of_gemma_see_each_other_both_ways(folders):
    model = load_chat_model(folders["gemma-3"])
    prompter, pixels = model.prompter(), model.adapter.pixels([picture(0)])
    batch = batch_of([prompter.asked([Turn("human", "<image> x")], pixels.tokens, "x")], None, [pixels], prompter)
    of_picture = batch.ids[0] == prompter.image_id
    assert batch.of_tokens["token_type_ids"][0].tolist() == of_picture.long().tolist()
    with torch.no_grad():
        seen = model.network(**batch.inputs()).logits[0]
        blind = model.network(**{**batch.inputs(), "token_type_ids": torch.zeros_like(batch.ids)}).logits[0]
    first = int(of_picture.nonzero()[0])
    assert torch.allclose(seen[:first], blind[:first], atol=1e-6) and not torch.allclose(
        seen[first], blind[first], atol=1e-3
    )


SIDES = {"size": {"height": 64, "width": 64}, "high_res_size": {"height": 28, "width": 28}}
SPOILT = {
    "gemma-3": ({"size": {"height": 56, "width": 56}}, "pictures of 56 pixels; expected 28,"),
    "llama-3.2-vision": (
        {"size": {"height": 56, "width": 56}},
        "tiles of 56 x 56 pixels, 4 of a picture; expected 28 x 28",
    ),
    "deepseek-vl": ({"size": {"height": 56, "width": 56}}, "pictures of 56 pixels; expected 28,"),
    "deepseek-vl-hybrid": ({"high_res_size": {"height": 56, "width": 56}}, "28 and 56 pixels; expected 28 and 64,"),
    "deepseek-vl-hybrid, one for the other": (SIDES, "64 and 28 pixels; expected 28 and 64,"),
}


@pytest.mark.parametrize("case", SPOILT)
def test_pictures_of_another_size_than_the_encoders_are_refused(folders, tmp_path, case):
    change, said = SPOILT[case]
    name = case.partition(",")[0]
    held = json.loads((folders[name] / "preprocessor_config.json").read_text())
    for file in folders[name].iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    (tmp_path / "preprocessor_config.json").write_text(json.dumps({**held, **change}))
    with pytest.raises(InputError, match=said):
        load_chat_model(tmp_path)
