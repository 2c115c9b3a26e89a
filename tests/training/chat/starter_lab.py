"""An untrained starter-chat around a tiny language model and a tiny reader, and a few exams with boxes for it."""

from pathlib import Path

from mammoscribe.models.chat.starter import begin_starter
from mammoscribe.models.reader.network import debug_config
from tests.cli.tiny_reader import write_tiny_reader
from tests.models.tiny_chat import write_base
from tests.training.chat.labelled import ALL, FOUR, R, exam, mass, prepared, view


def untrained_starter(root: Path) -> Path:
    """A folder of starter-chat with both in it; the reader has the starter's canvas."""
    (root / "reader").mkdir()
    (root / "starter-chat").mkdir()
    reader = write_tiny_reader(root / "reader", debug_config())
    begin_starter(root / "starter-chat", write_base(root / "base", positions=2048), str(reader))
    return root / "starter-chat"


def boxed_exams(root: Path) -> Path:
    """Two exams with a mass in another breast each, on the starter's canvas; the second has a prior."""
    records = []
    for n, side in enumerate((R, FOUR[1][0])):
        shown = [
            view(s, k, *([mass("m", descriptors="shape.oval", change="new")] if s is side else []), name=f"e{n}")
            for s, k in FOUR
        ]
        records.append(exam(f"e{n}", shown, prior_id=f"e{n}-before" if n else None))
    unknown = "mass|calcification|asymmetry|architectural_distortion"
    before = [view(s, k, name="e1-before", unplaced=unknown) for s, k in FOUR]
    records.append(type(records[0])("e1-before", records[1].patient_id, tuple(before)))
    return prepared(root, records, ALL, as_name="reader")
