"""Pseudonyms: what they hide, what they keep (intervals, priors, groups), and that the key is kept apart."""

import datetime as dt
import hashlib
import hmac
import json
import os
import stat

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mammoscribe.data.catalogue import open_catalogue
from mammoscribe.data.ingest import ingest
from mammoscribe.data.prepared.preparation import PREPARATIONS
from mammoscribe.data.prepared.prepare import prepare
from mammoscribe.data.pseudonyms import KEY_BYTES, MAX_DAYS, Pseudonyms, read_or_make_key
from mammoscribe.data.records import ListedView, TextDocument, Turn
from mammoscribe.data.splits import SplitRule, split_groups
from mammoscribe.support.errors import InputError, InvalidNoun
from tests.data.datasets.made import write_picture
from tests.data.some_records import CC, L, R, dataset_of, exam, report, study

KEY = bytes(range(KEY_BYTES))
IDS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20)
DAYS = st.dates(dt.date(1920, 1, 1), dt.date(2100, 1, 1))


@given(IDS)
def test_a_pseudonym_is_the_keyed_hash_of_the_id(name):
    expected = hmac.new(KEY, b"patient\0" + name.encode(), hashlib.sha256).hexdigest()[:20]
    assert Pseudonyms(KEY).patient(name) == f"patient-{expected}"
    assert Pseudonyms(KEY).patient(name) != Pseudonyms(b"x" * KEY_BYTES).patient(name)
    assert Pseudonyms(KEY).patient(name).split("-")[1] != Pseudonyms(KEY).exam(name).split("-")[1]


@given(IDS, DAYS, DAYS)
def test_dates_of_a_patient_move_back_together(patient, first, second):
    names = Pseudonyms(KEY)
    assert names.date(patient, first) - names.date(patient, second) == first - second
    assert 1 <= (first - names.date(patient, first)).days <= MAX_DAYS


def test_patients_move_by_different_numbers_of_days_spread_over_all():
    days = [Pseudonyms(KEY).days(f"P{n}") for n in range(2000)]
    assert len(set(days)) > 1300 and min(days) < 20 and max(days) > MAX_DAYS - 20


def test_a_key_of_another_length_is_none_and_none_is_printed():
    with pytest.raises(InvalidNoun):
        Pseudonyms(b"short")
    assert KEY.hex() not in repr(Pseudonyms(KEY)) and str(KEY) not in repr(Pseudonyms(KEY))


def test_a_record_keeps_what_is_seen_and_loses_what_says_whose_it_is():
    record = exam(
        "ACC0017", "DOE123", "2020-05-17", prior_id="ACC0009", report=report("Exam ACC0017 of DOE123. A mass."), split="train",
        labels={"age": "50", "file": "d/x.dcm", "note": "see ACC0017", "site": "2"},
        images=(ListedView("DOE123/ACC0017/1.DCM", R, CC, labels={"mask": "DOE123/mask.png", "bright": "1"}),),
    )  # fmt: skip
    found = Pseudonyms(KEY).record(record, lambda name, path: f"{name}/new")
    text = json.dumps([repr(found)])
    assert "ACC0017" not in text and "DOE123" not in text and "ACC0009" not in text
    assert found.date == record.date - dt.timedelta(Pseudonyms(KEY).days("DOE123"))
    assert found.prior_id == Pseudonyms(KEY).exam("ACC0009") and found.split == "train"
    assert found.labels == {"age": "50", "site": "2"} and found.images[0].labels == {"bright": "1"}
    assert found.images[0].path == f"{found.id}/new" and (found.images[0].laterality, found.images[0].projection) == (
        R,
        CC,
    )
    assert found.report.sections["findings"] == f"Exam {found.id} of {found.patient_id}. A mass."
    assert found.breasts == record.breasts


def test_other_kinds_of_records_too():
    names = Pseudonyms(KEY)
    chat = names.record(study("S-0001", "P-0001", "2020-01-01", conversation=(Turn("human", "About S-0001?"),)))
    assert "0001" not in repr(chat).replace(chat.images[0].path, "") and chat.date < dt.date(2020, 1, 1)
    note = names.record(TextDocument("N-0001", "A note of N-0001.", title="N-0001", date=dt.date(2020, 1, 1)))
    assert note.patient_id is None and "N-0001" not in repr(note) and note.date < dt.date(2020, 1, 1)


def test_short_ids_are_not_sought_in_texts():
    assert (
        Pseudonyms(KEY).record(exam("7", "3", report=report("7 mm, 3 views"))).report.sections["findings"]
        == "7 mm, 3 views"
    )


# --- the key -----------------------------------------------------------------------------------------------------------


def test_a_key_is_made_once_for_its_owner_alone(tmp_path):
    before = os.umask(0)
    try:
        first = read_or_make_key(tmp_path / "keys" / "clinic.key")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "keys" / "clinic.key").stat().st_mode) == 0o600
    assert read_or_make_key(tmp_path / "keys" / "clinic.key") == first
    assert read_or_make_key(tmp_path / "other.key") != first


@pytest.mark.parametrize(
    "text", ["", "secret", "mammoscribe pseudonym key 1\nxyz\n", f"mammoscribe pseudonym key 1\n{'0' * 64}\nmore\n"]
)
def test_another_file_is_no_key(text, tmp_path):
    (tmp_path / "k").write_text(text)
    (tmp_path / "k").chmod(0o600)
    with pytest.raises(InputError, match="is no key for pseudonyms"):
        read_or_make_key(tmp_path / "k")
    assert (tmp_path / "k").read_text() == text


@pytest.mark.skipif(os.name != "posix", reason="permissions of POSIX")
@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604])
def test_a_key_that_others_may_read_is_refused(mode, tmp_path):
    read_or_make_key(tmp_path / "k")
    (tmp_path / "k").chmod(mode)
    with pytest.raises(InputError, match="may be read by others; expected its owner alone; chmod 600"):
        read_or_make_key(tmp_path / "k")


def test_a_key_in_the_folder_that_it_protects_is_refused(tmp_path):
    (tmp_path / "out").mkdir()
    with pytest.raises(InputError, match="to be kept apart"):
        read_or_make_key(tmp_path / "out" / "k", (tmp_path / "out",))
    assert not (tmp_path / "out" / "k").exists()


# --- a whole catalogue -------------------------------------------------------------------------------------------------


@pytest.fixture
def source(tmp_path):
    """Two patients, one with a prior; the second exam of a patient is a Fault twice; pictures that are there."""
    from mammoscribe.data.dataset import Fault
    from mammoscribe.support.errors import SetAside

    records = [
        exam("ACC1001", "DOE-JANE-1", "2019-03-04", images=_views("ACC1001")), exam("ACC1002", "DOE-JANE-1", "2021-03-04", images=_views("ACC1002")),
        exam("ACC1003", "ROE-ANN-2", "2020-01-01", images=_views("ACC1003")),
    ]  # fmt: skip
    faults = [
        Fault("ACC1009", InputError("DOE-JANE-1 has no view", "one", "look")),
        Fault("ACC1010", SetAside("a spot view of ROE-ANN-2")),
    ]
    for number, record in enumerate(records):
        for image in record.images:
            write_picture(tmp_path / "files" / image.path, number)
    return tmp_path, [*records, *faults]


def _views(name):
    return (ListedView(f"JANE/{name}/r.png", R, CC), ListedView(f"JANE/{name}/l.png", L, CC))


SECRETS = ("DOE", "JANE", "ROE", "ACC10")


def everything_in(folder):
    """All bytes and names below a folder, links not followed."""
    found = b""
    for path in folder.rglob("*"):
        found += str(path.relative_to(folder)).encode() + (
            path.read_bytes() if path.is_file() and not path.is_symlink() else b""
        )
    return found.decode("latin-1")


def test_a_pseudonymous_catalogue_holds_nothing_that_says_who_a_patient_is(source):
    folder, items = source
    done = ingest(
        dataset_of(items), folder / "files", folder / "shared" / "out", key_file=folder / "safe" / "clinic.key"
    )
    text = everything_in(folder / "shared")
    assert not [secret for secret in SECRETS if secret in text.replace(str(folder), "")]
    assert (
        done.catalogue.about.pseudonymous
        and done.catalogue.about.num_faults == 1
        and done.catalogue.about.num_set_aside == 1
    )
    apart = folder / "safe" / "clinic.key.files" / "out"
    assert (
        "DOE-JANE-1 has no view" in (apart / "errors.csv").read_text()
        and "ROE-ANN-2" in (apart / "errors.csv").read_text()
    )
    assert stat.S_IMODE(apart.stat().st_mode) == 0o700 and stat.S_IMODE(apart.parent.stat().st_mode) == 0o700


def test_priors_intervals_and_groups_are_those_of_the_source(source):
    folder, items = source
    plain = list(ingest(dataset_of(items), folder / "files", folder / "plain").catalogue.records())
    hidden = list(
        ingest(dataset_of(items), folder / "files", folder / "out", key_file=folder / "k").catalogue.records()
    )
    names = Pseudonyms(bytes.fromhex((folder / "k").read_text().split("\n")[1]))
    assert [r.id for r in hidden] == [names.exam(r.id) for r in plain]
    assert [r.prior_id for r in hidden] == [None if r.prior_id is None else names.exam(r.prior_id) for r in plain]
    assert hidden[1].prior_id == hidden[0].id and hidden[1].date - hidden[0].date == plain[1].date - plain[0].date
    assert len(set(split_groups(hidden, SplitRule()))) == 2


def test_pictures_are_prepared_through_the_links_while_they_are_there(source):
    folder, items = source
    catalogue = ingest(dataset_of(items), folder / "files", folder / "out", key_file=folder / "safe" / "k").catalogue
    prepared = prepare(catalogue, folder / "shards", PREPARATIONS["plain"])
    assert (prepared.num_pictures, prepared.num_errors) == (6, 0)
    assert not [secret for secret in SECRETS if secret in everything_in(folder / "shards").replace(str(folder), "")]
    assert all(
        os.path.realpath(catalogue.root / v.path).startswith(str(folder / "files"))
        for r in catalogue.records()
        for v in r.images
    )


def test_ingesting_again_with_the_key_gives_the_same_catalogue_and_another_key_another(source):
    folder, items = source
    first = ingest(
        dataset_of(items), folder / "files", folder / "out", key_file=folder / "k"
    ).catalogue.records_path.read_text()
    again = ingest(
        dataset_of(items), folder / "files", folder / "out", key_file=folder / "k"
    ).catalogue.records_path.read_text()
    other = ingest(
        dataset_of(items), folder / "files", folder / "out2", key_file=folder / "k2"
    ).catalogue.records_path.read_text()
    assert first == again != other
    assert len(list((folder / "k.files" / "out" / "pictures").iterdir())) == 3


def test_an_ingest_that_fails_leaves_no_catalogue_and_no_links(source):
    folder, items = source
    with pytest.raises(InputError, match="no record"):
        ingest(dataset_of(items[-1:]), folder / "files", folder / "out", key_file=folder / "k")
    assert not (folder / "out").exists() and list((folder / "k.files").iterdir()) == []


def test_catalogues_of_before_there_were_pseudonyms_are_read(source):
    folder, items = source
    catalogue = ingest(dataset_of(items), folder / "files", folder / "out").catalogue
    about = json.loads((catalogue.folder / "dataset.json").read_text())
    assert about.pop("pseudonymous") is False
    (catalogue.folder / "dataset.json").write_text(json.dumps(about))
    assert open_catalogue(catalogue.folder).about == catalogue.about
