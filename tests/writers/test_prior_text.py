"""What of a prior report is shown to a generator: sentences whose every word the parser knows."""

import pytest

from mammoscribe.writers.prior_text import known_words_only

REPORT = """Patient: Jane Doe, born 12.03.1961, ID 4711
Exam of March 3, 2024, read by Dr. A. Smith.
Scattered areas of fibroglandular density.
Right breast:
- There is an irregular mass.
Left breast: No mass. No calcifications.
Compared with 02/03/2022 there is a mass in the right breast.
Mrs. Doe has a mass in the left breast.
See //pacs/share/jane/4711.dcm."""


def test_sentences_of_known_words_keep_their_breast_and_the_others_are_counted():
    text, left_out = known_words_only(REPORT)
    assert text == (
        "Scattered areas of fibroglandular density. "
        "Right breast: There is an irregular mass. Left breast: No mass. Left breast: No calcifications."
    )
    assert left_out == 7


@pytest.mark.parametrize(
    "secret",
    [
        "Jane",
        "Müller",
        "MRN0042",
        "4711",
        "1961-03-12",
        "12/03/1961",
        "March 2021",
        "2021",
        "St. Mary Hospital",
        "O'Brien",
    ],
)
@pytest.mark.parametrize(
    "sentence",
    ["{} has a mass in the right breast.", "There is a mass in the right breast, {}.", "Mass in the left breast ({}).",
     "{}: no mass in the right breast.", "No mass in the left breast since {}."],
)  # fmt: skip
def test_no_name_number_or_date_is_passed_on(secret, sentence):
    assert secret not in known_words_only(sentence.format(secret))[0]


def test_no_report_is_no_text():
    assert known_words_only("") == ("", 0)
