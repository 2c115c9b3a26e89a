"""Several prepared datasets as one."""

from dataclasses import dataclass

import pytest

from mammoscribe.support.errors import InputError
from mammoscribe.training.several import InTurn, digest_with, named, over_sources
from tests.training.reader.lab import boxed_lab, labelled_lab


@dataclass(frozen=True)
class Letters:
    """Batches that are letters."""

    text: str

    def __len__(self):
        return len(self.text)

    def batches(self, numbers):
        return (self.text[n] for n in numbers)


BOTH = InTurn((Letters("ab"), Letters(""), Letters("cde")))


def test_the_batches_of_the_second_split_follow_those_of_the_first():
    assert len(BOTH) == 5
    assert "".join(BOTH.batches(range(5))) == "abcde"
    assert "".join(BOTH.batches([4, 0, 1, 2, 2])) == "eabcc"


def test_a_batch_after_the_last_is_an_error():
    with pytest.raises(IndexError):
        list(BOTH.batches([5]))


def test_a_digest_changes_with_each_of_its_parts_and_their_order():
    assert len({digest_with("a", "b"), digest_with("b", "a"), digest_with("a", "c"), digest_with("ab")}) == 4


def test_two_folders_of_one_dataset_are_two_sources(tmp_path):
    boxed, labelled = boxed_lab(tmp_path / "boxed"), labelled_lab(tmp_path / "labelled")
    assert named((boxed, boxed, labelled)) == {"phantom": boxed, "phantom-2": boxed, "rsna-2023": labelled}


def test_no_folder_is_no_data():
    with pytest.raises(InputError, match="no data to train on"):
        named(())


def test_what_is_summed_over_sources_has_every_name_of_any_of_them():
    batches = {"boxed": {"mass": 2.0, "all": 3.0}, "labelled": {"recall": 5.0, "all": 0.5}}
    assert over_sources(dict, batches) == {"mass": 2.0, "recall": 5.0, "all": 3.5}
