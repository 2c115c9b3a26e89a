"""The how-to of chat models holds: its commands run, with a server on loopback in place of the one that it starts."""

import shlex
import shutil
from importlib.resources import files

import pytest

from tests.chat_server import chat_server, lists, says
from tests.cli.conftest import run  # noqa: F401 (fixture)
from tests.cli.identified import visits_in
from tests.cli.tiny_reader import write_tiny_reader
from tests.docs.page import HOW_TO, commands
from tests.models.tiny_chat import learn_by_heart, question_about_an_exam, write_llava

pytest.importorskip("transformers")
PAGE = HOW_TO / "chat_endpoints.md"
MODEL = "llava-hf/llava-1.5-7b-hf"
ANSWER = "No mass in the right breast. There is a halo of gold in the left breast."


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """What the commands of the page name."""
    visits = visits_in(tmp_path / "archive")
    for name, visit in (("exam", "current"), ("exam_2024", "prior")):
        shutil.move(visits[visit][0].parent, tmp_path / name)
    for name, number in (("right_cc.png", 0), ("right_mlo.png", 2)):
        shutil.copy(tmp_path / "exam" / f"scan_kow{number}.dcm", tmp_path / name)
    (tmp_path / "report_2024.txt").write_text("Mrs. Doe. No mass in the left breast.")
    (tmp_path / "manifest.csv").write_text("exam_id,path\n" + "".join(f"e1,exam/scan_kow{n}.dcm\n" for n in range(4)))
    shutil.copy(files("mammoscribe.writers").joinpath("chat_prompts.toml"), tmp_path / "mine.toml")
    write_tiny_reader(_made(tmp_path / "tiny"))
    local = write_llava(tmp_path / "llava-1.5-7b-hf", positions=4096)
    learn_by_heart(local, "There is a halo of silver in the left breast.", question_about_an_exam())
    monkeypatch.chdir(tmp_path)
    return tmp_path


def _made(path):
    path.mkdir()
    return path


def test_the_commands_of_the_page_run(run, folder):  # noqa: F811
    lines = [line for line in commands(PAGE) if line.startswith("mammoscribe ")]
    assert len(lines) == 9
    with chat_server(says(ANSWER, model=MODEL), models=lists(MODEL)) as chat:
        for line in lines:
            words = shlex.split(line.replace("http://localhost:8000/v1", chat.url))[1:]
            short = [] if "--chat-endpoint" in words else ["--chat-tokens", "40"]
            shown = run(*words, *short, *([] if words[0] == "chat" else ["--model", "tiny"]))
            assert shown.exit_code == 0, shown.output
    assert len(chat.questions) == 5  # --retry-errors found nothing to read again
    assert "of them, with reasons in the report" in (folder / "results.csv").read_text()
    assert "the gate refused 1 of them" in (folder / "results_folder.csv").read_text()
    assert "halo of gold" in (folder / "reports" / "e1" / "report.json").read_text()
