"""What is special in mini-MIAS: a list for people, circles from the bottom left, films without a circle."""

import shutil
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from mammoscribe.data.counts import tally_for
from mammoscribe.data.dataset import Fault
from mammoscribe.data.datasets.mini_mias import MINI_MIAS
from mammoscribe.domain.view import Box, Laterality
from mammoscribe.imaging.decode import decode
from tests.data.datasets.made import write_lines, write_picture
from tests.data.datasets.makers import mini_mias


def items(root):
    return list(MINI_MIAS.edition_in(root).read(root))


def listed(root, *lines):
    write_lines(root / "Info.txt", *lines)
    write_picture(root / "mdb001.pgm")
    return items(root)


def test_a_pair_of_films_is_an_exam_and_even_films_are_left(tmp_path):
    mini_mias.info_txt(tmp_path)
    first, second = items(tmp_path)
    assert [(v.path, v.laterality) for v in first.images] == [
        ("mdb001.pgm", Laterality.RIGHT), ("mdb002.pgm", Laterality.LEFT),
    ]  # fmt: skip
    assert (first.id, second.id, first.images[0].spacing_mm) == ("mias-1", "mias-2", (0.2, 0.2))
    assert first.breasts == {
        Laterality.RIGHT: {"tissue": "G", "pathology": "benign|malignant"},
        Laterality.LEFT: {"tissue": "G", "pathology": "normal"},
    }


def test_every_row_of_a_film_is_a_box_from_the_top_left(tmp_path):
    mini_mias.info_txt(tmp_path)
    film, normal = items(tmp_path)[0].images
    assert [(r.box, r.labels["abnormality"], r.labels["pathology"]) for r in film.regions] == [
        (Box(70.5, 993.5, 130.5, 1024), "CIRC", "benign"), (Box(480.5, 403.5, 520.5, 443.5), "SPIC", "malignant"),
    ]  # fmt: skip
    assert film.labels == {"abnormality": "CIRC|SPIC"}
    assert (normal.labels, normal.regions) == ({"abnormality": "NORM"}, ())


@pytest.mark.parametrize("make", [mini_mias.info_txt, mini_mias.export])
def test_a_film_without_a_circle_is_not_free_of_lesions(make, tmp_path):
    make(tmp_path)
    film = items(tmp_path)[1].images[0]
    assert (film.labels, film.regions) == ({"abnormality": "CALC", "unplaced": "CALC", "note": "NOTE 3"}, ())


@pytest.mark.parametrize(
    "line",
    ["mdb001 G", "mdb01 G NORM", "mdb001 X NORM", "mdb001 G CIRC", "mdb001 G NORM B 1 2 3", "mdb001 G CIRC B 500 600",
     "mdb001 G CIRC B 1 2 wide", "mdb001 G CIRC B 3000 10 20"],
)  # fmt: skip
def test_a_row_that_cannot_be_one_is_an_error_of_its_line(line, tmp_path):
    fault, exam = listed(tmp_path, "a text with mdb001 in it is no row", line, "mdb002 G NORM")
    assert isinstance(fault, Fault) and fault.where == "Info.txt line 2" and fault.error.expected
    assert [v.path for v in exam.images] == ["mdb002.pgm"]


@pytest.mark.real
def test_the_export_is_read_whole(data_root: Path) -> None:
    root = data_root / "mini_mias"
    tally = tally_for(MINI_MIAS.edition_in(root), root)
    exams = list(tally.passing(iter(items(root))))
    assert {name: tally.counts[name] for name in ("records", "images", "files", "regions", "faults")} == {
        "records": 116, "images": 232, "files": 232, "regions": 86, "faults": 0,
    }  # fmt: skip
    unplaced = {Path(v.path).stem: v.labels.get("note") for e in exams for v in e.images if "unplaced" in v.labels}
    assert unplaced == {"mdb059": None, "mdb216": "NOTE 3", "mdb233": "NOTE 3", "mdb245": "NOTE 3"}


@pytest.mark.real
def test_kinds_and_normal_films_of_the_export_are_those_of_its_table(data_root: Path) -> None:
    views = [v for e in items(data_root / "mini_mias") for v in e.images]
    assert sum(v.labels["abnormality"] == "NORM" for v in views) == 148
    kinds = Counter(kind for v in views for kind in v.labels["abnormality"].split("|"))
    assert kinds == {"NORM": 148, "CALC": 23, "ARCH": 18, "CIRC": 17, "SPIC": 14, "MISC": 9, "ASYM": 9}


@pytest.mark.real
def test_well_defined_masses_are_brighter_than_their_surroundings(data_root: Path) -> None:
    """Only true when the bottom-left origin was converted: the mirrored boxes lie elsewhere."""
    films = [
        (v, v.regions[0].box)
        for e in items(data_root / "mini_mias")
        for v in e.images
        if v.regions and v.regions[0].labels["abnormality"] == "CIRC"
    ]
    brighter = 0
    for view, box in films:
        pixels = decode(data_root / "mini_mias" / view.path).pixels
        x, y = (int(edge) for edge in box.centre)
        reach = int(box.width / 2)
        around = pixels[max(0, y - 2 * reach) : y + 2 * reach, max(0, x - 2 * reach) : x + 2 * reach]
        core = pixels[y - reach // 3 : y + reach // 3 + 1, x - reach // 3 : x + reach // 3 + 1]
        brighter += bool(core.mean() > around.mean() + 0.02)
    assert brighter >= 0.85 * len(films)


@pytest.mark.real
def test_the_original_list_holds_every_film_and_agrees_with_the_export(data_root: Path, tmp_path: Path) -> None:
    shutil.copy(data_root / "mini_mias" / "Info_original.txt", tmp_path / "Info.txt")
    edition = MINI_MIAS.editions[0]
    tally = tally_for(edition, tmp_path)
    exams = {e.id: e for e in tally.passing(edition.read(tmp_path))}
    assert tally.differences(edition.expected) == ()
    assert Counter(len(e.images) for e in exams.values()) == {2: 161}
    for there in items(data_root / "mini_mias"):
        same = exams[there.id]
        assert same.breasts == there.breasts
        assert [replace(v, path=None) for v in same.images] == [replace(v, path=None) for v in there.images]
