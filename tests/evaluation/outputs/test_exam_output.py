"""Outputs as lines: what is read back is what was written, and what cannot be is refused."""

import pytest

from mammoscribe.domain.finding import FindingType
from mammoscribe.domain.grounded import GroundedSentence
from mammoscribe.domain.view import Box, Laterality
from mammoscribe.evaluation.outputs.exam_output import (
    BreastOutput,
    ExamOutput,
    OutputMark,
    OutputView,
    dump_output,
    parse_output,
)
from mammoscribe.support.errors import InputError, InvalidNoun

R, L = Laterality
WHOLE = ExamOutput(
    "e|1", {R: BreastOutput(0.25, "b", (0.1, 0.6, 0.2, 0.1), "4A", 2), L: BreastOutput()},
    {"R_CC": OutputView(100, 200, frozenset({FindingType.MASS}))},
    (OutputMark("R_CC", FindingType.MASS, Box(1.5, 2, 30, 40), 0.75, 0.5, False),), True,
    (GroundedSentence("A mass.\nIn two lines.\u2028\udce9", (("R_CC", Box(1, 2, 3, 4)),)),),
)  # fmt: skip


def test_an_output_is_read_back_as_it_was_in_one_line():
    line = dump_output(WHOLE)
    assert len(line.splitlines()) == 1
    line.encode("utf-8")
    assert parse_output(line) == WHOLE
    assert WHOLE.report == "A mass.\nIn two lines.\u2028\udce9"


def test_a_table_of_answers_has_neither_views_nor_a_report():
    plain = ExamOutput("e", {R: BreastOutput(0.5)})
    assert parse_output(dump_output(plain)) == plain
    assert plain.views is None and plain.report is None


@pytest.mark.parametrize("line", ["", "{", "[]", '{"exam_id": "e"}', dump_output(WHOLE).replace("0.25", "2.5")])
def test_a_line_that_is_no_output_is_one_sentence(line):
    with pytest.raises(InputError, match="no output of an exam"):
        parse_output(line)


@pytest.mark.parametrize(
    "wrong",
    [
        {"prob_malignant": 1.2}, {"prob_malignant": float("nan")}, {"density": "e"}, {"density": ""},
        {"density_probs": (0.5, 0.5)}, {"birads": "7"}, {"birads": "4D"},
    ],
)  # fmt: skip
def test_an_answer_that_cannot_be_is_refused(wrong):
    with pytest.raises(InvalidNoun):
        BreastOutput(**wrong)
