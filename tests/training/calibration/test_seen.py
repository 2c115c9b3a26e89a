"""Seen exams: what a reader sees of prepared data is what it sees in a reading, with the truth of the labels beside."""

import csv
import json
from dataclasses import replace

import numpy as np
import pytest

from mammoscribe.data.datasets.known import DATASETS
from mammoscribe.data.ingest import ingest
from mammoscribe.data.prepared.dataset import PreparedDataset
from mammoscribe.data.prepared.preparation import PREPARATIONS
from mammoscribe.data.prepared.prepare import prepare
from mammoscribe.domain.finding import FindingType
from mammoscribe.domain.view import Laterality, Projection, SpacingSource, View
from mammoscribe.evaluation.reading_records import decode_phantom
from mammoscribe.imaging.decode import decode_view
from mammoscribe.imaging.prepare import prepare_view
from mammoscribe.models.reader.calcifications import PatchConfig, PatchNet
from mammoscribe.models.reader.card import ModelCard
from mammoscribe.models.reader.network import ReaderNet, debug_config
from mammoscribe.models.reader.norm_statistics import NormStatistics
from mammoscribe.models.reader.reader import Reader
from mammoscribe.phantom import ENRICHED_SPEC, draw_exam, write_dicom_exam, write_png_exam
from mammoscribe.phantom.png import truth_record
from mammoscribe.support.errors import InputError
from mammoscribe.support.files import write_text
from mammoscribe.training.calibration.point import neutral
from mammoscribe.training.calibration.seen import see
from mammoscribe.training.reader.exams import PreparedExams
from tests.training.reader.lab import boxed_lab, labelled_lab, opened

R, L = Laterality
LETTERS = {"": -1, "A": 0, "B": 1, "C": 2, "D": 3}


@pytest.fixture(scope="module")
def reader():
    net = ReaderNet(debug_config()).eval()
    return Reader(net, ModelCard("r", "nothing", debug_config(), "", neutral(), neutral()), NormStatistics(net))


@pytest.fixture(scope="module")
def boxed(tmp_path_factory):
    return boxed_lab(tmp_path_factory.mktemp("boxed"))


@pytest.fixture(scope="module")
def labelled(tmp_path_factory):
    return labelled_lab(tmp_path_factory.mktemp("labelled"))


def test_boxes_in_two_views_are_one_true_finding_and_the_prior_stands_beside(reader, boxed):
    exams = {e.exam.id: e for e in see(reader, opened(boxed))}
    assert set(exams) == {"phantom-5", "phantom-6"}  # the prior's own record teaches nothing
    (mass,) = exams["phantom-5"].truth
    assert mass.type is FindingType.MASS and {m.view_id for m in mass.marks} == {"R_CC", "R_MLO"}
    assert len(exams["phantom-5"].exam.prior) == 4 and not exams["phantom-6"].exam.prior
    assert exams["phantom-5"].dataset == "phantom" and exams["phantom-5"].boxed == frozenset(FindingType)


def test_without_a_calcification_network_nothing_is_searched_for_them(reader, boxed):
    exam = next(see(reader, opened(boxed)))
    assert exam.searched == frozenset(FindingType) - {FindingType.CALCIFICATION}
    assert exam.measurable == exam.searched


def test_a_kind_that_the_reader_was_not_taught_is_not_searched_for(reader, boxed):
    untaught = replace(reader, card=replace(reader.card, taught=("asymmetry",)))
    assert next(see(untaught, opened(boxed))).searched == {FindingType.ASYMMETRY}


def test_a_dataset_without_boxes_is_seen_breast_by_breast(reader, labelled):
    exams = list(see(reader, opened(labelled)))
    assert len(exams) == 12
    assert all(set(e.exam.imaged) == {side} for e, side in zip(exams, [R, L] * 6, strict=True))
    assert [dict(e.labelled())[s].malignant for e, s in zip(exams, [R, L] * 6, strict=True)][:4] == [1, 0, 0, 0]


def test_only_chosen_patients_are_seen(reader, labelled):
    seen = {e.patient_id for e in see(reader, opened(labelled), chosen=lambda p: p in ("1", "4"))}
    assert seen == {"1", "4"}


def test_a_reader_that_sees_finer_gets_the_pictures_themselves(reader, tmp_path):
    drawn = draw_exam(1601, ENRICHED_SPEC)
    write_png_exam(drawn, tmp_path / "files" / drawn.exam.id)
    catalogue = ingest(DATASETS["phantom"], tmp_path / "files", tmp_path / "catalogue").catalogue
    prepare(catalogue, tmp_path / "out", PREPARATIONS["reader"])
    finer = replace(reader, patch_net=PatchNet(PatchConfig()).eval())
    (exam,) = see(finer, PreparedDataset(tmp_path / "out"))
    assert FindingType.CALCIFICATION in exam.searched
    (tmp_path / "files").rename(tmp_path / "elsewhere")
    with pytest.raises(InputError, match="is not there"):
        next(see(finer, PreparedDataset(tmp_path / "out")))
    assert len(list(see(reader, PreparedDataset(tmp_path / "out")))) == 1


def test_of_several_pictures_of_a_view_the_first_is_seen_with_its_own_boxes(reader, tmp_path):
    labelled_lab(tmp_path, 2)
    table = tmp_path / "files" / "metadata.csv"
    rows = list(csv.DictReader(table.open(newline="")))
    again = next(r for r in rows if r["patient_id"] == "0" and r["laterality"] == "R" and r["view"] == "CC")
    with table.open("w", newline="") as stream:
        writer = csv.DictWriter(stream, list(rows[0]))
        writer.writeheader()
        writer.writerows([*rows, {**again, "file_name": "1_0.jpg", "image_id": "9"}])
    catalogue = ingest(DATASETS["rsna-2023"], tmp_path / "files", tmp_path / "twice").catalogue
    prepare(catalogue, tmp_path / "out", PREPARATIONS["reader"])
    first = next(see(reader, PreparedDataset(tmp_path / "out")))
    assert [v.source for v in first.exam.views] == ["images/0_0.jpg", "images/0_1.jpg"]
    taught = PreparedExams(PreparedDataset(tmp_path / "out"))[0]
    assert [v.slot for v in taught.views] == [0, 2, 0]  # training takes each in turn


def as_in_a_reading(view: View) -> bytes:
    """The canvas of a reading as bytes of full scale 1.2, by the same rounding as a shard has."""
    prepared = prepare_view(view, decode_view(view), 500.0, (384, 224))
    return np.clip(np.rint(prepared.pixels * (255 / 1.2)), 0, 255).astype(np.uint8).tobytes()


def test_training_sees_of_drawn_exams_what_a_reading_sees_with_boxes_in_their_place(tmp_path):
    drawn = draw_exam(1601, ENRICHED_SPEC)  # has a prior
    write_dicom_exam(drawn, tmp_path / "files" / drawn.exam.id)
    write_text(tmp_path / "files" / drawn.exam.id / "truth.json", json.dumps(truth_record(drawn)))
    catalogue = ingest(DATASETS["phantom"], tmp_path / "files", tmp_path / "catalogue").catalogue
    prepare(catalogue, tmp_path / "out", PREPARATIONS["reader"])
    (exam,) = PreparedExams(PreparedDataset(tmp_path / "out"))
    for view, sample in zip(drawn.exam.current, sorted(exam.views, key=lambda v: v.slot), strict=True):
        prepared = prepare_view(view, decode_phantom(drawn)(view), 500.0, (384, 224))
        expected = np.clip(np.rint(prepared.pixels * (255 / 1.2)), 0, 255)
        assert np.abs(sample.canvas - expected).max() <= 1
        assert (sample.canvas != expected).mean() < 1e-4
        assert sample.prior is not None
        boxes = [prepared.placement.to_canvas_box(m.box) for f in drawn.findings if (m := f.mark_in(view.id))]
        found = sorted(m.box for m in sample.marks)
        assert found == [pytest.approx((b.x0, b.y0, b.x1, b.y1)) for b in sorted(boxes, key=lambda b: (b.x0, b.y0))]


def some_of(root, table, lines, out):
    """A folder with the first lines of a dataset's table, its pictures beside."""
    out.mkdir()
    (out / "images").symlink_to(root / "images")
    kept = (root / table).read_text().splitlines(keepends=True)[:lines]
    (out / table).write_text("".join(kept))
    return out


def prepared_exams(name, folder, out):
    catalogue = ingest(DATASETS[name], folder, out / "catalogue").catalogue
    prepare(catalogue, out / "prepared", PREPARATIONS["reader"])
    return PreparedExams(PreparedDataset(out / "prepared"))


@pytest.mark.real
def test_training_sees_of_squashed_exams_what_a_reading_sees(data_root, tmp_path):
    folder = some_of(data_root / "rsna_512", "metadata.csv", 13, tmp_path / "some")
    exams = prepared_exams("rsna-2023", folder, tmp_path)
    rows = list(csv.DictReader((folder / "metadata.csv").open(newline="")))
    expected = set()
    for row in rows:
        side, projection = Laterality(row["laterality"]), Projection(row["view"])
        path = str(folder / "images" / row["file_name"])
        view = View("v", side, projection, 512, 512, path, spacing_source=SpacingSource.ASSUMED)
        expected.add((row["patient_id"], row["laterality"], as_in_a_reading(view)))
    assert {(e.patient_id, "RL"[v.slot % 2], v.canvas.tobytes()) for e in exams for v in e.views} == expected
    for exam in exams:
        side = int(any(b.teaches for b in exam.breasts[1:]))
        row = next(r for r in rows if r["patient_id"] == exam.patient_id and r["laterality"] == "RL"[side])
        labels = exam.breasts[side]
        assert labels.malignant == int(row["cancer"]) and labels.density == LETTERS[row["density"]]
        assert labels.recall == ({"0": 1, "1": 0, "2": 0}.get(row["BIRADS"].partition(".")[0], -1))


@pytest.mark.real
def test_training_sees_of_films_what_a_reading_sees_with_circles_in_their_place(data_root, tmp_path):
    folder = some_of(data_root / "mini_mias", "labels.csv", 30, tmp_path / "some")
    exams = prepared_exams("mini-mias", folder, tmp_path)
    rows = list(csv.DictReader((folder / "labels.csv").open(newline="")))
    samples = {(e.patient_id, "RL"[v.slot % 2]): (e, v) for e in exams for v in e.views}
    for row in rows:
        exam, sample = samples[f"mias-{row['pair']}", row["laterality"]]
        path = str(folder / "images" / f"{row['name']}.jpg")
        view = View(
            "v", Laterality(row["laterality"]), Projection.MLO, 1024, 1024, path, spacing_mm=(0.2, 0.2),
            spacing_source=SpacingSource.DECLARED,
        )  # fmt: skip
        assert sample.canvas.tobytes() == as_in_a_reading(view)
        assert 0.5 <= sample.mm_per_px < 0.7  # coarser where the breast is larger than the canvas
        if row["x"].isdigit() and row["r"]:
            place = prepare_view(view, decode_view(view), 500.0, (384, 224)).placement
            centre = place.to_canvas_point(float(row["x"]) + 0.5, 1024 - float(row["y"]) - 0.5)
            boxes = [m for m in sample.marks if m.box[0] < centre[0] < m.box[2] and m.box[1] < centre[1] < m.box[3]]
            assert boxes and exam.findings[boxes[0].finding].suspicion == float(row["severity"] == "M")
        elif row["abnormality"] == "NORM":
            assert not sample.marks and len(sample.boxed) == 4
