"""Publish a model and load it again: the whole way, against a Hub in memory."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from huggingface_hub import ModelCard
from PIL import Image
from safetensors.numpy import save_file

from agr.engine import backbones
from agr.evaluation.report import EvalReport
from agr.pictures import DataError
from agr.pretrained import BUNDLED
from tests.conftest import ASTRONAUT, ROOT
from tests.hub import WRITE
from train.files import files_in
from train.hub import HubError
from train.publish import (
    OUR_BACKBONES,
    _compare,
    check_card,
    check_sample,
    check_texts,
    data_of,
    publish,
    stage,
)

REPORT = ROOT / "eval_reports" / "mobilenet_v2"
FILES = {
    *("README.md", "config.json", "model.safetensors", "history.csv"),
    *("confusion_age_group.png", "confusion_gender.png", "confusion_race.png"),
    *("report/report.json", "report/predictions.parquet", "report/history.csv"),
}


@pytest.fixture(scope="module")
def staged(tmp_path_factory):
    folder = tmp_path_factory.mktemp("staged")
    stage(BUNDLED, REPORT, folder, repo_id="ann/faces")
    return folder


@pytest.fixture
def plan(staged, tmp_path):
    """A copy to spoil."""
    return shutil.copytree(staged, tmp_path / "plan")


def train(*arguments: str, **environment: str) -> subprocess.CompletedProcess:
    """python -m train in a process of its own, as huggingface_hub reads its settings once."""
    command = [sys.executable, "-m", "train", *arguments]
    return _run(command, **environment)


def _run(command: list[str], **environment: str) -> subprocess.CompletedProcess:
    env = {key: value for key, value in os.environ.items() if not key.startswith(("HF_", "AGR_MODEL"))}
    return subprocess.run(command, cwd=ROOT, env=env | environment, capture_output=True, text=True)


@pytest.mark.parametrize(
    ("change", "message"),
    [({"subset": "train"}, "of the train part, whose faces the model knows"), ({}, "In none of the report's pictures")],
)
def test_a_report_that_says_nothing_of_the_model_is_refused(tmp_path, change, message):
    report = EvalReport.load(REPORT)
    summary = report.summary | {"data": report.summary["data"] | change}
    table = report.predictions if change else report.predictions.assign(detected=False)
    EvalReport(summary, table, report.history).save(tmp_path / "report")
    with pytest.raises(DataError, match=message):
        stage(BUNDLED, tmp_path / "report", tmp_path, repo_id="ann/faces")


def test_what_is_staged_is_just_this(plan):
    assert files_in(plan).keys() == FILES


def test_a_backbone_that_others_lack_is_refused(tmp_path, monkeypatch):
    assert set(OUR_BACKBONES) == set(backbones())
    config = json.loads((BUNDLED / "config.json").read_text()) | {"backbone": "resnet18"}
    (tmp_path / "config.json").write_text(json.dumps(config))
    monkeypatch.setattr("agr.config.backbones", lambda: ("mobilenet_v2", "resnet18"))
    with pytest.raises(DataError, match="resnet18 does not come with the project"):
        stage(tmp_path, REPORT, tmp_path / "staged", repo_id="ann/faces")


def test_the_best_epoch_is_not_published_in_place_of_its_run(tmp_path):
    (tmp_path / "run" / "best").mkdir(parents=True)
    (tmp_path / "run" / "fit.json").touch()
    with pytest.raises(DataError, match=r"neither balanced nor calibrated. Publish .*run\."):
        stage(tmp_path / "run" / "best", REPORT, tmp_path / "staged", repo_id="ann/faces")


def test_the_card_carries_its_figures_to_the_hubs_index(plan):
    data = ModelCard.load(plan / "README.md").data
    figures = EvalReport.load(REPORT).summary["figures"]["all"]
    values = {result.metric_name: result.metric_value for result in data.eval_results}
    assert values["Race, accuracy"] == pytest.approx(figures["race_accuracy"]["value"], abs=1e-4)
    assert values["Age, mean absolute error (years)"] == pytest.approx(figures["age_mae"]["value"], abs=1e-4)
    assert (data.license, data.model_name) == ("other", "faces")
    for said in ('from_pretrained("ann/faces")', "confusion_race.png", "Not for", "Known weaknesses", "Others"):
        assert said in (plan / "README.md").read_text(encoding="utf-8")


def test_the_matrices_are_pictures_and_the_same_each_time(plan, tmp_path):
    (tmp_path / "again").mkdir()
    stage(BUNDLED, REPORT, tmp_path / "again", repo_id="ann/faces")
    for name in ("confusion_race.png", "README.md"):
        assert (plan / name).read_bytes() == (tmp_path / "again" / name).read_bytes()
    with Image.open(plan / "confusion_race.png") as picture:
        assert min(picture.size) > 300


def test_a_report_of_other_weights_is_refused(tmp_path):
    with pytest.raises(DataError, match="other weights"):
        stage(BUNDLED, ROOT / "eval_reports" / "mobilenet_v2_stage1", tmp_path, repo_id="ann/faces")


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("history.csv", "epoch,note\n1,/home/ann/runs\n", "path of this machine"),
        ("config.json", '{"init": "C:\\\\Users\\\\ann"}', "path of this machine"),
        ("config.json", '{"init": "file:///data/x"}', "path of this machine"),
        ("README.md", "see ~/runs/mine", "path of this machine"),
        ("report/report.json", '{"token": "hf_abcdefghijklmnopqrstuv"}', "access token"),
        ("face.jpg", "x", "face.jpg is not published"),
        ("report/crops.npy", "x", "not published"),
    ],
)
def test_what_must_not_leave_this_machine_is_found(plan, name, content, message):
    (plan / name).write_text(content)
    with pytest.raises(DataError, match=message) as caught:
        check_texts(plan)
    assert "abcdefghijklmnop" not in str(caught.value)


def test_ordinary_texts_pass(plan):
    (plan / "config.json").write_text(json.dumps({"note": "Group A:\nsee https://a.org/data/x and a/b/c"}))
    check_texts(plan)


def test_notes_in_the_weights_are_read(plan):
    save_file({"x": np.zeros(2, np.float32)}, plan / "model.safetensors", metadata={"from": "/home/ann/run"})
    with pytest.raises(DataError, match=r"model\.safetensors holds a path"):
        check_texts(plan)


def test_paths_in_the_table_are_found_too(plan):
    table = pd.read_parquet(plan / "report" / "predictions.parquet")
    table.loc[3, "file"] = "/home/ann/1_0_0_2017.jpg"
    table.to_parquet(plan / "report" / "predictions.parquet")
    with pytest.raises(DataError, match=r"predictions\.parquet holds a path"):
        check_texts(plan)


def test_a_home_without_its_first_slash_is_found_too(plan, monkeypatch):
    monkeypatch.setenv("HOME", "/export/ann")
    table = pd.read_parquet(plan / "report" / "predictions.parquet")
    table.loc[3, "file"] = "export/ann/photos/1_0_0_2017.jpg"
    table.to_parquet(plan / "report" / "predictions.parquet")
    with pytest.raises(DataError, match=r"predictions\.parquet holds a path"):
        check_texts(plan)


@pytest.mark.parametrize("card", ["---\nlicense: [\n---\n", "---\nlicense: mit\n---\n", "# nothing\n"])
def test_a_card_that_the_hub_would_not_understand(card):
    with pytest.raises(DataError, match="model card"):
        check_card(card)


def test_another_kind_of_model_is_not_overwritten(hub, api, plan):
    repo = hub.create("ann/faces")
    repo.add("a poem", {"poem.txt": b"roses"})
    with pytest.raises(HubError, match="something else"):
        publish(plan, "ann/faces", api=api)
    assert len(repo.commits) == 2


def test_a_transformers_model_is_not_overwritten_either(hub, api, plan):
    repo = hub.create("ann/faces")
    repo.add("bert", {"model.safetensors": b"x", "config.json": b'{"model_type": "bert"}'})
    with pytest.raises(HubError, match="something else"):
        publish(plan, "ann/faces", api=api)
    assert len(repo.commits) == 2


def test_a_tag_that_is_taken_is_found_before_anything_is_sent(hub, api, plan):
    publish(plan, "ann/faces", tag="v1.0", private=True, api=api)
    assert hub.repos["model", "ann/faces"].private
    repo = hub.repos["model", "ann/faces"]
    repo.add("a change on the page", repo.commits[-1].files | {"README.md": b"---\nlicense: mit\n---\n"})
    with pytest.raises(HubError, match="another commit"):
        publish(plan, "ann/faces", tag="v1.0", api=api)
    assert repo.commits[-1].title == "a change on the page"


def test_files_of_an_earlier_version_go_and_others_stay(hub, api, plan):
    publish(plan, "ann/faces", api=api)
    repo = hub.repos["model", "ann/faces"]
    repo.add("notes", repo.commits[-1].files | {"notes.md": b"mine"})
    (plan / "report" / "history.csv").unlink()
    publish(plan, "ann/faces", api=api)
    assert "report/history.csv" not in repo.commits[-1].files
    assert repo.commits[-1].files["notes.md"] == b"mine"


def test_a_tag_that_fails_leaves_the_commit_whole_and_comes_the_next_time(hub, api, plan):
    hub.faults["tag"] = 500
    with pytest.raises(HubError):
        publish(plan, "ann/faces", tag="v1.0", api=api)
    repo = hub.repos["model", "ann/faces"]
    assert set(repo.commits[-1].files) == FILES | {".gitattributes"}
    hub.faults.clear()
    done = publish(plan, "ann/faces", tag="v1.0", api=api)
    assert not done.is_new
    assert repo.tags == {"v1.0": done.commit}


@pytest.mark.slow
def test_the_weights_reproduce_the_report_or_are_not_sent(utkface, tmp_path):
    assert check_sample(BUNDLED, REPORT, utkface.path) == 48
    shutil.copytree(REPORT, tmp_path / "report")
    table = pd.read_parquet(REPORT / "predictions.parquet")
    for column in ("pred_age", "age_low"):
        other = table.assign(**{column: table[column] + 1.0})
        other.to_parquet(tmp_path / "report" / "predictions.parquet")
        with pytest.raises(DataError, match="do not reproduce"):
            check_sample(BUNDLED, tmp_path / "report", utkface.path)
    shutil.copy(ASTRONAUT, tmp_path / "41_1_0_2017.jpg")
    with pytest.raises(DataError, match="0 of the report's 4744 pictures"):
        check_sample(BUNDLED, REPORT, tmp_path)


def test_a_report_is_reproduced_but_for_what_machines_differ_by():
    before = pd.read_parquet(REPORT / "predictions.parquet").head(48)
    for column, off, same in (
        ("prob_race_Others", 0.004, True),
        ("prob_race_Others", 0.006, False),
        ("prob_age_group_54+", -0.006, False),
        ("pred_age", 0.4, True),
        ("age_high", -0.6, False),
    ):
        after = before.copy()
        after.loc[7, column] += off
        if same:
            _compare(before, after)
            continue
        with pytest.raises(DataError, match="do not reproduce"):
            _compare(before, after)
    with pytest.raises(DataError, match="other faces"):
        _compare(before, before.assign(detected=False))


def test_a_run_knows_its_pictures(tmp_path):
    assert data_of(BUNDLED) is None
    (tmp_path / "fit.json").write_text(json.dumps({"config": {}, "data": {"source": str(ASTRONAUT)}}))
    assert data_of(tmp_path) == ASTRONAUT
    for text in (json.dumps({"config": {}, "data": {"source": "/no/such"}}), "{}", "{", "[]", '{"config": {}}'):
        (tmp_path / "fit.json").write_text(text)
        assert data_of(tmp_path) is None


@pytest.mark.slow
def test_published_loaded_offline_and_the_same_to_the_bit(hub, utkface, tmp_path):
    """Through the commands, each in a process of its own with an empty cache."""
    settings = {"HF_ENDPOINT": hub.url, "HF_TOKEN": WRITE, "HF_HUB_DISABLE_XET": "1", "HF_HOME": str(tmp_path / "hf")}
    asked = ["publish", "--model", str(BUNDLED), "--report", str(REPORT), "--repo-id", "ann/faces", "--tag", "v1.0"]
    dry = train(*asked, "--dry-run", AGR_UTKFACE=str(utkface.path), **settings)
    assert dry.returncode == 0, dry.stderr
    assert "Dry run" in dry.stdout
    assert "model.safetensors" in dry.stdout
    assert "## By group" in dry.stdout
    assert hub.seen == []
    sent = train(*asked, AGR_UTKFACE=str(utkface.path), **settings)
    assert sent.returncode == 0, sent.stderr
    assert 'FaceAnalyzer.from_pretrained("ann/faces@v1.0")' in sent.stdout
    assert hub.repos["model", "ann/faces"].commits[-1].oid in sent.stdout
    assert WRITE not in sent.stdout + sent.stderr

    analyze = [sys.executable, "-m", "agr", "analyze", str(ASTRONAUT)]
    here = _run(analyze).stdout
    del settings["HF_TOKEN"]  # it is public
    loaded = _run([*analyze, "--model", "ann/faces"], **settings)
    assert loaded.returncode == 0, loaded.stderr
    assert loaded.stdout == here
    offline = settings | {"HF_ENDPOINT": "http://127.0.0.1:9"}
    assert _run([*analyze, "--model", "ann/faces"], **offline).stdout == here
    code = (
        "from agr.pretrained import find_model; from agr.ui.page import reports_of; from pathlib import Path\n"
        "from agr.evaluation.report import EvalReport\n"
        "shown = reports_of(Path('nowhere'), model=find_model('ann/faces', revision='v1.0'), name='ann/faces')\n"
        "print(len(EvalReport.load(shown['ann/faces']).predictions))"
    )
    assert _run([sys.executable, "-c", code], **settings).stdout.strip() == "4744"


@pytest.mark.slow
def test_the_command_says_what_is_wrong_without_a_trace(hub, utkface, tmp_path):
    settings = {"HF_ENDPOINT": hub.url, "HF_HOME": str(tmp_path), "AGR_UTKFACE": str(utkface.path)}
    asked = ["publish", "--model", str(BUNDLED), "--report", str(REPORT)]
    for name, message in (("ann/faces", "No Hugging Face token"), ("no name", "USER/NAME")):
        done = train(*asked, "--repo-id", name, **settings)
        assert done.returncode == 1
        assert message in done.stderr
        assert "Traceback" not in done.stderr
    settings["AGR_UTKFACE"] = ""
    done = train(*asked, "--repo-id", "ann/faces", "--dry-run", **settings)
    assert done.returncode == 2
    assert "--data" in done.stderr


def test_bundled_files_hold_nothing_local(tmp_path):
    """The same check over what the repository itself ships."""
    folder = tmp_path / "x"
    folder.mkdir()
    for name in ("config.json", "model.safetensors", "README.md"):
        shutil.copy(BUNDLED / name, folder)
    shutil.copytree(REPORT, folder / "report")
    check_texts(Path(folder))
