"""Fields by name: text becomes values of their types, a wrong name is answered with near ones."""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

import pytest

from mammoscribe.support.errors import InputError
from mammoscribe.training.engine.fields import differences, flat, plain, with_set


class Colour(StrEnum):
    RED = "red"
    DARK_GREEN = "dark-green"


@dataclass(frozen=True)
class Inner:
    width: int = 3
    share: float = 0.5
    low: int = 1
    high: int = 2

    def __post_init__(self) -> None:
        if self.low >= self.high:
            raise InputError(f"low {self.low}, high {self.high}", "low below high")


@dataclass(frozen=True)
class Other:
    width: int = 8


@dataclass(frozen=True)
class Outer:
    inner: Inner = Inner()
    other: Other = Other()
    name: str = "x"
    on: bool = False
    where: Path | None = None
    limit: float | None = None
    colour: Colour = Colour.RED
    sizes: tuple[int, ...] = (1,)
    batch: Mapping[str, int] = field(default_factory=lambda: {"a": 1, "b": 2})
    single: Mapping[str, float] = field(default_factory=lambda: {"only": 1.0})


def changed(**changes: str) -> Outer:
    return with_set(Outer(), {name.replace("__", "."): text for name, text in changes.items()}, "the test")


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("name", "three words here", "three words here"), ("on", "true", True), ("on", "No", False), ("on", "1", True),
        ("where", "/some/file", Path("/some/file")), ("where", "none", None), ("limit", "2.5", 2.5), ("limit", "None", None),
        ("limit", "1e-3", 0.001), ("colour", "dark-green", Colour.DARK_GREEN), ("sizes", "4, 5,6", (4, 5, 6)), ("sizes", "", ()),
    ],
)  # fmt: skip
def test_text_becomes_a_value_of_the_fields_type(name, text, value):
    found = getattr(changed(**{name: text}), name)
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize("text", ["12", "1_2", " 12 ", "1.2e1", "+12"])
def test_whole_numbers_may_be_written_in_any_usual_way(text):
    assert changed(inner__width=text).inner.width == 12


def test_a_field_inside_is_found_by_its_last_name_where_only_one_ends_so():
    assert changed(share="0.25").inner.share == 0.25
    with pytest.raises(InputError, match=r"'width' could be inner\.width or other\.width"):
        changed(width="1")
    assert changed(other__width="1") == dataclasses.replace(Outer(), other=Other(1))


def test_an_entry_of_a_mapping_is_set_and_the_others_stay():
    assert changed(batch__b="7").batch == {"a": 1, "b": 7}
    assert changed(single="3").single == {"only": 3.0}
    with pytest.raises(InputError, match=r"batch\.a, batch\.b"):
        changed(batch="3")


def test_fields_that_only_fit_together_are_set_together():
    assert (changed(low="5", high="6").inner.low, changed(high="6", low="5").inner.high) == (5, 6)
    with pytest.raises(InputError, match="low below high"):
        changed(low="5")


@pytest.mark.parametrize(
    ("name", "near"),
    [
        ("inner__widht", "inner.width"),
        ("colr", "colour"),
        ("batch__c", "batch.a"),
        ("inner", "inner"),
        ("shere", "share"),
    ],
)
def test_a_name_that_no_field_has_is_answered_with_near_ones(name, near):
    with pytest.raises(InputError) as error:
        changed(**{name: "1"})
    assert "no field of the test is called" in str(error.value)
    assert near in str(error.value).split("did you mean")[1]


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("inner__width", "1.5", "a whole number"), ("inner__width", "many", "a whole number"), ("inner__width", "none", "a whole number"),
        ("share", "half", "a number"), ("share", "nan", "a finite number"), ("share", "inf", "a finite number"),
        ("on", "maybe", "true or false"), ("colour", "grene", "dark-green"), ("sizes", "1,two", "a whole number"),
        ("batch__a", "x", "a whole number"),
    ],
)  # fmt: skip
def test_text_of_another_type_is_one_sentence_that_names_the_field(name, text, words):
    with pytest.raises(InputError) as error:
        changed(**{name: text})
    assert words in str(error.value)
    assert name.rpartition("__")[2] in str(error.value) or name.replace("__", ".") in str(error.value)


def test_one_field_by_two_names_is_refused():
    with pytest.raises(InputError, match=r"inner\.share is set twice"):
        with_set(Outer(), {"share": "0.1", "inner.share": "0.2"}, "the test")


def test_the_original_is_left_as_it_was():
    outer = Outer()
    with_set(outer, {"batch.a": "9", "name": "y"}, "the test")
    assert outer == Outer()


def test_plain_holds_what_json_holds_and_differences_name_what_changed():
    found = plain(Outer(where=Path("a")))
    assert found["inner"] == {"width": 3, "share": 0.5, "low": 1, "high": 2}
    assert (found["where"], found["colour"], found["sizes"]) == ("a", "red", [1])
    assert flat(found)["batch.a"] == 1
    assert differences(found, plain(Outer(where=Path("a"), inner=Inner(share=0.1)))) == ["inner.share 0.5 -> 0.1"]  # fmt: skip
    assert differences({"a": 1}, {"b": None}) == ["a 1 -> (absent)", "b (absent) -> None"]
