"""Drawn exams that several tests look at; drawing one takes about a second."""

from dataclasses import replace

import pytest

from mammoscribe.phantom import TRAINING_SPEC, GeneratorVersion, PhantomExam, draw_exam

VERSION_2 = replace(TRAINING_SPEC, prior_probability=0.0, generator=GeneratorVersion.V2)


@pytest.fixture(scope="session")
def with_prior() -> PhantomExam:
    """Dense breasts with a prior: a new mass on the right, a group of calcifications that grew on the left."""
    return draw_exam(102)


@pytest.fixture(scope="session")
def fatty() -> PhantomExam:
    """Fatty breasts without a prior: a mass, a group of calcifications and a distortion on the left."""
    return draw_exam(160)


@pytest.fixture(scope="session")
def on_film() -> PhantomExam:
    """Version 2: films with clips, staples and balls; an asymmetry on the right and a mass on the left."""
    return draw_exam(1309, VERSION_2)


@pytest.fixture(scope="session")
def with_implants() -> PhantomExam:
    """Version 2: detector pictures of two saline implants, with clips and balls on the nipples; two masses on the right."""
    return draw_exam(1186, VERSION_2)
