"""The mini-MIAS films."""

from collections import Counter
from pathlib import Path

import pytest

from mammoscribe.data.mini_mias import read_mini_mias
from mammoscribe.domain.view import Box, SpacingSource
from mammoscribe.imaging.decode import decode
from mammoscribe.support.errors import InputError

COLUMNS = "name,tissue,abnormality,severity,x,y,r,pair,laterality,view"


def test_a_circle_from_the_bottom_left_becomes_a_box_from_the_top_left(tmp_path: Path) -> None:
    (tmp_path / "labels.csv").write_text(
        f"{COLUMNS}\nmdb999,G,CIRC,M,100,0,30,500,L,MLO\nmdb998,F,NORM,,,,,499,R,MLO\n"
    )
    normal, film = read_mini_mias(tmp_path)
    assert film.boxes == (Box(70.5, 993.5, 130.5, 1024),)
    assert (film.patient_id, film.tissue, film.lesions[0].malignant, film.lesions[0].mass) == (
        "mias-500",
        "G",
        True,
        True,
    )
    assert (film.view.id, film.view.spacing_mm, film.view.spacing_source) == (
        "L_MLO",
        (0.2, 0.2),
        SpacingSource.DECLARED,
    )
    assert normal.normal
    assert normal.boxes == ()


def test_a_lesion_without_coordinates_leaves_the_film_without_them(tmp_path: Path) -> None:
    (tmp_path / "labels.csv").write_text(f"{COLUMNS}\nmdb999,G,CALC,B,,,,500,L,MLO\n")
    (film,) = read_mini_mias(tmp_path)
    assert (film.normal, film.has_coordinates, film.boxes) == (False, False, ())


def test_missing_and_wrong_labels_are_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no mini-MIAS labels"):
        read_mini_mias(tmp_path)
    (tmp_path / "labels.csv").write_text(f"{COLUMNS}\nmdb999,G,BLOB,B,1,1,1,500,L,MLO\n")
    with pytest.raises(InputError, match="'BLOB'"):
        read_mini_mias(tmp_path)


@pytest.mark.real
def test_every_film_is_read(data_root: Path) -> None:
    films = read_mini_mias(data_root / "mini_mias")
    assert (len(films), len({f.patient_id for f in films}), sum(f.normal for f in films)) == (232, 116, 148)
    assert all(Path(f.view.source).is_file() for f in films)
    assert [f.name for f in films if not f.has_coordinates] == ["mdb059", "mdb216", "mdb233", "mdb245"]
    kinds = Counter(lesion.kind for f in films for lesion in f.lesions)
    assert kinds == {"CALC": 23, "ARCH": 18, "CIRC": 17, "SPIC": 14, "MISC": 9, "ASYM": 9}


@pytest.mark.real
def test_well_defined_masses_are_brighter_than_their_surroundings(data_root: Path) -> None:
    """Only true when the bottom-left origin was converted: the mirrored boxes lie elsewhere."""
    brighter = 0
    every = read_mini_mias(data_root / "mini_mias")
    films = [f for f in every if f.boxes and f.lesions[0].kind == "CIRC"]
    for film in films:
        pixels = decode(Path(film.view.source)).pixels
        x, y = (int(v) for v in film.boxes[0].centre)
        reach = int(film.boxes[0].width / 2)
        around = pixels[max(0, y - 2 * reach) : y + 2 * reach, max(0, x - 2 * reach) : x + 2 * reach]
        core = pixels[y - reach // 3 : y + reach // 3 + 1, x - reach // 3 : x + reach // 3 + 1]
        brighter += bool(core.mean() > around.mean() + 0.02)
    assert brighter >= 0.85 * len(films)
