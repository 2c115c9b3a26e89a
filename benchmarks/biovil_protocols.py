"""The protocols of the BioViL-T paper on any model of the family: published files, or a run of `train biovil-t`.

    python benchmarks/biovil_protocols.py --model runs/joint --data prepared [--split test] [--json FILE]
    python benchmarks/biovil_protocols.py --model runs/joint --sentences pairs.csv --boxes boxes.csv --images files

On prepared data (`--as joint`, or `--as plain` for a model of whole pictures), on one split:

- nearest report: how often one of the 1 or 10 reports nearest to a picture is its own, and the other way round, beside what
  a blind choice gives; equal reports are one report, a tie with a wrong one is a miss;
- zero-shot: AUC of each class that labels name present or absent, by the four and four published prompts (or those of
  --prompts), the difference of the cosines with both sides;
- change: of pictures with a prior whose change is labelled, how often the nearest of three sets of four sentences
  (improving, stable, worsening) is the right one, as macro accuracy; a third by chance. The paper prompted its report
  decoder instead and got better figures (hi-ml#934); `train temporal` fits linear heads, its other protocol.
- boxes of the data: where each kind of finding that is boxed in a picture is found by its name, with the three figures of
  `--boxes` below; of a model of whole pictures (`--as plain`) only.

On tables:

- sentences: a CSV `sentence_1,sentence_2,label` (MS-CXR-T, RadNLI): accuracy at the best threshold, chosen on the same pairs
  as published, and AUC;
- boxes: a CSV `path,phrase,x,y,w,h` in stored pixels, one row for each box (MS-CXR calls them `label_text`), `patient_id` if
  there is one: contrast to noise, mean IoU and pointing game of each phrase; boxes of a phrase on a picture are one region.

Intervals are 95 %, drawn by patient (by sentence pair for sentences, by picture where no patient is named). A part whose data are
not there is left out and named. Exit code 2 when nothing could be measured.
"""

import argparse
import sys
from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F

from mammoscribe.data.formats.tables import all_rows
from mammoscribe.data.labelled import CHANGES, LabelKind
from mammoscribe.data.prepared.dataset import PreparedDataset, StoredPicture
from mammoscribe.data.supervision import Question
from mammoscribe.domain.view import Box
from mammoscribe.evaluation.bootstrap import bootstrap_interval, interval_or_none
from mammoscribe.evaluation.card import Row, markdown, write_rows
from mammoscribe.evaluation.classification import auc
from mammoscribe.evaluation.grounding import contrast_to_noise, mean_iou, pointing_hit, region
from mammoscribe.explain.grounding import ground
from mammoscribe.explain.similarity import pair_figures, read_pairs, sentence_similarities
from mammoscribe.imaging.joint_pixels import JointPixels, patches_shown
from mammoscribe.imaging.joint_prepare import WHOLE, fit_whole
from mammoscribe.imaging.picture import Picture
from mammoscribe.models.biovil.adaptors import RetuneAdaptors
from mammoscribe.models.biovil.space import BiovilSpace
from mammoscribe.support.errors import InputError, MammoscribeError
from mammoscribe.training.biovil.batches import PictureBatch, PictureItem, Show, stack_pictures
from mammoscribe.training.biovil.pairs import Choice, ImagePairs
from mammoscribe.training.biovil.passes import see
from mammoscribe.training.biovil.pixels import mode_of
from mammoscribe.training.biovil.start import model_folder
from mammoscribe.training.biovil.validation import BEST, chance, wrong_before
from mammoscribe.training.probes.feature_set import FeatureKind, FeatureSet
from mammoscribe.training.probes.prepared_features import prepared_features
from mammoscribe.training.probes.prompts import bank_for
from mammoscribe.training.probes.temporal_result import figures_of
from mammoscribe.training.text.texts import evenly

AT_ONCE = 16
SAYINGS = {
    "improving": ("{} is improving", "{} has improved", "{} has decreased", "improved {}"),
    "stable": ("{} is stable", "{} is unchanged", "{} has not changed", "stable {}"),
    "worsening": ("{} is worsening", "{} has worsened", "{} has increased", "worsened {}"),
}
"""Sentences of a change, four of each; those of the paper are not published."""
DRAWS = 1000


def mean_row(what: str, values: np.ndarray, patients: Sequence[Hashable], n: str) -> Row:
    """A mean with its interval over patients; values that are not defined are left out."""
    known = np.isfinite(values)
    kept, of = values[known].astype(float), [p for p, k in zip(patients, known, strict=True) if k]
    interval = interval_or_none(lambda: bootstrap_interval(lambda rows: float(kept[rows].mean()), of, DRAWS))
    left = f", {int((~known).sum())} not defined" if not known.all() else ""
    return Row(what, float(kept.mean()) if len(kept) else float("nan"), n + left, interval)


# --- nearest report ---------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Embedded:
    """N pairs: pictures and reports [N, J] of unit length, keys of the reports [N], and whose they are."""

    pictures: torch.Tensor
    reports: torch.Tensor
    keys: torch.Tensor
    patients: tuple[str, ...]


@torch.inference_mode()
def embedded(space: BiovilSpace, pairs: ImagePairs) -> Embedded:
    """Pictures with their priors, and their reports."""
    show, rng = Show(pairs.mode, space.image.crop_px, None), np.random.default_rng(0)
    found, texts, keys = [], [], []
    for first in range(0, len(pairs), AT_ONCE):
        own = [pairs[n] for n in range(first, min(first + AT_ONCE, len(pairs)))]
        shown = [show(pair, rng) for pair in own]
        items = [PictureItem(now.pixels, None if b is None else b.pixels, patches_shown(now.shown)) for now, b in shown]
        found.append(see(space.image.model, PictureBatch(*stack_pictures(items))).projected_global)
        texts.append(space.embed_texts([pair.text.words(rng) for pair in own]))
        keys += [pair.text.key for pair in own]
    patients = tuple(pairs.patient(n) for n in range(len(pairs)))
    return Embedded(
        F.normalize(torch.cat(found).float(), dim=1), torch.cat(texts).float(), torch.tensor(keys), patients
    )


def retrieval_rows(pairs: Embedded) -> list[Row]:
    """Recall both ways, beside chance."""
    rows, reports = [], len(pairs.keys.unique())
    for name, asked, given in (
        ("own report among the nearest", pairs.pictures, pairs.reports),
        ("own picture among the nearest", pairs.reports, pairs.pictures),
    ):
        before = wrong_before(asked, given, pairs.keys).numpy()
        for number in BEST:
            n = f"{len(pairs.keys)} pairs, {reports} reports, chance {chance(number, pairs.keys):.3f}"
            rows.append(mean_row(f"{name} {number}", (before < number).astype(float), pairs.patients, n))
    return rows


# --- labels -----------------------------------------------------------------------------------------------------


def zero_shot_rows(space: BiovilSpace, features: FeatureSet, prompts: Path | None) -> list[Row]:
    """AUC of every class with both answers."""
    with torch.inference_mode():
        positive, negative = RetuneAdaptors()(torch.from_numpy(features.features), bank_for(features, space, prompts))
    scores, rows = (positive - negative).numpy(), []
    for column, name in enumerate(features.classes):
        known = np.flatnonzero(~np.isnan(features.labels[:, column]))
        labels, own = features.labels[known, column].astype(int), scores[known, column]
        if len(set(labels.tolist())) < 2:
            continue
        rows.append(auc_row(f"zero-shot AUC of {name}", own, labels, [features.patients[k] for k in known]))
    return rows


def auc_row(what: str, scores: np.ndarray, labels: np.ndarray, patients: Sequence[Hashable]) -> Row:
    """An AUC with its interval over patients."""
    interval = interval_or_none(
        lambda: bootstrap_interval(lambda rows: auc(scores[rows], labels[rows]), patients, DRAWS)
    )
    n = f"{int(labels.sum())} with, {int((labels == 0).sum())} without"
    return Row(what, auc(scores, labels), n, interval)


def change_rows(space: BiovilSpace, features: FeatureSet) -> list[Row]:
    """Macro accuracy of the nearest sentence for every finding whose change is labelled."""
    whole, rows = F.normalize(torch.from_numpy(features.features), dim=1), []
    for column, name in enumerate(features.classes):
        known = np.flatnonzero(~np.isnan(features.labels[:, column]))
        finding = name.removeprefix("change of ").replace("_", " ").lower()
        sides = [space.project_texts([s.format(finding) for s in SAYINGS[change]]).mean(dim=0) for change in CHANGES]
        given = (whole[known] @ F.normalize(torch.stack(sides).float(), dim=1).T).argmax(dim=1).numpy()
        truth = features.labels[known, column].astype(int)
        figures = figures_of(name, truth, given, [features.patients[k] for k in known], DRAWS)
        there = sum(count > 0 for count in figures.counts)
        n = f"{', '.join(f'{c} {k}' for k, c in zip(CHANGES, figures.counts, strict=True))}; chance {1 / there:.3f}"
        rows.append(Row(f"{name}, macro accuracy", figures.macro_accuracy, n, figures.interval))
    return rows


# --- tables -----------------------------------------------------------------------------------------------------


def sentence_rows(space: BiovilSpace, path: Path) -> list[Row]:
    """Accuracy and AUC of sentence pairs."""
    pairs, neutral = read_pairs(path)
    alike = np.array([pair.alike for pair in pairs])
    scores = sentence_similarities(space, [p.first for p in pairs], [p.second for p in pairs])
    figures, each = pair_figures(scores, alike), range(len(pairs))
    n = f"{figures.alike} alike, {figures.opposed} opposed, {neutral} neutral left out"
    right = ((scores >= figures.threshold) == alike).astype(float)
    accuracy = mean_row("sentence pairs, accuracy at the best threshold of the same pairs", right, list(each), n)
    common = max(figures.alike, figures.opposed) / len(pairs)
    return [
        Row(accuracy.what, accuracy.value, f"{n}; the commoner answer {common:.3f}", accuracy.interval),
        auc_row("sentence pairs, AUC", scores, alike.astype(int), list(each)),
    ]


@dataclass(frozen=True)
class Phrase:
    """A phrase on a picture that a space is shown, with its boxes in that picture's pixels and the patient."""

    show: Callable[[BiovilSpace], JointPixels]
    text: str
    boxes: tuple[Box, ...]
    patient: str


def read_boxes(path: Path, images: Path) -> list[Phrase]:
    """The phrases of a CSV; boxes of a phrase on a picture are one region.

    Raises:
        InputError: for a column that is not there, or a box that is none.
    """
    found: dict[tuple[str, str], list[Box]] = {}
    patients: dict[tuple[str, str], str] = {}
    for row in all_rows(path, "a CSV of phrases with boxes"):
        fields = row.fields
        phrase = fields.get("phrase") or fields.get("label_text") or ""
        try:
            x, y, w, h = (float(fields[name]) for name in "xywh")
            box = Box(x, y, x + w, y + h)
        except (KeyError, ValueError) as error:  # InvalidNoun is a ValueError
            raise InputError(
                f"line {row.line} of {path} has no box ({error})", "columns path,phrase,x,y,w,h"
            ) from error
        if not phrase or not fields.get("path"):
            raise InputError(
                f"line {row.line} of {path} has no {'path' if phrase else 'phrase'}", "columns path,phrase,x,y,w,h"
            )
        key = (fields["path"], phrase)
        found.setdefault(key, []).append(box)
        patients[key] = fields.get("patient_id") or fields["path"]
    return [
        Phrase(partial(_from_file, images / name), text, tuple(boxes), patients[name, text])
        for (name, text), boxes in found.items()
    ]


def _from_file(path: Path, space: BiovilSpace) -> JointPixels:
    return space.prepare(path)


def boxed_phrases(dataset: PreparedDataset) -> list[Phrase]:
    """The kinds of finding that are boxed in each picture of prepared data, by their names.

    Raises:
        InputError: when there is none, or the pictures are not whole.
    """
    if mode_of(dataset) != WHOLE:
        raise InputError("pictures that are shown in part", "data prepared --as plain, or a table of --boxes")
    phrases: list[Phrase] = []
    for stored in dataset:
        for picture in stored.pictures:
            image = stored.record.images[picture.image]  # type: ignore[union-attr]
            by_kind: dict[str, list[Box]] = {}
            for listed, box in zip(image.regions, picture.regions, strict=True):
                kind = dataset.supervision.answer("region", Question.KIND, listed.labels)
                if kind is not None:
                    by_kind.setdefault(kind.replace("_", " "), []).append(box)
            show = partial(_from_shard, picture)
            phrases += [Phrase(show, k, tuple(own), str(stored.record.patient_id)) for k, own in by_kind.items()]
    if not phrases:
        raise InputError(f"{dataset.folder} has no box of a finding", "boxes whose kind is labelled")
    return phrases


def _from_shard(picture: StoredPicture, space: BiovilSpace) -> JointPixels:
    """A prepared picture as the commands show it; its pixels are those that its boxes are in."""
    full = np.float32(np.iinfo(picture.pixels.dtype).max)
    grey = Picture(picture.pixels.astype(np.float32) / full, picture.spacing_mm)
    return replace(fit_whole(grey, picture.path, space.image.crop_px), shown=None)


def grounding_rows(space: BiovilSpace, phrases: Sequence[Phrase], where: str = "grounding") -> list[Row]:
    """Contrast to noise, mean IoU and pointing game; beside them the share of a picture that boxes cover."""
    heats = [ground(space, phrase.show(space), phrase.text).heat for phrase in phrases]
    patients, n = [phrase.patient for phrase in phrases], f"{len(phrases)} phrases"
    boxes = [list(phrase.boxes) for phrase in phrases]
    cnr = np.array([contrast_to_noise(h, b) for h, b in zip(heats, boxes, strict=True)])
    iou = np.array([mean_iou(h, b) for h, b in zip(heats, boxes, strict=True)])
    hits = np.array([pointing_hit(h, b) for h, b in zip(heats, boxes, strict=True)], float)
    blind = float(np.mean([_covered(h, p) for h, p in zip(heats, phrases, strict=True)]))
    return [
        mean_row(f"{where}, CNR", cnr, patients, n), mean_row(f"{where}, mean IoU", iou, patients, n),
        mean_row(f"{where}, highest pixel in a box", hits, patients, f"{n}, chance {blind:.3f}"),
    ]  # fmt: skip


def _covered(heat: np.ndarray, phrase: Phrase) -> float:
    return float(region(phrase.boxes, heat.shape)[np.isfinite(heat)].mean())  # type: ignore[arg-type]


# --- all of it --------------------------------------------------------------------------------------------------


def parts_of(
    args: argparse.Namespace, space: BiovilSpace, folder: Path
) -> Iterator[tuple[str, Callable[[], list[Row]]]]:
    """Name and rows of every part that was asked for."""
    if args.data is not None:
        pairs = ImagePairs(PreparedDataset(args.data, args.split), Choice())
        some = pairs.of(evenly(len(pairs), args.most))
        yield "nearest report", lambda: retrieval_rows(embedded(space, some))

        def labelled() -> FeatureSet:
            return prepared_features([args.data], str(folder), FeatureKind.PROJECTED).split(args.split)

        yield "zero-shot", lambda: zero_shot_rows(space, labelled().only(LabelKind.PRESENCE), args.prompts)
        boxed = PreparedDataset(args.data, args.split)
        yield "boxes of the data", lambda: grounding_rows(space, boxed_phrases(boxed), "grounding of kinds")
        yield "change", lambda: change_rows(space, labelled().only(LabelKind.CHANGE))
    if args.sentences is not None:
        yield "sentences", lambda: sentence_rows(space, args.sentences)
    if args.boxes is not None:
        yield "boxes", lambda: grounding_rows(space, read_boxes(args.boxes, args.images or args.boxes.parent))


def rows_of(args: argparse.Namespace) -> list[Row]:
    """The rows of all parts; one that cannot be measured is named with the reason."""
    folder = model_folder(args.model)
    space, rows = BiovilSpace.load(folder, truncate=True), []
    for name, part in parts_of(args, space, folder):
        try:
            rows += part()
        except MammoscribeError as error:
            print(f"{name} is left out: {error.sentence()}")
    return rows


def main() -> int:
    """Print the table; 2 when nothing could be measured."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, required=True, help="published files, or a run of train biovil-t")
    parser.add_argument("--data", type=Path, help="folder of `mammoscribe data prepare`")
    parser.add_argument("--split", default="test", help="what is measured on")
    parser.add_argument("--most", type=int, default=5000, help="pairs that reports are looked for among, at most")
    parser.add_argument("--prompts", type=Path, help="TOML of prompts, in place of the published ones")
    parser.add_argument("--sentences", type=Path, help="CSV of sentence pairs")
    parser.add_argument("--boxes", type=Path, help="CSV of phrases with boxes")
    parser.add_argument(
        "--images", type=Path, help="folder that the paths of --boxes start from; the CSV's own by default"
    )
    parser.add_argument("--json", type=Path, help="also write the rows to this file")
    args = parser.parse_args()
    try:
        rows = rows_of(args)
    except MammoscribeError as error:
        print(error.sentence())
        return 2
    if not rows:
        print("nothing was measured: give --data, --sentences or --boxes")
        return 2
    print(f"biovil_protocols, {args.split} of {args.data}, {args.model}\n\n{markdown(rows)}")
    if args.json:
        write_rows(rows, args.json)
    return 0


if __name__ == "__main__":
    sys.exit(main())
