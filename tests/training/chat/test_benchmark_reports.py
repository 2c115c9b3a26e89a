"""`benchmarks/starter_chat.py`: which facts count as those of the chat model."""

import pytest

from mammoscribe.domain.evidence import Claim, Writer
from mammoscribe.domain.exam import Exam
from mammoscribe.domain.finding import FindingType
from mammoscribe.reporting.compose import compose_report
from tests.reporting.strategies import provenance
from tests.reporting.test_compose import a_finding, all_views, plain_chart

pytest.importorskip("transformers")
MASS = a_finding("R_CC", FindingType.MASS, "shape.oval", "margin.circumscribed")


@pytest.mark.parametrize(
    ("said", "own"),
    [
        ("There is an oval, spiculated mass in the right breast.", {("R", "mass"), ("R", "mass", "shape", "oval")}),
        ("The right breast shows an oval, circumscribed mass.",
         {("R", "mass"), ("R", "mass", "shape", "oval"), ("R", "mass", "margin", "circumscribed")}),
        ("No suspicious finding is seen in the right breast.", set()),
        ("There is an oval mass in the left breast.", set()),
    ],
)  # fmt: skip
def test_of_the_gated_report_only_what_the_chat_model_stated_is_its_own(said, own):
    from benchmarks.starter_chat import borne_out

    chart = plain_chart(Exam("e", all_views()), MASS)
    report = compose_report(chart, provenance(), (Claim(said),), Writer.EXTERNAL)
    assert any("circumscribed" in s.text for s in report.sentences)  # whoever wrote it, the report states it all
    assert borne_out([said], report) == own


def test_a_printed_sentence_that_its_evidence_does_not_bear_out_counts_against_the_chat_model(monkeypatch):
    from benchmarks import starter_chat

    chart = plain_chart(Exam("e", all_views()), MASS)
    said = "There is an oval mass in the right breast."
    report = compose_report(chart, provenance(), (Claim(said),), Writer.EXTERNAL)
    monkeypatch.setattr(starter_chat, "sentence_keys", lambda *_: frozenset({("objected to", said), ("R", "mass")}))
    assert starter_chat.borne_out([said], report) == {("objected to", said), ("R", "mass")}
