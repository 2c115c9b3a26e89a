"""The model folder at the end of a run: the layout of the family, which transformers and servers read as it is."""

from dataclasses import dataclass
from pathlib import Path

from mammoscribe.models.chat.card import ChatCard
from mammoscribe.models.chat.families import STARTER_CHAT
from mammoscribe.models.chat.folder import Beside, files_beside, write_chat_folder
from mammoscribe.models.chat.four_bits import full_weights
from mammoscribe.models.chat.lora import Lora, with_updates
from mammoscribe.models.chat.starter import write_starter
from mammoscribe.training.calibration.parts import part_of
from mammoscribe.training.chat.start import ChatStart
from mammoscribe.training.engine.checkpoints import load_tensors

CHAT = "chat"
"""Name of the network in the task."""


@dataclass(frozen=True)
class ChatExport:
    """Fills the model folder.

    Args:
        start: the model that the run began with; its files beside the weights are kept.
        name: what the card calls the model: the recipe and its data.
        lora: the updates of low rank, None where there are none; they are added to the weights.
        by_breast: whether reports were learned breast by breast.
    """

    start: ChatStart
    name: str
    lora: Lora | None = None
    by_breast: bool = False

    def __call__(self, weights: Path, out: Path) -> None:
        """Write what `load_chat_model` and `from_pretrained` of transformers take into `out`."""
        model, tensors = self.start.model, part_of(load_tensors(weights), CHAT)
        family = model.family
        card = ChatCard(
            self.name, family.name, family.licence, model.adapter.preparation, self.start.sha256, self.by_breast
        )
        if family is STARTER_CHAT:  # its updates stay apart: they and the projector are all that its folder holds
            write_starter(tensors, model.folder, card, self.lora, out)
            return
        if self.lora is not None:
            tensors = with_updates(full_weights(tensors), self.lora)
        beside = Beside(files_beside(model.folder), card, model.tied)
        write_chat_folder(tensors, beside, family, out, self.start.stored)
