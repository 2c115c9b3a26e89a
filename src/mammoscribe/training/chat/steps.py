"""The three steps of a chat model: medical language, then findings in pictures, then structured reports; a data mix for each."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from mammoscribe.data.prepared.dataset import PreparedDataset
from mammoscribe.models.chat.chat_model import ChatModel
from mammoscribe.models.chat.family import EXAM, TEXT_TOKENS, Canvas
from mammoscribe.training.chat.conversations import (
    Conversations,
    FileConversations,
    PreparedConversations,
    is_file_of_conversations,
)
from mammoscribe.training.chat.findings import FindingConversations
from mammoscribe.training.chat.language import LanguageConversations
from mammoscribe.training.chat.reports import ReportConversations, Wording

USUAL_TOKENS = 2048
"""Tokens of a conversation at most, as LLaVA's script sets `model_max_length`."""
TOKENS_OF_WORD = 6
"""A word of a medical text has fewer, also where a tokeniser knows little of its language."""


class Step(StrEnum):
    """What prepared data is made conversations for.

    `language`: texts alone, to be continued or summed up; `findings`: questions about findings that the labels of pictures
    answer; `reports`: the report of the pictures, the dataset's own or our own writer's wording of its labels.
    """

    LANGUAGE = "language"
    FINDINGS = "findings"
    REPORTS = "reports"


@dataclass(frozen=True)
class Mix:
    """How the data of a run becomes conversations.

    Args:
        step: None asks for the reports of prepared data as `data export` does, without prior pictures.
        max_tokens: of one conversation.
        most_pictures: of one conversation.
        images: folder that the paths of pictures in files start from, None for that of each file.
        prompts: TOML file of questions that ask for a report, None for those of the package.
        seed: chooses questions and wordings.
        canvas: that pictures have to be prepared on; None for `--as plain`.
        wording: of reports that our own writer gives of labels.
        by_breast: whether each conversation is about one breast, in steps findings and reports.
    """

    step: Step | None
    max_tokens: int
    most_pictures: int
    images: Path | None
    prompts: Path | None
    seed: int
    canvas: Canvas | None = None
    wording: Wording = field(default_factory=Wording)
    by_breast: bool = False

    def conversations(self, place: Path, split: str) -> Conversations:
        """The conversations of a file, which are learned as they are in any step, or of a split of prepared data.

        Raises:
            InputError: when there is none.
        """
        if is_file_of_conversations(place):
            return FileConversations(place, self.images)
        dataset = PreparedDataset(place, split)
        if self.step is Step.LANGUAGE:
            return LanguageConversations(dataset, max(1, self.max_tokens // TOKENS_OF_WORD), self.seed)
        if self.step is Step.FINDINGS:
            return FindingConversations(dataset, self.most_pictures, self.seed, self.canvas, self.by_breast)
        if self.step is Step.REPORTS:
            return ReportConversations(
                dataset, self.most_pictures, self.prompts, self.seed, self.canvas, self.wording, self.by_breast
            )
        return PreparedConversations(dataset, self.prompts, self.canvas)


def room(model: ChatModel, step: Step | None, max_tokens: int | None) -> tuple[int, int]:
    """(tokens, pictures) that a conversation may have, with room for question and answer beside the pictures.

    Args:
        model: that learns them.
        step: of the run; only with one are prior pictures shown.
        max_tokens: as the user set it; None is 2,048, or what the pictures need where that is more.
    """
    most, tokens = max_tokens or model.context, model.adapter.tokens_for
    fitting = [n for n in range(1, model.family.most_images + 1) if tokens(n) + TEXT_TOKENS <= most]
    pictures = max(fitting, default=1)
    shown = EXAM if step is None else max(EXAM, pictures)
    return max_tokens or min(max(USUAL_TOKENS, tokens(shown) + TEXT_TOKENS), model.context), pictures


def notes_of(
    given: Mapping[str, Conversations], model: ChatModel, pictures: int, wording: Wording, by_breast: bool = False
) -> Iterator[str]:  # fmt: skip
    """A sentence for each dataset of which exams are shown without their prior, or whose own reports the settings do not touch.

    Args:
        given: conversations by dataset.
        model: that learns them.
        pictures: that a conversation may have.
        wording: of the run.
        by_breast: whether the run asks for reports of one breast.
    """
    for name, own in given.items():
        if isinstance(own, FindingConversations | ReportConversations) and own.without_prior:
            yield (
                f"{name}: {own.without_prior} of its exams are learned without the pictures of their prior exam, because "
                f"a conversation of this run with {model.family.name} has room for {pictures} and more are needed"
            )
        if isinstance(own, ReportConversations) and own.own_reports and (by_breast or wording != Wording()):
            yield f"{name}: {own.own_reports} of its reports are its own and learned as they are" + (
                "; task.wording.of_labels=true has labels worded in their place" if not wording.of_labels else
                ", because its labels do not say enough"
            )  # fmt: skip
