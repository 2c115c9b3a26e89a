"""Values of labels as tables write them: read in one spelling, or refused; never taken for another value."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mammoscribe.data.labels.values import ValueKind, kind_of, normalised
from mammoscribe.domain.assessment import Category
from mammoscribe.support.errors import InputError

BIRADS = {
    "0": ["0", "0.0", "category 0 – incomplete", "BI-RADS 0: Need additional imaging evaluation and/or prior mammograms",
          "BIRADS O", "R0", "incompleto", "zero"],
    "1": ["1", "I", "BI-RADS 1 (negative)", "R1", "normal", "ACR 1", "Negativo"],
    "2": ["2", "2,0", "ACR 2", "ACR2", "II", "2: Benign finding(s)", "BI-RADS® 2 - benign", "M2", "Cat 2", "b2", "bi rads ii", "Benign (2)",
          "benign finding: 2"],
    "3": ["3", "Birads category-3", "probably benign", "probablemente benigno", "Provavelmente benigno", "BIRADS III", "#3"],
    "4": ["4", "4.0", "4,0", "4.00", "04", "BI-RADS 4", "BI-RADS: 4", "4 (suspicious)", "B4", "R4", "M4", "R-4", "four", "IV",
          "(IV)", "4 - Suspicious abnormality", "BI-RADS (4)", "categoría 4", "Kategorie 4", "birads_4", "BIRADS4", "４",
          "BI-RADS\u00a04", "BI‑RADS 4", "Class 4", "Final assessment: BI-RADS 4", "4.", "BI-RADS 4 derecho", "4 right breast",
          "suspeito", "hallazgo sospechoso", "biradsIV", " 4 \u200b", "BR-4", "B.I.R.A.D.S. 4", "BI/RADS 4", "suspicious (4)",
          "Suspicious abnormality - BI-RADS 4", "BI-RADS = 4", "assessment 4"],
    "4A": ["4A", "4a", "4 a", "4-A", "IVa", "BI-RADS 4A: low suspicion for malignancy", "4(a)", "cuatro a"],
    "4B": ["4B", "BIRADS IV b", "cat. IV b", "IV-b", "BI-RADS CATEGORY 4B: MODERATE SUSPICION.", "B4b"],
    "4C": ["4C", "BI-RADS-4c", "Kat. IV C", "alta sospecha"],
    "5": ["5", "V", "BI-RADS 5 (highly suggestive of malignancy)", "5 highly suggestive of malignancy", "R5"],
    "6": ["6", "VI", "known biopsy-proven malignancy", "6.0"],
    "": ["", "-", "--", "N/A", "n.a.", "unknown", "not assigned", "?", "#N/A", "no consta", "Não informado", "nan"],
}  # fmt: skip
NOT_BIRADS = [
    "9", "7", "10", "99", "-1", "- 4", "4D", "3a", "4?", "4/5", "4-5", "4 or 5", "4 (benign)", "2 suspicious", "not 4", "4.5",
    "4,5", "0.4", "4 mm", "6 month follow-up", "6-month follow up", "BI-RADS 3 months", "4+", "<4", "5%", "C", "S", "dense",
    "R4; L2", "R: 4, L: 2", "BI-RADS 4A/4B", "highly suspicious", "not suspicious", "4th", "VIII", "#REF!", "previous 4", "benign (4)", "suspicious 2", "benign 2 or 3",
    "BI-RADS 4 not confirmed", "2024-01-01", "see report", "BI-RADS", "category",
]  # fmt: skip
DENSITY = {
    "a": ["a", "A", "1", "1.0", "ACR 1", "I", "almost entirely fatty", "BI-RADS a", "predominantemente adiposa", "1 - fatty"],
    "b": ["b", "B.", "ACR b", "ACR 2", "tipo B", "b - scattered", "Breast density: b", "ACR-II",
          "There are scattered areas of fibroglandular density"],
    "c": ["c", "DENSITY C", "C (heterogeneously dense)", "heterogeneously dense", "patrón ACR c", "III", "3,0", "Type c",
          "Heterogeneously dense (c)"],
    "d": ["d", "D", "4", "IV", "extremely dense", "Extremadamente densa", "BI-RADS d (extremely dense)"],
    "": ["", "n/a", "unknown", "-"],
    "male": ["male"],
}  # fmt: skip
NOT_DENSITY = [
    "9",
    "5",
    "0",
    "dense",
    "b/c",
    "3%",
    "25-50%",
    "b (extremely dense)",
    "AB",
    "e",
    "not dense",
    "2 cm",
    "-1",
]
OTHERS = [
    (ValueKind.YES_NO, {"1": ["1", "1.0", "1,0", "1 (yes)", "yes", "Y", "TRUE", "Sí", "sim", "Oui", "positive", "malignant"],
                        "0": ["0", "0.0", "No", "false", "não", "Nein", "benign", "negative"], "": ["", "NA", "unknown"]},
     ["2", "maybe", "x", "10", "-1", "yes?", "01.5", "1 (no)", "non malignant", "negative for cancer"]),
    (ValueKind.PATHOLOGY, {"malignant": ["MALIGNANT", "M", "maligno"], "benign": ["Benign", "b"], "normal": ["N", "Normal"],
                           "benign_without_callback": ["BENIGN_WITHOUT_CALLBACK", "benign without callback"]},
     ["fibroadenoma", "3", "malignant or benign"]),
    (ValueKind.LATERALITY, {"R": ["R", "right", "RT", "derecha", "D", "Direita", "rechts", "droite", "Right breast"],
                            "L": ["L", "left", "izquierda", "izq.", "esquerda", "links", "gauche"],
                            "B": ["B", "both", "Bilateral", "ambas", "R/L"]}, ["x", "1", "upper"]),
]  # fmt: skip


def pairs(table):
    return [(text, value) for value, texts in table.items() for text in texts]


@pytest.mark.parametrize(("text", "value"), pairs(BIRADS))
def test_a_birads_category_is_read_however_it_is_written(text, value):
    assert normalised(ValueKind.BIRADS, text) == value


@pytest.mark.parametrize("text", NOT_BIRADS)
def test_what_is_no_single_birads_category_is_refused(text):
    with pytest.raises(InputError, match="is not understood as a BI-RADS category; expected 0, 1, 2, 3, 4, 4A, 4B, 4C"):
        normalised(ValueKind.BIRADS, text)


@pytest.mark.parametrize(("text", "value"), pairs(DENSITY))
def test_a_density_class_is_read_however_it_is_written(text, value):
    assert normalised(ValueKind.DENSITY, text) == value


@pytest.mark.parametrize("text", NOT_DENSITY)
def test_what_is_no_single_density_class_is_refused(text):
    with pytest.raises(InputError, match="density class; expected a, b, c or d"):
        normalised(ValueKind.DENSITY, text)


@pytest.mark.parametrize(("kind", "table", "others"), OTHERS)
def test_other_kinds_have_their_words_and_refuse_the_rest(kind, table, others):
    assert [normalised(kind, text) for text, _ in pairs(table)] == [value for _, value in pairs(table)]
    for text in others:
        with pytest.raises(InputError, match="is not understood as"):
            normalised(kind, text)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("2|4", "2|4"), ("4|4", "4|4"), ("|4a", "|4A"), ("4|", "4|"), ("|", ""),  # `|` keeps the place of every finding
        ("3, 4a", "3|4A"), ("2; 4", "2|4"), ("2; 2", "2"), ("4 and 5", "4|5"), ("2 & 4", "2|4"), ("4;", "4"),
    ],
)  # fmt: skip
def test_several_values_are_joined_in_one_way(text, value):
    assert normalised(ValueKind.BIRADS, text) == value


def test_one_of_several_values_that_is_not_understood_refuses_all():
    for text in ("2|9", "2; foo", "4 and ten"):
        with pytest.raises(InputError):
            normalised(ValueKind.BIRADS, text)


@given(
    st.sampled_from(list(Category)),
    st.sampled_from(["{}", "BI-RADS {}", "birads-{}", "Category {}.", "ACR BI-RADS: {}"]),
)
def test_every_category_of_the_report_is_read_back_from_its_own_spelling(category, form):
    assert normalised(ValueKind.BIRADS, form.format(str(category).lower())) == category
    assert normalised(ValueKind.BIRADS, form.format(category)) == category


@given(st.text(max_size=30), st.sampled_from(list(ValueKind)))
def test_any_text_gives_a_known_value_or_a_refusal_and_reading_twice_changes_nothing(text, kind):
    try:
        value = normalised(kind, text)
    except InputError:
        return
    assert normalised(kind, value) == value
    if kind is ValueKind.BIRADS:
        assert set(value.split("|")) <= {"", *map(str, Category)}


@pytest.mark.parametrize(
    ("label", "kind"),
    [
        ("birads", ValueKind.BIRADS), ("bi_rads", ValueKind.BIRADS), ("reader_1_birads", ValueKind.BIRADS),
        ("birads_right", ValueKind.BIRADS), ("density", ValueKind.DENSITY), ("breast_density", ValueKind.DENSITY),
        ("cancer", ValueKind.YES_NO), ("study_cancer", ValueKind.YES_NO), ("pathology", ValueKind.PATHOLOGY),
        ("pathology_severity", None), ("cancer_type", None), ("libra_percentdensity", None), ("percent_density", None),
        ("birads_date", None), ("age", None), ("histology", None),
    ],
)  # fmt: skip
def test_the_kind_of_a_label_follows_its_name(label, kind):
    assert kind_of(label) is kind
