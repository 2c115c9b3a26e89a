"""Deflated DICOM files: how large they are once inflated, before anybody inflates them whole (PS3.5 A.5)."""

import struct
import zlib
from pathlib import Path
from typing import BinaryIO

from pydicom.uid import DeflatedExplicitVRLittleEndian

from mammoscribe.support.errors import InputError

MAX_BYTES = 1 << 29
"""Largest data set that is inflated; a full-field mammogram has 60 MB, and a thousandth of the bytes can become so many."""

_CHUNK = 1 << 20
_LONG = (b"OB", b"OW", b"OF", b"SQ", b"UN", b"UT", b"UC", b"UR")


def check_inflated(path: Path) -> None:
    """Raise InputError for a deflated file that would fill the memory; other files and damaged ones pass."""
    with path.open("rb") as stream:
        if DeflatedExplicitVRLittleEndian.encode() not in stream.read(4096):
            return
        stream.seek(132)
        _skip_meta_information(stream)
        inflater, total = zlib.decompressobj(-zlib.MAX_WBITS), 0
        try:
            while chunk := inflater.unconsumed_tail or stream.read(_CHUNK):
                total += len(inflater.decompress(chunk, _CHUNK))
                if total > MAX_BYTES:
                    raise InputError(f"{path} inflates to more than {MAX_BYTES >> 20} MB", "a picture of usual size")
        except zlib.error:
            return  # whoever reads it says what is wrong


def _skip_meta_information(stream: BinaryIO) -> None:
    """Leave the stream at the first element that is not of group 2, which is always in explicit VR little endian."""
    while len(head := stream.read(8)) == 8:
        group, _, kind, length = struct.unpack("<HH2sH", head)
        if group != 2:
            stream.seek(-8, 1)
            return
        if kind in _LONG:
            (length,) = struct.unpack("<I", stream.read(4).ljust(4, b"\0"))
        stream.seek(length, 1)
