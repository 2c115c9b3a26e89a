"""The seed's shell script and its kin, read as the run that they mean."""

import pytest
from typer.testing import CliRunner

from mammoscribe.cli import app
from mammoscribe.support.errors import InputError
from mammoscribe.training.chat.script import Verdict, read_script
from tests.models.tiny_chat import write_llava
from tests.training.chat.lab import lab

SEED = r"""#!/bin/bash

deepspeed llava/train/train_mem.py \
  --deepspeed ./scripts/zero3.json \
  --model_name_or_path liuhaotian/llava-v1.5-13b \
  --version v1 \
  --data_path ./playground/data/mimic_cxr_train.json \
  --image_folder ./playground/data/mimic-cxr-images \
  --vision_tower openai/clip-vit-large-patch14-336 \
  --mm_projector_type mlp2x_gelu \
  --mm_vision_select_layer -2 \
  --mm_use_im_start_end False \
  --mm_use_im_patch_token False \
  --image_aspect_ratio pad \
  --group_by_modality_length True \
  --bf16 True \
  --output_dir ./checkpoints/llava-v1.5-13b-mimic \
  --num_train_epochs 3 \
  --per_device_train_batch_size 8 \
  --per_device_eval_batch_size 4 \
  --gradient_accumulation_steps 2 \
  --evaluation_strategy "steps" \
  --eval_steps 500 \
  --save_strategy "steps" \
  --save_steps 1000 \
  --save_total_limit 3 \
  --learning_rate 1e-5 \
  --weight_decay 0.01 \
  --warmup_ratio 0.03 \
  --lr_scheduler_type "cosine" \
  --logging_steps 10 \
  --tf32 True \
  --model_max_length 2048 \
  --gradient_checkpointing True \
  --dataloader_num_workers 4 \
  --lazy_preprocess True \
  --report_to wandb
""".replace("workers 4 \\\n", "workers 4 \\  \n")  # the seed has two spaces there


def written(tmp_path, text=SEED, **changes):
    for old, new in changes.items():
        assert old in text
        text = text.replace(old, new)
    path = tmp_path / "finetune.sh"
    path.write_text(text)
    return path


def test_every_flag_of_the_seed_is_accounted_for(tmp_path):
    script = read_script(written(tmp_path))
    flags = {line.split()[0] for line in SEED.splitlines() if line.startswith("  --")}
    assert {meaning.flag for meaning in script.meanings} == flags | {"(script)"}
    of = {meaning.flag: meaning for meaning in script.meanings}
    without = {flag for flag, meaning in of.items() if meaning.verdict is Verdict.MEANINGLESS}
    assert without == {"--vision_tower", "--tf32", "--per_device_eval_batch_size", "--lazy_preprocess"}
    assert all(meaning.words for meaning in script.meanings)
    assert "backslash with a space" in of["(script)"].words
    assert script.model == "liuhaotian/llava-v1.5-13b" and str(script.out) == "checkpoints/llava-v1.5-13b-mimic"
    assert str(script.data) == "playground/data/mimic_cxr_train.json" and str(script.deepspeed) == "scripts/zero3.json"


def test_the_fields_of_the_run_are_those_of_the_script(tmp_path):
    data = lab(tmp_path / "data", 6, 4)
    script = read_script(written(tmp_path, **{"./playground/data/mimic_cxr_train.json": str(data)}))
    fields = script.fields(2, "train")
    assert fields == {
        "task.group_by_length": "true", "precision": "bf16", "execution.validate_every": "500",
        "execution.checkpoint_every": "1000", "execution.keep_last": "3", "schedule.learning_rate": "1e-5",
        "optimiser.weight_decay": "0.01", "schedule.warm_up": "0.03", "schedule.shape": "cosine",
        "execution.log_every": "10", "task.max_tokens": "2048", "task.checkpointing": "true", "execution.workers": "4",
        "execution.trackers": "wandb", "batch.train": "32", "accumulate": "2", "task.images": "playground/data/mimic-cxr-images",
        "steps": "1",
    }  # fmt: skip
    assert script.fields(1, "train")["batch.train"] == "16" and script.fields(1, "train")["steps"] == "2"


def test_weights_in_four_bits_are_understood_and_others_refused(tmp_path):
    text = "python train.py --model_name_or_path=here --lora_enable True --quant_type nf4 --double_quant True --bits"
    (tmp_path / "s.sh").write_text(f"{text} 4\n")
    assert read_script(tmp_path / "s.sh").fields(1, "train")["task.four_bits"] == "true"
    (tmp_path / "s.sh").write_text(f"{text} 16\n")
    assert "task.four_bits" not in read_script(tmp_path / "s.sh").fields(1, "train")
    (tmp_path / "s.sh").write_text(f"{text} 8\n")
    with pytest.raises(InputError, match="bits 8"):
        read_script(tmp_path / "s.sh")


def test_lora_alignment_and_the_launchers_processes_are_understood(tmp_path):
    text = "torchrun --nproc_per_node=4 train.py --model_name_or_path=here --lora_enable True --lora_r 64 --lora_alpha 16 --mm_projector_lr 2e-5 --learning_rate 2e-4"
    script = read_script(written(tmp_path, text))
    fields = script.fields(4, "x")
    assert script.processes == 4 and fields["task.trained"] == "lora" and fields["task.lora.rank"] == "64"
    assert float(fields["task.projector_rate"]) == pytest.approx(0.1) and fields["batch.x"] == "32"
    script = read_script(
        written(
            tmp_path,
            "deepspeed --num_gpus 2 t.py --model_name_or_path m --tune_mm_mlp_adapter True --lora_enable False",
        )
    )
    assert script.processes == 2 and script.fields(2, "x")["task.trained"] == "projector"


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("--learning_rate", "--learning_rat", "did you mean learning_rate"),
        ("mlp2x_gelu", "linear", "'linear'.*mlp2x_gelu"),
        ("aspect_ratio pad", "aspect_ratio square", "'square'.*none is cropped"),
        ("start_end False", "start_end True", "'True'"),
        ("--version v1", "--version llava_llama_2", "'llava_llama_2'"),
        ("--bf16 True", "--bf16 yes", "True or False"),
        ("./playground/data/mimic_cxr_train.json", "$DATA/train.json", "a variable of the shell"),
        ("--tf32 True", "--bf16 True", "--bf16 twice"),
        ("epochs 3", "epochs many", "--num_train_epochs many"),
        ("batch_size 8", "batch_size 0", "above 0"),
        ("batch_size 8", "batch_size 1.5", "a whole number"),
        ("train_mem.py", "train_mem", "starts no training"),
        ("llava/train/train_mem.py", "llava/train/train_mem.py stray", "'stray' that belongs to no flag"),
        ('"cosine"', '"cosine', "cannot be read"),
    ],
)
def test_what_is_not_understood_is_an_error_that_names_it(tmp_path, old, new, message):
    with pytest.raises(InputError, match=message):
        read_script(written(tmp_path, **{old: new}))


def test_the_command_prints_the_run_and_trains_it(tmp_path, monkeypatch):
    pytest.importorskip("accelerate")
    pytest.importorskip("transformers")
    monkeypatch.chdir(tmp_path)
    data = lab(tmp_path / "playground" / "data", 3, 1)
    model = write_llava(tmp_path / "llava")
    changes = {
        "mimic_cxr_train.json": data.name, "mimic-cxr-images": "", "model_max_length 2048": "model_max_length 512",
        "  --deepspeed ./scripts/zero3.json \\\n": "", "--dataloader_num_workers 4": "--dataloader_num_workers 0",
        "wandb": "none", "_batch_size 8": "_batch_size 2", "accumulation_steps 2": "accumulation_steps 1",
    }  # fmt: skip
    script = written(tmp_path, **changes)
    options = ["train", "chat", "--from-script", str(script), "--device", "cpu"]
    refused = CliRunner().invoke(app, options)
    assert refused.exit_code == 2 and "'liuhaotian/llava-v1.5-13b', which is no folder here" in " ".join(
        refused.output.split()
    )
    shown = CliRunner().invoke(app, [*options, "--init", str(model), "--set", "steps=2", "--set", "precision=fp32"])
    assert shown.exit_code == 0, shown.output
    assert "--vision_tower openai/clip-vit-large-patch14-336: meaningless:" in shown.output
    assert "--learning_rate 1e-5: renamed: --set schedule.learning_rate=1e-5" in shown.output
    run = (tmp_path / "checkpoints" / "llava-v1.5-13b-mimic" / "run.json").read_text()
    assert '"train": 2' in run and '"steps": 2' in run and '"precision": "fp32"' in run
