"""What a reader is to know of a mammogram comes with its picture."""

from pathlib import Path

import pytest

from mammoscribe.imaging.decode import decode, decode_mammogram
from tests.imaging.drawn import mammogram, saved
from tests.imaging.test_header import view_code


@pytest.mark.parametrize(
    ("elements", "warning"),
    [
        ({"PartialView": "YES"}, "a partial view"),
        ({"BreastImplantPresent": "YES"}, "an implant"),
        ({"ViewCodeSequence": view_code("399162004", modifier="399209000")}, "an implant-displaced view"),
        ({"PresentationIntentType": "FOR PROCESSING"}, "FOR PROCESSING"),
        ({"ImageType": ["DERIVED", "PRIMARY", "TOMO", "GENERATED_2D"]}, "synthesised"),
        ({"SOPClassUID": "1.2.840.10008.5.1.4.1.1.7"}, "stored as another kind of object"),
        ({"ImagerPixelSpacing": [0, 0]}, "is not used"),
    ],
)
def test_what_is_odd_but_readable_is_a_warning(elements: dict[str, object], warning: str, tmp_path: Path) -> None:
    path = saved(mammogram(**elements), tmp_path / "a.dcm")
    (told,) = decode_mammogram(path).warnings
    assert warning in told
    assert decode(path).warnings == ()  # what is no mammogram is not called a partial one
