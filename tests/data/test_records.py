"""Records: valid when built, the same after JSON."""

import datetime as dt
import string

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mammoscribe.data.record_json import from_json, schema_of, to_json
from mammoscribe.data.records import (
    ImageText,
    ListedImage,
    ListedView,
    MammoExam,
    Region,
    TextDocument,
    Turn,
    group_of,
    text_of,
)
from mammoscribe.data.texts.report_text import Edit, ReportText, Section
from mammoscribe.domain.view import Box, Laterality, Projection
from mammoscribe.support.errors import InputError, InvalidNoun
from tests.data.some_records import CC, R, exam, study

TEXT = st.text(st.characters(exclude_categories=("Cs",)), min_size=1).filter(str.strip)
LABELS = st.dictionaries(TEXT, TEXT, max_size=2)
PATHS = st.lists(st.text(string.ascii_letters + "é _", min_size=1), min_size=1, max_size=3).map("/".join)
BOXES = st.tuples(st.floats(0, 50), st.floats(0, 50), st.floats(51, 99), st.floats(51, 99)).map(lambda e: Box(*e))
REGIONS = st.lists(st.builds(Region, BOXES, LABELS), max_size=2).map(tuple)
MAYBE_PATH = st.none() | PATHS
VIEWS = st.builds(
    ListedView, MAYBE_PATH, st.sampled_from(Laterality), st.sampled_from(Projection),
    st.none() | st.tuples(st.floats(0.05, 0.2), st.floats(0.05, 0.2)), st.integers(0, 3), LABELS, REGIONS,
)  # fmt: skip
IMAGES = st.builds(ListedImage, MAYBE_PATH, st.just("") | TEXT, LABELS, REGIONS)
EDITS = st.lists(st.builds(Edit, st.sampled_from(Section), TEXT, st.just("") | TEXT), max_size=2).map(tuple)
REPORTS = st.builds(
    ReportText, TEXT, st.dictionaries(st.sampled_from(Section), TEXT, max_size=3), st.sampled_from(("en", "es")), EDITS
)
COMMON = {
    "date": st.none() | st.dates(dt.date(1900, 1, 1)), "time": st.none() | st.times(), "labels": LABELS,
    "split": st.none() | st.sampled_from(("train", "val", "test")),
}  # fmt: skip
RECORDS = (
    st.builds(
        MammoExam, TEXT.map("e".__add__), TEXT, st.lists(VIEWS, min_size=1, max_size=2).map(tuple), report=st.none() | REPORTS,
        breasts=st.dictionaries(st.sampled_from(Laterality), st.dictionaries(TEXT, TEXT, min_size=1, max_size=2), max_size=2), prior_id=st.none() | TEXT.map("x".__add__),
        **COMMON,
    )
    | st.builds(
        ImageText, TEXT, TEXT, st.lists(IMAGES, min_size=1, max_size=2).map(tuple), report=st.none() | REPORTS,
        conversation=st.lists(st.builds(Turn, st.sampled_from(("human", "gpt")), st.text(string.printable)), max_size=2).map(tuple),
        **COMMON,
    )
    | st.builds(TextDocument, TEXT, TEXT, st.none() | TEXT, st.just("") | TEXT, **COMMON)
)  # fmt: skip


@given(RECORDS)
def test_a_record_is_the_same_after_json_and_fits_its_schema(record):
    found = to_json(record)
    assert from_json(found) == record
    jsonschema.validate(found, schema_of(record.kind))


@pytest.mark.parametrize(
    "path", ["/etc/passwd", "../x.png", "a/../../x.png", "a\\b.png", "C:/x.png", "", "a\0b", "..", "a/.."]
)
def test_a_path_that_leaves_the_datasets_folder_is_no_path(path):
    with pytest.raises(InvalidNoun, match="inside the dataset's folder"):
        ListedView(path, R, CC)
    with pytest.raises(InvalidNoun):
        ListedImage(path)


def test_records_that_contradict_themselves_cannot_be_built():
    for wrong in (
        lambda: exam(""),
        lambda: exam(patient=" "),
        lambda: exam(images=(), report=None),
        lambda: exam(split="validation"),
        lambda: exam(prior_id="e1"),
        lambda: study(images=(), report=None),
        lambda: TextDocument("t", "  "),
        lambda: Turn("assistant", "hello"),
        lambda: ReportText(" "),
    ):
        with pytest.raises(InvalidNoun):
            wrong()


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"schema": "other/1"}, "schema 'other/1'"),
        ({"id": ""}, "an id and a patient id"),
        ({"views": [{"path": "../x", "laterality": "R", "view": "CC"}]}, "inside the dataset's folder"),
        ({"views": [{"path": "x", "laterality": "U", "view": "CC"}]}, "not as its schema says"),
        ({"views": 3}, "not as its schema says"),
        ({"date": "yesterday"}, "not as its schema says"),
    ],
)
def test_json_that_is_no_record_is_one_sentence(change, told):
    with pytest.raises(InputError, match=told):
        from_json(to_json(exam()) | change)


def test_what_stays_together_is_the_patient_or_the_document():
    assert group_of(exam(patient="p9")) == "p9"
    assert group_of(TextDocument("t1", "text")) == "t1"
    assert text_of(TextDocument("t1", "text")) == "text"
    assert text_of(study(report=None)) == ""
