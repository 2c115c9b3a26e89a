"""From a reader and a prepared split to a card: read once, scored again without reading, reports beside."""

import csv
from pathlib import Path

import pytest
import torch

import mammoscribe.evaluation.reader_card.run as run
from mammoscribe.data.folds import Fold
from mammoscribe.data.own_folder.folder import folder_dataset
from mammoscribe.domain.finding import FindingType
from mammoscribe.evaluation.card_page import finite
from mammoscribe.evaluation.reader_card.run import Request, measure
from mammoscribe.models.reader.card import ModelCard, OperatingPoint, write_card
from mammoscribe.models.reader.network import ReaderNet, debug_config
from mammoscribe.models.reader.norm_statistics import NormStatistics
from mammoscribe.models.weights_file import save_weights
from mammoscribe.support.errors import InputError
from tests.data.datasets.made import write_dicom
from tests.training.reader.lab import boxed_lab, labelled_lab, prepared

REPORTS = (
    "Right breast: spiculated mass at 10 o'clock. BI-RADS 4 right. ACR B.",
    "No mass or calcification in either breast. BI-RADS 1. ACR B.",
    "Left breast: oval mass. BI-RADS 2 left. ACR C.",
)
TOML = """name = "lab"
kind = "mammo-exam"
language = "en"
licence = "none"
root = "{root}"
images = "dicom/*.dcm"
exam = "header:AccessionNumber"
reports = "reports.csv"
report_exam = "Accession"
report_text = "Report"
"""


@pytest.fixture(scope="module")
def model(tmp_path_factory) -> str:
    """A folder with an untrained reader for data prepared as `reader`."""
    folder = tmp_path_factory.mktemp("model")
    torch.manual_seed(2)
    net = ReaderNet(debug_config())
    digest = save_weights({"reader": net, "films": NormStatistics(net)}, folder / "weights.safetensors")
    levels = {kind.value: 0.5 for kind in FindingType}
    point = OperatingPoint("nothing", levels, levels, (1.0, 0.0, 0.0, 0.0, 0.0, 0.0), 0.5, 1)
    write_card(ModelCard("small", "nothing", debug_config(), digest, point, point), folder / "card.json")
    return str(folder)


@pytest.fixture(scope="module")
def lab(tmp_path_factory) -> Path:
    return labelled_lab(tmp_path_factory.mktemp("lab"), 4)


@pytest.fixture(scope="module")
def reported(tmp_path_factory) -> Path:
    """Prepared exams of three patients with reports and neither boxes nor labels."""
    root = tmp_path_factory.mktemp("reported")
    for i in range(3):
        for number, (side, view) in enumerate((s, v) for s in "RL" for v in ("CC", "MLO")):
            write_dicom(
                root / "files" / "dicom" / f"{i}{side}{view}.dcm", 10 * i + number, AccessionNumber=f"A{i}",
                PatientID=f"P{i}", StudyInstanceUID=f"1.2.{i + 1}", ImageLaterality=side, ViewPosition=view,
            )  # fmt: skip
    with (root / "files" / "reports.csv").open("w", newline="") as stream:
        csv.writer(stream).writerows([("Accession", "Report"), *((f"A{i}", text) for i, text in enumerate(REPORTS))])
    (root / "lab.toml").write_text(TOML.format(root=root / "files"))
    dataset, where = folder_dataset(root / "lab.toml")
    return prepared(dataset, where, root)


def test_outputs_are_stored_and_scored_again_without_reading(model, lab, tmp_path, monkeypatch):
    request = Request(lab, "train", (model,), num_draws=100)
    read: list[None] = []
    first = measure(request, tmp_path, lambda: read.append(None))
    assert len(read) == 3  # patients 0, 2 and 3

    def never(*_):
        pytest.fail("read again")
        yield

    monkeypatch.setattr(run, "read_split", never)
    again = measure(request, tmp_path)
    assert finite(again.values) == finite(first.values)
    assert len(list(tmp_path.glob("outputs-*.jsonl"))) == 1


def test_a_reader_compared_with_itself_does_not_differ(model, lab, tmp_path):
    measured = measure(Request(lab, "train", (model, model), num_draws=100), tmp_path)
    assert [s.name for s in measured.card.systems] == [f"{model} (1)", f"{model} (2)"]
    assert measured.card.differences
    assert all(d.value == 0 and d.p == 1 for d in measured.card.differences)


def test_reports_of_the_dataset_are_scored_beside(model, reported, tmp_path):
    request = Request(reported, "train", (model,), num_draws=100)
    with_labels = measure(request, tmp_path)
    reports = with_labels.values["reports"]
    assert reports["exams"] == 2
    titles = [s.title for s in with_labels.page.sections]
    assert "Reports: Text" in titles and "Reports: Findings" in titles
    assert any(s.cases for s in with_labels.page.sections) is False  # no label, so no miss


def test_pictures_of_misses_show_the_views_of_the_breast(model, lab, tmp_path):
    measured = measure(Request(lab, "train", (model,), num_draws=100), tmp_path)
    cases = [c for s in measured.page.sections for c in s.cases]
    c = measured.card.cases[0].malignancy
    ranked_wrongly = (c.scores[c.labels == 1].min() <= c.scores[c.labels == 0]).any()
    assert bool(cases) is bool(ranked_wrongly)
    for case in cases:
        side = "R" if "right breast" in case.caption else "L"
        assert [p.name for p in case.pictures] == [f"{side}_CC", f"{side}_MLO"]
        assert all(p.jpeg.startswith(b"\xff\xd8") for p in case.pictures)


def test_synthetic_exams_have_no_fold_as_every_run_learns_from_them(tmp_path):
    with pytest.raises(InputError, match="which no run leaves out"):
        measure(Request(boxed_lab(tmp_path / "lab"), "train", ("any",), fold=Fold(0, 2)), tmp_path)
