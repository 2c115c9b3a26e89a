"""Any generator of words from words and pictures as a writer: it sees all views of an exam or of a breast at once, and is told which is which."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from mammoscribe.domain.evidence import Writer
from mammoscribe.domain.view import Laterality, Role, View
from mammoscribe.imaging.picture import Picture
from mammoscribe.models.chat.family import Canvas
from mammoscribe.support.chat.question import BLIND, Answer, Generator, Part
from mammoscribe.support.errors import InvalidNoun
from mammoscribe.writers.author import Case, Draft
from mammoscribe.writers.chat_pictures import canvas_png, view_png
from mammoscribe.writers.chat_prompts import Prompts, packaged_prompts
from mammoscribe.writers.claims import Passage, claims_of
from mammoscribe.writers.prior_text import known_words_only

LONGEST_PX = 896
SMALLEST_PX, LARGEST_PX = 64, 4096
_FENCE = re.compile(r"^[ \t]*(?:```|~~~).*$", re.MULTILINE)
_HEADING = re.compile(
    r"^[ \t]*(?:#{1,6}[ \t]+(.+?)[ \t]*#*|(?:\*\*|__)([^*_\n]+)(?:\*\*|__))[ \t]*:?[ \t]*$", re.MULTILINE
)
_EMPHASIS = re.compile(r"\*\*|__|(?<![\w*])\*(?=\S)|(?<=\S)\*(?![\w*])|`")
_REMARK = re.compile(r"[ \t]*\([^()\n]*\)(?=:[ \t]*$)", re.MULTILINE)
"""In a heading, such as `Right breast (CC, MLO):`, which is else not known as one."""
_LAST_END = re.compile(r".*[.!?\n]", re.DOTALL)


@dataclass(frozen=True)
class ChatAuthor:
    """A generator that writes about exams.

    What it is given of an exam: for each view the words of its side and projection and a picture of the breast; and of a
    prior report the sentences of `known_words_only`. No id, date, path or line of a header.

    Args:
        generator: a chat server, or a model in this process.
        prompts: the words in which it is asked.
        longest_px: longer side of the pictures.
        canvas: of a reader, on which the generator is shown views in their place; None for pictures of `longest_px`.
        by_breast: whether it is asked about each breast alone, as it learned to report.

    Raises:
        InvalidNoun: for a size of pictures outside 64..4096.
    """

    generator: Generator
    prompts: Prompts = field(default_factory=packaged_prompts)
    longest_px: int = LONGEST_PX
    canvas: Canvas | None = None
    by_breast: bool = False
    writer: Writer = Writer.EXTERNAL
    reads_prior_report: bool = True

    def __post_init__(self) -> None:
        check_size(self.longest_px)

    @property
    def name(self) -> str:
        """The model and where it runs."""
        return self.generator.name

    @property
    def manner(self) -> str:
        """What it sees at once."""
        return "from each breast alone" if self.by_breast else "from all views together"

    def write(self, case: Case) -> Draft:
        """What the generator writes about the exam.

        Raises:
            InputError: when a view cannot be read, or the generator gives no answer.
        """
        said, left_out = known_words_only(case.prior_report or "")
        remarks = [f"of the prior report, {self.name} was not shown {_sentences(left_out)}"] if left_out else []
        passages = []
        for side in case.exam.imaged if self.by_breast else (None,):
            question = list(self._question(case, said, side))
            answer = self.generator.answer(question)
            passages.append(Passage(text_of(answer), side=side))
            remarks += self._remarks(question, answer)
        return Draft(claims_of(passages), tuple(dict.fromkeys(remarks)))

    def _remarks(self, question: Sequence[Part], answer: Answer) -> Iterator[str]:
        if answer.may_be_blind(question):
            yield f"{self.name} {BLIND}"
        if answer.is_cut:
            yield f"the answer of {self.name} was cut off at its limit of tokens; its last sentence is left out"

    def _question(self, case: Case, prior_text: str, side: Laterality | None) -> Iterator[Part]:
        """Instruction, each view with its words, of one breast or of both, what the prior report says, and the request."""
        if instruction := self.prompts.fill("read", "instruction"):
            yield instruction
        for view in (v for v in (*case.exam.current, *case.exam.prior) if side in (None, v.laterality)):
            key = "prior_view" if view.role is Role.PRIOR else "view"
            yield self.prompts.fill("read", key, side=view.laterality.word, projection=str(view.projection))
            yield self._shown(view, case.decode(view))
        if prior_text:
            yield self.prompts.fill("read", "prior_report", report=prior_text)
        yield self.prompts.fill("read", "request")

    def _shown(self, view: View, picture: Picture) -> bytes:
        if self.canvas is None:
            return view_png(view, picture, self.longest_px)
        return canvas_png(view, picture, view.source, self.canvas)


def _sentences(number: int) -> str:
    whose = "a sentence that holds words" if number == 1 else f"{number} sentences that hold words"
    return f"{whose} that are not our parser's and could name a patient"


def check_size(longest_px: int) -> None:
    """InvalidNoun for a size of pictures outside 64..4096."""
    if not SMALLEST_PX <= longest_px <= LARGEST_PX:
        raise InvalidNoun(f"pictures of {longest_px} pixels", f"{SMALLEST_PX} to {LARGEST_PX}")


def text_of(answer: Answer) -> str:
    """The words of an answer without marks of Markdown; of one that was cut off, the whole sentences."""
    text = answer.text
    if answer.is_cut:
        whole = _LAST_END.match(text)
        text = whole[0] if whole else ""
    text = _FENCE.sub("", text)
    text = _HEADING.sub(lambda found: f"{(found[1] or found[2]).rstrip(': ')}:", text)
    return _REMARK.sub("", _EMPHASIS.sub("", text))
