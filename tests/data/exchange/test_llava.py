"""LLaVA files: the exact format, both ways without loss, and one sentence for everything that is wrong."""

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from mammoscribe.data.catalogue import open_catalogue, write_splits
from mammoscribe.data.exchange.llava import answer_of, entry_of, read_prompts, record_of
from mammoscribe.data.exchange.llava_files import export_llava, import_llava
from mammoscribe.data.formats.json_lists import json_list
from mammoscribe.data.records import Kind, TextDocument
from mammoscribe.support.errors import InputError
from tests.data.datasets.made import write_dicom, write_picture
from tests.data.some_records import exam, report, study, written

PROMPTS = read_prompts()
ENTRY = {
    "id": "a1",
    "image": "a.png",
    "conversations": [{"from": "human", "value": "<image>\nWhat is it?"}, {"from": "gpt", "value": "A lung."}],
}


def prompts(tmp_path, text):
    (tmp_path / "p.toml").write_text(text)
    return read_prompts(tmp_path / "p.toml")


def llava(tmp_path, *entries, name="train"):
    write_picture(tmp_path / "pictures" / "a.png")
    write_picture(tmp_path / "pictures" / "b.png")
    path = tmp_path / f"{name}.json"
    path.write_text(json.dumps(list(entries)))
    return path


def test_one_picture_is_image_and_its_report_the_answer():
    assert entry_of(study("s1"), PROMPTS) == {
        "id": "s1",
        "image": "s1.png",
        "conversations": [
            {"from": "human", "value": "<image>\nDescribe the findings in this chest X-ray and write a report."},
            {"from": "gpt", "value": "Findings: The lungs are clear.\nImpression: Normal."},
        ],
    }


def test_several_pictures_are_images_and_each_has_its_token():
    entry = entry_of(exam("e1"), PROMPTS)
    assert list(entry) == ["id", "images", "conversations"]
    assert entry["images"] == ["e1/r_cc.png", "e1/l_mlo.png"]
    assert entry["conversations"][0]["value"].startswith("<image>\n<image>\n")
    assert entry["conversations"][0]["value"].count("<image>") == 2


def test_the_prompt_is_chosen_by_the_records_id_and_its_places_are_filled(tmp_path):
    text = '[mammo-exam]\nprompts = ["One {views}. {indication}", "Two"]\nanswer = ["raw"]\nheadings = false\n'
    ours = prompts(tmp_path, text)
    asked = {n: entry_of(exam(f"e{n}"), ours)["conversations"][0]["value"].split("\n")[-1] for n in range(20)}
    assert set(asked.values()) == {"One right CC, left MLO. not given", "Two"}
    assert asked == {n: entry_of(exam(f"e{n}"), ours)["conversations"][0]["value"].split("\n")[-1] for n in range(20)}
    told = [entry_of(exam(f"e{n}", report=report(indication="Lump.")), ours) for n in range(20)]
    assert any("right CC, left MLO. Lump." in e["conversations"][0]["value"] for e in told)


def test_a_record_without_the_wanted_sections_has_no_entry():
    assert entry_of(exam(report=None), PROMPTS) is None
    assert entry_of(exam(report=replace(report(), sections={})), PROMPTS) is None
    assert answer_of(report("x", ""), PROMPTS[Kind.MAMMO_EXAM]) == "Findings: x"


@pytest.mark.parametrize(
    ("record", "told"),
    [
        (TextDocument("t", "text"), "without pictures"),
        (exam(report=report("see <image>")), "holds <image>"),
        (exam(images=(replace(exam().images[0], path=None),)), "without a file"),
    ],
)
def test_what_cannot_be_an_entry_says_why(record, told):
    with pytest.raises(InputError, match=told):
        entry_of(record, PROMPTS)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[mammo-exams]\n", "did you mean mammo-exam"),
        ("[mammo-exam]\nprompts = []\n", "prompts, answer and headings"),
        ('[mammo-exam]\nprompts = []\nanswer = ["raw"]\nheadings = true\n', "no prompts"),
        ('[mammo-exam]\nprompts = ["{view}"]\nanswer = ["raw"]\nheadings = true\n', "did you mean views"),
        ('[mammo-exam]\nprompts = ["{"]\nanswer = ["raw"]\nheadings = true\n', "braces"),
        ('[mammo-exam]\nprompts = ["<image>"]\nanswer = ["raw"]\nheadings = true\n', "holds <image>"),
        ('[mammo-exam]\nprompts = ["x"]\nanswer = ["finding"]\nheadings = true\n', "did you mean findings"),
        ('[mammo-exam]\nprompts = ["x"]\nanswer = ["raw", "findings"]\nheadings = true\n', "raw alone"),
        ('[mammo-exam]\nprompts = "x"\nanswer = ["raw"]\nheadings = true\n', "lists of texts"),
        ("[mammo-exam\n", "is not TOML"),
    ],
)
def test_a_wrong_file_of_prompts_is_one_sentence(text, told, tmp_path):
    with pytest.raises(InputError, match=told):
        prompts(tmp_path, text)


VALUES = st.text(st.characters(exclude_categories=("Cs",))).filter(lambda t: "<image>" not in t)


@given(
    name=st.text(st.characters(exclude_categories=("Cs",)), min_size=1).filter(str.strip) | st.integers(),
    paths=st.lists(st.sampled_from(("a.png", "b/c.jpg")), max_size=3),
    key=st.sampled_from(("image", "images")),
    turns=st.lists(st.tuples(st.sampled_from(("human", "gpt", "system")), VALUES), max_size=4),
    extra=st.dictionaries(st.sampled_from(("source", "weight")), st.none() | st.integers() | VALUES),
)
def test_every_entry_of_the_format_survives_being_a_record(name, paths, key, turns, extra):
    first = {"from": "human", "value": "<image>" * len(paths) + "?"}
    said = [first, *({"from": who, "value": value} for who, value in turns)]
    pictures = {} if not paths and key == "image" else {key: paths[0] if len(paths) == 1 and key == "image" else paths}
    entry = {"id": name, **pictures, "conversations": said, **extra}
    assert entry_of(record_of(entry, "unique"), {}) == entry


def test_json_to_catalogue_to_json_is_the_same(tmp_path):
    entries = [
        ENTRY,
        ENTRY | {"id": "a1", "conversations": [*ENTRY["conversations"], *ENTRY["conversations"][1:]]},
        {"id": 7, "images": ["a.png"], "conversations": ENTRY["conversations"], "source": {"set": "mine"}},
        {"id": "text", "conversations": [{"from": "human", "value": "Hello"}, {"from": "gpt", "value": "Good day"}]},
    ]
    path = llava(tmp_path, *entries)
    done = import_llava([path], tmp_path / "pictures", tmp_path / "catalogue")
    assert not done.tally.faults
    assert [r.id for r in done.catalogue.records()] == ["a1", "a1#2", "7", "text"]
    assert {r.split for r in done.catalogue.records()} == {"train"}
    export_llava(done.catalogue, tmp_path / "again", PROMPTS)
    assert json.loads((tmp_path / "again" / "all.json").read_text()) == entries


def test_catalogue_to_json_to_catalogue_is_the_same(tmp_path):
    records = [exam("e1", day="2020-01-02", split="train"), exam("e2", "p2", report=report("Ä.", "ñ"))]
    catalogue = written(records, tmp_path)
    exported = export_llava(catalogue, tmp_path / "llava", PROMPTS)
    assert dict(exported.entries) == {"all": 2}
    done = import_llava([tmp_path / "llava" / "all.json"], catalogue.root, tmp_path / "again")
    assert list(open_catalogue(tmp_path / "again").records()) == list(catalogue.records())
    assert not done.tally.faults


def test_each_split_is_a_file_and_a_patient_without_one_is_named(tmp_path):
    catalogue = written([exam("e1"), exam("e2", "p2"), exam("e3", "p3"), exam("e4", "p1", report=None)], tmp_path)
    write_splits(catalogue.folder, {"p1": "train", "p2": "test"})
    exported = export_llava(catalogue, tmp_path / "llava", PROMPTS)
    assert dict(exported.entries) == {"train": 1, "val": 0, "test": 1}
    assert exported.num_without_text == 1
    assert [f.error.found for f in exported.faults] == ["e3 is in no split"]
    assert json.loads((tmp_path / "llava" / "val.json").read_text()) == []
    assert json.loads((tmp_path / "llava" / "test.json").read_text())[0]["id"] == "e2"


def test_a_dataset_without_texts_is_refused_and_nothing_is_left(tmp_path):
    catalogue = written([exam("e1", report=None)], tmp_path)
    with pytest.raises(InputError, match="labels and no texts"):
        export_llava(catalogue, tmp_path / "llava", PROMPTS)
    assert not list((tmp_path / "llava").iterdir())


def test_dicom_becomes_png_of_the_same_size_when_asked(tmp_path):
    record = exam("e1", images=(replace(exam().images[1], path="d/x.png"),))
    catalogue = written([record], tmp_path)
    write_dicom(catalogue.root / "d" / "x.dcm")
    line = catalogue.records_path.read_text().replace("d/x.png", "d/x.dcm")
    catalogue.records_path.write_text(line)
    export_llava(catalogue, tmp_path / "llava", PROMPTS, as_png=True)
    (entry,) = json.loads((tmp_path / "llava" / "all.json").read_text())
    assert entry["image"] == "d/x.png"
    with Image.open(tmp_path / "llava" / "images" / "d" / "x.png") as picture:
        assert (picture.size, picture.mode) == ((48, 64), "L")
    done = import_llava([tmp_path / "llava" / "all.json"], tmp_path / "llava" / "images", tmp_path / "again")
    (back,) = done.catalogue.records()
    assert back.images[0].regions == record.images[0].regions


@pytest.mark.parametrize(
    ("entry", "told"),
    [
        (ENTRY | {"image": "none.png"}, "is not there"),
        (ENTRY | {"image": "broken.png"}, "broken.png"),
        (ENTRY | {"image": "../secret.png"}, "inside the dataset's folder"),
        (ENTRY | {"image": "/etc/passwd"}, "inside the dataset's folder"),
        (ENTRY | {"image": 3}, "pictures 3"),
        ({"id": "x", "images": "a.png", "conversations": ENTRY["conversations"]}, "pictures 'a.png'"),
        (ENTRY | {"images": ["a.png"]}, "both image and images"),
        ({"id": "x", "conversations": ENTRY["conversations"]}, "1 <image> in the human turns for 0 pictures"),
        (ENTRY | {"conversations": [{"from": "human", "value": "<image><image>"}]}, "2 <image> in the human turns for 1"),
        (ENTRY | {"conversations": [{"from": "robot", "value": "<image>"}]}, "a turn of 'robot'"),
        (ENTRY | {"conversations": [{"from": "human"}]}, "a turn"),
        (ENTRY | {"conversations": []}, "no conversations"),
        ("text", "an entry that is a str"),
    ],
)  # fmt: skip
def test_a_bad_entry_is_one_sentence_and_the_others_are_read(entry, told, tmp_path):
    path = llava(tmp_path, entry, ENTRY | {"id": "good", "image": "b.png"})
    (tmp_path / "pictures" / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\nbroken")
    (tmp_path / "secret.png").write_bytes((tmp_path / "pictures" / "a.png").read_bytes())
    done = import_llava([path], tmp_path / "pictures", tmp_path / "catalogue")
    assert [r.id for r in done.catalogue.records()] == ["good"]
    (fault,) = done.tally.faults
    assert fault.where == "train.json entry 1"
    assert told in fault.error.sentence()


def test_an_entry_that_was_edited_beside_its_sidecar_is_an_error_not_overruled(tmp_path):
    catalogue = written([exam("e1"), exam("e2", "p2")], tmp_path)
    export_llava(catalogue, tmp_path / "llava", PROMPTS)
    path = tmp_path / "llava" / "all.json"
    path.write_text(path.read_text().replace("A mass.", "No mass.", 1))
    done = import_llava([path], catalogue.root, tmp_path / "again")
    assert [r.id for r in done.catalogue.records()] == ["e2"]
    assert "not as it was exported" in done.tally.faults[0].error.sentence()
    (tmp_path / "llava" / "all.records.jsonl").unlink()
    alone = import_llava([path], catalogue.root, tmp_path / "alone")
    assert "No mass." in next(alone.catalogue.records()).report.raw


def test_a_file_that_breaks_off_gives_what_was_whole(tmp_path):
    path = llava(tmp_path, ENTRY, ENTRY | {"id": "a2"})
    path.write_text(path.read_text()[:-30])
    done = import_llava([path], tmp_path / "pictures", tmp_path / "catalogue")
    assert [r.id for r in done.catalogue.records()] == ["a1"]
    assert "breaks off" in done.tally.faults[0].error.sentence()


@pytest.mark.parametrize("text", ["{}", "", "no"])
def test_what_is_no_list_is_refused(text, tmp_path):
    path = llava(tmp_path)
    path.write_text(text)
    with pytest.raises(InputError, match="not a JSON list"):
        import_llava([path], tmp_path / "pictures", tmp_path / "catalogue")


def test_a_long_list_is_read_in_pieces(tmp_path):
    entries = [{"id": n, "text": "é" * 999} for n in range(3000)]
    path = tmp_path / "long.json"
    path.write_text(json.dumps(entries, ensure_ascii=False, indent=1), encoding="utf-8")
    assert path.stat().st_size > 5 << 20
    assert list(json_list(path)) == entries


def test_a_folder_of_pictures_that_is_not_there_is_told(tmp_path):
    with pytest.raises(InputError, match="is not a folder"):
        import_llava([llava(tmp_path, ENTRY)], tmp_path / "none", tmp_path / "catalogue")


def test_an_empty_path_is_no_picture():
    with pytest.raises(InputError, match="a path, or a list of paths"):
        record_of(ENTRY | {"image": ""}, "x")


def test_a_sidecar_that_is_too_short_is_told(tmp_path):
    catalogue = written([exam("e1"), exam("e2", "p2")], tmp_path)
    export_llava(catalogue, tmp_path / "llava", PROMPTS)
    sidecar = tmp_path / "llava" / "all.records.jsonl"
    sidecar.write_text(sidecar.read_text().splitlines()[0] + "\n")
    done = import_llava([tmp_path / "llava" / "all.json"], catalogue.root, tmp_path / "again")
    assert [r.id for r in done.catalogue.records()] == ["e1"]
    assert "the sidecar has no record for it" in done.tally.faults[0].error.sentence()
