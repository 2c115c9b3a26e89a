"""Synthetic mammography exams with exact ground truth: pixels, findings, masks, breast facts and twins."""

from mammoscribe.phantom.bench import BENCH_V1, BENCH_V2, BENCHES, Bench
from mammoscribe.phantom.dicom import write_dicom_exam
from mammoscribe.phantom.exam import BreastTruth, PhantomExam, draw_exam
from mammoscribe.phantom.png import write_png_exam
from mammoscribe.phantom.spec import ENRICHED_SPEC, SCREENING_SPEC, SPECS, TRAINING_SPEC, PhantomSpec
from mammoscribe.phantom.streams import GeneratorVersion
from mammoscribe.phantom.structures import Distractor, DistractorKind

__all__ = [
    "BENCHES",
    "BENCH_V1",
    "BENCH_V2",
    "Bench",
    "BreastTruth",
    "Distractor",
    "DistractorKind",
    "ENRICHED_SPEC",
    "GeneratorVersion",
    "PhantomExam",
    "PhantomSpec",
    "SCREENING_SPEC",
    "SPECS",
    "TRAINING_SPEC",
    "draw_exam",
    "write_dicom_exam",
    "write_png_exam",
]
