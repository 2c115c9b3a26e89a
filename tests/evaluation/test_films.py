"""Figures on real films from made-up marks files."""

import json

import pytest

from mammoscribe.domain.finding import FindingType
from mammoscribe.evaluation.films import film_rows, froc_table, mass_rows, read_films
from mammoscribe.support.errors import InputError

FIRST_ONLY = (1.0, 0.0, 0.0)
ALL = [kind.value for kind in FindingType]
HALF = dict.fromkeys(FindingType, 0.5)


def row(dataset, patient, exam, predicted=(), truth=(), boxed=ALL, malignant=-1):
    return {
        "dataset": dataset, "patient_id": patient, "exam": exam, "fold": 0, "view": "R_MLO", "boxed": boxed,
        "malignant": malignant,
        "marks": [{"box": box, "score": score, "crop_score": None, "type": kind} for box, score, kind in predicted],
        "truth": [{"box": box, "type": kind} for box, kind in truth],
    }  # fmt: skip


LESION, ELSEWHERE = [10, 10, 30, 30], [60, 60, 80, 80]


@pytest.fixture
def marks_file(tmp_path):
    rows = [
        row("mini-mias", "mias-1", "m1", [(LESION, 0.9, "asymmetry"), (ELSEWHERE, 0.8, "mass")], [(LESION, "mass")]),
        row("mini-mias", "mias-1", "m2", [(LESION, 0.3, "mass")], [(LESION, "calcification")]),
        row("mini-mias", "mias-2", "m3", [(ELSEWHERE, 0.6, "mass")]),
        row("mini-mias", "mias-2", "m4", [(ELSEWHERE, 0.2, "mass")]),
        row("mini-mias", "mias-3", "m6", [(ELSEWHERE, 0.9, "mass")], boxed=["mass"]),
        row("rsna-2023", "5", "5-R", [(ELSEWHERE, 0.9, "mass")], boxed=[], malignant=0),
        row("rsna-2023", "7", "7-L", [(LESION, 0.7, "mass"), (ELSEWHERE, 0.9, "mass")], boxed=[], malignant=1),
    ]
    path = tmp_path / "marks.json"
    path.write_text(json.dumps({"schema": "mammoscribe.marks/1", "views": rows}))
    return path


def both(path):
    films = read_films(path, FIRST_ONLY)
    return films["mini-mias"], films["rsna-2023"]


def test_lesions_found_and_false_marks_at_the_stored_thresholds(marks_file):
    rows = {r.what: r for r in film_rows(*both(marks_file), HALF)}
    assert rows["lesions found"].value == 0.5  # another kind at the place counts on films
    assert rows["lesions found"].n == "1 of 2 lesions, 2 films"
    assert rows["… mass"].value == 1.0
    assert rows["… calcification"].value == 0.0
    assert rows["false marks per view, mini-MIAS normals"].value == 0.5
    assert rows["false marks per view, RSNA non-cancer"].value == 1.0
    assert rows["false marks per view, RSNA non-cancer"].n == "1 views, 1 patients"
    assert rows["marks per view, RSNA cancer"].value == 2.0


def test_each_kind_has_its_own_threshold(marks_file):
    strict = {**HALF, FindingType.ASYMMETRY: 0.95}
    rows = {r.what: r for r in film_rows(*both(marks_file), strict)}
    assert rows["lesions found"].value == 0.0


def test_the_froc_table_keeps_to_its_budgets(marks_file):
    mias, _ = both(marks_file)
    assert [(b, s) for b, _, s in froc_table(mias, (0.0, 0.5, 1.0))] == [(0.0, 0.5), (0.5, 1.0), (1.0, 1.0)]


def test_mass_boxes_are_counted_by_the_marks_that_are_called_masses(tmp_path):
    other = [40, 40, 50, 50]
    rows = [
        row(
            "cbis-ddsm",
            "p1",
            "1",
            [(LESION, 0.9, "mass"), (ELSEWHERE, 0.8, "mass")],
            [(LESION, "mass"), (other, "mass")],
        ),
        row("cbis-ddsm", "p1", "2", [(LESION, 0.3, "mass"), (other, 0.9, "asymmetry")], [(LESION, "mass")]),
        row("cbis-ddsm", "p2", "3", [(LESION, 0.9, "asymmetry")], [(LESION, "mass"), (other, "asymmetry")]),
    ]
    path = tmp_path / "marks.json"
    path.write_text(json.dumps({"schema": "mammoscribe.marks/1", "views": rows}))
    found = {r.what: r for r in mass_rows(read_films(path, FIRST_ONLY)["cbis-ddsm"], threshold=0.5, weaker=0.2)}
    assert found["mass boxes found in sentences"].n == "4 boxes of 2 patients"
    assert [found[what].value for what in ("mass boxes found in sentences", "… with weaker marks")] == [0.25, 0.5]
    assert found["marks in sentences that lie on a boxed mass"].value == 0.5
    assert found["marks beside the boxed masses per view"].value == pytest.approx(1 / 3)
    budgets = [found[f"mass boxes found at {b:g} false marks a view"].value for b in (0.25, 0.5, 1.0)]
    assert budgets == [0.25, 0.5, 0.5]  # the mark beside the masses, at 0.8, is one in three views


def test_what_is_no_marks_file_is_refused(tmp_path):
    with pytest.raises(InputError, match="no marks in"):
        read_films(tmp_path / "none.json", FIRST_ONLY)
    (tmp_path / "bad.json").write_text('{"views": [{}]}')
    with pytest.raises(InputError, match="cannot be read"):
        read_films(tmp_path / "bad.json", FIRST_ONLY)


def test_the_crop_refiner_weighs_in_where_it_looked(tmp_path):
    seen = row("mini-mias", "mias-1", "m1", [(LESION, 0.5, "mass"), (ELSEWHERE, 0.5, "mass")], [(LESION, "mass")])
    seen["marks"][0]["crop_score"], seen["marks"][1]["crop_score"] = 0.9, 0.1
    path = tmp_path / "marks.json"
    path.write_text(json.dumps({"views": [seen]}))
    (film,) = read_films(path, (1.0, 1.0, 0.0))["mini-mias"]
    assert [m.score for m in film.marks] == pytest.approx([0.9, 0.1])
