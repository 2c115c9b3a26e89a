"""What is known of a family of chat models before one is opened: pictures it takes, tokens, licence, prompt, parts."""

from dataclasses import dataclass
from enum import StrEnum

from mammoscribe.support.errors import InvalidNoun

EXAM, EXAM_WITH_PRIOR = 4, 8
"""Views of an exam, and of an exam with the one before it."""
TEXT_TOKENS = 512
"""Tokens that are kept free for question and report when it is asked how many views fit."""


class ImagePolicy(StrEnum):
    """How several views reach the model; never only the first of them.

    `interleave`: each view is a picture of its own, where the text names it; `montage`: all views in one picture, and the
    text says where each of them is; `frames`: views as frames of one video.
    """

    INTERLEAVE = "interleave"
    MONTAGE = "montage"
    FRAMES = "frames"


@dataclass(frozen=True)
class Canvas:
    """The picture that a reader of this project sees of a view, and whose encoder looks at it.

    Args:
        reader: name of the reader.
        reader_sha256: of its weights.
        size_px: (height, width).
        um_per_px: micrometres per pixel.

    Raises:
        InvalidNoun: for a size or scale that no picture has.
    """

    reader: str
    reader_sha256: str
    size_px: tuple[int, int]
    um_per_px: float

    def __post_init__(self) -> None:
        if len(self.size_px) != 2 or min(self.size_px) < 32 or not self.um_per_px > 0 or not self.reader_sha256:
            raise InvalidNoun(f"a canvas of {self.size_px} pixels of {self.um_per_px} um", "32 or more; above 0")


@dataclass(frozen=True)
class Preparation:
    """What is done to a view, after it was windowed to 8 bits of grey. Nothing is ever cropped away.

    Args:
        pads_to_square: whether the model sees squares: the shorter side is padded, equally on both sides.
        pad_rgb: colour of the padding; None is the mean colour of the image encoder, as LLaVA-1.5 and DeepSeek-VL were
            trained.
        exam_px: most pixels of all views of a conversation together, for a model that keeps resolution; None otherwise.
        canvas: of a model that sees views as a reader of this project does, the breast alone; None otherwise.

    Raises:
        InvalidNoun: for a colour outside 0 to 255, or a budget below one patch.
    """

    pads_to_square: bool
    pad_rgb: tuple[int, int, int] | None = None
    exam_px: int | None = None
    canvas: Canvas | None = None

    def __post_init__(self) -> None:
        if self.pad_rgb is not None and (len(self.pad_rgb) != 3 or not all(0 <= c <= 255 for c in self.pad_rgb)):
            raise InvalidNoun(f"a pad colour {self.pad_rgb}", "red, green and blue from 0 to 255")
        if self.pad_rgb is not None and not self.pads_to_square:
            raise InvalidNoun("a pad colour for a model that keeps the shape of a picture", "none")
        if self.exam_px is not None and (self.exam_px < 56 * 56 or self.pads_to_square):
            raise InvalidNoun(f"a budget of {self.exam_px} pixels", "3136 or more, for a model that keeps resolution")
        if self.canvas is not None and (self.pads_to_square or self.exam_px is not None):
            raise InvalidNoun("a reader's canvas that is padded, or has a budget of pixels", "the canvas alone")


@dataclass(frozen=True)
class Template:
    """The text around what is said. `{text}` is replaced by a turn.

    Args:
        system: what the model is told at the beginning, where a conversation does not say it.
        opened: around the system text, up to the first question.
        asked: around a question; ends where the answer begins.
        answered: around an answer, without its end token.
        end: the token that ends an answer; it is learned, too.
        between: after the end token, before the next question.
        bare: what stands in place of `opened` where there is no system text; None for `opened` without a text in it.
        begin: the token that every conversation begins with, once, whether the tokeniser puts it there or not; "" for none.
    """

    system: str
    opened: str
    asked: str
    answered: str
    end: str
    between: str = ""
    bare: str | None = None
    begin: str = ""

    def __post_init__(self) -> None:
        if not all("{text}" in form for form in (self.opened, self.asked, self.answered)) or not self.end:
            raise InvalidNoun("a template that leaves a turn or the end token out", "{text} in each of its parts")

    def beginning(self, system: str) -> str:
        """What is written before the first question."""
        return self.bare if not system and self.bare is not None else self.opened.replace("{text}", system)


@dataclass(frozen=True)
class Parts:
    """Dotted names of modules in the network, or of a parameter beside them: what can be frozen or trained apart.

    Args:
        vision: the image encoder without the projector.
        projector: from its features to what the language model takes.
        language: the language model with its output layer.
    """

    vision: tuple[str, ...]
    projector: tuple[str, ...]
    language: tuple[str, ...]


@dataclass(frozen=True)
class Size:
    """A published checkpoint: its repository on the Hugging Face hub, and parameters in billions."""

    repository: str
    billions: float

    def gigabytes(self, bytes_per_parameter: int) -> float:
        """Memory of so many bytes for each parameter."""
        return self.billions * bytes_per_parameter


@dataclass(frozen=True)
class Family:
    """A family of chat models that see pictures.

    Args:
        name: as commands and cards call it.
        model_types: of config.json.
        text_types: model types of the language model inside; a template goes with each, so others are refused.
        policy: how several views are shown.
        most_images: views that one conversation may have; more are an error.
        view_tokens: (fewest, most) tokens of one view at the published size; fewest is 0 in a montage, whose first view has
            the token of the one picture.
        context: tokens that the published models take; of a folder that says more, no more are used.
        preparation: of a view.
        licence: of the published weights, with what it asks of a clinic.
        template: of a conversation.
        image_text: what stands for a picture in the text; `image_token` is in it once.
        image_token: repeated as often as the picture has tokens.
        parts: of the network.
        typed: name of the network's argument that says which tokens are of pictures; None where it does not ask.
        sizes: published checkpoints.
        names: (beginning of a weight's name inside the network, in published folders); () where they are the same.
        crosses: whether pictures reach the language model by layers of cross-attention and not as tokens.
        has_output_layer: whether the output layer is never the table of tokens, whatever config.json says or leaves out.

    Raises:
        InvalidNoun: when these contradict each other.
    """

    name: str
    model_types: tuple[str, ...]
    text_types: tuple[str, ...]
    policy: ImagePolicy
    most_images: int
    view_tokens: tuple[int, int]
    context: int
    preparation: Preparation
    licence: str
    template: Template
    image_text: str
    image_token: str
    parts: Parts
    typed: str | None
    sizes: tuple[Size, ...]
    names: tuple[tuple[str, str], ...] = ()
    crosses: bool = False
    has_output_layer: bool = False

    def __post_init__(self) -> None:
        if self.image_text.count(self.image_token) != 1:
            raise InvalidNoun(f"{self.image_text!r} for a picture", f"{self.image_token} in it, once")
        fewest, most = self.view_tokens
        least = 0 if self.policy is ImagePolicy.MONTAGE else 1
        if self.most_images < 1 or not least <= fewest <= most or most < 1 or self.context <= 0 or not self.licence:
            raise InvalidNoun(
                f"{self.name}: {self.most_images} pictures of {self.view_tokens} tokens", "1 or more of each"
            )
        if self.crosses and self.policy is not ImagePolicy.MONTAGE:
            raise InvalidNoun(f"cross-attention with the policy {self.policy}", "one picture a conversation")

    @property
    def takes_exam(self) -> bool:
        """Whether an exam of four views fits with its report."""
        return self._fits(EXAM)

    @property
    def takes_prior(self) -> bool:
        """Whether an exam and the one before it fit with the report."""
        return self._fits(EXAM_WITH_PRIOR)

    def _fits(self, views: int) -> bool:
        return views <= self.most_images and views * self.view_tokens[1] + TEXT_TOKENS <= self.context
