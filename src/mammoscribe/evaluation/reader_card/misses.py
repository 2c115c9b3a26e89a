"""The worst misses of a reader, with the pictures that it saw: what a reader of figures should look at first."""

import io
from collections.abc import Iterable, Iterator, Sequence

import numpy as np
from PIL import Image

from mammoscribe.data.prepared.dataset import PreparedDataset
from mammoscribe.domain.finding import Finding
from mammoscribe.domain.view import Laterality
from mammoscribe.evaluation.card_page import Case as ShownCase
from mammoscribe.evaluation.card_page import CaseBox, CasePicture
from mammoscribe.evaluation.detection import is_hit
from mammoscribe.evaluation.outputs.exam_output import OutputMark
from mammoscribe.evaluation.prepared_views import SeenView, views_of_record
from mammoscribe.evaluation.reader_card.breast_measures import BreastCases
from mammoscribe.evaluation.reader_card.cases import Case
from mammoscribe.evaluation.reader_card.mark_measures import on_another_lesion
from mammoscribe.evaluation.stored_views import grey

EACH = 4
"""Cases of each kind of miss."""
QUALITY = 85


def worst_misses(dataset: PreparedDataset, cases: Sequence[Case], malignancy: BreastCases) -> tuple[ShownCase, ...]:
    """Malignant breasts with a lower probability than another breast and the reverse, lesions not found, and false marks.

    Args:
        dataset: the split that the exams are from. cases: exams of one system. malignancy: its breasts.
    """
    shown = [
        *_breasts(dataset, cases, malignancy, true=1.0, words="malignant, and its probability is only"),
        *_breasts(dataset, cases, malignancy, true=0.0, words="not malignant, and its probability is"),
        *_lesions(dataset, cases),
        *_false_marks(dataset, cases),
    ]
    return tuple(shown)


def _breasts(
    dataset: PreparedDataset, cases: Sequence[Case], c: BreastCases, true: float, words: str
) -> Iterator[ShownCase]:
    """Breasts of one class that are ranked on the wrong side of one of the other class, the worst first."""
    if not c.both_classes:
        return
    others = c.scores[c.labels != true]
    wrong = c.scores <= others.max() if true else c.scores >= others.min()
    order = np.argsort(c.scores if true else -c.scores, kind="stable")
    for i in [i for i in order.tolist() if wrong[i] and c.labels[i] == true][:EACH]:
        case, side = cases[c.exams[i]], c.sides[i]
        caption = f"{case.labels.exam_id}, {side.word} breast: {words} {c.scores[i]:.3f}"
        yield ShownCase(caption, tuple(_pictures(dataset, case, side)))


def _lesions(dataset: PreparedDataset, cases: Sequence[Case]) -> Iterator[ShownCase]:
    """Lesions that no mark with a sentence hits, the most suspicious first."""
    missed = [
        (case, f)
        for case in cases
        for f in case.labels.truth
        if f.type in case.labels.boxed and not any(_hits(m, f) for m in case.output.marks if m.stated)
    ]
    for case, f in sorted(missed, key=lambda pair: -pair[1].suspicion)[:EACH]:
        best = max((m.score for m in case.output.marks if _hits(m, f)), default=0.0)
        caption = f"{case.labels.exam_id}, {f.laterality.word} breast: {_words(f.type.value)} without a sentence; highest score of a mark on it {best:.3f}"
        yield ShownCase(caption, tuple(_pictures(dataset, case, f.laterality)))


def _false_marks(dataset: PreparedDataset, cases: Sequence[Case]) -> Iterator[ShownCase]:
    """Marks with a sentence that hit no lesion of their kind, the highest score first."""
    false = [
        (case, m)
        for case in cases
        for m in case.output.marks
        if m.stated
        and m.kind in case.labels.boxed
        and not any(_hits(m, f) for f in case.labels.truth)
        and not on_another_lesion(m, case.labels.truth)
    ]
    for case, m in sorted(false, key=lambda pair: -pair[1].score)[:EACH]:
        caption = (
            f"{case.labels.exam_id}, {m.view}: {_words(m.kind.value)} stated with score {m.score:.3f} where no box is"
        )
        yield ShownCase(caption, tuple(_pictures(dataset, case, Laterality(m.view[0]))))


def _hits(mark: OutputMark, finding: Finding) -> bool:
    place = finding.mark_in(mark.view)
    return place is not None and mark.kind is finding.type and is_hit(mark.box, place.box)


def _words(kind: str) -> str:
    return kind.replace("_", " ")


def _pictures(dataset: PreparedDataset, case: Case, side: Laterality) -> Iterator[CasePicture]:
    """The views of a breast as they were prepared, with true boxes and the marks that have a sentence."""
    for seen in views_of_record(dataset[case.labels.number], None, side, dataset.synthetic):
        name = seen.view.id
        truth = (CaseBox(_canvas(seen, m.box), "truth") for f in case.labels.truth if (m := f.mark_in(name)))
        marks = (CaseBox(_canvas(seen, m.box), "mark") for m in case.output.marks if m.stated and m.view == name)
        yield _picture(name, seen.picture.pixels, (*truth, *marks))


def _canvas(seen: SeenView, box) -> tuple[float, float, float, float]:
    b = seen.picture.placement.to_canvas_box(box)
    return b.x0, b.y0, b.x1, b.y1


def _picture(name: str, pixels: np.ndarray, boxes: Iterable[CaseBox]) -> CasePicture:
    height, width = pixels.shape
    shown = (np.clip(grey(pixels), 0, 1) * 255).astype(np.uint8)
    stream = io.BytesIO()
    Image.fromarray(shown).save(stream, "JPEG", quality=QUALITY)
    return CasePicture(name, stream.getvalue(), width, height, tuple(boxes))
