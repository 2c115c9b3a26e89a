"""Searches everything that a command wrote for what says whose exam it is; shares no code with what hides it."""

import base64
import datetime as dt
import re
from collections.abc import Iterable, Mapping
from pathlib import Path

import pydicom

IDENTITY = ("PatientID", "PatientName", "PatientBirthDate", "AccessionNumber", "StudyID", "StudyDate", "SeriesDate")
SHORTEST = 5  # a shorter word is found by chance in the letters of a picture
IDENTITY += ("ContentDate", "AcquisitionDate", "StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID")
IDENTITY += ("FrameOfReferenceUID", "ReferringPhysicianName", "OtherPatientIDs")


def identifiers(files: Iterable[Path], words: Iterable[str] = ()) -> set[str]:
    """Ids, names, UIDs, dates (as DICOM, ISO and dd.mm.yyyy) of DICOM files, and `words`, in lower case."""
    found = set(words)
    for file in files:
        header = pydicom.dcmread(file, stop_before_pixels=True, force=True)
        for name in IDENTITY:
            value = str(header.get(name, ""))
            found |= {value, *value.replace("^", " ").split(" ")}
            if re.fullmatch(r"\d{8}", value):
                day = dt.datetime.strptime(value, "%Y%m%d")
                found |= {day.strftime(f) for f in ("%Y-%m-%d", "%d.%m.%Y", "%d/%m/%Y", "%m/%d/%Y")}
    return {word.lower() for word in found if len(word) >= SHORTEST}


def leaks(roots: Iterable[Path], wanted: Iterable[str], printed: Mapping[str, str] = {}) -> list[str]:
    """Where a wanted text is: in a file's bytes or name below `roots`, in pictures of a page, or in what was printed."""
    texts = {name: " ".join(text.lower().split()).encode() for name, text in printed.items()}
    for root in roots:
        for path in [root] if root.is_file() else root.rglob("*"):
            texts[f"name of {path}"] = (path.name if root.is_file() else str(path.relative_to(root))).lower().encode()
            if path.is_file():
                data = path.read_bytes()
                texts[str(path)] = data.lower()
                pictures = re.findall(rb"base64,([A-Za-z0-9+/=]+)", data)
                texts |= {f"{path} picture {n}": base64.b64decode(p).lower() for n, p in enumerate(pictures)}
    return [f"{word} in {where}" for where, data in texts.items() for word in wanted if word.encode() in data]
