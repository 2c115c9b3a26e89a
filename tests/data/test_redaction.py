"""What is taken out of messages: what header, row and path name, and what has the form of an identifier."""

from pathlib import Path

import pytest

from mammoscribe.data.redaction import FILE, ID, Redactor, identifiers_of_header, identifiers_of_paths
from mammoscribe.support.errors import InputError, NotAMammogram
from tests.imaging.drawn import mammogram

NOTHING = Redactor({})


@pytest.mark.parametrize(
    ("said", "left"),
    [
        ("/data/DOE/1.dcm is cut off", "[file] is cut off"),
        ("~/x/y not read; ../DOE/x.dcm: no", "[file] not read; [file]: no"),
        (r"C:\DOE\scan one", "[file] one"),
        ("doe_jane-1.DCM: repeated", "[file]: repeated"),
        ("belongs to exam 1.2.826.0.1.3680043.8", "belongs to exam [UID]"),
        ("of 2023-05-17 and 20230517 and 17.05.2023 and 5/17/2023", "of [date] and [date] and [date] and [date]"),
        ("is_prior 'perhaps Doe'; the patient's own", "is_prior [value]; the patient's own"),
        ("CC/MLO at 0.07 x 0.07 mm, 3328 x 4096 pixels, 14 bits", "CC/MLO at 0.07 x 0.07 mm, 3328 x 4096 pixels, 14 bits"),
        ("L CC: 1.2.840.10008.1.2.4.70 of version 1.2.3", "L CC: 1.2.840.10008.1.2.4.70 of version 1.2.3"),
    ],
)  # fmt: skip
def test_what_has_the_form_of_an_identifier_goes_and_the_rest_stays(said, left):
    assert NOTHING.text(said) == left


def test_names_are_found_in_any_case_beside_underscores_and_the_longest_first():
    redactor = Redactor({"DOE": ID, "DOE12": "exam-1", "7": ID, "123": ID})
    assert redactor.text("doe, Doe12 and x_DOE_y; DOES; 7 of 123") == "[id], exam-1 and x_[id]_y; DOES; 7 of 123"


def test_a_header_tells_ids_names_and_days_of_its_sequences_too():
    inner = mammogram(PatientName="Roe^Ann", StudyDate="20190203")
    header = mammogram(
        PatientName="Doe^Jane", PatientID="M-1234", AccessionNumber="A-77", ReferencedStudySequence=[inner]
    )
    left = Redactor(identifiers_of_header(header)).text("Jane Doe and ann ROE, M-1234, A-77, 2019-02-03")
    assert left == "[id] [id] and [id] [id], [id], [id], [date]"


def test_files_are_called_what_stands_for_them_and_folders_go():
    known = identifiers_of_paths(
        {Path("/a/DOE-1/s1.dcm"): "R_CC", Path("/a/DOE-1/prior/s1.dcm"): "prior_R_CC", Path("/a/b/s2"): "file 1"}
    )
    redactor = Redactor(known)
    assert redactor.text("/a/DOE-1/s1.dcm; s2; DOE-1") == f"R_CC; s2; {FILE}"  # two characters are found by chance
    assert redactor.text("s1.dcm not used") == f"{FILE} not used"  # two files have that name


def test_errors_keep_their_kind_and_lose_their_cause():
    with (
        pytest.raises(NotAMammogram, match=r"\[file\] is a spot view; expected \[id\]") as caught,
        Redactor({"DOE": ID}).errors(),
    ):
        raise NotAMammogram("/x/y.dcm is a spot view", "DOE")
    assert caught.value.__suppress_context__
    with pytest.raises(InputError, match=r"unexpected KeyError: \[value\]"), NOTHING.errors():
        raise KeyError("DOE")
    with pytest.raises(InputError, match="a file cannot be read: Permission denied"), NOTHING.errors():
        raise PermissionError(13, "Permission denied", "/x/DOE")
