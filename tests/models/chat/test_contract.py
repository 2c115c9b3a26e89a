"""The contract that every chat adapter keeps, on a tiny checkpoint in its published layout."""

import json
import re
import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from mammoscribe.data.records import Turn
from mammoscribe.models.chat.answer import Question, answer, written
from mammoscribe.models.chat.batch import batch_of
from mammoscribe.models.chat.chat_model import ChatModel, load_chat_model
from mammoscribe.models.chat.families import FAMILIES
from mammoscribe.support.errors import InputError
from tests.models.tiny_chat import LLAVA_TOKENS, picture, write_starter_chat
from tests.models.tiny_families import DEEPSEEK_END, WRITERS

pytest.importorskip("transformers")


@dataclass(frozen=True)
class Case:
    """A family with what its published layout and text look like, written out by hand."""

    keys: tuple[str, ...]  # one of each part
    prompt: str  # of two views and `Write the report.`, each <V> a view
    view: str  # text of a view with N times its token
    tokens: Callable[[list[np.ndarray]], list[int]]
    end: str
    elsewhere: tuple[str, ...] = ()  # folders beside the weights that hold further parts of the network


def qwen_tokens(views: list[np.ndarray]) -> list[int]:
    """Sides rounded to 28 pixels; between 784 and 4,704 pixels the shape stays as it is."""
    found = []
    for view in views:
        high, wide = (max(1, round(side / 28)) for side in view.shape)
        assert 784 <= high * wide * 784 <= 4704
        found.append(high * wide)
    return found


def four_each(views: list[np.ndarray]) -> list[int]:
    return [LLAVA_TOKENS] * len(views)


def six_each(views: list[np.ndarray]) -> list[int]:
    return [6] * len(views)


def one_for_all(views: list[np.ndarray]) -> list[int]:
    return [1, *[0] * (len(views) - 1)]


CASES = {
    "llava-1.5": Case(
        (
            "vision_tower.vision_model.encoder.layers.1.mlp.fc1.weight", "multi_modal_projector.linear_2.bias",
            "language_model.model.layers.1.self_attn.q_proj.weight", "language_model.lm_head.weight",
            "vision_tower.vision_model.embeddings.class_embedding", "language_model.model.embed_tokens.weight",
        ),
        "A chat between a curious user and an artificial intelligence assistant. The assistant gives helpful, detailed, and "
        "polite answers to the user's questions. USER: <V>\n<V>\nWrite the report. ASSISTANT:",
        "<image>", four_each, "</s>",
    ),
    "qwen2-vl": Case(
        (
            "visual.blocks.1.attn.qkv.weight", "visual.merger.mlp.0.weight", "visual.patch_embed.proj.weight",
            "model.layers.0.mlp.down_proj.weight", "model.embed_tokens.weight", "model.norm.weight",
        ),
        "<|im_start|>system\nYou are a helpful assistant.<|im_end|>\n<|im_start|>user\n<V>\n<V>\nWrite the report.<|im_end|>\n"
        "<|im_start|>assistant\n",
        "<|vision_start|><|image_pad|><|vision_end|>", qwen_tokens, "<|im_end|>",
    ),
}  # fmt: skip
CASES["qwen2.5-vl"] = replace(
    CASES["qwen2-vl"],
    keys=("visual.blocks.1.attn.qkv.weight", "visual.merger.ln_q.weight", *CASES["qwen2-vl"].keys[2:]),
)  # fmt: skip
CASES["llava-med-1.5"] = replace(
    CASES["llava-1.5"], prompt="[INST] <V>\n<V>\nWrite the report. [/INST]",
)  # fmt: skip
CASES["gemma-3"] = Case(
    (
        "vision_tower.vision_model.encoder.layers.1.mlp.fc1.weight", "multi_modal_projector.mm_input_projection_weight",
        "language_model.model.layers.1.self_attn.q_norm.weight", "multi_modal_projector.mm_soft_emb_norm.weight",
        "vision_tower.vision_model.embeddings.position_embedding.weight", "language_model.model.embed_tokens.weight",
    ),
    "<start_of_turn>user\n<V>\n<V>\nWrite the report.<end_of_turn>\n<start_of_turn>model\n",
    "\n\n<start_of_image><image_soft_token><end_of_image>\n\n", four_each, "<end_of_turn>",
)  # fmt: skip
CASES["llama-3.2-vision"] = Case(
    (
        "vision_model.transformer.layers.1.mlp.fc1.weight", "multi_modal_projector.weight",
        "language_model.model.layers.1.cross_attn.k_norm.weight", "language_model.lm_head.weight",
        "vision_model.gated_positional_embedding.tile_embedding.weight", "language_model.model.layers.1.cross_attn_mlp_gate",
    ),
    "<|start_header_id|>user<|end_header_id|>\n\n<V>row 1, column 1\nrow 1, column 2\nWrite the report.<|eot_id|>"
    "<|start_header_id|>assistant<|end_header_id|>\n\n",
    "<|image|>", one_for_all, "<|eot_id|>",
)  # fmt: skip
CASES["deepseek-vl"] = Case(
    (
        "model.vision_model.vision_model.encoder.layers.1.self_attn.k_proj.weight", "model.aligner.linear1.weight",
        "model.language_model.layers.1.self_attn.q_proj.weight", "lm_head.weight",
        "model.vision_model.vision_model.embeddings.position_embedding.weight", "model.language_model.embed_tokens.weight",
    ),
    "You are a helpful language and vision assistant. You are able to understand the visual content that the user provides, "
    "and assist the user with a variety of tasks using natural language.\n\nUser: <V>\n<V>\nWrite the report.\n\nAssistant:",
    "<image_placeholder>", four_each, DEEPSEEK_END,
)  # fmt: skip
CASES["deepseek-vl-hybrid"] = replace(CASES["deepseek-vl"], keys=(
    "model.high_res_vision_model.vision_encoder.layers.1.attn.qkv.weight", "model.aligner.high_res_vision_proj.weight",
    "model.high_res_vision_neck.conv1.weight", "model.high_res_vision_alpha", "model.high_res_vision_proj.conv2.weight",
    "model.vision_model.vision_model.encoder.layers.1.layer_norm1.weight",
))  # fmt: skip
CASES["starter-chat"] = Case(
    (
        "model.multi_modal_projector.linear_1.weight", "model.multi_modal_projector.linear_2.bias",
        "model.language_model.layers.1.self_attn.q_proj.lora_A.default.weight",
        "model.language_model.layers.0.mlp.down_proj.lora_B.default.weight",
        "model.multi_modal_projector.linear_2.weight",
        "model.language_model.layers.0.self_attn.v_proj.lora_B.default.weight",
    ),
    "<|im_start|>system\nYou read mammography exams.<|im_end|>\n<|im_start|>user\n<V>\n<V>\nWrite the report.<|im_end|>\n"
    "<|im_start|>assistant\n",
    "<empty_output>", six_each, "<|im_end|>", ("base",),
)  # fmt: skip
REPORT = 'The breasts are heterogeneously dense. BI-RADS 1: größte 4.5 mm; "negative".\n\nNo suspicious finding.'
ASKED = Turn("human", "<image>\n<image>\nWrite the report.")
VIEWS = [picture(0, 60, 40), picture(5, 40, 84)]
EXAM = [picture(n, 56, 30 + 9 * n) for n in (0, 1, 2, 3)]


@pytest.fixture(scope="module", params=list(CASES))
def name(request):
    return request.param


@pytest.fixture(scope="module")
def folder(name, tmp_path_factory):
    return {**WRITERS, "starter-chat": write_starter_chat}[name](tmp_path_factory.mktemp("published") / name)


@pytest.fixture(scope="module")
def model(folder) -> ChatModel:
    return load_chat_model(folder)


def changed(folder: Path, tmp_path: Path, change: Callable[[dict[str, torch.Tensor]], None]) -> Path:
    copy = tmp_path / "changed"
    shutil.copytree(folder, copy)
    tensors = load_file(copy / "model.safetensors")
    change(tensors)
    save_file(tensors, copy / "model.safetensors", {"format": "pt"})
    return copy


def exam_question(text: str = "Write the report.") -> Turn:
    return Turn("human", "\n".join(["<image>"] * 4 + [text]))


def logits(model: ChatModel, views, turns) -> torch.Tensor:
    pixels = model.adapter.pixels(views) if views else None
    prompter = model.prompter()
    ids = prompter.asked(turns, pixels.tokens if pixels else (), "sample")
    with torch.no_grad():
        return model.network(**batch_of([ids], None, [pixels], prompter).inputs()).logits[0, -1]


def test_every_family_is_tested_here():
    assert {family.name for family in FAMILIES} == set(CASES)


def test_a_published_folder_loads_with_the_very_tensors_of_its_file(name, folder, model):
    stored = load_file(folder / "model.safetensors")
    for place in CASES[name].elsewhere:
        stored |= load_file(folder / place / "model.safetensors")
    there = {t.data.double().sum().item() for t in model.network.state_dict().values()}
    assert len(model.network.state_dict()) - len(stored) in (0, 1)  # one where the output layer is tied
    assert all(tensor.double().sum().item() in there for tensor in stored.values())
    assert model.family.name == name and not model.network.training


@pytest.mark.parametrize("which", range(6))
def test_a_weight_that_is_missing_is_named(name, folder, tmp_path, which):
    key = CASES[name].keys[which]
    with pytest.raises(InputError, match="holds no .*" + key.rsplit(".", 2)[-2]) as found:
        load_chat_model(changed(folder, tmp_path, lambda tensors: tensors.pop(key)))
    assert key.split(".")[-1] in str(found.value)


@pytest.mark.parametrize("which", range(6))
def test_a_weight_too_many_is_named(name, folder, tmp_path, which):
    key = CASES[name].keys[which]
    surplus = (
        key.replace(".1.", ".7.").replace(".0.", ".9.") if any(c in key for c in (".0.", ".1.")) else f"{key}_extra"
    )
    with pytest.raises(InputError, match="holds a surplus .*" + surplus.rsplit(".", 1)[-1]):
        load_chat_model(changed(folder, tmp_path, lambda tensors: tensors.update({surplus: tensors[key].clone()})))


@pytest.mark.parametrize("which", range(6))
def test_a_weight_of_another_shape_is_named(name, folder, tmp_path, which):
    key = CASES[name].keys[which]
    with pytest.raises(InputError, match=key.rsplit(".", 1)[-1] + " of shape"):
        load_chat_model(changed(folder, tmp_path, lambda tensors: tensors.update({key: torch.zeros(3, 5)})))


def test_shards_and_pickled_tensors_load_as_well(folder, model, tmp_path):
    def keep(tensors):
        names = sorted(tensors)
        halves = names[::2], names[1::2]
        places = {}
        for number, half in enumerate(halves, start=1):
            file = f"pytorch_model-0000{number}-of-00002.bin"
            torch.save({n: tensors[n] for n in half}, tmp_path / file)
            places |= dict.fromkeys(half, file)
        index = {"metadata": {"total_size": 1}, "weight_map": places}
        (tmp_path / "pytorch_model.bin.index.json").write_text(json.dumps(index))

    copy = changed(folder, tmp_path, keep)
    (copy / "model.safetensors").unlink()
    for file in tmp_path.glob("pytorch_model*"):
        file.rename(copy / file.name)
    loaded = load_chat_model(copy)
    state = model.network.state_dict()
    assert all(torch.equal(tensor, state[key]) for key, tensor in loaded.network.state_dict().items())
    next(copy.glob("*-of-00002.bin")).unlink()
    with pytest.raises(InputError):
        load_chat_model(copy)


@pytest.mark.parametrize("file", ["config.json", "model.safetensors", "tokenizer.json", "preprocessor_config.json"])
@pytest.mark.parametrize("harm", ["absent", "empty", "cut", "other"])
def test_a_damaged_folder_is_one_sentence(folder, tmp_path, file, harm):
    copy = tmp_path / "copy"
    shutil.copytree(folder, copy)
    path = copy / file if (copy / file).is_file() else next(copy.rglob(file))
    content = path.read_bytes()
    path.unlink()
    if harm != "absent":
        path.write_bytes({"empty": b"", "cut": content[: len(content) // 2], "other": b'{"a": 1}'}[harm])
    with pytest.raises(InputError) as found:
        load_chat_model(copy)
    assert "\n" not in str(found.value) and len(str(found.value)) < 900


def test_the_text_is_the_familys_own_and_each_view_has_its_tokens_in_its_place(name, model):
    case = CASES[name]
    pixels = model.adapter.pixels(VIEWS)
    assert list(pixels.tokens) == case.tokens(VIEWS)
    ids = model.prompter().asked([ASKED], pixels.tokens, "sample")
    token = model.family.image_token
    expected = case.prompt
    for tokens in case.tokens(VIEWS):
        expected = expected.replace("<V>", case.view.replace(token, token * tokens), 1)
    by_library = model.tokenizer(expected)["input_ids"]
    assert ids.tolist() == by_library
    begin = model.tokenizer.bos_token if model.family.name not in ("qwen2-vl", "qwen2.5-vl") else None
    assert (ids == model.tokenizer.convert_tokens_to_ids(begin or "<bos>")).sum() == (begin is not None)
    assert model.tokenizer.decode(ids.tolist()).removeprefix(begin or "").strip() == expected.strip()


def test_the_first_token_is_there_once_also_where_the_tokeniser_does_not_write_it(name, folder, model, tmp_path):
    copy = tmp_path / "copy"
    shutil.copytree(folder, copy)
    file = (copy.joinpath(*CASES[name].elsewhere)) / "tokenizer.json"
    held = json.loads(file.read_text())
    file.write_text(json.dumps({**held, "post_processor": None}))
    other = load_chat_model(copy)
    pixels = model.adapter.pixels(VIEWS)
    turns = [ASKED, Turn("gpt", REPORT)]
    one, two = (m.prompter().learned(turns, pixels.tokens, "sample") for m in (model, other))
    assert one.ids.tolist() == two.ids.tolist() and one.labels.tolist() == two.labels.tolist()


def test_what_comes_later_changes_no_score_before_it(model):
    """Also where tokens of a picture see each other both ways: what is learned is foreseen from what comes before alone."""
    prompter, pixels = model.prompter(), model.adapter.pixels(VIEWS)
    encoded = prompter.learned([ASKED, Turn("gpt", REPORT)], pixels.tokens, "sample")
    other = encoded.ids.copy()
    other[-9:] = other[-9:][::-1]
    with torch.no_grad():
        one, two = (
            model.network(**batch_of([ids], None, [pixels], prompter).inputs()).logits[0]
            for ids in (encoded.ids, other)
        )
    assert torch.allclose(one[:-9], two[:-9], atol=1e-5) and not torch.allclose(one[-8:], two[-8:], atol=1e-2)


def test_supervised_tokens_are_the_answer_and_its_end_and_nothing_else(name, model):
    case, prompter = CASES[name], model.prompter()
    pixels = model.adapter.pixels(VIEWS)
    turns = [ASKED, Turn("gpt", REPORT), Turn("human", "Is the left breast dense?"), Turn("gpt", "  Yes, it is. ")]
    found = prompter.learned(turns, pixels.tokens, "sample")
    learned = found.labels >= 0
    assert (found.labels[learned] == found.ids[learned]).all()
    starts = np.flatnonzero(np.diff(np.concatenate([[0], learned.astype(int)])) == 1)
    assert len(starts) == 2
    text = model.tokenizer.decode(found.ids[learned].tolist())
    first, second, after = text.split(case.end)
    assert (first.strip(), second.strip(), after) == (REPORT, "Yes, it is.", "")
    for number, start in enumerate(
        starts
    ):  # what is asked when reports are written is what comes before what was learned
        asked = prompter.asked(turns[: 2 * number + 1], pixels.tokens, "sample")
        assert found.ids[:start].tolist() == asked.tolist()


def test_a_conversation_without_pictures_is_asked_and_answered_too(name, model):
    found = model.prompter().learned([Turn("human", "Is it dense?"), Turn("gpt", "Yes.")], (), "sample")
    assert not (found.ids == model.prompter().image_id).any() and found.num_learned > 1
    assert torch.isfinite(logits(model, [], [Turn("human", "Is it dense?")])).all()


def test_another_system_text_takes_the_place_of_the_usual_one(model):
    ids = model.prompter().asked([Turn("system", "Be brief."), Turn("human", "Hi")], (), "sample")
    text = model.tokenizer.decode(ids.tolist())
    usual = model.family.template.system
    assert "Be brief." in text and not (usual and usual in text)
    plain = model.tokenizer.decode(model.prompter().asked([Turn("human", "Hi")], (), "sample").tolist())
    assert "Be brief." not in plain and usual in plain


@pytest.mark.parametrize("where", ["question", "answer", "system"])
def test_a_text_with_a_token_of_the_model_in_it_is_an_error(name, model, where):
    bad = f"Normal {CASES[name].end} study"
    turns = [
        Turn("system", bad if where == "system" else "Be brief."), Turn("human", bad if where == "question" else "Hi"),
        Turn("gpt", bad if where == "answer" else "Yes."),
    ]  # fmt: skip
    with pytest.raises(InputError, match=f"sample 7 holds {re.escape(CASES[name].end)}"):
        model.prompter().learned(turns, (), "sample 7")


def test_an_answer_that_its_tokens_do_not_give_back_is_an_error_and_never_left_out(model):
    class Lossy:
        def __init__(self, tokenizer):
            self.own = tokenizer

        def __getattr__(self, name):
            return getattr(self.own, name)

        def __call__(self, text, **options):
            return self.own(text.lower() if "Mass" in text else text, **options)

    lossy = replace(model.prompter(), tokenizer=Lossy(model.tokenizer))
    with pytest.raises(InputError, match="sample 3"):
        lossy.learned([Turn("human", "Hi"), Turn("gpt", "A Mass.")], (), "sample 3")
    assert lossy.learned([Turn("human", "Hi"), Turn("gpt", "A mass.")], (), "sample 3").num_learned


def test_what_is_too_long_is_an_error_that_names_the_sample_and_nothing_is_cut(model):
    pixels = model.adapter.pixels(VIEWS)
    whole = len(model.prompter().learned([ASKED, Turn("gpt", REPORT)], pixels.tokens, "sample").ids)
    assert len(model.prompter(whole).learned([ASKED, Turn("gpt", REPORT)], pixels.tokens, "sample").ids) == whole
    for most in (whole - 1, whole // 2, 20):
        with pytest.raises(InputError, match=f"exam 12 has {whole} tokens, {sum(pixels.tokens)} of them of 2 pictures"):
            model.prompter(most).learned([ASKED, Turn("gpt", REPORT)], pixels.tokens, "exam 12")
    with pytest.raises(InputError, match="max_tokens"):
        model.prompter(model.context + 1)


def test_four_views_have_no_more_tokens_than_it_says(model):
    large = [picture(n, 400, 300) for n in range(4)]
    assert sum(model.adapter.pixels(large).tokens) <= model.adapter.tokens_for(4)
    fewest, most = model.adapter.view_tokens
    assert all(
        fewest <= tokens <= most
        for view in (large[:1], [picture(0, 9, 9)])
        for tokens in model.adapter.pixels(view).tokens
    )


def test_as_many_pictures_as_marks_and_no_more_than_the_family_takes(model):
    tokens = model.adapter.pixels(VIEWS).tokens
    for wrong in (tokens[:1], (*tokens, tokens[0]), ()):
        with pytest.raises(InputError, match="sample has 2 <image>"):
            model.prompter().asked([ASKED], wrong, "sample")
    most = model.family.most_images
    many = [picture(n % 8, 30, 30) for n in range(most + 1)]
    assert len(model.adapter.pixels(many[:most]).tokens) == most
    with pytest.raises(InputError, match=f"at most {most}"):
        model.adapter.pixels(many)
    with pytest.raises(InputError, match=f"at most {most}"):
        answer(model, [Question([Turn("human", "<image>" * (most + 1))], many)], 2)


def test_every_view_matters_in_its_place(model):
    turns = [exam_question()]
    seen = logits(model, EXAM, turns)
    for number in range(4):
        blanked = [np.zeros_like(view) if n == number else view for n, view in enumerate(EXAM)]
        assert (logits(model, blanked, turns) - seen).abs().max() > 1e-4, number
    same = [picture(n, 56, 56) for n in (0, 1, 2, 3)]
    for swapped in ([1, 0, 2, 3], [0, 1, 3, 2], [3, 1, 2, 0]):
        there = logits(model, [same[n] for n in swapped], turns)
        assert (there - logits(model, same, turns)).abs().max() > 1e-4, swapped


def test_all_of_a_view_is_seen_up_to_its_edges(model):
    """Nothing is cropped away: a bright corner of a long picture changes what the model sees, at either end."""
    turns, long = [Turn("human", "<image>\nWrite the report.")], picture(1, 120, 40)
    seen = logits(model, [long], turns)
    for rows in (slice(0, 12), slice(108, 120)):
        lit = long.copy()
        lit[rows, :12] = 255
        assert (logits(model, [lit], turns) - seen).abs().max() > 1e-4


def test_decoding_with_a_cache_is_decoding_without(model):
    questions = [Question([exam_question()], EXAM)]
    assert written(model, questions, 16, cached=True) == written(model, questions, 16, cached=False)


def test_answers_in_a_ragged_batch_are_those_given_alone(model):
    questions = [
        Question([exam_question()], EXAM), Question([Turn("human", "Is the breast dense? " * 3)], []),
        Question([Turn("human", "<image>\nDescribe.")], [picture(6, 80, 40)]), Question([ASKED], VIEWS),
    ]  # fmt: skip
    together = written(model, questions, 10)
    assert together == [written(model, [question], 10)[0] for question in questions]
    assert len({tuple(ids) for ids in together}) > 1
    assert [a.is_cut for a in answer(model, questions, 10)] == [ids[-1] != model.prompter().end_id for ids in together]


def test_logits_of_padded_conversations_are_those_of_each_alone(model):
    prompter = model.prompter()
    pixels = [model.adapter.pixels(EXAM), None, model.adapter.pixels(VIEWS)]
    turns = [exam_question(), Turn("human", "Hi"), ASKED]
    encoded = [
        prompter.learned([turn, Turn("gpt", REPORT)], own.tokens if own else (), "x")
        for turn, own in zip(turns, pixels, strict=True)
    ]
    batch = batch_of([e.ids for e in encoded], [e.labels for e in encoded], pixels, prompter)
    with torch.no_grad():
        together = model.network(**batch.inputs()).logits
        for row, (one, own) in enumerate(zip(encoded, pixels, strict=True)):
            alone = model.network(**batch_of([one.ids], [one.labels], [own], prompter).inputs()).logits[0]
            assert torch.allclose(together[row, : len(one.ids)], alone, atol=2e-5)
    assert int((batch.labels != -100).sum()) == sum(e.num_learned for e in encoded)
    assert batch.mask.sum(dim=1).tolist() == [len(e.ids) for e in encoded]


@pytest.mark.parametrize(
    "wrong", [np.zeros((9, 9), np.float32), np.zeros((9, 9, 3), np.uint8), np.zeros((1, 9), np.uint8)]
)
def test_what_is_no_windowed_view_is_refused(model, wrong):
    with pytest.raises(InputError, match="8 bits of grey"):
        model.adapter.pixels([wrong])


def test_a_question_without_room_for_the_answer_is_an_error(model):
    with pytest.raises(InputError, match="at most 512 together"):
        answer(model, [Question([ASKED], VIEWS)], 500)
