"""MIMIC-III notes: what a row becomes, and which rows are set aside."""

import datetime as dt
import gzip
import tracemalloc

import pytest

from mammoscribe.data.dataset import Fault
from mammoscribe.data.datasets.mimic_iii import MIMIC_III
from mammoscribe.support.errors import InputError
from tests.data.datasets.makers.mimic_iii import ROWS, physionet, write_notes


def read(root):
    items = list(MIMIC_III.edition_in(root).read(root))
    return {i.id: i for i in items if not isinstance(i, Fault)}, [i for i in items if isinstance(i, Fault)]


def changed(**fields):
    """The second row with other fields."""
    names = (
        "row",
        "subject",
        "hadm",
        "chartdate",
        "charttime",
        "storetime",
        "category",
        "description",
        "cgid",
        "error",
        "text",
    )
    return tuple(fields.get(name, value) for name, value in zip(names, ROWS[1], strict=True))


def test_a_note_keeps_its_lines_patient_time_and_category(tmp_path):
    physionet(tmp_path)
    notes, _ = read(tmp_path)
    first, second = notes["174"], notes["175"]
    assert first.text == 'Admission Date:  [**2151-7-16**]\n\nAllergies:\nPenicillin, "sulfa"'
    assert (first.patient_id, first.date, first.time, first.title) == ("22532", dt.date(2151, 8, 4), None, "Report")
    assert first.labels == {"category": "Discharge summary", "admission": "167853"}
    assert (second.date, second.time) == (dt.date(2151, 8, 6), dt.time(13, 45))
    assert second.labels == {"category": "Radiology"}
    assert notes["177"].labels["category"] == "Physician"


def test_a_note_that_was_marked_as_an_error_is_set_aside_with_its_line(tmp_path):
    physionet(tmp_path)
    notes, faults = read(tmp_path)
    assert "176" not in notes and [f.set_aside for f in faults] == [True]
    assert faults[0].error.found == "NOTEEVENTS.csv line 9: a note that its writer marked as an error"


def test_the_gz_is_read_as_it_is_and_the_unpacked_table_first(tmp_path):
    content = write_notes(tmp_path / "t.csv").read_bytes()
    (tmp_path / "NOTEEVENTS.csv.gz").write_bytes(gzip.compress(content))
    assert list(read(tmp_path)[0]) == ["174", "175", "177"]
    write_notes(tmp_path / "NOTEEVENTS.csv", ROWS[:1])
    assert list(read(tmp_path)[0]) == ["174"]


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"error": "x"}, "ISERROR 'x'"), ({"subject": ""}, "no SUBJECT_ID"), ({"text": "  "}, "no text"),
        ({"chartdate": "04.08.2151"}, "CHARTDATE '04.08.2151'"), ({"charttime": "noon"}, "CHARTTIME 'noon'"), ({"row": ""}, "record ''"),
    ],
)  # fmt: skip
def test_a_row_that_cannot_be_used_is_one_fault_with_its_line(fields, said, tmp_path):
    write_notes(tmp_path / "NOTEEVENTS.csv", (ROWS[0], changed(**fields), ROWS[3]))
    notes, faults = read(tmp_path)
    assert list(notes) == ["174", "177"]
    assert len(faults) == 1 and not faults[0].set_aside
    assert said in faults[0].error.found and faults[0].error.found.startswith("NOTEEVENTS.csv line 7: ")


def test_a_table_without_the_columns_of_notes_is_refused(tmp_path):
    (tmp_path / "NOTEEVENTS.csv").write_text("row_id,text\n1,x\n")
    with pytest.raises(InputError, match="lacks columns ROW_ID"):
        read(tmp_path)


def test_memory_does_not_grow_with_the_notes(tmp_path):
    def peak(count):
        root = tmp_path / str(count)
        write_notes(root / "NOTEEVENTS.csv", (changed(row=n, text=f"Line {n}.\n" * 30) for n in range(count)))
        tracemalloc.start()
        assert sum(1 for _ in MIMIC_III.edition_in(root).read(root)) == count
        return tracemalloc.get_traced_memory()[1], tracemalloc.stop()

    assert peak(1_500)[0] < peak(500)[0] + 100_000
