"""`mammoscribe plan` says what a training needs and which way of sharing it fits."""

import pytest
from typer.testing import CliRunner

from mammoscribe.cli.app import app

pytest.importorskip("accelerate")
SMALL = ["plan", "decoder", "--set", "task.preset=debug", "--set", "batch.tables=4"]


def run(*more: str):
    return CliRunner().invoke(app, [*SMALL, *more], env={"COLUMNS": "200"})


def test_a_small_network_fits_whole_and_says_its_time():
    done = run("--gpus", "2x24GB", "--tflops", "10")
    assert done.exit_code == 0, done.output
    assert "the quickest that fits: --set distribution.kind=ddp" in done.output
    assert "h for 4500 steps at that rate" in done.output and "M weights" in done.output


def test_what_does_not_fit_says_what_would_help():
    done = run("--gpus", "1x0.001GB")
    assert done.exit_code == 0 and "fits in no way" in done.output


@pytest.mark.parametrize(
    ("more", "said"), [(["--gpus", "80GB"], "8x80GB"), (["--gpus", "3x80GB"], "multiple of 3"), ([], "--gpus")]
)
def test_devices_that_cannot_be_are_one_sentence(more, said):
    done = run(*more)
    assert done.exit_code == 2 and said in done.output and "Traceback" not in done.output
