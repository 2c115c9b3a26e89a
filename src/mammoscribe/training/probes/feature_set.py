"""Feature sets: embedded pictures with their labels in one .npz, made once by a frozen model, trained on many times."""

import hashlib
import io
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path

import numpy as np

from mammoscribe.data.labelled import LARGEST_CODE, LabelKind
from mammoscribe.support.errors import InputError, InvalidNoun
from mammoscribe.support.files import write_bytes

SCHEMA = "mammoscribe.features/1"
_TEXTS, _SINGLE = ("ids", "patients", "splits", "classes", "kinds"), ("kind", "model", "mode", "made_from")


class FeatureKind(StrEnum):
    """Which features: the projected picture in the joint space [J], or the pooled ones before the projection [D]."""

    PROJECTED = "projected"
    POOLED = "pooled"


@dataclass(frozen=True)
class FeatureSet:
    """N embedded pictures.

    Args:
        features: float32 [N, D], not normalised.
        ids, patients, splits: one per picture; splits are `train`, `val`, `test`.
        has_prior: bool [N], whether the picture was embedded beside an earlier one.
        classes, kinds: names of the C classes, and what their labels say.
        labels: float32 [N, C]: 0, 1 for presence, 0, 1, 2 for improving, stable, worsening; NaN = unknown.
        kind: which features.
        model, mode: of the model and its pre-processing, for provenance.
        skipped: (id, reason) of pictures that could not be embedded.
        made_from: digest of what the set was made from.

    Raises:
        InvalidNoun: when the parts do not fit each other, a feature is not finite or a label is none.
    """

    features: np.ndarray
    ids: tuple[str, ...]
    patients: tuple[str, ...]
    splits: tuple[str, ...]
    has_prior: np.ndarray
    classes: tuple[str, ...]
    kinds: tuple[LabelKind, ...]
    labels: np.ndarray
    kind: FeatureKind
    model: str
    mode: str
    skipped: tuple[tuple[str, str], ...] = ()
    made_from: str = ""

    def __post_init__(self) -> None:
        n, c = len(self.ids), len(self.classes)
        if self.features.ndim != 2 or not self.features.size or self.features.dtype != np.float32:
            raise InvalidNoun(f"features {self.features.dtype} {self.features.shape}", "float32 [N, D], not empty")
        sizes = (len(self.features), len(self.patients), len(self.splits), len(self.has_prior), len(self.labels))
        if set(sizes) != {n} or len(self.kinds) != c or self.labels.shape != (n, c) or not c:
            raise InvalidNoun(f"{n} ids and {c} classes beside {sizes} rows and labels {self.labels.shape}")
        if not np.isfinite(self.features).all():
            raise InvalidNoun("features that are not finite numbers")
        if len(set(self.ids)) != n or len(set(self.classes)) != c:
            raise InvalidNoun("an id or class comes twice", "each once")
        if not set(self.splits) <= {"train", "val", "test"}:
            raise InvalidNoun(f"splits {sorted(set(self.splits))[:5]}", "train, val, test")
        self._check_labels()

    def _check_labels(self) -> None:
        for name, kind, column in zip(self.classes, self.kinds, self.labels.T, strict=True):
            known = column[~np.isnan(column)]
            if not np.isin(known, range(LARGEST_CODE[kind] + 1)).all():
                raise InvalidNoun(f"{kind} labels of {name} are {np.unique(known)[:5]}", f"0 to {LARGEST_CODE[kind]}")
            if kind is LabelKind.CHANGE and not self.has_prior[~np.isnan(column)].all():
                raise InvalidNoun(f"{name} has a change where there is no prior", "a prior beside every change")

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def digest(self) -> str:
        """SHA-256 of what is learned from: features, labels, patients and splits."""
        names = repr((self.ids, self.patients, self.splits, self.classes, self.kinds, self.kind.value, self.model))
        known = np.where(np.isnan(self.labels), np.float32(-1), self.labels)
        return hashlib.sha256(names.encode() + self.features.tobytes() + known.tobytes()).hexdigest()

    def rows(self, keep: np.ndarray) -> "FeatureSet":
        """The pictures that a mask [N] or row numbers choose; none raises InvalidNoun."""
        chosen = np.arange(len(self))[keep]
        texts = {name: tuple(getattr(self, name)[i] for i in chosen) for name in ("ids", "patients", "splits")}
        return replace(
            self, features=self.features[chosen], has_prior=self.has_prior[chosen], labels=self.labels[chosen], **texts
        )

    def split(self, name: str) -> "FeatureSet":
        """The pictures of one split; a split without pictures raises InputError."""
        keep = np.array([s == name for s in self.splits])
        if not keep.any():
            there = ", ".join(f"{s} {self.splits.count(s)}" for s in sorted(set(self.splits)))
            raise InputError(f"no picture in split {name} (there are {there})", f"pictures in split {name}")
        return self.rows(keep)

    def only(self, kind: LabelKind, classes: Sequence[str] | None = None) -> "FeatureSet":
        """The classes with labels of one kind; `classes` chooses and orders them. None left raises InputError.

        A class without a single known label is of no kind.
        """
        empty = set(np.flatnonzero(np.isnan(self.labels).all(axis=0)).tolist())
        there = [c for i, c in enumerate(self.classes) if self.kinds[i] is kind and i not in empty]
        wanted = there if classes is None else list(dict.fromkeys(classes))
        absent = [c for c in wanted if c not in there]
        if absent or not wanted:
            named = f"no {kind} labels of {', '.join(absent)}" if absent else f"no class with {kind} labels"
            raise InputError(named, f"out of {', '.join(there)}" if there else f"a manifest with {kind} columns")
        columns = [self.classes.index(c) for c in wanted]
        return replace(self, classes=tuple(wanted), kinds=(kind,) * len(wanted), labels=self.labels[:, columns])


def save_features(features: FeatureSet, path: Path) -> Path:
    """Write a feature set as one .npz without pickles; whole or not at all."""
    stream = io.BytesIO()
    arrays = {name: np.array(getattr(features, name), dtype=np.str_) for name in (*_TEXTS, *_SINGLE)}
    arrays |= {name: getattr(features, name) for name in ("features", "labels", "has_prior")}
    arrays |= {"schema": np.array(SCHEMA), "skipped": np.array(features.skipped, dtype=np.str_).reshape(-1, 2)}
    np.savez(stream, allow_pickle=False, **arrays)
    return write_bytes(path, stream.getvalue())


def load_features(path: Path) -> FeatureSet:
    """Read what `save_features` wrote; anything else raises InputError."""
    if not path.is_file():
        found = f"{path} is {'a folder' if path.is_dir() else 'not there'}"
        raise InputError(found, "a feature set", "make one with `mammoscribe features`")
    try:
        with np.load(path, allow_pickle=False) as stored:
            arrays = {name: stored[name] for name in stored.files}
        if str(arrays["schema"]) != SCHEMA:
            raise ValueError(f"schema {arrays['schema']}")
        texts = {name: tuple(str(v) for v in arrays[name]) for name in _TEXTS if name != "kinds"}
        return FeatureSet(
            features=arrays["features"], has_prior=arrays["has_prior"].astype(bool), labels=arrays["labels"],
            kinds=tuple(LabelKind(str(k)) for k in arrays["kinds"]), kind=FeatureKind(str(arrays["kind"])),
            model=str(arrays["model"]), mode=str(arrays["mode"]), made_from=str(arrays["made_from"]),
            skipped=tuple((str(i), str(reason)) for i, reason in arrays["skipped"]), **texts,
        )  # fmt: skip
    except (ValueError, KeyError, TypeError, EOFError, AttributeError, zipfile.BadZipFile) as error:
        reason = " ".join(str(error).split()).split(". ")[0][:200]
        raise InputError(f"{path} is no feature set ({reason})", "", "make one with `mammoscribe features`") from error
