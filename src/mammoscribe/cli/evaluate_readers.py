"""`mammoscribe evaluate --data`: readers, or results of `predict`, against the labels of a prepared split."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.progress import TaskID

from mammoscribe.cli.console import out as console
from mammoscribe.cli.console import progress_bar
from mammoscribe.cli.data_options import personal_data
from mammoscribe.cli.options import folder_for

if TYPE_CHECKING:
    from mammoscribe.evaluation.reader_card.run import Request


def of_fold(text: str | None, models: Sequence[str]) -> dict[str, Any]:
    """The fold of a request, and what is wrong with measuring these models on it; InputError for no fold."""
    if text is None:
        return {}
    from mammoscribe.data.folds import Fold
    from mammoscribe.training.calibration.out_of_fold import not_left_out

    fold = Fold.from_text(text)
    return {"fold": fold, "faults": tuple(filter(None, (not_left_out(model, fold) for model in models)))}


def measure_readers(request: "Request", out: Path) -> None:
    """Measure, write the card into `out` and print it."""
    folder = folder_for(out)
    from mammoscribe.evaluation.card_writers import page_markdown, write_card_files
    from mammoscribe.evaluation.plan import note_look
    from mammoscribe.evaluation.reader_card.run import measure

    progress = progress_bar()
    exams = progress.add_task("exams read", total=None, visible=False)
    draws = progress.add_task("draws of patients", total=request.num_draws, visible=False)

    def advance(task: TaskID, done: int = 1) -> None:
        progress.start()  # only now: a fault that is seen before anything is read is one line
        progress.update(task, advance=done, visible=True)

    try:
        measured = measure(request, folder, lambda: advance(exams), lambda done: advance(draws, done))
    finally:
        if progress.live.is_started:
            progress.stop()
    paths = write_card_files(measured.values, measured.page, folder)
    note_look(folder, [s.sha256 for s in measured.card.systems], request.plan)
    console.print(page_markdown(measured.page), highlight=False, markup=False, soft_wrap=True)
    console.print(f"wrote {', '.join(map(str, paths))}", highlight=False, markup=False, soft_wrap=True)
    if not measured.card.synthetic:
        held = "exam ids, and card.html pictures"
        console.print(personal_data(f"{folder} holds {held}"), highlight=False, markup=False, soft_wrap=True)
