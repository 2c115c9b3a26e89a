"""`[teaches]` of a lab's TOML: what becomes supervision, one sentence for each mistake, and a label that teaches nothing."""

import pytest

from mammoscribe.data.datasets.own_folder import FOLDER
from mammoscribe.data.ingest import ingest
from mammoscribe.data.own_folder.draft import draft_toml
from mammoscribe.data.own_folder.folder import folder_dataset
from mammoscribe.data.own_folder.spec import read_spec
from mammoscribe.data.supervision import REPORT_LANGUAGES, Question, supervision_from
from mammoscribe.reporting.parse import parse_report
from mammoscribe.support.errors import InputError
from tests.data.datasets.made import write_lines
from tests.data.datasets.makers.own_folder import TOML, read, toml

BREASTS = """
name = "ours"
kind = "mammo-exam"
images = "dicom/**/*.dcm"
exam = "header:AccessionNumber"
reports = "breasts.csv"
report_exam = "Accession"
laterality = "Side"
labels = { density = "Density", birads = "BI-RADS", tumour = "Tumour" }
"""


@pytest.fixture
def lab(tmp_path):
    toml(tmp_path)
    rows = "A1,R,ACR 3,IV a,ja", "A1,L,b,2,nein", "A3,L,c,0,nein"
    write_lines(tmp_path / "breasts.csv", "Accession,Side,Density,BI-RADS,Tumour", *rows)
    return tmp_path


def supervision_of(folder, teaches, text=BREASTS):
    (folder / "ours.toml").write_text(text + teaches, encoding="utf-8")
    dataset, root = folder_dataset(folder / "ours.toml")
    return dataset.supervision_of(dataset.edition_in(root))


def refused(folder, text):
    (folder / "ours.toml").write_text(text, encoding="utf-8")
    with pytest.raises(InputError) as raised:
        read_spec(folder / "ours.toml")
    sentence = raised.value.sentence()
    assert str(folder / "ours.toml") in sentence and "\n" not in sentence
    return sentence


def test_values_of_the_table_become_answers(lab):
    teaches = (
        '[teaches]\ndensity = "density"\ntumour = { question = "malignant", answers = { ja = 1, nein = "0" } }\n'
        'birads = [{ question = "recall", answers = { "BI-RADS 4" = "1", "0" = "1", "2" = "0" } }, "birads"]\n'
    )
    records, faults = read(lab, BREASTS + teaches)
    assert not faults
    taught = supervision_of(lab, teaches)
    right, left = (records["A1"].breasts[side] for side in sorted(records["A1"].breasts, reverse=True))
    questions = Question.DENSITY, Question.RECALL, Question.BIRADS, Question.MALIGNANT
    assert [taught.answer("breast", q, right) for q in questions] == ["c", "1", "4", "1"]
    assert [taught.answer("breast", q, left) for q in questions] == ["b", "0", "2", "0"]


def test_the_catalogue_keeps_what_labels_teach(lab):
    (lab / "ours.toml").write_text(f"{BREASTS}[teaches]\ndensity = 'density'\n")
    dataset, root = folder_dataset(lab / "ours.toml")
    done = ingest(dataset, root, lab / "catalogue")
    assert supervision_from(done.catalogue.about.supervision) == dataset.supervision
    assert [(t.label, t.of) for t in dataset.supervision.teachings] == [("density", "breast")]


def test_a_label_without_the_column_of_the_breast_is_one_of_the_exam(lab):
    text = TOML + 'labels = { density = "Report" }\n[teaches]\ndensity = "density"\n'
    assert [(t.label, t.of) for t in supervision_of(lab, "", text).teachings] == [("density", "exam")]
    text = 'name = "x"\nkind = "mammo-exam"\nmanifest = "m.csv"\nlabels = { density = "d" }\n[teaches]\ndensity = "density"\n'
    assert [(t.label, t.of) for t in supervision_of(lab, "", text).teachings] == [("density", "breast")]


@pytest.mark.parametrize(
    ("teaches", "words"),
    [
        ('densty = "density"', ("densty", "did you mean density?")),
        ('density = "densty"', ("densty", "teaches.density", "did you mean density?")),
        ('density = "kind"', ("'kind'", "recall")),
        ('density = "density"\nsplit = "Part"', ("split comes below [teaches]", "move split up")),
        ("density = 4", ("teaches.density = 4", "recall")),
        ('density = { answers = { a = "a" } }', ("teaches.density", "question")),
        ('density = { question = "density", answer = { a = "a" } }', ("'answer'", "did you mean answers?")),
        ('density = { question = "density", answers = { "1" = "e" } }', ("'e'", "a, b, c, d")),
        ('birads = { question = "recall", answers = { "0" = "yes" } }', ("'yes'", "0, 1")),
        ('birads = { question = "recall", answers = { "9" = "1" } }', ("'9'", "4A")),
        ('birads = { question = "recall", answers = { "2" = "1", "II" = "0" } }', ("two answers for 2", "one")),
        ('birads = { question = "recall", answers = { "2" = true } }', ("True", "a text")),
        ('birads = { question = "recall", answers = {} }', ("answers of teaches.birads",)),
        ('density = ["density", "density"]', ("teaches.density", "each question once")),
        ('region = "kind"', ("teaches.region", "[teaches.region]")),
        ('[teaches.region]\nlesion = "kind"', ("[teaches.region] without boxes",)),
    ],
)
def test_a_mistake_in_the_table_is_one_sentence(teaches, words, lab):
    sentence = refused(lab, f"{BREASTS}[teaches]\n{teaches}\n")
    assert all(word in sentence for word in words), sentence


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (TOML + '[teaches]\nbirads = "recall"\n', ("birads", "no labels", "labels = {")),
        (BREASTS + "reports_teach = true\n", ("without texts", "report_text")),
        (TOML + 'reports_teach = true\nlanguage = "es"\n', ('"es"', "en")),
        (TOML + 'reports_teach = "yes"\n', ("reports_teach", "true or false")),
        (TOML + "report_teach = true\n", ("report_teach", "did you mean reports_teach")),
        (TOML.replace("mammo-exam", "image-text") + "reports_teach = true\n", ("image-text", "mammo-exam")),
        (
            'name = "x"\nkind = "mammo-exam"\nimages = "*.dcm"\nexam = "folder"\nreports_teach = true\n',
            ("without texts",),
        ),
    ],
)
def test_a_mistake_beside_the_table_is_one_sentence(text, words, lab):
    sentence = refused(lab, text)
    assert all(word in sentence for word in words), sentence


def test_reports_teach_where_the_toml_says_so(lab):
    assert supervision_of(lab, "reports_teach = true\n", TOML).reports
    assert not supervision_of(lab, "", TOML).reports
    texts = TOML.replace('report_exam = "Accession"\nreport_text = "Report"\n', "").replace(
        "reports.csv", "texts/*.txt"
    )
    assert supervision_of(lab, "reports_teach = true\n", texts).reports


def test_the_languages_that_teach_are_those_of_which_the_parser_reads_facts():
    spoken = {
        "en": "There is a mass in the right breast.", "es": "Existe un nódulo en la mama derecha.",
        "pt": "Há um nódulo na mama direita.",
    }  # fmt: skip
    assert tuple(language for language, text in spoken.items() if parse_report(text).facts) == REPORT_LANGUAGES


def test_a_label_of_which_no_value_is_an_answer_is_told_with_its_values(lab):
    _, faults = read(lab, BREASTS + '[teaches]\ntumour = "malignant"\ndensity = "density"\n')
    (sentence,) = faults
    assert "tumour" in sentence and "ja, nein" in sentence and "answers" in sentence


def test_a_label_without_any_value_is_told(lab):
    write_lines(lab / "breasts.csv", "Accession,Side,Density,BI-RADS,Tumour", "A1,R,,2,")
    _, faults = read(lab, BREASTS + '[teaches]\ndensity = "density"\n')
    (sentence,) = faults
    assert "density" in sentence and "no breast has a value" in sentence


def test_a_label_of_exams_with_both_breasts_is_told_to_teach_nothing(lab):
    write_lines(lab / "breasts.csv", "Accession,Density", "A1,b")
    text = BREASTS.replace('laterality = "Side"\n', "").replace(', birads = "BI-RADS", tumour = "Tumour"', "")
    teaches = '[teaches]\ndensity = "density"\n'
    _, faults = read(lab, text + teaches)
    (sentence,) = faults
    assert "whole exam" in sentence and "laterality" in sentence
    write_lines(lab / "breasts.csv", "Accession,Density", "A1,b", "A3,c")  # of A3 one breast was imaged
    assert not read(lab, text + teaches)[1]


def test_reports_that_are_to_teach_and_belong_to_no_exam_are_told(lab):
    write_lines(lab / "reports.csv", "Accession,Report", "A1,", "A3,")
    _, faults = read(lab, TOML + "reports_teach = true\n")
    assert any("no exam has a report" in sentence for sentence in faults)


def test_the_dataset_without_a_toml_name_refuses_what_it_could_not_keep(lab):
    (lab / "ours.toml").write_text(f"{BREASTS}[teaches]\ndensity = 'density'\n")
    with pytest.raises(InputError, match=r"in place of the name"):
        list(FOLDER.editions[0].read(lab))


def test_a_draft_proposes_what_labels_teach_as_comments_that_can_be_taken_over(lab):
    rows = (f"A{n},{side},b,{n},no,A mass here." for n in (1, 2, 3) for side in "RL")
    (lab / "reports.csv").unlink()
    (lab / "ours.toml").unlink()
    write_lines(lab / "breasts.csv", "Accession,Side,Density,BI-RADS,Cancer,Report", *rows)
    draft = draft_toml(lab)
    at = draft.index("# To train a reader")
    assert "teaches" not in draft[:at]
    taken = draft[:at] + "".join(line.removeprefix("# ") + "\n" for line in draft[at:].splitlines()[1:])
    (lab / "ours.toml").write_text(taken)
    taught = read_spec(lab / "ours.toml").supervision
    assert {(t.label, t.question.value) for t in taught.teachings} == {
        ("density", "density"), ("birads", "recall"), ("cancer", "malignant"),
    }  # fmt: skip
    assert taught.reports
