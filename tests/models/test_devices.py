"""Devices: one that is not there is a sentence; the networks of a reader run where they were put, and nothing is mixed."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from mammoscribe.domain.view import Origin
from mammoscribe.evaluation.reading_records import decode_phantom
from mammoscribe.models.devices import chosen_device, mixed_precision
from mammoscribe.phantom import TRAINING_SPEC, draw_exam
from mammoscribe.reading import load_reader, read_exam
from mammoscribe.support.errors import InputError
from mammoscribe.writers.decoder import DecoderAuthor
from tests.models.pretended_device import PretendedDevice
from tests.models.tiny_space import mammogram, tiny_space


@pytest.fixture
def two_cuda_devices(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)


@pytest.fixture
def only_the_cpu(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)


@pytest.mark.parametrize(
    ("name", "device"), [("cpu", "cpu"), ("cuda", "cuda:0"), ("cuda:1", "cuda:1"), ("cuda:01", "cuda:1")]
)
def test_a_device_that_is_there_is_taken(two_cuda_devices, name, device):
    assert chosen_device(name) == torch.device(device)


@pytest.mark.parametrize("name", ["cuda:2", "cuda:9999999999999999999999"])
def test_a_cuda_device_of_too_high_a_number_is_refused_with_those_that_are_there(two_cuda_devices, name):
    with pytest.raises(InputError, match=r"cuda:[29]+.*cpu, cuda:0, cuda:1"):
        chosen_device(name)


@pytest.mark.parametrize("name", ["cuda", "cuda:0", "mps"])
def test_a_device_that_is_not_there_is_refused(only_the_cpu, name):
    with pytest.raises(InputError, match=f"--device {name}, which torch does not find here; expected one of cpu"):
        chosen_device(name)


@pytest.mark.parametrize("name", ["", "gpu", "CUDA", "cuda:", "cuda:-1", "cuda:x", "mps:1", "cpu:0", "cuda:²", "xla"])
def test_a_name_that_is_no_device_is_refused_with_the_names(only_the_cpu, name):
    with pytest.raises(InputError, match=r"cpu, cuda, cuda:1 or mps \(here there is cpu\)"):
        chosen_device(name)


@pytest.mark.parametrize("has_bf16", [True, False])
def test_networks_run_in_bfloat16_where_a_cuda_device_has_it(monkeypatch, has_bf16):
    monkeypatch.setattr(torch.cuda.amp.common, "amp_definitely_not_available", lambda: False)
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation=True: has_bf16)
    context = mixed_precision(torch.device("cuda:0"))
    assert (context._enabled, context.fast_dtype) == (has_bf16, torch.bfloat16)


@pytest.fixture
def film_with_prior():
    """One drawn view with its prior that passes for a patient's, so that every network has something to do."""
    drawn = next(e for e in (draw_exam(seed, TRAINING_SPEC) for seed in range(150_000, 150_050)) if e.exam.prior)
    views = tuple(
        replace(view, origin=Origin.ACQUIRED) for view in drawn.exam.views if view.name == drawn.exam.prior[0].name
    )
    return replace(drawn.exam, views=views), decode_phantom(drawn)


def test_a_reading_stays_on_the_device_of_its_networks_and_ends_on_the_cpu(film_with_prior):
    """A tensor on the wrong side is an error here, as it is with a real device."""
    exam, decode = film_with_prior
    used = set()
    with PretendedDevice() as device:
        reader = load_reader("starter", device.device)
        held = [device.holds(p) for part in reader.parts.values() for p in (*part.parameters(), *part.buffers())]
        networks = {"films": reader.film_net, "patches": reader.patch_net, "looks": reader.crop_refiner}
        for name, net in networks.items():
            assert net is not None
            net.register_forward_pre_hook(lambda *_, name=name: used.add(name))
        reading = read_exam(exam, reader, DecoderAuthor(reader), decode=decode, images=False)
    assert all(held)
    assert used == set(networks)
    assert reading.claims


def test_phantoms_and_films_are_seen_by_networks_on_the_device(tmp_path):
    space = tiny_space(norm="batch")
    image = space.prepare(mammogram(tmp_path / "R_CC.png"))
    with PretendedDevice() as device:
        for part in space.reader.parts.values():
            part.to(device.device)
        for origin in Origin:
            view = replace(image.prepared.view, origin=origin)
            seen = space.embed_images([replace(image, prepared=replace(image.prepared, view=view))])
            assert not device.holds(seen.whole) and np.isfinite(seen.whole.numpy()).all()
        assert not device.holds(space.embed_texts(["a mass"]))
