"""benchmarks/biovil_protocols.py: each protocol against figures by hand, and the script on a small lab."""

import json
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from PIL import Image

from benchmarks import biovil_protocols as module
from benchmarks.biovil_protocols import (
    Embedded,
    boxed_phrases,
    change_rows,
    grounding_rows,
    read_boxes,
    retrieval_rows,
    zero_shot_rows,
)
from mammoscribe.data.datasets.phantom import PHANTOM
from mammoscribe.data.labelled import LabelKind
from mammoscribe.data.prepared.dataset import StoredPicture
from mammoscribe.data.records import Kind, ListedView, Region
from mammoscribe.domain.view import Box
from mammoscribe.imaging.placement import Placement
from mammoscribe.models.biovil.space import BiovilSpace
from mammoscribe.support.errors import InputError
from mammoscribe.training.probes.feature_set import FeatureKind, FeatureSet
from tests.data.some_records import CC, R, exam
from tests.models.tiny_joint import write_published_folder
from tests.training.biovil.lab import chest_lab

pytest.importorskip("transformers")


SENTENCES = "sentence pairs, accuracy at the best threshold of the same pairs"


class Axes:
    """A space in which each word has an axis of its own."""

    name = "axes"

    def __init__(self, *words: str) -> None:
        self.words = words

    def project_texts(self, texts):
        return torch.tensor([[float(word in text) for word in self.words] for text in texts])

    embed_texts = project_texts


def features(rows, labels, kind: LabelKind, name: str) -> FeatureSet:
    count = len(rows)
    return FeatureSet(
        np.array(rows, np.float32), tuple(f"i{n}" for n in range(count)), tuple(f"p{n // 2}" for n in range(count)),
        ("test",) * count, np.ones(count, bool), (name,), (kind,), np.array(labels, np.float32)[:, None],
        FeatureKind.PROJECTED, "axes", "as prepared",
    )  # fmt: skip


def test_reports_are_found_as_often_as_counting_says():
    line = torch.tensor([[1.0, 0.0], [0.8, 0.6], [0.0, 1.0], [-1.0, 0.0]])
    swapped = line[[1, 0, 2, 3]]
    rows = {row.what: row for row in retrieval_rows(Embedded(line, swapped, torch.tensor([1, 2, 3, 4]), tuple("abcd")))}
    assert (
        rows["own report among the nearest 1"].value == 0.5
        and "chance 0.250" in rows["own report among the nearest 1"].n
    )
    assert rows["own report among the nearest 10"].value == 1.0
    same = {row.what: row for row in retrieval_rows(Embedded(line, swapped, torch.tensor([1, 1, 3, 4]), tuple("abcd")))}
    assert (
        same["own picture among the nearest 1"].value == 1.0
        and "3 reports, chance 0.333" in same["own picture among the nearest 1"].n
    )
    assert all(0 <= row.interval.low <= row.value <= row.interval.high <= 1 for row in rows.values())


def test_zero_shot_ranks_by_the_difference_of_both_sides():
    space = Axes("Findings suggesting", "no ", "No ")
    scores = [[1, 0, 0], [0.6, 0.8, 0], [0.9, 0.1, 0], [0, 1, 1], [0, 0.5, 1], [0.2, 0, 1]]
    (row,) = zero_shot_rows(space, features(scores, [1, 1, np.nan, 0, 0, 0], LabelKind.PRESENCE, "pneumonia"), None)
    assert row.what == "zero-shot AUC of pneumonia" and row.value == 1.0 and row.n == "2 with, 3 without"
    (other,) = zero_shot_rows(space, features(scores, [0, 0, 0, 1, 1, 1], LabelKind.PRESENCE, "pneumonia"), None)
    assert other.value == 0.0
    assert not zero_shot_rows(space, features(scores, [1, 1, 1, 1, 1, 1], LabelKind.PRESENCE, "pneumonia"), None)


def test_a_change_is_the_nearest_of_three_sets_of_sentences():
    space = Axes("improv", "stable", "worsen", "decreased", "unchanged", "increased", "has not")
    toward = {"improving": [1, 0, 0, 1, 0, 0, 0], "stable": [0, 1, 0, 0, 1, 0, 1], "worsening": [0, 0, 1, 0, 0, 1, 0]}
    rows = [toward[c] for c in ("improving", "stable", "worsening", "worsening")]
    (row,) = change_rows(space, features(rows, [0, 1, 2, 0], LabelKind.CHANGE, "change of pleural_effusion"))
    assert row.what == "change of pleural_effusion, macro accuracy" and row.value == pytest.approx((0.5 + 1 + 1) / 3)
    assert row.n == "2 improving, 1 stable, 1 worsening; chance 0.333"


def test_boxes_of_a_phrase_on_a_picture_are_one_region(tmp_path):
    table = tmp_path / "boxes.csv"
    table.write_text(
        "path,label_text,x,y,w,h,patient_id\na.png,mass,1,2,3,4,p\na.png,mass,10,2,3,4,p\na.png,node,0,0,5,5,p\n"
    )
    one, two = read_boxes(table, Path("files"))
    shown = []
    one.show(SimpleNamespace(prepare=shown.append))
    assert shown == [Path("files/a.png")] and one.patient == "p" and (one.text, two.text) == ("mass", "node")
    assert [(b.x0, b.y0, b.x1, b.y1) for b in one.boxes] == [(1, 2, 4, 6), (10, 2, 13, 6)]


@pytest.mark.parametrize(
    "line", ["a.png,mass,1,2,3,0", "a.png,,1,2,3,4", ",mass,1,2,3,4", "a.png,mass,x,2,3,4", "a.png,mass,1,2,-3,4"]
)
def test_a_table_of_boxes_that_is_none_is_one_sentence(line, tmp_path):
    table = tmp_path / "boxes.csv"
    table.write_text(f"path,phrase,x,y,w,h\n{line}\n")
    with pytest.raises(InputError, match="line 2"):
        read_boxes(table, tmp_path)


class Boxed:
    """Prepared mammograms of one exam, whose supervision is that of phantoms."""

    folder, supervision = Path("here"), PHANTOM.supervision

    def __init__(self, *labels: str, longest_px: int | None = 1024) -> None:
        kind = Kind.MAMMO_EXAM if longest_px else Kind.IMAGE_TEXT
        about = {"longest_px": longest_px, "shorter_px": None if longest_px else 512, "name": "x"}
        self.about = {"preparation": about, "kind": kind}
        boxes = [Box(4 * n, 2, 4 * n + 3, 8) for n in range(len(labels))]
        regions = tuple(Region(Box(0, 0, 1, 1), {"kind": name}) for name in labels)
        record = exam(images=(ListedView("a.png", R, CC, regions=regions),), breasts={}, labels={})
        grey = np.random.default_rng(0).integers(0, 255, (40, 32)).astype(np.uint8)
        picture = StoredPicture("a.png", grey, Placement(32, 40, False, 1, 1, 0, 0, 32, 40), tuple(boxes))
        self.records = [SimpleNamespace(record=record, pictures=(picture,))]

    def __iter__(self):
        return iter(self.records)


def test_each_kind_that_is_boxed_in_a_picture_is_a_phrase_in_the_pixels_of_the_prepared_picture(weights):
    one, two = boxed_phrases(Boxed("mass", "architectural_distortion", "mass"))
    assert (one.text, two.text, one.patient) == ("mass", "architectural distortion", "p1")
    assert [(b.x0, b.x1) for b in one.boxes] == [(0, 3), (8, 11)] and [(b.x0, b.x1) for b in two.boxes] == [(4, 7)]
    space = BiovilSpace.load(weights, "whole")
    shown = one.show(space)
    assert (shown.placement.stored_width_px, shown.placement.stored_height_px) == (32, 40)
    assert shown.pixels.shape == (448, 448) and shown.mode == "whole"


@pytest.mark.parametrize(
    ("dataset", "words"), [(Boxed(), "no box of a finding"), (Boxed("mass", longest_px=None), "shown in part")]
)
def test_data_without_boxes_or_of_cut_pictures_have_no_phrases(dataset, words):
    with pytest.raises(InputError, match=words):
        boxed_phrases(dataset)


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    return write_published_folder(tmp_path_factory.mktemp("weights"))


def test_grounding_stands_beside_the_share_that_boxes_cover(weights, tmp_path):
    grey = np.random.default_rng(0).integers(0, 255, (512, 512)).astype(np.uint8)
    Image.fromarray(grey).save(tmp_path / "a.png")
    table = tmp_path / "boxes.csv"
    table.write_text("path,phrase,x,y,w,h\na.png,a mass,32,32,224,448\n")
    rows = {row.what: row for row in grounding_rows(BiovilSpace.load(weights), read_boxes(table, tmp_path))}
    assert rows["grounding, highest pixel in a box"].n == "1 phrases, chance 0.500"
    assert rows["grounding, CNR"].value >= 0 and 0 <= rows["grounding, mean IoU"].value <= 1


def run(monkeypatch, *options: object) -> int:
    monkeypatch.setattr("sys.argv", ["biovil_protocols.py", *map(str, options)])
    return module.main()


def test_the_script_measures_what_is_there_and_names_what_is_not(weights, tmp_path, monkeypatch, capsys):
    data = chest_lab(tmp_path / "lab", 9)
    pairs = tmp_path / "pairs.csv"
    pairs.write_text(
        "sentence_1,sentence_2,label\na mass,the mass,paraphrase\na mass,no mass,contradiction\nnew,a,neutral\n"
    )
    given = ["--model", weights, "--data", data, "--split", "val", "--sentences", pairs]
    assert run(monkeypatch, *given, "--json", tmp_path / "rows.json") == 0
    printed = capsys.readouterr().out
    assert "boxes of the data is left out: pictures that are shown in part" in printed
    assert "zero-shot is left out: prepared data in which no label teaches" in printed
    rows = {row["what"]: row for row in json.loads((tmp_path / "rows.json").read_text())}
    assert (
        rows["own report among the nearest 10"]["value"] == 1
        and "3 pairs" in rows["own report among the nearest 10"]["n"]
    )
    assert "1 alike, 1 opposed, 1 neutral" in rows[SENTENCES]["n"]
    assert rows["sentence pairs, AUC"]["n"] == "1 with, 1 without"
    assert run(monkeypatch, "--model", weights) == 2
    assert run(monkeypatch, "--model", tmp_path) == 2
