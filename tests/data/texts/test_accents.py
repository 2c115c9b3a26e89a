"""Letters without accents."""

from mammoscribe.data.texts.accents import without_accents


def test_accents_go_letter_by_letter_and_the_spanish_n_stays():
    assert (
        without_accents("Técnica: ÚLTIMO año, pingüino, Ñu; naïve 5 µm")
        == "Tecnica: ULTIMO año, pinguino, Ñu; naive 5 µm"
    )
