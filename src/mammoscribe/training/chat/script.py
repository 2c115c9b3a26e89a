"""A shell script that fine-tunes LLaVA (llava/train/train_mem.py), read as the run that it means here, flag by flag."""

import math
import re
import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from mammoscribe.data.exchange.chat_import import entries_of
from mammoscribe.support.errors import InputError
from mammoscribe.support.lookup import look_up

_GOES_ON = re.compile(r"\\[ \t]*\r?\n")
_SPACE_AFTER = re.compile(r"\\[ \t]+\r?\n")
_PROCESSES = ("--num_gpus", "--nproc_per_node", "--nproc-per-node")


class Verdict(StrEnum):
    """What becomes of a flag: the same here, by another name, or without a meaning today."""

    KEPT = "kept"
    RENAMED = "renamed"
    MEANINGLESS = "meaningless"


@dataclass(frozen=True)
class Meaning:
    """What a flag of the script means here.

    Args:
        flag, value: as the script has them.
        verdict: see there.
        words: the option here, or why there is none.
        fields: fields of the run that it sets.
    """

    flag: str
    value: str
    verdict: Verdict
    words: str
    fields: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Script:
    """A run as a script describes it.

    Args:
        meanings: of every flag, in its order, with notes about the script itself.
        model, data, images, out, deepspeed: its places; None where it names none.
        processes: that its launcher starts; None where it does not say.
        epochs: passes over the data; None where steps are set.
        batch_of_process, accumulate: items that a process computes at a time, and parts of a step.
    """

    meanings: tuple[Meaning, ...]
    model: str | None
    data: Path | None
    images: Path | None
    out: Path | None
    deepspeed: Path | None
    processes: int | None
    epochs: float | None
    batch_of_process: int
    accumulate: int

    def fields(self, processes: int, source: str) -> dict[str, str]:
        """Fields of the run when so many processes train on the data, whose name is `source`."""
        found = {name: value for meaning in self.meanings for name, value in meaning.fields.items()}
        batch = self.batch_of_process * self.accumulate * processes
        found |= {f"batch.{source}": str(batch), "accumulate": str(self.accumulate)}
        if self.images is not None:
            found["task.images"] = str(self.images)
        if self.epochs is not None and self.data is not None:
            items = sum(1 for _ in entries_of(self.data))
            found["steps"] = str(max(1, math.ceil(self.epochs * items / batch)))
        return found


def read_script(path: Path) -> Script:
    """The run that a script means.

    Raises:
        InputError: for a file without such a command, an unknown flag (the nearest is named), a value that is not built
            here, or one that is a variable of the shell.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path} cannot be read ({error})", "a shell script in UTF-8") from error
    launcher, given = _command(text, path)
    meanings = [
        _projector_rate(given) if flag == "mm_projector_lr" else _meaning(flag, value) for flag, value in given.items()
    ]
    if _SPACE_AFTER.search(text):
        note = "a shell ends the command at a backslash with a space after it; it is read here as if the line went on"
        meanings.append(Meaning("(script)", "", Verdict.KEPT, note))
    epochs = None if "max_steps" in given else _number("num_train_epochs", given.get("num_train_epochs", "3"))
    places = {
        flag: Path(given[flag]) for flag in ("data_path", "image_folder", "output_dir", "deepspeed") if flag in given
    }
    return Script(
        tuple(meanings), given.get("model_name_or_path"), places.get("data_path"), places.get("image_folder"),
        places.get("output_dir"), places.get("deepspeed"), launcher, epochs,
        _whole("per_device_train_batch_size", given.get("per_device_train_batch_size", "8")),
        _whole("gradient_accumulation_steps", given.get("gradient_accumulation_steps", "1")),
    )  # fmt: skip


def _command(text: str, path: Path) -> tuple[int | None, dict[str, str]]:
    """Processes of the launcher, and the flags of the training program with their values."""
    for line in _GOES_ON.sub(" ", text).splitlines():
        try:
            words = shlex.split(line, comments=True)
        except ValueError as error:
            raise InputError(f"{path} cannot be read ({error})", "a shell script") from error
        program = next((n for n, word in enumerate(words) if word.endswith(".py")), None)
        if program is not None and any(word.startswith("--model_name_or_path") for word in words):
            return _launched(words[:program]), _flags(words[program + 1 :], path)
    raise InputError(
        f"{path} starts no training", "a line such as `deepspeed llava/train/train_mem.py --model_name_or_path ...`"
    )


def _launched(words: list[str]) -> int | None:
    for number, word in enumerate(words):
        name, _, value = word.partition("=")
        if name in _PROCESSES:
            return _whole(name, value or (words[number + 1] if number + 1 < len(words) else ""))
    return None


def _flags(words: list[str], path: Path) -> dict[str, str]:
    """Flag -> value; a flag alone is True."""
    found: dict[str, str] = {}
    flag = ""
    for word in words:
        if word.startswith("--"):
            flag, separator, value = word[2:].partition("=")
            if flag in found:
                raise InputError(f"{path} gives --{flag} twice", "each flag once")
            found[flag], flag = (value, "") if separator else ("True", flag)
        elif not flag:
            raise InputError(f"{path} holds {word!r} that belongs to no flag", "--flag value")
        else:
            found[flag], flag = word, ""
    for name, value in found.items():
        if "$" in value or "`" in value:
            raise InputError(f"{path} gives --{name} {value}, a variable of the shell", "its value, written out")
    return found


def _meaning(flag: str, value: str) -> Meaning:
    verdict, words, fields = look_up(flag, _TABLE, "flag of LLaVA's script")(value)
    return Meaning(f"--{flag}", value, verdict, words, fields)


def _projector_rate(given: Mapping[str, str]) -> Meaning:
    """The projector's own learning rate, which is a share of the other one here."""
    own, other = (_number(flag, given.get(flag, "2e-5")) for flag in ("mm_projector_lr", "learning_rate"))
    fields = {"task.projector_rate": f"{own / other:g}"}
    words = f"--set task.projector_rate={own / other:g} (times the learning rate)"
    return Meaning("--mm_projector_lr", given["mm_projector_lr"], Verdict.RENAMED, words, fields)


_Found = tuple[Verdict, str, Mapping[str, str]]
_Rule = Callable[[str], _Found]


def _sets(name: str, verdict: Verdict = Verdict.RENAMED) -> _Rule:
    """The value goes into a field as it is."""
    return lambda value: (verdict, f"--set {name}={value}", {name: value})


def _switch(name: str, on: str, off: str | None = None) -> _Rule:
    """True sets a field to `on`; False sets it to `off`, or nothing where that is None."""

    def rule(value: str) -> _Found:
        chosen = on if _truth(value) else off
        if chosen is None:
            return Verdict.KEPT, "as it is without this flag", {}
        return Verdict.RENAMED, f"--set {name}={chosen}", {name: chosen}

    return rule


def _place(option: str) -> _Rule:
    return lambda value: (Verdict.RENAMED, f"{option} {value}", {})


def _only(wanted: str, words: str) -> _Rule:
    """One value is what is built here; another is an error."""

    def rule(value: str) -> _Found:
        if value.strip().lower() != wanted.lower():
            raise InputError(
                f"the value {value!r} in LLaVA's script", f"{wanted}: {words}", "another value is not built here"
            )
        return Verdict.KEPT, words, {}

    return rule


def _bits(value: str) -> _Found:
    if value.strip() == "4":
        return Verdict.RENAMED, "--set task.four_bits=true (NF4 in blocks of 64)", {"task.four_bits": "true"}
    if value.strip() != "16":
        raise InputError(f"--bits {value} in LLaVA's script", "16, or 4 with --lora_enable True")
    return Verdict.KEPT, "weights are not quantised", {}


def _nothing(why: str) -> _Rule:
    return lambda _: (Verdict.MEANINGLESS, why, {})


def _precision(value: str) -> _Found:
    if not _truth(value):
        return Verdict.MEANINGLESS, "the other precision flag decides", {}
    return Verdict.RENAMED, "--set precision=bf16", {"precision": "bf16"}


def _report(value: str) -> _Found:
    if value in ("none", "None", ""):
        return Verdict.RENAMED, "no trackers", {}
    return Verdict.RENAMED, f"--set trackers={value} (written offline)", {"execution.trackers": value}


def _truth(value: str) -> bool:
    if value.lower() not in ("true", "false"):
        raise InputError(f"the value {value!r} in LLaVA's script", "True or False")
    return value.lower() == "true"


def _number(flag: str, value: str) -> float:
    try:
        found = float(value)
    except ValueError as error:
        raise InputError(f"--{flag} {value}", "a number") from error
    if not 0 < found < math.inf:
        raise InputError(f"--{flag} {value}", "a finite number above 0")
    return found


def _whole(flag: str, value: str) -> int:
    found = _number(flag.removeprefix("--"), value)
    if found != int(found):
        raise InputError(f"--{flag} {value}", "a whole number")
    return int(found)


_STEPS = "validation and checkpoints go by steps"
_TABLE: Mapping[str, _Rule] = {
    "model_name_or_path": _place("--init"),
    "data_path": _place("--data"),
    "image_folder": lambda value: (Verdict.RENAMED, f"--set task.images={value}", {}),
    "output_dir": _place("--out"),
    "deepspeed": _place("--deepspeed"),
    "version": _only("v1", "the prompt of Vicuna, which goes with LLaVA-1.5"),
    "vision_tower": _nothing("the image encoder is in the folder of --init"),
    "mm_projector_type": _only("mlp2x_gelu", "as in the folder of --init"),
    "mm_vision_select_layer": _only("-2", "as in the folder of --init"),
    "mm_vision_select_feature": _only("patch", "as in the folder of --init"),
    "mm_use_im_start_end": _only("False", "no tokens around a picture"),
    "mm_use_im_patch_token": _only("False", "no further token for a patch"),
    "image_aspect_ratio": _only("pad", "every picture is padded, none is cropped"),
    "group_by_modality_length": _switch("task.group_by_length", "true", "false"),
    "bf16": _precision,
    "fp16": _only("False", "bf16 in its place"),
    "tf32": _nothing("matrix products run in bf16"),
    "num_train_epochs": lambda value: (Verdict.RENAMED, f"--set steps, counted from {value} passes over the data", {}),
    "max_steps": _sets("steps"),
    "per_device_train_batch_size": lambda value: (Verdict.RENAMED, f"--set batch, counted from {value} a process", {}),
    "per_device_eval_batch_size": _nothing("validation takes four conversations at a time; it changes no figure"),
    "gradient_accumulation_steps": lambda value: (Verdict.RENAMED, f"--set accumulate={value}", {}),
    "evaluation_strategy": _only("steps", _STEPS),
    "eval_strategy": _only("steps", _STEPS),
    "eval_steps": lambda value: (
        Verdict.RENAMED, f"--set validate_every={value}; give --data val.json, too: the script has no data to evaluate on",
        {"execution.validate_every": value},
    ),
    "save_strategy": _only("steps", _STEPS),
    "save_steps": _sets("execution.checkpoint_every"),
    "save_total_limit": _sets("execution.keep_last"),
    "learning_rate": _sets("schedule.learning_rate"),
    "weight_decay": _sets("optimiser.weight_decay"),
    "warmup_ratio": _sets("schedule.warm_up"),
    "lr_scheduler_type": _sets("schedule.shape"),
    "max_grad_norm": _sets("optimiser.clip_norm"),
    "logging_steps": _sets("execution.log_every"),
    "model_max_length": _sets("task.max_tokens"),
    "gradient_checkpointing": _switch("task.checkpointing", "true", "false"),
    "dataloader_num_workers": _sets("execution.workers"),
    "lazy_preprocess": _nothing("pictures are always opened when they are needed"),
    "report_to": _report,
    "seed": _sets("seeds.data"),
    "tune_mm_mlp_adapter": _switch("task.trained", "projector"),
    "freeze_mm_mlp_adapter": _only("False", "the projector is trained"),
    "lora_enable": _switch("task.trained", "lora"),
    "lora_r": _sets("task.lora.rank"),
    "lora_alpha": _sets("task.lora.alpha"),
    "lora_dropout": _sets("task.lora.dropout"),
    "bits": _bits,
    "quant_type": _only("nf4", "the type of weights in 4 bits"),
    "double_quant": _nothing("the scales of weights in 4 bits are not packed again; half a bit a number"),
}  # fmt: skip
