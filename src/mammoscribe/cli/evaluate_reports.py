"""`mammoscribe evaluate --reference --candidate`: files of reports in, card.json and card.md out."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from mammoscribe.cli.console import out as console
from mammoscribe.cli.console import progress_bar
from mammoscribe.cli.options import folder_for
from mammoscribe.support.errors import InputError

if TYPE_CHECKING:
    from mammoscribe.evaluation.plan import Plan


@dataclass(frozen=True)
class ReportFiles:
    """What is to be scored.

    Args:
        reference: file or folder of reference reports. candidates: one or two of them.
        id_column, text_column: of all files; patient_column: of the reference. None: recognised by their usual names.
        common_only: leave out exams that not every file has, instead of refusing.
        train: reports that the systems learned from. features: pictures of both, for the nearest neighbour's report.
        anyway: put faults on the card instead of refusing.
        plan: which figures decide, None where none was written.
    """

    reference: Path
    candidates: tuple[Path, ...]
    id_column: str | None = None
    text_column: str | None = None
    patient_column: str | None = None
    common_only: bool = False
    train: Path | None = None
    features: Path | None = None
    anyway: bool = False
    plan: "Plan | None" = None

    def __post_init__(self) -> None:
        if not 1 <= len(self.candidates) <= 2:
            raise InputError(
                f"{len(self.candidates)} candidates with --reference",
                "one, or two that are compared",
                "use --candidate",
            )
        if self.features is not None and self.train is None:
            raise InputError("--features without --train", "the training reports among which a neighbour is looked for")


def score_reports(files: ReportFiles, out: Path, draws: int) -> None:
    """Score the candidates and write the card into `out`."""
    folder = folder_for(out)
    from mammoscribe.data.report_files import Columns, read_reports
    from mammoscribe.evaluation.card_writers import page_markdown, write_card_files
    from mammoscribe.evaluation.faults import refuse
    from mammoscribe.evaluation.plan import late_plan, looks_before, note_look, plan_json, plan_section
    from mammoscribe.evaluation.report_card.card import make_card
    from mammoscribe.evaluation.report_card.card_files import card_json, card_page
    from mammoscribe.evaluation.report_card.neighbours import neighbour_reports, train_faults
    from mammoscribe.evaluation.report_card.pairs import join

    columns = Columns(files.id_column, files.text_column)
    reference = read_reports(files.reference, Columns(files.id_column, files.text_column, files.patient_column))
    candidates = [read_reports(path, columns) for path in files.candidates]
    if files.common_only:
        shared = set(reference).intersection(*candidates)
        left_out = len(set(reference).union(*candidates) - shared)
        console.print(f"{left_out} exams are not in every file and are left out", highlight=False)
    systems = [
        (name, join(reference, reports, files.common_only, set(reference).intersection(*candidates)))
        for name, reports in zip(_names(files.candidates), candidates, strict=True)
    ]
    neighbours, faults = None, list[str]()
    if files.train is not None:
        learned = read_reports(files.train, Columns(files.id_column, files.text_column))
        faults = train_faults(systems[0][1], learned)
        refuse(faults, files.anyway)
        if files.features is not None:
            from mammoscribe.training.probes.feature_set import load_features

            known = load_features(files.features)
            neighbours = neighbour_reports(systems[0][1], learned, known.ids, known.features)
    with progress_bar() as progress:
        task = progress.add_task("reports", total=len(systems[0][1].ids))
        advance = lambda done: progress.advance(task, done)  # noqa: E731
        only = None if files.plan is None else frozenset(files.plan.endpoints)
        card = make_card(files.reference.name, systems, draws, advance, neighbours, only, faults)
    digests = [s.digest for s in card.systems]
    before = looks_before(folder, digests)
    late = [] if files.plan is None else late_plan(files.plan, before)
    refuse([*card.faults, *late], files.anyway)
    page, values = card_page(replace(card, notes=(*late, *card.notes))), card_json(card)
    if files.plan is not None:
        values["plan"] = plan_json(files.plan, card.lines, len(before) + 1)
        planned = plan_section(files.plan, page.systems, card.lines, card.differences, len(before) + 1)
        page = replace(page, sections=(planned, *page.sections))
    paths = write_card_files(values, page, folder)
    note_look(folder, digests, files.plan)
    console.print(page_markdown(page), highlight=False, markup=False, soft_wrap=True)
    console.print(f"wrote {', '.join(map(str, paths))}", highlight=False, markup=False, soft_wrap=True)


def _names(paths: tuple[Path, ...]) -> list[str]:
    """Names of the files; with their folders where two have one name."""
    names = [path.name for path in paths]
    return names if len(set(names)) == len(names) else [str(path) for path in paths]


def print_must_pass() -> None:
    """Print how many of the must-pass pairs every score gets right."""
    from mammoscribe.evaluation.card import table
    from mammoscribe.evaluation.report_card.must_pass import HEAD, must_pass_rows, read_suite

    console.print(table(HEAD, must_pass_rows(read_suite())), highlight=False, markup=False, soft_wrap=True)
