"""The recipes by the name that `mammoscribe train` takes; each is a function that returns a run."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from mammoscribe.training.biovil.recipe import biovil_t
from mammoscribe.training.biovil_report.recipe import biovil_t_report
from mammoscribe.training.calcifications.recipe import calcifications
from mammoscribe.training.chat.recipe import chat
from mammoscribe.training.chat_words.recipe import chat_words
from mammoscribe.training.crop_refiner.recipe import crop_refiner
from mammoscribe.training.decoder.recipe import decoder
from mammoscribe.training.engine.run import Run
from mammoscribe.training.joint.recipe import joint_space
from mammoscribe.training.probes.recipes import probe, retune, temporal
from mammoscribe.training.reader.recipe import reader
from mammoscribe.training.text.recipes import text_mlm, text_sections

RECIPES: Mapping[str, Callable[[Sequence[Path], Path | None], Run]] = {
    "reader": reader,
    "joint-space": joint_space,
    "decoder": decoder,
    "probe": probe,
    "retune": retune,
    "temporal": temporal,
    "crop-refiner": crop_refiner,
    "calcifications": calcifications,
    "text-mlm": text_mlm,
    "text-sections": text_sections,
    "biovil-t": biovil_t,
    "biovil-t-report": biovil_t_report,
    "chat": chat,
    "chat-words": chat_words,
}
