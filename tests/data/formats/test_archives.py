"""Archives: what is in them comes out as it went in, and what is hostile or damaged is one sentence, after the good files."""

import gzip
import io
import random
import tarfile
import tracemalloc
import zipfile
import zlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mammoscribe.data.formats.archives import Limits, is_litter, members, open_gz, streams
from mammoscribe.support.errors import InputError, InvalidNoun

FILES = {"a/1.xml": b"<one/>", "a/2.XML": b"", "b.txt": bytes(range(256)) * 700}
FORMS = ("tar", "tar.gz", "tgz", "zip")


def entry(name, size=0, kind=tarfile.REGTYPE, link=""):
    info = tarfile.TarInfo(name)
    info.size, info.type, info.linkname = size, kind, link
    return info


def write_tar(path, entries, mode="w:gz"):
    """(TarInfo or name, content) in turn."""
    with tarfile.open(path, mode) as archive:
        for info, content in entries:
            info = entry(info, len(content)) if isinstance(info, str) else info
            archive.addfile(info, io.BytesIO(content))
    return path


def write_zip(path, entries, **options):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, **options) as archive:
        for info, content in entries:
            archive.writestr(info, content)
    return path


def write(folder, form, entries):
    path = folder / f"some.{form}"
    return write_zip(path, entries) if form == "zip" else write_tar(path, entries, "w" if form == "tar" else "w:gz")


def read_until_error(path, *args):
    """The files that came, and the sentence of the error after them, "" without one."""
    found = []
    try:
        for pair in members(path, *args):
            found.append(pair)  # noqa: PERF402  # what came before an error is kept
    except InputError as error:
        return found, error.sentence()
    return found, ""


@pytest.mark.parametrize("form", FORMS)
def test_files_come_out_as_they_went_in_and_in_their_order(form, tmp_path):
    assert list(members(write(tmp_path, form, FILES.items()))) == list(FILES.items())


@pytest.mark.parametrize("form", FORMS)
def test_only_files_with_the_suffix_are_given_in_upper_or_lower_case(form, tmp_path):
    path = write(tmp_path, form, FILES.items())
    assert [name for name, _ in members(path, ".xml")] == ["a/1.xml", "a/2.XML"]
    assert [name for name, _ in members(path, (".txt", "1.xml"))] == ["a/1.xml", "b.txt"]


@pytest.mark.parametrize("form", FORMS)
def test_streams_give_the_same_whether_all_or_nothing_of_one_is_read(form, tmp_path):
    path = write(tmp_path, form, [("skipped", b"x" * 100_000), *FILES.items()])
    found = {name: stream.read(3) + stream.read() for name, stream in streams(path) if name != "skipped"}
    assert found == FILES


@pytest.mark.parametrize("form", ["tar", "tgz"])
def test_a_stream_that_is_read_after_its_turn_is_told(form, tmp_path):
    path = write(tmp_path, form, [("a", b"1" * 200_000), ("b", b"2" * 200_000)])
    turns = streams(path)
    first, second = next(turns)[1], next(turns)[1]
    assert second.read(100_000) == b"2" * 100_000
    with pytest.raises(InputError, match="begins before"):
        first.read()


def test_the_kind_is_known_by_the_content_since_browsers_unpack_and_rename(tmp_path):
    path = write_tar(tmp_path / "still_called.tgz", FILES.items(), "w")
    assert dict(members(path)) == FILES


def test_folders_and_what_systems_put_beside_files_are_passed_over(tmp_path):
    odd = [("__MACOSX/a/._1.xml", b"x"), ("a/._1.xml", b"x"), ("a/.DS_Store", b"x"), *FILES.items()]
    assert dict(members(write_tar(tmp_path / "t.tgz", [(entry("a", kind=tarfile.DIRTYPE), b""), *odd]))) == FILES
    assert dict(members(write_zip(tmp_path / "z.zip", [("a/", b""), *odd]))) == FILES


def test_a_leading_dot_is_no_part_of_a_name(tmp_path):
    for form in FORMS:
        assert list(members(write(tmp_path, form, [("./a//b.txt", b"x")]))) == [("a/b.txt", b"x")]


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("name", ["/etc/x.txt", "../x.txt", "a/../../x.txt", "a\\..\\x.txt", "C:x.txt", "C:/x.txt"])
def test_a_name_that_leads_out_is_refused_after_the_good_files(form, name, tmp_path):
    found, error = read_until_error(write(tmp_path, form, [("good.txt", b"1"), (name, b"2"), ("after", b"3")]))
    assert found == [("good.txt", b"1")]
    assert "names that stay inside" in error and repr(name) in error


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.FIFOTYPE, b"Z"])
def test_a_link_or_device_in_a_tar_is_refused_where_it_is_wanted(kind, tmp_path):
    path = write_tar(tmp_path / "t.tgz", [("a.txt", b"1"), (entry("b.txt", kind=kind, link="/etc/passwd"), b"")])
    assert read_until_error(path, "a.txt") == ([("a.txt", b"1")], "")
    found, error = read_until_error(path, ".txt")
    assert found == [("a.txt", b"1")] and "is a link or device" in error


@pytest.mark.parametrize("mode", [0o120777, 0o010644])
def test_a_link_or_device_in_a_zip_is_refused(mode, tmp_path):
    link = zipfile.ZipInfo("b.txt")
    link.create_system, link.external_attr = 3, mode << 16
    found, error = read_until_error(write_zip(tmp_path / "z.zip", [("a.txt", b"1"), (link, b"/etc/passwd")]))
    assert found == [("a.txt", b"1")] and "is a link or device" in error


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_name_that_comes_twice_is_refused(form, tmp_path):
    found, error = read_until_error(write(tmp_path, form, [("a", b"1"), ("b", b"2"), ("./a", b"3")]))
    assert found == [("a", b"1"), ("b", b"2")] and "'a' twice" in error


def test_an_encrypted_member_is_refused_unless_it_is_not_wanted(tmp_path):
    path = write_zip(tmp_path / "z.zip", [("a.txt", b"1"), ("b.bin", b"2")])
    content = bytearray(path.read_bytes())
    for signature, at in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        content[content.rindex(signature) + at] |= 1
    path.write_bytes(content)
    assert read_until_error(path, ".txt") == ([("a.txt", b"1")], "")
    found, error = read_until_error(path)
    assert found == [("a.txt", b"1")] and "'b.bin'" in error and "files without a password" in error


def test_a_packing_that_cannot_be_read_piece_by_piece_is_refused(tmp_path):
    with zipfile.ZipFile(tmp_path / "z.zip", "w", zipfile.ZIP_BZIP2) as archive:
        archive.writestr("a.txt", b"1" * 1000)
    assert "packed by method 12" in read_until_error(tmp_path / "z.zip")[1]


@pytest.mark.parametrize("form", FORMS)
def test_limits_stop_what_unpacks_to_too_much(form, tmp_path):
    path = write(tmp_path, form, [("a", b"1"), ("b", b"0" * 300_000), ("c", b"")])
    assert "'b'" in read_until_error(path, "", Limits(member_bytes=100_000))[1]
    assert "more than 200,000 bytes" in read_until_error(path, "", Limits(total_bytes=200_000))[1]
    assert "more than 2 files" in read_until_error(path, "", Limits(num_members=2))[1]
    if form != "tar":
        assert "20 times its size" in read_until_error(path, "", Limits(ratio=20, ratio_from_bytes=100_000))[1]
        assert not read_until_error(path, "", Limits(ratio=20, ratio_from_bytes=400_000))[1]


def test_a_bomb_is_stopped_by_the_limits_that_hold_when_nobody_says_any(tmp_path):
    path = tmp_path / "bomb.gz"
    packer = zlib.compressobj(9, wbits=31)
    with path.open("wb") as stream:
        stream.writelines(packer.compress(bytes(1 << 20)) for _ in range(100))
        stream.write(packer.flush())
    with open_gz(path) as stream, pytest.raises(InputError, match="250 times"):
        stream.read()
    with open_gz(path) as stream:
        assert len(stream.read(60 << 20)) == 60 << 20


def test_files_that_share_their_bytes_count_each_time(tmp_path):
    """A ZIP whose list names one packed file many times, as the best known bombs do."""
    path = write_zip(tmp_path / "z.zip", [("a", b"0" * 1_000_000)])
    content = path.read_bytes()
    start, end = content.index(b"PK\x01\x02"), content.index(b"PK\x05\x06")
    entries = b"".join(content[start:end].replace(b"a", bytes([c])) for c in range(97, 117))
    tail = bytearray(content[end:])
    tail[8:12] = (20).to_bytes(2, "little") * 2
    tail[12:16] = len(entries).to_bytes(4, "little")
    path.write_bytes(content[:start] + entries + tail)
    assert "times its size" in read_until_error(path, "", Limits(ratio_from_bytes=10_000_000))[1]


def test_an_archive_in_an_archive_is_a_file_like_any_other(tmp_path):
    inner = write_zip(tmp_path / "in.zip", [("a", b"1")]).read_bytes()
    assert list(members(write_zip(tmp_path / "z.zip", [("in.zip", inner)]))) == [("in.zip", inner)]


def test_limits_that_let_nothing_through_cannot_be_made():
    with pytest.raises(InvalidNoun):
        Limits(ratio=0)


@pytest.mark.parametrize("form", ["tar", "tgz"])
def test_a_tar_that_is_cut_off_gives_the_whole_files_first(form, tmp_path):
    noise = random.Random(0).randbytes
    path = write(tmp_path, form, [(str(n), noise(5_000)) for n in range(10)])
    content = path.read_bytes()
    for cut in (len(content) // 2, len(content) - 30_000):
        path.write_bytes(content[:cut])
        found, error = read_until_error(path)
        assert [name for name, _ in found] == [str(n) for n in range(len(found))]
        assert 1 <= len(found) < 10 and all(len(data) == 5_000 for _, data in found)
        assert "fetch it again" in error and str(path) in error


def test_a_tar_that_is_cut_off_between_two_files_is_noticed(tmp_path):
    path = write_tar(tmp_path / "t.tar", [("a", b"1"), ("b", b"2")], "w")
    path.write_bytes(path.read_bytes()[:1024])
    found, error = read_until_error(path)
    assert found == [("a", b"1")] and "cut off or damaged after 1" in error


def test_a_zip_that_is_cut_off_gives_one_sentence(tmp_path):
    path = write_zip(tmp_path / "z.zip", FILES.items())
    path.write_bytes(path.read_bytes()[:-30])
    found, error = read_until_error(path)
    assert not found and "its end is missing" in error


def test_a_wrong_checksum_is_noticed(tmp_path):
    path = write_tar(tmp_path / "t.tgz", FILES.items())
    content = bytearray(path.read_bytes())
    content[-8] ^= 1
    path.write_bytes(content)
    found, error = read_until_error(path)
    assert dict(found) == FILES and "CRC" in error
    path = write_zip(tmp_path / "z.zip", [("a", b"1"), ("b", b"22222")])
    content = path.read_bytes().replace(zlib.crc32(b"22222").to_bytes(4, "little"), b"abcd")
    path.write_bytes(content)
    found, error = read_until_error(path)
    assert found == [("a", b"1")] and "CRC" in error and "'b'" in error


def test_a_header_of_any_length_is_not_read_into_memory(tmp_path):
    """A header for a long name that claims 100 MB, which pack to nothing."""
    path = tmp_path / "t.tgz"
    with gzip.open(path, "wb", compresslevel=1) as stream:
        stream.write(entry("././@LongLink", 100 << 20, tarfile.GNUTYPE_LONGNAME).tobuf(tarfile.GNU_FORMAT))
        for _ in range(100):
            stream.write(bytes(1 << 20))
    tracemalloc.start()
    error = read_until_error(path)[1]
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert "a header of 104857600 bytes" in error and peak < 2_000_000


def test_a_size_below_zero_does_not_lead_in_circles(tmp_path):
    block = bytearray(entry("a").tobuf(tarfile.USTAR_FORMAT))
    block[124:136] = b"\xff" * 10 + (0x10000 - 1024).to_bytes(2, "big")  # -1024 in the base-256 form
    block[148:156] = b"%06o\0 " % tarfile.calc_chksums(bytes(block))[0]
    (tmp_path / "t.tar").write_bytes(bytes(block) * 4 + bytes(1024))
    assert read_until_error(tmp_path / "t.tar")[1]


@pytest.mark.parametrize("content", [b"", b"<html>log in</html>" * 100, b"PK\x03\x04nothing", b"\x1f\x8bnothing"])
def test_what_is_no_archive_is_said_so(content, tmp_path):
    (tmp_path / "x.zip").write_bytes(content)
    found, error = read_until_error(tmp_path / "x.zip")
    assert not found and "x.zip" in error and error.count("expected") == 1


def test_a_folder_or_nothing_is_said_so(tmp_path):
    assert "is a folder" in read_until_error(tmp_path)[1]
    assert "is not there" in read_until_error(tmp_path / "x.zip")[1]


@given(st.sampled_from(FORMS), st.lists(st.tuples(st.floats(0, 0.9999), st.integers(0, 255)), min_size=1, max_size=6))
@settings(max_examples=100, deadline=None)
def test_any_damage_gives_files_or_one_sentence_and_nothing_else(tmp_path_factory, form, damage):
    path = write(tmp_path_factory.mktemp("damaged"), form, [("a.txt", b"1" * 40), ("d/b.txt", b"text " * 60)])
    content = bytearray(path.read_bytes())
    for where, value in damage:
        content[int(where * min(len(content), 1600))] = value  # the headers, of a TAR that is mostly padding
    path.write_bytes(content)
    assert len(read_until_error(path)[0]) <= 2  # and no other exception


@pytest.mark.parametrize("form", ["tgz", "zip"])
def test_memory_does_not_grow_with_a_file_that_is_streamed(form, tmp_path):
    path = write(tmp_path, form, [("a", random.Random(0).randbytes(1000) * 20_000)])
    tracemalloc.start()
    total = 0
    for _, stream in streams(path):
        while chunk := stream.read(10_000):
            total += len(chunk)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert total == 20_000_000 and peak < 2_000_000


def test_memory_does_not_grow_with_the_files_of_a_tar(tmp_path):
    def peak(count):
        path = write_tar(tmp_path / "t.tar", [(f"{n}.txt", b"1") for n in range(count)], "w")
        tracemalloc.start()
        assert sum(1 for _ in members(path)) == count
        return tracemalloc.get_traced_memory()[1], tracemalloc.stop()

    assert peak(4_000)[0] < peak(400)[0] + 200_000


def test_a_gz_file_is_read_whole_and_a_damaged_one_up_to_the_damage(tmp_path):
    path = tmp_path / "a.gz"
    noise = random.Random(0).randbytes(500_000)
    path.write_bytes(gzip.compress(noise[:300_000]) + gzip.compress(noise[300_000:]))  # two parts are one file
    with open_gz(path) as stream:
        assert stream.read() == noise
    path.write_bytes(gzip.compress(noise)[:-1000])
    with open_gz(path) as stream:
        assert stream.read(100_000) == noise[:100_000]
        with pytest.raises(InputError, match="fetch it again"):
            stream.read()


@pytest.mark.parametrize(
    ("name", "litter"),
    [
        ("__MACOSX/x", True),
        ("a/._b.png", True),
        (".DS_Store", True),
        ("a/Thumbs.db", True),
        ("a/.b/c", False),
        ("_a", False),
    ],
)
def test_what_systems_put_beside_files_is_known_by_its_name(name, litter):
    assert is_litter(name) is litter


def test_a_member_of_a_zip_whose_name_is_lost_stops_nothing(tmp_path):
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("lost.txt", "x")
    path.write_bytes(path.read_bytes().replace(b"lost.txt", b"\0ost.txt"))
    found, _ = read_until_error(path)
    assert found == []
