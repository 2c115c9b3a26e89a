"""Where sentences end."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mammoscribe.data.sentences import sentence_spans, sentences


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("A mass. No calcifications.", ["A mass.", "No calcifications."]),
        ("A 1.5 cm mass. Seen by Dr. Smith.", ["A 1.5 cm mass.", "Seen by Dr. Smith."]),
        ("1. A mass. 2. A cyst.", ["1. A mass.", "2. A cyst."]),
        ("1. A mass.\n2. A cyst", ["1. A mass.", "2. A cyst"]),
        ("Grade 2. Stable.", ["Grade 2.", "Stable."]),
        ("Opacity, e.g. pneumonia, in the lung. Clear.", ["Opacity, e.g. pneumonia, in the lung.", "Clear."]),
        ("A mass\nNo calcifications", ["A mass", "No calcifications"]),
        ("The lungs are clear and the heart is normal in size, without any\nfocal lesion.",
         ["The lungs are clear and the heart is normal in size, without any\nfocal lesion."]),
        ("The heart is normal in size, as it was in the study made in the city of\nLondon in 2020.",
         ["The heart is normal in size, as it was in the study made in the city of\nLondon in 2020."]),
        ("A mass\n\nsmall", ["A mass", "small"]),
        ("Seen:\n- a mass\n- a cyst", ["Seen:", "- a mass", "- a cyst"]),
        ("Sin cambios. Se observa nódulo.", ["Sin cambios.", "Se observa nódulo."]),
        ("Really? Yes! XXXX.", ["Really?", "Yes!", "XXXX."]),
        ("", []),
        (" \n ", []),
    ],
)  # fmt: skip
def test_sentences_end_where_a_reader_ends_them(text, expected):
    assert sentences(text) == expected


@given(st.text("aB1. \n-?"))
def test_between_sentences_there_is_white_space_only(text):
    spans = sentence_spans(text)
    assert all(start < end for start, end in spans)
    edges = [0, *(edge for span in spans for edge in span), len(text)]
    assert not any(text[a:b].strip() for a, b in zip(edges[::2], edges[1::2], strict=True))
