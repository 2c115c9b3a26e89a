"""From readers or their results and a prepared split to a card: outputs are stored, then held against the labels."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from mammoscribe.data.folds import Fold
from mammoscribe.data.prepared.dataset import PreparedDataset
from mammoscribe.domain.assessment import Setting
from mammoscribe.evaluation.card_page import Page
from mammoscribe.evaluation.classification import threshold_at_specificity
from mammoscribe.evaluation.conformal import fit_abstention
from mammoscribe.evaluation.faults import refuse
from mammoscribe.evaluation.labelled_exams import LabelledExam, labelled_exams
from mammoscribe.evaluation.outputs.changes import Change
from mammoscribe.evaluation.outputs.exam_output import ExamOutput
from mammoscribe.evaluation.outputs.predicted import read_predictions
from mammoscribe.evaluation.outputs.read_prepared import made_by, read_split
from mammoscribe.evaluation.outputs.store import Outputs, done_ids, fill
from mammoscribe.evaluation.plan import Plan, late_plan, looks_before, plan_json, plan_section
from mammoscribe.evaluation.reader_card.abstention import Abstaining
from mammoscribe.evaluation.reader_card.breast_measures import BreastCases, breast_cases, malignant, prob_malignant
from mammoscribe.evaluation.reader_card.card import OnDraw, ReaderCard, Threshold, make_card
from mammoscribe.evaluation.reader_card.card_files import card_json, card_page
from mammoscribe.evaluation.reader_card.cases import Joined, join
from mammoscribe.evaluation.reader_card.faults import check_threshold_split, leaks, output_faults, repeats
from mammoscribe.evaluation.reader_card.misses import worst_misses
from mammoscribe.evaluation.reader_card.robustness import Shift, robustness_json, robustness_section, sweep
from mammoscribe.evaluation.report_card.card import ReportCard
from mammoscribe.evaluation.report_card.card import make_card as score_reports
from mammoscribe.evaluation.report_card.card_files import card_json as report_values
from mammoscribe.evaluation.report_card.card_files import report_sections
from mammoscribe.evaluation.report_card.pairs import ReportPairs
from mammoscribe.models.devices import chosen_device
from mammoscribe.models.reader.reader import Reader
from mammoscribe.reading import load_reader
from mammoscribe.support.errors import InputError

OnExam = Callable[[], None]


@dataclass(frozen=True)
class Fixed:
    """How a threshold of malignancy, and abstention, are fixed.

    Args:
        value: the threshold. specificity: that the threshold has on `split`. None for no threshold.
        abstain: error rate that abstention, fixed on `split`, may have in each class; None for no abstention.
        split: never the one that is measured.

    Raises:
        InputError: for a rate that is not between 0 and 1.
    """

    value: float | None = None
    specificity: float | None = None
    split: str = "val"
    abstain: float | None = None

    def __post_init__(self) -> None:
        if self.abstain is not None and not 0 < self.abstain < 1:
            raise InputError(f"an error rate of {self.abstain:g}", "a share between 0 and 1, such as 0.1")

    @property
    def needs_split(self) -> bool:
        """Whether anything is fixed on a split."""
        return self.specificity is not None or self.abstain is not None


@dataclass(frozen=True)
class Request:
    """What is measured.

    Args:
        data, split: the exams with their labels.
        models, predictions: one or two systems in all: readers by name or folder, results of `predict`.
        setting, device: of the readers.
        fixed: how the threshold is fixed; None for none.
        trained_on: further prepared datasets that the readers learned from.
        num_draws: of the bootstrap.
        common_only: measure the exams that every system has. anyway: put faults on the card instead of refusing.
        plan: which figures decide, None where none was written.
        fold: whose patients are measured, of `train` and `val`, in place of the split; None measures the split.
        faults: sentences about the measurement, found before, such as a reader that did not leave out the fold.
        robustness: how many exams are read again with changed pictures; None for none.

    Raises:
        InputError: without a system, with more than two, for a threshold from exams that are measured, or for robustness of
            anything but one reader.
    """

    data: Path
    split: str
    models: tuple[str, ...] = ()
    predictions: tuple[Path, ...] = ()
    setting: Setting = Setting.SCREENING
    device: str = "cpu"
    fixed: Fixed | None = None
    trained_on: tuple[Path, ...] = ()
    num_draws: int = 1000
    common_only: bool = False
    anyway: bool = False
    plan: Plan | None = None
    fold: Fold | None = None
    faults: tuple[str, ...] = ()
    robustness: int | None = None

    def __post_init__(self) -> None:
        if self.robustness is not None and (len(self.models) != 1 or self.predictions):
            raise InputError("--robustness, which reads the exams again, without one --model alone", "one reader")
        if not 1 <= len(self.models) + len(self.predictions) <= 2:
            found = f"{len(self.models) + len(self.predictions)} systems with --data"
            raise InputError(found, "one, or two that are compared", "use --model and --predictions")
        if self.fixed is not None and self.fixed.needs_split:
            if self.fold is not None:
                raise InputError("a threshold fixed on a split beside a fold, which is measured", "--threshold NUMBER")
            check_threshold_split(self.split, self.fixed.split)

    def dataset(self) -> PreparedDataset:
        """The exams that are measured; InputError for a fold of synthetic exams, which every run learns from."""
        if self.fold is None:
            return PreparedDataset(self.data, self.split)
        if PreparedDataset(self.data).synthetic:
            raise InputError(f"a fold of synthetic exams in {self.data}, which no run leaves out", "a split")
        return PreparedDataset(self.data, fold=self.fold)


@dataclass(frozen=True)
class Measured:
    """A card with its values for a JSON file and its page."""

    card: ReaderCard
    values: dict[str, Any]
    page: Page


def measure(
    request: Request, folder: Path, on_exam: OnExam = lambda: None, on_draw: OnDraw = lambda _: None
) -> Measured:
    """Store the outputs in a folder, and measure them.

    Args:
        request: what. folder: of the files of outputs.
        on_exam: called after every exam that is read. on_draw: as of `make_card`.

    Raises:
        InputError: for a fault of the measurement, unless it is to be measured anyway.
    """
    dataset = request.dataset()
    faults = [*request.faults, *repeats(dataset), *leaks(dataset, request.trained_on)]
    refuse(faults, request.anyway)
    labels = list(labelled_exams(dataset))
    if not labels:
        raise InputError(f"{dataset.part} of {request.data} has no labelled exam", "labels, boxes or reports")
    systems = tuple(_outputs(request, dataset, frozenset(e.exam_id for e in labels), folder, on_exam))
    joined = join(labels, {s.name: s.exams for s in systems}, request.common_only)
    signs = [f for k, s in enumerate(systems) for f in output_faults(s.name, joined.cases(k))]
    before = looks_before(folder, [s.sha256 for s in systems])
    signs += [] if request.plan is None else late_plan(request.plan, before)
    refuse(signs, request.anyway)
    apart = _on_split(request, folder, on_exam)
    threshold, abstaining = _threshold(request.fixed, apart), _abstaining(request.fixed, apart)
    reports = _reports(systems, joined, request.num_draws)
    if reports is not None:
        refuse(reports.faults, request.anyway)
    card = make_card(
        str(dataset.about["dataset"]), dataset.part, dataset.synthetic, systems, joined, request.num_draws, threshold,
        None if request.plan is None else frozenset(request.plan.endpoints), notes=[*faults, *signs], on_draw=on_draw, reports_alone=reports is not None, abstaining=abstaining,
    )  # fmt: skip
    misses = [(s.name, worst_misses(dataset, joined.cases(k), card.cases[k].malignancy)) for k, s in enumerate(systems)]
    page, values = card_page(card, misses), card_json(card)
    if request.robustness is not None:
        shifts = list(_shifts(request, dataset, labels[: request.robustness], folder, on_exam))
        values["robustness"] = robustness_json(shifts)
        page = replace(page, sections=(*page.sections, robustness_section(shifts)))
    if reports is not None:
        values["reports"] = report_values(reports)
        own = tuple(replace(s, title=f"Reports: {s.title}") for s in report_sections(reports))
        notes = tuple(f"reports: {note}" for note in (*reports.faults, *reports.notes))
        page = replace(page, sections=(*page.sections, *own), notes=(*page.notes, *notes))
    if request.plan is not None:
        values["plan"] = plan_json(request.plan, card.lines, len(before) + 1)
        names = [s.name for s in systems]
        planned = plan_section(request.plan, names, card.lines, card.differences, len(before) + 1)
        page = replace(page, sections=(planned, *page.sections))
    return Measured(card, values, page)


def _reports(systems: Sequence[Outputs], joined: Joined, num_draws: int) -> ReportCard | None:
    """The card of the reports that the systems wrote, on exams whose dataset has reports; None without such exams."""
    at = [
        i
        for i, labels in enumerate(joined.labels)
        if labels.report and all(own[i].sentences is not None for own in joined.outputs)
    ]
    if not at:
        return None
    ids, patients = tuple(joined.labels[i].exam_id for i in at), tuple(joined.labels[i].patient_id for i in at)
    references = tuple(joined.labels[i].report or "" for i in at)
    pairs = [
        (s.name, ReportPairs(ids, patients, references, tuple(own[i].report or "" for i in at), True))
        for s, own in zip(systems, joined.outputs, strict=True)
    ]
    return score_reports("reports of the dataset", pairs, num_draws)


def _outputs(
    request: Request, dataset: PreparedDataset, wanted: frozenset[str], folder: Path, on_exam: OnExam
) -> Iterator[Outputs]:
    """The outputs of every system for exams of a split."""
    names = _names([*request.models, *map(str, request.predictions)])
    for name, model in zip(names, request.models, strict=False):
        reader = load_reader(model, chosen_device(request.device))
        yield stored_outputs(name, reader, dataset, wanted, request.setting, folder, on_exam)
    for name, path in zip(names[len(request.models) :], request.predictions, strict=True):
        made, exams = read_predictions(path)
        yield fill(folder, name, made, len(exams), exams)


def stored_outputs(
    name: str, reader: Reader, dataset: PreparedDataset, wanted: frozenset[str], setting: Setting, folder: Path,
    on_exam: OnExam, change: Change | None = None,
) -> Outputs:  # fmt: skip
    """The outputs of a reader for exams of a split: those in the folder, and the missing ones after reading them."""
    made = made_by(reader, dataset, setting, change)
    missing = wanted - done_ids(folder, made)

    def read() -> Iterator[ExamOutput]:
        for output in read_split(reader, dataset, setting, missing, change):
            yield output
            on_exam()

    return fill(folder, name, made, len(wanted), read())


def _shifts(
    request: Request, dataset: PreparedDataset, labels: Sequence[LabelledExam], folder: Path, on_exam: OnExam
) -> Iterator[Shift]:
    """What every change of the pictures does to the one reader."""
    reader = load_reader(request.models[0], chosen_device(request.device))
    wanted = frozenset(e.exam_id for e in labels)

    def read(change: Change) -> Outputs:
        return stored_outputs(change.words, reader, dataset, wanted, request.setting, folder, on_exam, change)

    yield from sweep(labels, read, request.num_draws)


def _names(given: Sequence[str]) -> list[str]:
    """Names of systems: the last part of a path, with more where two have one name."""
    short = [Path(g).name for g in given]
    if len(set(short)) == len(short):
        return short
    return list(given) if len(set(given)) == len(given) else [f"{g} ({k})" for k, g in enumerate(given, start=1)]


@dataclass(frozen=True)
class _Apart:
    """The breasts of one system on the split on which thresholds are fixed."""

    system: str
    joined: Joined
    breasts: BreastCases

    @property
    def patients(self) -> list[str]:
        """Whose each breast is."""
        return [self.joined.labels[e].patient_id for e in self.breasts.exams]

    @property
    def names(self) -> list[str]:
        """Of each breast."""
        exams = (self.joined.labels[e].exam_id for e in self.breasts.exams)
        return [f"{exam}/{side}" for exam, side in zip(exams, self.breasts.sides, strict=True)]


def _on_split(request: Request, folder: Path, on_exam: OnExam) -> list[_Apart]:
    """Every system on the split on which something is fixed; none where nothing is.

    Raises:
        InputError: when the split has no malignant and other breasts.
    """
    fixed = request.fixed
    if fixed is None or not fixed.needs_split:
        return []
    dataset = PreparedDataset(request.data, fixed.split)
    labels: list[LabelledExam] = list(labelled_exams(dataset))
    found = []
    for own in _outputs(request, dataset, frozenset(e.exam_id for e in labels), folder, on_exam):
        joined = join(labels, {own.name: own.exams}, request.common_only)
        breasts = breast_cases(joined.cases(0), malignant, prob_malignant)
        if not breasts.both_classes:
            raise InputError(f"{fixed.split} has no malignant and other breasts to fix a threshold on", "both")
        found.append(_Apart(own.name, joined, breasts))
    return found


def _threshold(fixed: Fixed | None, apart: Sequence[_Apart]) -> Threshold | None:
    """The threshold as a number, or fixed on another split by the first system's outputs there."""
    if fixed is None or (fixed.value is None and fixed.specificity is None):
        return None
    if fixed.value is not None:
        return Threshold(fixed.value, "a number that was given")
    assert fixed.specificity is not None
    c = apart[0].breasts
    value = threshold_at_specificity(c.scores, c.labels, fixed.specificity)
    words = f"{fixed.split}: specificity {fixed.specificity:g} of {apart[0].system} there, {len(c.labels)} breasts"
    return Threshold(value, words)


def _abstaining(fixed: Fixed | None, apart: Sequence[_Apart]) -> list[Abstaining]:
    """How each system leaves breasts to a person; none where that was not asked for."""
    if fixed is None or fixed.abstain is None:
        return []
    found = []
    for own in apart:
        c = own.breasts
        rule = fit_abstention(c.scores, c.labels, own.patients, own.names)
        counts = f"{len(rule.strange[1])} malignant and {len(rule.strange[0])} other breasts"
        found.append(Abstaining(rule, fixed.abstain, f"{fixed.split}: {counts}, one of a class from each patient"))
    return found
