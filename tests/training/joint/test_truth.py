"""What is true, false or unknown of a view: named cases, and every pair against rules written out with dictionaries."""

import numpy as np
import pytest
import torch

from mammoscribe.models.reader.detection_head import TYPES
from mammoscribe.training.joint.truth import FIELDS, codes_of, fits, truth

MASS = {"kind": "mass"}
KINDS = [t.value for t in TYPES]


def judged(statement: dict, denies: bool, shown: list[dict], known: set[str]) -> str:
    """One statement about one view."""
    true, false = truth(
        codes_of([statement]), torch.tensor([denies]), codes_of(shown), torch.zeros(len(shown), dtype=torch.long),
        torch.tensor([[k in known for k in (*KINDS, "tissue")]]),
    )  # fmt: skip
    assert not (true & false).any()
    return "true" if true.item() else "false" if false.item() else "unknown"


@pytest.mark.parametrize(
    ("statement", "denies", "shown", "known", "expected"),
    [
        (MASS, False, [{"kind": "mass", "shape": "shape.oval"}], set(), "true"),
        (MASS, True, [{"kind": "mass", "shape": "shape.oval"}], set(), "false"),
        (MASS, False, [], {"mass"}, "false"),
        (MASS, True, [], {"mass"}, "true"),
        (MASS, False, [], {"calcification"}, "unknown"),
        (MASS, True, [{"kind": "calcification"}], {"calcification"}, "unknown"),
        ({"kind": "mass", "margin": "margin.spiculated"}, False, [MASS], {"mass"}, "unknown"),
        ({"kind": "mass", "margin": "margin.spiculated"}, False, [{"kind": "mass", "margin": "margin.circumscribed"}], {"mass"}, "false"),
        ({"kind": "mass", "side": "L"}, False, [{"kind": "mass", "side": "R"}], {"mass"}, "false"),
        ({"kind": "mass", "associated.skin_thickening": "yes"}, False, [MASS], {"mass"}, "unknown"),
        ({}, True, [], set(KINDS), "true"),
        ({}, True, [{"kind": "tissue", "composition": "c"}], set(KINDS), "true"),
        ({}, True, [], {"mass"}, "unknown"),
        ({}, True, [{"kind": "asymmetry"}], set(), "false"),
        ({"kind": "tissue", "composition": "c"}, False, [{"kind": "tissue", "composition": "c"}], {"tissue"}, "true"),
        ({"kind": "tissue", "composition": "b"}, False, [{"kind": "tissue", "composition": "c"}], {"tissue"}, "false"),
        ({"kind": "tissue", "composition": "b"}, False, [MASS], set(KINDS), "unknown"),
    ],
)  # fmt: skip
def test_what_is_not_said_is_unknown(statement, denies, shown, known, expected):
    assert judged(statement, denies, shown, known) == expected


def by_rule(statement: dict, denies: bool, shown: list[dict], known: set[str]) -> str:
    """The same in words: something that fits; something that may; all of the kind is known and none fits."""
    about = [s for s in shown if statement or s["kind"] != "tissue"]
    if any(statement.items() <= s.items() for s in about):
        return "false" if denies else "true"
    may = any(all(s.get(field, value) == value for field, value in statement.items()) for s in about)
    of = {statement["kind"]} if statement else set(KINDS)
    if may or not of <= known:
        return "unknown"
    return "true" if denies else "false"


def test_every_pair_of_random_statements_and_views_follows_the_rule():
    rng = np.random.default_rng(0)
    fields = ("side", "shape", "margin", "clock", "change")

    def facts() -> dict:
        found = {"kind": str(rng.choice([*KINDS, "tissue"]))}
        return found | {f: FIELDS[f][int(rng.integers(2))] for f in fields if rng.random() < 0.4}

    views = [[facts() for _ in range(int(rng.integers(0, 4)))] for _ in range(12)]
    known = [{k for k in (*KINDS, "tissue") if rng.random() < 0.7} for _ in views]
    statements = [({} if rng.random() < 0.1 else facts(), bool(rng.random() < 0.4)) for _ in range(60)]
    statements = [(s, denies or not s) for s, denies in statements]
    true, false = truth(
        codes_of([s for s, _ in statements]), torch.tensor([d for _, d in statements]),
        codes_of([f for v in views for f in v]), torch.tensor([n for n, v in enumerate(views) for _ in v]),
        torch.tensor([[k in own for k in (*KINDS, "tissue")] for own in known]),
    )  # fmt: skip
    seen = set()
    for n, (shown, own) in enumerate(zip(views, known, strict=True)):
        for s, (statement, denies) in enumerate(statements):
            expected = by_rule(statement, denies, shown, own)
            assert (bool(true[n, s]), bool(false[n, s])) == (expected == "true", expected == "false")
            seen.add((expected, denies))
    assert len(seen) == 6


def test_nothing_stated_and_nothing_shown():
    yes, no = fits(codes_of([]), codes_of([MASS]))
    assert yes.shape == no.shape == (0, 1)
    assert codes_of([]).shape == (0, len(FIELDS))
