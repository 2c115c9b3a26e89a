"""Trials of public datasets' layouts: checked and read into a catalogue, and what each record must hold."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from tests.trials.place import Outcome, Place, Row

Records = dict[str, dict]


@dataclass(frozen=True)
class Layout:
    """What is right for one folder of `sets`.

    Args:
        dataset: its name in `mammoscribe data list`.
        right: words of what is right, for the table.
        fault: what is wrong in the records, "" when nothing is.
        errors: words, one for each line of errors.csv.
        says: words that the commands must print.
    """

    dataset: str
    right: str
    fault: Callable[[Records], str]
    errors: tuple[str, ...] = ()
    says: str = ""


def _film(records: Records) -> str:
    (view,) = records["P_90001"]["views"]
    labels = view["labels"]
    mask, crop = labels["mask"].split("/")[-1], labels["crop"].split("/")[-1]
    if (mask, crop) != ("1-1.dcm", "1-2.dcm"):
        return f"mask {mask}, crop {crop}"
    return _is(records["P_90001"]["breasts"]["R"], {"cancer": "0", "birads": "4", "density": "b"})


def _boxes(records: Records) -> str:
    right, left = records["222"]["views"]
    found = [view["regions"][0]["box_px"] for view in (right, left)]
    wanted = [[46, 10, 54, 20], [4, 10, 12, 20]]  # the right picture is stored mirrored to the one that was annotated
    return _is(found, wanted) or _is(
        records["222"]["breasts"], {"R": {"birads": "4", "density": "c", "finding": "mass"}}
    )


def _categories(records: Records) -> str:
    (region,) = records["s1"]["views"][0]["regions"]
    return (
        _is(region["box_px"], [0, 10, 20, 30])
        or _is(region["labels"], {"finding": "mass|suspicious calcification", "birads": "4"})
        or _is(records["s1"]["breasts"]["R"], {"birads": "4", "density": "c"})
        or _is(records["s1"]["labels"]["age"], "53")
    )


def _prior(records: Records) -> str:
    return _is(records["50000002"].get("prior_id"), "50000001") or _is(
        [image.get("view") for r in records.values() for image in r["images"]], [None, "PA"]
    )


def _misspelt(records: Records) -> str:
    first, second = (records[key]["report"]["sections"] for key in ("50000001", "50000002"))
    return (
        _prior(records)
        or _is(first, {"indication": "Cough.", "findings": "Clear.", "impression": "No pneumonia."})
        or _is(second.get("technique"), "Chest.")
    )


def _is(found: object, wanted: object) -> str:
    return "" if found == wanted else f"{found}, not {wanted}"


LINE = "finding_annotations.csv line 3: the box 500, 600, 700, 800 lies outside its picture"
CASES = {
    "cbis": Layout("cbis-ddsm", "mask and crop by their sizes, not by the table", _film),
    "embed": Layout(
        "embed", "boxes in stored pixels, codes that are not understood left out", _boxes,
        ("a spot or magnification view", "birads is 'Q'", "density is '9'"),
    ),
    "vindr": Layout(
        "vindr-mammo", "a box cut at the border, one outside refused", _categories, (LINE,), "missing: images/s2/i3.dicom"
    ),
    "mimicjpg": Layout("mimic-cxr-jpg", "says how to add reports", _prior, says="no picture has a report; to add them"),
    "mimicjpg_rep": Layout("mimic-cxr-jpg", "misspelt heading read; a paragraph is no technique", _misspelt),
}  # fmt: skip


def rows(place: Place) -> Iterator[Row]:
    """Every layout by `data check` and `data ingest`."""
    made = {path.name for path in (place.trials / "sets").iterdir()}
    for name in sorted(made | CASES.keys()):
        if name not in CASES or name not in made:
            yield Row(f"dataset {name}", "an expectation and its files", "one of them is missing", False)
            continue
        case, folder = CASES[name], place.trials / "sets" / name
        checked = place.command("data", "check", case.dataset, folder)
        done = place.command("data", "ingest", case.dataset, folder, out=f"sets-{name}")
        got = checked.harm() or done.harm() or _judged(case, checked, done)
        yield Row(f"ingest sets/{name}", case.right, got or "the same", not got)


def _judged(case: Layout, checked: Outcome, done: Outcome) -> str:
    errors = [f"{e['found']}; {e['expected']}; {e['do']}" for e in done.table("errors.csv")]
    if len(errors) != len(case.errors) or not all(w in e for w, e in zip(case.errors, errors, strict=True)):
        return f"errors {errors}"
    if case.says and not all(case.says in o.out + o.err for o in (checked, done)):
        return f"check prints {checked.out + checked.err!r}"
    return case.fault(done.records())
