"""mammoscribe: reads a mammography exam and writes a BI-RADS report whose every sentence cites its evidence."""

import importlib
from typing import TYPE_CHECKING

__version__ = "0.1.0"

if TYPE_CHECKING:
    from mammoscribe.data.arrays import exam_of_arrays
    from mammoscribe.data.load import load_exam
    from mammoscribe.domain.evidence import Evidence, Sentence
    from mammoscribe.domain.exam import Exam
    from mammoscribe.domain.finding import Finding
    from mammoscribe.domain.report import Report
    from mammoscribe.domain.view import Box, View
    from mammoscribe.reading import load_reader, read_exam, write_outputs

__all__ = [
    "load_exam",
    "exam_of_arrays",
    "load_reader",
    "read_exam",
    "write_outputs",
    "Exam",
    "View",
    "Box",
    "Finding",
    "Evidence",
    "Sentence",
    "Report",
    "__version__",
]
_HOMES = {
    "mammoscribe.data.arrays": ("exam_of_arrays",),
    "mammoscribe.data.load": ("load_exam",),
    "mammoscribe.reading": ("load_reader", "read_exam", "write_outputs"),
    "mammoscribe.domain.exam": ("Exam",),
    "mammoscribe.domain.view": ("View", "Box"),
    "mammoscribe.domain.finding": ("Finding",),
    "mammoscribe.domain.evidence": ("Evidence", "Sentence"),
    "mammoscribe.domain.report": ("Report",),
}


def __getattr__(name: str) -> object:
    """Public names are imported when they are asked for, so that `import mammoscribe` loads no torch."""
    for home, names in _HOMES.items():
        if name in names:
            return getattr(importlib.import_module(home), name)
    raise AttributeError(f"module 'mammoscribe' has no attribute {name!r}")


def __dir__() -> list[str]:
    """The public names, which are not there before they are asked for."""
    return sorted({*globals(), *__all__})
