"""Word documents."""

import zipfile

import pytest

from mammoscribe.data.formats.docx import docx_text
from mammoscribe.support.errors import InputError
from tests.data.datasets.makers.cdd_cesm import write_docx

HEAD = '<w:document xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"><w:body>'


def packed(path, content):
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("word/document.xml", content)
    return path


def test_every_paragraph_is_a_line(tmp_path):
    assert docx_text(write_docx(tmp_path / "a.docx", "First <1>", "", "Second")) == "First <1>\n\nSecond"


def test_runs_are_joined_and_tabs_and_breaks_are_kept(tmp_path):
    body = "<w:p><w:r><w:t>Den</w:t></w:r><w:r><w:t>se</w:t><w:tab/><w:t>c</w:t><w:br/><w:t>end</w:t></w:r></w:p>"
    assert docx_text(packed(tmp_path / "a.docx", f"{HEAD}{body}</w:body></w:document>")) == "Dense\tc\nend"


def test_entities_are_refused_before_they_are_followed(tmp_path):
    bomb = f'<!DOCTYPE x [<!ENTITY a "aaaa">]>{HEAD}<w:p><w:r><w:t>&a;</w:t></w:r></w:p></w:body></w:document>'
    with pytest.raises(InputError, match="declares entities"):
        docx_text(packed(tmp_path / "a.docx", bomb))


def test_damage_and_other_files_are_one_sentence(tmp_path):
    with pytest.raises(InputError, match="is damaged"):
        docx_text(packed(tmp_path / "a.docx", HEAD))
    with zipfile.ZipFile(tmp_path / "b.docx", "w") as archive:
        archive.writestr("other.xml", "<a/>")
    with pytest.raises(InputError, match="no Word document"):
        docx_text(tmp_path / "b.docx")
    (tmp_path / "c.docx").write_bytes(b"a text")
    with pytest.raises(InputError, match="not an archive"):
        docx_text(tmp_path / "c.docx")
