"""TensorBoard, MLflow and Weights & Biases beside metrics.jsonl, by accelerate; all of them write to the run's folder."""

import importlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mammoscribe.support.errors import MissingExtra
from mammoscribe.support.lookup import look_up
from mammoscribe.training.engine.fields import flat

PACKAGES = {"tensorboard": "tensorboard", "mlflow": "mlflow", "wandb": "wandb"}


def begin_trackers(accelerator: Any, names: Sequence[str], folder: Path, fields: Mapping[str, Any]) -> None:
    """Start what `names` asks for; nothing is sent anywhere (W&B runs offline, MLflow keeps a database in the folder).

    Args:
        accelerator: as `distribution.begin` gives it.
        names: of trackers.
        folder: of the run.
        fields: settings of the run, which the trackers show.

    Raises:
        InputError: for an unknown name, with the nearest.
        MissingExtra: for one whose package is not installed.
    """
    for name in names:
        look_up(name, PACKAGES, "tracker")
    if not names:
        return
    from accelerate.tracking import filter_trackers, get_available_trackers

    there = {str(tracker) for tracker in get_available_trackers()}
    absent = [name for name in names if name not in there]
    if absent:
        raise MissingExtra(f"tracker {absent[0]} is not installed", "", f"pip install {PACKAGES[absent[0]]}")
    accelerator.log_with = filter_trackers(list(names), str(folder))
    accelerator.project_configuration.set_directories(str(folder))
    if "mlflow" in names and accelerator.is_main_process:
        database = f"sqlite:///{folder.absolute()}/mlflow.db"
        importlib.import_module("mlflow").set_tracking_uri(database)  # else it writes to the working directory
    scalars = {n: v if isinstance(v, bool | int | float | str) else str(v) for n, v in flat(fields).items()}
    places = {
        "wandb": {"mode": "offline", "dir": str(folder)},
        "mlflow": {"logging_dir": str(folder.absolute() / "mlflow")},
    }
    accelerator.init_trackers("mammoscribe", scalars, places)


def track(accelerator: Any, row: Mapping[str, Any]) -> None:
    """Hand a line of metrics.jsonl to the trackers."""
    if accelerator.trackers:
        numbers = {name: value for name, value in row.items() if name != "step" and value is not None}
        accelerator.log(numbers, step=row["step"])
