"""What is special in PadChest: who labelled, lists as Python prints them, stemmed Spanish, three ways to unpack."""

import datetime as dt
import gzip

import pytest

from mammoscribe.data.dataset import Fault
from mammoscribe.data.datasets.padchest import PADCHEST
from mammoscribe.data.texts.report_text import ReportText, Section
from tests.data.datasets.makers import padchest


def items(root):
    return list(PADCHEST.edition_in(root).read(root))


def studies(root):
    return {i.id: i for i in items(root) if not isinstance(i, Fault)}


def add(root, *row):
    with (root / padchest.TABLE).open("a") as table:
        table.write(f"{padchest.row(*row)}\n")


def test_lists_become_labels_and_who_labelled_is_one_of_them(tmp_path):
    padchest.numbered(tmp_path)
    found = studies(tmp_path)
    assert found["11"].labels == {
        "labels": "chronic changes|pleural effusion", "localizations": "loc left",
        "sentence_labels": "chronic changes|pleural effusion;loc left", "label_method": "Physician",
        "label_cuis": "C0742362|C0032227", "localization_cuis": "C0443246", "sex": "F", "birth_year": "1930", "pediatric": "No",
    }  # fmt: skip
    assert (found["12"].labels["label_method"], found["12"].labels["labels"]) == ("RNN_model", "normal")
    assert found["12"].labels["sentence_labels"] == "normal|normal"
    assert "labels" not in found["13"].labels


def test_the_card_says_that_only_27_percent_were_labelled_by_physicians():
    said = {label.name: label.meaning for label in PADCHEST.labels}
    assert "27 %" in said["label_method"] and "Physician" in said["label_method"]
    assert all("label_method" in said[name] for name in ("labels", "localizations"))


def test_the_report_is_spanish_and_its_text_findings(tmp_path):
    padchest.numbered(tmp_path)
    text = "cambi cronic . derram izquierd ."
    assert studies(tmp_path)["11"].report == ReportText(text, {Section.FINDINGS: text}, "es")
    assert studies(tmp_path)["13"].report is None


def test_pictures_of_a_study_come_together_with_their_projections_and_its_day(tmp_path):
    padchest.numbered(tmp_path)
    study = studies(tmp_path)["11"]
    assert [(i.path, i.view, i.labels["projection_method"]) for i in study.images] == [
        ("0/1_aaa.png", "PA", padchest.REVIEWED), ("0/1_ccc.png", "L", padchest.GUESSED),
    ]  # fmt: skip
    assert (study.patient_id, study.date, study.time) == ("901", dt.date(2010, 3, 1), None)
    assert studies(tmp_path)["13"].date == dt.date(2015, 6, 22)


@pytest.mark.parametrize("folder", ["images", "image"])
def test_numbered_folders_may_lie_in_one_of_images(folder, tmp_path):
    padchest.numbered(tmp_path)
    (tmp_path / folder).mkdir()
    for number in ("0", "1", "54"):
        (tmp_path / number).rename(tmp_path / folder / number)
    assert all((tmp_path / i.path).is_file() for r in studies(tmp_path).values() for i in r.images)


@pytest.mark.parametrize("folder", ["images", "."])
def test_all_pictures_may_lie_in_one_folder(folder, tmp_path):
    padchest.numbered(tmp_path)
    (tmp_path / folder).mkdir(exist_ok=True)
    for path in list(tmp_path.glob("*/*.png")):
        path.rename(tmp_path / folder / path.name)
    for number in ("0", "1", "54"):
        (tmp_path / number).rmdir()
    assert all((tmp_path / i.path).is_file() for r in studies(tmp_path).values() for i in r.images)


def test_the_table_may_be_packed(tmp_path):
    padchest.numbered(tmp_path)
    whole = items(tmp_path)
    path = tmp_path / padchest.TABLE
    path.with_name(f"{path.name}.gz").write_bytes(gzip.compress(path.read_bytes()))
    path.unlink()
    assert items(tmp_path) == whole


def test_lists_are_read_and_never_run(tmp_path):
    padchest.numbered(tmp_path)
    said = 'x .,RNN_model,"[\'a\', ""Chilaiditi\'s sign"", __import__(\'os\').getcwd()]",nan,,,'
    add(tmp_path, "4_eee", "0", "20160101", "14", "903", "PA", said)
    assert studies(tmp_path)["14"].labels["labels"] == "a|Chilaiditi's sign|os"


@pytest.mark.parametrize(
    ("row", "words"),
    [
        (("4_eee", "0", "20161301", "14", "903", "PA", padchest.NORMAL), "the study date '20161301'"),
        (("../4_eee", "0", "20160101", "14", "903", "PA", padchest.NORMAL), "the picture '../4_eee.png'"),
        (("4_eee", "..", "20160101", "14", "903", "PA", padchest.NORMAL), "in the folder '..'"),
        (("4_eee", "0", "20160101", "14", "903", "PA", "x .,Physician,normal,,,,"), "labels 'normal'"),
        (("4_eee", "0", "20160101", "14", "903", "PA", "x .,Physician,['a'],,loc left,,"), "labels 'loc left'"),
        (("4_eee", "0", "20160101", "11", "903", "PA", padchest.CHRONIC), "study 11 has the patients 901, 903"),
    ],
)
def test_a_row_that_cannot_be_read_is_an_error_and_the_others_go_on(row, words, tmp_path):
    padchest.numbered(tmp_path)
    add(tmp_path, *row)
    (fault,) = (i for i in items(tmp_path) if isinstance(i, Fault))
    assert words in fault.error.found
    assert {"12", "13"} <= studies(tmp_path).keys()
