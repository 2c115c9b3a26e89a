"""Step 3 of three: structured reports in BI-RADS form, the dataset's own or our own writer's wording of its labels."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from mammoscribe.data.exchange.prompts import Prompt, answer_of, prompt_for, question_of, read_prompts
from mammoscribe.data.prepared.dataset import PreparedDataset, StoredRecord
from mammoscribe.data.records import ImageText, ListedView, MammoExam, TextDocument, Turn
from mammoscribe.domain.assessment import Category
from mammoscribe.domain.evidence import Section, Sentence
from mammoscribe.domain.exam import Exam
from mammoscribe.domain.finding import FindingType
from mammoscribe.domain.search import Search, ViewSearch
from mammoscribe.domain.view import Laterality, Role, View, standard_view_id
from mammoscribe.models.chat.family import Canvas
from mammoscribe.reporting.chart import Statement
from mammoscribe.reporting.styles import STYLES, Stated, reference_statements
from mammoscribe.support.errors import InputError, InvalidNoun
from mammoscribe.support.lookup import look_up
from mammoscribe.training.chat.conversations import Conversation, Dialogue
from mammoscribe.training.chat.facts import BreastFacts, facts_of, read_by_breast
from mammoscribe.training.chat.places import places_of
from mammoscribe.training.chat.shown import Shown, check_prepared, current, listed, with_prior
from mammoscribe.training.reader.samples import UNKNOWN
from mammoscribe.training.several import digest_with
from mammoscribe.training.text.texts import text_key

USUAL_WORDS = 40
"""Words of a report that our own writer writes, by which it is put beside others of like length."""


@dataclass(frozen=True)
class Wording:
    """Which reports our own writer gives of labels.

    Args:
        style: of all of them, one of `reporting.styles.STYLES`; none draws one for each report.
        normal_share: of the reports of a dataset, at most this share states nothing to look after; others of this kind are left
            out. none keeps all: then a model mostly learns that there is nothing, as most exams have it.
        of_labels: whether labels are worded also where the dataset has a report of its own; it stays where they do not say
            enough. A report may hold what no picture shows, such as lengths, and be in any style.

    Raises:
        InputError: for a style that there is not.
        InvalidNoun: for a share outside 0 to below 1.
    """

    style: str | None = None
    normal_share: float | None = None
    of_labels: bool = False

    def __post_init__(self) -> None:
        if self.style is not None:
            look_up(self.style, dict.fromkeys(STYLES), "style of reports")
        if self.normal_share is not None and not 0 <= self.normal_share < 1:
            raise InvalidNoun(f"normal_share {self.normal_share}", "0 to below 1")

    def style_number(self, rng: np.random.Generator) -> int:
        """Index into the styles."""
        drawn = int(rng.integers(len(STYLES)))
        return drawn if self.style is None else STYLES.index(self.style)


USUAL = Wording()


@dataclass(frozen=True)
class _Unit:
    """A report: number of its record, the breast where labels of breasts are written one by one, its words.

    Args:
        only: number of the one picture that is shown, None where all are.
        normal: whether labels of which it is written state nothing to look after.
        labelled: whether it is written of labels; else it is the dataset's own.
    """

    record: int
    side: Laterality | None
    size: int
    only: int | None = None
    normal: bool = False
    labelled: bool = False


class ReportConversations:
    """Pictures with the report that belongs to them; where there is none, with what our own writer says of the labels.

    Args:
        dataset: of `mammoscribe data prepare`, whole or one split.
        most_pictures: that a conversation may have; priors are shown behind the views where they fit.
        prompts: TOML file of questions; None for those that come with the package.
        seed: chooses our own writer's wordings.
        canvas: that the pictures have to be prepared on; None for `--as plain`.
        wording: of our own writer.
        by_breast: whether a report that our own writer gives of labels is about one breast; a dataset's own reports stay whole.

    Raises:
        InputError: for another preparation, or when no record has a report or labels to write one of.
    """

    def __init__(
        self, dataset: PreparedDataset, most_pictures: int, prompts: Path | None = None, seed: int = 0,
        canvas: Canvas | None = None, wording: Wording = USUAL, by_breast: bool = False,
    ) -> None:  # fmt: skip
        check_prepared(dataset, canvas)
        self._dataset, self._most, self._seed, self._wording = dataset, most_pictures, seed, wording
        self._by_breast = by_breast or read_by_breast(dataset.supervision)
        self._prompts, self._name = read_prompts(prompts), str(dataset.about["dataset"])
        self.without_prior = self.own_reports = 0
        found = [unit for number in range(len(dataset)) for unit in self._found(number)]
        self._units = _thinned(found, wording.normal_share, seed)
        if not self._units:
            where = f"{dataset.folder}, {dataset.split} split," if dataset.split else str(dataset.folder)
            raise InputError(
                f"{where} has no picture with a report or with labels of which one can be written",
                "reports, boxes of findings, or categories of breasts", "leave it out of step reports",
            )  # fmt: skip

    def _found(self, number: int) -> Iterator[_Unit]:
        stored = self._dataset[number]
        if isinstance(stored.record, TextDocument) or not stored.pictures:
            return
        text = self._own(stored)
        of_labels = isinstance(stored.record, MammoExam) and (self._wording.of_labels or not text)
        worded = list(self._worded(number, stored)) if of_labels else []
        if worded or not text:
            yield from worded
        else:
            self.own_reports += 1
            yield self._counted(stored, _Unit(number, None, len(text.split())))

    def _worded(self, number: int, stored: StoredRecord) -> Iterator[_Unit]:
        """The reports of an exam that labels give; none where they do not say enough."""
        sides = tuple(Laterality) if self._by_breast else (None,)
        return (unit for side in sides for unit in self._of_labels(number, stored, side))

    def _of_labels(self, number: int, stored: StoredRecord, side: Laterality | None) -> Iterator[_Unit]:
        """One report of all pictures, or one of each where it is not known which boxes are of one finding."""
        views = current(stored, side)
        linked = all(is_linked(breast) for breast in self._facts(stored, views))
        for only in (None,) if linked else range(len(views)):
            breasts = self._facts(stored, views if only is None else (views[only],))
            if can_be_written(breasts):
                yield self._counted(stored, _Unit(number, side, USUAL_WORDS, only, is_normal(breasts), True))

    def _counted(self, stored: StoredRecord, unit: _Unit) -> _Unit:
        self.without_prior += self._shown(stored, unit)[1]
        return unit

    def _own(self, stored: StoredRecord) -> str:
        """The report of a record as it is learned, "" where it has none."""
        record = stored.record
        if isinstance(record, TextDocument) or record.report is None:
            return ""
        return answer_of(record.report, self._prompt(record))

    def _prompt(self, record: MammoExam | ImageText) -> Prompt:
        return prompt_for(record.kind, self._name, self._prompts)

    def _shown(self, stored: StoredRecord, unit: _Unit) -> tuple[tuple[Shown, ...], bool]:
        views = current(stored, unit.side)
        views = views if unit.only is None else (views[unit.only],)
        return with_prior(views, self._dataset.prior_of(stored), self._most)

    def _facts(self, stored: StoredRecord, shown: Sequence[Shown]) -> tuple[BreastFacts, ...]:
        assert isinstance(stored.record, MammoExam)
        return facts_of(stored.record, shown, self._dataset.supervision)

    def __len__(self) -> int:
        return len(self._units)

    @property
    def reports_breasts(self) -> bool:
        """Whether a report is of one breast."""
        return any(unit.side is not None for unit in self._units)

    @property
    def digest(self) -> str:
        """SHA-256 of the dataset, the questions, the seed, how many pictures fit and whether breasts are reported one by one."""
        questions = repr(sorted(self._prompts.items()))
        settings = f"reports {self._seed} {self._most} {self._wording} {self._by_breast}"
        return digest_with(self._dataset.about["index_sha256"], questions, settings)

    @property
    def lengths(self) -> list[int]:
        """Words of each report; of one that our own writer writes, a usual number."""
        return [max(1, unit.size) for unit in self._units]

    def __getitem__(self, number: int) -> Conversation:
        name, turns, shown = self._written(number)
        return Conversation(name, turns, tuple(s.pixels() for s in shown))

    def dialogue(self, number: int) -> Dialogue:
        """See `Conversations`; where labels say where a finding is, the pictures are opened."""
        name, turns, shown = self._written(number)
        return Dialogue(name, turns, len(shown))

    def _written(self, number: int) -> tuple[str, tuple[Turn, ...], tuple[Shown, ...]]:
        unit = self._units[number]
        stored = self._dataset[unit.record]
        record = stored.record
        assert not isinstance(record, TextDocument)
        shown, _ = self._shown(stored, unit)
        text = self._own(stored)
        if unit.labelled:
            assert isinstance(record, MammoExam)
            record = replace(
                record, images=tuple(s.image for s in shown if not s.prior and isinstance(s.image, ListedView))
            )
            rng = np.random.default_rng((self._seed, text_key(f"{record.id} {unit.side} {unit.only}")))
            text = written(record.id, shown, self._facts(stored, shown), rng, self._wording, unit.side is None)
        asked = f"{listed(shown)}\n{question_of(record, self._prompt(record))}"
        parts = [
            record.id,
            *([f"{unit.side.word} breast"] if unit.side else []),
            *([shown[0].name] if unit.only is not None else []),
        ]
        return ", ".join(parts), (Turn("human", asked), Turn("gpt", text)), shown


def is_linked(breast: BreastFacts) -> bool:
    """Whether labels say of each finding of a breast which of the shown views show it.

    They do not where boxes of several views may be of one finding, or where a finding may be in a view without its box: a
    report of both views would name it twice, or say that one view alone shows it.
    """
    views = len(breast.projections)
    return views == 1 or all(
        lesion.shares and (len(lesion.finding.marks) == views or lesion.finding.type in breast.closed)
        for lesion in breast.lesions
    )


def can_be_written(breasts: Sequence[BreastFacts]) -> bool:
    """Whether labels say of every breast that is shown what a report has to: findings, that there are none, or a category."""
    return bool(breasts) and all(
        breast.lesions or breast.closed or breast.birads or breast.labels.recall == 1 for breast in breasts
    )


def is_normal(breasts: Sequence[BreastFacts]) -> bool:
    """Whether labels state nothing to look after: no finding, no recall, no cancer."""
    return not any(breast.lesions or breast.labels.recall == 1 or breast.labels.malignant == 1 for breast in breasts)


def _thinned(units: list[_Unit], share: float | None, seed: int) -> list[_Unit]:
    """The units, of normal ones at most this share; all where there are no others to weigh them against."""
    normal = [number for number, unit in enumerate(units) if unit.normal]
    others = len(units) - len(normal)
    if share is None or not others:
        return units
    most = int(share / (1 - share) * others)
    dropped = set(np.random.default_rng((seed, 3)).permutation(normal)[most:].tolist())
    return [unit for number, unit in enumerate(units) if number not in dropped]


def written(
    name: str, shown: Sequence[Shown], breasts: Sequence[BreastFacts], rng: np.random.Generator,
    wording: Wording = USUAL, of_exam: bool = True,
) -> str:  # fmt: skip
    """The report that our own writer gives in one of its styles, with the headings of its sections.

    Nothing is denied but of views of which all boxes of the kind are known, and no change or comparison is written without
    the prior. Lengths are left out: a model is not shown what a pixel measures. Of one breast of an exam the category of the
    exam is not known, and none is written.

    Args:
        name: of the exam.
        shown: its pictures.
        breasts: what is known of those that are shown.
        rng: chooses wordings, and the style where none is set.
        wording: its style.
        of_exam: whether all pictures of the exam are shown.
    """
    exam = Exam(name, tuple(_views(shown)))
    places = places_of([lesion for breast in breasts for lesion in breast.lesions], shown)
    findings = tuple(
        replace(lesion.finding, location=places.get(lesion.finding.id, lesion.finding.location), change=change)
        for breast in breasts
        for lesion in breast.lesions
        for change in [lesion.finding.change if exam.prior else None]
    )
    search = Search(exam, tuple(_searched(view, breasts) for view in exam.current))
    stated: Stated = {b.side: (_density(b), _category(b)) for b in breasts}
    statements = reference_statements(search, findings, stated, wording.style_number(rng), rng)
    sentences = [s.sentence for s in statements if of_exam or not _rates_exam(s)]
    return _in_sections(sentences, [] if exam.prior else [Section.COMPARISON])


def _rates_exam(statement: Statement) -> bool:
    return statement.sentence.section is Section.IMPRESSION and statement.side is None


def _views(shown: Sequence[Shown]) -> Iterator[View]:
    """The domain's views, each kind once."""
    seen: set[str] = set()
    for one in shown:
        image, place = one.image, one.picture.placement
        assert isinstance(image, ListedView)
        role = Role.PRIOR if one.prior else Role.CURRENT
        view_id = standard_view_id(image.laterality, image.projection, role)
        if view_id not in seen:
            seen.add(view_id)
            yield View(
                view_id, image.laterality, image.projection, place.stored_width_px, place.stored_height_px,
                one.picture.path, role,
            )  # fmt: skip


def _searched(view: View, breasts: Sequence[BreastFacts]) -> ViewSearch:
    """A view was searched for the kinds of which its breast is known to show all."""
    breast = next(b for b in breasts if b.side is view.laterality)
    return ViewSearch(view.id, tuple((kind, "not labelled") for kind in FindingType if kind not in breast.closed))


def _density(breast: BreastFacts) -> str | None:
    return None if breast.labels.density == UNKNOWN else "abcd"[breast.labels.density]


def _category(breast: BreastFacts) -> Category | None:
    """The labelled category; a breast that was recalled has 0, as screening gives it."""
    if breast.birads is not None:
        return Category(breast.birads)
    return Category.INCOMPLETE if breast.labels.recall == 1 else None


def _in_sections(sentences: Sequence[Sentence], left_out: Sequence[Section]) -> str:
    texts = {section: [s.text for s in sentences if s.section is section] for section in Section}
    return "\n".join(
        f"{section.capitalize()}: {' '.join(own)}" for section, own in texts.items() if own and section not in left_out
    )
