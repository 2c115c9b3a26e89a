"""Conversations on disk: each flavour is read by a stand-in of its trainer, and everything comes back through import."""

import json
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from mammoscribe.data.catalogue import open_catalogue, write_splits
from mammoscribe.data.exchange.chat_export import (
    ChatOptions,
    export_chats,
    most_pictures,
    usual_flavour,
    usual_views,
)
from mammoscribe.data.exchange.chat_import import import_chats
from mammoscribe.data.exchange.flavours import Flavour, Views
from mammoscribe.data.exchange.prompts import read_prompts
from mammoscribe.data.records import ImageText, ListedImage, ListedView, TextDocument, Turn
from mammoscribe.support.errors import InputError
from tests.data.datasets.made import write_dicom, write_picture
from tests.data.exchange import trainers
from tests.data.some_records import CC, MLO, L, R, exam, report, written

PROMPTS = read_prompts()
LLAVA, NEXT, MESSAGES, HF = Flavour
TOGETHER, EACH, MONTAGE = Views
ANSWER = "Findings: A mass.\nImpression: BI-RADS 4."


def options(flavour, views=None, **more):
    return ChatOptions(flavour, views or usual_views(flavour, 4), PROMPTS, **more)


def four_views(name="e1", patient="p1", **more):
    views = [ListedView(f"{name}/{s}{p}.png".lower(), s, p) for p in (CC, MLO) for s in (R, L)]
    return exam(name, patient, images=tuple(views), **more)


def chat(name, *turns, images=(), **labels):
    spoken = tuple(Turn("human" if n % 2 == 0 else "gpt", text) for n, text in enumerate(turns))
    pictures = tuple(ListedImage(path) for path in images)
    return ImageText(name, name, pictures, report=report(), conversation=spoken, labels=labels)


@pytest.fixture
def exams(tmp_path):
    """Exams with four, two and one picture in two splits."""
    one = replace(exam("e3", "p3"), images=exam("e3").images[:1])
    catalogue = written([four_views("e1", "p1"), exam("e2", "p2"), one], tmp_path)
    write_splits(catalogue.folder, {"p1": "train", "p2": "val", "p3": "train"})
    return catalogue


def sizes(row):
    return [picture.size for picture in row.pictures]


def test_llava_sees_one_picture_for_every_conversation_and_a_montage_for_several_views(exams, tmp_path):
    out = tmp_path / "out"
    export_chats(exams, out, options(LLAVA))
    train, val = (trainers.llava(out / f"{part}.json", out / "images") for part in ("train", "val"))
    assert [sizes(row) for row in train + val] == [
        [(2 * 48 + 16, 2 * 64 + 16)],
        [(48, 64)],
        [(2 * 48 + 16, 2 * 64 + 16)],
    ]
    assert all(row.tokens == 1 and row.turns[0][1].startswith("<image>\n") for row in train + val)
    assert [row.turns[1] for row in train + val] == [("gpt", ANSWER)] * 3
    assert "The places of left CC and right MLO are black" in val[0].turns[0][1]
    assert "black" not in train[0].turns[0][1] and "right CC and left CC in the upper row" in train[0].turns[0][1]


def test_llava_can_have_one_entry_for_each_view_whose_question_says_which_it_is(exams, tmp_path):
    out = tmp_path / "out"
    export_chats(exams, out, options(LLAVA, EACH))
    train = trainers.llava(out / "train.json", out / "images")
    assert [sizes(row) for row in train] == [[(48, 64)]] * 5
    assert [json.loads((out / "train.json").read_text())[n]["id"] for n in range(5)] == [
        "e1/R_CC", "e1/L_CC", "e1/R_MLO", "e1/L_MLO", "e3",
    ]  # fmt: skip
    assert "This is one of 4 pictures of the exam: left CC." in train[1].turns[0][1]
    assert all(row.turns[1][1] == ANSWER for row in train)


def test_llava_next_sees_every_view_and_is_told_their_order(exams, tmp_path):
    out = tmp_path / "out"
    export_chats(exams, out, options(NEXT))
    train, val = (trainers.llava_next(out / f"{part}.json", out / "images") for part in ("train", "val"))
    assert [(len(row.pictures), row.tokens) for row in train + val] == [(4, 4), (1, 1), (2, 2)]
    assert "right CC, left CC, right MLO, left MLO" in train[0].turns[0][1]
    assert all(isinstance(entry["image"], list) for entry in json.loads((out / "train.json").read_text()))


def test_messages_are_read_by_llama_factory_and_by_ms_swift(exams, tmp_path):
    out = tmp_path / "out"
    export_chats(exams, out, options(MESSAGES))
    for part, counts in (("train", [4, 1]), ("val", [2])):
        for rows in (trainers.llama_factory(out, part), trainers.ms_swift(out / f"{part}.jsonl", out)):
            assert [len(row.pictures) for row in rows] == [row.tokens for row in rows] == counts
            assert [row.turns[-1] for row in rows] == [("assistant", ANSWER)] * len(counts)


def test_hf_is_a_folder_that_datasets_opens_and_trl_fills(exams, tmp_path):
    out = tmp_path / "out"
    done = export_chats(exams, out, options(HF))
    splits = trainers.imagefolder(out)
    assert {name: [len(row["images"]) for row in rows] for name, rows in splits.items()} == {
        "train": [4, 1], "validation": [2],
    }  # fmt: skip
    assert len(done.entries) == 2, "datasets cannot read a folder with an empty split"
    for row in splits["train"] + splits["validation"]:
        question, answer = trainers.trl(row)
        assert [part["type"] for part in question["content"]] == ["image"] * len(row["images"]) + ["text"]
        assert answer == {"role": "assistant", "content": [{"type": "text", "text": ANSWER}]}


@pytest.mark.parametrize("flavour", Flavour)
def test_a_picture_in_an_entry_is_that_of_its_record(flavour, tmp_path):
    """Pictures of different records differ, so that a mix-up shows."""
    records = [exam(f"e{n}", f"p{n}", images=(ListedView(f"{n}.png", R, CC),)) for n in range(3)]
    catalogue = written(records, tmp_path)
    out = tmp_path / "out"
    export_chats(catalogue, out, options(flavour))
    rows = {
        LLAVA: lambda: trainers.llava(out / "all.json", out / "images"),
        NEXT: lambda: trainers.llava_next(out / "all.json", out / "images"),
        MESSAGES: lambda: trainers.llama_factory(out, "all"),
        HF: lambda: [trainers.Row(tuple(r["images"]), ()) for r in trainers.imagefolder(out)["train"]],
    }[flavour]()
    for number, row in enumerate(rows):
        with Image.open(catalogue.root / f"{number}.png") as source:
            assert np.array_equal(np.asarray(row.pictures[0])[..., 0], np.asarray(source))


@pytest.mark.parametrize("flavour", [NEXT, MESSAGES, HF])
def test_pictures_of_an_entry_are_in_the_order_in_which_its_question_names_them(flavour, tmp_path):
    catalogue = written([four_views()], tmp_path)
    for number, name in enumerate(("rcc", "lcc", "rmlo", "lmlo")):
        Image.fromarray(np.full((64, 48), 50 * number, np.uint8)).save(catalogue.root / "e1" / f"{name}.png")
    out = tmp_path / "out"
    export_chats(catalogue, out, options(flavour))
    pictures = {
        NEXT: lambda: trainers.llava_next(out / "all.json", out / "images")[0].pictures,
        MESSAGES: lambda: trainers.llama_factory(out, "all")[0].pictures,
        HF: lambda: trainers.imagefolder(out)["train"][0]["images"],
    }[flavour]()
    assert [picture.getpixel((0, 0))[0] for picture in pictures] == [0, 50, 100, 150]


@pytest.mark.parametrize("flavour", [LLAVA, NEXT])
def test_letters_beyond_ascii_are_escaped_as_llava_opens_its_file_in_any_encoding(flavour, tmp_path):
    record = exam("é", images=exam("e1").images[:1], report=report("Nódulo ≥ 5 mm 乳腺", "ñ"))
    export_chats(written([record], tmp_path), tmp_path / "out", options(flavour))
    (row,) = (trainers.llava if flavour is LLAVA else trainers.llava_next)(
        tmp_path / "out/all.json", tmp_path / "out/images"
    )
    assert row.turns[1][1] == "Findings: Nódulo ≥ 5 mm 乳腺\nImpression: ñ"


@pytest.mark.parametrize(("flavour", "images"), [(LLAVA, "images"), (NEXT, "images"), (MESSAGES, ""), (HF, "")])
def test_a_conversation_with_system_turn_numbers_and_text_only_is_read_by_each_trainer(flavour, images, tmp_path):
    talk = [
        replace(chat("a", "<image>\nWhat?", "A lung.", "Sure?", "Yes.", images=["a.png"]), id="7"),
        chat("t", "What is BI-RADS 3?", "Probably benign."),
        chat("s", "Look: <image>", "Nothing.", images=["b.png"]),
    ]
    talk[0] = replace(talk[0], labels={"llava_id": "7", "llava_key:source": '{"set": 1}'})
    talk[2] = replace(talk[2], conversation=(Turn("system", "Be brief."), *talk[2].conversation))
    out = tmp_path / "out"
    export_chats(written(talk, tmp_path), out, options(flavour, TOGETHER if flavour is not LLAVA else EACH))
    if flavour is HF:
        rows = trainers.imagefolder(out)["train"]
        found = [[part["type"] for message in trainers.trl(row) for part in message["content"]] for row in rows]
        assert found == [["image", "text", "text", "text", "text"], ["text"] * 2, ["text", "text", "image", "text"]]
        return
    read = {
        LLAVA: lambda: trainers.llava(out / "all.json", out / images),
        NEXT: lambda: trainers.llava_next(out / "all.json", out / images),
        MESSAGES: lambda: trainers.llama_factory(out, "all"),
    }[flavour]
    rows = read()
    assert [len(row.pictures) for row in rows] == [row.tokens for row in rows] == [1, 0, 1]
    assert any("Be brief." in text for _, text in rows[2].turns)


def test_the_usual_flavour_and_views_follow_from_the_number_of_pictures(exams, tmp_path):
    assert most_pictures(exams) == 4
    assert [usual_flavour(n) for n in (0, 1, 2, 4)] == [LLAVA, LLAVA, NEXT, NEXT]
    assert usual_views(LLAVA, 4) is MONTAGE and usual_views(NEXT, 4) is TOGETHER
    assert most_pictures(written([four_views(report=None), exam("e2", images=exam().images[:1])], tmp_path / "b")) == 1


@pytest.mark.parametrize(
    ("flavour", "views", "png", "told"),
    [
        (LLAVA, TOGETHER, True, "reads one picture an entry"),
        (LLAVA, MONTAGE, False, "--no-png with --views montage"),
        (HF, EACH, False, "--no-png with --flavour hf"),
    ],
)
def test_options_that_do_not_go_together_are_one_sentence(flavour, views, png, told):
    with pytest.raises(InputError, match=told):
        ChatOptions(flavour, views, PROMPTS, png)


def test_without_written_pictures_paths_name_the_datasets_files_where_trainers_can_open_them(tmp_path):
    catalogue = written([exam("e1"), replace(exam("e2"), images=(ListedView("x.png", R, CC),))], tmp_path)
    write_dicom(catalogue.root / "x.png")
    out = tmp_path / "out"
    done = export_chats(catalogue, out, options(NEXT, png=False))
    (row,) = trainers.llava_next(out / "all.json", catalogue.root)
    assert len(row.pictures) == 2
    assert not (out / "images").exists()
    (fault,) = done.faults
    assert "x.png is no 8-bit PNG or JPEG as it is" in fault.error.sentence() and "e2" in fault.error.sentence()


def test_dicom_comes_back_with_the_size_spacing_and_boxes_that_it_had(tmp_path):
    record = exam("e1", images=(replace(exam().images[1], path="d/x.png"),))
    catalogue = written([record], tmp_path)
    write_dicom(catalogue.root / "d" / "x.dcm", ImagerPixelSpacing=[0.07, 0.07])
    catalogue.records_path.write_text(catalogue.records_path.read_text().replace("d/x.png", "d/x.dcm"))
    export_chats(catalogue, tmp_path / "out", options(NEXT))
    with Image.open(tmp_path / "out" / "images" / "d" / "x.png") as picture:
        assert (picture.size, picture.mode) == ((48, 64), "L")
    done = import_chats([tmp_path / "out" / "all.json"], tmp_path / "out" / "images", tmp_path / "again")
    (back,) = done.catalogue.records()
    assert back.images[0].regions == record.images[0].regions
    assert back.images[0].spacing_mm == (0.07, 0.07)


@pytest.mark.parametrize(("flavour", "file", "images"), [
    (LLAVA, "all.json", "images"), (NEXT, "all.json", "images"), (MESSAGES, "all.jsonl", ""), (HF, "all/metadata.jsonl", ""),
])  # fmt: skip
def test_what_is_exported_comes_back_as_the_same_records(flavour, file, images, tmp_path):
    records = [
        replace(exam("e1", day="2020-01-02", split="train"), images=exam("e1").images[:1]),
        replace(exam("e2", "p2", report=report("Ä.", "ñ")), images=exam("e2").images[1:]),
    ]
    catalogue = written(records, tmp_path)
    export_chats(catalogue, tmp_path / "out", options(flavour, EACH))
    done = import_chats([tmp_path / "out" / file], tmp_path / "out" / images, tmp_path / "again")
    assert not done.tally.faults
    start = {LLAVA: "", NEXT: "", MESSAGES: "images/", HF: "all/images/"}[flavour]
    for before, after in zip(catalogue.records(), open_catalogue(tmp_path / "again").records(), strict=True):
        assert replace(after, images=before.images) == before
        assert [i.path for i in after.images] == [start + i.path for i in before.images]
        assert [replace(i, path=None) for i in after.images] == [replace(i, path=None) for i in before.images]


def test_a_montage_comes_back_with_patient_report_labels_and_boxes_on_it(tmp_path):
    (views := [*exam("e1").images]).append(ListedView("e1/lcc.png", L, CC))
    catalogue = written([exam("e1", "p9", day="2020-01-02", images=tuple(views))], tmp_path)
    export_chats(catalogue, tmp_path / "out", options(LLAVA))
    done = import_chats([tmp_path / "out" / "all.json"], tmp_path / "out" / "images", tmp_path / "again")
    (back,) = done.catalogue.records()
    assert (back.id, back.patient_id, str(back.date), back.report) == ("e1", "p9", "2020-01-02", report())
    assert back.labels == {"age": "50", "R_cancer": "1", "L_cancer": "0"}
    (region,) = back.images[0].regions
    right, below = 48 + 16, 64 + 16  # the left MLO is the lower right pane
    assert region.box.as_list() == [2 + right, 3 + below, 9 + right, 12.5 + below]
    assert region.labels == {"kind": "mass", "view": "left MLO"}


def test_a_second_picture_of_a_view_is_counted_where_a_montage_leaves_it_out(tmp_path):
    views = exam().images
    done = export_chats(written([exam(images=(*views, views[0]))], tmp_path), tmp_path / "out", options(LLAVA))
    assert done.num_pictures_left_out == 1


def test_the_frame_of_a_file_that_a_view_is_in_is_the_one_that_is_written(tmp_path):
    frames = [np.full((64, 48), 40, np.uint8), np.full((64, 48), 200, np.uint8)]
    view = ListedView("x.tif", R, CC, frame=1)
    catalogue = written([exam("e1", images=(view,))], tmp_path)
    Image.fromarray(frames[0]).save(catalogue.root / "x.tif", save_all=True, append_images=[Image.fromarray(frames[1])])
    for number, (flavour, views) in enumerate(((NEXT, TOGETHER), (LLAVA, MONTAGE))):
        out = tmp_path / f"out{number}"
        export_chats(catalogue, out, options(flavour, views))
        with Image.open(out / "images" / "x.png") as picture:
            assert picture.getpixel((5, 5)) == 200
        done = import_chats([out / "all.json"], out / "images", tmp_path / f"again{number}")
        assert not done.tally.faults


def test_two_files_of_one_stem_and_names_that_are_numbers_with_dots_stay_two_pictures(tmp_path):
    names = ["1.2.840.1", "1.2.840.2", "d/x.dcm", "d/x.png", "d/X.jpg"]
    catalogue = written([exam(f"e{n}", images=(ListedView(f"{n}.png", R, CC),)) for n in range(5)], tmp_path)
    text = catalogue.records_path.read_text()
    for number, name in enumerate(names):
        text = text.replace(f'"{number}.png"', f'"{name}"')
        if name.endswith((".png", ".jpg")):
            write_picture(catalogue.root / name, number)
        else:
            write_dicom(catalogue.root / name, number)
    catalogue.records_path.write_text(text)
    export_chats(catalogue, tmp_path / "out", options(NEXT))
    found = [entry["image"][0] for entry in json.loads((tmp_path / "out" / "all.json").read_text())]
    assert len({name.lower() for name in found}) == 5
    pixels = [np.asarray(Image.open(tmp_path / "out" / "images" / name)).tobytes() for name in found]
    assert len(set(pixels)) == 5


@pytest.mark.parametrize("flavour", Flavour)
def test_pictures_are_never_written_over_those_of_the_dataset(flavour, tmp_path):
    catalogue = written([exam("e1")], tmp_path / "x")
    folder = tmp_path / ("all" if flavour is HF else "") / "images"
    folder.parent.mkdir(exist_ok=True)
    folder.symlink_to(catalogue.root)
    with pytest.raises(InputError, match="is the dataset's own folder"):
        export_chats(catalogue, tmp_path, options(flavour))


def test_each_split_is_a_file_and_a_patient_without_one_is_named(tmp_path):
    catalogue = written([exam("e1"), exam("e2", "p2"), exam("e3", "p3"), exam("e4", "p1", report=None)], tmp_path)
    write_splits(catalogue.folder, {"p1": "train", "p2": "test"})
    done = export_chats(catalogue, tmp_path / "out", options(NEXT))
    assert {path.name: count for path, count in done.entries.items()} == {
        "train.json": 1,
        "val.json": 0,
        "test.json": 1,
    }
    assert done.num_without_text == 1
    assert [f.error.found for f in done.faults] == ["e3 is in no split"]
    assert json.loads((tmp_path / "out" / "val.json").read_text()) == []
    assert json.loads((tmp_path / "out" / "test.json").read_text())[0]["id"] == "e2"


def test_a_report_without_pictures_is_left_out_rather_than_asked_about(tmp_path):
    catalogue = written([exam("e1"), exam("e2", images=())], tmp_path)
    done = export_chats(catalogue, tmp_path / "out", options(NEXT))
    assert done.num_without_picture == 1 and list(done.entries.values()) == [1]


def test_a_dataset_without_texts_is_refused_and_nothing_is_left(tmp_path):
    catalogue = written([exam("e1", report=None)], tmp_path)
    with pytest.raises(InputError, match="labels and no texts"):
        export_chats(catalogue, tmp_path / "out", options(NEXT))
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("record", "told"),
    [
        (exam("bad", report=report("see <image>")), "turn 2 (gpt) holds <image>"),
        (exam("bad", report=report("see <video>")), "holds <video>"),
        (exam("bad", images=(replace(exam().images[0], path=None),)), "without a file"),
    ],
)
def test_what_cannot_be_an_entry_is_named_with_its_reason_and_leaves_no_picture(record, told, tmp_path):
    catalogue = written([record, exam("good")], tmp_path)
    done = export_chats(catalogue, tmp_path / "out", options(NEXT))
    (fault,) = done.faults
    assert told in fault.error.sentence() and "bad" in fault.error.sentence()
    assert not (tmp_path / "out" / "images" / "bad").exists()


def test_a_record_with_one_broken_picture_is_left_out_as_a_whole(tmp_path):
    catalogue = written([four_views("e1"), exam("e2")], tmp_path)
    (catalogue.root / "e1" / "lmlo.png").write_bytes(b"\x89PNG\r\n\x1a\nbroken")
    for number, flavour in enumerate((NEXT, LLAVA)):
        out = tmp_path / f"out{number}"
        done = export_chats(catalogue, out, options(flavour))
        assert "lmlo.png" in done.faults[0].error.sentence()
        assert not (out / "images" / "e1").exists() and not (out / "images" / "montages" / "e1.png").exists()
        assert list(done.entries.values()) == [1]


def test_texts_alone_have_no_conversations(tmp_path):
    catalogue = written([TextDocument("t", "text")], tmp_path)
    with pytest.raises(InputError, match="without pictures"):
        export_chats(catalogue, tmp_path / "out", options(NEXT))


def test_a_talk_about_pictures_in_several_turns_is_no_montage_and_one_in_its_first_turn_is(tmp_path):
    spread = chat("spread", "<image>\nA?", "a", "<image>\nB?", "b", images=["a.png", "b.png"])
    first = chat("first", "<image><image>\nSame?", "Yes.", images=["a.png", "b.png"])
    catalogue = written([spread, first], tmp_path)
    done = export_chats(catalogue, tmp_path / "out", options(LLAVA))
    assert [fault.where for fault in done.faults] == ["spread"]
    assert "several turns" in done.faults[0].error.sentence()
    (row,) = trainers.llava(tmp_path / "out" / "all.json", tmp_path / "out" / "images")
    assert sizes(row) == [(2 * 48 + 16, 64)] and row.turns[0][1] == "<image>\nSame?"
    both = export_chats(catalogue, tmp_path / "each", replace(options(NEXT), views=TOGETHER))
    assert not both.faults
    with pytest.raises(InputError, match="is about 2 pictures"):
        export_chats(catalogue, tmp_path / "each", options(LLAVA, EACH))
