"""`features`, and `train probe`, `retune` and `temporal` on its files: from a manifest to figures; one sentence for what cannot be."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from mammoscribe.training.probes.feature_set import load_features, save_features
from tests.feature_sets import NumberSpace, changing_pairs, make_features, separable
from tests.training.probes.lab import chest_lab

pytest.importorskip("accelerate")
QUICK = ("--set", "steps=6", "--set", "batch=64", "--device", "cpu")


@pytest.fixture
def space(monkeypatch) -> NumberSpace:
    """Stands in for every model; `asked` holds what it was loaded with."""
    numbers = NumberSpace()
    numbers.asked = []

    def load(*given: object, **_: object) -> NumberSpace:
        numbers.asked.append(given)
        mode = given[1] if len(given) > 1 else None
        numbers.mode = "published" if mode is None else str(mode)  # as the space of BioViL-T says how it shows pictures
        return numbers

    monkeypatch.setattr("mammoscribe.explain.load.load_space", load)
    monkeypatch.setattr("mammoscribe.training.probes.retune.load_space", load)
    return numbers


@pytest.fixture
def manifest(tmp_path) -> Path:
    """Twelve pictures, the last of which is not there; edema is present in the larger half."""
    lines = ["path,split,edema,mass"]
    for i in range(12):
        if i < 11:
            (tmp_path / f"{i}.txt").write_text(str(i + 1))
        lines.append(f"{i}.txt,{'test' if i % 3 == 0 else 'train'},{int(i > 5)},{i % 2}")
    path = tmp_path / "manifest.csv"
    path.write_text("\n".join(lines))
    return path


@pytest.fixture
def features(tmp_path) -> Path:
    return save_features(separable(120, 60)[0], tmp_path / "features.npz")


def settings(*fields: str) -> list[str]:
    return [word for field in fields for word in ("--set", field)]


def test_from_a_manifest_to_a_heat_map(run, space, manifest, tmp_path):
    file, out = tmp_path / "features.npz", tmp_path / "run"
    shown = run("features", manifest, "--model", "numbers", "--out", file)
    assert shown.exit_code == 0, shown.stderr
    assert "11 pictures, 16 projected features, 2 classes, 1 skipped" in shown.stdout
    assert "11.txt skipped: 11.txt is not there" in shown.stderr
    shown = run("train", "retune", "--data", file, "--out", out, *settings("model=numbers", "scenario=class"), *QUICK)
    assert shown.exit_code == 0, shown.stderr
    assert "class-incremental, after task mass: macro AUROC" in shown.stdout
    assert {"adaptors.safetensors", "heat_map.html", "result.json"} <= {p.name for p in (out / "model").iterdir()}


def test_mode_kind_and_classes_reach_the_feature_set(run, space, manifest, tmp_path):
    options = ("--kind", "pooled", "--mode", "whole", "--classes", "mass")
    shown = run("features", manifest, "--model", "m", "--out", tmp_path / "f.npz", *options)
    assert shown.exit_code == 0, shown.stderr
    made = load_features(tmp_path / "f.npz")
    assert (made.kind, made.classes, space.asked) == ("pooled", ("mass",), [("m", "whole", {}, "float32")])


def test_bfloat16_is_asked_for_and_its_features_are_not_mixed_with_others(run, space, manifest, tmp_path):
    given = ("features", manifest, "--model", "m", "--out", tmp_path / "f.npz")
    assert run(*given, "--bfloat16").exit_code == 0
    assert [asked[3] for asked in space.asked] == ["bfloat16"]
    again = run(*given)
    assert again.exit_code == 2 and "f.npz" in again.stderr


def test_a_bad_manifest_is_refused_before_a_model_is_loaded(run, space, tmp_path):
    (tmp_path / "m.csv").write_text("path,split,age\na.png,test,54\n")
    shown = run("features", tmp_path / "m.csv", "--model", "m", "--out", tmp_path / "f.npz")
    assert shown.exit_code == 2
    assert "age is '54'" in shown.stderr and "Traceback" not in shown.stderr
    assert space.asked == [] and not (tmp_path / "f.npz").exists()


def test_the_mode_published_is_what_no_mode_means_and_another_one_is_not(run, space, manifest, tmp_path):
    options = ("features", manifest, "--model", "m", "--out", tmp_path / "f.npz")
    assert run(*options).exit_code == 0
    assert run(*options, "--mode", "published").exit_code == 0
    shown = run(*options, "--mode", "whole")
    assert shown.exit_code == 2 and "made from another manifest, model or kind" in shown.stderr


@pytest.mark.parametrize(
    ("fields", "title"),
    [
        (["scenario=joint", "adaptor=linear", "sides=shared"], "joint training"),
        (["scenario=label", "classes=pneumonia,edema"], "label-incremental"),
        (["scenario=data", "parts=3"], "data-incremental, 3 parts"),
        (["scenario=class", "positives_only=true"], "class-incremental, positives only"),
    ],
)
def test_every_scenario_runs(run, space, features, tmp_path, fields, title):
    shown = run("train", "retune", "--data", features, *settings("model=m", *fields), *QUICK, "--out", tmp_path / "run")
    assert shown.exit_code == 0, shown.stderr
    assert shown.stdout.startswith(title)
    assert json.loads((tmp_path / "run" / "model" / "result.json").read_text())["scenario"] == title


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        (["scenario=zero-shot"], "no value for scenario is called 'zero-shot'"),
        (["scenario=class", "parts=5"], "parts 5 in the scenario class"),
        (["scenario=joint", "positives_only=true"], "positives_only, which the scenario joint does not use"),
        (["scenario=joint", "test_on=val"], "no picture in split val"),
        (["scenario=joint", "classes=mass"], "no presence labels of mass"),
        (["scenario=joint", "prompts=nowhere.toml"], "no file of prompts at nowhere.toml"),
        (["scenario=joint", "epochs=3"], "no field of recipe retune is called 'epochs'"),
        (["scenario=class", "steps=2"], "2 steps for 3 tasks"),
    ],
)
def test_what_retune_cannot_do_is_one_sentence_and_leaves_nothing(run, space, features, tmp_path, fields, sentence):
    shown = run(
        "train",
        "retune",
        "--data",
        features,
        *settings("model=m", *fields),
        "--device",
        "cpu",
        "--out",
        tmp_path / "run",
    )
    assert shown.exit_code == 2
    assert sentence in shown.stderr and "Traceback" not in shown.stderr
    assert not (tmp_path / "run").exists()


def test_features_of_another_model_or_kind_are_refused(run, space, tmp_path):
    pooled = save_features(make_features(splits=("train", "train", "test", "test")), tmp_path / "p.npz")
    command = (
        "train",
        "retune",
        "--data",
        pooled,
        *settings("model=m", "scenario=joint"),
        *QUICK,
        "--out",
        tmp_path / "run",
    )
    shown = run(*command)
    assert shown.exit_code == 2 and "pooled features; expected features in the joint space" in shown.stderr
    space.name = "other"
    shown = run(*command)
    assert shown.exit_code == 2 and "features of numbers beside the model other" in shown.stderr


def test_temporal_prints_its_table_and_writes_heads(run, tmp_path):
    pairs = save_features(changing_pairs(60), tmp_path / "pairs.npz")
    quick = (*settings("steps=5"), "--device", "cpu")
    shown = run(
        "train", "temporal", "--data", pairs, "--out", tmp_path / "one", *quick, *settings("folds=3", "findings=edema")
    )
    assert shown.exit_code == 0, shown.stderr
    assert shown.stdout.startswith("3-fold cross-validation by patient") and "| edema" in shown.stdout
    assert {"heads.safetensors", "temporal.json"} <= {p.name for p in (tmp_path / "one" / "model").iterdir()}
    shown = run("train", "temporal", "--data", pairs, "--out", tmp_path / "two", *quick, *settings("test_on=test"))
    assert shown.stdout.startswith("fitted on train, measured on test")


def test_what_temporal_does_not_use_and_what_is_no_feature_set_is_refused(run, tmp_path):
    pairs = save_features(changing_pairs(60), tmp_path / "pairs.npz")
    shown = run("train", "temporal", "--data", pairs, "--out", tmp_path / "run", *settings("test_on=test", "folds=3"))
    assert shown.exit_code == 2 and "folds beside test_on" in shown.stderr
    np.savez(tmp_path / "other.npz", a=np.zeros(1))
    for data, sentence in ((tmp_path / "other.npz", "is no feature set"), (tmp_path / "nowhere.npz", "is not there")):
        for recipe in ("temporal", "retune", "probe"):
            shown = run("train", recipe, "--data", data, "--out", tmp_path / "run")
            assert shown.exit_code == 2 and sentence in shown.stderr and "Traceback" not in shown.stderr
    assert not (tmp_path / "run").exists()


def test_a_probe_of_a_feature_file_prints_its_table(run, tmp_path):
    whole = separable(120, 60)[0]
    file = save_features(
        replace(whole, splits=tuple(("train", "val", "test")[i % 3] for i in range(180))), tmp_path / "f.npz"
    )
    shown = run(
        "train", "probe", "--data", file, "--out", tmp_path / "run", *settings("num_draws=10", "percent=50"), *QUICK
    )
    assert shown.exit_code == 0, shown.stderr
    assert "frozen tower, linear head" in shown.stdout and "(50 %)" in shown.stdout and "| test " in shown.stdout


def test_the_debug_preset_of_a_probe_runs_on_prepared_pictures_frozen_and_full(run, tmp_path):
    folder = chest_lab(tmp_path / "lab")
    quick = settings("model=debug", "steps=2", "batch=4", "num_draws=5")
    for full in ("false", "true"):
        command = (
            "train",
            "probe",
            "--data",
            folder,
            *quick,
            *settings(f"full={full}"),
            "--device",
            "cpu",
            "--out",
            tmp_path / full,
        )
        shown = run(*command)
        assert shown.exit_code == 0, shown.stderr
        assert (tmp_path / full / "model" / "results.json").is_file()
        assert run(*command).exit_code == 0  # a run that is done stays done


def test_the_recipes_and_their_fields_are_listed(run, tmp_path):
    listed = run("train", "list").stdout
    assert all(f"{name}: " in listed for name in ("reader", "probe", "retune", "temporal"))
    file = save_features(separable(12, 6)[0], tmp_path / "f.npz")
    shown = run("train", "show", "retune", "--data", file)
    assert shown.exit_code == 0 and "Hardware and time" in shown.stdout and '"reset_below": 0.0' in shown.stdout


@pytest.mark.parametrize("name", ["retune", "temporal"])
def test_the_old_commands_are_gone(run, name):
    assert run(name, "x.npz").exit_code == 2
    assert f"\n│ {name} " not in run("--help").stdout
