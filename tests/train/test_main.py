"""python -m train: prepare, fit and evaluate in one go, on a portrait under UTKFace's names."""

import json
import os
import subprocess
import sys
import zipfile

import pandas as pd
import pytest

from agr.evaluation.report import EvalReport
from tests.conftest import ROOT

pytestmark = pytest.mark.slow


@pytest.fixture
def archive(tmp_path, astronaut, encoded):
    path = tmp_path / "faces.zip"
    with zipfile.ZipFile(path, "w") as zipped:
        for i in range(14):
            face = astronaut.crop((140 - i, 40 - i, 300 + i, 200 + i))
            zipped.writestr(f"3{i % 10}_1_0_2017{i:04d}.jpg.chip.jpg", encoded(face, "JPEG"))
        zipped.writestr("30_1_0_20178888.jpg.chip.jpg", encoded(astronaut.crop((0, 400, 90, 490)), "JPEG"))  # no face
        same = encoded(astronaut.crop((139, 39, 301, 201)), "JPEG")
        zipped.writestr("31_1_0_20179999.jpg.chip.jpg", same)  # a twin of the second
    with zipfile.ZipFile(path) as zipped:
        files = [name.split(".chip")[0] for name in zipped.namelist()]
    parts = ["train"] * 8 + ["valid"] * 4 + ["test"] * 4
    pd.DataFrame({"file": files, "split": parts}).to_csv(tmp_path / "split.csv", index=False)
    return path


def test_from_an_archive_to_a_report(run, archive, tmp_path):
    split, data, model, report = (tmp_path / name for name in ("split.csv", "data", "run", "report"))
    done = run("prepare", "--data", archive, "--output", data, "--size", 64, "--workers", 1)
    assert done.exit_code == 0, done.output
    assert "15 faces in 16 pictures; 1 groups" in done.output
    assert "1 no face found: 30_1_0_20178888.jpg" in done.output

    fit = [
        "fit",
        "--data",
        data,
        "--split",
        split,
        "--output",
        model,
        "--init",
        "none",
        "--epochs",
        1,
        "--batch-size",
        4,
    ]
    done = run(*fit)
    assert done.exit_code == 0, done.output
    done = run(*fit)
    assert done.exit_code == 1
    assert "--resume" in done.output

    done = run("evaluate", "--model", model, "--data", data, "--split", split, "--subset", "test", "--output", report)
    assert done.exit_code == 0, done.output
    assert "without twins" in done.output
    assert f"train card --model {model} --report {report}" in done.output.replace("\n", "")
    found = EvalReport.load(report)
    assert len(found.predictions) == 4
    assert found.predictions["detected"].sum() == 3
    assert found.summary["data"]["undetected"] == ["30_1_0_20178888.jpg"]
    assert found.predictions.set_index("file")["has_twin"].to_dict()["31_1_0_20179999.jpg"]
    assert found.summary["data"]["twins"] == 1
    assert found.summary["figures"]["all"]["gender_accuracy"]["n"] == 4
    assert found.history is not None
    done = run("evaluate", "--model", model, "--data", data, "--split", split, "--output", report)
    assert done.exit_code == 1
    assert "--overwrite" in done.output
    assert json.loads((report / "report.json").read_text())["model"]["backbone"] == "mobilenet_v2"


def test_what_cannot_be_read_is_left_out_of_a_report_and_said(run, astronaut, encoded, tmp_path):
    files = ["30_1_0_20170001", "31_1_0_20170002"]
    with zipfile.ZipFile(tmp_path / "faces.zip", "w") as zipped:
        zipped.writestr(f"{files[0]}.jpg", encoded(astronaut, "JPEG"))
        zipped.writestr(f"{files[1]}.jpg", b"junk")
    names = [f"{file}.jpg" for file in files]
    pd.DataFrame({"file": names, "split": "test"}).to_csv(tmp_path / "split.csv", index=False)
    options = ["--data", tmp_path / "faces.zip", "--split", tmp_path / "split.csv", "--output", tmp_path / "report"]
    done = run("evaluate", "--model", ROOT / "agr" / "weights", *options)
    assert done.exit_code == 0, done.output
    assert f"{names[1]} is left out. This is not a picture" in done.output
    assert EvalReport.load(tmp_path / "report").predictions["file"].tolist() == names[:1]


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["prepare", "--data", "nowhere", "--output", "out"], "There is no nowhere"),
        (["fit", "--data", "nowhere", "--split", "x.csv", "--output", "out"], "train prepare"),
        (
            ["evaluate", "--model", "m", "--data", "nowhere", "--split", "x.csv", "--output", "out"],
            "There is no nowhere",
        ),
    ],
)
def test_errors_are_messages(run, args, message, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    done = run(*args)
    assert done.exit_code == 1
    assert message in done.output


def test_names_that_say_nothing_are_counted_and_end_it(run, tmp_path, encoded, astronaut):
    (tmp_path / "faces").mkdir()
    for i in range(12):
        (tmp_path / "faces" / f"holiday {i:02d}.jpg").write_bytes(encoded(astronaut.crop((140, 40, 300, 200)), "JPEG"))
    done = run("prepare", "--data", tmp_path / "faces", "--output", tmp_path / "out", "--workers", 1)
    assert done.exit_code == 1
    assert "12 malformed names" in done.output
    assert "holiday 09.jpg and 2 more" in done.output
    assert "age_gender_race_date" in done.output


def test_an_interrupted_command_says_how_to_go_on(run, monkeypatch, tmp_path):
    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr("train.prepare.prepare", interrupted)
    done = run("prepare", "--data", tmp_path, "--output", tmp_path / "out")
    assert done.exit_code == 130
    assert "Stopped. Run the same command again" in done.output


def test_a_tags_name_is_looked_at_first(run, tmp_path):
    done = run("publish", "--model", "m", "--report", "r", "--repo-id", "ann/faces", "--dry-run", "--tag", "v 1..0/")
    assert done.exit_code == 1
    assert "no name of a tag" in done.output


@pytest.mark.parametrize("command", ["prepare", "split", "fit", "evaluate"])
def test_help_teaches(run, command):
    assert f"python -m train {command}" in run(command, "--help").output


def test_without_what_training_needs_a_sentence_says_what_to_install(tmp_path):
    code = "import runpy, sys; sys.modules['torch'] = None; runpy.run_module('train', run_name='__main__')"
    options = ["--data", tmp_path, "--split", tmp_path / "split.csv", "--output", tmp_path / "run"]
    command = [sys.executable, "-c", code, "fit", *map(str, options)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 1
    assert "torch is not installed. Install what training needs: requirements-dev.txt" in done.stderr
    assert "Traceback" not in done.stderr


def test_letters_that_a_console_does_not_have_are_written_otherwise(tmp_path):
    (tmp_path / "run\u0142").mkdir()
    code = """if True:
        import runpy, sys
        import train.prepare
        from types import SimpleNamespace as Found
        found = Found(faces=1, pictures=2, twin_groups=0, malformed=["\\u0142.jpg"], undetected=[], unreadable=[])
        train.prepare.prepare = lambda *_, **__: found
        sys.argv = ["train", "prepare", "--data", "x.zip", "--output", "y"]
        runpy.run_module("train", run_name="__main__", alter_sys=True)"""
    env = os.environ | {"PYTHONIOENCODING": "cp1252", "PYTHONUTF8": "0"}
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=env, capture_output=True, check=True)
    assert b"1 malformed names, skipped: \\u0142.jpg" in done.stdout


def test_choices_are_named(run):
    done = run("evaluate", "--model", "m", "--data", "d", "--split", "x.csv", "--output", "out", "--subset", "foo")
    assert done.exit_code == 2
    assert all(f"'{subset}'" in done.output for subset in ("train", "valid", "test"))
