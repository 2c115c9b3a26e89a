"""Prepared exams as training sees them: the same canvases and labels as the caches of the shipped recipes."""

from dataclasses import replace

import numpy as np
import pytest

from mammoscribe.data.datasets.known import DATASETS
from mammoscribe.data.ingest import ingest
from mammoscribe.data.prepared.dataset import PreparedDataset
from mammoscribe.data.prepared.preparation import PREPARATIONS, Preparation
from mammoscribe.data.prepared.prepare import prepare
from mammoscribe.data.rsna import read_rsna
from mammoscribe.models.reader.network import starter_config
from mammoscribe.support.errors import InputError
from mammoscribe.training.batches import NO_AUGMENTATION, batches
from mammoscribe.training.prepare import rsna_exam
from mammoscribe.training.prepared_exams import PreparedExams, training_exam
from mammoscribe.training.samples import BreastLabels
from tests.data.some_records import L, R, exam, study, written

READER = Preparation("small", um_per_px=2000.0, canvas_px=(64, 48))


def prepared(records, tmp_path, preparation=READER):
    catalogue = written(records, tmp_path)
    prepare(catalogue, tmp_path / "out", preparation)
    return PreparedDataset(tmp_path / "out")


def test_views_take_their_slots_and_breasts_their_labels(tmp_path):
    breasts = {R: {"cancer": "1", "density": "C", "birads": "4a"}, L: {"cancer": "unknown", "birads": "0"}}
    found = training_exam(prepared([exam(breasts=breasts, labels={"density": "b"})], tmp_path)[0], "films")
    assert [view.slot for view in found.views] == [0, 3]
    assert found.breasts == (BreastLabels(2, 3, -1, 1), BreastLabels(1, -1, -1, -1))
    assert (found.id, found.patient_id, found.domain) == ("e1", "p1", "films")
    assert found.views[0].canvas.shape == (64, 48) and not found.views[0].marks_labelled


def test_two_frames_of_one_file_keep_their_views(tmp_path):
    right, left = exam().images
    twice = exam(images=(right, replace(left, path=right.path, regions=())))
    found = training_exam(prepared([twice], tmp_path)[0], "films")
    assert [view.slot for view in found.views] == [0, 3]


def test_they_are_a_source_of_batches(tmp_path):
    dataset = prepared([exam("e1"), exam("e2", "p2"), exam("e3", "p3")], tmp_path)
    exams = PreparedExams(dataset, "films")
    assert len(exams) == 3 and [e.id for e in exams[1:]] == ["e2", "e3"]
    batch, targets = next(iter(batches(exams, 2, np.random.default_rng(0), NO_AUGMENTATION)))
    assert len(targets.breasts) == 4 and batch.images.shape[0] == 4


def test_what_is_no_prepared_exam_is_refused(tmp_path):
    with pytest.raises(InputError, match="a mammography exam"):
        training_exam(prepared([study()], tmp_path / "a", PREPARATIONS["plain"])[0], "x")
    with pytest.raises(InputError, match="not prepared for a reader"):
        training_exam(prepared([exam()], tmp_path / "b", PREPARATIONS["plain"])[0], "x")


@pytest.mark.real
def test_the_canvases_of_real_exams_are_those_of_the_shipped_recipes(data_root, tmp_path):
    root = data_root / "rsna_512"
    (tmp_path / "some").mkdir()
    (tmp_path / "some" / "images").symlink_to(root / "images")
    lines = (root / "metadata.csv").read_text().splitlines(keepends=True)
    (tmp_path / "some" / "metadata.csv").write_text("".join(lines[:13]))
    catalogue = ingest(DATASETS["rsna-2023"], tmp_path / "some", tmp_path / "catalogue").catalogue
    prepare(catalogue, tmp_path / "out", PREPARATIONS["reader"])
    ours = {e.patient_id: e for e in PreparedExams(PreparedDataset(tmp_path / "out"), "rsna")}
    theirs = {e.patient_id: rsna_exam(e, starter_config()) for e in read_rsna(tmp_path / "some")}
    assert ours.keys() == theirs.keys()
    for patient, wanted in theirs.items():
        found = {(v.slot, v.canvas.tobytes()) for v in ours[patient].views}
        assert found == {(v.slot, v.canvas.tobytes()) for v in wanted.views}
        for side in (0, 1):
            assert ours[patient].breasts[side].malignant == wanted.breasts[side].malignant
            assert ours[patient].breasts[side].density == wanted.breasts[side].density
