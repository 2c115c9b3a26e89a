"""The TOML of a lab's folder: what it may say, and one sentence with file and key for each mistake."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mammoscribe.data.own_folder.spec import FolderSpec, Identity, read_spec
from mammoscribe.data.records import Kind
from mammoscribe.data.texts.report_text import Section
from mammoscribe.support.errors import InputError, InvalidNoun
from tests.data.datasets.makers.own_folder import TOML

FIRST = 'name = "x"\nkind = "mammo-exam"\n'


def spec_of(tmp_path, text):
    (tmp_path / "ours.toml").write_text(text, encoding="utf-8")
    return read_spec(tmp_path / "ours.toml")


def test_ten_lines_say_all(tmp_path):
    text = (
        'name = "our-clinic"\nkind = "mammo-exam"\nlanguage = "es"\nlicence = "ethics vote 12/26"\nroot = "data"\n'
        'images = ["a/*.dcm", "b/*.dcm"]\nexam = "header:AccessionNumber"\npatient = "folder"\nreports = "r.xlsx"\n'
        'report_sheet = "Reports"\nreport_exam = "No"\nsplit = "Part"\nlaterality = "Side"\n'
        'labels = { birads = "BI-RADS" }\n[report_sections]\nfindings = "F"\n'
    )
    spec = spec_of(tmp_path, text)
    assert (spec.name, spec.kind, spec.language, spec.licence) == (
        "our-clinic",
        Kind.MAMMO_EXAM,
        "es",
        "ethics vote 12/26",
    )
    assert spec.folder == (tmp_path / "data").resolve()
    assert (spec.images, spec.exam, spec.patient) == (
        ("a/*.dcm", "b/*.dcm"), Identity("header", "AccessionNumber"), Identity("folder"),
    )  # fmt: skip
    assert (spec.report_sheet, spec.report_sections, spec.labels) == (
        "Reports",
        {Section.FINDINGS: "F"},
        {"birads": "BI-RADS"},
    )
    assert spec.has_table


@pytest.mark.parametrize(
    ("reports", "is_table"),
    [
        ("r.csv", True), ("r.CSV.gz", True), ("years/*.xlsx", True), ("r.txt", True), ("texts/*.txt", False),
        ("texts/*.docx", False), ("texts/*", False),
    ],
)  # fmt: skip
def test_a_table_is_told_from_text_files_by_its_name(reports, is_table, tmp_path):
    table = 'report_exam = "e"\nreport_text = "t"\n' if is_table else ""
    assert spec_of(tmp_path, f'{FIRST}reports = "{reports}"\n{table}').has_table is is_table


def test_the_root_may_start_from_home(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    assert spec_of(tmp_path, TOML + 'root = "~/data"\n').folder == tmp_path.resolve() / "home" / "data"


def test_paths_of_windows_are_taken(tmp_path):
    spec = spec_of(tmp_path, FIRST + "images = '.\\dicom\\**\\*.dcm'\nexam = \"folder\"\n")
    assert spec.images == ("dicom/**/*.dcm",)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ("nmae = 'x'\n", "no key of this file is called 'nmae'; did you mean name"),
        ("[mammo]\n", "no key of this file is called 'mammo'"),
        ("language = 3\n", "language = 3; expected a text"),
        ('language = "de"\n', "no language with report headings is called 'de'; did you mean en, es"),
        ('manifest = "m.csv"\n', "both images and manifest"),
        ('report_sections = { finding = "x" }\n', "did you mean findings"),
        ('report_sections = { findings = "x" }\n', "both report_text and report_sections"),
        ('patient = "header:Patient"\n', "no DICOM attribute for patient is called 'Patient'; did you mean PatientID"),
        ('patient = "header:StudyDate"\n', "no DICOM attribute for patient is called 'StudyDate'"),
        ('patient = "name:(?P<exam>x)"\n', "(?P<patient>...) in the regular expression"),
        ('patient = "name:(?P<patient>x)(?P<veiw>y)"\n', "did you mean view"),
        ('patient = "name:(?P<patient>"\n', "of patient (missing )"),
        ('patient = "row"\n', "expected header:KEYWORD, folder, column or name:REGEX"),
        ('patient = "column"\n', "patient = column without report_patient"),
        ('report_sheet = "2"\n', "report_sheet for reports.csv; expected an .xlsx file"),
        ('report_image = "File"\n', "report_exam beside report_image"),
        ('labels = { BI-RADS = "x" }\n', "expected small letters, digits and _; call it bi_rads"),
        ('labels = { birads = "" }\n', "the label birads without a column"),
        ("labels = { birads = 4 }\n", "expected a table"),
        ("x", "is not TOML"),
        ('name = "y"\n', "Cannot overwrite a value"),
    ],
)  # fmt: skip
def test_a_mistake_is_one_sentence_with_file_and_key(change, told, tmp_path):
    with pytest.raises(InputError) as error:
        spec_of(tmp_path, TOML + change)
    assert told in error.value.sentence() and "ours.toml" in error.value.sentence()
    assert "\n" not in error.value.sentence()


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('kind = "mammo-exam"\nimages = "*"\nexam = "folder"\n', "no name"),
        ('name = "x"\nimages = "*"\n', "no kind of record is called ''"),
        (FIRST, "neither images, manifest nor reports"),
        (FIRST + 'images = "*"\n', "images without exam"),
        (FIRST + "images = []\n", "expected a list of texts"),
        (FIRST + 'images = ""\n', "expected a list of texts"),
        (FIRST + 'images = "/etc/*"\nexam = "folder"\n', "'/etc/*' leads out of the root"),
        (FIRST + 'images = "a/../../*"\nexam = "folder"\n', "leads out of the root"),
        (FIRST + "images = 'C:\\x\\*'\nexam = \"folder\"\n", "leads out of the root"),
        (FIRST + 'reports = "../r.csv"\n', "leads out of the root"),
        (FIRST + 'manifest = "../r.csv"\n', "leads out of the root"),
        ('name = "x"\nkind = "image-text"\nmanifest = "m.csv"\n', "a manifest for image-text"),
        ('name = "x"\nkind = "text-document"\nimages = "*"\n', "text-document with images"),
        (FIRST + 'manifest = "m.csv"\nexam = "folder"\n', "exam without images"),
        (FIRST + 'manifest = "m.csv"\npatient = "folder"\n', "patient without images"),
        (FIRST + 'reports = "r.csv"\nreport_image = "f"\n', "report_image without images"),
        (FIRST + 'reports = "r.csv"\n', "a table of reports without report_exam"),
        (FIRST + 'reports = "r.csv"\nreport_exam = "e"\n', "from which nothing is taken"),
        (FIRST + 'reports = "r.csv"\nreport_exam = "e"\nlabels = { a = "a" }\n', "from which nothing is taken"),
        (FIRST + 'reports = "*.txt"\nreport_exam = "e"\n', "report_exam without a table"),
        (FIRST + 'reports = "r.xls"\n', "expected a table (.csv, .tsv, .xlsx"),
        (FIRST + 'reports = "texts/*.pdf"\n', "a pattern of text files (.txt, .docx, .rtf)"),
        (FIRST + 'images = "*"\nexam = "column"\n', "exam = column without report_image"),
        (FIRST + 'images = "*"\nexam = "folder"\nsplit = "s"\n', "split without a table"),
        ('name = "x"\nkind = "image-text"\nreports = "r.csv"\nreport_exam = "e"\nreport_text = "t"\nlaterality = "s"\n',
         "laterality for image-text"),
        (FIRST + 'images = "*"\nexam = "folder"\nreports = "r.csv"\nreport_exam = "e"\nreport_text = "t"\nview = "v"\n',
         "view without report_image"),
        (FIRST + 'reports = "r.csv"\nreport_exam = "e"\nreport_text = "t"\nreport_date_order = "dmy"\n', "without report_date"),
        (FIRST + 'reports = "r.csv"\nreport_exam = "e"\nreport_text = "t"\nreport_date = "d"\nreport_date_order = "ydm"\n',
         "did you mean"),
    ],
)  # fmt: skip
def test_too_little_or_too_much_is_refused(text, told, tmp_path):
    with pytest.raises(InputError) as error:
        spec_of(tmp_path, text)
    assert told in error.value.sentence()


def test_a_backslash_that_toml_does_not_take_is_explained(tmp_path):
    with pytest.raises(InputError, match=r"write expressions and paths with a backslash in '\.\.\.'"):
        spec_of(tmp_path, FIRST + 'images = "*"\nexam = "name:(?P<exam>\\d+)"\n')


def test_a_file_that_is_not_there_or_no_text_is_told(tmp_path):
    with pytest.raises(InputError, match=r"is a folder; expected a TOML file"):
        read_spec(tmp_path)
    (tmp_path / "ours.toml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InputError, match=r"ours\.toml cannot be read .*expected TOML in UTF-8"):
        read_spec(tmp_path / "ours.toml")


def test_a_language_without_headings_is_taken_where_columns_are_the_sections(tmp_path):
    text = TOML.replace('report_text = "Report"', 'language = "de"\nreport_sections = { findings = "Befund" }')
    assert spec_of(tmp_path, text).language == "de"
    text = 'name = "x"\nkind = "text-document"\nlanguage = "de"\nreports = "*.txt"\n'
    assert spec_of(tmp_path, text).language == "de"


def test_the_noun_checks_itself(tmp_path):
    with pytest.raises(InvalidNoun, match="neither images"):
        FolderSpec("x", Kind.MAMMO_EXAM, tmp_path / "ours.toml")


@given(st.one_of(st.text(max_size=30), st.from_regex(r"(header|name|folder|column):.{0,20}")))
def test_any_text_as_identity_is_one_or_an_input_error(text):
    for group in ("exam", "patient"):
        with contextlib.suppress(InputError):
            assert Identity.parsed(text, group).how in ("header", "folder", "name", "column")


def test_toml_that_is_nested_too_deeply_is_one_sentence(tmp_path):
    with pytest.raises(InputError, match=r"ours\.toml is not TOML \(it is nested too deeply\)"):
        spec_of(tmp_path, "name = " + "[" * 100_000 + "]" * 100_000)
