"""Prompts: what is asked about which record, and what is answered."""

from dataclasses import replace

import pytest

from mammoscribe.data.datasets.known import DATASETS
from mammoscribe.data.exchange.prompts import answer_of, prompt_for, question_of, read_prompts
from mammoscribe.data.records import Kind
from mammoscribe.data.texts.report_text import ReportText, Section
from mammoscribe.support.errors import InputError
from tests.data.some_records import exam, report, study

PROMPTS = read_prompts()


def prompts(tmp_path, text):
    (tmp_path / "p.toml").write_text(text)
    return read_prompts(tmp_path / "p.toml")


@pytest.mark.parametrize("name", [*(d.name for d in DATASETS.values() if d.kind is Kind.MAMMO_EXAM), "our-clinic"])
def test_no_mammogram_is_called_a_chest_x_ray(name):
    asked = " ".join(prompt_for(Kind.MAMMO_EXAM, name, PROMPTS).prompts).lower()
    assert "mammogra" in asked and "chest" not in asked and "x-ray" not in asked


@pytest.mark.parametrize("name", ["our-clinic", "mendeley-oct", "rsna-2023", ""])
def test_pictures_of_a_dataset_that_is_not_known_to_be_of_chests_are_medical_images(name):
    asked = prompt_for(Kind.IMAGE_TEXT, name, PROMPTS).prompts
    assert all("medical image" in text and "chest" not in text.lower() for text in asked)


@pytest.mark.parametrize("name", [d.name for d in DATASETS.values() if "chest x-ray" in d.title.lower()])
def test_chest_x_rays_are_asked_about_as_such(name):
    assert all("chest X-ray" in text for text in prompt_for(Kind.IMAGE_TEXT, name, PROMPTS).prompts)


@pytest.mark.parametrize("record", [exam("e1"), study("s1")])
def test_composition_is_part_of_every_answer_that_is_not_about_a_chest(record):
    text = report("A mass.", "BI-RADS 4.", composition="Heterogeneously dense.")
    answer = answer_of(text, prompt_for(record.kind, "our-clinic", PROMPTS))
    assert answer.splitlines()[0] == "Composition: Heterogeneously dense."


def test_the_prompt_is_chosen_by_the_records_id_and_its_places_are_filled(tmp_path):
    text = '[mammo-exam]\nprompts = ["One {views}. {indication}", "Two"]\nanswer = ["raw"]\nheadings = false\n'
    prompt = prompts(tmp_path, text)["mammo-exam"]
    asked = {n: question_of(exam(f"e{n}"), prompt) for n in range(20)}
    assert set(asked.values()) == {"One right CC, left MLO. not given", "Two"}
    assert asked == {n: question_of(exam(f"e{n}"), prompt) for n in range(20)}
    known = [question_of(exam(f"e{n}", report=report(indication="Lump.")), prompt) for n in range(20)]
    assert "One right CC, left MLO. Lump." in known


def test_a_report_without_any_known_heading_is_the_answer_as_it_is():
    prompt = PROMPTS["mammo-exam"]
    assert answer_of(ReportText("A mass.", {Section.OTHER: "A mass."}), prompt) == "A mass."
    headed = ReportText("...", {Section.OTHER: "Dr. A", Section.INDICATION: "A lump."})
    assert answer_of(headed, prompt) == ""
    assert answer_of(replace(report(), sections={}), prompt) == ""


def test_a_section_that_is_missing_is_left_out_and_raw_is_all():
    assert answer_of(report("x", ""), PROMPTS["mammo-exam"]) == "Findings: x"
    assert answer_of(report("x", "y"), replace(PROMPTS["mammo-exam"], headings=False)) == "x\ny"
    assert answer_of(report("x", "y"), replace(PROMPTS["mammo-exam"], answer=("raw",))) == "FINDINGS: x\nIMPRESSION: y"


def test_a_table_of_any_name_with_datasets_goes_before_image_text_and_never_before_mammo_exam(tmp_path):
    table = 'prompts = ["{}"]\nanswer = ["raw"]\nheadings = false\n'
    text = (
        "[mammo-exam]\n" + table.format("mammogram") + "[image-text]\n" + table.format("image")
        + '[skin]\ndatasets = ["derm", "clinic"]\n' + table.format("skin")
    )  # fmt: skip
    ours = prompts(tmp_path, text)
    assert prompt_for(Kind.IMAGE_TEXT, "derm", ours).prompts == ("skin",)
    assert prompt_for(Kind.IMAGE_TEXT, "other", ours).prompts == ("image",)
    assert prompt_for(Kind.MAMMO_EXAM, "clinic", ours).prompts == ("mammogram",)
    with pytest.raises(InputError, match=r"a table \[image-text\]"):
        prompt_for(Kind.IMAGE_TEXT, "other", prompts(tmp_path, "[mammo-exam]\n" + table.format("x")))


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[mammo-exams]\n", "did you mean mammo-exam"),
        ("[mammo-exam]\nprompts = []\n", "prompts, answer and headings"),
        ('[mammo-exam]\nprompts = []\nanswer = ["raw"]\nheadings = true\n', "no prompts"),
        ('[mammo-exam]\nprompts = ["{view}"]\nanswer = ["raw"]\nheadings = true\n', "did you mean views"),
        ('[mammo-exam]\nprompts = ["{"]\nanswer = ["raw"]\nheadings = true\n', "braces"),
        ('[mammo-exam]\nprompts = ["<image>"]\nanswer = ["raw"]\nheadings = true\n', "holds <image>"),
        ('[mammo-exam]\nprompts = ["x"]\nanswer = ["finding"]\nheadings = true\n', "did you mean findings"),
        ('[mammo-exam]\nprompts = ["x"]\nanswer = ["raw", "findings"]\nheadings = true\n', "raw alone"),
        ('[mammo-exam]\nprompts = "x"\nanswer = ["raw"]\nheadings = true\n', "lists of texts"),
        ('[mammo-exam]\ndatasets = ["a"]\nprompts = ["x"]\nanswer = ["raw"]\nheadings = true\n', "of another name"),
        ('[a]\ndatasets = "a"\nprompts = ["x"]\nanswer = ["raw"]\nheadings = true\n', "lists of texts"),
        ("[mammo-exam\n", "is not TOML"),
        ("mammo-exam = 3\n", "prompts, answer and headings"),
    ],
)
def test_a_wrong_file_of_prompts_is_one_sentence(text, told, tmp_path):
    with pytest.raises(InputError, match=told):
        prompts(tmp_path, text)


def test_a_file_of_prompts_that_is_absent_is_one_sentence(tmp_path):
    with pytest.raises(InputError, match="is not there"):
        read_prompts(tmp_path / "none.toml")
