"""Classes made of labels: `birads=4|5` is 1, 0 or unknown for each value of a label."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from mammoscribe.data.labels.values import JOINT, ValueKind, kind_of, normalised
from mammoscribe.support.errors import InputError

_UNKNOWN = frozenset(["", "nan", "na", "n/a", "u", "unknown", "uncertain", "-1"])
"""Values that mean neither yes nor no, of labels without a kind."""
SHOWN = 12


@dataclass(frozen=True)
class ClassRule:
    """When a class is 1.

    A BI-RADS category 4 includes 4A, 4B and 4C. Whether a plain 4 is a 4A is not known, so that the class `birads=4A` is
    blank there. Of several values one is enough.

    Args:
        label: its name in the records.
        values: the class is 1 for any of them, in the spelling of the label's kind.
    """

    label: str
    values: frozenset[str]

    @staticmethod
    def parsed(text: str) -> "ClassRule":
        """`LABEL=VALUE`, or `LABEL=VALUE|VALUE`; a value that cannot be one of the label raises InputError."""
        label, separator, listed = text.partition("=")
        label, values = label.strip(), [value.strip() for value in listed.split(JOINT)]
        if not separator or not label or not all(values):
            raise InputError(f"the class {text!r}", "LABEL=VALUE or LABEL=VALUE|VALUE, such as birads=4|5")
        kind = kind_of(label)
        spelled = frozenset(_plain(value) if kind is None else normalised(kind, value) for value in values)
        if "" in spelled:
            raise InputError(f"the class {text!r}", "a value, not a word for a missing one")
        return ClassRule(label, spelled)

    def of(self, value: str | None) -> bool | None:
        """Whether a value is of the class; None where it is not there or does not tell.

        Raises:
            InputError: for a value that is not understood.
        """
        if value is None:
            return None
        kind = kind_of(self.label)
        text = value if kind is None else normalised(kind, value)
        found = [self._of_one(_plain(part) if kind is None else part, kind) for part in text.split(JOINT)]
        return True if True in found else None if None in found else False

    def _of_one(self, value: str, kind: ValueKind | None) -> bool | None:
        if value in self.values:
            return True
        if not value or (kind is None and value in _UNKNOWN):
            return None
        if kind is not ValueKind.BIRADS:
            return False
        if value == "4":
            wanted = {v for v in self.values if v.startswith("4")}
            return len(wanted) == 3 or (None if wanted else False)
        return value[0] == "4" and "4" in self.values


def _plain(value: str) -> str:
    """A value of a label without a kind of values, so that capitals and `1.0` for `1` do not matter."""
    return " ".join(value.split()).casefold().removesuffix(".0")


@dataclass
class ClassCounts:
    """What the labels of a table were, by class: for the errors of a class that nothing is of, and values not understood.

    Args:
        rules: class -> its rule.
    """

    rules: Mapping[str, ClassRule]
    positives: Counter[str] = field(default_factory=Counter)
    values: Counter[tuple[str, str]] = field(default_factory=Counter)
    not_understood: Counter[tuple[str, str]] = field(default_factory=Counter)

    def codes(self, labels: Mapping[str, str]) -> list[str]:
        """`1`, `0` or blank for every class, of one picture's labels."""
        return [self._code(name, rule, labels.get(rule.label)) for name, rule in self.rules.items()]

    def _code(self, name: str, rule: ClassRule, value: str | None) -> str:
        try:
            is_one = rule.of(value)
        except InputError:
            self.not_understood[rule.label, str(value)] += 1
            return ""
        if value is not None:
            self.values[rule.label, value] += 1
        self.positives[name] += is_one is True
        return "" if is_one is None else str(int(is_one))

    def check(self) -> None:
        """Raise InputError for a class that no picture is of, with the values that its label has."""
        for name, rule in self.rules.items():
            if not self.positives[name]:
                wanted = JOINT.join(sorted(rule.values))
                there = _listed((value, n) for (label, value), n in self.values.most_common() if label == rule.label)
                found = f"no picture is of the class {name}: {rule.label} is never {wanted}"
                raise InputError(found, f"one of its values: {there or 'it has none'}", "correct --class")


def _listed(counted: Iterable[tuple[str, int]]) -> str:
    found = [f"{value} ({number})" for value, number in counted]
    return ", ".join(found[:SHOWN]) + (f" and {len(found) - SHOWN} more" if len(found) > SHOWN else "")
