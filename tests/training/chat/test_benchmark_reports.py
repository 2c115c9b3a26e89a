"""`benchmarks/starter_chat.py`: which sentences count as those of the chat model."""

import pytest

from mammoscribe.domain.evidence import Evidence, EvidenceKind, GateResult, Section, Sentence, Writer

pytest.importorskip("transformers")


def test_a_claim_that_the_gate_words_anew_is_not_counted_for_the_chat_model():
    from benchmarks.starter_chat import unchanged

    made = [
        Sentence(f"{writer} {gate}.", Section.FINDINGS, (Evidence(EvidenceKind.BREAST, "L"),), writer, gate)
        for writer in (Writer.RENDERER, Writer.EXTERNAL)
        for gate in (GateResult.CONSISTENT, GateResult.CORRECTED)
    ]
    assert [s.text for s in unchanged(made)] == ["external consistent."]
