"""`mammoscribe demo`: draws a fixed synthetic exam with a prior, reads it, says where the report is."""

from dataclasses import replace
from pathlib import Path

from mammoscribe.cli.console import out as console
from mammoscribe.cli.console import working
from mammoscribe.cli.options import FORMATS, Model, OutDir, folder_for

EXAMPLE = "Example: mammoscribe demo --out demo"
SEED = 200_001  # beyond the seeds of training and validation, and not in bench_v1


def command(out: OutDir = Path("demo"), model: Model = "starter") -> None:
    """Read a synthetic exam and write its report: no data, no GPU, no network.

    The exam is drawn from a fixed seed, with a prior, and written as DICOM into OUT/exam.
    The page can show what was drawn beside what was read.
    """
    folder = folder_for(out)
    from mammoscribe.cli.summary import summary_of
    from mammoscribe.data.load import load_exam
    from mammoscribe.phantom import TRAINING_SPEC, draw_exam, write_dicom_exam
    from mammoscribe.reading import load_reader, read_exam, write_outputs

    reader = load_reader(model)
    with working("drawing a synthetic exam with its prior"):
        drawn = draw_exam(SEED, replace(TRAINING_SPEC, prior_probability=1.0))
        write_dicom_exam(drawn, folder / "exam")
    with working("reading it"):
        loaded = load_exam([folder / "exam" / "current"], [folder / "exam" / "prior"])
        reading = read_exam(loaded.exam, reader)
        written = write_outputs(reading, folder, tuple(FORMATS), truth=drawn.findings)
    console.print(summary_of(reading.report))
    page = next(path for path in written if path.suffix == ".html")
    console.print(f"report: {page}", style="bold", highlight=False, markup=False, soft_wrap=True)
