"""`mammoscribe chat list` names what a lab has to know before it fetches gigabytes."""

from typer.testing import CliRunner

from mammoscribe.cli import app
from mammoscribe.models.chat.families import (
    DEEPSEEK_VL,
    DEEPSEEK_VL_HYBRID,
    FAMILIES,
    GEMMA_3,
    LLAMA_3_2_VISION,
    LLAVA_1_5,
    LLAVA_MED,
    QWEN2_5_VL,
    QWEN2_VL,
)


def test_the_list_names_each_family_with_memory_views_and_terms():
    shown = CliRunner().invoke(app, ["chat", "list"])
    assert shown.exit_code == 0
    lines = shown.stdout.splitlines()
    for family in FAMILIES:
        first = next(n for n, line in enumerate(lines) if line.startswith(f"{family.name}:"))
        own = "\n".join(lines[first : first + 5 + len(family.sizes)])
        assert family.licence in own and f"at most {family.most_images}" in own and f"{family.context}" in own
        assert all(size.repository in own for size in family.sizes)
    text = shown.stdout
    assert "7.06 billion parameters; 14 GB to read with, 113 GB to fine-tune" in text
    assert "an exam fits: yes, with its prior: no" in text and "an exam fits: yes, with its prior: yes" in text


def test_four_views_of_576_tokens_fit_llava_and_eight_do_not():
    for family in (LLAVA_1_5, DEEPSEEK_VL, DEEPSEEK_VL_HYBRID):
        assert 4 * 576 + 512 <= family.context < 8 * 576 and family.takes_exam and not family.takes_prior
    for family in (QWEN2_VL, QWEN2_5_VL, LLAVA_MED, GEMMA_3):
        assert family.takes_exam and family.takes_prior


def test_a_montage_of_four_tiles_shows_an_exam_and_no_prior():
    assert LLAMA_3_2_VISION.takes_exam and not LLAMA_3_2_VISION.takes_prior
    lines = CliRunner().invoke(app, ["chat", "list"]).stdout.splitlines()
    own = lines[next(n for n, line in enumerate(lines) if line.startswith("llama-3.2-vision:")) :]
    assert (
        "montage, at most 4" in own[3] and "the picture is 1 token" in own[3] and "one picture, never cropped" in own[4]
    )
