"""Reading a prepared split: what a reading of files gives, breast by breast where the reader learns so, and only once."""

from dataclasses import replace

import pytest
import torch

from mammoscribe.domain.assessment import Setting
from mammoscribe.domain.finding import FindingType
from mammoscribe.domain.view import Laterality
from mammoscribe.evaluation.labelled_exams import labelled_exams
from mammoscribe.evaluation.outputs.read_prepared import by_breast, made_by, read_split
from mammoscribe.models.reader.card import ModelCard, OperatingPoint
from mammoscribe.models.reader.network import ReaderNet, debug_config
from mammoscribe.models.reader.norm_statistics import NormStatistics
from mammoscribe.models.reader.reader import Reader
from mammoscribe.support.errors import InputError
from tests.training.reader.lab import boxed_lab, labelled_lab, opened

R, L = Laterality
LEVELS = {kind.value: 0.0 for kind in FindingType}


@pytest.fixture(scope="module")
def reader():
    """An untrained reader that states every mark."""
    torch.manual_seed(2)  # marks something in the exam without a prior
    net = ReaderNet(debug_config()).eval()
    point = OperatingPoint("nothing", LEVELS, LEVELS, (1.0, 0.0, 0.0, 0.0, 0.0, 0.0), 0.5, 1)
    return Reader(net, ModelCard("r", "nothing", debug_config(), "a" * 64, point, point), NormStatistics(net))


@pytest.fixture(scope="module")
def labelled(tmp_path_factory):
    return opened(labelled_lab(tmp_path_factory.mktemp("labelled"), 2))


@pytest.fixture(scope="module")
def boxed(tmp_path_factory):
    return opened(boxed_lab(tmp_path_factory.mktemp("boxed")))


def outputs(reader, dataset, setting=Setting.SCREENING, wanted=None):
    ids = {e.exam_id for e in labelled_exams(dataset)} if wanted is None else wanted
    return {o.exam_id: o for o in read_split(reader, dataset, setting, ids)}


def test_an_exam_with_boxes_is_read_whole_with_its_report_and_marks_of_any_score(reader, boxed):
    found = outputs(reader, boxed)
    assert set(found) == {"phantom-5", "phantom-6"}  # the prior has no labels
    output = found["phantom-6"]
    assert not by_breast(boxed)
    assert set(output.views or {}) == {"R_CC", "L_CC", "R_MLO", "L_MLO"}
    assert output.complete and output.marks and all(m.view in (output.views or {}) for m in output.marks)
    assert output.report
    assert {s: b.density for s, b in output.breasts.items()}.keys() == {R, L}
    assert all(b.prob_malignant is not None for b in output.breasts.values())
    cited = [s for s in output.sentences or () if s.boxes]
    assert cited, "a sentence about a finding rests on its boxes"


def test_calcifications_are_not_searched_without_their_network(reader, boxed):
    views = outputs(reader, boxed)["phantom-5"].views
    assert views and all(FindingType.CALCIFICATION not in v.searched for v in views.values())
    assert all(FindingType.MASS in v.searched for v in views.values())


def test_breasts_that_are_labelled_alone_are_read_alone(reader, labelled):
    found = outputs(reader, labelled)
    assert by_breast(labelled)
    for output in found.values():
        assert set(output.breasts) == {R, L}
        assert output.sentences is None
        assert set(output.views or {}) == {"R_CC", "L_CC", "R_MLO", "L_MLO"}


def test_a_breast_read_alone_does_not_depend_on_the_other(reader, labelled):
    whole = outputs(reader, labelled)
    stored = labelled[0]
    only_right = [p for p in stored.pictures if stored.record.images[p.image].laterality is R]
    alone = [replace(stored, pictures=tuple(only_right))]

    class OneBreast(type(labelled)):
        def __iter__(self):
            return iter(alone)

    part = OneBreast(labelled.folder, labelled.split)
    (output,) = read_split(reader, part, Setting.SCREENING, {stored.record.id})
    assert output.breasts[R].prob_malignant == pytest.approx(
        whole[stored.record.id].breasts[R].prob_malignant, abs=1e-6
    )
    assert L not in output.breasts


def test_only_the_wanted_exams_are_read(reader, boxed):
    assert set(outputs(reader, boxed, wanted={"phantom-6"})) == {"phantom-6"}


def test_the_setting_decides_which_categories_there_are(reader, boxed):
    screened = outputs(reader, boxed)
    for output in screened.values():
        assert {b.birads for b in output.breasts.values()} <= {"0", "1", "2", None}


def test_the_key_changes_with_the_weights_the_point_and_the_setting(reader, boxed):
    keys = {
        made_by(r, boxed, setting).key
        for r, setting in (
            (reader, Setting.SCREENING),
            (reader, Setting.DIAGNOSTIC),
            (replace(reader, card=replace(reader.card, weights_sha256="b" * 64)), Setting.SCREENING),
            (
                replace(reader, card=replace(reader.card, synthetic=replace(reader.card.synthetic, n=2))),
                Setting.SCREENING,
            ),
        )
    }
    assert len(keys) == 4
    assert made_by(reader, boxed, Setting.SCREENING).key == made_by(reader, boxed, Setting.SCREENING).key


def test_a_dataset_prepared_for_another_reader_is_refused(reader, boxed):
    other = replace(reader, card=replace(reader.card, config=replace(reader.card.config, um_per_px=300.0)))
    with pytest.raises(InputError, match="was prepared as"):
        next(read_split(other, boxed, Setting.SCREENING, {"phantom-5"}))
