"""Trials of conversations: files of LLaVA's layout, imported; every entry has one right outcome."""

from collections.abc import Iterator

from tests.trials.place import Outcome, Place, Row

READ = {
    "ok_str": 1, "ok_list1": 1, "ok_images2": 2, "messages_fmt": 1, "win_path": 1, "abs_path": 1, "rgb": 1, "i32": 1,
    "umlaut": 1, "text_only": 0, "image_null": 0, "image_blank": 0, "system_turn": 1, "user_names": 1, "ok_str#2": 1,
    "42": 1, "train-1": 1, "extra_turn_key": 1,
}  # fmt: skip
"""Entries of train.json that are read, by the id that their record has, with the number of their pictures."""
REFUSED = {
    "no_token": "0 <image> in the human turns for 1 picture",
    "token_in_gpt": "turn 2 (gpt) holds <image>",
    "two_tokens_one_img": "2 <image> in the human turns for 1 picture",
    "typo_key": "did you mean conversations?",
    "outside": "a file inside the dataset's folder",
    "url": "nothing is fetched",
    "missing": "nope.png is not there",
    "case": "did you mean E.JPG?",
    "cut": "cut.jpg",
    "empty": "empty.png is empty",
    "gpt_first": "turn 1 is from gpt",
    "human_twice": "turn 2 is from human",
    "no_answer": "is a question",
    "blank_answer": "turn 2 (gpt) is empty",
    "video": "pictures and text only",
}
"""Entries of train.json that cannot be read, with words of the sentence that says why."""
FILES = {
    "train.json": "",
    "bom.json": "",
    "lines.json": "",
    "lines.jsonl": "",
    "trailing.json": "",
    "utf16.json": "is not in UTF-8",
    "dictroot.json": "is one JSON object, with the keys data",
    "empty_list.json": "has no entries",
}
"""The other files: two entries are read, or words of the refusal."""


def rows(place: Place) -> Iterator[Row]:
    """Every file, and every entry of train.json."""
    folder = place.trials / "llava"
    for path in sorted([*folder.glob("*.json"), *folder.glob("*.jsonl")]):
        done = place.command(
            "data", "import", path, "--from", "llava", "--images", folder / "images", out=f"imported/{path.name}"
        )
        if path.name == "train.json":
            yield from _entries(done)
            continue
        why = FILES.get(path.name)
        if why is None:
            yield Row(f"import llava/{path.name}", "an expectation", "none is written", False)
            continue
        got = done.harm() or (_refused(why, done) if why else _both(done))
        yield Row(
            f"import llava/{path.name}", f"refused: '{why}'" if why else "both entries", got or "the same", not got
        )


def _refused(why: str, done: Outcome) -> str:
    return "" if done.code == 2 and why in done.error else f"exit code {done.code}, '{done.error}'"


def _both(done: Outcome) -> str:
    if done.code:
        return f"exit code {done.code}, '{done.error}'"
    texts = {key: record["report"]["raw"] for key, record in done.records().items()}
    return "" if texts == {"ok_str": "No mass.", "text_only": "Probably benign."} else f"{texts}"


def _entries(done: Outcome) -> Iterator[Row]:
    harm = done.harm() or ("" if done.code == 1 else f"exit code {done.code}")
    yield Row("import llava/train.json", "exit code 1, what cannot be read is listed", harm or "the same", not harm)
    records = done.records()
    faults = {e["where"]: f"{e['found']}; {e['expected']}; {e['do']}" for e in done.table("errors.csv")}
    for key, count in READ.items():
        pictures = len(records[key].get("images", [])) if key in records else None
        yield Row(f"entry {key}", f"read, {count} pictures", f"{pictures} pictures", pictures == count)
    for key, why in REFUSED.items():
        told = next((text for text in faults.values() if f"(id '{key}')" in text), "no fault")
        yield Row(f"entry {key}", f"refused: '{why}'", told, why in told and key not in records)
    strange = sorted(records.keys() - READ.keys())
    yield Row("entries of train.json", "each has an expectation", f"others: {strange}" if strange else "the same",
              not strange and len(records) + len(faults) == len(READ) + len(REFUSED))  # fmt: skip
