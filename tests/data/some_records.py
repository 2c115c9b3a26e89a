"""Records for tests, and small datasets made of lists of them."""

import datetime as dt
from pathlib import Path

from mammoscribe.data.dataset import Dataset, Edition, Item, Label, State
from mammoscribe.data.ingest import ingest
from mammoscribe.data.records import ImageText, Kind, ListedImage, ListedView, MammoExam, Region
from mammoscribe.data.texts.report_text import ReportText, Section
from mammoscribe.domain.view import Box, Laterality, Projection
from tests.data.datasets.made import write_picture

R, L = Laterality.RIGHT, Laterality.LEFT
CC, MLO = Projection.CC, Projection.MLO


def report(findings: str = "A mass.", impression: str = "BI-RADS 4.", **sections: str) -> ReportText:
    said = {Section.FINDINGS: findings, Section.IMPRESSION: impression} | {Section(k): v for k, v in sections.items()}
    return ReportText("\n".join(f"{name.upper()}: {text}" for name, text in said.items()), said)


def exam(name: str = "e1", patient: str = "p1", day: str | None = None, **more: object) -> MammoExam:
    views = (
        ListedView(f"{name}/r_cc.png", R, CC, labels={"bright": "1"}),
        ListedView(f"{name}/l_mlo.png", L, MLO, regions=(Region(Box(2, 3, 9, 12.5), {"kind": "mass"}),)),
    )
    given = {
        "images": views, "date": dt.date.fromisoformat(day) if day else None, "report": report(),
        "breasts": {R: {"cancer": "1"}, L: {"cancer": "0"}}, "labels": {"age": "50"},
    } | more  # fmt: skip
    return MammoExam(name, patient, **given)  # type: ignore[arg-type]


def study(name: str = "s1", patient: str = "p1", day: str | None = None, **more: object) -> ImageText:
    given = {
        "images": (ListedImage(f"{name}.png", "PA"),), "date": dt.date.fromisoformat(day) if day else None,
        "report": report("The lungs are clear.", "Normal."),
    } | more  # fmt: skip
    return ImageText(name, patient, **given)  # type: ignore[arg-type]


def dataset_of(items: list[Item], kind: Kind = Kind.MAMMO_EXAM) -> Dataset:
    edition = Edition("list", ("*",), "a list", {}, State.TESTED, lambda _: iter(items))
    labels = (Label("age", "exam", "years"),)
    return Dataset("listed", "a list of records", kind, "en", "none", "given", "nobody", labels, ("none",), (edition,))


def written(items: list[Item], root: Path, **options: object):
    """The catalogue of a list of records whose pictures are all there."""
    kind = next(i.kind for i in items if hasattr(i, "kind"))
    (root / "files").mkdir(parents=True, exist_ok=True)
    (root / "files" / "here").touch()
    for number, item in enumerate(items):
        for image in getattr(item, "images", ()):
            if image.path is not None:
                write_picture(root / "files" / image.path, number)
    return ingest(dataset_of(items, kind), root / "files", root / "catalogue", **options).catalogue  # type: ignore[arg-type]
