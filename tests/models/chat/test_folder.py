"""What is written is read by transformers itself, word for word and key for key; what was published is prepared alike."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file

from mammoscribe.data.records import Turn
from mammoscribe.models.chat.card import CARD, ChatCard, read_card
from mammoscribe.models.chat.chat_model import load_chat_model
from mammoscribe.models.chat.families import LLAVA_1_5, QWEN2_VL
from mammoscribe.models.chat.family import Preparation
from mammoscribe.models.chat.folder import Beside, files_beside, write_chat_folder, write_weights
from mammoscribe.support.errors import InputError
from tests.models.tiny_chat import picture, write_llava, write_qwen2_vl
from tests.models.tiny_families import CLASSES, WRITERS

transformers = pytest.importorskip("transformers")


@pytest.fixture(scope="module", params=list(WRITERS))
def name(request):
    return request.param


@pytest.fixture(scope="module")
def folder(name, tmp_path_factory):
    return WRITERS[name](tmp_path_factory.mktemp("published") / name)


@pytest.fixture(scope="module")
def rewritten(folder, tmp_path_factory):
    model, out = load_chat_model(folder), tmp_path_factory.mktemp("written")
    card = ChatCard("chat on some", model.family.name, model.family.licence, model.adapter.preparation, "0" * 64)
    write_chat_folder(model.network.state_dict(), Beside(files_beside(folder), card, model.tied), model.family, out)
    return out


def test_what_is_written_has_the_names_of_the_published_file_or_of_the_network(name, folder, rewritten):
    before, after = load_file(folder / "model.safetensors"), load_file(rewritten / "model.safetensors")
    if not name.startswith("qwen"):
        assert before.keys() == after.keys() and all(torch.equal(before[key], after[key]) for key in before)
    else:
        assert all(key.startswith(("model.visual.", "model.language_model.", "lm_head.")) for key in after)


def test_transformers_loads_what_is_written_without_a_key_to_spare_and_to_the_same_logits(name, folder, rewritten):
    load = getattr(transformers, CLASSES[name]).from_pretrained
    network, info = load(rewritten, output_loading_info=True, dtype="auto")
    assert not any(info[kind] for kind in ("missing_keys", "unexpected_keys", "mismatched_keys"))
    ids = torch.tensor([[300, 301, 302, 303]])
    with torch.no_grad():
        assert torch.equal(network.eval()(ids).logits, load(folder, dtype="auto").eval()(ids).logits)


def test_what_is_written_is_read_here_with_its_card(name, folder, rewritten):
    model = load_chat_model(rewritten)
    assert read_card(rewritten, model.family).name == "chat on some"
    state = load_chat_model(folder).network.state_dict()
    assert all(torch.equal(state[key], tensor) for key, tensor in model.network.state_dict().items())


def test_a_tokeniser_is_written_with_names_that_transformers_4_knows(name, folder, rewritten):
    held = json.loads((rewritten / "tokenizer_config.json").read_text())
    assert held["tokenizer_class"] != "TokenizersBackend"
    assert not isinstance(held.get("extra_special_tokens"), list)
    one, two = (transformers.AutoTokenizer.from_pretrained(place) for place in (folder, rewritten))
    assert one.get_vocab() == two.get_vocab() and set(one.all_special_tokens) == set(two.all_special_tokens)
    assert one("Dense é: <image> <|eot_id|>")["input_ids"] == two("Dense é: <image> <|eot_id|>")["input_ids"]


def test_weights_are_written_in_the_wanted_type_and_in_shards(name, folder, tmp_path):
    model = load_chat_model(folder)
    card = ChatCard("x", model.family.name, model.family.licence, model.adapter.preparation, "0" * 64)
    beside = Beside(files_beside(folder), card, model.tied)
    write_chat_folder(model.network.state_dict(), beside, model.family, tmp_path, torch.bfloat16)
    assert {tensor.dtype for tensor in load_file(tmp_path / "model.safetensors").values()} == {torch.bfloat16}
    whole = load_file(tmp_path / "model.safetensors")
    (tmp_path / "model.safetensors").unlink()
    written = write_weights(whole, tmp_path, 100_000)
    assert len(written) > 2 and all(path.stat().st_size < 160_000 or len(load_file(path)) == 1 for path in written)
    assert load_chat_model(tmp_path).network.dtype == torch.bfloat16


def test_a_card_of_another_family_or_one_that_is_damaged_is_an_error(rewritten, tmp_path):
    held = json.loads((rewritten / CARD).read_text())
    for wrong in ({**held, "family": "other"}, {**held, "surplus": 1}, {**held, "preparation": {}}, [1], {}):
        (tmp_path / CARD).write_text(json.dumps(wrong))
        with pytest.raises(InputError, match=CARD):
            read_card(tmp_path, LLAVA_1_5)


@pytest.fixture(scope="module")
def llava(tmp_path_factory):
    return write_llava(tmp_path_factory.mktemp("one") / "llava")


@pytest.mark.parametrize("shape", [(60, 41), (37, 80), (28, 28), (500, 333)])
def test_a_view_of_llava_is_prepared_as_the_library_does_it_with_padding(llava, shape):
    adapter, view = load_chat_model(llava).adapter, picture(2, *shape)
    library = transformers.LlavaImageProcessorPil.from_pretrained(llava, do_pad=True)
    colour = Image.fromarray(view).convert("RGB")
    assert torch.equal(
        adapter.pixels([view]).tensors["pixel_values"], library(colour, return_tensors="pt")["pixel_values"]
    )


def test_the_ids_of_llava_are_those_of_its_own_processor(llava):
    model, processor = load_chat_model(llava), transformers.AutoProcessor.from_pretrained(llava)
    views = [picture(0), picture(1)]
    text = LLAVA_1_5.template.system + " USER: <image>\nRight.\n<image>\nReport é? ASSISTANT:"
    by_library = processor(images=[Image.fromarray(v).convert("RGB") for v in views], text=text, return_tensors="pt")
    turns = [Turn("human", "<image>\nRight.\n<image>\nReport é?")]
    ids = model.prompter().asked(turns, model.adapter.pixels(views).tokens, "x")
    assert ids.tolist() == by_library["input_ids"][0].tolist()


def test_a_written_llava_pads_in_transformers_too(llava, tmp_path):
    model = load_chat_model(llava)
    card = ChatCard("x", "llava-1.5", LLAVA_1_5.licence, model.adapter.preparation, "0" * 64)
    write_chat_folder(model.network.state_dict(), Beside(files_beside(llava), card), LLAVA_1_5, tmp_path)
    view = picture(3, 90, 30)
    processor = transformers.AutoProcessor.from_pretrained(tmp_path)
    by_library = processor.image_processor(Image.fromarray(view).convert("RGB"), return_tensors="pt")["pixel_values"]
    assert torch.equal(model.adapter.pixels([view]).tensors["pixel_values"], by_library)
    saved = tmp_path / "saved"
    processor.save_pretrained(saved)  # transformers 5 puts it into processor_config.json alone
    for file in ("config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json"):
        if not (saved / file).is_file():
            (saved / file).write_bytes((tmp_path / file).read_bytes())
    assert torch.equal(load_chat_model(saved).adapter.pixels([view]).tensors["pixel_values"], by_library)


def test_the_colour_of_the_padding_is_the_encoders_mean_or_the_one_that_is_asked_for(llava):
    view = np.full((20, 60), 200, np.uint8)
    mean = load_chat_model(llava).adapter.pixels([view]).tensors["pixel_values"][0]
    assert mean[:, 0, 0].abs().max() < 0.02  # normalised, the mean is 0
    black = replace(LLAVA_1_5.preparation, pad_rgb=(0, 0, 0))
    found = load_chat_model(llava, preparation=black).adapter.pixels([view]).tensors["pixel_values"][0]
    assert found[:, 0, 0].tolist() == pytest.approx([-1.7923, -1.7521, -1.4802], abs=1e-3)
    assert torch.equal(found[:, 14], mean[:, 14])


def test_the_budget_of_an_exam_is_shared_by_its_views(tmp_path):
    folder = write_qwen2_vl(tmp_path / "qwen")
    views = [picture(n, 84, 56) for n in range(4)]
    assert load_chat_model(folder).adapter.pixels(views).tokens == (6,) * 4
    small = load_chat_model(folder, preparation=replace(QWEN2_VL.preparation, exam_px=4 * 2 * 784)).adapter.pixels(
        views
    )
    assert all(1 <= tokens <= 2 for tokens in small.tokens)
    assert load_chat_model(folder, preparation=Preparation(False, None, 4 * 6 * 784)).adapter.pixels(
        views[:1]
    ).tokens == (6,)


def test_a_prepared_view_of_qwen_keeps_grey_values_and_places(tmp_path):
    """A view of 56 x 84 pixels is cut as it is into patches of 14 in blocks of 2 x 2, each shown twice in time."""
    view = picture(2, 56, 84)
    found = load_chat_model(write_qwen2_vl(tmp_path / "qwen")).adapter.pixels([view])
    assert found.tensors["image_grid_thw"].tolist() == [[1, 4, 6]] and found.tokens == (6,)
    mean, std = np.array([0.48145466, 0.4578275, 0.40821073]), np.array([0.26862954, 0.26130258, 0.27577711])
    patches = found.tensors["pixel_values"].numpy().reshape(24, 3, 2, 14, 14)
    for place, (row, column) in enumerate([(0, 0), (0, 1), (1, 0), (1, 1), (0, 2), (0, 3)]):
        own = view[row * 14 : row * 14 + 14, column * 14 : column * 14 + 14] / 255.0
        for channel in range(3):
            for frame in range(2):
                wanted = (own - mean[channel]) / std[channel]
                assert np.abs(patches[place, channel, frame] - wanted).max() < 1e-5


@pytest.mark.parametrize("kind", ["qwen3_vl", "idefics", None])
def test_a_model_of_a_family_that_is_not_built_is_refused_by_name(llava, tmp_path, kind):
    (tmp_path / "config.json").write_text(json.dumps({"model_type": kind}))
    with pytest.raises(InputError, match=f"type {kind!r}"):
        load_chat_model(tmp_path)


@pytest.mark.parametrize(("held", "named"), [
    ({"model_type": "llava", "mm_vision_tower": "openai/clip-vit-large-patch14-336"}, r"llava-hf/llava-1\.5-7b-hf"),
    ({"model_type": "llava_llama"}, r"llava-hf/llava-1\.5-7b-hf"),
    ({"model_type": "llava_mistral", "mm_projector_type": "mlp2x_gelu"}, r"LLaVA-Med's own .*chat convert`\.?$"),
    ({"model_type": "multi_modality"}, r"DeepSeek-VL's own .*chat convert`\.?$"),
])  # fmt: skip
def test_a_folder_in_the_layout_of_its_makers_own_code_is_refused_and_what_helps_is_named(tmp_path, held, named):
    (tmp_path / "config.json").write_text(json.dumps(held))
    with pytest.raises(InputError, match=named):
        load_chat_model(tmp_path)


def test_a_llava_around_another_language_model_is_refused_since_its_prompt_is_another(llava, tmp_path):
    held = json.loads((llava / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps({**held, "text_config": {"model_type": "qwen2"}}))
    with pytest.raises(InputError, match="'qwen2'; expected llama or mistral"):
        load_chat_model(tmp_path)
