"""Options of `mammoscribe evaluate`."""

from pathlib import Path
from typing import Annotated

import typer

Out = Annotated[
    Path | None, typer.Option("--out", metavar="DIR", help="Folder for records and figures; a run goes on there.")
]
Exams = Annotated[
    int,
    typer.Option(
        "--exams", min=1,
        help="How many synthetic validation exams; with --data and --faithfulness or --robustness: exams of the split at most.",
    ),
]  # fmt: skip
Robustness = Annotated[
    bool,
    typer.Option(
        "--robustness",
        help="With --data and one --model: read again with noise, blur, other windows, missing views and more.",
    ),
]
Faithfulness = Annotated[
    bool,
    typer.Option(
        "--faithfulness",
        help="Write about every exam again with changed pictures: does the writer see them, and look where it points?",
    ),
]
Bench = Annotated[
    str | None,
    typer.Option("--bench", metavar="NAME", help="Read a frozen test bench instead, bench_v1 or bench_v2."),
]
Models = Annotated[
    list[str] | None,
    typer.Option(
        "--model",
        metavar="NAME_OR_DIR",
        help="The reader: one that ships here (starter), or a folder of weights; with --data twice to compare two.",
    ),
]
Data = Annotated[
    Path | None,
    typer.Option("--data", metavar="PREPARED", help="Measure on the labelled exams of a prepared dataset instead."),
]
Split = Annotated[str, typer.Option("--split", help="With --data: train, val or test.")]
FoldOption = Annotated[
    str | None,
    typer.Option(
        "--fold",
        metavar="K/N",
        help="With --data, in place of --split: the patients of train and val that a run with left_out=K/N did not learn from.",
    ),
]
Predictions = Annotated[
    list[Path] | None,
    typer.Option(
        "--predictions",
        metavar="CSV_OR_DIR",
        help="With --data: results.csv of predict, a table like it, or the folder of its --reports.",
    ),
]
ThresholdValue = Annotated[
    float | None,
    typer.Option("--threshold", min=0, max=1, help="With --data: probability from which a breast counts as malignant."),
]
Specificity = Annotated[
    float | None,
    typer.Option("--specificity", min=0, max=1, help="With --data: fix that threshold at this specificity on val."),
]
Abstain = Annotated[
    float | None,
    typer.Option(
        "--abstain", metavar="ALPHA",
        help="With --data: leave breasts to a person so that of each class at most this share gets a wrong answer; fixed on val.",
    ),
]  # fmt: skip
ThresholdSplit = Annotated[
    str,
    typer.Option(
        "--threshold-split", help="Where --specificity and --abstain are fixed; never the split that is measured."
    ),
]
TrainedOn = Annotated[
    list[Path] | None,
    typer.Option(
        "--trained-on",
        metavar="PREPARED",
        help="With --data: another dataset that the reader learned from, whose patients must not be measured.",
    ),
]
Reference = Annotated[
    Path | None,
    typer.Option("--reference", metavar="FILE", help="Score reports against these: CSV, JSONL, JSON, folder of .txt."),
]
Candidates = Annotated[
    list[Path] | None,
    typer.Option("--candidate", metavar="FILE", help="Reports to be scored; twice to compare two systems."),
]
IdColumn = Annotated[str | None, typer.Option("--id-column", metavar="NAME", help="Column of exam ids.")]
TextColumn = Annotated[str | None, typer.Option("--text-column", metavar="NAME", help="Column of reports.")]
PatientColumn = Annotated[
    str | None, typer.Option("--patient-column", metavar="NAME", help="Column of patients, in the reference file.")
]
Common = Annotated[bool, typer.Option("--common", help="Score only exams that every file has, and say so.")]
Draws = Annotated[int, typer.Option("--draws", min=100, help="Bootstrap samples of patients.")]
Anyway = Annotated[bool, typer.Option("--anyway", help="Measure although something looks wrong; the card says what.")]
Train = Annotated[
    Path | None,
    typer.Option("--train", metavar="FILE", help="With --reference: reports learned from; no patient may be in both."),
]
Features = Annotated[
    Path | None,
    typer.Option(
        "--features",
        metavar="NPZ",
        help="With --train: pictures of both by exam id (mammoscribe features), for the nearest neighbour's report.",
    ),
]
PlanFile = Annotated[
    Path | None,
    typer.Option("--plan", metavar="TOML", help="Endpoints, bars and thresholds, written before the look."),
]
MustPass = Annotated[
    bool, typer.Option("--must-pass", help="Print how many of the must-pass pairs every score gets right.")
]
