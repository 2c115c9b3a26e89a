"""A reader with a new part: what its card claims of images that the validation split shows, and of others."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from mammoscribe.models.reader.card import OperatingPoint
from mammoscribe.models.reader.loading import load_reader
from mammoscribe.support.errors import InputError
from mammoscribe.training.calibration import reader_folder
from mammoscribe.training.calibration.reader_folder import PartExport, reader_at
from tests.training.fine_lab import fine_lab, tiny_reader


def _same(reader, tensors):
    return reader


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    """A reader whose levels are all 0.31 before, exported on phantoms that were prepared without fine pictures."""
    root = tmp_path_factory.mktemp("export")
    folder = tiny_reader(root / "reader", calcifications=True)
    before = load_reader(str(folder))
    _rewrite(before.card, folder)
    (root / "out").mkdir()
    data = fine_lab(root, 4, "crops")
    PartExport(folder, "new part", (data,), _same)(folder / "weights.safetensors", root / "out")
    return load_reader(str(root / "out")).card


def _rewrite(card, folder: Path) -> None:
    from mammoscribe.models.reader.card import write_card

    levels = dict.fromkeys(card.synthetic.thresholds, 0.31)

    def point(name: str) -> OperatingPoint:
        return replace(card.synthetic, population=name, thresholds=levels, possible=levels, density_temperature=2.5)

    write_card(replace(card, synthetic=point("old drawn"), real=point("old acquired")), folder / "card.json")


def test_operating_points_are_fixed_on_the_networks_as_they_are_stored(tmp_path, monkeypatch):
    folder, seen = tiny_reader(tmp_path / "reader", calcifications=True), []

    def put(reader, _):
        with torch.no_grad():
            for weight in reader.net.parameters():
                weight.mul_(1.0001)
        return reader

    def looked(reader, *_):
        seen.extend((name, p.detach().clone()) for name, p in reader.net.named_parameters())
        return (), ()

    monkeypatch.setattr(reader_folder, "_seen", looked)
    monkeypatch.setattr(reader_folder, "_point", lambda _, __, before: before)
    (tmp_path / "out").mkdir()
    PartExport(folder, "new part", (fine_lab(tmp_path, 2, "crops"),), put)(
        folder / "weights.safetensors", tmp_path / "out"
    )
    stored = dict(load_reader(str(tmp_path / "out")).net.named_parameters())
    assert seen and all(torch.equal(value, stored[name]) for name, value in seen)


def test_the_card_names_the_part_and_its_data(exported):
    assert exported.trained_on == "nothing; new part: phantom"
    assert exported.version == "1+new-part"


def test_levels_are_those_of_the_validation_split_and_of_what_was_not_searched_as_before(exported):
    point = exported.synthetic
    assert point.population == "validation split of phantom"
    assert point.thresholds["calcification"] == 0.31
    assert point.thresholds["architectural_distortion"] == 0.99  # the split shows none


def test_of_images_that_no_split_shows_no_probability_and_no_word_is_claimed(exported):
    point = exported.real
    assert point.malignant is None and not point.words_measured and point.reliability == ()
    assert point.density_temperature == 2.5
    assert point.thresholds["calcification"] == 0.31
    assert {k: v for k, v in point.thresholds.items() if k != "calcification"} == {
        k: v for k, v in exported.synthetic.thresholds.items() if k != "calcification"
    }


def test_a_reader_is_found_by_name_by_folder_and_in_a_run_folder(tmp_path):
    tiny_reader(tmp_path / "run" / "model")
    assert reader_at(tmp_path / "run").card.name == reader_at(tmp_path / "run" / "model").card.name == "tiny"
    assert reader_at(Path("starter")).card.name == "starter"
    with pytest.raises(InputError, match="no model"):
        reader_at(tmp_path / "nowhere")
