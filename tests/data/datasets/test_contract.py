"""What every dataset keeps to, held against format-faithful files of every one of its editions."""

import jsonschema
import pytest

from mammoscribe.data.counts import tally_for
from mammoscribe.data.dataset import Fault
from mammoscribe.data.datasets.known import DATASETS
from mammoscribe.data.record_json import from_json, schema_of, to_json
from mammoscribe.data.records import MammoExam, TextDocument
from mammoscribe.support.errors import InputError
from tests.data.datasets.cases import CASES

BY_ID = [pytest.param(case, id=case.id) for case in CASES]


def opened(case, root):
    made = case.make(root)
    edition = DATASETS[case.dataset].edition_in(root)
    return made, edition, list(edition.read(root))


def records(items):
    return [i for i in items if not isinstance(i, Fault)]


def said(record):
    """(what, label name) of every label in a record."""
    whole = "document" if isinstance(record, TextDocument) else "exam"
    found = {(whole, name) for name in record.labels}
    if isinstance(record, MammoExam):
        found |= {("breast", name) for labels in record.breasts.values() for name in labels}
    if not isinstance(record, TextDocument):
        of = "view" if isinstance(record, MammoExam) else "image"
        found |= {(of, name) for image in record.images for name in image.labels}
        found |= {("region", name) for image in record.images for region in image.regions for name in region.labels}
    return found


def test_every_edition_of_every_dataset_has_a_maker():
    wanted = {(d.name, e.name) for d in DATASETS.values() for e in d.editions}
    assert wanted == {(case.dataset, case.edition) for case in CASES}


@pytest.mark.parametrize("dataset", DATASETS.values(), ids=lambda d: d.name)
def test_a_card_tells_terms_faults_and_every_label_once(dataset):
    assert dataset.known_faults and dataset.licence and dataset.obtain and dataset.cite
    names = [(label.of, label.name) for label in dataset.labels]
    assert len(set(names)) == len(names)
    assert len({e.name for e in dataset.editions}) == len(dataset.editions)


@pytest.mark.parametrize("case", BY_ID)
def test_an_edition_is_recognised_read_whole_and_counted(case, tmp_path):
    made = case.make(tmp_path)
    edition = DATASETS[case.dataset].edition_in(tmp_path)
    assert edition.name == case.edition
    tally = tally_for(edition, tmp_path)
    list(tally.passing(edition.read(tmp_path)))
    assert {name: tally.counts[name] for name in made.counts} == dict(made.counts)
    assert not tally.missing and [f.error.sentence() for f in tally.faults] == []


@pytest.mark.parametrize("case", BY_ID)
def test_records_are_of_the_datasets_kind_and_their_ids_are_unique(case, tmp_path):
    _, _, items = opened(case, tmp_path)
    found = records(items)
    assert found and all(r.kind is DATASETS[case.dataset].kind for r in found)
    assert len({r.id for r in found}) == len(found)


@pytest.mark.parametrize("case", BY_ID)
def test_records_survive_json_and_fit_their_schema(case, tmp_path):
    _, _, items = opened(case, tmp_path)
    validator = jsonschema.Draft202012Validator(schema_of(DATASETS[case.dataset].kind))
    for record in records(items):
        assert from_json(to_json(record)) == record
        validator.validate(to_json(record))


@pytest.mark.parametrize("case", BY_ID)
def test_every_label_is_explained_by_the_card(case, tmp_path):
    _, _, items = opened(case, tmp_path)
    explained = {(label.of, label.name) for label in DATASETS[case.dataset].labels}
    assert {pair for record in records(items) for pair in said(record)} <= explained


@pytest.mark.parametrize("case", BY_ID)
def test_reading_twice_gives_the_same(case, tmp_path):
    _, edition, items = opened(case, tmp_path)
    assert records(edition.read(tmp_path)) == records(items)


@pytest.mark.parametrize("case", BY_ID)
def test_a_bad_row_is_one_fault_and_loses_no_other_record(case, tmp_path):
    made, edition, items = opened(case, tmp_path)
    if made.table is None:
        pytest.skip("no table in this edition")
    with (tmp_path / made.table).open("a", encoding="utf-8") as table:
        table.write(f"{made.bad_row}\n")
    after = list(edition.read(tmp_path))
    assert records(after) == records(items)
    new = [i for i in after if isinstance(i, Fault) and not i.set_aside]
    assert len(new) == 1 and new[0].error.expected


@pytest.mark.parametrize("case", BY_ID)
def test_a_missing_picture_is_named(case, tmp_path):
    made, edition, _ = opened(case, tmp_path)
    if made.picture is None:
        pytest.skip("tables alone")
    (tmp_path / made.picture).unlink()
    tally = tally_for(edition, tmp_path)
    list(tally.passing(edition.read(tmp_path)))
    assert tally.missing == [made.picture] and tally.num_missing == 1


@pytest.mark.parametrize("dataset", DATASETS.values(), ids=lambda d: d.name)
def test_another_folder_is_refused_with_what_is_expected(dataset, tmp_path):
    (tmp_path / "holiday.jpg").write_bytes(b"")
    with pytest.raises(InputError) as error:
        dataset.edition_in(tmp_path)
    assert dataset.editions[0].marks[0] in error.value.sentence()
