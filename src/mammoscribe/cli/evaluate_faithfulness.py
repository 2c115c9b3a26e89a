"""`mammoscribe evaluate --faithfulness`: a reader or a writer on exams whose pictures are changed on purpose."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from mammoscribe.cli.authors import Authorship
from mammoscribe.cli.console import out as console
from mammoscribe.cli.console import progress_bar
from mammoscribe.cli.data_options import personal_data
from mammoscribe.cli.evaluate_readers import of_fold
from mammoscribe.cli.options import WriterName, folder_for
from mammoscribe.support.errors import InputError

if TYPE_CHECKING:
    from mammoscribe.evaluation.faithfulness.subjects import Subjects
    from mammoscribe.evaluation.faithfulness.written import ReaderGenerator


@dataclass(frozen=True)
class Who:
    """The reader, and who writes.

    Args:
        models: names or folders of readers; one. authorship: who writes. setting, device: of the reader.
    """

    models: tuple[str, ...]
    authorship: Authorship
    setting: str
    device: str

    def __post_init__(self) -> None:
        if len(self.models) != 1:
            raise InputError(f"{len(self.models)} models with --faithfulness", "one")


@dataclass(frozen=True)
class WrittenAbout:
    """The exams.

    Args:
        data, split, fold: a prepared dataset and the part of it; None draws exams.
        most: how many exams at most. bench: of drawn ones, a frozen bench in place of validation exams.
        split_given: whether the split was named.
    """

    data: Path | None
    split: str
    fold: str | None
    most: int
    bench: str | None
    split_given: bool

    def __post_init__(self) -> None:
        if self.data is None and (self.fold is not None or self.split_given):
            raise InputError(f"{'--fold' if self.fold else '--split'} without --data", "both, or neither")
        if self.data is not None and self.bench is not None:
            raise InputError("--bench with --data", "one of them")
        if self.fold is not None and self.split_given:
            raise InputError(f"--fold {self.fold} with the split {self.split}", "one of them")

    def subjects(self) -> "tuple[Subjects, str, dict[str, str]]":
        """The exams, what they are in words, and what decides about them; InputError where there are none."""
        from mammoscribe.evaluation.faithfulness.subjects import DrawnSubjects, PreparedSubjects

        if self.data is None:
            seeds, spec, name = self._drawn()
            return DrawnSubjects(seeds, spec), f"synthetic exams ({name})", {"drawn": repr(spec)}
        from mammoscribe.data.folds import Fold
        from mammoscribe.data.prepared.dataset import PreparedDataset

        fold = None if self.fold is None else Fold.from_text(self.fold)
        dataset = PreparedDataset(self.data, None if fold else self.split, fold)
        about = dataset.about
        words = f"{about['dataset']}, {dataset.part}"
        decides = {"dataset": about["dataset"], "part": dataset.part, "index_sha256": about["index_sha256"]}
        return PreparedSubjects(dataset, self.most), words, decides

    def _drawn(self):
        """Seeds, spec and name of the drawn exams."""
        from mammoscribe.phantom import TRAINING_SPEC
        from mammoscribe.phantom.bench import BENCHES, VALIDATION_SEEDS
        from mammoscribe.support.lookup import look_up

        if self.bench is None:
            return VALIDATION_SEEDS[: self.most], TRAINING_SPEC, "validation"
        frozen = look_up(self.bench, BENCHES, "bench")
        return frozen.seeds[: self.most], frozen.spec, self.bench


def measure_writer(who: Who, about: WrittenAbout, out: Path, draws: int, anyway: bool) -> None:
    """Run the trials, write the card into `out` and print it."""
    folder = folder_for(out)
    who.authorship.check()
    from mammoscribe.evaluation.card_writers import page_markdown, write_card_files
    from mammoscribe.evaluation.faithfulness.card import card_json, card_page
    from mammoscribe.evaluation.faithfulness.run import Asked, measure_faithfulness
    from mammoscribe.evaluation.faults import refuse

    faults = of_fold(about.fold, who.models).get("faults", ())
    refuse(faults, anyway)
    subjects, words, decides = about.subjects()
    generator, name, made_by = _generator(who)
    asked = Asked(generator, subjects, name, words, {"input": decides, "configuration": made_by}, draws, tuple(faults))
    with progress_bar() as progress:
        task = progress.add_task("exams written about", total=len(subjects))
        card = measure_faithfulness(asked, folder, lambda: progress.advance(task))
    page = card_page(card)
    paths = write_card_files(card_json(card), page, folder)
    console.print(page_markdown(page), highlight=False, markup=False, soft_wrap=True)
    console.print(f"wrote {', '.join(map(str, paths))}", highlight=False, markup=False, soft_wrap=True)
    if about.data is not None:
        console.print(
            personal_data(f"{folder} holds exam and patient ids"), highlight=False, markup=False, soft_wrap=True
        )


def _generator(who: Who) -> "tuple[ReaderGenerator, str, dict]":
    """The generator, its name, and what decides about what it writes."""
    from mammoscribe.domain.assessment import Setting
    from mammoscribe.evaluation.faithfulness.written import ReaderGenerator
    from mammoscribe.models.devices import chosen_device
    from mammoscribe.reading import load_reader

    where = chosen_device(who.device)
    reader, authorship = load_reader(who.models[0], where), who.authorship
    if authorship.writer is WriterName.DECODER and reader.decoder is None:
        raise InputError(f"the model {reader.card.name} has no report decoder", "", "use --writer renderer")
    author, card = authorship.author(reader, where), reader.card
    rests_on_reader = authorship.writer in (WriterName.RENDERER, WriterName.DECODER)
    generator = ReaderGenerator(
        reader, author, Setting(who.setting), (lambda r: authorship.author(r, where)) if rests_on_reader else None
    )
    made_by = {
        "model": card.name, "version": card.version, "weights_sha256": card.weights_sha256,
        "operating_points": repr((card.synthetic, card.real)), "setting": who.setting, "device": where.type,
        **authorship.made_by(),
    }  # fmt: skip
    return generator, f"{card.name} {card.version}" if author is None else author.name, made_by
