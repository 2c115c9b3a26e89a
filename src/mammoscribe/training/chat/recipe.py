"""The recipe of chat models: what is set when LLaVA-1.5 or one of its kin is fine-tuned on conversations about pictures."""

from collections.abc import Sequence
from pathlib import Path

from mammoscribe.models.chat.place import chat_folder_at, weights_or_config
from mammoscribe.support.errors import InputError
from mammoscribe.training.chat.conversations import sources_of
from mammoscribe.training.chat.task import ChatSettings, training
from mammoscribe.training.engine.run import Execution, Optimiser, Precision, Run
from mammoscribe.training.engine.schedule import Schedule

CONVERSATIONS = 16
"""Conversations of one step, of each dataset; computed in two parts."""


def chat(data: Sequence[Path], init: Path | None = None) -> Run:
    """Fine-tune a chat model that sees pictures (`mammoscribe chat list`) on conversations about them, such as reports of exams.

    --data is a file in LLaVA's JSON (`image` one path or a list, of PNG, JPEG or DICOM files; entries without pictures are
    learned from, too), or a folder of `mammoscribe data prepare --as plain`, whose reports are asked for as `data export`
    asks for them. A file called val.json is measured on and not learned from. --init is the folder of a model as it was
    downloaded, or a run of this recipe.

    `task.step` makes other conversations of prepared data, for three runs of which each begins with the one before:
    `language` (texts alone, of any preparation), `findings` (questions that labels answer, with as many yes as no) and
    `reports` (reports, or our own writer's wording of labels, with the views of the prior exam where they fit).

    Every picture of a conversation is shown. A conversation that is longer than `max_tokens`, or whose answer the tokeniser
    cannot write back, is an error that names it. LLaVA-1.5 has 576 tokens a view; of Qwen2-VL,
    all views of a conversation share a budget (`task.exam_px`, for four views 1,280 tokens each). `task.trained` is `full` (projector and language model), `projector` (alignment) or `lora`;
    the image encoder stays as it is unless `task.train_vision=true`. Of starter-chat (`mammoscribe chat begin`) nothing but
    projector and updates is trained and written; its data is prepared on the canvas of its reader (`--as reader`), and
    `task.features` keeps what its encoder sees of each view for later runs. `model/` is in the layout that the family was published
    in, so that transformers and servers load it.

    Hardware and time: not measured. As a rule full fine-tuning keeps 16 bytes a parameter before activations, 112 GB for 7
    billion: several GPUs with `--set distribution.kind=fsdp2` or a DeepSpeed file.

    Expected: not measured. Validation figures are the perplexity and accuracy of the next token of an answer, not of written
    reports.

    Args:
        data: files of conversations and prepared folders.
        init: see above.

    Raises:
        InputError: without data, or without a chat model.
    """
    if init is None:
        raise InputError("no chat model to begin with", "--init DIR", "see `mammoscribe chat list`")
    sources = sources_of(training(data))
    return Run(
        recipe="chat", task=ChatSettings(), steps=1000, batch=dict.fromkeys(sources, CONVERSATIONS), data=tuple(data),
        init=weights_or_config(chat_folder_at(init)), accumulate=2, schedule=Schedule(1e-5, warm_up=0.03), precision=Precision.BF16,
        optimiser=Optimiser(weight_decay=0.0), execution=Execution(checkpoint_every=500, validate_every=500, keep_last=3),
    )  # fmt: skip
