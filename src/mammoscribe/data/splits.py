"""Splits by patient: decided by a hash, the same on every machine, and stable when data is added."""

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from math import floor
from pathlib import Path

from mammoscribe.data.catalogue import read_splits, write_splits
from mammoscribe.data.folds import fold
from mammoscribe.data.records import SPLITS, MammoExam, Record, group_of, text_of
from mammoscribe.support.errors import InputError
from mammoscribe.support.files import write_text
from mammoscribe.support.parsing import json_value

RULE_JSON = "splits.json"
"""Beside splits.csv: the rule that made it."""
REPORT = "has_report"
"""A name to stratify by besides labels: whether there is a text."""
SHOWN = 4
FEW = 200
"""With so many groups a share of a tenth is empty once in a billion divisions (0.9 ** 200)."""


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
        if self.folds is not None and self.stratify is not None:
            raise InputError(f"folds stratified by {self.stratify}", "one of them: folds are the same for every label")

    @property
    def edges(self) -> tuple[float, float]:
        """Where val and test begin, 0..1."""
        whole = sum(self.shares)
        return self.shares[0] / whole, (self.shares[0] + self.shares[1]) / whole


@dataclass
class Members:
    """What is known of every group: its stratum and official splits; records as they come by, O(groups) in memory."""

    rule: SplitRule
    strata: dict[str, frozenset[str]] = field(default_factory=dict)
    official: dict[str, frozenset[str]] = field(default_factory=dict)
    _sets: dict[frozenset[str], frozenset[str]] = field(default_factory=dict)  # each once: a million groups share a few

    def add(self, record: Record) -> None:
        """Look at one record."""
        group = group_of(record)
        values = frozenset() if self.rule.stratify is None else _values(record, self.rule.stratify)
        self._join(self.strata, group, values)
        if self.rule.official and record.split is not None:
            self._join(self.official, group, frozenset([record.split]))

    def _join(self, sets: dict[str, frozenset[str]], group: str, values: frozenset[str]) -> None:
        whole = sets.get(group, frozenset()) | values
        sets[group] = self._sets.setdefault(whole, whole)


def split_groups(records: Iterable[Record], rule: SplitRule, known: Mapping[str, str] | None = None) -> dict[str, str]:
    """Group -> split for every group of the records.

    Without a label to stratify by, the hash of the group alone decides: nobody moves when data is added, and the shares
    hold on average. With one, the groups of each stratum (those with the same values of the label) are cut in the order
    of their hash, so that the shares hold to one group in each stratum, and over all strata as well as can be; groups of
    `known` keep their place, new ones fill what is short, and nobody moves either. Shares then hold as far as those who
    have a place allow. Without `known`, adding groups to a stratified division moves some.

    Args:
        records: all of them, official splits with them.
        rule: how.
        known: the division so far, of the same rule (`known_division`); groups that are not in the records are left out.

    Raises:
        InputError: when official splits put one group in two parts (and the rule is not `strictest`), when a stratum's
            label is nowhere, when folds or a label are asked for where official splits leave no room for them, when val
            is to be taken from an official train that is not there, when `known` names another part than train, val and
            test, or when there is no record.
    """
    members = Members(rule)
    for record in records:
        members.add(record)
    if not members.strata:
        raise InputError("no record to split", "at least one")
    if rule.stratify is not None and not any(members.strata.values()):
        raise InputError(f"no record has the label {rule.stratify}", f"one of its labels, or {REPORT}")
    found = _official(members, rule)
    _check_use(rule, len(found), len(members.strata))
    rest = {group: "|".join(sorted(values)) for group, values in members.strata.items() if group not in found}
    if rule.folds is not None:
        found |= {group: _by_fold(group, rule) for group in rest}
    elif rule.stratify is None:
        found |= {group: by_hash(group, rule) for group in rest}
    else:
        found |= _stratified(rest, rule, {} if known is None else known)
    return {group: found[group] for group in members.strata}


def _values(record: Record, name: str) -> frozenset[str]:
    if name == REPORT:
        return frozenset(["yes" if text_of(record) else "no"])
    labels = [record.labels, *(record.breasts.values() if isinstance(record, MammoExam) else ())]
    return frozenset(held[name] for held in labels if name in held)


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
    if rule.val_from_train and "train" not in found.values():
        raise InputError("val is to be taken from an official train", "one", "leave --val-from-train out")
    for group, part in found.items():
        if part == "train" and position(group, f"{rule.salt} val") < rule.val_from_train / 100:
            found[group] = "val"
    return found


def _check_use(rule: SplitRule, num_official: int, num_groups: int) -> None:
    """InputError for what was asked and would not be used."""
    if rule.folds is not None and num_official:
        found = f"folds where {num_official} of {num_groups} patients have an official split"
        raise InputError(found, "one of them", "--own ignores the official splits")
    if rule.stratify is not None and num_official == num_groups:
        found = f"strata of {rule.stratify} where every patient has an official split"
        raise InputError(found, "one of them", "--own ignores the official splits")


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
    if others := sorted(set(found.values()) - set(SPLITS)):
        raise InputError(f"the splits so far name {', '.join(map(repr, others))}", ", ".join(SPLITS))
    members: dict[str, list[str]] = {}
    for group, stratum in strata.items():
        members.setdefault(stratum, []).append(group)
    shares = [share / sum(rule.shares) for share in rule.shares]
    owed = [0.0] * len(SPLITS)
    for stratum in sorted(members, key=lambda s: position(s, rule.salt)):
        groups = members[stratum]
        held = Counter(found[group] for group in groups if group in found)
        places = _places(len(groups), [held[part] for part in SPLITS], shares, owed)
        fresh = sorted((g for g in groups if g not in found), key=lambda g: position(g, rule.salt))
        found |= zip(
            fresh, (part for part, count in zip(SPLITS, places, strict=True) for _ in range(count)), strict=True
        )
    return found


def _places(size: int, held: Sequence[int], shares: Sequence[float], owed: list[float]) -> list[int]:
    """How many new groups of a stratum each part gets.

    Args:
        size: of the stratum.
        held: how many each part has already.
        shares: of each part, together 1.
        owed: how many groups each part lacks over the strata before; brought up to date. A part that lacks more is
            rounded up first, so that many small strata do not all round to the largest part.
    """
    exact = [round(size * share, 9) for share in shares]
    wanted = [floor(value) for value in exact]
    able = [n for n, value in enumerate(exact) if value > wanted[n]]
    for n in sorted(able, key=lambda n: wanted[n] - exact[n] - owed[n])[: size - sum(wanted)]:
        wanted[n] += 1
    places = [max(0, want - have) for want, have in zip(wanted, held, strict=True)]
    for _ in range(sum(places) - (size - sum(held))):  # some part holds more than it should, so others get less
        most = max((n for n in range(len(shares)) if places[n]), key=lambda n: held[n] + places[n] - exact[n])
        places[most] -= 1
    for n, value in enumerate(exact):
        owed[n] += value - held[n] - places[n]
    return places


def known_division(folder: Path, rule: SplitRule) -> dict[str, str] | None:
    """The division in a catalogue's folder where this very rule made it, so that its groups keep their place.

    None where there is none, or another rule (or a person) made it: then everything is divided anew.
    """
    path = folder / RULE_JSON
    try:
        made_by = json_value(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return read_splits(folder) if made_by == _rule_json(rule) else None


def write_division(folder: Path, splits: Mapping[str, str], rule: SplitRule) -> Path:
    """Write splits.csv, and splits.json with the rule that made it."""
    (folder / RULE_JSON).unlink(missing_ok=True)  # so that it never stands beside the division of another rule
    path = write_splits(folder, splits)
    write_text(folder / RULE_JSON, json.dumps(_rule_json(rule), indent=1) + "\n")
    return path


def _rule_json(rule: SplitRule) -> Mapping[str, object]:
    return {"schema": "mammoscribe.split-rule/1"} | asdict(rule) | {"shares": list(rule.shares)}


def empty_parts(splits: Mapping[str, str], rule: SplitRule) -> tuple[str, ...]:
    """Parts that the rule gives a share and that no group is in, where that is since there are few groups.

    Of `FEW` groups or more only an official division leaves a part empty, and it means to.
    """
    if len(splits) >= FEW:
        return ()
    shares = (rule.shares[0], rule.shares[1], 1.0 if rule.folds else rule.shares[2])
    return tuple(part for part, share in zip(SPLITS, shares, strict=True) if share > 0 and part not in splits.values())


def shares_of(splits: Mapping[str, str]) -> Sequence[tuple[str, int, float]]:
    """(split, groups, percent) of a division."""
    counts = Counter(splits.values())
    return [(part, counts[part], 100 * counts[part] / max(1, len(splits))) for part in SPLITS]
