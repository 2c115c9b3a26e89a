"""The rule over pooled maps is fitted on labelled training breasts, of acquired images where there are enough."""

from dataclasses import replace

import pytest
import torch

from mammoscribe.domain.view import Laterality, Origin
from mammoscribe.models.reader.breast_heads import PooledDensity
from mammoscribe.models.reader.card import ModelCard
from mammoscribe.models.reader.network import ReaderNet, debug_config
from mammoscribe.models.reader.norm_statistics import NormStatistics
from mammoscribe.models.reader.reader import Reader, _breasts_of
from mammoscribe.training.calibration import breasts, pooled
from mammoscribe.training.calibration.point import neutral
from mammoscribe.training.calibration.pooled import with_pooled_rules
from mammoscribe.training.calibration.seen import see
from mammoscribe.training.reader.exams import Teachers
from tests.models.tiny import noise_batch
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
    fitted = with_pooled_rules(reader, [folder], Teachers())
    before = reader.net.state_dict()
    changed = [k for k, v in fitted.net.state_dict().items() if k not in before or not torch.equal(v, before[k])]
    assert [k for k in changed if not k.startswith("pooled_density")] == [
        "pooled_malignancy.weight",
        "pooled_malignancy.bias",
    ]
    assert not reader.net.pooled_malignancy.weight.any()
    found = logits(fitted, folder)
    assert len(found[1]) == 2 and len(found[0]) == 6
    assert min(found[1]) > max(found[0])


def test_patients_who_are_left_out_and_those_of_val_change_nothing(reader, folder):
    without = with_pooled_rules(reader, [folder], Teachers(), lambda patient: patient != "0")
    everyone = with_pooled_rules(reader, [folder], Teachers())
    of_train = with_pooled_rules(reader, [folder], Teachers(), lambda patient: patient not in ("1", "4"))
    rule = lambda r: r.net.pooled_malignancy.weight  # noqa: E731
    assert not torch.allclose(rule(without), rule(everyone))
    torch.testing.assert_close(rule(of_train), rule(everyone))


def test_a_reader_without_the_rule_or_without_enough_labels_stays_as_it_is(reader, folder, monkeypatch):
    config = debug_config()
    plain = replace(reader, net=ReaderNet(config).eval())
    assert with_pooled_rules(plain, [folder], Teachers()) is plain
    assert with_pooled_rules(reader, [folder], Teachers(labels=False)) is reader
    monkeypatch.setattr(pooled, "LEAST_LABELS", breasts.LEAST_LABELS)
    assert with_pooled_rules(reader, [folder], Teachers()) is reader


def test_density_of_acquired_breasts_is_by_rules_that_were_fitted_on_them_and_of_drawn_ones_by_the_head(
    reader, tmp_path
):
    folder = labelled_lab(tmp_path, 16)
    fitted = with_pooled_rules(reader, [folder], Teachers())
    assert fitted.card.config.pooled_density and not reader.card.config.pooled_density
    told = [
        (int(exam.seen.breasts.density[list(Laterality).index(side)].argmax()), labels.density)
        for exam in see(fitted, opened(folder, "train"))
        for side, labels in exam.labelled()
    ]
    assert len(told) > 16 and sum(a == b for a, b in told) > 0.9 * len(told)
    again = ReaderNet(reader.card.config)
    again.load_state_dict(fitted.net.state_dict())  # as --init does for another training
    batch = noise_batch([[0, 2]])
    out = fitted.net(batch).breasts
    assert torch.equal(out.density, reader.net(batch).breasts.density)
    assert _breasts_of(out, Origin.SYNTHETIC).density is out.density
    assert _breasts_of(out, Origin.ACQUIRED).density is out.pooled_density


def test_density_has_no_rules_where_a_letter_is_missing(reader, tmp_path):
    fitted = with_pooled_rules(reader, [labelled_lab(tmp_path, 3)], Teachers())
    assert not fitted.card.config.pooled_density and fitted.net.pooled_density is None


def test_letters_add_up_to_one_also_where_the_rules_contradict_each_other():
    rules = PooledDensity((1,))
    rules.weight.copy_(torch.tensor([[1.0, 0, 0], [3.0, 0, 0], [0, 1.0, 0]]))
    found = rules(torch.tensor([[2.0, -1.0, 0], [-2.0, 3.0, 0]])).exp()
    torch.testing.assert_close(found.sum(dim=1), torch.ones(2), atol=1e-3, rtol=0)
    assert found[0, 1] < 1e-3  # at least c is surer than at least b there, so b has no share of its own
