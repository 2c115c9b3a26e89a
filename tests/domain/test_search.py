"""What was looked for: per view and kind, with a reason for what was not."""

import pytest

from mammoscribe.domain.exam import SetAside
from mammoscribe.domain.finding import FindingType
from mammoscribe.domain.search import Search, ViewSearch, everything_searched, gap_words
from mammoscribe.support.errors import InvalidNoun
from tests.nouns import CC, MLO, L, R, make_exam, make_view

CALC, MASS = FindingType.CALCIFICATION, FindingType.MASS
COARSE = (CALC, "pixels of 0.2 mm are too coarse")


def searched(exam, **skipped):
    return Search(exam, tuple(ViewSearch(v.id, skipped.get(v.id, ())) for v in exam.current))


def test_a_view_is_searched_for_every_kind_that_was_not_skipped():
    view = ViewSearch("R_CC", (COARSE,))
    assert CALC not in view.kinds and MASS in view.kinds
    assert view.reason(CALC) == COARSE[1] and view.reason(MASS) is None


@pytest.mark.parametrize(
    ("skipped", "message"), [((COARSE, COARSE), "names a kind of finding twice"), (((CALC, " "),), "skips a kind")]
)
def test_a_contradictory_search_cannot_be_built(skipped, message):
    with pytest.raises(InvalidNoun, match=message):
        ViewSearch("R_CC", skipped)


@pytest.mark.parametrize("views", [(), (ViewSearch("R_CC"), ViewSearch("R_CC")), (ViewSearch("prior_R_CC"),)])
def test_a_search_has_one_entry_for_each_current_view(views):
    with pytest.raises(InvalidNoun, match="one entry for each"):
        Search(make_exam(prior=True), views)


def test_only_views_that_were_searched_for_a_kind_can_be_cited_for_it():
    search = searched(make_exam(), R_CC=(COARSE,))
    assert [v.id for v in search.views_searched(R, (CALC,))] == ["R_MLO"]
    assert [v.id for v in search.views_searched(R, (MASS,))] == ["R_CC", "R_MLO"]
    assert not search.complete(R) and search.complete(L)


def test_a_missing_projection_is_a_gap_with_the_reason_of_the_file_set_aside():
    spot = SetAside("spot.dcm", "a magnification view", R, MLO)
    search = everything_searched(make_exam(views=(make_view(R, CC), make_view(L, CC)), set_aside=(spot,)))
    assert gap_words(search.gaps(R)) == ("no right MLO was read (set aside: a magnification view)",)
    assert gap_words(search.gaps(L)) == ("no left MLO was read (not in this exam)",)


def test_gaps_of_one_kind_and_reason_are_one_phrase():
    search = searched(make_exam(), R_CC=(COARSE,), R_MLO=(COARSE,))
    words = "calcifications were not searched for on right CC and right MLO (pixels of 0.2 mm are too coarse)"
    assert gap_words(search.gaps(R)) == (words,)
    assert search.kinds_searched(R) == tuple(k for k in FindingType if k is not CALC)


def test_kinds_left_out_of_the_same_views_for_one_reason_are_one_phrase():
    unsure = [(kind, "not found reliably") for kind in (FindingType.DISTORTION, FindingType.ASYMMETRY)]
    search = searched(make_exam(), R_CC=(COARSE, *unsure), R_MLO=tuple(unsure))
    assert gap_words(search.gaps(R)) == (
        "calcifications were not searched for on right CC (pixels of 0.2 mm are too coarse)",
        "architectural distortions and asymmetries were not searched for on right CC and right MLO (not found reliably)",
    )
