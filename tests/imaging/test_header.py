"""Mammography headers: view, laterality, identity, and what is refused."""

import datetime as dt
from pathlib import Path
from typing import Any

import pytest
from pydicom import Dataset, dcmread
from pydicom.sequence import Sequence

from mammoscribe.domain.view import Laterality, Projection, SpacingSource
from mammoscribe.imaging.header import ViewHeader, read_header
from mammoscribe.support.errors import InputError, NotAMammogram
from tests.imaging.drawn import TOMO, coded, mammogram, recompressed, saved

R, L, CC, MLO = Laterality.RIGHT, Laterality.LEFT, Projection.CC, Projection.MLO


def header_of(tmp_path: Path, **elements: Any) -> ViewHeader:
    return read_header(saved(mammogram(**elements), tmp_path / "a.dcm"))


def view_code(value: str, scheme: str = "SCT", modifier: str = "") -> Sequence:
    item = coded(value, scheme)
    if modifier:
        item.ViewModifierCodeSequence = Sequence([coded(modifier)])
    return Sequence([item])


def test_a_complete_header_is_read(tmp_path: Path) -> None:
    header = header_of(tmp_path, Manufacturer="Maker", AcquisitionDate="20200103")
    assert (header.laterality, header.projection) == (R, CC)
    assert (header.patient_id, header.exam_key) == ("P1", "2.25.1")
    assert header.date == dt.date(2020, 1, 3)
    assert (header.width_px, header.height_px) == (200, 256)
    assert (header.spacing_mm, header.spacing_source) == ((0.4, 0.4), SpacingSource.HEADER)
    assert header.manufacturer == "Maker"
    assert (header.conflicts, header.warnings) == ((), ())


@pytest.mark.parametrize(
    ("value", "scheme", "projection"),
    [("399162004", "SCT", CC), ("R-10242", "SRT", CC), ("399368009", "SCT", MLO), ("R-10226", "SRT", MLO)],
)
def test_the_view_is_known_by_its_code_value(value: str, scheme: str, projection: Projection, tmp_path: Path) -> None:
    assert header_of(tmp_path, ViewCodeSequence=view_code(value, scheme)).projection is projection


def test_view_position_is_the_fallback_of_the_view_code(tmp_path: Path) -> None:
    assert header_of(tmp_path, ViewCodeSequence=None, ViewPosition="MLO").projection is MLO


@pytest.mark.parametrize(
    ("orientation", "laterality", "projection"),
    [(["P", "L"], R, CC), (["A", "R"], L, CC), (["P", "FL"], R, MLO), (["A", "FR"], L, MLO)],
)
def test_patient_orientation_is_the_last_fallback(
    orientation: list[str], laterality: Laterality, projection: Projection, tmp_path: Path
) -> None:
    header = header_of(tmp_path, ViewCodeSequence=None, ImageLaterality=None, PatientOrientation=orientation)
    assert (header.laterality, header.projection) == (laterality, projection)


def test_laterality_falls_back_in_order(tmp_path: Path) -> None:
    assert header_of(tmp_path, ImageLaterality=None, Laterality="L").laterality is L
    shared, anatomy = Dataset(), Dataset()
    anatomy.FrameLaterality = "L"
    shared.FrameAnatomySequence = Sequence([anatomy])
    frames = Sequence([shared])
    assert header_of(tmp_path, ImageLaterality=None, SharedFunctionalGroupsSequence=frames).laterality is L


@pytest.mark.parametrize(
    ("text", "side"),
    [("RT", R), ("Rt.", R), ("right breast", R), ("LT", L), ("Left", L), ("izquierda", L), ("Direita", R), ("l", L)],
)
def test_a_side_is_read_in_any_spelling(text: str, side: Laterality, tmp_path: Path) -> None:
    header = header_of(tmp_path, ImageLaterality=text, PatientOrientation=None)
    assert (header.laterality, header.warnings) == (side, ())


@pytest.mark.parametrize("text", ["LT", "left breast", "L\\L "])
def test_a_side_in_other_words_is_not_overruled_by_the_hanging(text: str, tmp_path: Path) -> None:
    header = header_of(
        tmp_path, ImageLaterality=text.split("\\"), ViewCodeSequence=None, PatientOrientation=["P", "FL"]
    )
    assert header.laterality is None and "Patient Orientation says R" in header.conflicts[0]


@pytest.mark.parametrize("value", ["B", "both", ["R", "L"], ["L", "R"]])
def test_both_breasts_are_a_conflict(value: Any, tmp_path: Path) -> None:
    header = header_of(tmp_path, ImageLaterality=value)
    assert header.laterality is None and "B, both breasts" in header.conflicts[0]


def test_a_side_that_is_not_understood_is_told(tmp_path: Path) -> None:
    header = header_of(tmp_path, ImageLaterality="X7", ViewCodeSequence=None, PatientOrientation=["P", "FL"])
    assert header.laterality is R and header.warnings[0] == "Image Laterality 'X7' is not understood"


@pytest.mark.parametrize("value", ["U", "unpaired", "", " "])
def test_an_unpaired_organ_is_as_good_as_silence(value: str, tmp_path: Path) -> None:
    header = header_of(tmp_path, ImageLaterality=value, Laterality="L")
    assert header.laterality is L and header.warnings == ()


@pytest.mark.parametrize(
    ("text", "projection"),
    [
        ("mlo", MLO), ("RMLO", MLO), ("R MLO", MLO), ("Right MLO", MLO), ("OML", MLO), ("medio-lateral oblique", MLO),
        ("RCC", CC), ("R-CC", CC), ("Cranio-Caudal", CC), ("craniocaudal", CC), ("R_CC", CC),
    ],
)  # fmt: skip
def test_a_view_position_is_read_in_any_spelling(text: str, projection: Projection, tmp_path: Path) -> None:
    header = header_of(tmp_path, ViewCodeSequence=None, ViewPosition=text, PatientOrientation=None)
    assert (header.laterality, header.projection, header.conflicts, header.warnings) == (R, projection, (), ())


def test_the_side_in_a_view_position_is_held_against_the_laterality(tmp_path: Path) -> None:
    assert header_of(tmp_path, ImageLaterality=None, ViewCodeSequence=None, ViewPosition="LCC").laterality is L
    header = header_of(tmp_path, ViewCodeSequence=None, ViewPosition="LMLO")
    assert header.conflicts == ("laterality: Image Laterality says R, View Position says L",)


@pytest.mark.parametrize("text", ["MLOID", "MLO-ID", "R MLO ID", "MLO implant displaced", "MLO Eklund"])
def test_an_implant_displaced_view_position_is_one(text: str, tmp_path: Path) -> None:
    header = header_of(tmp_path, ViewCodeSequence=None, ViewPosition=text)
    assert header.projection is MLO and header.is_displaced


@pytest.mark.parametrize("text", ["AP", "MLOM", "OBL", "MLO\\CC", "CC MLO"])
def test_a_view_position_that_is_not_understood_is_never_replaced_by_the_hanging(text: str, tmp_path: Path) -> None:
    position = text.split("\\") if "\\" in text else text
    header = header_of(tmp_path, ViewCodeSequence=None, ViewPosition=position, PatientOrientation=["P", "FL"])
    assert header.projection is None
    assert header.conflicts == (f"projection: View Position says {text}, Patient Orientation says MLO",)


def test_a_view_position_that_is_not_understood_is_told_beside_a_view_code(tmp_path: Path) -> None:
    header = header_of(tmp_path, ViewPosition="AP")
    assert header.projection is CC and header.warnings == ("View Position 'AP' is not understood",)


@pytest.mark.parametrize("text", ["SPOT MLO", "R MLO MAG", "Magnification CC", "RML", "L XCCL", "medio-lateral", "LLM"])
def test_another_view_is_refused_in_any_spelling(text: str, tmp_path: Path) -> None:
    with pytest.raises(NotAMammogram, match=r"spot or magnification|view, not"):
        header_of(tmp_path, ImageLaterality=None, ViewCodeSequence=None, ViewPosition=text)


@pytest.mark.parametrize(
    ("elements", "what"),
    [
        ({"ImageType": ["DERIVED", "PRIMARY", "MAMMO", "DBT_RECON"]}, "a tomosynthesis slice"),
        ({"ImageType": ["ORIGINAL", "PRIMARY", "TOMO_PROJ", "LEFT"]}, "a tomosynthesis projection"),
        ({"SeriesDescription": "R CC spot mag"}, "a spot or magnification view"),
        ({"SeriesDescription": "RCC_MAG 1.8x"}, "a spot or magnification view"),
        ({"SeriesDescription": "R CC Magnification"}, "a spot or magnification view"),
    ],
)
def test_what_only_image_type_or_series_tells_of_is_refused(elements: dict, what: str, tmp_path: Path) -> None:
    with pytest.raises(NotAMammogram, match=what):
        header_of(tmp_path, **elements)


@pytest.mark.parametrize(
    ("elements", "generated"),
    [
        ({"ImageType": ["DERIVED", "PRIMARY", "TOMO_2D", "LEFT"]}, False),
        ({"ImageType": ["ORIGINAL", "PRIMARY", "TOMO_2D", "LEFT"]}, False),
        ({"ImageType": ["DERIVED", "PRIMARY", "TOMO", "GENERATED_2D"]}, True),
        ({"ImageType": ["DERIVED", "PRIMARY", "", "SYNTHETIC_2D"]}, True),
        ({"SeriesDescription": "R CC image of the day"}, False),
    ],
)
def test_the_2d_views_of_an_exam_with_tomosynthesis_are_views(elements: dict, generated: bool, tmp_path: Path) -> None:
    header = header_of(tmp_path, **elements)
    assert header.projection is CC and header.is_generated is generated


def test_a_header_that_says_nothing_leaves_the_view_open(tmp_path: Path) -> None:
    header = header_of(tmp_path, ViewCodeSequence=None, ImageLaterality=None)
    assert (header.laterality, header.projection) == (None, None)


def test_attributes_that_disagree_are_a_conflict_with_the_candidates(tmp_path: Path) -> None:
    header = header_of(tmp_path, Laterality="L", ViewPosition="MLO")
    assert (header.laterality, header.projection) == (None, None)
    assert header.conflicts == (
        "laterality: Image Laterality says R, Laterality says L",
        "projection: View Code Sequence says CC, View Position says MLO",
    )


def test_an_oblique_orientation_contradicts_a_wrong_laterality(tmp_path: Path) -> None:
    header = header_of(tmp_path, ViewCodeSequence=view_code("399368009"), PatientOrientation=["A", "FR"])
    assert header.conflicts == ("laterality: Image Laterality says R, Patient Orientation says L",)


@pytest.mark.parametrize(
    ("elements", "reason"),
    [
        ({"ViewCodeSequence": view_code("399162004", modifier="399055006")}, "a spot compression view"),
        ({"ViewCodeSequence": view_code("R-10242", "SRT", "R-102D6")}, "a magnification view"),
        ({"ViewCodeSequence": view_code("399162004", modifier="399110001")}, "a tangential view"),
        ({"ViewCodeSequence": view_code("399260004")}, "a medio-lateral (ML) view"),
        ({"ViewCodeSequence": view_code("127457009")}, "a tissue specimen"),
        ({"ViewCodeSequence": None, "ViewPosition": "XCCL"}, "an exaggerated (XCCL) view"),
        ({"ViewCodeSequence": None, "ViewPosition": "ML"}, "a medio-lateral (ML) view"),
        ({"EstimatedRadiographicMagnificationFactor": 1.8}, "a magnification view (factor 1.8)"),
        ({"PaddleDescription": "10CM SPOT"}, "a spot or magnification view (paddle 10CM SPOT)"),
        ({"SeriesDescription": "STEREO BIOPSY R"}, "an image of an intervention or specimen (stereo)"),
        ({"SOPClassUID": TOMO}, "a breast tomosynthesis volume"),
        ({"NumberOfFrames": 40}, "a multi-frame image (40 frames"),
        ({"SOPClassUID": "1.2.840.10008.5.1.4.1.1.2", "Modality": "CT"}, "a CT image of the breast"),
        ({"SOPClassUID": "1.2.840.10008.5.1.4.1.1.4", "Modality": "MR"}, "an MR image of the breast"),
        ({"SOPClassUID": "1.2.840.10008.5.1.4.1.1.1", "Modality": "CR"}, "a Computed Radiography image of the breast"),
        ({"BodyPartExamined": "HAND"}, "an image of the hand"),
        ({"ImageType": ["DERIVED", "PRIMARY", "", "SUBTRACTION"]}, "a subtracted contrast-enhanced image"),
    ],
)
def test_what_is_not_a_standard_view_is_refused_with_its_reason(
    elements: dict[str, object], reason: str, tmp_path: Path
) -> None:
    with pytest.raises(NotAMammogram) as caught:
        header_of(tmp_path, **elements)
    assert f"a.dcm is {reason}" in str(caught.value)
    assert caught.value.expected == "a CC or MLO view of a breast"


@pytest.mark.parametrize(
    ("elements", "reason"),
    [
        (
            {"SOPClassUID": "1.2.840.10008.5.1.4.1.1.88.67", "Modality": "SR", "Rows": None},
            "an X-Ray Radiation Dose SR document",
        ),
        ({"SOPClassUID": None, "Modality": None, "Rows": None}, "a DICOM object without an image"),
        ({"SOPClassUID": "1.2.3.4", "Modality": "OT"}, "an OT image of the breast"),
    ],
)
def test_other_objects_are_named_in_good_english(elements: dict[str, object], reason: str, tmp_path: Path) -> None:
    dataset = mammogram(**{k: v for k, v in elements.items() if k != "SOPClassUID"})
    path = saved(dataset, tmp_path / "a.dcm")
    changed = dcmread(path)
    if elements.get("SOPClassUID"):
        changed.SOPClassUID = elements["SOPClassUID"]
    elif "SOPClassUID" in elements:
        del changed.SOPClassUID
    changed.save_as(path, enforce_file_format=False)
    with pytest.raises(NotAMammogram) as caught:
        read_header(path)
    assert f"a.dcm is {reason}, not" in str(caught.value)


@pytest.mark.parametrize(
    ("elements", "reason"),
    [
        ({"ImageType": ["DERIVED", "PRIMARY", "TOMO", "NONE"]}, "a tomosynthesis slice"),
        ({"ImageType": ["DERIVED", "PRIMARY", "TOMOSYNTHESIS", "RIGHT"]}, "a tomosynthesis slice"),
        ({"ImageType": ["ORIGINAL", "PRIMARY", "", "TOMO_PROJ"]}, "a tomosynthesis projection"),
        ({"SeriesDescription": "L CC Tomosynthesis Reconstruction"}, "a tomosynthesis slice"),
        ({"SeriesDescription": "R MLO Tomosynthesis Projection"}, "a tomosynthesis projection"),
        ({"SeriesDescription": "R CC DBT slab"}, "a tomosynthesis slice"),
        ({"TomoLayerHeight": "30"}, "a tomosynthesis slice"),
        ({"DistanceSourceToDetector": 660, "DistanceSourceToPatient": 350}, "a magnification view (factor 1.89)"),
        ({"DistanceSourceToDetector": 650, "DistanceSourceToEntrance": 300}, "a magnification view (factor 2.17)"),
        (
            {
                "EstimatedRadiographicMagnificationFactor": 1, "DistanceSourceToDetector": 660,
                "DistanceSourceToPatient": 360,
            },
            "a magnification view (factor 1.83)",
        ),
    ],
)  # fmt: skip
def test_slices_and_magnification_told_by_other_attributes_are_refused(
    elements: dict[str, object], reason: str, tmp_path: Path
) -> None:
    with pytest.raises(NotAMammogram) as caught:
        header_of(tmp_path, **elements)
    assert f"a.dcm is {reason}" in str(caught.value)


@pytest.mark.parametrize(
    "elements",
    [
        {"DistanceSourceToDetector": 660, "DistanceSourceToPatient": 640},
        {"DistanceSourceToDetector": 660, "DistanceSourceToPatient": 64},
        {"DistanceSourceToDetector": 650, "DistanceSourceToEntrance": 540},
        {"DistanceSourceToDetector": 650, "DistanceSourceToPatient": 0},
        {"ProtocolName": "Tomo combo routine", "SeriesDescription": "Tomo combo 2D R CC"},
        {"SeriesDescription": "R CC-View", "ImageType": ["ORIGINAL", "PRIMARY"]},
    ],
)
def test_contact_views_and_the_2d_view_of_a_combined_protocol_pass(elements: dict[str, object], tmp_path: Path) -> None:
    header = header_of(tmp_path, **elements)
    assert (header.projection, header.is_generated) == (CC, False)


@pytest.mark.parametrize(
    "elements",
    [
        {"ImageType": ["DERIVED", "PRIMARY", "TOMO", "GENERATED_2D", "", "150000"]},
        {"ImageType": ["DERIVED", "PRIMARY", "TOMO"], "SeriesDescription": "R CC C-View"},
        {"SeriesDescription": "S-View R CC"},
        {"SOPClassUID": TOMO, "ImageType": ["DERIVED", "PRIMARY", "TOMOSYNTHESIS", "GENERATED_2D"]},
    ],
)
def test_a_2d_view_synthesised_from_tomosynthesis_is_a_view(elements: dict[str, object], tmp_path: Path) -> None:
    header = header_of(tmp_path, **elements)
    assert (header.projection, header.is_generated) == (CC, True)


@pytest.mark.parametrize(
    ("elements", "conflict"),
    [
        (
            {"ViewCodeSequence": view_code("399368009"), "ViewPosition": "ML"},
            "projection: View Code Sequence says MLO, View Position says ML",
        ),
        (
            {"ViewCodeSequence": view_code("399260004"), "ViewPosition": "MLO"},
            "projection: View Code Sequence says a medio-lateral (ML) view, View Position says MLO",
        ),
        ({"ImageLaterality": "B"}, "laterality: Image Laterality says B, both breasts"),
        (
            {"ImageLaterality": "BOTH", "Laterality": "left"},
            "laterality: Image Laterality says B, both breasts, Laterality says L",
        ),
    ],
)
def test_two_names_of_the_view_and_two_breasts_in_a_picture_are_conflicts(
    elements: dict[str, object], conflict: str, tmp_path: Path
) -> None:
    header = header_of(tmp_path, **elements)
    assert header.conflicts == (conflict,)
    assert None in (header.laterality, header.projection)


def test_a_side_written_as_a_word_is_read(tmp_path: Path) -> None:
    assert header_of(tmp_path, ImageLaterality="LEFT").laterality is L


@pytest.mark.parametrize(
    ("orientation", "told"),
    [
        (["P", "L"], "does not say which breast it is; right is guessed from Patient Orientation"),
        (["A", "FR"], "does not say which breast it is; left is taken from Patient Orientation"),
        (["FL", "A"], "does not say which breast it is; right is taken from Patient Orientation"),
    ],
)
def test_a_side_that_is_guessed_from_how_the_picture_lies_is_a_warning(
    orientation: list[str], told: str, tmp_path: Path
) -> None:
    header = header_of(tmp_path, ImageLaterality=None, PatientOrientation=orientation)
    assert len(header.warnings) == 1 and told in header.warnings[0]


FILM = {"SOPClassUID": "1.2.840.10008.5.1.4.1.1.7", "Modality": "RG", "BodyPartExamined": "BREAST"}


@pytest.mark.parametrize(
    "changes", [{}, {"Modality": "SC"}, {"Modality": "CR"}, {"Modality": None}, {"BodyPartExamined": None}]
)
def test_a_digitised_film_passes_when_the_user_names_its_view(changes: dict[str, object], tmp_path: Path) -> None:
    path = saved(mammogram(**{**FILM, **changes}), tmp_path / "a.dcm")
    with pytest.raises(NotAMammogram, match=r"if it shows one, say which with --view a\.dcm=RCC"):
        read_header(path)
    assert read_header(path, named=True).width_px == 200


@pytest.mark.parametrize(
    "changes", [{"Modality": "CT"}, {"BodyPartExamined": "CHEST"}, {"SOPClassUID": "1.2.840.10008.5.1.4.1.1.2"}]
)
def test_what_is_no_film_of_a_breast_is_refused_whatever_the_user_says(
    changes: dict[str, object], tmp_path: Path
) -> None:
    path = saved(mammogram(**{**FILM, **changes}), tmp_path / "a.dcm")
    with pytest.raises(NotAMammogram):
        read_header(path, named=True)


def test_what_a_choice_between_pictures_of_one_view_needs_is_read(tmp_path: Path) -> None:
    header = header_of(
        tmp_path, PresentationIntentType="FOR PROCESSING", PartialView="YES", AcquisitionDate="20200102",
        AcquisitionTime="101500.25", ViewCodeSequence=view_code("399162004", modifier="399209000"),
    )  # fmt: skip
    assert (header.is_raw, header.is_partial, header.is_displaced, header.is_generated) == (True, True, True, False)
    assert header.acquired == "20200102101500"
    assert header_of(tmp_path, ContentTime="0930").acquired == "00000000" + "0930"
    assert header_of(tmp_path).acquired == ""


@pytest.mark.parametrize("date", ["00010101", "", "2020", "notadate"])
def test_a_date_that_says_nothing_is_unknown(date: str, tmp_path: Path) -> None:
    path = saved(mammogram(), tmp_path / "a.dcm")
    dataset = mammogram(StudyDate=None)
    dataset.add_new("StudyDate", "LO", date)
    assert read_header(saved(dataset, path)).date is None


def test_a_study_without_uid_is_known_by_its_accession_or_day(tmp_path: Path) -> None:
    assert header_of(tmp_path, StudyInstanceUID=None, AccessionNumber="A7").exam_key == "A7"
    assert header_of(tmp_path, StudyInstanceUID=None).exam_key == "2020-01-02"


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    ("before", "after"), [(b"DA\x08\x0020200102", b"XX\x08\x0020200102"), (b"IS\x02\x001 ", b"IS\x02\x00x ")]
)
def test_a_header_that_cannot_be_parsed_is_one_sentence(before: bytes, after: bytes, tmp_path: Path) -> None:
    path = saved(mammogram(StudyDate="20200102", NumberOfFrames="1"), tmp_path / "a.dcm")
    path.write_bytes(path.read_bytes().replace(before, after))
    with pytest.raises(InputError, match=r"a\.dcm is damaged \(.+\); expected a whole DICOM file"):
        read_header(path)


def test_a_file_without_the_last_of_its_pixels_is_cut_off(tmp_path: Path) -> None:
    path = saved(mammogram(), tmp_path / "a.dcm")
    whole = path.read_bytes()
    path.write_bytes(whole[:-1])
    with pytest.raises(
        InputError, match=r"a\.dcm is cut off: it has \d+ bytes, and its header tells of 102400 of pixels"
    ):
        read_header(path)
    squeezed = recompressed(saved(mammogram(), tmp_path / "b.dcm"), tmp_path / "c.dcm", 14)
    assert read_header(squeezed).width_px == 200  # shorter than its pixels, and whole


def test_a_plain_picture_has_no_header(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("hello")
    with pytest.raises(InputError, match="is not a DICOM file"):
        read_header(tmp_path / "a.txt")


@pytest.mark.real
def test_no_sample_file_is_taken_for_a_mammogram(data_root: Path) -> None:
    files = sorted((data_root / "dicom_samples").glob("*.dcm"))
    assert len(files) == 7
    for path in files:
        with pytest.raises(NotAMammogram, match="not a mammogram"):
            read_header(path)


@pytest.mark.real
def test_the_structured_report_is_called_a_document(data_root: Path) -> None:
    with pytest.raises(NotAMammogram, match="is a Comprehensive 3D SR document"):
        read_header(data_root / "dicom_samples" / "sr_comprehensive3d.dcm")
