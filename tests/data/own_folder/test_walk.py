"""Walking a lab's folder: patterns, order, links, names that no system can read, and what is never read."""

import os
from pathlib import PurePosixPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mammoscribe.data.dataset import Fault
from mammoscribe.data.own_folder.walk import files_of, fits, parsed_pattern, suffixes_in


def make(root, *names):
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text("x")


def walked(root, *patterns):
    items = list(files_of(root.resolve(), patterns))
    faults = {i.where: i.error.sentence() for i in items if isinstance(i, Fault)}
    return [i for i in items if not isinstance(i, Fault)], faults


NAMES = ("a/1.dcm", "a/b/2.DCM", "a/b/c/3.dcm", "a/x.png", "b/1.dcm", "top.dcm", "A1.txt")


@pytest.mark.parametrize(
    ("patterns", "expected"),
    [
        (["**/*.dcm"], ["a/1.dcm", "a/b/2.DCM", "a/b/c/3.dcm", "b/1.dcm", "top.dcm"]),
        (["*.dcm"], ["top.dcm"]),
        (["a/**/*.dcm"], ["a/1.dcm", "a/b/2.DCM", "a/b/c/3.dcm"]),
        (["a/*.dcm", "*.TXT"], ["A1.txt", "a/1.dcm"]),
        (["a/**"], ["a/1.dcm", "a/b/2.DCM", "a/b/c/3.dcm", "a/x.png"]),
        (["*/b/*"], ["a/b/2.DCM"]),
        (["./[ab]/?.dcm", "**/1.dcm"], ["a/1.dcm", "b/1.dcm"]),
        (["nowhere/**/*"], []),
    ],
)
def test_patterns_find_their_files_in_order_and_once(patterns, expected, tmp_path):
    make(tmp_path, *NAMES)
    assert walked(tmp_path, *patterns) == (expected, {})


@given(
    st.lists(st.sampled_from(["a", "b", "*", "?", "**", "*.x", "[ab]*"]), min_size=1, max_size=4),
    st.lists(st.sampled_from(["a", "b", "ab", "c.x"]), min_size=1, max_size=4),
)
def test_a_pattern_without_stars_for_folders_fits_as_in_python(pattern, parts):
    text, path = "/".join(pattern), "/".join(parts)
    ours = fits(parsed_pattern(text), parts)
    if "**" not in pattern:
        assert ours == (len(pattern) == len(parts) and PurePosixPath(path).match(text))
    else:
        start = pattern.index("**")
        choices = [[*pattern[:start], *["*"] * n, *pattern[start + 1 :]] for n in range(len(parts) + 1)]
        if start == len(pattern) - 1:
            choices = choices[1:]
        assert ours == any(fits(parsed_pattern("/".join(choice)), parts) for choice in choices if choice)


def test_hidden_files_and_what_systems_put_beside_files_are_never_read(tmp_path):
    make(tmp_path, ".a.dcm", ".git/1.dcm", "__MACOSX/1.dcm", "a/._1.dcm", "a/Thumbs.db", "a/1.dcm", "a/2.dcm")
    assert walked(tmp_path, "**/*") == (["a/1.dcm", "a/2.dcm"], {})
    assert list(files_of(tmp_path.resolve(), ["**/*"], frozenset({"a/2.dcm"}))) == ["a/1.dcm"]


def test_links_that_lead_out_nowhere_round_or_to_folders_are_told(tmp_path):
    root = tmp_path / "root"
    make(tmp_path, "secret/1.dcm", "root/a/1.dcm")
    os.symlink(tmp_path / "secret" / "1.dcm", root / "a" / "out.dcm")
    os.symlink("nothing", root / "a" / "broken.dcm")
    os.symlink("self.dcm", root / "a" / "self.dcm")
    os.symlink(root, root / "a" / "round")
    os.symlink(tmp_path / "secret", root / "outside")
    os.symlink("1.dcm", root / "a" / "same.dcm")
    os.symlink("nothing", root / "a" / "unasked.txt")
    names, faults = walked(root, "**/*.dcm")
    assert names == ["a/1.dcm", "a/same.dcm"]
    assert faults.keys() == {"a/out.dcm", "a/broken.dcm", "a/self.dcm", "a/round", "outside"}
    for where, told in {
        "a/out.dcm": "leads out of root", "a/broken.dcm": "leads nowhere", "a/self.dcm": "leads nowhere",
        "a/round": "a link to a folder, which is not followed", "outside": "leads out of root",
    }.items():  # fmt: skip
        assert told in faults[where]


@pytest.mark.parametrize("name", [b"a\xff.dcm", b"a\\b.dcm", b"c:x.dcm"])
def test_a_name_that_not_every_system_can_read_is_told(name, tmp_path):
    make(tmp_path, "good.dcm")
    (tmp_path / os.fsdecode(name)).write_text("x")
    names, faults = walked(tmp_path, "*.dcm")
    assert names == ["good.dcm"]
    (where,) = faults
    assert "rename it" in faults[where]
    where.encode("utf-8")


def test_what_is_no_file_is_passed_over(tmp_path):
    make(tmp_path, "a.dcm")
    (tmp_path / "folder.dcm").mkdir()
    os.mkfifo(tmp_path / "pipe.dcm")
    assert walked(tmp_path, "*.dcm") == (["a.dcm"], {})


def test_a_folder_that_cannot_be_read_is_told(tmp_path, monkeypatch):
    make(tmp_path, "a/1.dcm", "b/1.dcm")
    scandir = os.scandir

    def refusing(path):
        if str(path).endswith("a"):
            raise PermissionError(13, "Permission denied")
        return scandir(path)

    monkeypatch.setattr("mammoscribe.data.own_folder.walk.os.scandir", refusing)
    names, faults = walked(tmp_path, "**/*.dcm")
    assert names == ["b/1.dcm"] and "cannot be read (Permission denied)" in faults["a"]


def test_what_is_there_is_said_in_a_few_words(tmp_path):
    assert suffixes_in(tmp_path.resolve()) == "nothing"
    make(tmp_path, "a/1.png", "2.PNG", "IM1")
    assert suffixes_in(tmp_path.resolve()) == "2 .png, 1 without suffix"
