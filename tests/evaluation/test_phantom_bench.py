"""phantom-bench: which exams are drawn, what is kept, who the neighbour is, and what the table says of each system."""

from dataclasses import replace
from types import SimpleNamespace

import pytest
import torch

from mammoscribe.domain.grounded import GroundedSentence
from mammoscribe.domain.view import Box
from mammoscribe.evaluation import phantom_bench
from mammoscribe.evaluation.bench_digests import Agreement, digest_exam
from mammoscribe.evaluation.phantom_bench import (
    Seen,
    SeenExams,
    neighbours_of,
    pairs_of,
    systems_of,
    systems_table,
)
from mammoscribe.evaluation.reference_reports import reference_report
from mammoscribe.evaluation.report_card.card import make_card
from mammoscribe.phantom import BENCH_V1

BOX = ("R_CC", Box(10, 10, 30, 30))
MASS = (
    GroundedSentence("Right breast: irregular spiculated mass.", (BOX,)),
    GroundedSentence("BI-RADS 5, right breast."),
)
NORMAL = (GroundedSentence("Right breast: no suspicious finding."), GroundedSentence("BI-RADS 1, right breast."))


def seen(name: str, reference, *direction: float) -> Seen:
    return Seen(name, reference, {"R_CC": list(direction)}, Agreement.EQUAL)


@pytest.fixture
def exams():
    return [
        seen("a", MASS, 1.0, 0.1),
        seen("b", NORMAL, 0.1, 1.0),
        seen("c", MASS, 1.0, 0.2),
        seen("d", NORMAL, 0.0, 1.0),
    ]


class Space:
    """Embeds every picture as one fixed direction, and counts."""

    def __init__(self) -> None:
        self.embedded = 0

    def prepare_picture(self, view, picture):
        return view, picture

    def embed_images(self, pictures):
        self.embedded += len(pictures)
        return SimpleNamespace(whole=torch.tensor([[1.0, 0.5]]))


def test_an_exam_is_drawn_and_embedded_once_and_compared_with_the_published_one(bench_exams, tmp_path, monkeypatch):
    drawn, space = bench_exams[0], Space()
    published = {drawn.exam.id: digest_exam(drawn, reference_report(drawn))}
    first = SeenExams(space, tmp_path / "exams.jsonl", published).of_exam(drawn)
    assert first.agreement is Agreement.EQUAL and space.embedded == len(drawn.exam.current)
    assert [s.text for s in first.reference] == [s.text for s in reference_report(drawn).sentences]
    assert SeenExams(space, tmp_path / "exams.jsonl", {}).of_exam(drawn) == first
    monkeypatch.setattr(phantom_bench, "draw_exam", None)
    again = SeenExams(space, tmp_path / "exams.jsonl", {}).of_seed(drawn.seed, BENCH_V1)
    assert again == first and space.embedded == len(drawn.exam.current)


def test_an_exam_that_is_not_the_published_one_is_known_as_that(bench_exams, tmp_path):
    drawn = bench_exams[0]
    other = replace(digest_exam(drawn, reference_report(drawn)), truth="0" * 64)
    kept = SeenExams(Space(), tmp_path / "exams.jsonl", {drawn.exam.id: other}).of_exam(drawn)
    assert kept.agreement is Agreement.DIFFERENT


def test_the_neighbour_is_the_training_exam_whose_pictures_are_most_alike(exams):
    train = [seen("x", NORMAL, 0.2, 1.0), seen("y", MASS, 1.0, 0.0)]
    assert neighbours_of(exams, train) == [MASS, NORMAL, MASS, NORMAL]


def test_boxes_are_scored_where_a_system_has_any(exams):
    with_boxes = pairs_of(exams, [MASS] * 4)
    assert len(with_boxes.grounded) == 4
    assert pairs_of(exams, [NORMAL] * 4).grounded == ()


def test_only_texts_that_were_written_for_every_exam_are_a_system():
    records = [
        SimpleNamespace(reports={"rendered": MASS, "decoder_report": NORMAL}),
        SimpleNamespace(reports={"rendered": NORMAL}),
    ]
    assert systems_of(records, phantom_bench.STARTER) == {"starter, rendered": [MASS, NORMAL]}


def test_the_table_has_a_column_for_each_baseline_and_system_with_intervals(exams):
    right = [e.reference for e in exams]
    systems = {"right": right, "constant": [NORMAL] * 4}
    card = make_card("bench", [(n, pairs_of(exams, r)) for n, r in systems.items()], num_draws=100)
    head, _, *lines = [[c.strip() for c in line.strip("|").split("|")] for line in systems_table(card).splitlines()]
    assert head == ["figure", "best constant", "another exam's report", "right", "constant"]
    cells = {line[0]: dict(zip(head, line, strict=True)) for line in lines}
    assert cells["finding F1, pooled"]["right"].startswith("1.000 (")
    assert cells["R-RadFact spatial recall"]["right"].startswith("1.000")
    assert cells["missing finding, per 100 reports"]["constant"].startswith("50.0 (")
    assert cells["R-RadFact spatial precision"]["constant"] == "-"
    assert "(" not in cells["density exact"]["best constant"]


def test_the_lines_of_the_table_are_figures_of_the_card(exams):
    card = make_card("bench", [("right", pairs_of(exams, [e.reference for e in exams]))], num_draws=100)
    assert set(phantom_bench.FIGURES) <= {line.figure.name for line in card.lines}
