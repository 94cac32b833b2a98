"""Training: that it learns, that an interruption leaves no trace, that two processes agree, that errors are clear."""

import json
import math
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from safetensors.torch import load_file

from agr.config import ModelConfig
from agr.pictures import DataError
from tests.train.conftest import ONE_EPOCH, write_prepared, write_split
from train.config import FitConfig
from train.fit import _Run, fit, told
from train.model import AttributeNet
from train.prepare import load_prepared
from train.utkface import read_split
from train.validation import read_all, rows_of

ROOT = Path(__file__).parents[2]
CONFIG = replace(ONE_EPOCH, epochs=3)


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A run that nothing broke off; its data are those of `prepared` and `split`."""
    folder = tmp_path_factory.mktemp("whole")
    prepared = write_prepared(folder / "prepared")
    return fit(CONFIG, data=prepared, split=write_split(prepared, folder / "split.csv"), output=folder / "run")


def weights(folder):
    return load_file(folder / "model.safetensors")


def same(one, two):
    return one.keys() == two.keys() and all(torch.equal(one[name], two[name]) for name in one)


@pytest.mark.parametrize(
    "change",
    [
        {"epochs": 0},
        {"backbone": "resnet18"},
        {"seed": -1},
        {"lr": math.nan},
        {"weight_decay": -1},
        {"ema_decay": 1.0},
        {"precision": "fp8"},
        {"lr": 0},
        {"mixup": 1.1},
    ],
)
def test_an_impossible_recipe_is_refused(change):
    with pytest.raises(ValueError, match=next(iter(change))):
        FitConfig(**change)


@pytest.mark.slow
def test_a_resumed_run_ends_in_the_same_weights(whole, prepared, split, tmp_path, monkeypatch):
    step, count = _Run._step, 0

    def failing_step(self, *args):
        nonlocal count
        count += 1
        if count == 7:  # in the middle of the second epoch
            raise KeyboardInterrupt
        return step(self, *args)

    monkeypatch.setattr(_Run, "_step", failing_step)
    with pytest.raises(KeyboardInterrupt):
        fit(CONFIG, data=prepared, split=split, output=tmp_path / "cut")
    monkeypatch.setattr(_Run, "_step", step)
    torch.manual_seed(999)  # nothing may hang on what the process did before
    fit(CONFIG, data=prepared, split=split, output=tmp_path / "cut", resume=True)

    cut = tmp_path / "cut"
    assert same(weights(whole), weights(cut))
    assert (whole / "config.json").read_text() == (cut / "config.json").read_text()
    one, two = (pd.read_csv(run / "history.csv").drop(columns="seconds") for run in (whole, cut))
    pd.testing.assert_frame_equal(one, two)
    assert len(one) == 3
    # Resuming what is finished changes nothing, not even the calibration.
    fit(CONFIG, data=prepared, split=split, output=cut, resume=True)
    assert (whole / "config.json").read_text() == (cut / "config.json").read_text()


@pytest.mark.slow
def test_a_run_that_diverges_says_so(prepared, split, tmp_path):
    config = replace(CONFIG, epochs=9, lr=1e25)
    with pytest.raises(DataError, match=r"NaN or infinite\. Take a lower --lr, and another"):
        fit(config, data=prepared, split=split, output=tmp_path / "run")


@pytest.mark.slow
def test_figures_that_are_no_numbers_end_a_run_too(prepared, split, tmp_path, monkeypatch):
    monkeypatch.setattr("train.fit.valid_figures", lambda *_: {"score": float("nan")})
    with pytest.raises(DataError, match=r"The figures of epoch 1 became NaN"):
        fit(ONE_EPOCH, data=prepared, split=split, output=tmp_path / "run")


def test_who_is_trained_on_is_told():
    rows = pd.DataFrame({"gender": [0, 0, 0], "race": [0, 1, 3], "content": [*"abc"]})
    valid = pd.DataFrame({"gender": [1, 0], "race": [2, 4], "content": [*"cd"]})
    assert told(rows, valid) == [
        "3 faces to train on, 2 to choose the best epoch by.",
        "None of the faces to train on is labelled Female, which will never be answered.",
        "None of the faces to train on is labelled Asian, Others, which will never be answered.",
        "Of the latter, 1 are byte for byte among the former, which makes the figures too good.",
    ]


@pytest.mark.slow
def test_a_run_whose_first_weights_are_missing_leaves_nothing_in_its_way(prepared, split, tmp_path):
    config = replace(ONE_EPOCH, init=str(tmp_path / "missing.safetensors"))
    with pytest.raises(DataError, match="cannot be read"):
        fit(config, data=prepared, split=split, output=tmp_path / "run")
    assert not (tmp_path / "run").exists()


@pytest.mark.slow
def test_it_learns_and_leaves_what_is_needed_to_repeat_it(prepared, split, tmp_path):
    config = replace(CONFIG, epochs=12, lr=3e-3, ema_decay=0.8)
    run = fit(config, data=prepared, split=split, output=tmp_path / "run")
    history = pd.read_csv(run / "history.csv")
    # Only the gender can be seen on these pictures. Single epochs of 32 scatter, and rounding, which differs between
    # processors, decides how.
    assert history["train_gender"][-3:].mean() < 0.9 * history["train_gender"][:3].mean()
    assert {"train_age_mean", "train_gender", "train_race", "valid_age_mae", "valid_score", "seconds"} <= set(history)
    assert AttributeNet.load(run).config.input_size == 32
    recipe = json.loads((run / "fit.json").read_text())
    assert recipe["config"]["lr"] == 3e-3
    assert (run / "split.csv").read_text() == split.read_text()
    assert not list(run.glob("*.tmp"))


@pytest.mark.slow
def test_two_processes_train_one_model(prepared, split, tmp_path):
    run = tmp_path / "run"
    options = ["--data", prepared, "--split", split, "--output", run, "--init", "none", "--epochs", 2]
    options += ["--batch-size", 8, "--precision", "fp32"]
    launch = [sys.executable, "-m", "torch.distributed.run", "--nproc_per_node", 2, "--standalone"]
    env = os.environ | {"OMP_NUM_THREADS": "1", "ACCELERATE_USE_CPU": "true"}
    command = list(map(str, [*launch, "-m", "train", "fit", *options]))
    done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr[-3000:]
    assert json.loads((run / "fit.json").read_text())["processes"] == 2
    history = pd.read_csv(run / "history.csv")
    assert len(history) == 2
    assert np.isfinite(history.to_numpy()).all()
    with pytest.raises(DataError, match="another number of processes"):
        fit(replace(CONFIG, epochs=2), data=prepared, split=split, output=run, resume=True)

    apart = tmp_path / "apart.py"  # as on two machines that share no folder
    apart.write_text(
        "import os, train.fit\n"
        "if os.environ['RANK'] == '1':\n"
        "    train.fit.CHECKPOINT_FILE = 'unseen.pt'\n"
        "from train.__main__ import app\n"
        "app()\n"
    )
    command = list(map(str, [*launch, apart, "fit", *options, "--resume"]))
    done = subprocess.run(
        command, cwd=ROOT, env=env | {"PYTHONPATH": str(ROOT)}, capture_output=True, text=True, timeout=300
    )
    assert done.returncode
    assert "Not all processes see" in done.stderr


@pytest.mark.slow
def test_errors_are_clear_and_leave_nothing(whole, prepared, split, tmp_path):
    def run(**changes):
        fit(CONFIG, **({"data": prepared, "split": split, "output": tmp_path / "run"} | changes))

    absent = tmp_path / "absent.csv"
    absent.write_text(split.read_text() + "99_0_0_1.jpg,train\n")
    with pytest.raises(DataError, match=r"99_0_0_1\.jpg"):
        run(split=absent)
    with pytest.raises(DataError, match="no finished prepared data"):
        run(data=tmp_path / "nowhere")
    with pytest.raises(DataError, match="cannot be read"):
        run(split=tmp_path / "nowhere.csv")
    for config, message in (
        (replace(CONFIG, soft_weight=0.9), "needs --teacher or --soft-labels"),
        (replace(CONFIG, batch_size=64), "Take smaller batches"),
    ):
        with pytest.raises(DataError, match=message):
            fit(config, data=prepared, split=split, output=tmp_path / "run")
    assert not (tmp_path / "run").exists()

    with pytest.raises(DataError, match="--resume"):
        run(output=whole)
    with pytest.raises(DataError, match="epochs 3 then, 4 now"):
        fit(replace(CONFIG, epochs=4), data=prepared, split=split, output=whole, resume=True)


def test_nothing_is_resumed_or_written_over_that_is_no_run(prepared, split, tmp_path):
    with pytest.raises(DataError, match="no run to go on with"):
        fit(CONFIG, data=prepared, split=split, output=tmp_path / "typo", resume=True)
    assert not (tmp_path / "typo").exists()
    AttributeNet(ModelConfig(input_size=32)).save(tmp_path / "model")
    before = (tmp_path / "model" / "model.safetensors").read_bytes()
    with pytest.raises(DataError, match="holds a model"):
        fit(CONFIG, data=prepared, split=split, output=tmp_path / "model")
    assert (tmp_path / "model" / "model.safetensors").read_bytes() == before


def test_a_part_without_a_face_is_said_before_anything_is_trained(prepared, split, tmp_path):
    parts = pd.read_csv(split)
    lines = parts[parts["split"] == "train"].to_csv(index=False) + "30_0_0_20179998.jpg,valid\n"
    (tmp_path / "none.csv").write_text(lines)
    with pytest.raises(DataError, match="1 pictures of the split's valid part"):
        fit(CONFIG, data=prepared, split=tmp_path / "none.csv", output=tmp_path / "run")
    assert not (tmp_path / "run").exists()


@pytest.mark.slow
def test_a_full_disk_leaves_the_last_checkpoint_whole(whole, prepared, split, tmp_path, monkeypatch):
    save, calls = torch.save, []

    def full_disk(state, path):
        calls.append(path)
        if len(calls) == 2:
            Path(path).write_bytes(b"half")
            raise RuntimeError("PytorchStreamWriter failed writing file: No space left on device")
        save(state, path)

    monkeypatch.setattr(torch, "save", full_disk)
    with pytest.raises(DataError, match="No space left"):
        fit(CONFIG, data=prepared, split=split, output=tmp_path / "run")
    state = torch.load(tmp_path / "run/checkpoint.pt", weights_only=True)
    assert state["epoch"] == 1
    assert not list((tmp_path / "run").glob("*.tmp"))
    monkeypatch.setattr(torch, "save", save)
    fit(CONFIG, data=prepared, split=split, output=tmp_path / "run", resume=True)
    assert same(weights(tmp_path / "run"), weights(whole))


@pytest.mark.slow
def test_corrected_labels_change_training_but_not_validation(whole, prepared, split, tmp_path, capfd):
    index = pd.read_csv(prepared / "faces.csv", index_col="file")
    parts = pd.read_csv(split, index_col="file")["split"]
    genders = ("Male", "Female")
    rows = [
        {"file": file, "task": "gender", "given": genders[g], "suggested": genders[1 - g]}
        for file, g in index.loc[parts.index[:44], "gender"].items()
    ]
    pd.DataFrame(rows).to_csv(tmp_path / "relabel.csv", index=False)
    changed = fit(CONFIG, data=prepared, split=split, output=tmp_path / "changed", relabel=tmp_path / "relabel.csv")
    assert "32 labels of the train part are corrected" in capfd.readouterr().out
    histories = [pd.read_csv(run / "history.csv") for run in (whole, changed)]
    assert histories[0]["train_gender"].iloc[-1] != histories[1]["train_gender"].iloc[-1]
    data = load_prepared(prepared)
    valid = rows_of(data, read_split(split), "valid")
    read = read_all(AttributeNet.load(changed / "best"), data.crops, valid)
    by_the_labels = (read.gender_probs.argmax(axis=1) == valid["gender"]).mean()
    best = histories[1].loc[histories[1]["valid_score"].idxmax()]
    assert best["valid_gender_accuracy"] == pytest.approx(by_the_labels)
    with pytest.raises(ValueError, match="other corrected labels"):
        fit(CONFIG, data=prepared, split=split, output=tmp_path / "changed", resume=True)


@pytest.mark.slow
@pytest.mark.parametrize("as_teacher", [True, False])
def test_what_knows_the_valid_or_test_faces_teaches_nobody(prepared, split, tmp_path, as_teacher):
    """Or the student would be chosen by and measured on faces that it knows at second hand."""
    parts = pd.read_csv(split)
    parts["split"] = parts["split"].replace({"train": "test", "test": "train", "valid": "train"})
    parts.loc[:5, "split"] = "valid"
    parts.to_csv(tmp_path / "other.csv", index=False)
    knowing = tmp_path / "knowing"
    AttributeNet(ModelConfig(input_size=32)).save(knowing)
    (knowing / "split.csv").write_text((tmp_path / "other.csv").read_text())
    asked = {"teachers": [knowing]} if as_teacher else {}
    begun = ONE_EPOCH if as_teacher else replace(ONE_EPOCH, init=str(knowing / "model.safetensors"))
    with pytest.raises(DataError, match="knowing was trained on 12 of the split's 12 valid pictures"):
        fit(begun, data=prepared, split=split, output=tmp_path / "run", **asked)
    assert not (tmp_path / "run").exists()
