"""Losses of the reader: sums over what is labelled, and nothing from what is not."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from mammoscribe.domain.finding import FindingType
from mammoscribe.models.reader.detection_head import SOFT_OFFSET, TYPES
from mammoscribe.models.reader.network import ReaderNet, debug_config
from mammoscribe.training.reader.batches import NO_AUGMENTATION, make_batch
from mammoscribe.training.reader.losses import LossWeights, counts, losses
from mammoscribe.training.reader.samples import (
    UNKNOWN,
    BreastLabels,
    LabelledFinding,
    LabelledMark,
    TrainingExam,
    ViewSample,
)

MASS, CALC = TYPES.index(FindingType.MASS), TYPES.index(FindingType.CALCIFICATION)
NO_LABELS = (BreastLabels(), BreastLabels())
ALL = frozenset(range(len(TYPES)))
NAMES = set(LossWeights.__dataclass_fields__)


def canvas(seed: int = 0, size=(128, 96)) -> np.ndarray:
    rng = np.random.default_rng(seed)
    grey = rng.integers(20, 200, size).astype(np.uint8)
    grey[:, 80:] = 0
    return grey


def view(slot: int, boxed=ALL, marks=(), prior=None) -> ViewSample:
    return ViewSample(slot, canvas(slot), (79.0, 64.0), 0.5, marks, boxed, prior)


def exam(boxed=ALL, breasts=NO_LABELS, marked=True) -> TrainingExam:
    marks = (LabelledMark(0, (20, 30, 44, 60)),) if marked else ()
    found = (LabelledFinding(MASS, ("shape.oval",), 1.0, 0, named=True),) if marked else ()
    views = (view(0, boxed, marks, canvas(9)), view(2, boxed, marks), view(1, boxed))
    return TrainingExam("e", "p", views, found, breasts)


@pytest.fixture(scope="module")
def net():
    torch.manual_seed(0)
    return ReaderNet(replace(debug_config(), canvas_px=(128, 96), suspicion_map=True)).train()


def run(net, *exams):
    batch, targets = make_batch(exams, np.random.default_rng(0), NO_AUGMENTATION)
    out = net(batch)
    return losses(out, batch, targets), counts(batch, targets, net.config.queries_per_view), out


def test_every_loss_has_a_sum_a_count_and_a_weight(net):
    found, number, _ = run(net, exam(breasts=(BreastLabels(1, 1, 1, 1, (1, 0, 0, 0)), BreastLabels(lesion=0))))
    assert set(found) == set(number) == NAMES
    assert all(value.ndim == 0 and torch.isfinite(value) for value in found.values())
    assert all(number[name] > 0 for name in NAMES)


def test_nothing_labelled_gives_sums_of_zero_and_no_counts(net):
    found, number, _ = run(net, exam(boxed=frozenset(), marked=False))
    assert {name: float(value) for name, value in found.items()} == dict.fromkeys(NAMES, 0.0)
    assert set(number.values()) == {0.0}


@pytest.mark.parametrize("name", ["density", "recall", "malignant", "lesion"])
def test_a_label_of_one_breast_counts_once_and_the_other_is_masked(net, name):
    labels = (replace(BreastLabels(), **{name: 1}), BreastLabels())
    found, number, _ = run(net, exam(frozenset(), labels, marked=False))
    assert number[name] == 1 and float(found[name]) > 0
    assert all(float(found[n]) == 0 for n in NAMES - {name})


def test_a_breast_that_was_not_imaged_is_not_counted_whatever_its_label(net):
    right_only = replace(exam(frozenset(), marked=False), views=(view(0, frozenset()),))
    labels = (BreastLabels(), BreastLabels(density=2, malignant=1, kinds=(1, 1, 1, 1)))
    found, number, _ = run(net, replace(right_only, breasts=labels))
    assert number["density"] == number["malignant"] == number["kinds"] == 0
    assert all(float(value) == 0 for value in found.values())


def test_sums_of_two_exams_are_those_of_each(net):
    net.eval()  # batch statistics tie the exams of a batch together
    with torch.no_grad():
        one, two = exam(), exam(marked=False, breasts=(BreastLabels(1), BreastLabels(malignant=0)))
        (a, m, _), (b, n, _), (both, k, _) = run(net, one), run(net, two), run(net, one, two)
    net.train()
    for name in NAMES:
        assert float(both[name]) == pytest.approx(float(a[name]) + float(b[name]), abs=2e-3)
        assert k[name] == pytest.approx(m[name] + n[name])


def test_where_only_masses_are_boxed_a_query_that_calls_calcifications_is_not_punished(net):
    only_masses = exam(frozenset({MASS}), marked=False)
    batch, targets = make_batch([only_masses], np.random.default_rng(0), NO_AUGMENTATION)
    out = net(batch)
    sure = torch.full_like(out.queries.type, -20.0)

    def type_loss(kind: int) -> float:
        logits = sure.clone()
        logits[:, kind] = 20.0
        said = replace(out, queries=replace(out.queries, type=logits))
        return float(losses(said, batch, targets)["type"])

    assert type_loss(CALC) == pytest.approx(0.0, abs=1e-4)
    assert type_loss(MASS) > 10


def test_heat_of_a_kind_that_is_not_boxed_gets_no_gradient(net):
    found, _, out = run(net, exam(frozenset({MASS})))
    (gradient,) = torch.autograd.grad(found["heat"], out.maps.heat, retain_graph=True)
    assert float(gradient[:, MASS].abs().sum()) > 0
    assert float(gradient[:, CALC].abs().sum()) == 0


def test_a_kind_that_a_report_names_raises_the_strongest_place_of_that_breast_alone(net):
    present = (BreastLabels(kinds=(1, UNKNOWN, UNKNOWN, UNKNOWN)), BreastLabels())
    found, _, out = run(net, exam(frozenset(), present, marked=False))
    (gradient,) = torch.autograd.grad(found["kinds"], out.maps.heat, retain_graph=True)
    by_view = gradient.abs().sum(dim=(2, 3))
    assert float(by_view[:, CALC].sum()) == 0
    assert float(gradient.sum()) < 0  # stepping down the gradient raises the heat
    assert (by_view[:, MASS] > 0).sum() == 1  # one view of that breast holds its strongest place


def test_what_a_report_says_of_a_kind_asks_the_queries_of_that_breast_for_what_the_map_has_there(net):
    stated = (BreastLabels(kinds=(1, 0, UNKNOWN, UNKNOWN)), BreastLabels())
    batch, targets = make_batch([exam(frozenset(), stated, marked=False)], np.random.default_rng(0), NO_AUGMENTATION)
    out = net(batch)
    heat = torch.full_like(out.maps.heat, -6.0)
    heat[:, MASS, 5, 4] = 6.0  # one place of each view
    sure = torch.zeros_like(out.queries.type)
    right = batch.breast[out.queries.anchors.view] == 0

    def loss(kind: int, of: torch.Tensor) -> float:
        logits = sure.clone()
        logits[of.nonzero()[0, 0], kind] = 6.0
        said = replace(out, maps=replace(out.maps, heat=heat), queries=replace(out.queries, type=logits))
        return float(losses(said, batch, targets)["query_kinds"])

    first = torch.zeros_like(right)  # the first query of a view looks at its highest place, the others at nothing
    first[:: len(right) // len(batch.images)] = True
    assert loss(MASS, right & first) < loss(MASS, right & ~first)
    assert loss(MASS, right & first) < loss(CALC, right & first)
    assert loss(MASS, ~right) == loss(CALC, ~right)


def test_before_any_box_has_taught_it_a_mark_is_at_its_cell_with_a_usual_size(net):
    fresh = type(net)(net.config)
    batch, _ = make_batch([exam()], np.random.default_rng(0), NO_AUGMENTATION)
    box = fresh.eval()(batch).maps.boxes(torch.tensor([0]), torch.tensor([6]), torch.tensor([3]))
    assert box.tolist()[0] == pytest.approx([28 - 12, 52 - 12, 28 + 12, 52 + 12])


def test_change_is_taught_only_where_there_is_a_prior(net):
    with_prior = exam()
    without = replace(with_prior, views=tuple(replace(v, prior=None) for v in with_prior.views))
    assert run(net, with_prior)[1]["change"] == 1
    assert run(net, without)[1]["change"] == 0


def test_a_breast_that_is_labelled_quiet_lowers_the_heat_of_its_views_alone(net):
    quiet = (BreastLabels(lesion=0), BreastLabels())
    found, number, out = run(net, exam(frozenset(), quiet, marked=False))
    (gradient,) = torch.autograd.grad(found["quiet"], out.maps.heat, retain_graph=True)
    assert number["quiet"] > 0 and float(gradient.min()) >= 0  # stepping down the gradient lowers the heat everywhere
    assert (gradient.abs().sum(dim=(1, 2, 3)) > 0).tolist() == [True, False, True]  # views of the right breast


def test_where_boxes_are_known_they_teach_and_the_label_of_the_breast_does_not(net):
    found, _, _ = run(net, exam(ALL, (BreastLabels(lesion=0), BreastLabels()), marked=True))
    assert float(found["quiet"]) == 0


def test_the_label_of_a_breast_is_answered_by_the_soft_maximum_over_its_places(net):
    batch, targets = make_batch([exam(frozenset(), (BreastLabels(lesion=1), BreastLabels()), marked=False)],
                                np.random.default_rng(0), NO_AUGMENTATION)  # fmt: skip
    out = net(batch)
    expected = []
    for view in (0, 2):
        tissue = torch.nn.functional.avg_pool2d((batch.images[view] > 0).float(), 8)[0] > 0.5
        logits = (out.maps.heat[view].amax(0) + 0.5 * out.maps.suspicion[view])[tissue]
        expected.append(float(logits.exp().mean().log()) + SOFT_OFFSET)
    logit = sum(expected) / 2
    probability = 1 / (1 + np.exp(-logit))
    loss = -(0.95 * np.log(probability) + 0.05 * np.log(1 - probability))
    assert float(losses(out, batch, targets)["lesion"]) == pytest.approx(loss, rel=1e-3)


def test_how_suspicious_a_box_is_teaches_its_middle_cells_alone(net):
    found, number, out = run(net, exam())
    (gradient,) = torch.autograd.grad(found["place_suspicion"], out.maps.suspicion, retain_graph=True)
    assert number["place_suspicion"] == 2  # the finding has a box in two views
    rows, columns = torch.nonzero(gradient[0], as_tuple=True)
    assert len(rows) and set(columns.tolist()) <= {3, 4} and set(rows.tolist()) <= {4, 5, 6}


def test_boxes_that_do_not_say_which_finding_they_show_teach_no_joining_of_views(net):
    unnamed = replace(exam(), findings=(LabelledFinding(MASS, ("shape.oval",), 1.0, 0),))
    found, number, _ = run(net, unnamed)
    assert number["link"] == 0 and float(found["link"]) == 0
    _, both, _ = run(net, unnamed, exam())
    assert both["link"] == 1


def test_a_box_that_does_not_say_how_suspicious_it_is_teaches_no_suspicion(net):
    silent = replace(exam(), findings=(LabelledFinding(MASS, ("shape.oval",)),))
    found, number, _ = run(net, silent)
    assert number["place_suspicion"] == 0 and float(found["place_suspicion"]) == 0
