"""Files of conversations as people have them: what is read, and one sentence with its row for everything that is wrong."""

import codecs
import json
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from mammoscribe.data.catalogue import open_catalogue
from mammoscribe.data.exchange.chat import kept_chat, record_of
from mammoscribe.data.exchange.chat_entry import chat_of
from mammoscribe.data.exchange.chat_export import ChatOptions, export_chats
from mammoscribe.data.exchange.chat_import import chats_in, import_chats
from mammoscribe.data.exchange.flavours import Flavour, Views
from mammoscribe.data.exchange.prompts import read_prompts
from mammoscribe.data.records import ListedImage
from mammoscribe.support.errors import InputError
from tests.data.datasets.made import write_picture
from tests.data.some_records import exam, written

ENTRY = {
    "id": "a1",
    "image": "a.png",
    "conversations": [{"from": "human", "value": "<image>\nWhat is it?"}, {"from": "gpt", "value": "A lung."}],
}
TEXT = {"id": "t", "conversations": [{"from": "human", "value": "Hello"}, {"from": "gpt", "value": "Good day"}]}


@pytest.fixture
def pictures(tmp_path):
    """A folder with a.png, b.png, sub/c.png and B2.JPG."""
    for name in ("a.png", "b.png", "sub/c.png", "B2.JPG"):
        write_picture(tmp_path / "pictures" / name)
    return tmp_path / "pictures"


def read(tmp_path, pictures, *entries, name="train.json", text=None):
    path = tmp_path / name
    if isinstance(text, bytes):
        path.write_bytes(text)
    else:
        path.write_text(json.dumps(list(entries)) if text is None else text, encoding="utf-8")
    return import_chats([path], pictures, tmp_path / "catalogue")


def ids(done):
    return [record.id for record in done.catalogue.records()]


def sentences(done):
    return [fault.error.sentence() for fault in done.tally.faults]


ONE_A_LINE = "\n".join(json.dumps({**ENTRY, "id": name}, ensure_ascii=False) for name in ("a", "ñ"))


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("train.jsonl", ONE_A_LINE),
        ("train.jsonl", f"\n{ONE_A_LINE}\n\n"),
        ("train.jsonl", ONE_A_LINE.replace("\n", "\r\n")),
        ("train.jsonl", codecs.BOM_UTF8 + ONE_A_LINE.encode()),
        ("train.json", ONE_A_LINE),
        ("train.jsonl", f"[{ONE_A_LINE.replace(chr(10), ',')}]"),
        ("train.json", codecs.BOM_UTF8 + f"[{ONE_A_LINE.replace(chr(10), ',')}]".encode()),
        ("train.json", f"[{ONE_A_LINE.replace(chr(10), ',')},]"),
        ("train.JSONL", ONE_A_LINE),
    ],
)
def test_lists_and_lines_are_read_whatever_the_suffix(name, text, tmp_path, pictures):
    done = read(tmp_path, pictures, name=name, text=text)
    assert ids(done) == ["a", "ñ"] and not done.tally.faults
    assert {record.split for record in done.catalogue.records()} == ({"train"} if "." in name else None)


def test_one_entry_alone_on_a_line_is_read(tmp_path, pictures):
    assert ids(read(tmp_path, pictures, text=json.dumps(ENTRY))) == ["a1"]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (json.dumps([ENTRY]).encode("utf-16"), "is not in UTF-8"),
        (json.dumps([ENTRY]).encode("utf-16-le"), "is not in UTF-8"),
        (json.dumps({"data": [ENTRY], "version": 1}), "one JSON object, with the keys data, version"),
        (json.dumps({"data": [ENTRY], "version": 1}, indent=1), "begins with one JSON object, with the key data"),
        ("{}", "is an empty JSON object"),
        (json.dumps(ENTRY, indent=1), "begins with one JSON object, with the key id"),
        ("", "is not a JSON list"),
        ("no", "is not a JSON list"),
        ("[]", r"train\.json has no entries"),
    ],
)
def test_what_is_no_list_of_entries_is_one_sentence(text, told, tmp_path, pictures):
    with pytest.raises(InputError, match=told):
        read(tmp_path, pictures, text=text)
    assert not (tmp_path / "catalogue").exists()


@pytest.mark.parametrize(
    "line",
    ["{", "nonsense", '{"id": 1e999999}', "[" * 100_000, '{"id": ' + "9" * 5000 + "}", '"text"', "null", "{}"],
)
def test_a_line_that_is_no_entry_is_a_fault_and_the_others_are_read(line, tmp_path, pictures):
    text = "\n".join([json.dumps(ENTRY), line, json.dumps(TEXT)])
    done = read(tmp_path, pictures, name="train.jsonl", text=text)
    assert ids(done) == ["a1", "t"] and len(done.tally.faults) == 1
    assert done.tally.faults[0].where.startswith("train.jsonl")


@pytest.mark.parametrize("first", ["{", '{"id": "x", "conversations": [', json.dumps(ENTRY) + ","])
def test_a_first_line_that_is_broken_does_not_stop_the_others(first, tmp_path, pictures):
    done = read(tmp_path, pictures, name="train.jsonl", text=f"{first}\n{json.dumps(TEXT)}\n")
    assert ids(done) == ["t"] and "train.jsonl line 1 is not JSON" in sentences(done)[0]


def test_a_file_that_breaks_off_gives_what_was_whole(tmp_path, pictures):
    done = read(tmp_path, pictures, text=json.dumps([ENTRY, TEXT])[:-30])
    assert ids(done) == ["a1"]
    assert "breaks off" in sentences(done)[0]


def test_letters_in_another_encoding_are_read_right_or_refused_and_never_replaced(tmp_path, pictures):
    bad = {**TEXT, "id": "bad", "conversations": [TEXT["conversations"][0], {"from": "gpt", "value": "nódulo"}]}
    text = json.dumps([ENTRY, bad], ensure_ascii=False).encode("latin-1")
    done = read(tmp_path, pictures, text=text)
    found = {record.id: record.report.raw for record in done.catalogue.records()}
    assert found.get("bad", "nódulo") == "nódulo" and "a1" in found
    told = "train.json entry 2 (id 'bad'): turn 2 holds characters that are not UTF-8"
    assert "bad" in found or told in sentences(done)[0]


@pytest.mark.parametrize(
    ("path", "found"),
    [("sub/c.png", "sub/c.png"), ("sub\\c.png", "sub/c.png"), ("./a.png", "a.png"), ("sub/../a.png", "a.png")],
)
def test_a_path_is_read_however_it_is_written(path, found, tmp_path, pictures):
    done = read(tmp_path, pictures, {**ENTRY, "image": path}, {**ENTRY, "image": str(pictures / "b.png")})
    assert [record.images[0].path for record in done.catalogue.records()] == [found, "b.png"]


def test_a_whole_path_through_a_link_to_the_folder_is_inside_it(tmp_path, pictures):
    (tmp_path / "link").symlink_to(pictures)
    done = read(tmp_path, pictures, {**ENTRY, "image": str(tmp_path / "link" / "a.png")})
    assert next(done.catalogue.records()).images[0].path == "a.png"


def test_a_name_with_accents_in_another_form_is_the_same_name(tmp_path, pictures):
    decomposed = unicodedata.normalize("NFD", "Ümlaut ñ.png")
    write_picture(pictures / decomposed)
    done = read(tmp_path, pictures, {**ENTRY, "image": unicodedata.normalize("NFC", decomposed)})
    assert next(done.catalogue.records()).images[0].path == decomposed


@pytest.mark.parametrize(
    ("path", "told"),
    [
        ("none.png", "none.png is not there"),
        ("b2.jpg", "did you mean B2.JPG?"),
        ("sub/c.jpg", "did you mean c.png?"),
        ("pictures/a.png", "give --images"),
        ("broken.png", "broken.png"),
        ("empty.png", "empty.png is empty"),
        ("sub", "sub is not there"),
        (".", "inside the dataset's folder"),
        ("../secret.png", "inside the dataset's folder"),
        ("..\\secret.png", "inside the dataset's folder"),
        ("sub/../../secret.png", "inside the dataset's folder"),
        ("/etc/passwd", "inside the dataset's folder"),
        ("C:\\scans\\a.png", "is not there"),
        ("https://example.org/x.png", "nothing is fetched"),
        ("s3://bucket/x.png", "nothing is fetched"),
        ("data:image/png;base64,aGk=", "nothing is fetched"),
        ("a\0.png", "inside the dataset's folder"),
        ("\ud800.png", "inside the dataset's folder"),
        ("x" * 5000 + ".png", "is not there"),
        ("\x1b[31m.png", "\\x1b[31m.png is not there"),
    ],
)
def test_a_picture_that_cannot_be_used_is_one_sentence_and_the_others_are_read(path, told, tmp_path, pictures):
    (pictures / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\nbroken")
    (pictures / "empty.png").touch()
    (tmp_path / "secret.png").write_bytes((pictures / "a.png").read_bytes())
    done = read(tmp_path, pictures, {**ENTRY, "image": path}, {**ENTRY, "id": "good"})
    assert ids(done) == ["good"]
    (fault,) = done.tally.faults
    assert fault.where == "train.json entry 1"
    assert fault.error.sentence().startswith("train.json entry 1 (id 'a1'): ") and told in fault.error.sentence()
    assert len(fault.error.sentence()) < 700 and "\x1b" not in fault.error.sentence()


def test_every_bad_row_is_named_and_none_stops_another(tmp_path, pictures):
    bad = [{**ENTRY, "conversations": []}, {**ENTRY, "imge": ENTRY["image"], "image": None}, 3, {**TEXT, "video": "v"}]
    done = read(tmp_path, pictures, *bad, ENTRY, TEXT)
    assert ids(done) == ["a1", "t"]
    assert [fault.where for fault in done.tally.faults] == [f"train.json entry {n}" for n in range(1, 5)]


def test_ids_that_come_twice_or_not_at_all_become_unique(tmp_path, pictures):
    names = ["a", "a", "a#2", "", None, 7, "a"]
    entries = [{**ENTRY, "id": name} for name in names]
    del entries[4]["id"]
    assert ids(read(tmp_path, pictures, *({**ENTRY, "id": name} for name in ("a#2", "a", "a")))) == ["a#2", "a", "a#3"]
    assert ids(read(tmp_path, pictures, *entries)) == ["a", "a#2", "a#2#2", "train-1", "train-2", "7", "a#3"]


VALUES = st.text(st.characters(exclude_categories=("Cs",)), min_size=1).filter(
    lambda t: t.strip() and not any(token in t for token in ("<image>", "<video>", "<audio>"))
)
KEYS = st.sampled_from(("source", "weight"))
JSON = st.none() | st.integers() | VALUES | st.lists(st.integers(), max_size=2)


@given(
    name=VALUES | st.integers(),
    paths=st.lists(st.sampled_from(("a.png", "b/c.jpg")), max_size=3),
    texts=st.lists(st.tuples(VALUES, VALUES), max_size=2),
    system=st.none() | VALUES,
    extra=st.dictionaries(KEYS, JSON),
    turn_extra=st.dictionaries(KEYS, JSON),
)
def test_every_conversation_survives_being_a_record(name, paths, texts, system, extra, turn_extra):
    turns = [{"from": "human", "value": "<image>" * len(paths) + "?"}, {"from": "gpt", "value": "!", **turn_extra}]
    turns = [{"from": "system", "value": system}] * (system is not None) + turns
    for asked, answered in texts:
        turns += [{"from": "human", "value": asked}, {"from": "gpt", "value": answered}]
    chat = chat_of({"id": name, "images": paths, "conversations": turns, **extra})
    record = record_of(chat, "unique", [ListedImage(path) for path in paths], None)
    assert kept_chat(record, paths, record.conversation) == chat


def test_json_to_catalogue_to_json_is_the_same(tmp_path, pictures):
    entries = [
        {**ENTRY, "image": ["a.png"]},
        {**ENTRY, "image": ["a.png"], "conversations": [*ENTRY["conversations"], *TEXT["conversations"]]},
        {**ENTRY, "id": 7, "image": ["b.png"], "source": {"set": "mine"}},
        {**TEXT, "conversations": [TEXT["conversations"][0], {"from": "gpt", "value": "Ja", "weight": 0}]},
    ]
    done = read(tmp_path, pictures, *entries)
    assert not done.tally.faults and ids(done) == ["a1", "a1#2", "7", "t"]
    assert {r.split for r in done.catalogue.records()} == {"train"}
    export_chats(done.catalogue, tmp_path / "again", ChatOptions(Flavour.LLAVA_NEXT, Views.TOGETHER, read_prompts()))
    assert json.loads((tmp_path / "again" / "all.json").read_text()) == entries


@pytest.fixture
def exported(tmp_path):
    """A catalogue of two exams and its export for LLaVA-NeXT."""
    catalogue = written([exam("e1"), exam("e2", "p2")], tmp_path)
    export_chats(catalogue, tmp_path / "llava", ChatOptions(Flavour.LLAVA_NEXT, Views.TOGETHER, read_prompts()))
    return tmp_path / "llava"


def again(folder, name="again"):
    return import_chats([folder / "all.json"], folder / "images", folder.parent / name)


def test_with_its_sidecar_a_file_comes_back_as_the_records_it_was_made_of(exported, tmp_path):
    done = again(exported)
    assert not done.tally.faults
    assert list(open_catalogue(tmp_path / "again").records()) == list(open_catalogue(tmp_path / "catalogue").records())


def test_an_entry_that_was_edited_beside_its_sidecar_is_an_error_not_overruled(exported):
    path = exported / "all.json"
    path.write_text(path.read_text().replace("A mass.", "No mass.", 1))
    done = again(exported)
    assert ids(done) == ["e2"]
    assert "not as it was exported" in sentences(done)[0]
    (exported / "all.records.jsonl").unlink()
    assert "No mass." in next(again(exported, "alone").catalogue.records()).report.raw


@pytest.mark.parametrize(("change", "told"), [
    (lambda lines: lines[:1], "the sidecar has no record for it"),
    (lambda lines: [lines[0], "{}\n"], "the sidecar's line for"),
    (lambda lines: [lines[0], "[" * 100_000 + "\n"], "the sidecar's line for"),
])  # fmt: skip
def test_a_damaged_sidecar_is_one_sentence(change, told, exported):
    sidecar = exported / "all.records.jsonl"
    sidecar.write_text("".join(change(sidecar.read_text().splitlines(keepends=True))))
    done = again(exported)
    assert ids(done) == ["e1"] and told in sentences(done)[0]


def test_files_and_folders_that_are_absent_are_one_sentence(tmp_path, pictures):
    with pytest.raises(InputError, match="is not a folder"):
        read(tmp_path, tmp_path / "none", ENTRY)
    with pytest.raises(InputError, match=r"none\.json is not there"):
        import_chats([tmp_path / "none.json"], pictures, tmp_path / "catalogue")


def test_a_picture_of_many_conversations_is_opened_once(tmp_path, pictures, monkeypatch):
    from mammoscribe.data.exchange import chat_import

    opened = []
    monkeypatch.setattr(chat_import, "decode", lambda path, frame: opened.append(path) or Image.open(path))
    done = read(tmp_path, pictures, *({**ENTRY, "id": n} for n in range(5)))
    assert len(ids(done)) == 5 and len(opened) == 1


def test_conversations_are_read_one_by_one_without_a_catalogue_and_what_is_wrong_is_named(tmp_path, pictures):
    path = tmp_path / "some.json"
    both = {**ENTRY, "id": 7, "image": ["sub\\c.png", "b.png"]}
    both["conversations"] = [{"from": "human", "value": "<image>\n<image>\nBoth?"}, {"from": "gpt", "value": "Yes."}]
    path.write_text(json.dumps([ENTRY, TEXT, both]))
    found = list(chats_in(path, pictures))
    assert [name for name, _ in found] == [
        "some.json entry 1 (id 'a1')",
        "some.json entry 2 (id 't')",
        "some.json entry 3 (id 7)",
    ]
    assert [chat.pictures for _, chat in found] == [("a.png",), (), ("sub/c.png", "b.png")]
    assert found[2][1].turns[0].text == "<image>\n<image>\nBoth?"
    wrong = {
        "entry 2 .*is not there": [TEXT, {**ENTRY, "image": "other.png"}], "entry 1 .*2 <image>": [{**both, "image": "a.png"}],
        "entry 2: an entry that is": [TEXT, 3], "no entries": [],
    }  # fmt: skip
    for message, entries in wrong.items():
        path.write_text(json.dumps(entries))
        with pytest.raises(InputError, match=message):
            list(chats_in(path, pictures))
    path.write_text(json.dumps([TEXT, TEXT])[:-9])
    with pytest.raises(InputError, match="breaks off"):
        list(chats_in(path, pictures))
    with pytest.raises(InputError, match="is not there"):
        list(chats_in(tmp_path / "none.json", pictures))
