"""Zero-shot: the published protocol, and prompt files that are checked."""

from pathlib import Path

import pytest
import torch
import torch.nn.functional as F

from mammoscribe.domain.finding import FindingType
from mammoscribe.explain.zero_shot import (
    PromptSet,
    classify,
    mammography_prompts,
    prompt_sides,
    published_prompts,
    read_prompts,
)
from mammoscribe.support.errors import InputError, InvalidNoun
from tests.explain.fake_space import BrightnessSpace, RawSpace, spot_png

SIDES = PromptSet("light", ("bright place", "bright spot"), ("dark place", "no dark spot"))


def prompt_file(folder: Path, text: str) -> Path:
    path = folder / "mine.toml"
    path.write_text(text)
    return path


def test_a_side_is_the_mean_of_its_prompts_and_the_score_the_difference(tmp_path):
    space = BrightnessSpace()
    image = space.prepare(spot_png(tmp_path / "a.png", 60, 60))
    mixed = PromptSet("mixed", ("bright", "a lump"), ("dark",))
    (score,) = classify(space, [image], [mixed])[0]
    whole = F.normalize(space.embed_images([image]).whole[0], dim=0)
    positive = F.normalize(space.embed_texts(mixed.positive).mean(0), dim=0)
    negative = space.embed_texts(mixed.negative)[0]
    assert score.positive == pytest.approx(float(whole @ positive), abs=1e-6)
    assert score.difference == pytest.approx(float(whole @ positive - whole @ negative), abs=1e-6)


def test_prompts_are_averaged_before_normalising_where_the_space_allows_it(tmp_path):
    space = RawSpace()
    image = space.prepare(spot_png(tmp_path / "a.png", 60, 60))
    mixed = PromptSet("mixed", ("bright", "dark"), ("a lump",))
    (score,) = classify(space, [image], [mixed])[0]
    whole = F.normalize(space.embed_images([image]).whole[0], dim=0)
    expected = F.normalize(torch.tensor([3.0, 1.0, 0, 0, 0, 0]), dim=0)
    assert score.positive == pytest.approx(float(whole @ expected), abs=1e-6)


def test_a_bright_picture_is_nearer_to_the_bright_side_and_a_dark_one_is_not(tmp_path):
    space = BrightnessSpace(whole=False)
    pictures = [spot_png(tmp_path / f"{n}.png", 60, 80, side=n) for n in (100, 10)]
    bright, dark = classify(space, [space.prepare(p) for p in pictures], [SIDES])
    assert bright[0].difference > 0 > dark[0].difference
    assert bright[0].name == "light"


def test_the_published_prompts_take_any_class():
    found = published_prompts("edema")
    assert found.name == "edema"
    assert found.positive[0] == "Findings consistent with edema"
    assert found.negative == (
        "There is no edema",
        "No evidence of edema",
        "No evidence of acute edema",
        "No signs of edema",
    )
    assert len(found.positive) == 4


def test_every_finding_type_has_its_prompts():
    assert {s.name for s in mammography_prompts()} == {t.value for t in FindingType}


def test_a_users_file_is_read_with_its_classes(tmp_path):
    path = prompt_file(
        tmp_path,
        '[lung]\nclasses = ["edema", "mass"]\npositive = ["{name} seen"]\nnegative = ["no {name}"]\n'
        '[plain]\npositive = ["x"]\nnegative = ["y", "z"]\n',
    )
    sets = read_prompts(path)
    assert [s.name for s in sets] == ["edema", "mass", "plain"]
    assert sets[1] == PromptSet("mass", ("mass seen",), ("no mass",))


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("a = [", "is not TOML"),
        ("", "holds no prompt set"),
        ("positive = ['a']", "stands outside of a table"),
        ("[a]\npositives = ['a']", "'positives'"),
        ("[a]\npositive = 'a'", "no list of texts"),
        ("[a]\npositive = ['a']", "no negative prompt"),
        ("[a]\npositive = ['a']\nnegative = [' ']", "empty negative prompt"),
        ("[a]\npositive = ['a']\nnegative = ['a']", "a prompt twice"),
        ("[a]\npositive = ['{name}']\nnegative = ['b']", "no classes"),
        ("[a]\nclasses = ['c']\npositive = ['{name}']\nnegative = ['b']", "in every prompt"),
        ("[a]\nclasses = []\npositive = ['{name}']\nnegative = ['no {name}']", "at least one"),
        ("[a]\npositive = ['a']\nnegative = ['b']\n[b]\nclasses = ['a']\npositive = ['{name}']\nnegative = ['no {name}']",
         "two prompt sets called a"),
    ],
)  # fmt: skip
def test_a_file_that_is_no_prompt_file_says_why(text, told, tmp_path):
    with pytest.raises(InputError, match=told) as caught:
        read_prompts(prompt_file(tmp_path, text))
    assert "mine.toml" in caught.value.sentence()


def test_a_file_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(InputError, match="no file of prompts"):
        read_prompts(tmp_path / "none.toml")


def test_a_prompt_set_without_name_cannot_be_built():
    with pytest.raises(InvalidNoun):
        PromptSet(" ", ("a",), ("b",))


def test_the_digest_is_of_the_prompts_and_not_of_their_order_or_name():
    same = PromptSet("other", tuple(reversed(SIDES.positive)), SIDES.negative)
    assert same.sha256 == SIDES.sha256
    assert PromptSet("light", SIDES.negative, SIDES.positive).sha256 != SIDES.sha256
    assert PromptSet("light", (*SIDES.positive, "bright area"), SIDES.negative).sha256 != SIDES.sha256
    assert PromptSet("light", (SIDES.positive[0],), (SIDES.positive[1], *SIDES.negative)).sha256 != SIDES.sha256


def test_sides_at_hand_give_the_same_scores(tmp_path):
    space = BrightnessSpace()
    image = space.prepare(spot_png(tmp_path / "a.png", 60, 60))
    assert classify(space, [image], [SIDES], prompt_sides(space, [SIDES])) == classify(space, [image], [SIDES])


def test_a_byte_order_mark_does_not_spoil_a_file_of_prompts(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_bytes(b"\xef\xbb\xbf[mass]\npositive = ['a mass']\nnegative = ['no mass']\n")
    assert [s.name for s in read_prompts(path)] == ["mass"]
