"""Where sentences end."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mammoscribe.data.texts.sentences import is_finished, sentence_spans, sentences


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("A mass. No calcifications.", ["A mass.", "No calcifications."]),
        ("A 1.5 cm mass. Seen by Dr. Smith.", ["A 1.5 cm mass.", "Seen by Dr. Smith."]),
        ("Dr. J. R. Smith saw it. Fine.", ["Dr. J. R. Smith saw it.", "Fine."]),
        ("J. Smith, M.D. reported. Fine.", ["J. Smith, M.D. reported.", "Fine."]),
        ("1. A mass. 2. A cyst.", ["1. A mass.", "2. A cyst."]),
        ("1. A mass.\n2. A cyst", ["1. A mass.", "2. A cyst"]),
        ("1. BI-RADS 2. 2. Return in a year.", ["1. BI-RADS 2.", "2. Return in a year."]),
        ("Grade 2. Stable.", ["Grade 2.", "Stable."]),
        ("See fig. 2. Clear.", ["See fig. 2.", "Clear."]),
        ("No. 5 is a clip. Is it new? No. It is old.", ["No. 5 is a clip.", "Is it new?", "No.", "It is old."]),
        ("Composition is ACR b. There is a mass. Type C. Dense.",
         ["Composition is ACR b.", "There is a mass.", "Type C.", "Dense."]),
        ("Opacity, e.g. pneumonia, in the lung. Clear.", ["Opacity, e.g. pneumonia, in the lung.", "Clear."]),
        ("Mass, i.e. a cyst, in the L. breast.", ["Mass, i.e. a cyst, in the L. breast."]),
        ("It is 3 cm. in the left breast. It is 3 cm. No cyst.",
         ["It is 3 cm. in the left breast.", "It is 3 cm.", "No cyst."]),
        ("Seen on 12.03.2019. Called at 5 p.m. by phone. Seen at XXXX p.m. XXXX/XXXX. Clear.",
         ["Seen on 12.03.2019.", "Called at 5 p.m. by phone.", "Seen at XXXX p.m. XXXX/XXXX.", "Clear."]),
        ("The lungs are clear.The heart is normal.", ["The lungs are clear.", "The heart is normal."]),
        ("Really? Yes! XXXX. XXXX is clear. ___ is called.", ["Really?", "Yes!", "XXXX.", "XXXX is clear.", "___ is called."]),
        ("Twice.. Once", ["Twice..", "Once"]),
        ("A mass\nNo calcifications", ["A mass", "No calcifications"]),
        ("A mass in the\nLeft breast", ["A mass in the\nLeft breast"]),
        ("Views: CC,\nMLO and\nLM.", ["Views: CC,\nMLO and\nLM."]),
        ("The lungs are clear and the heart is normal in size, without any\nfocal lesion.",
         ["The lungs are clear and the heart is normal in size, without any\nfocal lesion."]),
        ("The heart is normal in size, as it was in the study made in the town of\nLondon in 2020.",
         ["The heart is normal in size, as it was in the study made in the town of\nLondon in 2020."]),
        ("A mass\n\nsmall", ["A mass", "small"]),
        ("Seen:\n- a mass\n- a cyst", ["Seen:", "- a mass", "- a cyst"]),
        ("Clear.\r\nNormal.", ["Clear.", "Normal."]),
        ("Sin cambios. Se observa nódulo.", ["Sin cambios.", "Se observa nódulo."]),
        ("Nódulo de 1,5 cm. en mama izq. de aspecto benigno, p. ej. un quiste. Sin adenopatías.",
         ["Nódulo de 1,5 cm. en mama izq. de aspecto benigno, p. ej. un quiste.", "Sin adenopatías."]),
        ("Informado por la Dra. López. Mama dcha. Se recomienda ecografía.",
         ["Informado por la Dra. López.", "Mama dcha.", "Se recomienda ecografía."]),
        ("Laudo da Dra. Souza. Nódulo com 1,5 cm. na mama esq. de aspecto benigno, p. ex. um cisto. Sem linfonodos.",
         ["Laudo da Dra. Souza.", "Nódulo com 1,5 cm. na mama esq. de aspecto benigno, p. ex. um cisto.", "Sem linfonodos."]),
        ("Nódulo no quadrante da\nMama direita", ["Nódulo no quadrante da\nMama direita"]),
        ("", []),
        (" \n ", []),
    ],
)  # fmt: skip
def test_sentences_end_where_a_reader_ends_them(text, expected):
    assert sentences(text) == expected


@given(st.text("aBX1. \n-?,"))
def test_between_sentences_there_is_white_space_only(text):
    spans = sentence_spans(text)
    assert all(start < end for start, end in spans)
    edges = [0, *(edge for span in spans for edge in span), len(text)]
    assert not any(text[a:b].strip() for a, b in zip(edges[::2], edges[1::2], strict=True))


@pytest.mark.parametrize(
    ("line", "finished"),
    [
        ("A mass.", True), ("A mass", True), ("A mass with", False), ("Una masa en la", False), ("CC, MLO,", False),
        ("The heart is normal in size and the lungs are clear of any focal", False),
    ],
)  # fmt: skip
def test_a_line_is_finished_by_its_mark_or_when_it_is_short_and_not_cut_in_a_phrase(line, finished):
    assert is_finished(line) is finished
