"""What DeepSpeed is asked for: the run decides, a user's file adds, and a contradiction is one sentence."""

import json

import pytest

from benchmarks.engine_toy import toy_run
from mammoscribe.support.errors import InputError
from mammoscribe.training.engine.distribution import deepspeed_config, kind_of


def config(path=None, **changes: str) -> dict:
    if path is not None:
        changes["distribution.deepspeed"] = str(path)
    return deepspeed_config(toy_run(**{"distribution.kind": "zero3", **changes}))


def test_the_configuration_follows_the_run():
    found = config(accumulate="2", clip_norm="0.5", offload="all")
    assert found["zero_optimization"]["stage"] == 3
    assert found["gradient_accumulation_steps"] == 2
    assert found["gradient_clipping"] == 0.5
    assert (
        found["zero_optimization"]["offload_optimizer"]
        == found["zero_optimization"]["offload_param"]
        == {"device": "cpu"}
    )
    two = config(**{"distribution.kind": "zero2", "clip_norm": "none"})
    assert two["zero_optimization"] == {"stage": 2}
    assert two["gradient_clipping"] == 0.0


def test_a_users_file_adds_entries_and_auto_is_left_to_the_run(tmp_path):
    path = tmp_path / "ds.json"
    path.write_text(json.dumps({
        "zero_optimization": {"stage": 3, "overlap_comm": True}, "train_batch_size": "auto", "bf16": "auto", "wall_clock_breakdown": True,
    }))  # fmt: skip
    found = config(path)
    assert found["zero_optimization"]["overlap_comm"] is True
    assert found["zero_optimization"]["stage3_gather_16bit_weights_on_model_save"] is True
    assert found["wall_clock_breakdown"] is True
    assert "train_batch_size" not in found and "bf16" not in found


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (
            '{"optimizer": {"type": "Adam"}, "gradient_clipping": 2}',
            "sets gradient_clipping, optimizer, which the run decides",
        ),
        ('{"zero_optimization": {"stage": 2}}', "asks for ZeRO stage 2, the run for zero3"),
        ("{", "cannot be read"),
        ("[]", "cannot be read"),
        ('{"zero_optimization": 3}', "cannot be read"),
    ],
)
def test_a_file_that_contradicts_the_run_is_one_sentence(content, words, tmp_path):
    (tmp_path / "ds.json").write_text(content)
    with pytest.raises(InputError, match=words):
        config(tmp_path / "ds.json")


def test_a_file_says_which_kind_of_distribution_it_is_for(tmp_path):
    path = tmp_path / "ds.json"
    path.write_text('{"zero_optimization": {"stage": 3}}')
    assert kind_of(path) == "zero3"


@pytest.mark.parametrize("text", ["{}", '{"zero_optimization": {"stage": 4}}', '{"zero_optimization": {}}'])
def test_a_file_without_a_stage_says_which_there_are(text, tmp_path):
    path = tmp_path / "ds.json"
    path.write_text(text)
    with pytest.raises(InputError, match=r"zero_optimization\.stage 1, 2 or 3"):
        kind_of(path)
