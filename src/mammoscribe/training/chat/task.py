"""The fine-tuning of a chat model as a task of the engine: conversations, cross-entropy of their answers, perplexity."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mammoscribe.data.prepared.dataset import PreparedDataset
from mammoscribe.models.chat.adapter import blank
from mammoscribe.models.chat.batch import ChatBatch
from mammoscribe.models.chat.four_bits import pack_language_model
from mammoscribe.models.chat.lora import Lora, held_lora, put_updates
from mammoscribe.models.chat.prompt import IGNORED, Prompter
from mammoscribe.models.chat.shallow import shallow_chat_model, stacks_of
from mammoscribe.support.errors import InputError, InvalidNoun
from mammoscribe.training.chat.batches import Collate, LearnedBatch, MakeItem
from mammoscribe.training.chat.conversations import (
    Conversations,
    Dialogue,
    is_file_of_conversations,
    sources_of,
)
from mammoscribe.training.chat.export import CHAT, ChatExport
from mammoscribe.training.chat.grouping import ByLength
from mammoscribe.training.chat.kept_views import with_kept_views
from mammoscribe.training.chat.reports import ReportConversations, Wording
from mammoscribe.training.chat.start import (
    ChatStart,
    Trained,
    chat_start,
    check_four_bits,
    check_trained,
    frozen_parts,
    preparation_of,
)
from mammoscribe.training.chat.steps import Mix, Step, notes_of, room
from mammoscribe.training.engine.run import Run
from mammoscribe.training.engine.sources import ItemBatches, ItemSource
from mammoscribe.training.engine.task import Batches, Modules, Task, Validation
from mammoscribe.training.several import InTurn, digest_with, over_sources
from mammoscribe.training.text.losses import at_least_32_bits
from mammoscribe.training.text.texts import evenly
from mammoscribe.training.text.validation import MaskedFound, summary

AT_ONCE = 4
"""Conversations of one validation batch."""
VALIDATION = "val"


@dataclass(frozen=True)
class ChatSettings:
    """What is trained, and on which conversations.

    Args:
        trained: full, projector (alignment) or lora.
        train_vision: whether the image encoder is trained, too.
        lora: the updates of `trained=lora`.
        four_bits: whether the matrices beside which updates are trained are kept in 4 bits (QLoRA); with `trained=lora`.
        projector_rate: of the projector, times the learning rate.
        vision_rate: of the image encoder, where it is trained, times the learning rate.
        max_tokens: of one conversation with its pictures; a longer one is an error that names it. none is 2048, or what
            four views and a report take where that is more, and never more than the model has positions for.
        checkpointing: whether activations are computed again in the backward pass, which saves memory.
        group_by_length: whether conversations of a step are alike: with pictures or without, of like length.
        images: folder that the paths of pictures in files start from; none is that of each file, or `images` beside it.
        pad_rgb: colour of the padding of a family that pads, as red,green,blue; none is the mean of its image encoder.
        exam_px: most pixels of all views of a conversation, for Qwen2-VL; none is what its folder says of each view.
        prompts: TOML file of questions that ask for the report of prepared pictures; none for those of the package.
        step: language, findings or reports: what prepared data is made conversations for (`steps.Step`). none asks for the
            reports, without the pictures of prior exams.
        wording: of the reports that our own writer gives of labels, in step reports.
        by_breast: whether a conversation is about one breast, which takes half the pictures: in step findings, and in step
            reports where our own writer words labels. A model that learned reports so is asked so by `--writer chat`.
        validation_conversations: of each dataset, at most.
        features: for starter-chat: folder that keeps what its encoder sees of each view, for later runs; none keeps it for
            this run alone.
    """

    trained: Trained = Trained.FULL
    train_vision: bool = False
    lora: Lora = field(default_factory=Lora)
    four_bits: bool = False
    projector_rate: float = 1.0
    vision_rate: float = 0.1
    max_tokens: int | None = None
    checkpointing: bool = True
    group_by_length: bool = True
    images: Path | None = None
    pad_rgb: tuple[int, ...] | None = None
    exam_px: int | None = None
    prompts: Path | None = None
    step: Step | None = None
    wording: Wording = field(default_factory=Wording)
    by_breast: bool = False
    validation_conversations: int = 200
    features: Path | None = None

    def __post_init__(self) -> None:
        if (self.max_tokens is not None and self.max_tokens < 8) or self.validation_conversations < 1:
            found = f"max_tokens {self.max_tokens}, validation_conversations {self.validation_conversations}"
            raise InvalidNoun(found, "8 or more; 1 or more")
        if not (self.projector_rate > 0 and self.vision_rate > 0):
            raise InvalidNoun(f"rates of {self.projector_rate} and {self.vision_rate}", "above 0")

    def build(self, run: Run) -> Task:
        """The task: the network, the conversations, the loss.

        Raises:
            InputError: when the model cannot be begun with, or conversations cannot be read.
        """
        assert run.init is not None
        return self.task_of(run, chat_start(run.init, preparation_of(run.init.parent, self.pad_rgb, self.exam_px)))

    def stacks(self, run: Run) -> Mapping[str, int]:
        """The stacks of equal layers of the model that the run begins with (`shallow.stacks_of`)."""
        assert run.init is not None
        return stacks_of(run.init.parent)

    def shallow(self, layers: Mapping[str, int]) -> "ShallowChat":
        """The same with a model of so many layers and random weights, of which only memory and time are of interest."""
        return ShallowChat(self, layers)

    def task_of(self, run: Run, start: ChatStart) -> Task:
        """The task with the model that is begun with."""
        assert run.init is not None
        check_trained(start.model, self.trained, self.train_vision)
        if self.four_bits:
            check_four_bits(start.model, self.trained, run.distribution.kind)
            pack_language_model(start.model.network)
        tokens, pictures = room(start.model, self.step, self.max_tokens)
        prompter = start.model.prompter(tokens)
        canvas = start.model.adapter.preparation.canvas
        mix = Mix(
            self.step, tokens, pictures, self.images, self.prompts, run.seeds.data, canvas, self.wording, self.by_breast
        )
        given = {name: mix.conversations(place, "train") for name, place in sources_of(training(run.data)).items()}
        held_back = self._held_back(run, mix)
        adapter, kept = with_kept_views(start.model.adapter, [*given.values(), *held_back.values()], self.features)
        start = replace(start, model=replace(start.model, adapter=adapter))
        sources = {
            name: self._source(own, start, prompter, name, run.batch.get(name, 0)) for name, own in given.items()
        }
        network = start.model.network
        if self.trained is Trained.LORA:
            put_updates(network, self.lora)
        if self.checkpointing:
            # the first name is of later versions, which warn about the second
            enable = getattr(network, "activation_checkpointing_enable", None) or network.gradient_checkpointing_enable
            enable({"use_reentrant": False})
        return Task(
            {CHAT: network}, sources, {"token": 1.0}, chat_loss, chat_counts, self._validation(held_back, start, prompter),
            frozen=tuple(f"{CHAT}.{name}" for name in frozen_parts(start.model, self.trained, self.train_vision)),
            rates=self._rates(start), blocks=_blocks(network), recomputed=self.checkpointing, loads_init=True,
            export=ChatExport(start, f"{run.recipe} on {', '.join(given)}", held_lora(network), self._is_by_breast(given)),
            notes=(*notes_of(given, start.model, pictures, self.wording, self.by_breast), *kept),
        )  # fmt: skip

    def _source(
        self, own: Conversations, start: ChatStart, prompter: Prompter, name: str, group: int
    ) -> ItemSource:  # fmt: skip
        """The conversations as a source; what is wrong with one of them is found now, and not after hours."""
        adapter = start.model.adapter
        make = MakeItem(adapter, prompter)
        for number in range(len(own)):
            make.check(own.dialogue(number))
        order = ByLength(own.lengths, group) if self.group_by_length and group else None
        return ItemSource(
            own, Collate(prompter, name, blank(adapter)), make, order,
            digest_with(own.digest, start.sha256),
        )  # fmt: skip

    def _held_back(self, run: Run, mix: Mix) -> dict[str, Conversations]:
        """Conversations of the `val` splits of prepared data and of files called val."""
        found: dict[str, Conversations] = {}
        for name, place in sources_of(validating(run.data)).items():
            own = mix.conversations(place, VALIDATION)
            found[name] = _Chosen(own, tuple(evenly(len(own), self.validation_conversations)))
        return found

    def _validation(
        self, held_back: Mapping[str, Conversations], start: ChatStart, prompter: Prompter
    ) -> Validation | None:  # fmt: skip
        """On what is held back; None where nothing is."""
        batches = [ItemBatches(self._source(own, start, prompter, name, 0), AT_ONCE) for name, own in held_back.items()]
        if not batches:
            return None
        return Validation(InTurn(tuple(batches)), measure, summary, "perplexity", higher_is_better=False)

    def _is_by_breast(self, given: Mapping[str, Conversations]) -> bool:
        """Whether reports are learned breast by breast; InputError where that is asked for and no report can be."""
        if not self.by_breast or self.step is not Step.REPORTS:
            return False
        if not any(isinstance(own, ReportConversations) and own.reports_breasts for own in given.values()):
            raise InputError(
                "task.by_breast=true, and the datasets have reports of whole exams alone", "labels of which breasts are reported",
                "task.wording.of_labels=true has labels worded in place of reports",
            )  # fmt: skip
        return True

    def _rates(self, start: ChatStart) -> dict[str, float]:
        parts = start.model.family.parts
        vision = dict.fromkeys(parts.vision, self.vision_rate) if self.train_vision else {}
        rates = {**vision, **dict.fromkeys(parts.projector, self.projector_rate)}
        return {f"{CHAT}.{name}": rate for name, rate in rates.items()}


@dataclass(frozen=True)
class ShallowChat:
    """The settings with a model of few layers and random weights, built from the folder's config.json."""

    settings: ChatSettings
    layers: Mapping[str, int]

    def build(self, run: Run) -> Task:
        """The task; its networks are worth nothing but for what they take."""
        assert run.init is not None
        folder, given = run.init.parent, self.settings
        model = shallow_chat_model(folder, preparation_of(folder, given.pad_rgb, given.exam_px), self.layers)
        return given.task_of(run, ChatStart(model, torch.float32, ""))


@dataclass(frozen=True)
class _Chosen:
    """Some of the conversations."""

    whole: Conversations
    numbers: tuple[int, ...]

    def __len__(self) -> int:
        return len(self.numbers)

    def __getitem__(self, number: int) -> Any:
        return self.whole[self.numbers[number]]

    def dialogue(self, number: int) -> Dialogue:
        return self.whole.dialogue(self.numbers[number])

    @property
    def digest(self) -> str:
        return self.whole.digest

    @property
    def lengths(self) -> Sequence[int]:
        return [self.whole.lengths[number] for number in self.numbers]


def training(data: Sequence[Path]) -> list[Path]:
    """The data that is learned from: all but files called val.

    Raises:
        InputError: for a file called test, and when nothing is left.
    """
    tests = [place for place in data if is_file_of_conversations(place) and place.stem == "test"]
    if tests:
        raise InputError(f"{tests[0]} to train on", "training data", "a test file is for `mammoscribe evaluate`")
    found = [place for place in data if not (is_file_of_conversations(place) and place.stem == VALIDATION)]
    if not found:
        raise InputError("no data to train on", "--data train.json or --data PREPARED, one or more")
    return found


def validating(data: Sequence[Path]) -> list[Path]:
    """The data that is measured on: files called val, and prepared folders that have such a split."""
    found = []
    for place in data:
        if is_file_of_conversations(place):
            found += [place] if place.stem == VALIDATION else []
        elif VALIDATION in PreparedDataset(place).splits():
            found.append(place)
    return found


def _blocks(network: nn.Module) -> tuple[type[nn.Module], ...]:
    """Classes of the layers of language model and image encoder: units of sharding."""
    lists = [m for m in network.modules() if isinstance(m, nn.ModuleList)]
    return tuple(dict.fromkeys(type(layer) for own in lists for layer in own))


def chat_loss(modules: Modules, batches: Batches) -> dict[str, Tensor]:
    """The sum of the cross-entropy of the answers' tokens and their ends, each from what comes before it."""
    return over_sources(partial(_token_sum, modules), batches)


def chat_counts(batches: Batches) -> dict[str, float]:
    """Tokens of answers, their ends among them."""
    return over_sources(lambda batch: {"token": float(int((batch.chat.labels != IGNORED).sum()))}, batches)


def learned_logits(network: Any, chat: ChatBatch) -> tuple[Tensor, Tensor]:
    """[K, V] scores and [K] tokens at the K places whose next token is learned; other places get no scores."""
    hidden = network.model(**chat.inputs(), use_cache=False).last_hidden_state
    labels = chat.labels[:, 1:]
    where = labels != IGNORED
    return network.lm_head(hidden[:, :-1][where]), labels[where]


def _token_sum(modules: Modules, batch: LearnedBatch) -> dict[str, Tensor]:
    logits, labels = learned_logits(modules[CHAT], batch.chat)
    return {"token": F.cross_entropy(at_least_32_bits(logits), labels, reduction="sum")}


def measure(modules: Modules, batch: LearnedBatch) -> MaskedFound:
    """One validation batch, in full precision."""
    network: Any = modules[CHAT]
    with torch.autocast(batch.chat.ids.device.type, enabled=False):
        logits, labels = learned_logits(network, batch.chat)
        scores = at_least_32_bits(logits).log_softmax(dim=1)
    total = -float(scores.gather(1, labels[:, None]).sum())
    return MaskedFound(batch.dataset, total, len(labels), int((scores.argmax(dim=1) == labels).sum()))
