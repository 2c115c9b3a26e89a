import hashlib
from importlib import resources

from mammoscribe.phantom import BENCH_V1
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
