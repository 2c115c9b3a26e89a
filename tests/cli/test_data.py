"""`data`: what is printed, the exit code, and what lies where afterwards; the work itself is tested in tests/data."""

import csv
import json
import subprocess
import sys

import pytest

from mammoscribe.cli.data import COMMANDS
from mammoscribe.data.catalogue import open_catalogue
from mammoscribe.data.datasets.known import DATASETS
from tests.data.datasets.makers.rsna import export
from tests.data.some_records import exam, report, written


@pytest.fixture
def rsna(tmp_path):
    """A tiny export of RSNA."""
    export(tmp_path / "rsna")
    return tmp_path / "rsna"


def test_help_loads_no_torch():
    code = f"""
import sys
from mammoscribe.cli import app
for args in {[["data", "--help"], *(["data", name, "--help"] for name in COMMANDS), ["data", "list"]]!r}:
    try:
        app(args)
    except SystemExit as end:
        assert not end.code, (args, end.code)
    assert not [m for m in ("torch", "transformers", "openpyxl") if m in sys.modules], args
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_an_example(run, name):
    assert f"Example: mammoscribe data {name}" in run("data", name, "--help").output


def test_the_list_has_every_dataset_and_layout_with_state_and_licence(run):
    shown = run("data", "list")
    assert shown.exit_code == 0
    for dataset in DATASETS.values():
        for edition in dataset.editions:
            (line,) = [
                line for line in shown.stdout.splitlines() if line.split()[0] == dataset.name and f" {edition.name} " in line
            ]  # fmt: skip
            assert edition.state in line and dataset.licence in line


@pytest.mark.parametrize("name", DATASETS)
def test_a_dataset_is_shown_with_all_its_card_says(run, name):
    shown = run("data", "show", name).stdout
    dataset = DATASETS[name]
    for text in (dataset.licence, dataset.obtain, dataset.cite, *dataset.known_faults):
        assert text in shown
    for label in dataset.labels:
        assert f"  {label.name} ({label.of}): {label.meaning}" in shown


def test_a_whole_download_is_ok(run, rsna):
    shown = run("data", "check", "rsna-2023", rsna)
    assert shown.exit_code == 0, shown.output
    assert "export 512: tested on the real files" in shown.stdout
    assert ["images", "3"] in [line.split() for line in shown.stdout.splitlines()]


def test_what_is_missing_or_broken_is_named_and_the_exit_code_says_so(run, rsna, tmp_path):
    (rsna / "images" / "5_2.jpg").unlink()
    with (rsna / "metadata.csv").open("a") as table:
        table.write("9_9.jpg,9\n")
    shown = run("data", "check", "rsna-2023", rsna, "--errors", tmp_path / "e.csv")
    assert shown.exit_code == 1
    assert "warning: missing: images/5_2.jpg" in shown.stderr
    assert "metadata.csv line 5 has 2 fields; expected 17" in shown.stderr
    with (tmp_path / "e.csv").open(newline="") as stream:
        assert sorted(row["what"] for row in csv.DictReader(stream)) == ["error", "missing"]


def test_ingest_writes_a_catalogue_and_says_what_could_not_be_read(run, rsna, tmp_path):
    assert run("data", "ingest", "rsna-2023", rsna, "--out", tmp_path / "c").exit_code == 0
    with (rsna / "metadata.csv").open("a") as table:
        table.write("9_9.jpg,9\n")
    shown = run("data", "ingest", "rsna-2023", rsna, "--out", tmp_path / "c")
    assert shown.exit_code == 1
    assert "holds 2 records of 2 patients: 3 pictures (0 of them missing)" in shown.stdout
    assert open_catalogue(tmp_path / "c").about.num_faults == 1


def test_comparisons_that_were_dropped_are_counted(run, tmp_path, monkeypatch):
    from mammoscribe.data.datasets import known
    from tests.data.some_records import dataset_of

    (tmp_path / "x").touch()
    items = [exam("e1", report=report("A mass. Unchanged since the prior study.", "Benign.")), exam("e2", "p2")]
    monkeypatch.setattr(known, "DATASETS", {"listed": dataset_of(items)})
    shown = run("data", "ingest", "listed", tmp_path, "--out", tmp_path / "c", "--comparisons", "drop")
    assert "1 reports had sentences with a comparison, now dropped; each is noted" in shown.stdout


@pytest.mark.parametrize(
    ("args", "told"),
    [
        (("check", "rsna"), "no dataset is called 'rsna'; did you mean rsna-2023"),
        (("check", "rsna-2023"), "no folder for rsna-2023"),
        (("check", "ours.toml", "here"), "both ours.toml and the folder here"),
        (("check", "ours.toml"), "ours.toml is not there"),
        (("check", "rsna-2023", "none"), "none is not there"),
        (("show", "vindr"), "did you mean vindr-mammo"),
        (("ingest", "rsna-2023", "none", "--out", "c"), "none is not there"),
        (("export", "none", "--to", "llava", "--out", "x"), "none is not a catalogue"),
        (("export", "none", "--to", "manifest", "--out", "x", "--png"), "--png with --to manifest; expected --to llava"),
        (("export", "none", "--to", "labels", "--out", "x", "--no-png"), "--no-png with --to labels; expected --to llava"),
        (("export", "none", "--to", "coco", "--out", "x", "--flavour", "hf"), "--flavour with --to coco; expected --to llava"),
        (("export", "none", "--to", "yolo", "--out", "x", "--views", "each"), "--views with --to yolo; expected --to llava"),
        (("export", "none", "--to", "llava", "--out", "x", "--category", "a"), "--category with --to llava; expected --to coco"),
        (("export", "none", "--to", "llava", "--out", "x", "--class", "a:b=c"), "--class with --to llava"),
        (("import", "none.json", "--from", "llava", "--images", "."), "none.json is not there"),
    ],
)  # fmt: skip
def test_a_mistake_is_one_sentence(run, args, told, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    shown = run("data", *args)
    assert shown.exit_code == 2
    assert told in shown.stderr.strip().splitlines()[-1]
    assert not list(tmp_path.iterdir())


def test_llava_files_are_written_and_read_back(run, tmp_path):
    catalogue = written([exam("e1"), exam("e2", "p2")], tmp_path)
    shown = run("data", "export", catalogue.folder, "--to", "llava", "--out", tmp_path / "llava", "--png")
    assert shown.exit_code == 0, shown.output
    assert "flavour llava-next, as records have up to 2 pictures" in shown.stdout
    assert "all.json holds 2 conversations" in shown.stdout
    assert "do not share them" in shown.stdout
    images = tmp_path / "llava" / "images"
    assert f"--image_folder {images}" in shown.stdout
    source = tmp_path / "llava" / "all.json"
    shown = run("data", "import", source, "--from", "llava", "--images", images, "--out", tmp_path / "c2")
    assert shown.exit_code == 0, shown.output
    assert [r.id for r in open_catalogue(tmp_path / "c2").records()] == ["e1", "e2"]


@pytest.mark.parametrize(
    ("options", "file", "told"),
    [
        ((), "all.json", "flavour llava-next, as records have up to 2 pictures"),
        (("--flavour", "llava"), "all.json", "flavour llava; several pictures of a record: montage"),
        (("--flavour", "llava", "--views", "each"), "all.json", "several pictures of a record: each"),
        (("--flavour", "messages"), "all.jsonl", "--media_dir in LLaMA-Factory, ROOT_IMAGE_DIR in ms-swift"),
        (("--flavour", "hf"), "all/metadata.jsonl", 'load_dataset("imagefolder", data_dir='),
    ],
)
def test_what_is_written_for_which_trainer_is_said(run, options, file, told, tmp_path):
    catalogue = written([exam("e1"), exam("e2", "p2")], tmp_path)
    shown = run("data", "export", catalogue.folder, "--to", "llava", "--out", tmp_path / "out", *options)
    assert shown.exit_code == 0, shown.output
    assert told in shown.stdout and (tmp_path / "out" / file).is_file()


def test_one_picture_a_record_is_for_llava_by_default(run, tmp_path):
    catalogue = written([exam("e1", images=exam("e1").images[:1])], tmp_path)
    shown = run("data", "export", catalogue.folder, "--to", "llava", "--out", tmp_path / "out")
    assert "flavour llava, as records have one picture" in shown.stdout
    assert json.loads((tmp_path / "out" / "all.json").read_text())[0]["image"] == "e1/r_cc.png"


def test_options_that_do_not_go_together_are_one_sentence(run, tmp_path):
    catalogue = written([exam("e1")], tmp_path)
    for options, told in (
        (("--to", "llava", "--flavour", "llava", "--views", "together"), "which reads one picture an entry"),
        (("--to", "llava", "--flavour", "hf", "--no-png"), "--no-png with --flavour hf"),
        (("--to", "yolo", "--no-png"), "--no-png with --to yolo"),
    ):
        shown = run("data", "export", catalogue.folder, *options, "--out", tmp_path / "out")
        assert shown.exit_code == 2 and told in shown.stderr.strip().splitlines()[-1]
    assert not (tmp_path / "out").exists()


def test_boxes_are_written_for_detectors_and_counted(run, tmp_path):
    catalogue = written([exam("e1"), exam("e2", "p2")], tmp_path)
    shown = run("data", "export", catalogue.folder, "--to", "coco", "--out", tmp_path / "coco")
    assert shown.exit_code == 0, shown.output
    assert "1 categories: mass" in shown.stdout and "all: 4 pictures, 2 boxes, 2 pictures without one" in shown.stdout
    assert "boxes are in stored pixels" in shown.stdout
    shown = run("data", "export", catalogue.folder, "--to", "yolo", "--out", tmp_path / "yolo", "--category", "kind")
    assert shown.exit_code == 0, shown.output
    assert "before there are splits, train and val are the same pictures" in shown.stderr
    (catalogue.root / "e1" / "r_cc.png").unlink()
    shown = run("data", "export", catalogue.folder, "--to", "coco", "--out", tmp_path / "again")
    assert shown.exit_code == 1 and "r_cc.png is not there" in shown.stderr and "3 pictures" in shown.stdout


def test_an_entry_that_cannot_be_read_fails_the_import_and_the_others_are_there(run, tmp_path):
    catalogue = written([exam("e1"), exam("e2", "p2")], tmp_path)
    run("data", "export", catalogue.folder, "--to", "llava", "--out", tmp_path / "llava")
    (tmp_path / "llava" / "all.records.jsonl").unlink()
    entries = json.loads((tmp_path / "llava" / "all.json").read_text())
    entries[0]["image"][0] = "none.png"
    (tmp_path / "llava" / "all.json").write_text(json.dumps(entries))
    shown = run(
        "data", "import", tmp_path / "llava" / "all.json", "--from", "llava", "--images", catalogue.root,
        "--out", tmp_path / "c2",
    )  # fmt: skip
    assert shown.exit_code == 1
    assert "none.png is not there" in shown.stderr
    assert [r.id for r in open_catalogue(tmp_path / "c2").records()] == ["e2"]


def test_a_manifest_and_labels_are_written(run, tmp_path):
    from mammoscribe.data.catalogue import write_splits

    catalogue = written([exam("e1"), exam("e2", "p2")], tmp_path)
    write_splits(catalogue.folder, {"p1": "train", "p2": "test"})
    shown = run("data", "export", catalogue.folder, "--to", "manifest", "--out", tmp_path / "m.csv")
    assert "holds 4 views" in shown.stdout
    target = tmp_path / "l.csv"
    shown = run("data", "export", catalogue.folder, "--to", "labels", "--out", target, "--class", "c:cancer=1")
    assert "holds 4 pictures" in shown.stdout
    shown = run("data", "export", catalogue.folder, "--to", "labels", "--out", target)
    assert shown.exit_code == 2 and "no classes" in shown.stderr


@pytest.fixture
def catalogue(tmp_path):
    """Twenty patients with an exam each, and splits."""
    return written([exam(f"e{n}", f"p{n}") for n in range(20)], tmp_path)


def test_patients_are_split_and_the_audit_is_told(run, catalogue):
    shown = run("data", "split", catalogue.folder, "--shares", "60/20/20")
    assert shown.exit_code == 0, shown.output
    assert len(catalogue.splits()) == 20
    assert shown.stdout.splitlines()[0].startswith("train: ")
    assert "audit of 20 records: 0 leaks, 0 warnings, 0 notes" in shown.stdout


def test_a_long_report_in_two_splits_fails_the_split_loudly(run, tmp_path):
    long = report("word " * 80)
    catalogue = written([exam(f"e{n}", f"p{n}", report=long) for n in range(9)], tmp_path)
    shown = run("data", "split", catalogue.folder, "--shares", "50/25/25")
    assert shown.exit_code == 1
    assert "warning: text e" in shown.stderr and " - leak: the same" in shown.stderr


def test_preparing_audits_the_pictures(run, catalogue, tmp_path):
    run("data", "split", catalogue.folder)
    same = catalogue.root / "e3" / "r_cc.png"
    splits = catalogue.splits()
    train = next(n for n, part in splits.items() if part == "train")
    other = next(n for n, part in splits.items() if part != "train")
    for patient in (train, other):
        (catalogue.root / f"e{patient[1:]}" / "r_cc.png").write_bytes(same.read_bytes())
    shown = run("data", "prepare", catalogue.folder, "--out", tmp_path / "out", "--as", "plain", "--workers", "1")
    assert shown.exit_code == 1
    assert "holds 40 pictures of 20 records in 1 shards (0 from before)" in shown.stdout
    assert "warning: picture e" in shown.stderr and " - leak: 0 of 256 bits differ" in shown.stderr
    shown = run("data", "audit", catalogue.folder, "--prepared", tmp_path / "out", "--out", tmp_path / "leaks.csv")
    assert shown.exit_code == 1
    with (tmp_path / "leaks.csv").open(newline="") as stream:
        found = {(row["verdict"], row["what"]) for row in csv.DictReader(stream)}
    assert ("leak", "picture") in found


def test_an_audit_decodes_what_is_not_prepared(run, catalogue):
    run("data", "split", catalogue.folder)
    (catalogue.root / "e3" / "r_cc.png").write_bytes(b"no picture")
    shown = run("data", "audit", catalogue.folder, "--workers", "1")
    assert "and 39 pictures" in shown.stdout
    assert "1 pictures cannot be decoded" in shown.stderr
    assert "pictures" not in run("data", "audit", catalogue.folder, "--no-pictures").stdout


def test_pictures_that_cannot_be_prepared_fail_the_command_and_the_rest_is_there(run, catalogue, tmp_path):
    (catalogue.root / "e3" / "r_cc.png").unlink()
    shown = run("data", "prepare", catalogue.folder, "--out", tmp_path / "out", "--as", "plain", "--workers", "1")
    assert shown.exit_code == 1
    assert "holds 39 pictures" in shown.stdout and "1 pictures could not be prepared" in shown.stderr


@pytest.mark.parametrize(
    ("args", "told"),
    [
        (("split", "--shares", "80/20"), "three numbers"),
        (("split", "--shares", "a/b/c"), "three numbers"),
        (("split", "--shares", "0/50/50"), "train/val/test"),
        (("split", "--fold", "5/5"), "a fold from 0"),
        (("split", "--fold", "x"), "such as 0/5"),
        (("split", "--stratify", "birds"), "no record has the label birds"),
        (("audit",), "has no splits"),
        (("audit", "--no-pictures", "--prepared", "x"), "--prepared with --no-pictures"),
        (("prepare", "--out", "x", "--as", "readr"), "did you mean reader"),
    ],
)
def test_a_mistake_with_a_catalogue_is_one_sentence(run, catalogue, args, told, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    shown = run("data", args[0], catalogue.folder, *args[1:])
    assert shown.exit_code == 2
    assert told in shown.stderr.strip().splitlines()[-1]


def test_another_rule_divides_anew_and_the_same_rule_keeps_everybodys_place(run, tmp_path):
    catalogue = written([exam(f"e{n}", f"p{n}", labels={"age": str(n % 2)}) for n in range(20)], tmp_path)
    run("data", "split", catalogue.folder, "--shares", "50/25/25")
    first = catalogue.splits()
    run("data", "split", catalogue.folder, "--stratify", "age", "--shares", "50/0/50")
    second = catalogue.splits()
    assert list(second.values()).count("test") == 10 and second != first
    run("data", "split", catalogue.folder, "--stratify", "age", "--shares", "50/0/50")
    assert catalogue.splits() == second


# --- personal data, few patients, reports that are missing, values that are not understood ------------------------------


@pytest.fixture
def clinic(tmp_path):
    """Three exams in a folder, with a table of reports and a TOML file."""
    from tests.data.datasets.made import write_dicom, write_lines

    for n in range(3):
        write_dicom(
            tmp_path / "ours" / "dicom" / f"{n}.dcm", n, AccessionNumber=f"ACC{n}", PatientID=f"DOE{n}", StudyInstanceUID=f"1.2.{n}",
            SOPInstanceUID=f"1.3.{n}",
        )  # fmt: skip
    write_lines(
        tmp_path / "ours" / "t.csv", "Acc,Report,B", "ACC0,A mass.,BI-RADS 4", "ACC1,Normal.,many", "ACC2,Normal.,many"
    )
    (tmp_path / "ours.toml").write_text(
        'name = "x"\nkind = "mammo-exam"\nroot = "ours"\nimages = "dicom/*.dcm"\nexam = "header:AccessionNumber"\nreports = "t.csv"\n'
        'report_exam = "Acc"\nreport_text = "Report"\nlabels = { birads = "B" }\n'
    )
    return tmp_path


def test_a_value_that_is_not_understood_is_printed_once_with_its_number_and_the_exit_code_is_1(run, clinic, tmp_path):
    for args in (("check", clinic / "ours.toml"), ("ingest", clinic / "ours.toml", "--out", tmp_path / "c")):
        shown = run("data", *args)
        assert shown.exit_code == 1
        assert shown.stderr.count("birads 'many' is not understood and left out of 2 records") == 1
    labels = [record.labels for record in open_catalogue(tmp_path / "c").records()]
    assert labels == [{"birads": "4"}, {}, {}]


def test_every_command_that_writes_personal_data_says_so_in_one_line(run, clinic, tmp_path):
    shown = [
        run("data", "check", clinic / "ours.toml", "--errors", tmp_path / "e.csv"),
        run("data", "ingest", clinic / "ours.toml", "--out", tmp_path / "c"), run("data", "split", tmp_path / "c"),
        run("data", "prepare", tmp_path / "c", "--out", tmp_path / "p", "--as", "plain", "--workers", "1"),
        run("data", "audit", tmp_path / "c", "--no-pictures", "--out", tmp_path / "leaks.csv"),
    ]  # fmt: skip
    held = [
        "ids and paths",
        "patient ids, dates, paths and whole reports",
        "patient ids",
        "whole reports",
        "patient ids",
    ]
    for result, what in zip(shown, held, strict=True):
        lines = [line for line in result.stdout.splitlines() if line.startswith("personal data: ")]
        assert len(lines) == 1 and what in lines[0], result.output


def test_a_pseudonymous_ingest_says_what_to_keep_apart_and_what_stays(run, clinic, tmp_path):
    shown = run(
        "data", "ingest", clinic / "ours.toml", "--out", tmp_path / "c", "--pseudonymous", tmp_path / "safe" / "k"
    )
    assert shown.exit_code == 1, shown.output
    (line,) = [line for line in shown.stdout.splitlines() if "pseudonyms" in line]
    assert "safe/k" in line and "safe/k.files/c" in line and "may name people" in line
    assert "DOE" not in (tmp_path / "c" / "records.jsonl").read_text() and (tmp_path / "safe" / "k").is_file()
    for command in (("split",), ("audit", "--no-pictures", "--out", tmp_path / "leaks.csv")):
        shown = run("data", command[0], tmp_path / "c", *command[1:])
        assert "personal data" not in shown.stdout


def test_a_key_inside_the_catalogue_is_refused(run, clinic, tmp_path):
    shown = run("data", "ingest", clinic / "ours.toml", "--out", tmp_path / "c", "--pseudonymous", tmp_path / "c" / "k")
    assert shown.exit_code == 2 and "to be kept apart" in shown.stderr and not (tmp_path / "c").exists()


def test_few_patients_are_a_warning(run, tmp_path):
    few = written([exam(f"e{n}", f"p{n}") for n in range(3)], tmp_path / "few")
    shown = run("data", "split", few.folder)
    assert shown.exit_code == 0
    assert "warning: no patient is in" in shown.stderr
    assert "3 are too few for these shares; give more patients\n" in shown.stderr


@pytest.mark.parametrize("patients", [4, 5, 9])
def test_what_is_proposed_for_few_patients_leaves_no_part_empty(run, patients, tmp_path):
    proposed = "--shares 60/20/20 --stratify has_report"
    few = written([exam(f"e{n}", f"p{n}") for n in range(patients)], tmp_path / "few")
    told = run("data", "split", few.folder).stderr
    assert f"give more patients, or {proposed}" in told or set(few.splits().values()) == {"train", "val", "test"}
    again = written([exam(f"e{n}", f"p{n}") for n in range(patients)], tmp_path / "again")
    shown = run("data", "split", again.folder, *proposed.split())
    assert "warning" not in shown.stderr and set(again.splits().values()) == {"train", "val", "test"}


def test_pictures_without_reports_are_told_how_to_get_them(run, clinic, tmp_path):
    text = (clinic / "ours.toml").read_text()
    (clinic / "ours.toml").write_text(text[: text.index("reports =")])
    shown = run("data", "check", clinic / "ours.toml")
    assert shown.exit_code == 0
    assert 'no picture has a report; to add them, name them in ours.toml: reports = "reports.csv"' in shown.stdout
    (clinic / "ours.toml").write_text(text)
    table = clinic / "ours" / "t.csv"
    table.write_text(table.read_text().splitlines()[0] + "\n")
    shown = run("data", "check", clinic / "ours.toml")
    assert f"no picture has a report; to add them, correct {table.name}, which ours.toml names" in shown.stdout
    jpg = tmp_path / "mimic"
    header = "subject_id,study_id,dicom_id,StudyDate,StudyTime,ViewPosition,PerformedProcedureStepDescription"
    (jpg / "files/p10/p10000001/s5").mkdir(parents=True)
    (jpg / "mimic-cxr-2.0.0-metadata.csv").write_text(f"{header}\n10000001,5,a,21800101,1.0,PA,CHEST\n")
    shown = run("data", "check", "mimic-cxr-jpg", jpg)
    assert "no picture has a report; to add them, put mimic-cxr-reports.zip of mimic-cxr" in shown.stdout


def test_labels_of_an_old_catalogue_that_are_not_understood_are_listed_and_the_exit_code_is_1(run, catalogue, tmp_path):
    run("data", "split", catalogue.folder, "--shares", "60/20/20")
    text = catalogue.records_path.read_text()
    catalogue.records_path.write_text(text.replace('"cancer": "1"', '"cancer": "perhaps"', 1))
    shown = run(
        "data", "export", catalogue.folder, "--to", "labels", "--out", tmp_path / "l.csv", "--class", "c:cancer=1"
    )
    assert (
        shown.exit_code == 1
        and "cancer 'perhaps' is not understood and its class is left blank (1 picture)" in shown.stderr
    )
    with (tmp_path / "l.csv").open(newline="") as stream:
        assert [row["c"] for row in csv.DictReader(stream)].count("") == 1
