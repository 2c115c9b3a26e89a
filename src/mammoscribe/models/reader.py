"""The reader: prepared views in, findings and breast readings out. Networks, thresholds and calibration as one thing."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import nn

from mammoscribe.domain.evidence import Claim
from mammoscribe.domain.exam import Exam
from mammoscribe.domain.finding import Finding
from mammoscribe.domain.report import Breast, Calibration
from mammoscribe.domain.view import Laterality
from mammoscribe.imaging.prepare import PreparedView
from mammoscribe.models.assemble import RawMark, assemble, calcification_marks, query_marks
from mammoscribe.models.batch import SLOTS, ViewBatch
from mammoscribe.models.card import ModelCard, OperatingPoint, read_card
from mammoscribe.models.fact_memory import FactTable, facts_memory
from mammoscribe.models.patches import PatchConfig, PatchNet, find_calcifications
from mammoscribe.models.reader_net import ReaderNet, ReaderNetOutput
from mammoscribe.models.report_decoder import DecoderConfig, ReportDecoder
from mammoscribe.models.tophat import TopHatConfig
from mammoscribe.models.weights_file import load_weights
from mammoscribe.support.errors import InputError

WEIGHTS = Path(__file__).parent / "weights"


@dataclass(frozen=True)
class BreastReading:
    """Breast-level answers of the reader, calibrated for the population that `calibration` names."""

    density_probs: tuple[float, float, float, float]
    prob_malignant: float
    recall_score: float
    calibration: Calibration

    @property
    def density(self) -> str:
        """The likeliest category, a to d."""
        return "abcd"[int(np.argmax(self.density_probs))]


@dataclass(frozen=True)
class ReaderOutput:
    """What one reading gives.

    Args:
        findings: at or above their type's threshold, most certain first.
        lower_band: below it, yet enough for an uncertain statement.
        candidates: everything, down to very low scores; for FROC curves only.
        breasts: of the imaged breasts.
    """

    findings: tuple[Finding, ...]
    lower_band: tuple[Finding, ...]
    candidates: tuple[Finding, ...]
    breasts: Mapping[Laterality, BreastReading]


@dataclass(frozen=True)
class Reader:
    """A trained reader with its card."""

    net: ReaderNet
    card: ModelCard
    patch_net: PatchNet | None = None
    decoder: ReportDecoder | None = None

    @property
    def parts(self) -> dict[str, nn.Module]:
        """The networks by their prefix in the weights file."""
        named = {"reader": self.net, "patches": self.patch_net, "decoder": self.decoder}
        return {name: part for name, part in named.items() if part is not None}

    @torch.inference_mode()
    def read(
        self, exam: Exam, views: Mapping[str, PreparedView], fine: Mapping[str, PreparedView], synthetic: bool = False
    ) -> ReaderOutput:
        """Read one exam.

        Args:
            exam: the exam.
            views: first-pass canvas of every current and prior view, by view id.
            fine: 100 um canvas of current views, by view id, for the patch path; views missing here are not searched
                for calcifications.
            synthetic: whether the exam is a phantom; decides the operating point.
        """
        point = self.card.operating_point(synthetic)
        with torch.autocast("cpu", torch.bfloat16):
            out = self.net(exam_batch(exam, views))
        marks = [m for m in query_marks(out, exam, views) if not m.calcification]
        marks += self._calcifications(exam, views, fine)
        candidates = assemble(marks, exam, out.queries.link_scale)
        reported = [f for f in candidates if f.score >= point.thresholds[f.type.value]]
        band = {t: point.lower_band * level for t, level in point.thresholds.items()}
        uncertain = [f for f in candidates if band[f.type.value] <= f.score < point.thresholds[f.type.value]]
        return ReaderOutput(
            tuple(reported), tuple(uncertain), tuple(candidates), self._breasts(out, exam, point, candidates)
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

    def _calcifications(self, exam: Exam, views, fine) -> list[RawMark]:
        if self.patch_net is None:
            return []
        marks: list[RawMark] = []
        for view in exam.current:
            if view.id in fine:
                high = fine[view.id]
                found = find_calcifications(self.patch_net, high.pixels, high.mask)
                marks += calcification_marks(found, view, high, views[view.id])
        return marks

    def _breasts(
        self, out: ReaderNetOutput, exam: Exam, point: OperatingPoint, candidates: Sequence[Finding]
    ) -> dict[Laterality, BreastReading]:
        head, evidence, intercept = point.malignant
        readings = {}
        for i, side in enumerate(Laterality):
            if side in exam.imaged:
                density = (out.breasts.density[i].float() / point.density_temperature).softmax(0)
                logit = (
                    head * float(out.breasts.malignant[i]) + evidence * most_suspicious(candidates, side) + intercept
                )
                readings[side] = BreastReading(
                    tuple(density.tolist()), 1 / (1 + math.exp(-logit)),
                    float(out.breasts.recall[i].float().sigmoid()), point.calibration,
                )  # fmt: skip
        return readings


def most_suspicious(candidates: Sequence[Finding], side: Laterality) -> float:
    """Score times suspicion of the breast's most suspicious candidate, 0..1; 0 without any."""
    return max((f.score * f.suspicion for f in candidates if f.laterality is side), default=0.0)


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
    net = ReaderNet(card.config).eval()
    patches = None if card.patches is None else PatchNet(patch_config(card.patches)).eval()
    decoder = None if card.decoder is None else ReportDecoder(DecoderConfig(**card.decoder)).eval()
    reader = Reader(net, card, patches, decoder)
    load_weights(reader.parts, weights_path, card.weights_sha256)
    return reader


def patch_config(values: dict) -> PatchConfig:
    """The patch path's shape from a card's plain values."""
    values = dict(values)
    return PatchConfig(tophat=TopHatConfig(**values.pop("tophat")), **values)
