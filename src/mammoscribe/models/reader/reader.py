"""The reader: its networks as one thing, and what they give for the prepared views of an exam."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import torch
from torch import nn

from mammoscribe.domain.evidence import Claim
from mammoscribe.domain.exam import Exam
from mammoscribe.domain.finding import Finding
from mammoscribe.domain.report import Breast
from mammoscribe.domain.view import Origin, View
from mammoscribe.imaging.anatomy.find import find_anatomy
from mammoscribe.imaging.prepare import PreparedView
from mammoscribe.models.decoder.memory import FactTable, facts_memory
from mammoscribe.models.decoder.network import ReportDecoder
from mammoscribe.models.devices import device_of, mixed_precision
from mammoscribe.models.reader.assemble import (
    RawMark,
    calcification_marks,
    canvas_boxes,
    on_structures,
    query_marks,
)
from mammoscribe.models.reader.batch import SLOTS, ViewBatch, moved, trimmed
from mammoscribe.models.reader.breast_heads import BreastOutput
from mammoscribe.models.reader.calcifications import CalcCandidate, PatchNet, find_calcifications
from mammoscribe.models.reader.card import ModelCard
from mammoscribe.models.reader.crop_refiner import CropRefiner
from mammoscribe.models.reader.familiar import view_features
from mammoscribe.models.reader.joint_head import JointHead
from mammoscribe.models.reader.judging import ReaderOutput, Seen, judge
from mammoscribe.models.reader.network import ReaderNet, ReaderNetOutput
from mammoscribe.models.reader.norm_statistics import NormStatistics, with_statistics
from mammoscribe.models.reader.phrases import PhraseNet
from mammoscribe.models.reader.refine import refine_marks
from mammoscribe.support.errors import InputError


@dataclass(frozen=True)
class Canvases:
    """Prepared views by view id, at the three scales that a reader sees.

    Args:
        first: first-pass canvas of every current and prior view.
        detail: the same views at the scale of the crop refiner.
        fine: the same views at 100 um, for the patch path; views missing here are not searched for calcifications.
    """

    first: Mapping[str, PreparedView]
    detail: Mapping[str, PreparedView]
    fine: Mapping[str, PreparedView]


@dataclass(frozen=True)
class Reader:
    """A trained reader with its card.

    Args:
        net: the first pass, with the batch statistics of phantoms.
        films: the batch statistics that take their place for acquired images.
        patch_net: the calcification network. crop_refiner: sees each mark of the first pass again.
        crop_films: its batch statistics for acquired images, where the two kinds of image were trained apart.
    """

    net: ReaderNet
    card: ModelCard
    films: NormStatistics
    patch_net: PatchNet | None = None
    crop_refiner: CropRefiner | None = None
    decoder: ReportDecoder | None = None
    head: JointHead | None = None
    phrases: PhraseNet | None = None
    crop_films: NormStatistics | None = None

    @property
    def device(self) -> torch.device:
        """Where the networks are, all of them; what they are given is moved there, and what they give back to the CPU."""
        return device_of(self.net)

    @property
    def parts(self) -> dict[str, nn.Module]:
        """The networks by their prefix in the weights file."""
        named = {
            "reader": self.net, "films": self.films, "patches": self.patch_net, "looks": self.crop_refiner,
            "looks_films": self.crop_films, "decoder": self.decoder, "joint": self.head, "phrases": self.phrases,
        }  # fmt: skip
        return {name: part for name, part in named.items() if part is not None}

    def read(self, exam: Exam, canvases: Canvases) -> ReaderOutput:
        """Read one exam; its origin decides which batch statistics and which operating point apply."""
        return judge(self.see(exam, canvases), exam, self.card.operating_point(exam.origin))

    @cached_property
    def film_net(self) -> ReaderNet:
        """The first pass for acquired images: the same parameters, the other statistics."""
        return with_statistics(self.net, self.films)

    @torch.inference_mode()
    def see(self, exam: Exam, canvases: Canvases) -> Seen:
        """What the networks give, before any threshold."""
        views = canvases.first
        batch, top, out = self._first(exam, views)
        marks = _refinable(query_marks(out, exam, views, top))
        if self.crop_refiner is not None:
            seen = refine_marks(self._crop_refiner_for(exam), marks, exam, views, canvases.detail)
            marks = [m for m in seen if not m.calcification]
        marks += self._calcifications(exam, canvases)
        anatomy = {v.id: find_anatomy(views[v.id], canvases.detail.get(v.id)) for v in exam.current} if marks else {}
        looks = dict(zip((v.id for v in exam.current), view_features(out.maps.features, batch.images), strict=True))
        breasts = _breasts_of(out.breasts, exam.origin)
        return Seen(tuple(on_structures(marks, anatomy, views)), breasts, out.queries.link_scale, looks)

    def first_pass(self, batch: ViewBatch, origin: Origin) -> ReaderNetOutput:
        """The first pass over a batch of one origin, on the networks' device, where its output stays."""
        with mixed_precision(self.device):
            return (self.net if origin is Origin.SYNTHETIC else self.film_net)(moved(batch, self.device))

    @torch.inference_mode()
    def proposals(self, exam: Exam, views: Mapping[str, PreparedView]) -> tuple[list[RawMark], ReaderNetOutput]:
        """Marks of the first pass that are refined (calcifications are left to their own path), and its whole output.

        Args:
            exam: its views.
            views: first-pass canvases by view id.
        """
        _, top, out = self._first(exam, views)
        return _refinable(query_marks(out, exam, views, top)), out

    def _first(self, exam: Exam, views: Mapping[str, PreparedView]) -> tuple[ViewBatch, int, ReaderNetOutput]:
        """The batch of an exam without empty margins, how many rows went from its top, and what the first pass gives."""
        batch, top = trimmed(exam_batch(exam, views))
        return batch, top, moved(self.first_pass(batch, exam.origin), "cpu")

    def _crop_refiner_for(self, exam: Exam) -> CropRefiner:
        """The crop refiner with the batch statistics of the exam's origin."""
        assert self.crop_refiner is not None
        return self.crop_refiner if exam.origin is Origin.SYNTHETIC else self.film_crop_refiner

    @cached_property
    def film_crop_refiner(self) -> CropRefiner:
        """The crop refiner for acquired images; the one for synthetic images where both share their statistics."""
        assert self.crop_refiner is not None
        return self.crop_refiner if self.crop_films is None else with_statistics(self.crop_refiner, self.crop_films)

    @torch.inference_mode()
    def draft(self, exam: Exam, findings: tuple[Finding, ...], breasts: tuple[Breast, Breast]) -> tuple[Claim, ...]:
        """What the decoder would write about these findings: claims for the gate, not sentences.

        Raises:
            InputError: when the model came without a decoder.
        """
        if self.decoder is None:
            raise InputError(f"the model {self.card.name} has no report decoder", "", "use --writer renderer")
        memory, refs = facts_memory(FactTable(exam, findings, breasts))
        return self.decoder.generate(memory.to(self.device), refs)

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


def _breasts_of(found: BreastOutput, origin: Origin) -> BreastOutput:
    """The answers for images of an origin: density of acquired ones by the rules that were fitted on such, where there are any."""
    if origin is not Origin.ACQUIRED or found.pooled_density is None:
        return found
    return replace(found, density=found.pooled_density)


def _refinable(marks: Sequence[RawMark]) -> list[RawMark]:
    """Marks of the first pass but for calcifications, which are left to their own path."""
    return [m for m in marks if not m.calcification]


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
