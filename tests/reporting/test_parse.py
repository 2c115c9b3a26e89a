"""The report parser on free text: negation, doubt, sides, descriptors, places, categories, densities."""

import pytest

from mammoscribe.domain.finding import Change
from mammoscribe.domain.lexicon import Axis, terms_of
from mammoscribe.domain.location import Depth, Half, Quadrant, Region
from mammoscribe.domain.view import Laterality, Projection
from mammoscribe.reporting.facts import FactKind, Status
from mammoscribe.reporting.parse import parse_claim, parse_report
from mammoscribe.reporting.phrases import word_of

R, L = Laterality.RIGHT, Laterality.LEFT


def only(text: str):
    facts = parse_claim(text).facts
    assert len(facts) == 1, facts
    return facts[0]


@pytest.mark.parametrize(
    ("text", "category"),
    [
        ("BIRADS-4a", "4A"),
        ("BI-RADS category 4 A", "4A"),
        ("BI-RADS: 4(b)", "4B"),
        ("Bi-Rads IV", "4"),
        ("BIRADS IVc", "4C"),
        ("ACR BI-RADS® category 5", "5"),
        ("BI RADS score of 2.", "2"),
        ("BI-RADS assessment category: 0", "0"),
        ("BIRADS 3, 4b", "4B"),
        ("(BIRADS 4c) resulting in retraction", "4C"),
        ("Final assessment category 6", "6"),
        ("BI-RADS VI", "6"),
        ("BIRADS 2 a cyst", "2"),
        ("BI-RADS 3, 5 mm", "3"),
    ],
)
def test_a_category_is_read_in_every_spelling(text, category):
    assert parse_report(text).birads_overall == category


@pytest.mark.parametrize(
    ("text", "letter"),
    [
        ("ACR B", "b"),
        ("(ACR-C).", "c"),
        ("ACR type d", "d"),
        ("ACR density category A", "a"),
        ("BI-RADS density c", "c"),
        ("Breast density: D", "d"),
        ("type b parenchyma", "b"),
        ("ACR III", "c"),
        ("The breasts are heterogeneously dense.", "c"),
        ("Almost entirely fatty breasts.", "a"),
        ("Scattered fibroglandular densities.", "b"),
        ("Breast tissue is extremely dense", "d"),
    ],
)
def test_a_density_is_read_in_every_spelling(text, letter):
    assert parse_report(text).density_overall == letter


def test_a_density_is_no_category_and_a_category_no_density():
    assert parse_report("BI-RADS density c").birads_overall is None
    assert parse_report("BI-RADS 3").density_overall is None
    assert parse_report("A high density mass in the right breast.").density_overall is None


def test_the_most_severe_of_several_categories_stands_for_the_report():
    report = parse_report("Right breast: BI-RADS 2.\nLeft breast: BI-RADS 4b.")
    assert report.birads == {R: "2", L: "4B"}
    assert report.birads_overall == "4B"


@pytest.mark.parametrize(
    ("text", "status"),
    [
        ("Mass in the right breast.", Status.POSITIVE),
        ("No mass in the right breast.", Status.NEGATIVE),
        ("There is no evidence of a mass in the right breast.", Status.NEGATIVE),
        ("A mass is not seen in the right breast.", Status.NEGATIVE),
        ("Right breast without mass.", Status.NEGATIVE),
        ("Neither breast shows a mass.", Status.NEGATIVE),
        ("Possible mass in the right breast.", Status.UNCERTAIN),
        ("A mass in the right breast cannot be excluded.", Status.UNCERTAIN),
        ("Cannot exclude a mass in the right breast.", Status.UNCERTAIN),
        ("This may represent a mass in the right breast.", Status.UNCERTAIN),
        ("A mass may be present in the right breast.", Status.UNCERTAIN),
        ("In the right breast a mass is probably present.", Status.UNCERTAIN),
    ],
)
def test_status_follows_the_words_of_negation_and_doubt(text, status):
    assert {f.status for f in parse_claim(text).facts} == {status}


@pytest.mark.parametrize(
    "text",
    [
        "There is no absence of a mass in the right breast.",
        "Not without a mass in the right breast.",
        "No mass is not seen in the right breast.",
        "No possible mass in the right breast.",
        "The mass is not spiculated.",
        "The right breast is not BI-RADS 4.",
    ],
)
def test_a_double_or_aimless_negation_is_left_unread(text):
    parsed = parse_claim(text)
    assert parsed.facts == ()
    assert parsed.unread


def test_negation_ends_at_but():
    facts = parse_claim("No mass, but grouped calcifications in the left breast.").facts
    assert {(f.kind, f.status) for f in facts} == {
        (FactKind.MASS, Status.NEGATIVE),
        (FactKind.CALCIFICATION, Status.POSITIVE),
    }


def test_a_negated_list_negates_every_member():
    facts = parse_claim("No mass, calcification or architectural distortion in either breast.").facts
    assert len(facts) == 6
    assert {f.status for f in facts} == {Status.NEGATIVE}


def test_not_only_is_no_negation():
    facts = parse_claim("Not only a mass but also calcifications in the left breast.").facts
    assert {f.status for f in facts} == {Status.POSITIVE}


def test_a_doubt_without_a_subject_is_unread():
    assert parse_claim("Mass in the right breast, possibly spiculated.").unread == ("possibly",)


def test_each_finding_of_a_sentence_keeps_its_own_side():
    facts = parse_claim("Oval mass in the right breast and grouped calcifications in the left breast.").facts
    assert {(f.kind, f.laterality) for f in facts} == {(FactKind.MASS, R), (FactKind.CALCIFICATION, L)}
    facts = parse_claim("Right breast: oval mass; left breast: grouped calcifications.").facts
    assert {(f.kind, f.laterality) for f in facts} == {(FactKind.MASS, R), (FactKind.CALCIFICATION, L)}


def test_a_heading_gives_its_side_to_the_lines_below_it():
    report = parse_report(
        "FINDINGS:\nRight breast:\nOval mass. No calcification.\nLeft breast:\nNo mass.\nIMPRESSION:\nBI-RADS 3."
    )
    assert [(f.kind, f.laterality) for f in report.facts] == [
        (FactKind.MASS, R),
        (FactKind.CALCIFICATION, R),
        (FactKind.MASS, L),
        (FactKind.BIRADS, None),
    ]


def test_a_side_at_the_start_of_a_line_holds_to_its_end():
    report = parse_report("Left breast: Oval mass. Skin thickening.\nCalcifications.")
    assert [f.laterality for f in report.facts] == [L, L, None]


def test_a_wrapped_sentence_is_put_together_again():
    text = "A small well defined oval opacity which is seen in the upper outer quadrant of\nthe right breast."
    assert only_report(text).laterality is R


def only_report(text: str):
    facts = parse_report(text).facts
    assert len(facts) == 1
    return facts[0]


@pytest.mark.parametrize(
    "term", terms_of(Axis.SHAPE) + terms_of(Axis.MARGIN) + terms_of(Axis.DENSITY), ids=lambda t: t.id
)
def test_every_mass_descriptor_is_read(term):
    assert only(f"Right breast: {word_of(term.id)} mass.").descriptors == {term.id}


@pytest.mark.parametrize("term", terms_of(Axis.MORPHOLOGY) + terms_of(Axis.DISTRIBUTION), ids=lambda t: t.id)
def test_every_calcification_descriptor_is_read(term):
    assert only(f"Right breast: {word_of(term.id)} calcifications.").descriptors == {term.id}


@pytest.mark.parametrize("term", terms_of(Axis.ASSOCIATED), ids=lambda t: t.id)
def test_every_associated_feature_is_read(term):
    assert only(f"Right breast: mass with associated {term.label}.").descriptors == {term.id}


@pytest.mark.parametrize(
    ("text", "term_id"),
    [
        ("well-defined mass", "margin.circumscribed"),
        ("ill defined opacity", "margin.indistinct"),
        ("stellate nodule", "margin.spiculated"),
        ("isodense mass", "density.equal"),
        ("popcorn-like calcifications", "morphology.coarse"),
        ("clustered microcalcifications", "distribution.grouped"),
        ("pleomorphic calcifications", "morphology.fine_pleomorphic"),
        ("milk of calcium calcifications", "morphology.layering"),
        ("eggshell calcification", "morphology.rim"),
        ("focal asymmetric density", "asymmetry.focal"),
    ],
)
def test_synonyms_are_read(text, term_id):
    assert only(f"Right breast: {text}.").descriptors == {term_id}


def test_places_sizes_views_and_change_are_read():
    fact = only(
        "R: oval mass, superolateral quadrant, 11 o'clock, posterior third, 1.4 x 0.9 cm, CC and MLO, enlarged."
    )
    assert (fact.location.quadrant, fact.location.clock) == (Quadrant.UPPER_OUTER, 11)
    assert fact.location.depth is Depth.POSTERIOR
    assert fact.size_mm == 14
    assert fact.views == set(Projection)
    assert fact.change is Change.INCREASED
    fact = only("Left breast: mass in the outer half, subareolar region.")
    assert (fact.location.half, fact.location.region) == (Half.OUTER, Region.RETROAREOLAR)


def test_contradicting_places_are_not_both_believed():
    parsed = parse_claim("Right breast: mass in the upper outer quadrant, lower inner quadrant.")
    assert parsed.facts[0].location.quadrant is Quadrant.UPPER_OUTER
    assert parsed.unread == ("lower inner", "quadrant")


def test_change_words_need_no_finding_to_be_read():
    fact = only("No significant change since the prior exam in the left breast.")
    assert (fact.kind, fact.change, fact.laterality) == (FactKind.CHANGE, Change.STABLE, L)


def test_unknown_words_and_judgements_are_reported():
    assert parse_claim("Right breast: oval mass with liver metastases.").unread == ("liver", "metastases")
    assert parse_claim("Malignant mass in the right breast.").unread == ("malignant",)
    assert parse_claim("No malignant mass in the right breast.").unread == ()
    assert parse_claim("Right breast: BI-RADS 5, benign.").unread == ("benign",)


@pytest.mark.parametrize(
    ("text", "denied"),
    [
        ("Skin and nipple - no abnormality", {"skin_thickening", "skin_retraction", "nipple_retraction"}),
        ("Skin, nipple, and pectoral muscle appear normal.", {"skin_thickening", "skin_retraction", "nipple_retraction"}),
        ("No abnormality of the nipple.", {"nipple_retraction"}),
        ("Axilla: no abnormality.", {"axillary_adenopathy"}),
        ("The axillae are unremarkable.", {"axillary_adenopathy"}),
        ("No significant axillary nodes seen.", {"axillary_adenopathy"}),
        ("Oval mass in the left breast (BIRADS 3) skin and nipple appear normal", {"skin_thickening", "skin_retraction", "nipple_retraction"}),
    ],
)  # fmt: skip
def test_a_denial_about_a_named_structure_denies_its_features_and_no_finding(text, denied):
    negative = [f for f in parse_report(text).facts if f.status is Status.NEGATIVE]
    assert {f.kind for f in negative} == {FactKind.ASSOCIATED}
    assert {d for f in negative for d in f.descriptors} == {f"associated.{d}" for d in denied}


def test_a_denial_about_a_region_keeps_its_region():
    fact = only("No abnormality in the retroareolar region of the right breast.")
    assert (fact.kind, fact.status, fact.location.region) == (
        FactKind.ANY_FINDING,
        Status.NEGATIVE,
        Region.RETROAREOLAR,
    )


@pytest.mark.parametrize(
    "text",
    [
        "Axillary nodes seen.",
        "Benign-looking axillary node.",
        "Benign intramammary lymph node in the upper outer left breast.",
        "Lymph node with fatty hilum.",
        "A tiny skin lesion adjacent to the nipple.",
        "No other abnormality.",
        "No other mass.",
        "No mass elsewhere in the left breast.",
        "Rest of the breast is normal.",
        "Otherwise unremarkable.",
        "Pectoral muscle appears normal.",
        "Nipple is not seen.",
        "Heart size is normal.",
        "Dense parenchyma, which lowers the sensitivity of mammography and may obscure small lesions.",
        "Small masses may be obscured by dense tissue.",
        "Dense tissue limits detection of small masses.",
        "History of calcifications.",
    ],
)
def test_what_is_no_finding_and_no_denial_of_one_gives_no_fact(text):
    assert parse_report(text).facts == ()


@pytest.mark.parametrize(
    ("text", "side"), [("The left breast is normal.", L), ("R: Negative", R), ("Unremarkable mammogram.", None)]
)
def test_a_normal_breast_has_no_finding(text, side):
    (fact,) = parse_report(text).facts
    assert (fact.kind, fact.status, fact.laterality) == (FactKind.ANY_FINDING, Status.NEGATIVE, side)


@pytest.mark.parametrize(
    ("text", "kind", "descriptors"),
    [
        ("Opacity with few small spicules.", FactKind.MASS, {"margin.spiculated"}),
        ("Few well-defined hypodense lesions suggest benign lesions.", FactKind.MASS, {"margin.circumscribed", "density.low"}),
        ("No abnormal solid lesion.", FactKind.MASS, set()),
        ("Soft nodular opacity seems to be a low suspicious lesion.", FactKind.MASS, set()),
        ("Clusters of microcalcifications in inner and outer quadrants.", FactKind.CALCIFICATION, {"distribution.grouped"}),
        ("Few punctate discrete foci of calcification.", FactKind.CALCIFICATION, {"morphology.punctate"}),
        ("Popcorn and rim calcifications.", FactKind.CALCIFICATION, {"morphology.coarse", "morphology.rim"}),
        ("An area of architectural distortion.", FactKind.DISTORTION, set()),
        ("Asymetric density.", FactKind.ASYMMETRY, set()),
        ("Multiple enlarged dense axillary nodes.", FactKind.ASSOCIATED, {"associated.axillary_adenopathy"}),
    ],
)  # fmt: skip
def test_everyday_wordings_of_people_are_read(text, kind, descriptors):
    fact = only(text)
    assert (fact.kind, fact.descriptors) == (kind, descriptors)


def test_a_list_of_denials_with_areas_and_other_signs_is_read():
    facts = parse_claim("No dominant mass, calcifications, areas of distortion or other sign of malignancy.").facts
    assert {(f.kind, f.status) for f in facts} == {
        (FactKind.MASS, Status.NEGATIVE),
        (FactKind.CALCIFICATION, Status.NEGATIVE),
        (FactKind.DISTORTION, Status.NEGATIVE),
    }


def test_a_lesion_that_words_a_finding_is_not_another_one():
    assert only("An irregular opacity suggests a highly suspicious malignant lesion.").kind is FactKind.MASS
    assert only("Skin retraction suggests a malignant lesion.").kind is FactKind.ASSOCIATED
    assert only("No findings suggestive of malignancy in the right breast.").status is Status.NEGATIVE
    assert only("Findings suggest a mass in the right breast.").status is Status.UNCERTAIN


def test_skin_and_nipple_retraction_are_two_features():
    fact = only("Spiculated mass causing overlying skin and nipple retraction.")
    assert fact.descriptors == {"margin.spiculated", "associated.skin_retraction", "associated.nipple_retraction"}


def test_a_category_with_a_roman_number_or_a_hyphen_is_read():
    assert parse_report("BIRADS IVa").birads_overall == "4A"
    assert parse_report("category-3").birads_overall == "3"


@pytest.mark.parametrize(
    ("text", "feature"),
    [
        ("The skin of the right breast is thickened.", "associated.skin_thickening"),
        ("The nipple of the right breast appears retracted.", "associated.nipple_retraction"),
    ],
)
def test_a_feature_is_read_where_the_breast_stands_between_its_two_words(text, feature):
    fact = only(text)
    assert (fact.status, fact.laterality, fact.descriptors) == (Status.POSITIVE, R, {feature})
    assert parse_claim(text).unread == ()


@pytest.mark.parametrize(
    "text", ["", "   ", "...", "\x00\ufffd", "Lorem ipsum dolor.", "1" * 500, "(" * 300, "no " * 300]
)
def test_nonsense_gives_no_facts_and_no_error(text):
    assert parse_report(text).facts == ()
