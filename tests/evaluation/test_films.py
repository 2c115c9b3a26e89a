"""Figures on real films from made-up marks files."""

import json

import pytest

from mammoscribe.domain.finding import FindingType
from mammoscribe.evaluation.films import TYPES, film_rows, froc_table, patient_of, read_films
from mammoscribe.support.errors import InputError

FIRST_ONLY = (1.0, 0.0, 0.0)
HALF = dict.fromkeys(FindingType, 0.5)


def row(exam, predicted=(), truth=(), labelled=True, malignant=-1):
    return {
        "exam": exam,
        "slot": 2,
        "labelled": labelled,
        "malignant": malignant,
        "predicted": [{"box": box, "score": score, "type": kind} for box, score, kind in predicted],
        "truth": [{"box": box, "type": kind} for box, kind in truth],
    }


LESION, ELSEWHERE = [10, 10, 30, 30], [60, 60, 80, 80]


@pytest.fixture
def marks_file(tmp_path):
    mias = [
        row("mias-mdb001", [(LESION, 0.9, 3), (ELSEWHERE, 0.8, 0)], [(LESION, 0)]),
        row("mias-mdb002", [(LESION, 0.3, 0)], [(LESION, 1)]),
        row("mias-mdb003", [(ELSEWHERE, 0.6, 0)]),
        row("mias-mdb004", [(ELSEWHERE, 0.2, 0)]),
        row("mias-mdb006", [(ELSEWHERE, 0.9, 0)], labelled=False),
    ]
    rsna = [
        row("rsna-5-R", [(ELSEWHERE, 0.9, 0)], labelled=False, malignant=0),
        row("rsna-5-R", [(ELSEWHERE, 0.9, 0)], labelled=False, malignant=0),  # the same view again
        row("rsna-7-L", [(ELSEWHERE, 0.9, 0)], labelled=False, malignant=1),
    ]
    path = tmp_path / "marks.json"
    path.write_text(json.dumps({"mias": mias, "rsna": rsna, "fold": 0}))
    return path


def test_lesions_found_and_false_marks_at_the_stored_thresholds(marks_file):
    rows = {r.what: r for r in film_rows(*read_films([marks_file], FIRST_ONLY), HALF)}
    assert rows["lesions found"].value == 0.5  # another kind at the place counts on films
    assert rows["lesions found"].n == "1 of 2 lesions, 2 films"
    assert rows["… mass"].value == 1.0
    assert rows["… calcification"].value == 0.0
    assert rows["false marks per view, mini-MIAS normals"].value == 0.5
    assert rows["false marks per view, RSNA non-cancer"].value == 1.0
    assert rows["false marks per view, RSNA non-cancer"].n == "1 views, 1 patients"


def test_each_kind_has_its_own_threshold(marks_file):
    strict = {**HALF, TYPES[3]: 0.95}
    rows = {r.what: r for r in film_rows(*read_films([marks_file], FIRST_ONLY), strict)}
    assert rows["lesions found"].value == 0.0


def test_the_froc_table_keeps_to_its_budgets(marks_file):
    mias, _ = read_films([marks_file], FIRST_ONLY)
    assert [(b, s) for b, _, s in froc_table(mias, (0.0, 0.5, 1.0))] == [(0.0, 0.5), (0.5, 1.0), (1.0, 1.0)]


def test_films_of_a_pair_are_one_patient():
    assert patient_of("mias-mdb003") == patient_of("mias-mdb004") == "mias-2"
    assert patient_of("rsna-5-R") == "rsna-5"


def test_what_is_no_marks_file_is_refused(tmp_path):
    with pytest.raises(InputError, match="no marks in"):
        read_films([tmp_path / "none.json"], FIRST_ONLY)
    (tmp_path / "bad.json").write_text('{"mias": [{}]}')
    with pytest.raises(InputError, match="cannot be read"):
        read_films([tmp_path / "bad.json"], FIRST_ONLY)


def test_the_crop_refiner_weighs_in_where_it_saw_a_crop(tmp_path):
    seen = row("mias-mdb001", [(LESION, 0.5, 0), (ELSEWHERE, 0.5, 0)], [(LESION, 0)])
    seen["predicted"][0]["look"], seen["predicted"][1]["look"] = 0.9, 0.1
    path = tmp_path / "marks.json"
    path.write_text(json.dumps({"mias": [seen], "rsna": []}))
    (film,), _ = read_films([path], (1.0, 1.0, 0.0))
    assert [m.score for m in film.marks] == pytest.approx([0.9, 0.1])
