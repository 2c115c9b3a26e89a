"""A run's progress on the terminal: losses, throughput, time left, memory."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from mammoscribe.training.engine.run_folder import is_validation


@contextmanager
def shown(steps: int, console: Console) -> Iterator[Any]:
    """A function for `train` that shows its rows on `console` for as long as the block lasts; validations stay on screen.

    The time left is that of the last steps, so a run that goes on is not credited with the steps it found.
    """
    columns = (
        TextColumn("training"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TextColumn("left"),
        TimeRemainingColumn(), TextColumn("{task.fields[state]}"),
    )  # fmt: skip
    with Progress(*columns, console=console) as progress:
        task = progress.add_task("", total=steps, state="")

        def on_row(row: Mapping[str, Any]) -> None:
            if is_validation(row):
                progress.console.print(f"step {row['step']}: {_figures(row, 'val/')}", highlight=False, markup=False)
            else:
                progress.update(task, completed=row["step"], state=described(row))

        yield on_row


def described(row: Mapping[str, Any]) -> str:
    """A line of metrics.jsonl in words: losses, items a second, memory, steps that were skipped."""
    parts = [_figures(row, "loss/"), f"{row['items_per_s']:.1f} items/s", f"{row['memory_mb']:.0f} MB"]
    if row["skipped"]:
        parts.append(f"{row['skipped']} steps skipped")
    return "; ".join(part for part in parts if part)


def _figures(row: Mapping[str, Any], start: str) -> str:
    numbers = {n.removeprefix(start): v for n, v in row.items() if n.startswith(start)}
    return ", ".join(f"{n} {'not finite' if v is None or v - v != 0 else f'{v:.4g}'}" for n, v in numbers.items())
