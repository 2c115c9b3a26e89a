"""Figures of a joint space on mammograms: phrases pointed at, contrast of their heat maps, kinds told without training."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F

from mammoscribe.domain.finding import Finding, FindingType
from mammoscribe.domain.view import Box
from mammoscribe.evaluation.bootstrap import bootstrap_interval, interval_or_none
from mammoscribe.evaluation.card import Row
from mammoscribe.evaluation.classification import auc, auc_interval
from mammoscribe.evaluation.grounding import contrast_to_noise, pointing_hit, region
from mammoscribe.explain.grounding import Interpolation, heat_map, smoothed
from mammoscribe.explain.zero_shot import PromptSet, classify
from mammoscribe.models.joint_space import JointPixels, JointSpace
from mammoscribe.support.errors import InputError


@dataclass(frozen=True)
class PhraseResult:
    """One phrase about one finding in one view.

    Args:
        patient: whose view it is, for intervals.
        kind: of the finding.
        hit: whether the highest point of the heat map lies in the box.
        cnr: contrast-to-noise ratio of the map.
        chance: share of what was seen that the box covers, which is what a blind pointer hits.
    """

    patient: str
    kind: FindingType
    hit: bool
    cnr: float
    chance: float


@dataclass(frozen=True)
class KindResult:
    """Whether a view shows a kind of finding, and the zero-shot difference for it."""

    patient: str
    kind: FindingType
    present: bool
    difference: float


def point(
    space: JointSpace, image: JointPixels, patient: str, phrases: Sequence[tuple[str, FindingType, Box]]
) -> list[PhraseResult]:
    """Ground phrases in one picture; every phrase comes with its finding's kind and box in stored pixels."""
    if not phrases:
        return []
    with torch.no_grad():
        cells = F.normalize(space.embed_images([image]).patches[0].float(), dim=0)
        texts = space.embed_texts([text for text, _, _ in phrases]).float()
        cosines = torch.einsum("jhw,tj->thw", cells, texts).cpu().numpy()
    results = []
    for (_, kind, box), grid in zip(phrases, cosines, strict=True):
        heat = heat_map(smoothed(grid, space.smoothing_patches, image.shown), image, Interpolation.BILINEAR)
        seen = np.isfinite(heat)
        chance = np.count_nonzero(region([box], heat.shape) & seen) / max(1, np.count_nonzero(seen))
        hit = pointing_hit(heat, [box])
        results.append(PhraseResult(patient, kind, hit, contrast_to_noise(heat, [box]), float(chance)))
    return results


def tell_kinds(
    space: JointSpace, image: JointPixels, patient: str, shown: Sequence[Finding], sets: Sequence[PromptSet],
    sides: torch.Tensor | None = None,
) -> list[KindResult]:  # fmt: skip
    """Zero-shot differences of one picture for prompt sets named after finding types; `sides` are their `prompt_sides`.

    Raises:
        InputError: for a set that is named after no finding type.
    """
    kinds = {t.value: t for t in FindingType}
    other = [s.name for s in sets if s.name not in kinds]
    if other:
        raise InputError(f"a prompt set for {other[0]}", f"one of {', '.join(kinds)}")
    (scores,) = classify(space, [image], sets, sides)
    there = {f.type for f in shown}
    return [KindResult(patient, kinds[s.name], kinds[s.name] in there, s.difference) for s in scores]


def phrase_rows(results: Sequence[PhraseResult], where: str) -> list[Row]:
    """Pointing game and contrast, over all phrases and by kind."""
    rows = _phrase_rows(results, where)
    for kind in FindingType:
        own = [r for r in results if r.kind is kind]
        rows += _phrase_rows(own, f"{where}, {kind.value.replace('_', ' ')}") if own else []
    return rows


def _phrase_rows(results: Sequence[PhraseResult], where: str) -> list[Row]:
    patients = [r.patient for r in results]
    hits = np.array([r.hit for r in results], float)
    known = [r for r in results if np.isfinite(r.cnr)]
    cnr = np.array([r.cnr for r in known])
    n, whose = f"{len(results)} phrases", [r.patient for r in known]
    return [
        Row(f"{where}: pointing game", float(hits.mean()), n, interval_or_none(lambda: bootstrap_interval(lambda i: float(hits[i].mean()), patients))),
        Row(f"{where}: a blind pointer", float(np.mean([r.chance for r in results])), n),
        Row(f"{where}: CNR", float(cnr.mean()), f"{len(known)} phrases", interval_or_none(lambda: bootstrap_interval(lambda i: float(cnr[i].mean()), whose))),
    ]  # fmt: skip


def kind_rows(results: Sequence[KindResult], where: str) -> list[Row]:
    """Zero-shot AUC of each kind of finding over views; a kind that all views or none show has no row."""
    rows = []
    for kind in FindingType:
        own = [r for r in results if r.kind is kind]
        labels, differences = np.array([r.present for r in own], int), np.array([r.difference for r in own])
        if 0 < labels.sum() < len(labels):
            interval = interval_or_none(
                lambda a=differences, b=labels, c=[r.patient for r in own]: auc_interval(a, b, c)
            )
            name = kind.value.replace("_", " ")
            n = f"{len(own)} views, {labels.sum()} with it"
            rows.append(Row(f"{where}, {name}: zero-shot AUC", auc(differences, labels), n, interval))
    return rows
