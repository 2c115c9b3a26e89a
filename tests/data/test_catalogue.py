"""Ingesting a dataset: a catalogue of what could be read, a list of what could not."""

import csv
import errno
import json
import os
import subprocess
import sys

import pytest

from mammoscribe.data.catalogue import CatalogueWriter, open_catalogue, write_splits
from mammoscribe.data.dataset import Fault
from mammoscribe.data.formats.spool import DiskSet
from mammoscribe.data.ingest import ingest
from mammoscribe.data.records import Kind, TextDocument
from mammoscribe.data.texts.comparisons import Comparisons
from mammoscribe.support.errors import InputError, NotAMammogram, SetAside
from tests.data.some_records import dataset_of, exam, report, study, written


def error_lines(catalogue):
    with (catalogue.folder / "errors.csv").open(newline="", encoding="utf-8") as stream:
        return [tuple(row.values()) for row in csv.DictReader(stream)]


def test_records_come_back_in_order_and_what_could_not_be_read_is_listed(tmp_path):
    bad = Fault("t.csv line 3", InputError("t.csv line 3: no id", "an id", "add one"))
    spot = Fault("t.csv line 4", NotAMammogram("a spot view", "CC or MLO"))
    made = written([exam("e1"), bad, spot, exam("e2", "p2")], tmp_path)
    catalogue = open_catalogue(made.folder)
    assert catalogue == made
    assert list(catalogue.records()) == [exam("e1"), exam("e2", "p2")]
    assert (catalogue.about.num_records, catalogue.about.num_faults, catalogue.about.num_set_aside) == (2, 1, 1)
    assert error_lines(catalogue) == [
        ("error", "t.csv line 3", "t.csv line 3: no id", "an id", "add one"),
        ("set aside", "t.csv line 4", "a spot view", "CC or MLO", ""),
    ]
    assert catalogue.root == tmp_path / "files"


def test_a_line_may_stand_for_many_that_were_left_out(tmp_path):
    many = Fault("a.xml", SetAside("a.xml: 1,000 citations have no abstract", "an abstract"), 1_000)
    catalogue = written([exam("e1"), many], tmp_path)
    assert (catalogue.about.num_faults, catalogue.about.num_set_aside) == (0, 1_000)
    assert len(error_lines(catalogue)) == 1


def test_an_id_that_comes_twice_is_an_error_and_the_first_is_kept(tmp_path):
    catalogue = written([exam("e1"), exam("e1", "p2")], tmp_path)
    assert list(catalogue.records()) == [exam("e1")]
    assert "e1 comes twice" in error_lines(catalogue)[0][2]


def test_text_that_is_no_unicode_is_an_error_and_the_rest_goes_on(tmp_path):
    catalogue = written([exam("e1", report=report("half \ud83d")), exam("e2")], tmp_path)
    assert [r.id for r in catalogue.records()] == ["e2"]
    assert "no Unicode" in error_lines(catalogue)[0][2]


def test_priors_are_linked_by_patient_and_date(tmp_path):
    catalogue = written([exam("new", day="2020-05-01"), exam("old", day="2018-05-01"), exam("x", "p2")], tmp_path)
    assert {r.id: r.prior_id for r in catalogue.records()} == {"new": "old", "old": None, "x": None}


def test_comparisons_are_dropped_or_kept_as_asked_and_noted(tmp_path):
    compared = exam("e1", report=report("There is a mass. It is unchanged since the prior study.", "Benign."))
    kept = written([compared], tmp_path / "a")
    assert list(kept.records()) == [compared]
    dropped = written([compared], tmp_path / "b", comparisons=Comparisons.DROP)
    (record,) = dropped.records()
    assert record.report.sections["findings"] == "There is a mass."
    assert record.report.edits[0].before == "It is unchanged since the prior study."
    assert record.report.raw == compared.report.raw
    assert dropped.about.comparisons == "drop"


def test_a_second_ingest_replaces_the_first_and_keeps_the_splits(tmp_path):
    first = written([exam("e1")], tmp_path)
    write_splits(first.folder, {"p1": "test"})
    second = written([exam("e2")], tmp_path)
    assert [r.id for r in second.records()] == ["e2"]
    assert second.splits() == {"p1": "test"}
    assert not [p for p in tmp_path.iterdir() if p.name.startswith(".")]


def test_when_reading_breaks_off_nothing_is_left_behind_and_the_old_catalogue_stays(tmp_path):
    old = written([exam("e1")], tmp_path)

    def breaking():
        yield exam("e2")
        raise InputError("the table is truncated")

    dataset = dataset_of([])
    edition = type(dataset.editions[0])("list", ("*",), "x", {}, dataset.editions[0].state, lambda _: breaking())
    broken = type(dataset)(**{**vars(dataset), "editions": (edition,)})
    with pytest.raises(InputError, match="truncated"):
        ingest(broken, tmp_path / "files", old.folder)
    assert [r.id for r in open_catalogue(old.folder).records()] == ["e1"]
    assert not [p for p in tmp_path.iterdir() if p.name.startswith(".")]


def test_a_dataset_without_a_readable_record_is_an_error_with_the_first_reason(tmp_path):
    (tmp_path / "x").touch()
    with pytest.raises(InputError, match=r"no record .* first of 1 errors: no id"):
        ingest(dataset_of([Fault("x", InputError("no id"))]), tmp_path, tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        (lambda f: (f / "dataset.json").unlink(), "is not a catalogue"),
        (lambda f: (f / "records.jsonl").unlink(), "is not a catalogue"),
        (lambda f: (f / "dataset.json").write_text("{}"), "another schema"),
        (lambda f: (f / "dataset.json").write_text("{"), "cannot be read"),
        (lambda f: (f / "dataset.json").write_text('{"schema": "mammoscribe.catalogue/1"}'), "cannot be read"),
    ],
)
def test_a_spoilt_catalogue_is_one_sentence(spoil, told, tmp_path):
    folder = written([exam()], tmp_path).folder
    spoil(folder)
    with pytest.raises(InputError, match=told):
        open_catalogue(folder)


def test_a_spoilt_line_is_named(tmp_path):
    catalogue = written([exam("e1"), exam("e2")], tmp_path)
    lines = catalogue.records_path.read_text().splitlines()
    catalogue.records_path.write_text(f"{lines[0]}\n{json.dumps({'schema': 'x'})}\n")
    records = catalogue.records()
    assert next(records).id == "e1"
    with pytest.raises(InputError, match=r"records\.jsonl line 2: a record of schema 'x'"):
        next(records)


def test_a_record_of_another_kind_is_not_taken(tmp_path):
    with CatalogueWriter(tmp_path / "c", Kind.MAMMO_EXAM) as writer, pytest.raises(InputError, match="image-text"):
        writer.add(study())


def test_documents_are_ingested_as_they_are(tmp_path):
    documents = [TextDocument("t1", "Unchanged since 2019.", "p1"), TextDocument("t2", "Other.")]
    catalogue = written(documents, tmp_path, comparisons=Comparisons.DROP)
    assert list(catalogue.records()) == documents


def test_an_empty_dataset_is_an_error(tmp_path):
    (tmp_path / "x").touch()
    with pytest.raises(InputError, match="holds no record of listed"):
        ingest(dataset_of([]), tmp_path, tmp_path / "out")


def test_splits_that_are_none_are_refused(tmp_path):
    catalogue = written([exam()], tmp_path)
    assert catalogue.splits() is None
    (catalogue.folder / "splits.csv").write_text("patient,split\np1,train\n")
    with pytest.raises(InputError, match="expected group,split"):
        catalogue.splits()


KILLED = """
import os, sys
from pathlib import Path
from mammoscribe.data.catalogue import CatalogueWriter
from mammoscribe.data.records import Kind, TextDocument
with CatalogueWriter(Path(sys.argv[1]), Kind.TEXT_DOCUMENT) as writer:
    for n in range(2000):
        writer.add(TextDocument(f"t{n}", "A text of somebody. " * 10))
    print("ready", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def running(tmp_path):
    """Another process that is writing the catalogue `c`."""
    process = subprocess.Popen(
        [sys.executable, "-c", KILLED, str(tmp_path / "c")], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout.readline() == "ready\n"
    yield process
    process.kill()
    process.communicate()


def documents(folder, count=1):
    with CatalogueWriter(folder, Kind.TEXT_DOCUMENT) as writer:
        for n in range(count):
            writer.add(TextDocument(f"t{n}", "A text."))
        return writer.finish({**FIELDS, "root": str(folder)})


FIELDS = {"name": "x", "edition": "e", "licence": "none", "comparisons": "keep", "package": "0"}


def test_two_runs_on_one_catalogue_are_one_sentence_and_the_first_goes_on(running, tmp_path):
    with pytest.raises(InputError, match=r"another run is writing the catalogue .*c; expected one at a time"):
        documents(tmp_path / "c")
    assert running.poll() is None and not (tmp_path / "c").exists()
    assert [p.name for p in tmp_path.iterdir()] == [".c.part"]


def test_what_a_killed_run_left_is_removed_by_the_next(running, tmp_path):
    running.kill()
    running.wait()
    assert (tmp_path / ".c.part").is_dir()
    documents(tmp_path / "c")
    assert [p.name for p in tmp_path.iterdir()] == ["c"]


def test_what_killed_runs_of_earlier_releases_left_is_removed_and_other_hidden_folders_stay(tmp_path):
    for name in (".c.x1y2_z3w", ".c.backup", ".d.x1y2_z3w"):
        (tmp_path / name).mkdir()
        (tmp_path / name / ("records.jsonl" if name != ".c.backup" else "notes.txt")).write_text("x")
    documents(tmp_path / "c")
    assert sorted(p.name for p in tmp_path.iterdir()) == [".c.backup", ".d.x1y2_z3w", "c"]


def test_a_full_disk_is_one_sentence_and_leaves_nothing(tmp_path, monkeypatch):
    def fill():
        with CatalogueWriter(tmp_path / "c", Kind.TEXT_DOCUMENT) as writer:
            writer.add(TextDocument("t", "A text."))
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with pytest.raises(InputError, match=r"c cannot be written: No space left on device; make room"):
        fill()
    assert list(tmp_path.iterdir()) == []


def test_a_disk_without_room_for_temporary_files_is_one_sentence():
    rows = DiskSet()
    rows._db.execute("PRAGMA max_page_count = 8")

    def fill():
        for n in range(100_000):
            rows.add(f"a name of some length {n}")

    with pytest.raises(InputError, match="no room for temporary files; make room, or set SQLITE_TMPDIR"):
        fill()


def test_a_record_that_is_nested_too_deeply_is_one_sentence(tmp_path):
    catalogue = documents(tmp_path / "c")
    catalogue.records_path.write_text("[" * 100_000 + "]" * 100_000 + "\n")
    with pytest.raises(InputError, match=r"records\.jsonl line 1 is not JSON \(it is nested too deeply\)"):
        list(catalogue.records())
