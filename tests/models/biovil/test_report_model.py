"""A folder of a report writer: pictures with and without what came before, one by one as together; claims about breasts."""

from dataclasses import replace
from itertools import pairwise
from types import SimpleNamespace

import numpy as np
import pytest

from mammoscribe.data.arrays import exam_of_arrays
from mammoscribe.domain.evidence import Evidence, EvidenceKind, Writer
from mammoscribe.domain.view import Laterality
from mammoscribe.models.biovil.report_claims import claims_of, draft_claims
from mammoscribe.models.biovil.report_model import AT_ONCE, Pictures, WrittenReport, load_report_model
from mammoscribe.support.errors import InputError
from tests.models.tiny_joint import picture
from tests.models.tiny_report import write_tiny_report
from tests.nouns import make_exam

pytest.importorskip("transformers")


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return load_report_model(write_tiny_report(tmp_path_factory.mktemp("writer"), Pictures.MAMMOGRAM))


def test_pictures_together_are_written_about_as_each_alone(model):
    images = [picture(n) for n in range(AT_ONCE + 2)]
    priors = [picture(50 + n) if n % 3 == 0 else None for n in range(len(images))]
    said = ["a new mass." if n % 4 == 0 else None for n in range(len(images))]
    together = model.write(images, priors, said)
    alone = [model.write([i], [p], [t])[0] for i, p, t in zip(images, priors, said, strict=True)]
    assert together == alone and len({w.text for w in together}) > 1


def test_what_came_before_changes_what_is_written(model):
    drafts = [model._look([picture(1)], [prior]).patches for prior in (None, picture(2), picture(3))]
    assert all(not np.allclose(a, b, atol=1e-3) for a, b in pairwise(drafts))


def test_air_is_not_looked_at(model):
    shown = np.zeros((64, 64), bool)
    shown[:32] = True
    looked = model._look([replace(picture(1), shown=shown), picture(2)], [None, None])
    assert looked.shown.tolist() == [[True, True, False, False], [True] * 4]


def test_numbers_that_do_not_fit_are_refused(model):
    with pytest.raises(InputError, match="one each"):
        model.write([picture(1)], [None, None])


def views():
    exam = make_exam()
    right = next(v for v in exam.current if v.laterality is Laterality.RIGHT)
    return right, next(v for v in exam.current if v.laterality is Laterality.LEFT)


def test_a_sentence_that_names_no_breast_is_about_that_of_its_view():
    right, left = views()
    text = "There is an oval mass. No mass in the left breast. The breasts are dense."
    for view, heading in ((right, "Right breast: "), (left, "Left breast: ")):
        claims = list(claims_of(text, view))
        assert [c.text for c in claims] == [
            f"{heading}There is an oval mass.", "No mass in the left breast.", "The breasts are dense."
        ]  # fmt: skip
        assert all(c.writer is Writer.EXTERNAL for c in claims)
        assert {c.pointers for c in claims} == {(Evidence(EvidenceKind.VIEW, view.id),)}
    assert not list(claims_of("", right)) and not list(claims_of(". !", right))


class Scripted:
    """Writes what it is told to about each view, and remembers what it saw."""

    def __init__(self, texts: dict[str, str]) -> None:
        self.texts, self.card, self.seen = texts, SimpleNamespace(pictures=Pictures.MAMMOGRAM, name="x"), {}

    def fit(self, pixels, name: str) -> str:
        return str(pixels)

    def write(self, images, priors, prior_reports, limits):
        self.seen = {i: (p, said) for i, p, said in zip(images, priors, prior_reports, strict=True)}
        return [WrittenReport(self.texts.get(image, ""), False) for image in images]


def test_each_view_is_written_about_with_its_prior_and_nothing_is_claimed_twice():
    grey = np.random.default_rng(0).random((40, 30)).astype(np.float32)
    names = ("RCC", "RMLO", "LCC")
    exam = exam_of_arrays(dict.fromkeys(names, grey), priors={"RCC": grey}).exam
    same = "An oval mass is seen."
    script = Scripted({"R_CC": same, "R_MLO": same, "L_CC": same})
    claims = draft_claims(script, exam, lambda view: view.id, {Laterality.RIGHT: "before", Laterality.LEFT: "unused"})
    assert [c.text for c in claims] == [f"Right breast: {same}", f"Left breast: {same}"]
    assert [c.pointers[0].ref for c in claims] == ["R_CC", "L_CC"]
    assert script.seen == {"R_CC": ("prior_R_CC", "before"), "R_MLO": (None, None), "L_CC": (None, None)}


def test_a_writer_of_chest_reports_makes_no_claims_about_a_mammogram(tmp_path):
    chest = load_report_model(write_tiny_report(tmp_path, Pictures.CHEST))
    with pytest.raises(InputError, match="mammoscribe draft"):
        draft_claims(chest, make_exam(), lambda view: pytest.fail("decoded"))
