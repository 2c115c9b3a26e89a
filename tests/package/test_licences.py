"""The licences travel with the code and with the weights."""

from pathlib import Path

import mammoscribe

ROOT = Path(__file__).parents[2]
PACKAGE = Path(mammoscribe.__file__).parent


def test_the_weights_carry_their_licence_in_the_package():
    inside = PACKAGE / "models" / "weights" / "LICENSE"
    assert inside.read_bytes() == (ROOT / "LICENSE-WEIGHTS").read_bytes()


def test_the_weights_licence_names_its_data():
    text = (ROOT / "LICENSE-WEIGHTS").read_text()
    for words in ("Research use only", "RSNA", "mini-MIAS", "Suckling", "Synthetic exams", "Not a medical device"):
        assert words in text


def test_the_code_is_apache_2():
    assert "Apache License" in (ROOT / "LICENSE").read_text()
