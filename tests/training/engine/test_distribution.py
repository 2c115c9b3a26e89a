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
            "sets optimizer, which the run decides",
        ),
        ('{"scheduler": {"type": "WarmupLR"}}', "sets scheduler, which the run decides"),
        ('{"gradient_clipping": 2}', r"sets gradient_clipping to 2, the run to 1\.0"),
        ('{"train_batch_size": 7}', "sets train_batch_size to 7, the run to 40"),
        ('{"bf16": {"enabled": true}}', "sets bf16 to True, the run to False"),
        ('{"gradient_accumulation_steps": 3}', "sets gradient_accumulation_steps to 3, the run to 1"),
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


SEED = """{
  "zero_optimization": {
    "stage": 3, "offload_optimizer": {"device": "cpu", "pin_memory": true},
    "offload_param": {"device": "cpu", "pin_memory": true}, "overlap_comm": true, "contiguous_gradients": true,
    "reduce_bucket_size": 5e7, "stage3_prefetch_bucket_size": 5e7, "stage3_param_persistence_threshold": 1e5
  },
  "bf16": {"enabled": true}, "gradient_clipping": 1.0, "train_batch_size": 32, "train_micro_batch_size_per_gpu": 8,
  "wall_clock_breakdown": false
}"""


def test_the_file_of_the_seed_is_taken_as_it_is_by_a_run_that_says_the_same(tmp_path, monkeypatch):
    path = tmp_path / "zero3.json"
    path.write_text(SEED)
    same = {"batch.exams": "20", "batch.pairs": "12", "accumulate": "2", "precision": "bf16", "clip_norm": "1"}
    monkeypatch.setenv("WORLD_SIZE", "2")
    found = config(path, **same)
    assert found["zero_optimization"]["offload_param"] == {"device": "cpu", "pin_memory": True}
    assert found["zero_optimization"]["stage3_prefetch_bucket_size"] == 5e7
    assert found["train_micro_batch_size_per_gpu"] == 1 and "bf16" not in found and "train_batch_size" not in found
    monkeypatch.setenv("WORLD_SIZE", "4")
    with pytest.raises(InputError, match=r"sets train_micro_batch_size_per_gpu to 8, the run to 4"):
        config(path, **same)


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
