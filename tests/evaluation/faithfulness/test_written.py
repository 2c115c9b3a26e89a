"""What is kept of a reading: facts of a writer's own words and of the report, and a reader that has learned nothing."""

from dataclasses import dataclass

import pytest
import torch

from mammoscribe.domain.evidence import Writer
from mammoscribe.domain.view import Laterality
from mammoscribe.evaluation.faithfulness.subjects import drawn_subject, mirrored, mirrored_keys, with_pictures_of
from mammoscribe.evaluation.faithfulness.written import ReaderGenerator, facts_of, with_random_weights
from mammoscribe.models.reader.loading import load_reader
from mammoscribe.phantom import draw_exam
from mammoscribe.writers.author import Case, Draft
from mammoscribe.writers.claims import Passage, claims_of
from tests.cli.tiny_reader import write_tiny_reader
from tests.evaluation.faithfulness.made import subject

R, L = Laterality


@dataclass(frozen=True)
class Talker:
    """An author that always writes the same."""

    text: str
    writer: Writer = Writer.EXTERNAL
    name: str = "a talker"
    manner: str = "from nothing"
    reads_prior_report: bool = False

    def write(self, case: Case) -> Draft:
        return Draft(claims_of([Passage(self.text)]))


@pytest.fixture(scope="module")
def reader(tmp_path_factory):
    return load_reader(str(write_tiny_reader(tmp_path_factory.mktemp("tiny"))))


def test_facts_are_kinds_density_and_category_of_each_breast():
    text = "Right breast: oval mass. No mass in the left breast. Both breasts are dense, density c. Left breast: BI-RADS 1."
    assert facts_of([text], (R, L)) == {
        ("R", "mass"), ("R", "density", "c"), ("L", "density", "c"), ("L", "category", "1"),
    }  # fmt: skip
    assert facts_of(["ACR B."], (L,)) == {("L", "density", "b")}


def test_an_authors_own_words_are_kept_beside_the_report(reader):
    one = subject(1, "R")
    author = Talker("Left breast: oval mass. The moon is full. Both breasts are dense, density d.")
    written = ReaderGenerator(reader, author).write(one.exam, one.decode)
    assert {("L", "mass"), ("L", "density", "d"), ("R", "density", "d")} == written.facts["words"]
    assert written.gate is not None and sum(written.gate.values()) == 3 and written.gate["refused"] >= 1
    assert written.sentences > 0 and set(written.facts) == {"words", "report"}
    assert ReaderGenerator(reader, author).randomised() is None
    alone = ReaderGenerator(reader).write(one.exam, one.decode)
    assert set(alone.facts) == {"report"} and alone.gate is None


def test_cited_findings_are_the_only_ones_of_their_kind_in_their_breast(reader):
    one = subject(2, "RL")
    written = ReaderGenerator(reader).write(one.exam, one.decode)
    keys = [c.key for c in written.cited]
    assert len(keys) == len(set(keys))
    assert all(set(c.boxes) <= {f"{c.side}_CC", f"{c.side}_MLO"} and c.boxes for c in written.cited)


def test_random_weights_are_the_same_values_in_another_order(reader):
    before = {k: v.clone() for k, v in reader.net.state_dict().items()}
    other = with_random_weights(reader)
    assert all(torch.equal(v, before[k]) for k, v in reader.net.state_dict().items())
    names = [n for n, p in reader.net.named_parameters() if p.numel() > 50 and len(p.unique()) > 1]
    own, shuffled = dict(reader.net.named_parameters()), dict(other.net.named_parameters())
    assert names and all(torch.equal(own[n].flatten().sort()[0], shuffled[n].flatten().sort()[0]) for n in names)
    assert not any(torch.equal(own[n], shuffled[n]) for n in names)
    assert other.parts.keys() == reader.parts.keys()


def test_a_mirrored_exam_shows_each_breast_as_the_other():
    one = subject(3, "R")
    seen = mirrored(one)
    right = one.decode(one.exam.view("R_CC")).pixels
    assert (seen.decode(seen.exam.view("L_CC")).pixels == right[:, ::-1]).all()
    assert mirrored_keys(frozenset({("R", "mass"), ("L", "density", "b"), ("?", "mass")})) == {
        ("L", "mass"), ("R", "density", "b"), ("?", "mass"),
    }  # fmt: skip


def test_another_patients_pictures_come_under_the_exams_own_name():
    one, other = subject(4, "R"), subject(5, "")
    given = with_pictures_of(one, other)
    assert (given.exam.id, given.exam.patient_id, given.truth) == ("e4", "p4", one.truth)
    for view in given.exam.views:
        assert (given.decode(view).pixels == other.decode(other.exam.view(view.id)).pixels).all()


def test_a_drawn_exam_knows_its_truth_and_its_twins():
    drawn = draw_exam(100_000)
    one = drawn_subject(drawn)
    kinds = {(f.laterality.value, f.type.value) for f in drawn.findings}
    assert {k for k in one.truth if len(k) == 2} == kinds and ("R", "density") in one.asked
    assert all(lesion.key in kinds for lesion in one.lesions) and one.lesions
    twin = one.lesions[0].without()
    assert twin.truth == one.truth - {one.lesions[0].key} and not twin.lesions
    moved = one.lesions[0].moved()
    assert moved is not None and mirrored_keys(frozenset({one.lesions[0].key})) <= moved.truth
