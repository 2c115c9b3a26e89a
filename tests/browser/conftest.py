import os
from dataclasses import replace

import pytest

from tests.browser.chromium import Chromium, binary
from tests.browser.pages import write
from tests.exports.samples import calcifications, crops, pictures, two_findings_with_prior


@pytest.fixture(scope="session")
def browser(tmp_path_factory):
    program = binary()
    if program is None:
        if os.environ.get("MAMMOSCRIBE_REQUIRE_BROWSER"):
            pytest.fail("no chromium found; install it or set MAMMOSCRIBE_BROWSER")
        pytest.skip("no chromium found (set MAMMOSCRIBE_BROWSER)")
    running = Chromium(program, tmp_path_factory.mktemp("profile"))
    yield running
    running.close()


@pytest.fixture(scope="session")
def page(tmp_path_factory):
    """URL of the sample report with two findings, a prior, crops and the truth."""
    report = two_findings_with_prior()
    truth = (replace(calcifications(), id="t1"),)
    path = tmp_path_factory.mktemp("page") / "report.html"
    return write(path, report, pictures(report), crops=crops(report), truth=truth)
