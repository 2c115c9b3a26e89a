"""Processes and sharding, by accelerate: DDP, FSDP2 and DeepSpeed; and a check that what was asked for really happened.

accelerate shards with FSDP2 on accelerators only and is silently DDP on a CPU. There the same plugin is switched on by
hand, and sharding is asserted after it was asked for, on every device.
"""

import importlib
import json
import os
import socket
import sys
from collections.abc import Mapping
from contextlib import AbstractContextManager
from datetime import timedelta
from pathlib import Path
from typing import Any

import torch
from torch import nn

from mammoscribe.support.errors import InputError, MissingExtra, install_extra
from mammoscribe.training.engine.devices import chosen_device
from mammoscribe.training.engine.run import Kind, Offload, Precision, Run
from mammoscribe.training.engine.task import Task

DECIDED = ("train_batch_size", "train_micro_batch_size_per_gpu", "gradient_accumulation_steps", "gradient_clipping", "optimizer", "scheduler", "fp16", "bf16")  # fmt: skip
"""Entries of a DeepSpeed file that the run decides; a file may repeat what the run says, and contradict it in nothing."""
_SWITCHES = ("ACCELERATE_USE_DEEPSPEED", "ACCELERATE_USE_FSDP")


def begin(run: Run) -> Any:
    """An `accelerate.Accelerator` for a run, in every process; `launch`, torchrun or the script of --slurm set RANK and WORLD_SIZE.

    Raises:
        MissingExtra: without accelerate, or without DeepSpeed where the run asks for it.
        InputError: for a device, precision or kind of distribution that does not work here.
    """
    try:
        import accelerate
        from accelerate.utils import DistributedDataParallelKwargs, InitProcessGroupKwargs
    except ImportError as error:
        raise MissingExtra("training needs accelerate", "", install_extra("train")) from error
    device, kind = chosen_device(run.execution.device), run.distribution.kind
    _check(run, device)
    if device == "cpu":
        os.environ.setdefault("DS_ACCELERATOR", "cpu")  # DeepSpeed, where it is installed, looks for a device otherwise
    group = InitProcessGroupKwargs(timeout=timedelta(minutes=run.execution.timeout_minutes))
    shared: dict[str, Any] = {"gradient_accumulation_steps": run.accumulate, "project_dir": None}
    if kind.is_zero:
        group.backend = "nccl" if device == "cuda" else "gloo"
        return accelerate.Accelerator(deepspeed_plugin=_deepspeed(run, device), kwargs_handlers=[group], **shared)
    shared |= {"cpu": device == "cpu", "mixed_precision": _NAMES[run.precision]}
    if kind is Kind.FSDP2:
        return _sharded(accelerate, run, device, group, shared)
    return accelerate.Accelerator(kwargs_handlers=[group, DistributedDataParallelKwargs()], **shared)


_NAMES = {Precision.FP32: "no", Precision.BF16: "bf16", Precision.FP16: "fp16"}


def _check(run: Run, device: str) -> None:
    kind, world = run.distribution.kind, int(os.environ.get("WORLD_SIZE", "1"))
    if run.precision is Precision.FP16 and device == "cpu":
        raise InputError("fp16 on the CPU", "bf16 or fp32 there")
    if run.precision is Precision.BF16 and device == "cuda" and not torch.cuda.is_bf16_supported():
        raise InputError("bf16 on a GPU that cannot compute in it", "fp16 or fp32 there")
    if run.precision is Precision.FP16 and kind is not Kind.DDP:
        raise InputError(f"fp16 with {kind}", "bf16 or fp32 there")
    if kind is not Kind.DDP and device == "mps":
        raise InputError(f"{kind} on mps", "ddp there")
    if kind is Kind.FSDP2 and world < 2:
        raise InputError("fsdp2 with one process", "two or more", "raise the number of processes, or set kind=ddp")
    if kind is Kind.FSDP2 and device == "cpu" and run.distribution.offload is not Offload.NONE:
        raise InputError("offload with fsdp2 on the CPU, where there is nothing to offload from", "offload none there")
    if kind is not Kind.DDP and device == "cpu" and torch.cuda.is_available():
        raise InputError(
            f"{kind} on the CPU of a machine with a GPU", "device cuda", "or hide it: CUDA_VISIBLE_DEVICES=''"
        )
    if device == "mps" and world > 1:
        raise InputError(f"{world} processes on mps", "one")


def _sharded(accelerate: Any, run: Run, device: str, group: Any, shared: dict[str, Any]) -> Any:
    """FSDP2 by accelerate's plugin; on a CPU it has to be switched on by hand."""
    from accelerate.state import PartialState
    from accelerate.utils import DistributedType
    from torch.distributed.fsdp import MixedPrecisionPolicy

    plugin = accelerate.FullyShardedDataParallelPlugin(
        fsdp_version=2, mixed_precision_policy=MixedPrecisionPolicy(), reshard_after_forward=True, cpu_offload=run.distribution.offload is Offload.ALL,
        auto_wrap_policy="transformer_based_wrap", state_dict_type="SHARDED_STATE_DICT", cpu_ram_efficient_loading=False,
    )  # fmt: skip
    accelerator = accelerate.Accelerator(fsdp_plugin=plugin, kwargs_handlers=[group], **shared)
    if device == "cpu":
        PartialState._shared_state["distributed_type"] = DistributedType.FSDP
        accelerator.state.distributed_type = DistributedType.FSDP
        accelerator.state.fsdp_plugin = plugin
    return accelerator


def _deepspeed(run: Run, device: str) -> Any:
    try:
        operations = importlib.import_module("deepspeed.ops")
    except ImportError as error:
        raise MissingExtra(f"{run.distribution.kind} needs DeepSpeed", "", install_extra("deepspeed")) from error
    if device == "cpu":
        # gloo is enough on a CPU, and compiling this operation takes minutes
        operations.__compatible_ops__["deepspeed_shm_comm"] = False
    from accelerate.utils import DeepSpeedPlugin

    _alone()
    return DeepSpeedPlugin(hf_ds_config=deepspeed_config(run))


def _alone() -> None:
    """DeepSpeed asks for the names of a process group even where there is one process."""
    if "WORLD_SIZE" not in os.environ:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        os.environ |= {
            "WORLD_SIZE": "1", "RANK": "0", "LOCAL_RANK": "0", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)
        }  # fmt: skip


def deepspeed_config(run: Run) -> dict[str, Any]:
    """The DeepSpeed configuration of a run, including the entries of the user's file.

    Raises:
        InputError: for a file that cannot be read, or that sets what the run decides.
    """
    kind, offload = run.distribution.kind, run.distribution.offload
    zero: dict[str, Any] = {"stage": int(kind[-1])}
    if offload is not Offload.NONE:
        zero["offload_optimizer"] = {"device": "cpu"}
    if offload is Offload.ALL:
        zero["offload_param"] = {"device": "cpu"}
    if kind is Kind.ZERO3:
        zero["stage3_gather_16bit_weights_on_model_save"] = True
    config: dict[str, Any] = {
        "zero_optimization": zero,
        "zero_force_ds_cpu_optimizer": False,  # torch's optimiser: the other one is compiled when it is first used
        "train_micro_batch_size_per_gpu": 1,  # the engine counts items itself; DeepSpeed only wants a number
        "gradient_accumulation_steps": run.accumulate,
        "gradient_clipping": run.optimiser.clip_norm or 0.0,
        "steps_per_print": sys.maxsize,
    }
    return _merged(config, _users_file(run))


def _users_file(run: Run) -> Mapping[str, Any]:
    path = run.distribution.deepspeed
    if path is None:
        return {}
    own, stage = _read(path)
    given = {name: own[name] for name in DECIDED if own.get(name, "auto") not in ("auto", None)}
    same = _said_by(run)
    replaced = [name for name in given if name not in same]
    if replaced:
        raise InputError(
            f"{path} sets {', '.join(replaced)}, which the run decides", "a file without them, or with auto"
        )
    for name, value in given.items():
        if _plain(value) != same[name]:
            found = f"{path} sets {name} to {_plain(value)}, the run to {same[name]}"
            raise InputError(
                found, "the same in both", "set it for the run (batch, accumulate, clip_norm, precision), or write auto"
            )
    if stage not in (None, int(run.distribution.kind[-1])):
        raise InputError(f"{path} asks for ZeRO stage {stage}, the run for {run.distribution.kind}", "the same stage")
    return {name: value for name, value in own.items() if value != "auto" and name not in DECIDED}


def _said_by(run: Run) -> Mapping[str, Any]:
    """What the run says by the names of DeepSpeed; it sets optimiser and learning rates alone."""
    items, world = sum(run.batch.values()), int(os.environ.get("WORLD_SIZE", "1"))
    return {
        "train_batch_size": items,
        "train_micro_batch_size_per_gpu": items / (world * run.accumulate),
        "gradient_accumulation_steps": run.accumulate,
        "gradient_clipping": run.optimiser.clip_norm or 0.0,
        "bf16": run.precision is Precision.BF16,
        "fp16": run.precision is Precision.FP16,
    }


def _plain(value: Any) -> Any:
    """`enabled` of an entry that has it, else the value."""
    return value.get("enabled", "auto") if isinstance(value, Mapping) else value


def _read(path: Path) -> tuple[Mapping[str, Any], int | None]:
    """The entries of a DeepSpeed file, and the ZeRO stage among them."""
    try:
        own = json.loads(path.read_text(encoding="utf-8"))
        return own, own.get("zero_optimization", {}).get("stage")
    except (OSError, ValueError, AttributeError) as error:
        raise InputError(f"{path} cannot be read ({error})", "a JSON object of DeepSpeed entries") from error


def kind_of(path: Path) -> Kind:
    """The kind of distribution that a DeepSpeed file asks for.

    Raises:
        InputError: for a file that cannot be read, or that names no stage of ZeRO from 1 to 3.
    """
    stage = _read(path)[1]
    if stage not in (1, 2, 3):
        raise InputError(
            f"{path} with the ZeRO stage {stage}",
            "zero_optimization.stage 1, 2 or 3",
            "or --set distribution.kind=zero2",
        )
    return Kind(f"zero{stage}")


def _merged(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(below)
    for name, value in above.items():
        both = isinstance(value, Mapping) and isinstance(merged.get(name), Mapping)
        merged[name] = _merged(merged[name], value) if both else value
    return merged


def autocast(run: Run, device: torch.device) -> AbstractContextManager[Any]:
    """The number format of the forward pass; the same in every kind of distribution, so that they train alike."""
    dtype = torch.float16 if run.precision is Precision.FP16 else torch.bfloat16
    return torch.autocast(device.type, dtype, enabled=run.precision is not Precision.FP32)


def prepare(accelerator: Any, run: Run, task: Task, networks: nn.Module, optimiser: Any) -> tuple[nn.Module, Any]:
    """The model and optimiser spread over the processes; sharding that did not happen is an error.

    Args:
        accelerator: as `begin` gives it.
        run: its kind of distribution.
        task: which blocks are units of sharding, and whether some parameters take no part in some batches.
        networks: all that is trained, as one module.
        optimiser: over its parameters.

    Raises:
        InputError: when the task cannot be sharded so, or nothing was sharded.
    """
    kind = run.distribution.kind
    if task.partial and kind is not Kind.DDP:
        raise InputError(
            f"{kind} for a task in which some parameters take no part in some batches",
            "every process to run every block", "set kind=ddp",
        )  # fmt: skip
    if kind is Kind.FSDP2:
        accelerator.state.fsdp_plugin.transformer_cls_names_to_wrap = [block.__name__ for block in task.blocks]
    if accelerator.ddp_handler is not None:
        accelerator.ddp_handler.find_unused_parameters = task.partial
    model, optimiser = accelerator.prepare(networks, optimiser)
    if kind is not Kind.DDP and accelerator.num_processes > 1 and not is_sharded(kind, networks, optimiser):
        raise InputError(
            f"{kind} was asked for and nothing is sharded", "", "another version of accelerate or DeepSpeed"
        )
    return model, optimiser


def is_sharded(kind: Kind, networks: nn.Module, optimiser: Any) -> bool:
    """Whether this process holds only a part of the weights (fsdp2, zero3) or of the optimiser's state (zero1, zero2)."""
    if kind is Kind.FSDP2:
        from torch.distributed.tensor import DTensor

        held = [
            (p.to_local().numel() if isinstance(p, DTensor) else p.numel(), p.numel()) for p in networks.parameters()
        ]
    elif kind is Kind.ZERO3:
        held = [(p.ds_tensor.numel(), p.ds_numel) for p in networks.parameters() if hasattr(p, "ds_shape")]  # type: ignore[attr-defined]
    else:
        parts = optimiser.optimizer.single_partition_of_fp32_groups
        held = [(sum(p.numel() for p in parts), sum(p.numel() for p in networks.parameters() if p.requires_grad))]
    return bool(held) and sum(own for own, _ in held) < sum(whole for _, whole in held)


def end(accelerator: Any, model: nn.Module | None, failed: bool = False) -> None:
    """Let go of the processes, so that another run can begin in this one; after a failure without waiting for them."""
    from accelerate.state import AcceleratorState, GradientState

    if getattr(accelerator, "deepspeed_engine_wrapped", None) is not None:
        accelerator.free_memory()  # DeepSpeed lets go of the network here, and needs the processes for it
    if isinstance(model, nn.parallel.DistributedDataParallel):
        # DDP's reducer must not be the last that holds the group of processes: torch would end the threads of gloo while it
        # holds Python's lock, and they wait for that lock. The group is still held by torch.distributed at this point.
        del model.logger, model.reducer
    if failed and accelerator.num_processes > 1:
        torch.distributed.distributed_c10d._abort_process_group()
    else:
        accelerator.end_training()
    AcceleratorState._reset_state(True)
    GradientState._reset_state()
    for name in _SWITCHES:
        os.environ.pop(name, None)
