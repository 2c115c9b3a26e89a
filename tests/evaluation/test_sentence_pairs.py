"""Pairs of sentences about drawn findings: what says the same, what contradicts, and a threshold that knows only denials."""

import pytest
import torch
import torch.nn.functional as F

from mammoscribe.evaluation.sentence_pairs import DENIAL, KINDS, drawn_pairs, fix_sentence_threshold
from mammoscribe.support.errors import InputError

SIDES = {"right": ("right", "R"), "left": ("left", "L")}


class DenialSpace:
    """A text space that hears nothing but whether a sentence denies, and noise."""

    name, dim, smoothing_patches = "denial", 3, 1.0

    def embed_texts(self, texts):
        noise = torch.rand(len(texts), generator=torch.Generator().manual_seed(len(texts)))
        denies = torch.tensor([text.startswith(("There is no", "There are no", "No ")) for text in texts]).float()
        return F.normalize(torch.stack((1 - denies, denies, 0.3 * noise), dim=1), dim=1)


@pytest.fixture(scope="module")
def pairs():
    return drawn_pairs(range(100_000, 100_060))


def test_every_finding_gives_a_pair_of_each_kind_that_says_the_same_and_one_that_contradicts(pairs):
    assert len(pairs) > 60
    for kind in KINDS:
        own = [p for p in pairs if p.kind == kind]
        assert len(own) == len(pairs) / 3
        assert sum(p.alike for p in own) == len(own) / 2
        assert all(p.first != p.second for p in own)
    assert drawn_pairs(range(100_000, 100_060)) == pairs


def test_pairs_differ_in_what_their_kind_says(pairs):
    def side(text: str) -> str:
        words = text.replace(":", " ").replace(",", " ").split()
        right = {"right", "Right", "R", "RCC", "RMLO"} & set(words)
        return "right" if right else "left"

    breasts = [p for p in pairs if p.kind == KINDS[1]]
    assert all((side(p.first) == side(p.second)) is p.alike for p in breasts)
    denials = [p for p in pairs if p.kind == DENIAL and not p.alike]
    deny = ("no ", "preserved", "symmetric")
    assert all(any(word in f"{p.second} ".lower() for word in deny) for p in denials)
    assert not any("no evidence" in p.first.lower() or p.first.lower().startswith("no ") for p in denials)


def test_the_threshold_is_fixed_on_denials_and_measured_on_every_kind(pairs):
    found = fix_sentence_threshold(DenialSpace(), pairs, drawn_pairs(range(150_000, 150_060)), ("some", "others"))
    assert 0 < found.threshold < 1
    assert (found.fixed.population, found.fixed.exams) == ("some", len({p.exam for p in pairs}))
    assert list(found.measured) == list(KINDS)
    denial, breast, change = found.measured.values()
    assert denial.population == "others"
    assert denial.better_than_chance and denial.specificity > 0.7
    assert not breast.better_than_chance and breast.specificity < 0.1
    assert not change.better_than_chance


def test_no_pair_fixes_no_threshold(pairs):
    with pytest.raises(InputError):
        fix_sentence_threshold(DenialSpace(), [p for p in pairs if p.alike], pairs, ("some", "others"))
