"""Splits by patient: decided by a hash, the same on every machine, and stable when data is added."""

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from mammoscribe.data.folds import fold
from mammoscribe.data.records import SPLITS, MammoExam, Record, group_of
from mammoscribe.support.errors import InputError

REPORT = "has_report"
"""A name to stratify by besides labels: whether there is a text."""
SHOWN = 4


@dataclass(frozen=True)
class SplitRule:
    """How groups (patients) are divided.

    Args:
        shares: parts of train, val and test, as numbers in any unit.
        salt: another salt gives another division.
        stratify: a label (of exam or breast), or `has_report`; every part then has its share of each value.
        official: whether the splits that the dataset publishes are used, where it publishes any.
        val_from_train: percent of official train groups that become val, where there is no official val.
        strictest: whether a group with two official splits goes to the stricter one (test, then val) instead of an error.
        folds, test_fold: k-fold instead of shares: that fold (`folds.fold`) is test, the rest train and val by their shares.

    Raises:
        InputError: for shares that are not three numbers, or a fold that is not there.
    """

    shares: tuple[float, float, float] = (80, 10, 10)
    salt: str = ""
    stratify: str | None = None
    official: bool = True
    val_from_train: float = 0.0
    strictest: bool = False
    folds: int | None = None
    test_fold: int = 0

    def __post_init__(self) -> None:
        if min(self.shares) < 0 or self.shares[0] <= 0 or not sum(self.shares) > 0:
            raise InputError(f"shares {'/'.join(f'{s:g}' for s in self.shares)}", "train/val/test, such as 80/10/10")
        if not 0 <= self.val_from_train < 100:
            raise InputError(f"{self.val_from_train:g} percent of train", "0 to less than 100")
        if self.folds is not None and not (self.folds >= 2 and 0 <= self.test_fold < self.folds):
            raise InputError(f"fold {self.test_fold} of {self.folds}", "a fold from 0 to one less than their number")

    @property
    def edges(self) -> tuple[float, float]:
        """Where val and test begin, 0..1."""
        whole = sum(self.shares)
        return self.shares[0] / whole, (self.shares[0] + self.shares[1]) / whole


@dataclass
class Members:
    """What is known of every group: its stratum and official splits; records as they come by, O(groups) in memory."""

    rule: SplitRule
    strata: dict[str, set[str]] = field(default_factory=dict)
    official: dict[str, set[str]] = field(default_factory=dict)

    def add(self, record: Record) -> None:
        """Look at one record."""
        group = group_of(record)
        found = self.strata.setdefault(group, set())
        if self.rule.stratify is not None:
            found.update(_values(record, self.rule.stratify))
        if self.rule.official and record.split is not None:
            self.official.setdefault(group, set()).add(record.split)


def split_groups(records: Iterable[Record], rule: SplitRule, known: Mapping[str, str] | None = None) -> dict[str, str]:
    """Group -> split for every group of the records.

    Without a stratum the hash of the group alone decides, so that the shares hold on average and nothing moves when data
    is added. With one, groups are placed in the order of their hash, each where its stratum is furthest below its share,
    so that the shares hold to one group; groups of `known` keep their place, and nothing moves either.

    Raises:
        InputError: when official splits put one group in two parts (and the rule is not `strictest`), when a stratum's
            label is nowhere, or when there is no record.
    """
    members = Members(rule)
    for record in records:
        members.add(record)
    if not members.strata:
        raise InputError("no record to split", "at least one")
    if rule.stratify is not None and not any(members.strata.values()):
        raise InputError(f"no record has the label {rule.stratify}", f"one of its labels, or {REPORT}")
    found = _official(members, rule)
    rest = {group: "|".join(sorted(values)) for group, values in members.strata.items() if group not in found}
    if rule.folds is not None:
        found |= {group: _by_fold(group, rule) for group in rest}
    elif rule.stratify is None:
        found |= {group: by_hash(group, rule) for group in rest}
    else:
        found |= _stratified(rest, rule, {} if known is None else known)
    return {group: found[group] for group in members.strata}


def _values(record: Record, name: str) -> set[str]:
    if name == REPORT:
        return {"yes" if getattr(record, "report", None) is not None or hasattr(record, "text") else "no"}
    labels = [record.labels, *(record.breasts.values() if isinstance(record, MammoExam) else ())]
    return {held[name] for held in labels if name in held}


def _official(members: Members, rule: SplitRule) -> dict[str, str]:
    """Groups with an official split; val carved out of train where that is asked for."""
    two = {group: sorted(parts) for group, parts in members.official.items() if len(parts) > 1}
    if two and not rule.strictest:
        listed = "; ".join(f"{group} in {' and '.join(parts)}" for group, parts in list(two.items())[:SHOWN])
        found = f"the official splits put {len(two)} patients into two parts ({listed})"
        raise InputError(
            found, "each patient in one", "--strictest puts them into test (then val), --own ignores the official"
        )
    found = {group: max(parts, key=SPLITS.index) for group, parts in members.official.items()}
    if rule.val_from_train and "val" in found.values():
        raise InputError("the official splits have a val", "none, to take one from train", "leave --val-from-train out")
    for group, part in found.items():
        if part == "train" and position(group, f"{rule.salt} val") < rule.val_from_train / 100:
            found[group] = "val"
    return found


def position(group: str, salt: str = "") -> float:
    """0..1: SHA-256 of salt and group, read as a fraction; the same everywhere, for ever."""
    return int.from_bytes(hashlib.sha256(f"{salt}\0{group}".encode()).digest()[:8], "big") / 2**64


def by_hash(group: str, rule: SplitRule) -> str:
    """The split that the hash of a group gives."""
    at, (val, test) = position(group, rule.salt), rule.edges
    return "train" if at < val else "val" if at < test else "test"


def _by_fold(group: str, rule: SplitRule) -> str:
    assert rule.folds is not None
    if fold(group, rule.folds) == rule.test_fold:
        return "test"
    train, val, _ = rule.shares
    return "train" if position(group, rule.salt) < train / (train + val) else "val"


def _stratified(strata: Mapping[str, str], rule: SplitRule, known: Mapping[str, str]) -> dict[str, str]:
    found = {group: known[group] for group in strata if group in known}
    whole = sum(rule.shares)
    wanted = dict(zip(SPLITS, (share / whole for share in rule.shares), strict=True))
    for stratum in dict.fromkeys(strata.values()):
        groups = [group for group, value in strata.items() if value == stratum]
        counts = Counter(found[group] for group in groups if group in found)
        for group in sorted((g for g in groups if g not in found), key=lambda g: position(g, rule.salt)):
            size = counts.total() + 1
            found[group] = max(SPLITS, key=lambda part: (wanted[part] * size - counts[part], -SPLITS.index(part)))
            counts[found[group]] += 1
    return found


def shares_of(splits: Mapping[str, str]) -> Sequence[tuple[str, int, float]]:
    """(split, groups, percent) of a division."""
    counts = Counter(splits.values())
    return [(part, counts[part], 100 * counts[part] / max(1, len(splits))) for part in SPLITS]
