"""Drawn exams that several tests look at; drawing one takes about a second."""

import pytest

from mammoscribe.phantom import PhantomExam, draw_exam


@pytest.fixture(scope="session")
def with_prior() -> PhantomExam:
    """Dense breasts with a prior: a new mass on the right, a group of calcifications that grew on the left."""
    return draw_exam(102)


@pytest.fixture(scope="session")
def fatty() -> PhantomExam:
    """Fatty breasts without a prior: a mass, a group of calcifications and a distortion on the left."""
    return draw_exam(160)
