"""Reading prepared datasets: mapped, by number, by split, shuffled, by torch's loader, by WebDataset's rule; and verified."""

import io
import json
import pickle
import tarfile

import numpy as np
import pytest

from mammoscribe.data.catalogue import write_splits
from mammoscribe.data.datasets.known import DATASETS
from mammoscribe.data.folds import Fold, fold
from mammoscribe.data.ingest import ingest
from mammoscribe.data.prepared import dataset as room
from mammoscribe.data.prepared.dataset import PreparedDataset
from mammoscribe.data.prepared.preparation import PREPARATIONS, FinerScale, Preparation, prepare_picture
from mammoscribe.data.prepared.prepare import prepare
from mammoscribe.data.record_json import from_json
from mammoscribe.data.records import ListedImage
from mammoscribe.imaging.perceptual import picture_hash
from mammoscribe.support.errors import InputError
from tests.data.some_records import exam, study, written

PLAIN = Preparation("p", longest_px=40)


@pytest.fixture(scope="module")
def catalogue(tmp_path_factory):
    records = [exam(f"e{n}", f"p{n % 3}", f"20{10 + n}-01-01") for n in range(7)]
    made = written(records, tmp_path_factory.mktemp("catalogue"))
    write_splits(made.folder, {"p0": "train", "p1": "val", "p2": "train"})
    return made


@pytest.fixture
def folder(catalogue, tmp_path):
    prepare(catalogue, tmp_path / "out", PLAIN, records_per_shard=3)
    return tmp_path / "out"


def ids(stored):
    return [s.record.id for s in stored]


def test_pixels_are_a_read_only_view_of_the_file(folder):
    first, again = (PreparedDataset(folder)[0].pictures[0].pixels for _ in range(2))
    assert not first.flags.owndata and not first.flags.writeable
    dataset = PreparedDataset(folder)
    assert np.shares_memory(dataset[0].pictures[0].pixels, dataset[0].pictures[0].pixels)
    assert np.array_equal(first, again) and first.ctypes.data % 64 == 0


@pytest.mark.parametrize("bits", [8, 16])
def test_pixels_have_the_bits_of_their_preparation(bits, catalogue, tmp_path):
    prepare(catalogue, tmp_path / "out", Preparation("p", longest_px=40, bits=bits))
    pixels = PreparedDataset(tmp_path / "out")[1].pictures[1].pixels
    assert pixels.dtype == f"uint{bits}" and pixels.max() > 0.7 * (2**bits - 1)


def test_a_picture_says_where_it_came_from_and_leads_back(catalogue, folder):
    stored = PreparedDataset(folder)[4]
    picture = stored.pictures[1]
    view = stored.record.images[picture.image]
    assert (picture.path, picture.image) == (view.path, 1) == ("e4/l_mlo.png", 1)
    assert picture.hash == picture_hash(picture.pixels)
    assert np.allclose(picture.placement.to_stored_box(picture.regions[0]).as_list(), view.regions[0].box.as_list())
    assert picture.steps == prepare_picture(view, catalogue.root, PLAIN).steps


def test_records_are_had_by_number_from_either_end(folder):
    dataset = PreparedDataset(folder)
    assert len(dataset) == 7 and dataset[np.int64(3)].record.id == "e3" and dataset[-1].record.id == "e6"
    for beyond in (7, -8):
        with pytest.raises(IndexError):
            dataset[beyond]


def test_a_split_has_its_patients_only(folder):
    train, val = PreparedDataset(folder, "train"), PreparedDataset(folder, "val")
    assert ids(val) == ["e1", "e4"] and {s.record.patient_id for s in val} == {"p1"}
    assert ids(train) == ["e0", "e2", "e3", "e5", "e6"] and train[-1].record.id == "e6"
    with pytest.raises(InputError, match="no record in test"):
        PreparedDataset(folder, "test")
    with pytest.raises(InputError, match="'dev'"):
        PreparedDataset(folder, "dev")


def test_without_splits_a_split_is_refused(tmp_path):
    prepare(written([study("s1")], tmp_path), tmp_path / "out", PLAIN)
    with pytest.raises(InputError, match="without splits"):
        PreparedDataset(tmp_path / "out", "train")


@pytest.mark.parametrize("split", [None, "train"])
def test_a_shuffle_gives_every_record_once_in_the_order_of_its_seed(split, folder):
    dataset = PreparedDataset(folder, split)
    orders = [ids(dataset.shuffled(seed, 2)) for seed in (1, 1, 2)]
    assert orders[0] == orders[1] != orders[2]
    assert sorted(orders[0]) == ids(dataset)


def test_a_record_is_found_by_its_id_in_its_split_only(folder):
    whole, train = PreparedDataset(folder), PreparedDataset(folder, "train")
    newest = whole[6]
    assert newest.record.prior_id == "e3"
    assert whole.position_of(newest.record.prior_id) == 3 and train.position_of("e3") == 2
    assert train.position_of("e1") is None and whole.position_of("none") is None


@pytest.mark.parametrize("split", [None, "train", "val"])
def test_a_record_has_the_one_before_it_in_whichever_split_that_is(split, folder):
    dataset, newest = PreparedDataset(folder, split), PreparedDataset(folder)[6]
    before = dataset.prior_of(newest)
    assert before.record.id == newest.record.prior_id == "e3" and len(before.pictures)
    first = dataset.prior_of(before)
    assert first.record.id == "e0" and dataset.prior_of(first) is None


def test_two_ids_of_one_number_are_told_apart(catalogue, tmp_path, monkeypatch):
    for place in ("shards", "dataset"):
        monkeypatch.setattr(f"mammoscribe.data.prepared.{place}.id_number", lambda _: 7)
    prepare(catalogue, tmp_path / "out", PLAIN)
    assert [PreparedDataset(tmp_path / "out").position_of(f"e{n}") for n in (0, 5, 9)] == [0, 5, None]


def test_few_shards_stay_mapped_and_pictures_outlive_them(folder, monkeypatch):
    monkeypatch.setattr(room, "OPEN_SHARDS", 1)
    dataset = PreparedDataset(folder)
    held = [stored.pictures[0].pixels for stored in dataset]
    assert len(dataset._maps) == 1
    assert [p.tobytes() for p in held] == [s.pictures[0].pixels.tobytes() for s in PreparedDataset(folder)]


@pytest.mark.parametrize("workers", [0, 1])
def test_it_is_a_dataset_of_torchs_loader(workers, folder):
    from torch.utils.data import DataLoader

    dataset = PreparedDataset(folder, "train")
    assert dataset[3].record.id == "e5"
    assert ids(pickle.loads(pickle.dumps(dataset))) == ids(dataset) and len(pickle.dumps(dataset)) < 1000
    loader = DataLoader(dataset, batch_size=2, num_workers=workers, collate_fn=ids)
    assert [name for batch in loader for name in batch] == ids(dataset)


def test_a_shard_is_a_tar_in_the_way_of_webdataset(catalogue, folder):
    samples = list(_as_webdataset(folder / "shard-000001.tar"))
    assert [s["__key__"] for s in samples] == ["000000003", "000000004", "000000005"]
    assert all(set(s) == {"__key__", "0.npy", "1.npy", "json"} for s in samples)
    said = json.loads(samples[1]["json"])
    stored = PreparedDataset(folder)[4]
    assert from_json(said["record"]) == stored.record
    for picture, told in zip(stored.pictures, said["pictures"], strict=True):
        assert np.array_equal(np.load(io.BytesIO(samples[1][told["member"]])), picture.pixels)
        assert (told["hash"], told["path"]) == (picture.hash.hex(), picture.path)


def _as_webdataset(path):
    """Samples as WebDataset groups them: members that follow each other and agree up to the first dot of their name."""
    sample = {}
    with tarfile.open(path, "r|") as tar:
        for member in tar:
            assert member.isfile() and (member.mtime, member.uid, member.uname) == (0, 0, "")
            key, _, ending = member.name.partition(".")
            if sample and sample["__key__"] != key:
                yield sample
                sample = {}
            assert ending not in sample
            sample |= {"__key__": key, ending: tar.extractfile(member).read()}
    yield sample


def test_the_index_says_where_everything_lies(folder):
    index = json.loads((folder / "shard-000002.json").read_text())
    tar = (folder / "shard-000002.tar").read_bytes()
    (record,) = index["records"]
    assert (record["key"], record["id"], record["group"]) == ("000000006", "e6", "p0")
    start, size = record["json"]
    assert json.loads(tar[start : start + size])["record"]["id"] == "e6"
    listed = record["pictures"][1]
    pixels = np.frombuffer(tar, listed["dtype"], np.prod(listed["shape"]), listed["offset"]).reshape(listed["shape"])
    assert np.array_equal(pixels, PreparedDataset(folder)[6].pictures[1].pixels)
    assert index["tar_bytes"] == len(tar) and {"tar_sha256", "input_sha256", "errors"} < set(index)


def test_hashes_are_those_of_the_prepared_pictures(folder):
    dataset = PreparedDataset(folder)
    found = list(dataset.hashes())
    assert len(found) == 14
    assert found[2] == ("e1", "p1", "e1/r_cc.png", picture_hash(dataset[1].pictures[0].pixels))
    assert [h for h in found if h[1] == "p1"] == list(PreparedDataset(folder, "val").hashes())


def test_every_byte_is_verified(folder):
    told = []
    assert PreparedDataset(folder).verify(told.append) == [] and told == [1, 2, 3]
    names = [p for p in sorted(folder.iterdir()) if p.suffix in (".tar", ".bin")]
    for path in names:
        whole = path.read_bytes()
        for place in {0, len(whole) // 2, len(whole) - 1}:
            path.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
            assert PreparedDataset(folder).verify() == [f"{path.name} is not as it was written"]
        path.write_bytes(whole)
    assert PreparedDataset(folder).verify() == []


def test_what_is_missing_or_unreadable_is_said_and_prepared_again(catalogue, folder):
    dataset = PreparedDataset(folder)
    (folder / "shard-000001.tar").unlink()
    (folder / "shard-000002.json").write_text("{")
    assert dataset.verify() == ["shard-000001.tar is not there", "shard-000002.json cannot be read"]
    with pytest.raises(InputError, match="cannot be mapped"):
        dataset[3]
    prepare(catalogue, folder, PLAIN, records_per_shard=3)
    index = json.loads((folder / "shard-000000.json").read_text())
    index["records"][0]["group"] = "p9"
    (folder / "shard-000000.json").write_text(json.dumps(index))
    assert PreparedDataset(folder).verify() == ["an index (shard-*.json) is not as it was written"]


def test_a_damaged_record_is_one_sentence(folder):
    tar = (folder / "shard-000000.tar").read_bytes()
    (folder / "shard-000000.tar").write_bytes(tar.replace(b'{"record"', b'["record"'))
    with pytest.raises(InputError, match=r"shard-000000.tar .* is damaged .* prepare the catalogue again"):
        PreparedDataset(folder)[0]


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("prepared.json", None, "not finished"),
        ("prepared.json", "{}", "cannot be read"),
        ("prepared.json", "{", "cannot be read"),
        ("rows.bin", "short", "is not whole"),
        ("splits.bin", None, "is not whole"),
    ],
)
def test_a_folder_that_is_not_whole_is_refused(name, content, told, folder):
    (folder / name).unlink()
    if content is not None:
        (folder / name).write_text(content)
    with pytest.raises(InputError, match=told):
        PreparedDataset(folder, "train")


def test_a_record_with_two_pictures_of_one_file_keeps_them_apart(tmp_path):
    pair = study("s1", images=(ListedImage(None), ListedImage("a.png", "PA"), ListedImage("a.png", "LATERAL")))
    prepare(written([pair], tmp_path), tmp_path / "out", PLAIN)
    (stored,) = PreparedDataset(tmp_path / "out")
    assert [stored.record.images[p.image].view for p in stored.pictures] == ["PA", "LATERAL"]


@pytest.mark.real
@pytest.mark.parametrize("name", ["reader", "joint", "plain"])
def test_real_mammograms_are_prepared_and_read_back(name, data_root, tmp_path):
    root = data_root / "rsna_512"
    (tmp_path / "some").mkdir()
    (tmp_path / "some" / "images").symlink_to(root / "images")
    lines = (root / "metadata.csv").read_text().splitlines(keepends=True)
    (tmp_path / "some" / "metadata.csv").write_text("".join(lines[:9]))
    catalogue = ingest(DATASETS["rsna-2023"], tmp_path / "some", tmp_path / "catalogue").catalogue
    done = prepare(catalogue, tmp_path / "out", PREPARATIONS[name], records_per_shard=1)
    assert (done.num_pictures, done.num_errors) == (8, 0)
    dataset = PreparedDataset(tmp_path / "out")
    assert dataset.verify() == [] and ids(dataset) == [r.id for r in catalogue.records()]
    for stored in dataset:
        for picture in stored.pictures:
            wanted = prepare_picture(stored.record.images[picture.image], catalogue.root, PREPARATIONS[name])
            assert np.array_equal(picture.pixels, wanted.pixels)


def test_finer_pictures_come_back_from_the_mapped_shard(catalogue, tmp_path):
    finer = Preparation("finer", um_per_px=2000.0, canvas_px=(96, 96), finer=(FinerScale(500.0), FinerScale(250.0, 16)))
    prepare(catalogue, tmp_path / "out", finer)
    stored = PreparedDataset(tmp_path / "out")[4]
    for picture in stored.pictures:
        wanted = prepare_picture(stored.record.images[picture.image], catalogue.root, finer).finer
        assert [f.um_per_px for f in picture.finer] == [500.0, 250.0] and picture.at(100.0) is None
        for found, expected in zip(picture.finer, wanted, strict=True):
            np.testing.assert_array_equal(found.pixels, expected.pixels)
            assert not found.pixels.flags.writeable and found.placement == expected.placement
            assert picture.at(found.um_per_px) is found
    with tarfile.open(tmp_path / "out" / "shard-000000.tar") as tar:
        assert {"000000000.0.npy", "000000000.0.500um.npy", "000000000.0.250um.npy"} <= set(tar.getnames())


def test_a_fold_is_the_patients_of_train_and_val_whose_hash_says_so(folder):
    parts = [PreparedDataset(folder, fold=Fold(k, 2)) for k in (0, 1)]
    found = [{s.record.patient_id for s in part} for part in parts]
    assert found[0] | found[1] == {"p0", "p1", "p2"} and not found[0] & found[1]
    assert all(fold(p, 2) == k for k, own in enumerate(found) for p in own)
    again = pickle.loads(pickle.dumps(parts[0]))
    assert ids(again) == ids(parts[0]) and again.part == "fold 0/2 of train and val"
    assert {record for record, *_ in parts[0].hashes()} == set(ids(parts[0]))


def test_a_fold_without_patients_or_beside_a_split_is_refused(folder):
    with pytest.raises(InputError, match="one of them"):
        PreparedDataset(folder, "val", Fold(0, 2))
    empty = next(k for k in range(40) if all(fold(p, 40) != k for p in ("p0", "p1", "p2")))
    with pytest.raises(InputError, match="no patient of fold"):
        PreparedDataset(folder, fold=Fold(empty, 40))
