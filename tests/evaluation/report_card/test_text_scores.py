"""Word overlap equals the reference packages to four decimals on 200 pairs (`reference_scores.py` made the values)."""

import json
import random
from pathlib import Path

import numpy as np
import pytest

from mammoscribe.evaluation.report_card.figures import Sums, bleu
from mammoscribe.evaluation.report_card.text_scores import (
    CiderD,
    Words,
    longest_common_subsequence,
    meteor_exact,
    prepared,
    text_counts,
    words_of,
)
from tests.evaluation.report_card.generated_texts import pairs

GOLDEN = json.loads((Path(__file__).parent / "golden_scores.json").read_text())
PAIRS = pairs()
CIDER = CiderD(reference for reference, _ in PAIRS)
COUNTS = [text_counts(prepared(candidate, CIDER), prepared(reference, CIDER)) for reference, candidate in PAIRS]
NAMES = tuple(COUNTS[0])
VALUES = np.array([list(counts.values()) for counts in COUNTS])


def test_corpus_bleu_is_that_of_coco_caption_and_sacrebleu():
    scores = [float(bleu(n)(Sums(NAMES, VALUES.sum(axis=0)))) for n in (1, 2, 3, 4)]
    assert scores == pytest.approx(GOLDEN["bleu"], abs=5e-5)
    assert scores[3] == pytest.approx(GOLDEN["bleu_4_sacrebleu"], abs=5e-5)


@pytest.mark.parametrize("n", [1, 2, 3, 4])
def test_bleu_of_each_pair_is_that_of_coco_caption(n):
    assert bleu(n)(Sums(NAMES, VALUES)) == pytest.approx([each[n - 1] for each in GOLDEN["bleu_each"]], abs=5e-5)


@pytest.mark.parametrize(("at", "name"), [(0, "rouge 1"), (1, "rouge 2"), (2, "rouge l")])
def test_rouge_of_each_pair_is_that_of_rouge_score(at, name):
    assert [c[name] for c in COUNTS] == pytest.approx([each[at] for each in GOLDEN["rouge_each"]], abs=5e-5)


def test_cider_d_is_that_of_coco_caption():
    assert [c["cider"] for c in COUNTS] == pytest.approx(GOLDEN["cider_each"], abs=5e-5)
    assert np.mean([c["cider"] for c in COUNTS]) == pytest.approx(GOLDEN["cider"], abs=5e-5)


def test_meteor_with_exact_matches_is_that_of_nltk_without_stems_and_synonyms():
    assert [c["meteor"] for c in COUNTS] == pytest.approx(GOLDEN["meteor_each"], abs=5e-5)


def test_words_are_lower_case_without_punctuation_but_numbers_and_joined_words_are_whole():
    assert words_of("BI-RADS 4: a 2.5 cm Mass, at 10 o'clock.") == [
        "bi-rads",
        "4",
        "a",
        "2.5",
        "cm",
        "mass",
        "at",
        "10",
        "o'clock",
    ]


def test_an_empty_candidate_scores_nothing():
    reference = prepared("a mass in the right breast", CIDER)
    counts = text_counts(prepared("", CIDER), reference)
    assert counts["rouge l"] == counts["meteor"] == counts["cider"] == counts["bleu shared 1"] == 0
    assert float(bleu(4)(Sums(tuple(counts), np.array(list(counts.values()))))) == pytest.approx(0, abs=1e-6)
    assert meteor_exact(Words("a"), Words("")) == 0


def test_the_longest_common_subsequence_is_that_of_the_table_of_lengths():
    generator = random.Random(5)
    for _ in range(50):
        one, other = ([generator.choice("abcd") for _ in range(generator.randrange(0, 90))] for _ in range(2))
        assert longest_common_subsequence(one, other) == by_table(one, other)


def by_table(one, other):
    rows = [[0] * (len(other) + 1) for _ in range(len(one) + 1)]
    for i, a in enumerate(one):
        for j, b in enumerate(other):
            rows[i + 1][j + 1] = rows[i][j] + 1 if a == b else max(rows[i][j + 1], rows[i + 1][j])
    return rows[-1][-1]
