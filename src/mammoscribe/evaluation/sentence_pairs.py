"""Pairs of sentences about drawn findings that say the same or contradict: what a text side's threshold is fixed and measured on."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from mammoscribe.domain.finding import Change, Finding, Mark
from mammoscribe.domain.location import Depth, in_the_breast
from mammoscribe.domain.view import Box, Laterality
from mammoscribe.evaluation.joint_views import SPEC
from mammoscribe.evaluation.prompt_margins import LabelledScores, balanced_margin, figures_at
from mammoscribe.explain.similarity import sentence_similarities
from mammoscribe.explain.zero_shot import mammography_prompts
from mammoscribe.models.joint_space import JointSpace
from mammoscribe.models.space_measures import SentenceThreshold
from mammoscribe.phantom.anatomy import draw_patient
from mammoscribe.phantom.lesions import LesionPlan, draw_lesions
from mammoscribe.reporting import finding_styles

STYLES = (finding_styles.prose, finding_styles.telegraphic, finding_styles.structured, finding_styles.by_view,
          finding_styles.academic, finding_styles.dictation)  # fmt: skip
DENIAL = "a finding against its denial"
KINDS = (DENIAL, "one breast against the other", "one change since the prior exam against another")


@dataclass(frozen=True)
class SentencePair:
    """Two sentences about a finding of one exam: one of `KINDS`, and whether they say the same."""

    exam: str
    kind: str
    first: str
    second: str
    alike: bool


def drawn_pairs(seeds: Iterable[int]) -> list[SentencePair]:
    """For every planned finding that both views show: a pair that says the same and one that contradicts, of each kind.

    Two sentences that say the same are two styles of the report writer; nothing is drawn but the plan of the exam.
    """
    pairs: list[SentencePair] = []
    for seed in seeds:
        rng = np.random.default_rng(seed)
        for lesion in draw_lesions(draw_patient(seed, SPEC), SPEC, has_prior=False):
            if len(lesion.projections) == 2:
                pairs += _pairs(f"phantom-{seed}", _finding(lesion), rng)
    return pairs


def _pairs(exam: str, finding: Finding, rng: np.random.Generator) -> Iterator[SentencePair]:
    def pick(words: Sequence[str]) -> str:
        return words[int(rng.integers(len(words)))]

    one, other = (STYLES[int(i)] for i in rng.choice(len(STYLES), 2, replace=False))
    now, then = (tuple(Change)[int(i)] for i in rng.choice(len(Change), 2, replace=False))
    denials = {s.name: s.negative for s in mammography_prompts()}[finding.type.value]
    changed, otherwise = replace(finding, change=now), replace(finding, change=then)
    for kind, stated, opposed in (
        (KINDS[0], finding, pick(denials)),
        (KINDS[1], finding, other(_on_the_other_side(finding), None, pick)),
        (KINDS[2], changed, other(otherwise, None, pick)),
    ):
        sentence = one(stated, None, pick)
        yield SentencePair(exam, kind, sentence, other(stated, None, pick), True)
        yield SentencePair(exam, kind, sentence, opposed, False)


def _finding(lesion: LesionPlan) -> Finding:
    marks = tuple(Mark(f"{lesion.laterality}_{p}", p, Box(0, 0, 1, 1), 1.0) for p in lesion.projections)
    place = in_the_breast(lesion.laterality, lesion.lat, lesion.z, Depth.MIDDLE)
    return Finding(
        lesion.id, lesion.type, lesion.laterality, marks, 1.0, lesion.suspicion, lesion.descriptors, replace(place, depth=None)
    )  # fmt: skip


def _on_the_other_side(finding: Finding) -> Finding:
    side = next(s for s in Laterality if s is not finding.laterality)
    marks = tuple(replace(m, view_id=f"{side}_{m.projection}") for m in finding.marks)
    clock = finding.location.clock
    mirrored = None if clock is None else (12 - clock) or 12
    return replace(finding, laterality=side, marks=marks, location=replace(finding.location, clock=mirrored))


def fix_sentence_threshold(
    space: JointSpace, fixing: Sequence[SentencePair], measuring: Sequence[SentencePair], populations: tuple[str, str]
) -> SentenceThreshold:
    """Fix the similarity from which on sentences say the same on pairs of `DENIAL`, and measure it on other exams.

    Args:
        fixing: what the threshold is chosen on.
        measuring: pairs of other exams, of every kind.
        populations: what the exams of both are, in words.
    """
    known = _similar(space, [p for p in fixing if p.kind == DENIAL], populations[0])
    threshold = round(balanced_margin(known.scores, known.present), 5)
    measured = {
        kind: figures_at(_similar(space, [p for p in measuring if p.kind == kind], populations[1]), threshold)
        for kind in KINDS
    }
    return SentenceThreshold(threshold, figures_at(known, threshold), measured)


def _similar(space: JointSpace, pairs: Sequence[SentencePair], population: str) -> LabelledScores:
    scores = sentence_similarities(space, [p.first for p in pairs], [p.second for p in pairs])
    alike, exams = tuple(p.alike for p in pairs), tuple(p.exam for p in pairs)
    return LabelledScores(population, tuple(scores.tolist()), alike, exams)
