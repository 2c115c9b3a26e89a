"""Labelled exams and outputs, made by formula."""

from mammoscribe.domain.finding import Finding, FindingType, Mark
from mammoscribe.domain.view import Box, Laterality, Projection
from mammoscribe.evaluation.labelled_exams import LabelledBreast, LabelledExam
from mammoscribe.evaluation.outputs.exam_output import BreastOutput, ExamOutput, OutputMark, OutputView
from mammoscribe.evaluation.outputs.store import Outputs
from mammoscribe.evaluation.reader_card.cases import Case

R, L = Laterality
VIEWS = {f"{side}_{p}": (100, 200) for side in "RL" for p in ("CC", "MLO")}
MASS = FindingType.MASS


def mass(name: str, view: str, box: tuple[float, float, float, float], suspicion: float = 0.5) -> Finding:
    """A true mass in one view."""
    side, projection = view.split("_")
    mark = Mark(view, Projection(projection), Box(*box), 1.0)
    return Finding(name, MASS, Laterality(side), (mark,), 1.0, suspicion)


def exam(number: int, right: LabelledBreast, left: LabelledBreast, **more) -> LabelledExam:
    """An exam of a patient of its own, unless `patient_id` is given."""
    known = {"exam_id": f"e{number}", "patient_id": f"p{number}", "number": number}
    return LabelledExam(**{**known, "breasts": {R: right, L: left}, "views": VIEWS, **more})


def output(number: int, right: BreastOutput, left: BreastOutput, *marks: OutputMark, **more) -> ExamOutput:
    """The output for exam `number`, with all its views read."""
    views = {name: OutputView(*size) for name, size in VIEWS.items()}
    return ExamOutput(f"e{number}", {R: right, L: left}, **{"views": views, "marks": marks, "complete": True, **more})


def mark(view: str, box: tuple[float, float, float, float], score: float, stated: bool = True) -> OutputMark:
    """A mark of a mass."""
    return OutputMark(view, MASS, Box(*box), score, 0.5, stated)


def scored(labels: list[tuple[bool, bool]], probs: list[tuple[float, float]]) -> list[Case]:
    """Exams with a label of malignancy and a probability for the right and the left breast."""
    return [
        Case(
            exam(i, LabelledBreast(malignant=lr), LabelledBreast(malignant=ll)),
            output(i, BreastOutput(prob_malignant=pr), BreastOutput(prob_malignant=pl)),
        )
        for i, ((lr, ll), (pr, pl)) in enumerate(zip(labels, probs, strict=True))
    ]  # fmt: skip


def system(name: str, cases: list[Case]) -> Outputs:
    """The outputs of these cases as a system."""
    return Outputs(name, {"code": {"sha256": "0" * 64}}, {c.output.exam_id: c.output for c in cases}, "1" * 64)
