"""BioViL-T's report models as writers: each view with its prior, and claims about breasts."""

from types import SimpleNamespace

import numpy as np
import pytest

from mammoscribe.data.arrays import exam_of_arrays
from mammoscribe.models.biovil.report_model import Pictures, WrittenReport, load_report_model
from mammoscribe.support.errors import InputError
from mammoscribe.writers.author import Case
from mammoscribe.writers.biovil_t import BiovilAuthor
from tests.models.tiny_report import write_tiny_report

GREY = np.random.default_rng(0).random((40, 30)).astype(np.float32)
EXAM = exam_of_arrays(dict.fromkeys(("RCC", "RMLO", "LCC"), GREY), priors={"RCC": GREY}).exam


class Scripted:
    """Writes what it is told to about each view, and remembers what it saw."""

    def __init__(self, texts: dict[str, str]) -> None:
        self.texts, self.seen = texts, {}
        self.card = SimpleNamespace(pictures=Pictures.MAMMOGRAM, name="tiny", weights_sha256="ab" * 32)

    def fit(self, pixels, name: str) -> str:
        return str(pixels)

    def write(self, images, priors, prior_reports, limits):
        self.seen = {i: (p, said) for i, p, said in zip(images, priors, prior_reports, strict=True)}
        return [WrittenReport(self.texts.get(image, ""), False) for image in images]


def drafted(script, prior_report=None):
    return BiovilAuthor(script).write(Case(EXAM, lambda view: view.id, (), (), prior_report))


def test_each_view_is_written_about_with_its_prior_and_nothing_is_claimed_twice():
    same = "An oval mass is seen."
    script = Scripted({"R_CC": same, "R_MLO": same, "L_CC": same})
    draft = drafted(script, "A mass in the right breast. A cyst in the left breast.")
    assert [c.text for c in draft.claims] == [f"Right breast: {same}", f"Left breast: {same}"]
    assert [c.pointers[0].ref for c in draft.claims] == ["R_CC", "L_CC"]
    before = ("prior_R_CC", "A mass in the right breast.")
    assert script.seen == {"R_CC": before, "R_MLO": (None, None), "L_CC": (None, None)}
    assert BiovilAuthor(script).name == "tiny (weights abababababab)"


def test_a_prior_without_a_report_is_shown_alone():
    script = Scripted({})
    drafted(script)
    assert script.seen["R_CC"] == ("prior_R_CC", None)


def test_a_writer_of_chest_reports_is_no_writer_about_mammograms(tmp_path):
    pytest.importorskip("transformers")
    chest = load_report_model(write_tiny_report(tmp_path, Pictures.CHEST))
    with pytest.raises(InputError, match="mammoscribe draft"):
        BiovilAuthor(chest)
