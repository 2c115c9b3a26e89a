"""Items of a probe: what the card says a label means, lists that name all that is there, breasts, shares of the labels."""

import datetime as dt
from dataclasses import replace

import numpy as np
import pytest

from mammoscribe.data.datasets.iu_xray import IU_XRAY
from mammoscribe.data.datasets.mendeley import KAGGLE_CXR, MENDELEY_OCT
from mammoscribe.data.datasets.mimic_cxr import MIMIC_CXR_JPG
from mammoscribe.data.datasets.phantom import PHANTOM
from mammoscribe.data.datasets.rsna import RSNA
from mammoscribe.data.prepared.dataset import StoredPicture, StoredRecord
from mammoscribe.data.records import ImageText, ListedImage, ListedView, MammoExam, Region, TextDocument
from mammoscribe.data.splits import SplitRule, by_hash
from mammoscribe.data.supervision import Question, Supervision, Teaching
from mammoscribe.domain.finding import FindingType
from mammoscribe.domain.view import Box, Laterality, Projection
from mammoscribe.imaging.placement import Placement
from mammoscribe.support.errors import InputError
from mammoscribe.training.probes.items import ProbeItem, in_share, items_of, with_absent

BOX = Box(0, 0, 1, 1)


def stored(record, pictures: int | None = None) -> StoredRecord:
    """A record with its pictures, of which nothing but the number matters here."""
    place = Placement(4, 4, False, 1.0, 1.0, 0.0, 0.0, 4, 4)
    number = len(record.images) if pictures is None else pictures
    made = tuple(StoredPicture(f"{n}.png", np.zeros((4, 4), np.uint8), place, (), image=n) for n in range(number))
    return StoredRecord(record, made)


def study(**labels: str) -> StoredRecord:
    return stored(ImageText("s", "p", (ListedImage("a.png", "PA"), ListedImage("b.png", "LATERAL")), labels=labels))


def exam(breasts=None, regions=(), labels=None, prior: str | None = None, view_labels=None) -> MammoExam:
    views = (
        ListedView("r.png", Laterality.RIGHT, Projection.CC, regions=regions, labels=view_labels or {}),
        ListedView("l.png", Laterality.LEFT, Projection.CC), ListedView("m.png", Laterality.RIGHT, Projection.MLO),
    )  # fmt: skip
    return MammoExam("e", "p", views, dt.date(2020, 1, 1), breasts=breasts or {}, labels=labels or {}, prior_id=prior)


def only(found) -> ProbeItem:
    (item,) = found
    return item


def test_a_study_is_one_item_with_all_its_pictures():
    item = only(items_of(study(chexpert_edema="1"), MIMIC_CXR_JPG.supervision))
    assert (item.id, item.patient, item.pictures, dict(item.present)) == ("s", "p", (0, 1), {"edema": 1})


def test_the_radiologist_goes_before_the_labeller_and_unsure_is_unknown():
    labels = {"radiologist_edema": "0", "chexpert_edema": "1", "chexpert_pneumonia": "-1", "chexpert_fracture": "1"}
    item = only(items_of(study(**labels), MIMIC_CXR_JPG.supervision))
    assert dict(item.present) == {"edema": 0, "fracture": 1}


@pytest.mark.parametrize(
    ("dataset", "labels", "expected"),
    [
        (KAGGLE_CXR, {"class": "PNEUMONIA", "cause": "virus"}, {"pneumonia": 1, "bacterial": 0}),
        (KAGGLE_CXR, {"class": "NORMAL"}, {"pneumonia": 0}),
        (MENDELEY_OCT, {"class": "DME"}, {"cnv": 0, "dme": 1, "drusen": 0}),
        (MENDELEY_OCT, {"class": "NORMAL"}, {"cnv": 0, "dme": 0, "drusen": 0}),
        (MENDELEY_OCT, {"class": "else"}, {}),
    ],
)
def test_classes_are_what_the_card_makes_of_the_values(dataset, labels, expected):
    assert dict(only(items_of(study(**labels), dataset.supervision)).present) == expected


def test_a_list_names_all_that_is_there_so_that_other_classes_are_absent_and_an_uncoded_study_is_unknown():
    said = ("Opacity|Edema", "normal", "No Indexing", "", "Edema", "normal", "Rarity")
    items = with_absent([only(items_of(study(problems=s), IU_XRAY.supervision)) for s in said])
    found = [dict(item.present) for item in items]
    assert found[0] == {"Edema": 1, "normal": 0}  # Opacity is named once, and is no class
    assert found[1] == {"Edema": 0, "normal": 1}
    assert found[2] == found[3] == {}
    assert found[6] == {"Edema": 0, "normal": 0}


def test_a_breast_is_an_item_with_its_own_views_and_labels():
    breasts = {Laterality.RIGHT: {"cancer": "1", "density": "c", "birads": "0"}, Laterality.LEFT: {"cancer": "0"}}
    right, left = items_of(stored(exam(breasts)), RSNA.supervision)
    assert (right.id, right.pictures, left.id, left.pictures) == ("e-R", (0, 2), "e-L", (1,))
    assert dict(right.present) == {"malignant": 1, "dense": 1, "recall": 1}
    assert dict(left.present) == {"malignant": 0}


def test_a_label_of_the_exam_counts_where_one_breast_was_imaged_only():
    supervision = Supervision((Teaching("cancer", "exam", Question.MALIGNANT),))
    whole = exam(labels={"cancer": "1"})
    assert all(not item.present for item in items_of(stored(whole), supervision))
    one = replace(whole, images=(whole.images[0],))
    assert dict(only(items_of(stored(one), supervision)).present) == {"malignant": 1}


def test_kinds_are_classes_where_all_their_boxes_are_there_and_one_that_may_be_there_without_a_box_is_unknown():
    supervision = replace(PHANTOM.supervision, boxed_kinds=(FindingType.MASS, FindingType.ASYMMETRY))
    region = Region(BOX, {"kind": "mass", "malignant": "1"})
    right, left = items_of(stored(exam(regions=(region,), view_labels={"unplaced": "mass|asymmetry"})), supervision)
    assert dict(right.present) == {"mass": 1, "malignant lesion": 1}
    assert dict(left.present) == {"mass": 0, "asymmetry": 0}
    assert not only(items_of(study(), supervision)).present


def test_the_change_that_matters_most_is_taken_and_none_without_a_prior():
    regions = tuple(Region(BOX, {"kind": "mass", "change": c}) for c in ("stable", "decreased", "new"))
    right, left = items_of(stored(exam(regions=regions, prior="earlier")), PHANTOM.supervision)
    assert (dict(right.changes), dict(left.changes)) == ({"mass": 2}, {})
    better, _ = items_of(stored(exam(regions=regions[:2], prior="earlier")), PHANTOM.supervision)
    assert dict(better.changes) == {"mass": 0}
    alone, _ = items_of(stored(exam(regions=regions)), PHANTOM.supervision)
    assert not alone.changes


def test_a_record_whose_pictures_could_not_be_prepared_is_no_item_and_a_text_is_refused():
    assert list(items_of(stored(study().record, pictures=0), MIMIC_CXR_JPG.supervision)) == []
    with pytest.raises(InputError, match="d is a text-document"):
        list(items_of(StoredRecord(TextDocument("d", "words"), ()), MIMIC_CXR_JPG.supervision))


def test_a_smaller_share_of_the_patients_is_a_part_of_the_larger_one():
    patients = [f"patient {n}" for n in range(20_000)]
    one, ten, all_of_them = ({p for p in patients if in_share(p, percent)} for percent in (1, 10, 100))
    assert one < ten < all_of_them == set(patients)
    assert 150 < len(one) < 250 and 1_850 < len(ten) < 2_150


def test_a_share_is_taken_evenly_of_every_split_by_hash():
    patients = [f"patient {n}" for n in range(20_000)]
    for split in ("train", "val", "test"):
        own = [p for p in patients if by_hash(p, SplitRule()) == split]
        assert 0.07 < np.mean([in_share(p, 10) for p in own]) < 0.13
