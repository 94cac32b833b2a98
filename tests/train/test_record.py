"""What a run tells of itself, as far as no training is needed; the rest is in test_fit."""

import json
from dataclasses import asdict
from pathlib import Path

import pytest

from agr.pictures import DataError
from train.config import FitConfig
from train.provenance import keep_split
from train.record import claim, init_options, options_of, taught_by


@pytest.fixture
def recipe():
    hashes = {f"{name}_hash": name for name in ("split", "init", "relabel", "soft_labels", "teachers")}
    data = {"names": "n", "input_size": 32, "template": []}
    return {"config": asdict(FitConfig(epochs=3)), "data": data, "processes": 1, "computed_in": "bf16", **hashes}


@pytest.fixture
def claimed(recipe, tmp_path):
    """Claim a run with the changed recipe, after the same run was begun with the unchanged one."""
    (tmp_path / "split.csv").write_text("file,split\n")
    claim(tmp_path / "run", recipe, tmp_path / "split.csv", resume=False)
    return lambda change: claim(tmp_path / "run", recipe | change, tmp_path / "split.csv", resume=True)


def test_an_init_is_told_as_it_is_finished_or_as_training_left_it(tmp_path):
    run = {"config": {"epochs": 3}, "averaged": ["a", "b"], "balance": {"race": {"Others": 0.3}}}
    (tmp_path / "fit.json").write_text(json.dumps(run))
    (tmp_path / "best").mkdir()
    for folder in (tmp_path, tmp_path / "best"):
        (folder / "model.safetensors").touch()
    assert init_options(tmp_path / "model.safetensors")["averaged"] == 2
    assert init_options(tmp_path / "model.safetensors")["balance"] == run["balance"]
    assert "balance" not in init_options(tmp_path / "best" / "model.safetensors")


def test_a_run_where_one_stands_is_not_where_imagenet_comes_from(tmp_path, monkeypatch):
    (tmp_path / "fit.json").write_text(json.dumps({"config": {"epochs": 3}}))
    monkeypatch.chdir(tmp_path)
    assert init_options(Path("imagenet")) is None


def test_the_same_run_goes_on(claimed, recipe, tmp_path):
    claimed({})
    claim(tmp_path / "run", recipe, tmp_path / "run" / "split.csv", resume=True)  # its own copy of the split


def test_other_options_are_named(claimed):
    with pytest.raises(DataError, match="epochs 3 then, 5 now, seed 0 then, 1 now"):
        claimed({"config": asdict(FitConfig(epochs=5, seed=1))})


def test_the_best_epoch_is_told_of_as_its_run(tmp_path):
    (tmp_path / "fit.json").write_text(json.dumps({"config": {"epochs": 3}}))
    (tmp_path / "history.csv").write_text("epoch\n1\n2\n")
    assert options_of(tmp_path / "best") == options_of(tmp_path)
    assert options_of(tmp_path / "best")["epochs_done"] == 2


@pytest.mark.parametrize(
    "damage", ["", "[]", '{"config": {"what": 1}}', '{"config": {}}', '{"config": {}, "data": null}']
)
def test_a_damaged_recipe_is_said(recipe, tmp_path, damage):
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "fit.json").write_text(damage)
    with pytest.raises(DataError, match="is damaged"):
        claim(tmp_path / "run", recipe, tmp_path / "split.csv", resume=True)


@pytest.mark.parametrize("damage", ["", "[]", "{}", '{"config": 3}', "[" * 100_000])
def test_a_damaged_recipe_of_a_model_is_said(tmp_path, damage):
    (tmp_path / "fit.json").write_text(damage)
    with pytest.raises(DataError, match="is damaged"):
        options_of(tmp_path)
    (tmp_path / "fit.json").unlink()
    assert options_of(tmp_path) is None


def test_whoever_taught_a_run_or_its_teachers_is_told():
    earlier = {"teacher_backbones": ["a"], "init_config": {"averaged_backbones": ["b"], "init_config": None}}
    told = {"teacher_backbones": ["c"], "teachers_taught_by": ["d"], "init_config": earlier}
    assert taught_by(told) == {"a", "b", "c", "d"}
    assert taught_by(None) == taught_by({}) == set()


@pytest.mark.parametrize(
    ("key", "said"),
    [
        ("split_hash", "another split"),
        ("init_hash", "other initial weights"),
        ("relabel_hash", "other corrected labels"),
        ("soft_labels_hash", "other soft labels"),
        ("teachers_hash", "other teachers"),
        ("processes", "another number of processes"),
        ("computed_in", "another precision"),
    ],
)
def test_whatever_is_other_is_named(claimed, key, said):
    with pytest.raises(DataError, match=f"other settings: {said}"):
        claimed({key: 2})


@pytest.mark.parametrize(
    ("key", "said"),
    [
        ("names", "other pictures"),
        ("input_size", "crops of another size"),
        ("template", "crops by another template"),
        ("crop_sigma", "crops of another softness"),
    ],
)
def test_other_crops_are_named(claimed, recipe, key, said):
    with pytest.raises(DataError, match=f"other settings: {said}"):
        claimed({"data": recipe["data"] | {key: 7}})


def test_a_run_that_an_older_version_began_goes_on(claimed, tmp_path):
    record = tmp_path / "run" / "fit.json"
    old = json.loads(record.read_text())
    for key in ("processes", "computed_in"):
        old.pop(key)
    old["config"].pop("mixup")
    record.write_text(json.dumps(old))
    claimed({})


def test_a_run_tells_what_it_was_taught_with(tmp_path):
    run = {"config": {}, "relabelled": 3, "soft_labels_hash": "s", "teachers_hash": ["t", "u"]}
    (tmp_path / "fit.json").write_text(json.dumps(run))
    told = options_of(tmp_path)
    assert (told["relabelled"], told["soft_labels"], told["teachers"]) == (3, True, 2)


def test_the_splits_of_those_it_learnt_from_are_kept(recipe, tmp_path):
    (tmp_path / "split.csv").write_text("file,split\n")
    (tmp_path / "one").mkdir()
    (tmp_path / "one" / "split.csv").write_text("file,split\na,train\n")
    (tmp_path / "one" / "fit.json").touch()
    claim(tmp_path / "run", recipe, tmp_path / "split.csv", resume=False, learnt_from=[tmp_path / "one"])
    assert len(list((tmp_path / "run").glob("split*.csv"))) == 2


def test_a_damaged_history_is_said(tmp_path):
    (tmp_path / "fit.json").write_text(json.dumps({"config": {}}))
    (tmp_path / "history.csv").write_text("")
    with pytest.raises(DataError, match="is damaged"):
        options_of(tmp_path)


@pytest.mark.parametrize("name", ["history.csv", "split.csv", "faces.csv"])
def test_a_run_does_not_begin_where_something_else_lies(recipe, tmp_path, name):
    (tmp_path / "split.csv").write_text("file,split\n")
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / name).write_text("mine")
    with pytest.raises(DataError, match=f"holds something else, such as {name}"):
        claim(tmp_path / "run", recipe, tmp_path / "split.csv", resume=False)
    assert (tmp_path / "run" / name).read_text() == "mine"


def test_a_run_begins_where_one_was_broken_off_before_it_said_so(recipe, tmp_path):
    (tmp_path / "split.csv").write_text("file,split\n")
    keep_split(tmp_path / "split.csv", tmp_path / "run", learnt_from=[])
    (tmp_path / "run" / ".lock").touch()
    (tmp_path / "run" / "fit.json.0123abcd.tmp").touch()
    claim(tmp_path / "run", recipe, tmp_path / "split.csv", resume=False)
    (tmp_path / "beside").mkdir()
    (tmp_path / "beside" / "mine.csv").write_text("file,split\n")  # the split itself may lie there
    claim(tmp_path / "beside", recipe, tmp_path / "run" / ".." / "beside" / "mine.csv", resume=False)
