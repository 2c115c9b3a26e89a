"""The rule over pooled maps is fitted on labelled training breasts, of acquired images where there are enough."""

from dataclasses import replace

import pytest
import torch

from mammoscribe.domain.view import Laterality
from mammoscribe.models.reader.card import ModelCard
from mammoscribe.models.reader.network import ReaderNet, debug_config
from mammoscribe.models.reader.norm_statistics import NormStatistics
from mammoscribe.models.reader.reader import Reader
from mammoscribe.training.calibration import breasts, pooled
from mammoscribe.training.calibration.point import neutral
from mammoscribe.training.calibration.pooled import with_pooled_malignancy
from mammoscribe.training.calibration.seen import see
from mammoscribe.training.reader.exams import Teachers
from tests.training.reader.lab import labelled_lab, opened


@pytest.fixture(scope="module")
def reader():
    torch.manual_seed(3)
    config = replace(debug_config(), pooled_malignancy=True)
    net = ReaderNet(config).eval()
    return Reader(net, ModelCard("r", "nothing", config, "", neutral(), neutral()), NormStatistics(net))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return labelled_lab(tmp_path_factory.mktemp("labelled"))


@pytest.fixture(autouse=True)
def few_are_enough(monkeypatch):
    monkeypatch.setattr(pooled, "LEAST_LABELS", 4)
    monkeypatch.setattr(pooled, "LEAST_OF_A_CLASS", 1)


def logits(reader: Reader, folder) -> dict[int, list[float]]:
    found: dict[int, list[float]] = {0: [], 1: []}
    for exam in see(reader, opened(folder, "train")):
        for side, labels in exam.labelled():
            found[labels.malignant].append(float(exam.seen.breasts.pooled_malignant[list(Laterality).index(side)]))
    return found


def test_the_fitted_rule_tells_malignant_training_breasts_from_the_others_and_nothing_else_changes(reader, folder):
    fitted = with_pooled_malignancy(reader, [folder], Teachers())
    changed = [k for k, v in fitted.net.state_dict().items() if not torch.equal(v, reader.net.state_dict()[k])]
    assert changed == ["pooled_malignancy.weight", "pooled_malignancy.bias"]
    assert not reader.net.pooled_malignancy.weight.any()
    found = logits(fitted, folder)
    assert len(found[1]) == 2 and len(found[0]) == 6
    assert min(found[1]) > max(found[0])


def test_patients_who_are_left_out_and_those_of_val_change_nothing(reader, folder):
    without = with_pooled_malignancy(reader, [folder], Teachers(), lambda patient: patient != "0")
    everyone = with_pooled_malignancy(reader, [folder], Teachers())
    of_train = with_pooled_malignancy(reader, [folder], Teachers(), lambda patient: patient not in ("1", "4"))
    rule = lambda r: r.net.pooled_malignancy.weight  # noqa: E731
    assert not torch.allclose(rule(without), rule(everyone))
    torch.testing.assert_close(rule(of_train), rule(everyone))


def test_a_reader_without_the_rule_or_without_enough_labels_stays_as_it_is(reader, folder, monkeypatch):
    config = debug_config()
    plain = replace(reader, net=ReaderNet(config).eval())
    assert with_pooled_malignancy(plain, [folder], Teachers()) is plain
    assert with_pooled_malignancy(reader, [folder], Teachers(labels=False)) is reader
    monkeypatch.setattr(pooled, "LEAST_LABELS", breasts.LEAST_LABELS)
    assert with_pooled_malignancy(reader, [folder], Teachers()) is reader
