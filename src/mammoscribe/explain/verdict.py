"""Whether a score means yes or no: only by a margin that was fixed for these prompts, this model and such pictures."""

from dataclasses import dataclass

from mammoscribe.domain.view import Origin
from mammoscribe.explain.zero_shot import PromptSet, ZeroShotScore
from mammoscribe.imaging.joint_pixels import JointPixels
from mammoscribe.models.joint_space import JointSpace, MeasuredSpace
from mammoscribe.models.space_measures import AnswerFigures, PromptMargin, SentenceThreshold


@dataclass(frozen=True)
class Verdict:
    """The answer to one prompt set on one picture.

    Args:
        present: yes or no; None where neither can be given.
        margin: the least difference that counts as present; None where there is none for this picture.
        why: what the answer rests on, or why there is none.
    """

    present: bool | None
    margin: float | None
    why: str


def verdict(space: JointSpace, image: JointPixels, prompts: PromptSet, score: ZeroShotScore) -> Verdict:
    """The answer to a prompt set, by the margin on the card of the model where there is one for such a picture.

    Args:
        space: what gave the score.
        image: the picture it was given for.
        prompts: the set it was given for; the margin is looked up by its prompts, not by its name.
        score: of that picture and set.
    """
    measures = space.measures if isinstance(space, MeasuredSpace) else None
    margins = () if measures is None else measures.margins_of(prompts.sha256)
    if not margins or not isinstance(space, MeasuredSpace):
        return Verdict(None, None, f"no yes or no: no margin was fixed for these prompts on {space.name}")
    origin = space.origin_of(image)
    margin = next((m for m in margins if m.origin is origin), None)
    if margin is None:
        return Verdict(None, None, _other_pictures(origin, margins[0]))
    if not margin.can_tell:
        return Verdict(None, None, _cannot_tell(margin))
    return _answer(score.difference, margin)


def _answer(difference: float, margin: PromptMargin) -> Verdict:
    gap = difference - margin.margin
    measured = margin.measured
    why = (
        f"{abs(gap):.4f} {'above' if gap >= 0 else 'below'} the margin that was fixed on {_exams(margin.fixed)}; on "
        f"{_exams(measured)} this answer has a sensitivity of {measured.sensitivity:.2f} and a specificity of "
        f"{measured.specificity:.2f}"
    )
    return Verdict(gap >= 0, margin.margin, why)


def _cannot_tell(margin: PromptMargin) -> str:
    figures = margin.fixed if not margin.fixed.better_than_chance else margin.measured
    return (
        "no yes or no: these prompts do not tell pictures that show it from others better than chance (AUC "
        f"{figures.auc:.2f}, 95 % interval {figures.auc_low:.2f} to {figures.auc_high:.2f}, on {_exams(figures)})"
    )


def _other_pictures(origin: Origin, margin: PromptMargin) -> str:
    kind = {Origin.ACQUIRED: "an image from an X-ray machine", Origin.SYNTHETIC: "a drawn image"}[origin]
    return (
        f"no yes or no: this is {kind}, and the margin was fixed on {_exams(margin.fixed)}; on images like this one it was "
        "never measured"
    )


def _exams(figures: AnswerFigures) -> str:
    return f"{figures.exams} {figures.population}"


def sentence_threshold(space: JointSpace) -> SentenceThreshold | None:
    """From which similarity on two sentences say the same with this model; None where none was fixed."""
    measures = space.measures if isinstance(space, MeasuredSpace) else None
    return None if measures is None else measures.sentences


def distinction(threshold: SentenceThreshold) -> str:
    """Which contradictions the threshold tells, and which it does not, as measured on other exams than it was fixed on."""
    parts = []
    for kind, figures in threshold.measured.items():
        if figures.better_than_chance:
            right = f"{figures.sensitivity:.2f} of those that say the same and {figures.specificity:.2f} of the others right"
        else:
            right = f"cannot be told apart (AUC {figures.auc:.2f}, 95 % interval {figures.auc_low:.2f} to "
            right += f"{figures.auc_high:.2f})"
        parts.append(f"{kind}: {right}")
    return f"measured on pairs about {_exams(next(iter(threshold.measured.values())))}: {'; '.join(parts)}"
