"""The reader on the engine: a lab's prepared exams become a model folder that reads."""

import json

import numpy as np
import pytest

from mammoscribe.data.datasets.rsna import RSNA
from mammoscribe.data.load import load_exam
from mammoscribe.models.reader.loading import load_reader
from mammoscribe.reading import read_exam
from mammoscribe.support.errors import InputError
from mammoscribe.training.engine.train import train
from mammoscribe.training.reader.recipe import reader
from tests.data.datasets.made import write_picture
from tests.privacy_search import leaks
from tests.training.reader.lab import boxed_lab, labelled_lab, opened, prepared

pytest.importorskip("accelerate")
FAST = {"preset": "debug", "steps": "2", "precision": "fp32", "validate_every": "2", "execution.device": "cpu"}


@pytest.fixture(scope="module")
def labs(tmp_path_factory):
    root = tmp_path_factory.mktemp("labs")
    return boxed_lab(root / "boxed"), labelled_lab(root / "labelled")


def of_exams(labs):
    """Ids of exams and paths of pictures of the labs."""
    records = [opened(lab)[n].record for lab in labs for n in range(len(opened(lab)))]
    return {name.lower() for r in records for name in (r.id, *(image.path for image in r.images)) if len(name) > 4}


def test_boxes_and_labels_of_two_datasets_train_one_reader_that_reads_a_new_exam(labs, tmp_path):
    run = reader(labs).with_set({**FAST, "batch.rsna-2023": "2", "batch.phantom": "1"})
    assert train(run, tmp_path / "run").finished
    card = json.loads((tmp_path / "run" / "model" / "card.json").read_text())
    assert card["trained_on"] == "phantom, rsna-2023"
    assert "validation split of phantom" in card["synthetic"]["population"]
    assert "validation split of rsna-2023" in card["real"]["population"]
    trained = load_reader(str(tmp_path / "run" / "model"))
    assert leaks([tmp_path / "run"], of_exams(labs)) == []
    new = tmp_path / "new"
    for name in ("R_CC", "R_MLO"):
        write_picture(new / f"{name}.png", 5, height=200, width=150)
    report = read_exam(load_exam([new]).exam, trained, images=False).report
    assert report.breasts[0].density in "abcd"


def test_a_dataset_prepared_for_another_scale_is_refused_before_training(tmp_path):
    labelled_lab(tmp_path)
    other = prepared(RSNA, tmp_path / "files", tmp_path / "base", "reader-base")
    with pytest.raises(InputError, match="prepared as reader-base"):
        train(reader([other]).with_set(FAST), tmp_path / "run")


def test_without_data_nothing_begins():
    with pytest.raises(InputError, match="no data to train on"):
        reader([])


def test_a_reader_is_taught_the_kinds_that_its_labels_show_and_no_other(labs, tmp_path):
    assert train(reader(labs[1:]).with_set({**FAST, "batch.rsna-2023": "2"}), tmp_path / "run").finished
    trained = load_reader(str(tmp_path / "run" / "model"))
    assert trained.card.taught == ()  # density, recall and cancer of breasts show no kind of finding
    for side in ("R", "L"):
        for name in (f"{side}_CC", f"{side}_MLO"):
            write_picture(tmp_path / "new" / f"{name}.png", 5, height=200, width=150)
    report = read_exam(load_exam([tmp_path / "new"]).exam, trained, images=False).report
    denied = [s.text for s in report.sentences if s.text.startswith("No ")]
    assert denied == ["No prior exam was available for comparison."]
    assert all(b.assessment is None for b in report.breasts)


def test_balanced_breasts_come_malignant_as_often_as_not(tmp_path):
    lab = labelled_lab(tmp_path / "lab")
    run = reader([lab]).with_set({**FAST, "task.balanced": "true"})
    (source,) = run.task.build(run).sources.values()
    labels = source.items.malignant.tolist()
    assert 0 < labels.count(1) < len(labels) / 2
    order = source.order(np.random.default_rng(0))
    assert len(order) == len(labels) and sum(labels[i] == 1 for i in order) == round(len(labels) / 2)
