"""The published image models: their layout, what is refused, mixed batches, kept prior maps, any size."""

import csv
import pickle

import pytest
import torch

from mammoscribe.models.biovil.files import read_checkpoint, write_joint
from mammoscribe.models.biovil.image_model import JointImageConfig, JointImageModel, load_image_model
from mammoscribe.support.errors import InputError
from tests.models.tiny_joint import tiny_image_model, write_published_image


@pytest.fixture(scope="module")
def model() -> JointImageModel:
    return tiny_image_model()


def assert_equal(one, other):
    for field in one._fields:
        torch.testing.assert_close(getattr(one, field), getattr(other, field), msg=field)


@pytest.mark.parametrize(("takes_priors", "count"), [(True, 27_349_928), (False, 25_835_944)])
def test_default_configurations_have_the_published_parameter_counts(takes_priors, count):
    with torch.device("meta"):
        model = JointImageModel(JointImageConfig(takes_priors=takes_priors))
    unused_classifier = 1000 * 2048 + 1000
    assert sum(p.numel() for p in model.parameters()) == count - unused_classifier


@pytest.mark.real
@pytest.mark.parametrize(("takes_priors", "table"), [(True, "biovil_t_keys.tsv"), (False, "biovil_keys.tsv")])
def test_keys_shapes_and_order_are_those_of_the_published_file(data_root, takes_priors, table):
    rows = csv.reader((data_root.parent / "reference" / table).open(), delimiter="\t")
    published = [(r[0], r[1]) for r in rows if r and not r[0].startswith("encoder.encoder.fc.")]
    with torch.device("meta"):
        state = JointImageModel(JointImageConfig(takes_priors=takes_priors)).state_dict()
    assert sorted((name, str(tuple(value.shape))) for name, value in state.items()) == sorted(published)


@pytest.mark.parametrize("takes_priors", [True, False])
def test_a_published_file_loads_whole_and_the_classifier_alone_is_reported(tmp_path, takes_priors):
    written = write_published_image(tmp_path / "m.pt", takes_priors)
    loaded = load_image_model(tmp_path / "m.pt")
    assert loaded.ignored == ("encoder.encoder.fc.weight", "encoder.encoder.fc.bias")
    assert not loaded.model.training
    image = torch.rand(1, 3, 64, 64)
    assert_equal(loaded.model(image), written(image))


@pytest.mark.parametrize("takes_priors", [True, False])
def test_a_copy_of_ours_is_the_same_model_and_remembers_the_published_file(tmp_path, takes_priors):
    write_published_image(tmp_path / "m.pt", takes_priors)
    published = load_image_model(tmp_path / "m.pt")
    card = write_joint(published.model, tmp_path / "image.safetensors", "x", read_checkpoint(tmp_path / "m.pt"))
    ours = load_image_model(tmp_path / "image.safetensors")
    assert ours.source_sha256 == published.sha256 == card.source_sha256
    assert ours.ignored == ()
    assert (tmp_path / "image.safetensors").stat().st_mode & 0o777 == 0o644
    image = torch.rand(1, 3, 64, 64)
    assert_equal(ours.model(image), published.model(image))


def test_a_copy_that_is_not_what_its_card_says_is_refused(tmp_path):
    write_published_image(tmp_path / "m.pt")
    source = read_checkpoint(tmp_path / "m.pt")
    write_joint(tiny_image_model(), tmp_path / "image.safetensors", "x", source)
    other = tiny_image_model(joint_dim=8)
    write_joint(other, tmp_path / "other.safetensors", "x", source)
    (tmp_path / "other.safetensors").replace(tmp_path / "image.safetensors")
    with pytest.raises(InputError, match="another SHA-256 than its card"):
        load_image_model(tmp_path / "image.safetensors")


@pytest.mark.parametrize(
    "changed",
    [
        {"encoder.extra": torch.zeros(1)},
        {"encoder.encoder.fc.other": torch.zeros(1)},
        {"projector.model.3.bias": None},
        {"encoder.vit_pooler.type_embed": torch.zeros(2, 1, 31)},
        {"encoder.encoder.conv1.weight": None},
        {"encoder.encoder.conv1.weight": torch.tensor(1.0)},
        {"projector.model.3.weight": torch.tensor(1.0)},
    ],
    ids=["unexpected", "not the classifier", "missing", "misshapen", "no stem", "flat stem", "flat projector"],
)
def test_a_file_of_another_layout_is_refused(tmp_path, changed):
    write_published_image(tmp_path / "m.pt", **changed)
    with pytest.raises(InputError, match="layout"):
        load_image_model(tmp_path / "m.pt")


@pytest.mark.parametrize("content", [b"", b"no checkpoint", pickle.dumps({"a": 1}, 2)])
def test_what_is_no_checkpoint_is_refused(tmp_path, content):
    (tmp_path / "m.pt").write_bytes(content)
    with pytest.raises(InputError, match=r"m\.pt"):
        load_image_model(tmp_path / "m.pt")


class Code:
    def __reduce__(self):
        return (print, ("code in a checkpoint was run",))


def test_code_in_a_checkpoint_is_not_run(tmp_path, capsys):
    torch.save({"encoder.encoder.conv1.weight": Code()}, tmp_path / "m.pt")
    with pytest.raises(InputError, match=r"m\.pt"):
        load_image_model(tmp_path / "m.pt")
    assert capsys.readouterr().out == ""


def test_a_checkpoint_of_other_things_than_tensors_is_refused(tmp_path):
    for content in ({"model": {"a": torch.zeros(1)}}, {1: torch.zeros(1)}, torch.zeros(2)):
        torch.save(content, tmp_path / "m.pt")
        with pytest.raises(InputError, match="other things than tensors"):
            load_image_model(tmp_path / "m.pt")


def test_nobody_is_told_to_read_a_checkpoint_without_care(tmp_path):
    torch.save(Code(), tmp_path / "m.pt")
    with pytest.raises(InputError, match=r"\(a pickle of other things\)") as caught:
        load_image_model(tmp_path / "m.pt")
    assert "weights_only" not in str(caught.value)


def test_the_replaced_upload_is_refused_with_its_reason(tmp_path, monkeypatch):
    write_published_image(tmp_path / "m.pt")
    monkeypatch.setattr("mammoscribe.models.biovil.files.sha256_of", lambda path: "146c2441" + "0" * 56)
    with pytest.raises(InputError, match="replaced on 2023-03-20"):
        load_image_model(tmp_path / "m.pt")


@torch.no_grad()
def test_rows_with_and_without_prior_in_one_batch_equal_separate_passes(model):
    images, priors = torch.rand(3, 3, 64, 96), torch.rand(2, 3, 64, 96)
    mixed = model(images, priors, torch.tensor([True, False, True]))
    for row, prior in ((0, priors[:1]), (1, None), (2, priors[1:])):
        alone = model(images[row : row + 1], prior)
        assert_equal(type(mixed)(*(value[row : row + 1] for value in mixed)), alone)
    assert (mixed.projected_global[0] - model(images[:1], priors[1:]).projected_global[0]).abs().max() > 1e-4


@torch.no_grad()
def test_a_kept_prior_map_gives_what_the_prior_gives(model):
    images, priors = torch.rand(2, 3, 64, 64), torch.rand(2, 3, 64, 64)
    assert_equal(model(images, previous_maps=model.prior_maps(priors)), model(images, priors))


@torch.no_grad()
def test_outputs_are_the_means_the_reference_takes(model):
    out = model(torch.rand(2, 3, 96, 64))
    assert [tuple(value.shape) for value in out] == [(2, 64, 3, 2), (2, 64), (2, 16, 3, 2), (2, 16)]
    torch.testing.assert_close(out.pooled, out.patches.mean((2, 3)))
    torch.testing.assert_close(out.projected_global, out.projected_patches.mean((2, 3)))
    of_the_mean = model.projector(out.pooled[:, :, None, None])[:, :, 0, 0]
    assert (of_the_mean - out.projected_global).abs().max() > 1e-4


IMAGES, PRIOR, MAPS = torch.zeros(2, 3, 64, 64), torch.zeros(1, 3, 64, 64), torch.zeros(1, 32, 2, 2)


@pytest.mark.parametrize(
    ("priors", "message"),
    [
        ({"previous": PRIOR}, "1 priors for 2 rows"),
        ({"previous": PRIOR, "has_prior": torch.tensor([True, True])}, "1 priors for 2 rows"),
        ({"has_prior": torch.tensor([True, False])}, "0 priors for 1 rows"),
        ({"previous": PRIOR, "previous_maps": MAPS, "has_prior": torch.tensor([True, False])}, "one of the two"),
        ({"previous": torch.zeros(1, 3, 64, 32), "has_prior": torch.tensor([True, False])}, "size of the current"),
        ({"previous_maps": torch.zeros(1, 32, 2, 3), "has_prior": torch.tensor([True, False])}, "prior maps of shape"),
        ({"previous": PRIOR, "has_prior": torch.tensor([True])}, "has_prior of shape"),
    ],
)
def test_priors_that_do_not_fit_are_refused(model, priors, message):
    with pytest.raises(InputError, match=message):
        model(IMAGES, **priors)


@pytest.mark.parametrize("use", [lambda m: m(IMAGES, IMAGES), lambda m: m.prior_maps(IMAGES)])
def test_biovil_refuses_priors(use):
    with pytest.raises(InputError, match="use biovil-t"):
        use(tiny_image_model(takes_priors=False))
