"""Opening one exam from files and folders."""

import datetime as dt
import json
import os
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo
from pydicom import dcmread

from mammoscribe.data.load import load_exam
from mammoscribe.domain.exam import SetAside
from mammoscribe.domain.view import SYNTHETIC_SOURCE, Origin, Projection, Role, SpacingSource
from mammoscribe.phantom import TRAINING_SPEC, draw_exam, write_dicom_exam, write_png_exam
from mammoscribe.support.errors import InputError, InvalidNoun, NotAMammogram
from tests.imaging.drawn import coded, half_disc, mammogram, png, saved


def dicom(path: Path, name: str = "RCC", **elements: Any) -> Path:
    code = {"CC": "399162004", "MLO": "399368009"}[name[1:]]
    pixels = (half_disc(64, 48, chest_on_left=name[0] == "L") * 4000).astype("uint16")
    return saved(mammogram(pixels, ImageLaterality=name[0], ViewCodeSequence=[coded(code)], **elements), path)


def names_of(loaded: object, role: Role = Role.CURRENT) -> list[str]:
    return [v.name for v in loaded.exam.views if v.role is role]  # type: ignore[attr-defined]


def test_a_folder_of_four_dicom_views_is_an_exam(tmp_path: Path) -> None:
    for name in ("RCC", "LCC", "RMLO", "LMLO"):
        dicom(tmp_path / "IMAGES" / f"IM_{name[1:]}{name[0]}x")
    for number, name in enumerate(("RCC", "LCC", "RMLO", "LMLO")):
        dicom(tmp_path / "sub" / f"IM{number}", name)
    loaded = load_exam([tmp_path / "sub"])
    assert [v.id for v in loaded.exam.current] == ["R_CC", "L_CC", "R_MLO", "L_MLO"]
    assert (loaded.exam.patient_id, loaded.exam.id) == ("P1", "2.25.1")
    assert loaded.exam.date == dt.date(2020, 1, 2)
    assert loaded.exam.current[0].spacing_source is SpacingSource.HEADER
    assert loaded.headers["R_CC"].sop_instance_uid == "2.25.1001"
    assert (loaded.exam.set_aside, loaded.warnings) == ((), ())


def test_an_exam_carries_the_accession_number_of_its_current_views(tmp_path: Path) -> None:
    dicom(tmp_path / "now" / "1.dcm", AccessionNumber="A-4711")
    dicom(tmp_path / "before" / "1.dcm", AccessionNumber="A-17", StudyInstanceUID="2.25.9", StudyDate="20180101")
    assert load_exam([tmp_path / "now"]).exam.accession == "A-4711"
    with_prior = load_exam([tmp_path / "now"], [tmp_path / "before"])
    assert with_prior.exam.accession == "A-4711"
    assert load_exam([dicom(tmp_path / "none" / "1.dcm")]).exam.accession is None


def test_plain_files_say_their_view_in_the_name(tmp_path: Path) -> None:
    files = [png(tmp_path / n) for n in ("a_R_CC.png", "lmlo.png")]
    loaded = load_exam(files)
    assert sorted(names_of(loaded)) == ["L MLO", "R CC"]
    assert loaded.exam.view("R_CC").spacing_mm is None
    assert loaded.exam.view("R_CC").spacing_source is SpacingSource.ASSUMED
    assert loaded.exam.view("R_CC").source == str(tmp_path / "a_R_CC.png")


def test_a_plain_file_without_a_view_is_never_guessed(tmp_path: Path) -> None:
    file = png(tmp_path / "scan.png")
    with pytest.raises(InputError, match=r"nothing says which view .*scan\.png is.*--view scan\.png=RCC"):
        load_exam([file])
    assert names_of(load_exam([file], view_names={"scan.png": "LCC"})) == ["L CC"]
    assert names_of(load_exam([file], view_names={str(file): "left-cc"})) == ["L CC"]


def test_a_view_option_that_fits_no_file_or_no_view_is_an_error(tmp_path: Path) -> None:
    file = png(tmp_path / "R_CC.png")
    with pytest.raises(InputError, match=r"--view other\.png names no file"):
        load_exam([file], view_names={"other.png": "RCC"})
    with pytest.raises(InputError, match="does not name a view"):
        load_exam([file], view_names={"R_CC.png": "XYZ"})


def test_a_file_given_by_name_must_be_used_but_one_in_a_folder_is_set_aside(tmp_path: Path) -> None:
    png(tmp_path / "R_CC.png")
    (tmp_path / "notes.txt").write_text("hello")
    (tmp_path / ".hidden").write_text("never mentioned")
    loaded = load_exam([tmp_path])
    assert loaded.exam.set_aside == (
        SetAside(str(tmp_path / "notes.txt"), f"{tmp_path / 'notes.txt'} is not a picture"),
    )
    assert len(loaded.warnings) == 1
    with pytest.raises(InputError, match=r"notes\.txt is not a picture"):
        load_exam([tmp_path / "R_CC.png", tmp_path / "notes.txt"])


def test_a_thumbnail_in_a_folder_is_set_aside(tmp_path: Path) -> None:
    png(tmp_path / "R_CC.png")
    png(tmp_path / "thumb_L_CC.png", half_disc(12, 12))
    loaded = load_exam([tmp_path])
    assert names_of(loaded) == ["R CC"]
    assert "12 x 12 pixels" in loaded.exam.set_aside[0].reason


def test_what_is_not_a_mammogram_is_set_aside_in_a_folder_and_refused_alone(tmp_path: Path) -> None:
    dicom(tmp_path / "a.dcm")
    other = dicom(tmp_path / "b.dcm", "LCC", EstimatedRadiographicMagnificationFactor=1.8)
    loaded = load_exam([tmp_path])
    assert names_of(loaded) == ["R CC"]
    assert "magnification view" in loaded.exam.set_aside[0].reason
    with pytest.raises(NotAMammogram, match="magnification view"):
        load_exam([other])


def test_two_patients_or_two_exams_are_refused_with_the_candidates(tmp_path: Path) -> None:
    dicom(tmp_path / "p" / "a.dcm")
    dicom(tmp_path / "p" / "b.dcm", "LCC", PatientID="P2")
    with pytest.raises(InputError, match=r"2 patients \(P1: a\.dcm; P2: b\.dcm\)"):
        load_exam([tmp_path / "p"])
    dicom(tmp_path / "e" / "a.dcm")
    dicom(tmp_path / "e" / "b.dcm", "LCC", StudyInstanceUID="2.25.9")
    with pytest.raises(InputError, match=r"2 exams \(2\.25\.1: a\.dcm; 2\.25\.9: b\.dcm\).*--prior"):
        load_exam([tmp_path / "e"])
    dicom(tmp_path / "same" / "a.dcm")
    dicom(tmp_path / "same" / "b.dcm", StudyInstanceUID="2.25.9", AcquisitionTime="101500")
    with pytest.raises(InputError, match=r"2 exams \(2\.25\.1: a\.dcm; 2\.25\.9: b\.dcm\).*--prior"):
        load_exam([tmp_path / "same"])
    loaded = load_exam([tmp_path / "e"], exam_id="2.25.9")
    assert names_of(loaded) == ["L CC"]
    assert [(s.source, s.reason) for s in loaded.exam.set_aside] == [
        (str(tmp_path / "e" / "a.dcm"), "belongs to exam 2.25.1")
    ]
    with pytest.raises(InputError, match=r"no file belongs to exam X"):
        load_exam([tmp_path / "e"], exam_id="X")


def aside_of(loaded: Any) -> list[tuple[str, str, str]]:
    """(file name, reason, view) of what was set aside."""
    return [(Path(s.source).name, s.reason, f"{s.laterality}{s.projection}") for s in loaded.exam.set_aside]


def test_of_two_plain_files_of_a_view_the_larger_or_else_the_last_is_read_and_said(tmp_path: Path) -> None:
    files = [png(tmp_path / "a_RCC.png"), png(tmp_path / "b_RCC.png")]
    loaded = load_exam(files)
    assert loaded.exam.views[0].source == str(files[1])
    assert aside_of(loaded) == [("a_RCC.png", "a repeat, listed before b_RCC.png", "RCC")]
    assert loaded.warnings == ("a_RCC.png not used: a repeat, listed before b_RCC.png",)
    png(files[0], half_disc(300, 260))
    assert aside_of(load_exam(files)) == [("b_RCC.png", "a smaller repeat of a_RCC.png", "RCC")]


def test_a_file_named_with_view_stands_for_its_view_and_two_are_refused(tmp_path: Path) -> None:
    files = [png(tmp_path / "a_RCC.png"), png(tmp_path / "b_RCC.png")]
    loaded = load_exam(files, view_names={"a_RCC.png": "RCC"})
    assert aside_of(loaded) == [("b_RCC.png", "--view chose a_RCC.png", "RCC")]
    with pytest.raises(InputError, match=r"--view names 2 files as the current R CC view: .*a_RCC\.png, .*b_RCC\.png"):
        load_exam(files, view_names={"a_RCC.png": "RCC", "b_RCC.png": "RCC"})


def test_of_several_pictures_of_each_view_one_is_read_and_the_others_are_set_aside_with_their_view(
    tmp_path: Path,
) -> None:
    dicom(tmp_path / "a.dcm", PresentationIntentType="FOR PROCESSING", SOPInstanceUID="2.25.7")
    dicom(tmp_path / "b.dcm", PresentationIntentType="FOR PRESENTATION", SOPInstanceUID="2.25.8")
    dicom(tmp_path / "b copy.dcm", PresentationIntentType="FOR PRESENTATION", SOPInstanceUID="2.25.8")
    dicom(tmp_path / "c.dcm", "LCC", SOPInstanceUID="2.25.9")
    loaded = load_exam(tmp_path)
    assert loaded.exam.view("R_CC").source == str(tmp_path / "b copy.dcm")
    assert sorted(aside_of(loaded)) == [
        ("a.dcm", "a FOR PROCESSING image beside b copy.dcm", "RCC"),
        ("b.dcm", "the same object as b copy.dcm (SOP Instance UID)", "RCC"),
    ]


def test_plain_files_of_one_view_in_two_folders_are_two_visits_for_all_anybody_knows(tmp_path: Path) -> None:
    files = [png(tmp_path / "2020" / "RCC.png"), png(tmp_path / "2022" / "RCC.png")]
    for paths in ([tmp_path], files):
        with pytest.raises(InputError, match=r"files of different folders .* R CC view: .*--prior"):
            load_exam(paths)
    assert len(load_exam(files[1], files[0]).exam.views) == 2


def test_a_prior_and_a_current_picture_of_one_view_are_no_repeats(tmp_path: Path) -> None:
    dicom(tmp_path / "now" / "a.dcm", StudyDate="20210102")
    dicom(tmp_path / "then" / "a.dcm", StudyInstanceUID="2.25.77")
    loaded = load_exam(tmp_path / "now", tmp_path / "then")
    assert (len(loaded.exam.views), loaded.exam.set_aside) == (2, ())


def test_a_folder_may_be_named_by_a_string(tmp_path: Path) -> None:
    png(tmp_path / "R_CC.png")
    assert names_of(load_exam(str(tmp_path))) == names_of(load_exam([str(tmp_path / "R_CC.png")])) == ["R CC"]


def test_a_digitised_film_is_read_when_the_user_names_its_view(tmp_path: Path) -> None:
    film: dict[str, Any] = {"SOPClassUID": "1.2.840.10008.5.1.4.1.1.7", "Modality": "RG", "ViewCodeSequence": None}
    pixels = (half_disc(64, 48, chest_on_left=False) * 4000).astype("uint16")
    path = saved(mammogram(pixels, ImageLaterality=None, **film), tmp_path / "film.dcm")
    with pytest.raises(NotAMammogram, match=r"--view film\.dcm=RCC"):
        load_exam(path)
    assert names_of(load_exam(path, view_names={"film.dcm": "RCC"})) == ["R CC"]


def test_a_declared_spacing_with_which_the_picture_is_larger_than_any_breast_is_refused(tmp_path: Path) -> None:
    views = [{"path": "one.png", "laterality": "R", "view": "CC", "spacing_mm": 2}]
    file = exam_json(tmp_path, views=views)
    png(tmp_path / "one.png", half_disc(400, 300))
    with pytest.raises(
        InputError, match=r"a spacing of 2 x 2 mm for 300 x 400 pixels; expected a picture of at most 600"
    ):
        load_exam(file)


@pytest.mark.skipif(sys.platform != "linux", reason="names are bytes on Linux only")
def test_a_name_that_is_no_unicode_is_set_aside_under_a_name_that_can_be_written(tmp_path: Path) -> None:
    png(tmp_path / "R_CC.png")
    odd = os.fsencode(tmp_path) + b"/L_CC_\xff.png"
    with open(odd, "wb") as stream:
        stream.write((tmp_path / "R_CC.png").read_bytes())
    loaded = load_exam(tmp_path)
    assert names_of(loaded) == ["R CC"]
    (aside,) = loaded.exam.set_aside
    assert "no UTF-8" in aside.reason
    assert all(text.encode("utf-8") for text in (aside.source, *loaded.warnings))
    with pytest.raises(InputError, match="no UTF-8"):
        load_exam(os.fsdecode(odd))


def test_brackets_nested_without_end_are_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "exam.json").write_text("[" * 100_000)
    with pytest.raises(InputError, match="is not JSON"):
        load_exam(tmp_path / "exam.json")


def test_a_header_that_contradicts_itself_is_refused_until_the_user_decides(tmp_path: Path) -> None:
    file = dicom(tmp_path / "a.dcm", Laterality="L")
    with pytest.raises(InputError, match=r"contradicts itself .*Image Laterality says R, Laterality says L"):
        load_exam([file])
    assert names_of(load_exam([file], view_names={"a.dcm": "LCC"})) == ["L CC"]


def test_a_view_option_against_the_header_is_used_and_said(tmp_path: Path) -> None:
    loaded = load_exam([dicom(tmp_path / "a.dcm")], view_names={"a.dcm": "LMLO"})
    assert names_of(loaded) == ["L MLO"]
    assert any("says R CC, --view says L MLO; the latter is used" in w for w in loaded.warnings)


def test_what_a_header_leaves_open_comes_from_the_file_name_unless_they_disagree(tmp_path: Path) -> None:
    silent: dict[str, Any] = {"ViewCodeSequence": None}
    pixels = (half_disc(64, 48) * 4000).astype("uint16")
    file = saved(mammogram(pixels, **silent), tmp_path / "R_MLO.dcm")
    assert load_exam([file]).exam.views[0].projection is Projection.MLO
    with pytest.raises(InputError, match=r"header of .* says R, its name L"):
        load_exam([saved(mammogram(pixels, **silent), tmp_path / "L_MLO.dcm")])
    with pytest.raises(InputError, match=r"says its projection"):
        load_exam([saved(mammogram(pixels, **silent), tmp_path / "x.dcm")])


def test_priors_come_only_from_prior_paths(tmp_path: Path) -> None:
    now = dicom(tmp_path / "now" / "a.dcm")
    before = dicom(tmp_path / "then" / "a.dcm", StudyDate="20180102", StudyInstanceUID="2.25.9")
    loaded = load_exam([now], [before.parent])
    assert [v.id for v in loaded.exam.prior] == ["prior_R_CC"]
    assert loaded.exam.prior_date == dt.date(2018, 1, 2)
    with pytest.raises(InvalidNoun, match="a prior before the exam"):
        load_exam([before], [now])
    with pytest.raises(InputError, match="both as current and as prior"):
        load_exam([now], [now])


def test_a_prior_of_another_patient_is_refused(tmp_path: Path) -> None:
    now = dicom(tmp_path / "a.dcm")
    other = dicom(tmp_path / "b.dcm", PatientID="P2", StudyDate="20180102", StudyInstanceUID="2.25.9")
    with pytest.raises(InputError, match="2 patients"):
        load_exam([now], [other])


def test_an_undated_prior_is_said(tmp_path: Path) -> None:
    loaded = load_exam([png(tmp_path / "a" / "RCC.png")], [png(tmp_path / "b" / "RCC.png")])
    assert "prior, date unknown" in loaded.warnings


def test_nothing_given_nothing_there_and_nothing_inside_are_errors(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no picture was given"):
        load_exam([])
    with pytest.raises(InputError, match="is not there"):
        load_exam([tmp_path / "none"])
    with pytest.raises(InputError, match="is empty; expected at least one"):
        load_exam([tmp_path])


def exam_json(folder: Path, **changes: object) -> Path:
    png(folder / "one.png")
    png(folder / "two.png")
    content: dict[str, object] = {
        "exam_id": "E1",
        "patient_id": "P9",
        "views": [
            {
                "id": "right",
                "path": "one.png",
                "laterality": "R",
                "view": "CC",
                "spacing_mm": 0.2,
                "date": "2020-01-02",
            },
            {"path": "two.png", "laterality": "R", "view": "CC", "spacing_mm": [0.3, 0.2], "is_prior": True},
        ],
    }
    (folder / "exam.json").write_text(json.dumps(content | changes))
    return folder / "exam.json"


@pytest.mark.parametrize("by_file", [True, False])
def test_an_exam_json_names_the_views(by_file: bool, tmp_path: Path) -> None:
    file = exam_json(tmp_path)
    png(tmp_path / "extra_LCC.png")
    loaded = load_exam([file if by_file else tmp_path])
    assert (loaded.exam.id, loaded.exam.patient_id) == ("E1", "P9")
    assert [v.id for v in loaded.exam.views] == ["right", "prior_R_CC"]
    assert loaded.exam.view("right").spacing_mm == (0.2, 0.2)
    assert loaded.exam.view("prior_R_CC").spacing_mm == (0.3, 0.2)
    assert loaded.exam.view("right").spacing_source is SpacingSource.DECLARED
    extra = SetAside(str(tmp_path / "extra_LCC.png"), "not named in exam.json")
    assert loaded.exam.set_aside == (() if by_file else (extra,))


def test_the_truth_that_a_drawn_exam_comes_with_is_no_picture_that_was_left_out(tmp_path: Path) -> None:
    exam_json(tmp_path)
    (tmp_path / "masks").mkdir()
    for name in ("extra_LCC.png", "masks/c1__R_CC.png"):
        png(tmp_path / name)
    left_out = [s.source for s in load_exam(tmp_path).exam.set_aside]
    assert str(tmp_path / "masks" / "c1__R_CC.png") in left_out  # without a truth.json it could be a picture
    (tmp_path / "truth.json").write_text("{}")
    assert [s.source for s in load_exam(tmp_path).exam.set_aside] == [str(tmp_path / "extra_LCC.png")]


def test_an_exam_json_may_say_why_the_exam_was_made(tmp_path: Path) -> None:
    assert load_exam([exam_json(tmp_path)]).exam.indication is None
    assert load_exam([exam_json(tmp_path, indication="Lump")]).exam.indication == "Lump"


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"views": []}, "names no views"),
        ({"views": "x"}, "names no views"),
        ({"views": [{"path": "../one.png", "laterality": "R", "view": "CC"}]}, "leads out of"),
        ({"views": [{"path": "/etc/hostname", "laterality": "R", "view": "CC"}]}, "is absolute"),
        ({"views": [{"path": "one.png", "laterality": "Q", "view": "CC"}]}, "line 1: laterality 'Q'"),
        ({"views": [{"path": "one.png", "laterality": "R", "view": "ML"}]}, "line 1: view 'ML'"),
        ({"views": [{"path": "one.png", "laterality": "R", "view": "CC", "spacing_mm": 7}]}, "spacing_mm '7'"),
        ({"views": [{"path": "one.png", "laterality": "R", "view": "CC", "date": "soon"}]}, "date 'soon'"),
    ],
)
def test_a_wrong_exam_json_is_one_sentence(changes: dict[str, object], reason: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=reason):
        load_exam([exam_json(tmp_path, **changes)])


def test_a_broken_exam_json_and_a_wrong_exam_are_one_sentence(tmp_path: Path) -> None:
    file = exam_json(tmp_path)
    with pytest.raises(InputError, match="holds exam E1; expected exam E2"):
        load_exam([file], exam_id="E2")
    file.write_text("{")
    with pytest.raises(InputError, match="is not JSON"):
        load_exam([file])


@pytest.mark.real
def test_the_sample_folder_holds_no_exam(data_root: Path) -> None:
    with pytest.raises(NotAMammogram, match="none of the 7 files"):
        load_exam([data_root / "dicom_samples"])


@pytest.mark.parametrize("patient", ["PHANTOM-99", "PHANTOM^SEVEN", "P1"])
def test_a_name_of_a_patient_never_makes_an_exam_synthetic(tmp_path: Path, patient: str) -> None:
    saved(mammogram(PatientID=patient, PatientName=patient), tmp_path / "e" / "a.dcm")
    assert load_exam([tmp_path / "e"]).exam.origin is Origin.ACQUIRED


@pytest.mark.parametrize("write", [write_dicom_exam, write_png_exam])
def test_files_that_the_phantom_wrote_are_synthetic_whatever_name_they_are_given(tmp_path: Path, write: Any) -> None:
    drawn = draw_exam(100_003, replace(TRAINING_SPEC, prior_probability=0.0))
    folder = write(drawn, tmp_path / "drawn")
    for file in folder.rglob("*.dcm"):
        dataset = dcmread(file)
        dataset.PatientID, dataset.PatientName = "P1", "DOE^JANE"
        dataset.save_as(file)
    assert load_exam([folder]).exam.origin is Origin.SYNTHETIC


def test_synthetic_files_beside_acquired_ones_are_refused(tmp_path: Path) -> None:
    origin = PngInfo()
    origin.add_text("Source", SYNTHETIC_SOURCE)
    Image.fromarray(np.full((64, 64), 90, np.uint8)).save(tmp_path / "R_CC.png", pnginfo=origin)
    Image.fromarray(np.full((64, 64), 90, np.uint8)).save(tmp_path / "L_CC.png")
    with pytest.raises(InputError, match=r"synthetic files \(R_CC.png\) beside acquired ones"):
        load_exam([tmp_path])
