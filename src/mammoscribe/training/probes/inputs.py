"""What the probes learn from, as a feature set: a file of `mammoscribe features`, or prepared datasets embedded once."""

from collections.abc import Sequence
from pathlib import Path

from mammoscribe.data.labelled import LabelKind
from mammoscribe.data.prepared.dataset import PreparedDataset
from mammoscribe.support.errors import InputError
from mammoscribe.training.engine.devices import chosen_device
from mammoscribe.training.engine.run import Run
from mammoscribe.training.probes.feature_set import FeatureKind, FeatureSet, load_features
from mammoscribe.training.probes.prepared_features import prepared_features, probe_items


def features_of(run: Run, model: str | None, kind: FeatureKind) -> FeatureSet:
    """The feature set of a run's data.

    Args:
        run: whose data are one feature file, or folders of `mammoscribe data prepare`.
        model: name or folder of the tower that embeds prepared pictures.
        kind: which of its features.

    Raises:
        InputError: for nothing, a mixture, or folders without a model.
    """
    data = run.data
    check_data(data)
    if is_feature_file(data):
        return load_features(data[0])
    if model is None:
        raise InputError(
            f"prepared data ({data[0]}) without a model", "one that embeds its pictures", "set model=NAME_OR_DIR"
        )
    return prepared_features(data, model, kind, chosen_device(run.execution.device))


def check_data(data: Sequence[Path]) -> None:
    """InputError for no data, or for feature files beside anything else."""
    if not data:
        do = "see `mammoscribe features --help` and `mammoscribe data prepare --help`"
        raise InputError("no data to train on", "--data FEATURES.npz, or --data PREPARED, one or more", do)
    files = [path for path in data if not path.is_dir()]
    if files and len(data) > 1:
        raise InputError(f"{files[0].name} beside {len(data) - 1} more", "one feature file, or prepared folders")


def is_feature_file(data: Sequence[Path]) -> bool:
    """Whether the data are a file of `mammoscribe features`; one that is not there counts as one."""
    return not data[0].is_dir()


def presence_features(run: Run, model: str, kind: FeatureKind, classes: Sequence[str]) -> FeatureSet:
    """The features with present-or-absent labels only.

    Args:
        run: its data and device.
        model: see `features_of`.
        kind: which features.
        classes: in the order that is wanted; empty takes all.
    """
    return features_of(run, model, kind).only(LabelKind.PRESENCE, classes or None)


def num_rows(data: Sequence[Path], split: str | None = None) -> int:
    """Number of items of a split, or of all; no picture is looked at."""
    check_data(data)
    if is_feature_file(data):
        splits = load_features(data[0]).splits
        return len(splits) if split is None else splits.count(split)
    return sum(split in (None, p.split) for folder in data for p in probe_items(PreparedDataset(folder)))
