"""The shipped joint space: phrases pointed at and kinds told without training, on bench_v1 and on mini-MIAS lesions.

A phrase is what a report would call the finding (`irregular, spiculated mass`), from ground truth; on mini-MIAS it is the
coarse kind. The films' boxes were seen in the reader's training, though no phrase of them was: their rows are not out of
fold. Without --data, or the folder in MAMMOSCRIBE_DATA, the films are left out.

    python benchmarks/joint_space.py --exams 60
"""

import os
import sys
from pathlib import Path

from bench_setup import options, report
from rich.progress import track

from mammoscribe.data.datasets.mini_mias import MINI_MIAS
from mammoscribe.data.record_views import view_of
from mammoscribe.data.records import MammoExam
from mammoscribe.domain.finding import Finding, FindingType
from mammoscribe.domain.view import View
from mammoscribe.evaluation.joint import KindResult, PhraseResult, kind_rows, phrase_rows, point, tell_kinds
from mammoscribe.evaluation.reading_records import decode_phantom
from mammoscribe.explain.zero_shot import mammography_prompts, prompt_sides
from mammoscribe.imaging.decode import decode_view
from mammoscribe.models.reader.space import StarterSpace, load_starter_space
from mammoscribe.phantom import BENCHES, Bench, draw_exam
from mammoscribe.reporting.phrases import NOUNS, core_phrase
from mammoscribe.support.errors import MammoscribeError

FILM_KINDS = {
    "CIRC": ("circumscribed mass", FindingType.MASS), "SPIC": ("spiculated mass", FindingType.MASS),
    "MISC": ("mass", FindingType.MASS), "CALC": ("calcifications", FindingType.CALCIFICATION),
    "ARCH": ("architectural distortion", FindingType.DISTORTION), "ASYM": ("asymmetry", FindingType.ASYMMETRY),
}  # fmt: skip


def drawn_results(space: StarterSpace, bench: Bench, num_exams: int) -> tuple[list[PhraseResult], list[KindResult]]:
    """Phrases and kinds of the first exams of the bench, each view by itself."""
    phrases: list[PhraseResult] = []
    kinds: list[KindResult] = []
    prompts = mammography_prompts()
    sides = prompt_sides(space, prompts)
    for seed in track(bench.seeds[:num_exams], description="bench exams"):
        drawn = draw_exam(seed, bench.spec)
        decode = decode_phantom(drawn)
        for view in drawn.exam.current:
            image = space.prepare_picture(view, decode(view))
            shown = [f for f in drawn.findings if f.mark_in(view.id) is not None]
            phrases += point(space, image, drawn.exam.id, [_told(f, view) for f in shown])
            kinds += tell_kinds(space, image, drawn.exam.id, shown, prompts, sides)
    return phrases, kinds


def _told(finding: Finding, view: View):
    mark = finding.mark_in(view.id)
    assert mark is not None
    return core_phrase(finding) or NOUNS[finding.type], finding.type, mark.box


def film_results(space: StarterSpace, root: Path) -> list[PhraseResult]:
    """Phrases of every mini-MIAS lesion with a place."""
    results: list[PhraseResult] = []
    records = [item for item in MINI_MIAS.edition_in(root).read(root) if isinstance(item, MammoExam)]
    for record in track(records, description="films"):
        for film in record.images:
            told = [(*FILM_KINDS[region.labels["abnormality"]], region.box) for region in film.regions]
            if told:
                view = view_of(film, root)
                image = space.prepare_picture(view, decode_view(view))
                results += point(space, image, record.patient_id, told)
    return results


def main() -> int:
    """Print the table; 2 when nothing could be measured."""
    args = options(__doc__, 60)
    root = Path(os.environ.get("MAMMOSCRIBE_DATA", Path(__file__).parents[2] / "shared" / "data")) / "mini_mias"
    try:
        space = load_starter_space(args.model)
        phrases, kinds = drawn_results(space, BENCHES[args.bench], args.exams)
        rows = phrase_rows(phrases, args.bench) + kind_rows(kinds, args.bench)
        if root.is_dir():
            rows += phrase_rows(film_results(space, root), "mini-MIAS (films seen in training)")
    except MammoscribeError as error:
        print(error)
        return 2
    return report("joint_space", args, space.name, "each view by itself", rows)


if __name__ == "__main__":
    sys.exit(main())
