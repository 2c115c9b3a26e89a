"""`mammoscribe chat list` names what a lab has to know before it fetches gigabytes."""

from typer.testing import CliRunner

from mammoscribe.cli import app
from mammoscribe.models.chat.families import FAMILIES


def test_the_list_names_each_family_with_memory_views_and_terms():
    shown = CliRunner().invoke(app, ["chat", "list"])
    assert shown.exit_code == 0
    lines = shown.stdout.splitlines()
    for family in FAMILIES:
        first = next(n for n, line in enumerate(lines) if line.startswith(f"{family.name}:"))
        own = "\n".join(lines[first : first + 7])
        assert family.licence in own and f"at most {family.most_images}" in own and f"{family.context}" in own
        assert all(size.repository in own for size in family.sizes)
    text = shown.stdout
    assert "7.06 billion parameters; 14 GB to read with, 113 GB to fine-tune" in text
    assert "an exam fits: yes, with its prior: no" in text and "an exam fits: yes, with its prior: yes" in text


def test_four_views_of_576_tokens_fit_llava_and_eight_do_not():
    llava, qwen, *_ = FAMILIES
    assert 4 * 576 + 512 <= llava.context < 8 * 576 and llava.takes_exam and not llava.takes_prior
    assert qwen.takes_exam and qwen.takes_prior
