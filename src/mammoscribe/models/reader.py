"""The reader: prepared views in, findings and breast readings out. Networks, thresholds and calibration as one thing."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
from torch import nn

from mammoscribe.domain.anatomy import MarkOnStructure, Structure
from mammoscribe.domain.evidence import Claim
from mammoscribe.domain.exam import Exam
from mammoscribe.domain.finding import Finding
from mammoscribe.domain.report import Breast, Calibration
from mammoscribe.domain.view import Laterality, Origin, View
from mammoscribe.imaging.anatomy.find import find_anatomy
from mammoscribe.imaging.prepare import PreparedView
from mammoscribe.models.assemble import (
    RawMark,
    assemble,
    calcification_marks,
    canvas_boxes,
    on_structures,
    query_marks,
)
from mammoscribe.models.batch import SLOTS, ViewBatch, trimmed
from mammoscribe.models.card import ModelCard, OperatingPoint, read_card
from mammoscribe.models.fact_memory import FactTable, facts_memory
from mammoscribe.models.joint_head import JointHead
from mammoscribe.models.looks import LookConfig, LookNet
from mammoscribe.models.malignancy import MalignancyFeatures, MarkSigns, malignancy_features
from mammoscribe.models.norm_statistics import NormStatistics, with_statistics
from mammoscribe.models.patches import CalcCandidate, PatchConfig, PatchNet, find_calcifications
from mammoscribe.models.phrase_net import PhraseConfig, PhraseNet
from mammoscribe.models.reader_net import ReaderConfig, ReaderNet, ReaderNetOutput
from mammoscribe.models.report_decoder import DecoderConfig, ReportDecoder
from mammoscribe.models.second_look import look_again
from mammoscribe.models.tophat import TopHatConfig
from mammoscribe.models.weights_file import load_weights
from mammoscribe.support.errors import InputError

WEIGHTS = Path(__file__).parent / "weights"


@dataclass(frozen=True)
class BreastReading:
    """Breast-level answers of the reader, calibrated for the population that `calibration` names.

    Args:
        density: the likeliest category, a to d.
        density_probs: of a, b, c, d; None where they were not calibrated on such images.
        prob_malignant: probability of malignancy; None where no labels scaled it.
        calibration: of that probability.
    """

    density: str
    density_probs: tuple[float, float, float, float] | None
    prob_malignant: float | None
    calibration: Calibration


@dataclass(frozen=True)
class ReaderOutput:
    """What one reading gives.

    Args:
        findings: at or above their type's threshold, most certain first.
        possible: below it, yet strong enough to be shown as a mark and for an uncertain statement.
        candidates: everything, down to very low scores; for FROC curves only.
        breasts: of the imaged breasts.
        structures: marks that would have been shown and rest on something that is no lesion.
    """

    findings: tuple[Finding, ...]
    possible: tuple[Finding, ...]
    candidates: tuple[Finding, ...]
    breasts: Mapping[Laterality, BreastReading]
    structures: tuple[MarkOnStructure, ...] = ()


@dataclass(frozen=True)
class Canvases:
    """Prepared views by view id, at the three scales a reader looks at.

    Args:
        first: first-pass canvas of every current and prior view.
        detail: the same views at the scale of the second look.
        fine: the same views at 100 um, for the patch path; views missing here are not searched for calcifications.
    """

    first: Mapping[str, PreparedView]
    detail: Mapping[str, PreparedView]
    fine: Mapping[str, PreparedView]


@dataclass(frozen=True)
class Seen:
    """What the networks gave for one exam: marks of both paths, and the first pass' output."""

    marks: tuple[RawMark, ...]
    out: ReaderNetOutput


@dataclass(frozen=True)
class Reader:
    """A trained reader with its card.

    Args:
        net: the first pass, with the batch statistics of phantoms.
        films: the batch statistics that take their place for acquired images.
    """

    net: ReaderNet
    card: ModelCard
    films: NormStatistics
    patch_net: PatchNet | None = None
    look_net: LookNet | None = None
    decoder: ReportDecoder | None = None
    head: JointHead | None = None
    phrases: PhraseNet | None = None

    @property
    def parts(self) -> dict[str, nn.Module]:
        """The networks by their prefix in the weights file."""
        named = {
            "reader": self.net, "films": self.films, "patches": self.patch_net, "looks": self.look_net,
            "decoder": self.decoder, "joint": self.head, "phrases": self.phrases,
        }  # fmt: skip
        return {name: part for name, part in named.items() if part is not None}

    def read(self, exam: Exam, canvases: Canvases) -> ReaderOutput:
        """Read one exam; its origin decides which batch statistics and which operating point apply."""
        return self.judge(self.see(exam, canvases), exam, self.card.operating_point(exam.origin))

    @cached_property
    def film_net(self) -> ReaderNet:
        """The first pass for acquired images: the same parameters, the other statistics."""
        return with_statistics(self.net, self.films)

    @torch.inference_mode()
    def see(self, exam: Exam, canvases: Canvases) -> Seen:
        """What the networks give, before any threshold."""
        views = canvases.first
        with torch.autocast("cpu", torch.bfloat16):
            batch, top = trimmed(exam_batch(exam, views))
            out = (self.net if exam.origin is Origin.SYNTHETIC else self.film_net)(batch)
        marks = [m for m in query_marks(out, exam, views, top) if not m.calcification]
        if self.look_net is not None:
            seen = look_again(self.look_net, marks, exam, views, canvases.detail)
            marks = [m for m in seen if not m.calcification]
        marks += self._calcifications(exam, canvases)
        anatomy = {v.id: find_anatomy(views[v.id], canvases.detail.get(v.id)) for v in exam.current} if marks else {}
        return Seen(tuple(on_structures(marks, anatomy, views)), out)

    def judge(self, seen: Seen, exam: Exam, point: OperatingPoint) -> ReaderOutput:
        """Findings and breast readings at an operating point."""
        weighed = [m.weighed(point.mark_weights) for m in seen.marks]
        marks = [m for m in weighed if m.structure in (None, Structure.AXILLA)]
        candidates = assemble(
            marks, exam, seen.out.queries.link_scale, point.least_word if point.words_measured else None
        )
        reported = [f for f in candidates if f.score >= point.thresholds[f.type.value]]
        weaker = [f for f in candidates if point.possible[f.type.value] <= f.score < point.thresholds[f.type.value]]
        return ReaderOutput(
            tuple(reported),
            tuple(weaker),
            tuple(candidates),
            _breasts(seen, exam, point),
            marks_left_out(weighed, point),
        )

    @torch.inference_mode()
    def draft(self, exam: Exam, findings: tuple[Finding, ...], breasts: tuple[Breast, Breast]) -> tuple[Claim, ...]:
        """What the decoder would write about these findings: claims for the gate, not sentences.

        Raises:
            InputError: when the model came without a decoder.
        """
        if self.decoder is None:
            raise InputError(f"the model {self.card.name} has no report decoder", "", "use --writer renderer")
        memory, refs = facts_memory(FactTable(exam, findings, breasts))
        return self.decoder.generate(memory, refs)

    def _calcifications(self, exam: Exam, canvases: Canvases) -> list[RawMark]:
        """Marks of the patch path, each with its change where the prior was searched too."""
        marks: list[RawMark] = []
        for view in exam.current:
            found = self._groups(view, canvases)
            if found:
                prior = exam.prior_of(view)
                before = None if prior is None else self._groups(prior, canvases)
                fine, first = canvases.fine, canvases.first
                earlier = (
                    None if prior is None or before is None else canvas_boxes(before, fine[prior.id], first[prior.id])
                )
                marks += calcification_marks(found, view, fine[view.id], first[view.id], earlier)
        return marks

    def _groups(self, view: View, canvases: Canvases) -> list[CalcCandidate] | None:
        """What the patch path finds in a view; None where it was not searched."""
        if self.patch_net is None or view.id not in canvases.fine:
            return None
        fine = canvases.fine[view.id]
        return find_calcifications(self.patch_net, fine.pixels, fine.mask)


def marks_left_out(marks: Sequence[RawMark], point: OperatingPoint) -> tuple[MarkOnStructure, ...]:
    """Marks on structures that are no lesion, of a score from which they would have been shown."""
    return tuple(
        MarkOnStructure(m.view.id, m.box, m.type, m.structure, min(1.0, m.score))
        for m in marks
        if m.structure not in (None, Structure.AXILLA) and m.score >= point.possible[m.type.value]
    )


def _breasts(seen: Seen, exam: Exam, point: OperatingPoint) -> dict[Laterality, BreastReading]:
    readings = {}
    for i, side in enumerate(Laterality):
        if side in exam.imaged:
            density = seen.out.breasts.density[i].float()
            readings[side] = BreastReading(
                "abcd"[int(density.argmax())], _density_probs(density, point.density_temperature),
                _prob_malignant(breast_features(seen, side), point.malignant), point.calibration,
            )  # fmt: skip
    return readings


def _prob_malignant(features: MalignancyFeatures, weights: tuple[float, ...] | None) -> float | None:
    if weights is None:
        return None
    logit = sum(w * f for w, f in zip(weights, (*features, 1.0), strict=True))
    return 1 / (1 + math.exp(-logit))


def _density_probs(logits: torch.Tensor, temperature: float | None) -> tuple[float, float, float, float] | None:
    if temperature is None:
        return None
    a, b, c, d = (logits / temperature).softmax(0).tolist()
    return a, b, c, d


def breast_features(seen: Seen, side: Laterality) -> MalignancyFeatures:
    """What the malignancy of a breast is judged by."""
    i = list(Laterality).index(side)
    own = (m for m in seen.marks if m.view.laterality is side and m.structure in (None, Structure.AXILLA))
    signs = (MarkSigns(m.strength, m.suspicion, m.calcification) for m in own)
    return malignancy_features(float(seen.out.breasts.malignant[i]), float(seen.out.breasts.recall[i]), signs)


def exam_batch(exam: Exam, views: Mapping[str, PreparedView]) -> ViewBatch:
    """The tensors of one exam; slots in hanging order."""
    current = list(exam.current)
    priors = [exam.prior_of(v) for v in current]
    has_prior = [p is not None and p.id in views for p in priors]
    earlier = [views[p.id] for p, has in zip(priors, has_prior, strict=True) if p is not None and has]
    chosen = [views[v.id] for v in current]
    return ViewBatch(
        images=_stack(chosen), exam=torch.zeros(len(current), dtype=torch.long),
        slot=torch.tensor([SLOTS.index(f"{v.laterality}_{v.projection}") for v in current]),
        nipple=torch.tensor([p.nipple_xy for p in chosen], dtype=torch.float32),
        mm_per_px=torch.tensor([p.um_per_px / 1000 for p in chosen], dtype=torch.float32),
        previous=_stack(earlier) if earlier else None, has_prior=torch.tensor(has_prior), num_exams=1,
    )  # fmt: skip


def _stack(prepared: Sequence[PreparedView]) -> torch.Tensor:
    return torch.from_numpy(np.stack([p.pixels for p in prepared]))[:, None]


def load_reader(name_or_dir: str = "starter") -> Reader:
    """The reader that ships with the package, or one from a folder that holds `card.json` and `weights.safetensors`.

    Raises:
        InputError: for an unknown name, or files that do not fit each other.
    """
    folder = Path(name_or_dir)
    if folder.is_dir():
        card_path, weights_path = folder / "card.json", folder / "weights.safetensors"
    else:
        card_path, weights_path = WEIGHTS / f"{name_or_dir}.json", WEIGHTS / f"{name_or_dir}.safetensors"
    if not card_path.is_file():
        known = ", ".join(sorted(p.stem for p in WEIGHTS.glob("*.safetensors")))
        raise InputError(f"no model {name_or_dir!r}", f"one of {known}, or a folder with card.json")
    card = read_card(card_path)
    try:
        reader = _untrained(card)
    except (TypeError, ValueError, KeyError, AttributeError, RuntimeError, AssertionError, ArithmeticError) as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0][:200]
        raise InputError(
            f"{card_path} describes no network ({reason})", "the card that came with the weights"
        ) from error
    load_weights(reader.parts, weights_path, card.weights_sha256)
    return reader


def _untrained(card: ModelCard) -> Reader:
    """The networks that a card describes; values that no network can have fail in as many ways as there are layers."""
    net = ReaderNet(card.config).eval()
    patches = None if card.patches is None else PatchNet(patch_config(card.patches)).eval()
    decoder = None if card.decoder is None else ReportDecoder(DecoderConfig(**card.decoder)).eval()
    looks = None if card.looks is None else LookNet(LookConfig(**card.looks)).eval()
    phrases = None if card.phrases is None else PhraseNet(PhraseConfig(**card.phrases)).eval()
    head = None if phrases is None else joint_head(card.config, phrases.config).eval()
    return Reader(net, card, NormStatistics(net), patches, looks, decoder, head, phrases)


def joint_head(config: ReaderConfig, phrases: PhraseConfig) -> JointHead:
    """The joint head that fits a reader and a text side."""
    return JointHead(config.mark_channels, phrases.joint_dim)


def patch_config(values: dict) -> PatchConfig:
    """The patch path's shape from a card's plain values."""
    values = dict(values)
    return PatchConfig(tophat=TopHatConfig(**values.pop("tophat")), **values)
