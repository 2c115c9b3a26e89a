"""Digests of a bench: equal, equal to within a grey level, another exam, or one that was never published."""

from dataclasses import replace

import numpy as np
import pytest

from mammoscribe.evaluation.bench_digests import (
    Agreement,
    agreement,
    agreement_words,
    digest_exam,
    dump_digests,
    parse_digests,
    published_digests,
)
from mammoscribe.evaluation.reference_reports import reference_report
from mammoscribe.phantom import BENCHES
from mammoscribe.support.errors import InputError


@pytest.fixture
def drawn(bench_exams):
    return bench_exams[1]


@pytest.fixture
def digest(drawn):
    return digest_exam(drawn, reference_report(drawn))


def changed(drawn, by: int, everywhere: bool):
    """The digest of the exam with other pixels in one view."""
    pixels = drawn.pixels["R_CC"].astype(np.int64)
    pixels[0, 0] += 1
    if everywhere:
        pixels += by
    return digest_exam(
        replace(drawn, pixels={**drawn.pixels, "R_CC": pixels.astype(np.uint16)}), reference_report(drawn)
    )


def test_an_exam_agrees_with_itself(digest):
    assert agreement(digest, digest) is Agreement.EQUAL


@pytest.mark.parametrize(
    ("by", "everywhere", "found"),
    [(0, False, Agreement.WITHIN_ONE_LEVEL), (1, True, Agreement.WITHIN_ONE_LEVEL), (2, True, Agreement.DIFFERENT)],
)
def test_pixels_may_differ_by_one_grey_level_and_no_more(drawn, digest, by, everywhere, found):
    assert agreement(changed(drawn, by, everywhere), digest) is found


def test_another_noise_is_another_exam(drawn, digest, bench_exams):
    noise = np.random.default_rng(0).integers(-20, 21, drawn.pixels["L_MLO"].shape)
    pixels = (drawn.pixels["L_MLO"].astype(np.int64) + noise).clip(0, 4095).astype(np.uint16)
    noisy = replace(drawn, pixels={**drawn.pixels, "L_MLO": pixels})
    assert agreement(digest_exam(noisy, reference_report(drawn)), digest) is Agreement.DIFFERENT


def test_another_truth_or_another_reference_is_another_exam(drawn, digest):
    moved = replace(drawn, findings=(replace(drawn.findings[0], suspicion=0.123), *drawn.findings[1:]))
    assert agreement(digest_exam(moved, reference_report(drawn)), digest) is Agreement.DIFFERENT
    report = reference_report(drawn)
    reworded = replace(
        report, sentences=(*report.sentences[:-1], replace(report.sentences[-1], text="Overall: BI-RADS 5."))
    )
    assert agreement(digest_exam(drawn, reworded), digest) is Agreement.DIFFERENT


def test_a_missing_view_is_another_exam(drawn, digest):
    fewer = replace(drawn, pixels={k: v for k, v in drawn.pixels.items() if k != "prior_L_CC"})
    assert agreement(digest_exam(fewer, reference_report(drawn)), digest) is Agreement.DIFFERENT


def test_an_exam_without_a_published_digest_is_said_to_be_unknown(digest):
    assert agreement(digest, None) is Agreement.UNKNOWN


def test_digests_come_back_from_their_file(digest):
    assert parse_digests(dump_digests("bench_v1", {"a": digest, "b": digest})) == {"a": digest, "b": digest}


def test_the_sentence_counts_every_kind():
    words = agreement_words([Agreement.EQUAL, Agreement.EQUAL, Agreement.UNKNOWN])
    assert words == "compared with the published digests, 3 exams are: 2 equal, 1 not published"


def test_the_drawn_exams_of_the_bench_are_the_published_ones(bench_exams):
    published = published_digests("bench_v1")
    for drawn in bench_exams:
        found = agreement(digest_exam(drawn, reference_report(drawn)), published[drawn.exam.id])
        assert found in (Agreement.EQUAL, Agreement.WITHIN_ONE_LEVEL)


@pytest.mark.parametrize("name", BENCHES)
def test_every_exam_of_a_bench_is_published_and_no_other(name):
    assert list(published_digests(name)) == [f"phantom-{seed}" for seed in BENCHES[name].seeds]


def test_an_unknown_bench_has_no_digests():
    with pytest.raises(InputError, match="bench_v9"):
        published_digests("bench_v9")
