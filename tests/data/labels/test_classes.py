"""Classes made of labels: 1, 0, or blank where the label does not tell; never 0 for a value that was not understood."""

import csv

import pytest

from mammoscribe.data.catalogue import write_splits
from mammoscribe.data.exchange.table_files import export_labels
from mammoscribe.data.labels.classes import ClassRule
from mammoscribe.support.errors import InputError
from tests.data.some_records import study, written


@pytest.mark.parametrize(
    ("rule", "value", "told"),
    [
        ("birads=4", "4", True), ("birads=4", "4A", True), ("birads=4", "4c", True), ("birads=4", "5", False),
        ("birads=4", "2|4B", True), ("birads=4", None, None), ("birads=4", "BI-RADS IV", True), ("birads=4", "unknown", None),
        ("birads=4|5", "5", True), ("birads=4|5", "3", False), ("birads=IV", "4", True), ("birads=BI-RADS 4", "4B", True),
        ("birads=4A", "4A", True), ("birads=4A", "4B", False), ("birads=4A", "4", None), ("birads=4A", "2|4", None),
        ("birads=4A|4B|4C", "4", True), ("birads=4b|5", "4", None), ("birads=2", "4", False), ("birads=4a", "4A", True),
        ("density=c|d", "C", True), ("density=c|d", "heterogeneously dense", True), ("density=c|d", "2", False),
        ("density=c|d", "male", False), ("cancer=1", "yes", True), ("cancer=yes", "1", True), ("cancer=1", "0", False),
        ("pathology=MALIGNANT", "malignant", True), ("pathology=malignant", "benign|malignant", True),
        ("finding=Mass", "mass", True), ("finding=mass", "MASS|cyst", True), ("finding=mass", "cyst", False),
        ("effusion=1.0", "1", True), ("effusion=1", "1.0", True), ("effusion=1", "0.0", False), ("effusion=1", "-1.0", None),
        ("effusion=1", "uncertain", None), ("effusion=uncertain", "uncertain", True), ("effusion=1", "", None),
    ],
)  # fmt: skip
def test_a_class_is_told_by_the_value(rule, value, told):
    assert ClassRule.parsed(rule).of(value) is told


@pytest.mark.parametrize("value", ["9", "foo", "4 or 5", "2|foo"])
def test_a_value_that_is_not_understood_is_refused_and_not_taken_as_no(value):
    with pytest.raises(InputError, match="not understood"):
        ClassRule.parsed("birads=4").of(value)


@pytest.mark.parametrize(
    "text", ["birads", "birads=", "=4", "birads=4|", "birads=44", "birads=foo", "density=e", "birads=n/a"]
)
def test_a_class_that_cannot_be_is_refused(text):
    with pytest.raises(InputError):
        ClassRule.parsed(text)


@pytest.fixture
def catalogue(tmp_path):
    values = ["4", "BI-RADS 4A", "2", "0", "N/A"]
    records = [study(f"s{n}", f"p{n}", labels={"birads": value}) for n, value in enumerate(values)]
    found = written(records, tmp_path)
    write_splits(found.folder, {f"p{n}": "train" for n in range(len(values))})
    return found


def column(path, name):
    with path.open(newline="") as stream:
        return [row[name] for row in csv.DictReader(stream)]


def test_the_table_has_unions_and_blanks(catalogue, tmp_path):
    done = export_labels(catalogue, tmp_path / "l.csv", {"suspicious": "birads=4|5", "low": "birads=4A"})
    assert column(tmp_path / "l.csv", "suspicious") == ["1", "1", "0", "0", ""]
    assert column(tmp_path / "l.csv", "low") == ["", "1", "0", "0", ""]
    assert done.not_understood == {}


def test_a_catalogue_of_before_labels_were_understood_gives_blanks_and_a_list(catalogue, tmp_path):
    text = catalogue.records_path.read_text()
    catalogue.records_path.write_text(text.replace('{"birads": "2"}', '{"birads": "Suspected"}'))
    done = export_labels(catalogue, tmp_path / "l.csv", {"suspicious": "birads=4"})
    assert column(tmp_path / "l.csv", "suspicious") == ["1", "1", "", "0", ""]
    assert done.not_understood == {"birads 'Suspected'": 1}


def test_a_class_that_no_picture_is_of_is_an_error_that_lists_what_there_is(catalogue, tmp_path):
    with pytest.raises(
        InputError, match=r"no picture is of the class five: birads is never 5; .*: 4 \(1\), 4A \(1\), 2 \(1\)"
    ):
        export_labels(catalogue, tmp_path / "l.csv", {"five": "birads=5"})
    assert not (tmp_path / "l.csv").exists()
