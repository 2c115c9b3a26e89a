"""A short run of `make fuzz`, and what it takes for harm."""

import os
from pathlib import Path

import pytest

from tests.fuzz.inputs import damaged, seeds
from tests.fuzz.run import LIMIT_MB, LIMIT_S, Tally, Worker, fuzz
from tests.fuzz.worker import opened

pytestmark = pytest.mark.skipif(os.name != "posix", reason="the pool and its limits are those of POSIX systems")


def test_every_seed_is_read_while_it_is_whole(tmp_path: Path) -> None:
    for number, content in enumerate(seeds()):
        path = tmp_path / f"{number}_R_MLO{'.dcm' if content[128:132] == b'DICM' else '.png'}"
        path.write_bytes(content)
        assert opened(path) == "read", path.name


def test_damaged_pictures_are_read_or_refused_in_one_sentence_and_never_do_harm(tmp_path: Path) -> None:
    tally = fuzz(range(150), 1, tmp_path)
    assert tally.failures == []
    assert tally.counts["read"] > 30 and tally.counts["refused"] > 50
    assert list(tmp_path.iterdir()) == []


def test_an_input_can_be_had_again_by_its_number() -> None:
    assert damaged(17) == damaged(17)
    assert len({damaged(number)[1] for number in range(40)}) == 40


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        ({"failure": "Traceback"}, "input 5: Traceback"),
        ({"seconds": LIMIT_S + 1}, "input 5: took 11.0 s"),
        ({"megabytes": LIMIT_MB + 1}, "input 5: took 2049 MB"),
    ],
)
def test_exceptions_time_and_memory_are_harm(answer: dict, told: str) -> None:
    tally = Tally()
    tally.add(5, {"told": "read", "failure": "", "seconds": 0.1, "megabytes": 9.0} | answer)
    assert tally.failures == [told] and tally.counts["harm"] == 1


def test_the_death_of_the_process_that_opened_a_picture_is_harm_and_the_next_one_goes_on(tmp_path: Path) -> None:
    content = seeds()[0]
    path = tmp_path / "a_R_MLO.dcm"
    path.write_bytes(content)
    worker = Worker()
    assert worker.ask(path)["told"] == "read"
    assert worker._process is not None
    worker._process.kill()
    worker._process.wait()
    assert worker.ask(path)["failure"] == "the process that opened it ended with -9"
    assert worker.ask(path)["told"] == "read"
    worker.close()
