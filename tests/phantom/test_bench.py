import hashlib
from dataclasses import replace
from importlib import resources

from mammoscribe.phantom import BENCH_V1, BENCH_V2, GeneratorVersion
from mammoscribe.phantom.bench import TRAINING_SEEDS, VALIDATION_SEEDS


def test_bench_v1_is_never_edited():
    text = resources.files("mammoscribe.phantom").joinpath("bench_v1.json").read_bytes()
    assert hashlib.sha256(text).hexdigest() == "b8a18c3ddd7395a61fec3064b0746e817f23128a1b2a0043247964e97467516c"


def test_bench_v1_has_200_seeds_far_from_those_trained_or_validated_on():
    assert len(set(BENCH_V1.seeds)) == 200
    assert min(BENCH_V1.seeds) >= 900_000
    assert not set(BENCH_V1.seeds) & (set(TRAINING_SEEDS) | set(VALIDATION_SEEDS))


def test_training_and_validation_seeds_do_not_meet():
    assert not set(TRAINING_SEEDS) & set(VALIDATION_SEEDS)


def test_bench_v2_is_never_edited():
    text = resources.files("mammoscribe.phantom").joinpath("bench_v2.json").read_bytes()
    assert hashlib.sha256(text).hexdigest() == "f5f9193b38ae5a2a2cc89e5a61c461b624bfda1c0e9810fa1aae405214dab46b"


def test_bench_v2_has_200_seeds_that_no_training_validation_or_other_bench_uses():
    assert len(set(BENCH_V2.seeds)) == 200
    for others in (TRAINING_SEEDS, VALIDATION_SEEDS, BENCH_V1.seeds):
        assert not set(BENCH_V2.seeds) & set(others)
    # seeds of trainings that were run, and of those that shall be: the notebook names them
    assert max(BENCH_V2.seeds) < 30_000_000


def test_the_benches_differ_in_their_generator_and_in_nothing_else_that_is_drawn():
    assert (BENCH_V1.spec.generator, BENCH_V2.spec.generator) == (GeneratorVersion.V1, GeneratorVersion.V2)
    assert replace(BENCH_V2.spec, name="bench_v1", generator=GeneratorVersion.V1) == BENCH_V1.spec
