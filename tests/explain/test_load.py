"""Joint spaces by name, and options that a model does not use."""

import pytest

from mammoscribe.explain.load import load_space
from mammoscribe.support.errors import InputError


def test_a_folder_without_a_model_is_refused_with_what_it_lacks(tmp_path):
    with pytest.raises(InputError, match=r"no model in .* card\.json, or one of"):
        load_space(str(tmp_path))


def test_an_unknown_name_is_refused():
    with pytest.raises(InputError, match="no model 'nowhere'"):
        load_space("nowhere")


def test_a_mode_for_the_starter_is_refused():
    with pytest.raises(InputError, match="--mode whole for starter"):
        load_space("starter", "whole")


def test_bfloat16_for_the_starter_is_refused():
    with pytest.raises(InputError, match="--bfloat16 for starter, a reader"):
        load_space("starter", quick="bfloat16")


def test_options_of_a_published_folder_are_checked(tmp_path):
    (tmp_path / "biovil_t_image_model_proj_size_128.pt").write_bytes(b"")
    with pytest.raises(InputError, match="--view"):
        load_space(str(tmp_path), view_names={"a.png": "RCC"})
    with pytest.raises(InputError, match="--mode half"):
        load_space(str(tmp_path), "half")


def test_a_published_folder_loads_in_the_mode_asked_for(tmp_path):
    pytest.importorskip("transformers")
    from tests.models.tiny_joint import write_published_folder

    folder = str(write_published_folder(tmp_path / "m"))
    assert (load_space(folder).name, load_space(folder).mode) == ("biovil-t", "published")
    assert load_space(folder, "whole").mode == "whole"
