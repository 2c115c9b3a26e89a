"""The joint space of a reader on validation phantoms: margins of prompts and sentences, and what search by picture finds.

Margins, and whether a search by picture is centred, are chosen on seeds from 100000; every figure that is stated comes from
seeds from 150000. A margin is where sensitivity and specificity are nearest to each other. Exams are taken as they come;
then further ones are added that show a rarer kind, until every kind is shown by enough of them. Pictures without a finding
are taken from the exams as they come only. `--write` puts the figures into the card of the model, beside its digest.

    python benchmarks/joint_margins.py                                   # about half an hour of one core, once
    python benchmarks/joint_margins.py --write path/to/card.json
"""

import argparse
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from bench_setup import RUNS
from rich.progress import track

from mammoscribe.domain.finding import FindingType
from mammoscribe.domain.view import Origin
from mammoscribe.evaluation.card import Row, markdown, write_rows
from mammoscribe.evaluation.joint_views import EmbeddedView, chosen_seeds, embedded_views
from mammoscribe.evaluation.picture_search import (
    NEAREST,
    as_they_are,
    centred,
    gain_interval,
    measured_search,
    precision_of,
    related_by,
    whitened,
    without_components,
)
from mammoscribe.evaluation.prompt_margins import LabelledScores, fix_margin
from mammoscribe.evaluation.reading_records import cache_path
from mammoscribe.evaluation.sentence_pairs import drawn_pairs, fix_sentence_threshold
from mammoscribe.explain.zero_shot import PromptSet, mammography_prompts, prompt_sides, scores_of
from mammoscribe.models.reader.card import read_card, write_card
from mammoscribe.models.reader.space import StarterSpace, load_starter_space
from mammoscribe.models.space_measures import PictureSearch, PromptMargin, SentenceThreshold, SpaceMeasures
from mammoscribe.support.errors import InputError, MammoscribeError

Part = tuple[int, int, dict[FindingType, int]]
"""First seed, exams as they come, and how many exams shall show each kind of finding at least."""
RARE = {FindingType.DISTORTION: 48, FindingType.ASYMMETRY: 75}
FIXING: Part = (100_000, 235, {FindingType.MASS: 150, FindingType.CALCIFICATION: 150, **RARE})
MEASURING: Part = (150_000, 50, dict.fromkeys(FindingType, 12))
PAIR_EXAMS = 200
"""Exams whose findings are put into pairs of sentences; nothing is drawn for these."""
POPULATIONS = ("synthetic exams (validation phantoms)", "further synthetic exams (validation phantoms)")
WAYS = {
    "as they are": as_they_are, "centred": centred, "centred, less 1 component": without_components(1),
    "centred, less 2 components": without_components(2), "whitened, 8 components": whitened(8),
    "whitened, 64 components": whitened(64),
}  # fmt: skip


def views_of(space: StarterSpace, part: Part, cache: Path) -> list[EmbeddedView]:
    """All views of one part, drawn or from the cache."""
    first, as_they_come, least = part
    seeds = chosen_seeds(first, as_they_come, least)
    exams = embedded_views(space, seeds, as_they_come, cache)
    return [v for views in track(exams, total=len(seeds), description=f"exams from {first}") for v in views]


def margins_of(space: StarterSpace, parts: Sequence[Sequence[EmbeddedView]]) -> list[PromptMargin]:
    """A margin for each shipped prompt set, named after a kind of finding."""
    sets = mammography_prompts()
    sides = prompt_sides(space, sets)
    differences = [[[s.difference for s in row] for row in scores_of(_whole(views), sets, sides)] for views in parts]

    def labelled(which: int, n: int, prompts: PromptSet) -> LabelledScores:
        views = parts[which]
        kept = [i for i, v in enumerate(views) if prompts.name in v.kinds or v.as_it_comes]
        rows = [(differences[which][i][n], prompts.name in views[i].kinds, views[i].exam) for i in kept]
        return LabelledScores(POPULATIONS[which], *zip(*rows, strict=True))

    return [
        fix_margin(prompts, labelled(0, n, prompts), labelled(1, n, prompts), Origin.SYNTHETIC)
        for n, prompts in enumerate(sets)
    ]


def _whole(views: Sequence[EmbeddedView]) -> torch.Tensor:
    return torch.tensor([v.whole for v in views])


def _unit(views: Sequence[EmbeddedView]) -> np.ndarray:
    return torch.nn.functional.normalize(_whole(views), dim=1).numpy()


def search_of(views: Sequence[EmbeddedView]) -> tuple[PictureSearch, ...]:
    """What the command finds, by kind and by kind and place."""
    rows, exams = _unit(views), [v.exam for v in views]
    return (
        measured_search(rows, exams, [v.kinds for v in views], "a finding of the same kind", POPULATIONS[1]),
        measured_search(
            rows, exams, [v.places for v in views], "one of the same kind at the same place", POPULATIONS[1]
        ),
    )


def margin_rows(margin: PromptMargin) -> list[Row]:
    """The figures of one prompt set."""
    rows = []
    for where, f in (("fixed", margin.fixed), ("measured", margin.measured)):
        n = f"{f.exams} exams, {f.with_it} pictures with, {f.without} without"
        name = f"{margin.name.replace('_', ' ')}, {where}"
        rows += [Row(f"{name}: AUC ({f.auc_low:.2f} to {f.auc_high:.2f})", f.auc, n)]
        rows += [Row(f"{name}: sensitivity at {margin.margin:.4f}", f.sensitivity, n)]
        rows += [Row(f"{name}: specificity", f.specificity, n)]
    answer = "a yes or no is given" if margin.can_tell else "no yes or no is given"
    return [*rows, Row(f"{margin.name.replace('_', ' ')}: {answer}", float(margin.can_tell), "1 is yes", digits=0)]


def sentence_rows(sentences: SentenceThreshold) -> list[Row]:
    """The figures of pairs of sentences, by what the contradicting ones differ in."""
    rows = []
    every = {"sentences, fixed": sentences.fixed, **{f"sentences, {k}": f for k, f in sentences.measured.items()}}
    for name, f in every.items():
        n = f"{f.exams} exams, {f.with_it + f.without} pairs"
        rows += [Row(f"{name}: AUC ({f.auc_low:.2f} to {f.auc_high:.2f})", f.auc, n)]
        rows += [Row(f"{name}: same, kept at {sentences.threshold:.4f}", f.sensitivity, n)]
        rows += [Row(f"{name}: contradiction, seen", f.specificity, n)]
    return rows


def way_rows(views: Sequence[EmbeddedView], where: str) -> list[Row]:
    """Precision of every way of ranking against chance, and against ranking the embeddings as they are."""
    unit, exams = _unit(views), [v.exam for v in views]
    others = np.array(exams)[:, None] != np.array(exams)[None]
    rows = [Row(f"{where}: mean cosine of two exams' pictures", float((unit @ unit.T)[others].mean()), "all pairs")]
    kinds = {"kind": [v.kinds for v in views], "kind and place": [v.places for v in views]}
    for what, labels in (
        kinds | {"density": [(v.density,) for v in views], "view": [(v.view,) for v in views]}
    ).items():
        asked = [i for i, row in enumerate(labels) if row]
        of, n = [exams[i] for i in asked], f"{len(asked)} queries"
        related, plain = related_by(labels), None
        for way, space in WAYS.items():
            precision, chance = (part[asked] for part in precision_of(space(unit), exams, related))
            name = f"{where}, {what}, {way}: precision at {NEAREST}"
            rows.append(Row(name, float(precision.mean()), n))
            rows.append(
                Row("... less chance", float((precision - chance).mean()), n, gain_interval(precision - chance, of))
            )
            if plain is not None:
                rows.append(
                    Row(
                        "... less as they are",
                        float((precision - plain).mean()),
                        n,
                        gain_interval(precision - plain, of),
                    )
                )
            plain = precision if plain is None else plain
    return rows  # fmt: skip


def main() -> int:
    """Print the tables; 2 when nothing could be measured."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="starter", help="model name or folder")
    parser.add_argument("--fresh", action="store_true", help="forget partial results (after a change of code)")
    parser.add_argument("--json", type=Path, help="also write the rows to this file")
    parser.add_argument("--write", type=Path, metavar="CARD", help="put the margins and figures into this card")
    args = parser.parse_args()
    torch.set_num_threads(1)
    try:
        space = load_starter_space(args.model)
        # the cache belongs to weights, not to what was measured of them
        cache = cache_path(RUNS / "joint_margins", replace(space.reader.card, joint=None), "jsonl", args.fresh)
        fixing, measuring = (views_of(space, part, cache) for part in (FIXING, MEASURING))
        margins, found = margins_of(space, (fixing, measuring)), search_of(measuring)
        pairs = [drawn_pairs(range(first, first + PAIR_EXAMS)) for first, *_ in (FIXING, MEASURING)]
        sentences = fix_sentence_threshold(space, pairs[0], pairs[1], POPULATIONS)
        if args.write:
            measures = SpaceMeasures(space.reader.card.weights_sha256, tuple(margins), found, sentences)
            card = read_card(args.write)
            if card.weights_sha256 != measures.weights_sha256:
                raise InputError(
                    f"{args.write} is the card of other weights than {args.model}", "the card of that model"
                )
            write_card(replace(card, joint=measures), args.write)
    except MammoscribeError as error:
        print(error)
        return 2
    rows = [row for margin in margins for row in margin_rows(margin)]
    rows += sentence_rows(sentences)
    rows += way_rows(fixing, "search, chosen on") + way_rows(measuring, "search, measured")
    print(f"joint_margins, model {space.name}, each view by itself\n\n{markdown(rows)}")
    if args.json:
        write_rows(rows, args.json)
    return 0


if __name__ == "__main__":
    sys.exit(main())
