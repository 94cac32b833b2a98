import json
from pathlib import Path

import pytest

from agr.pictures import DataError
from train import fit as fitting
from train.recipes import OPTIONS, names, read_recipe


@pytest.mark.parametrize("name", names())
def test_kept_recipes_are_whole(name):
    assert set(OPTIONS) - set(read_recipe(name)) <= {"precision", "soft_weight", "teacher", "mixup"}


@pytest.mark.parametrize("text", ["- a", "epochs: [", "speed: 3", ""])
def test_what_is_no_recipe_is_refused(tmp_path, text):
    (tmp_path / "mine.yaml").write_text(text)
    with pytest.raises(DataError, match="recipe"):
        read_recipe(str(tmp_path / "mine.yaml"))


def test_where_a_recipe_is_wrong_is_said(tmp_path):
    (tmp_path / "mine.yaml").write_text("epochs: 3\nlr: 0.1: 2\n")
    with pytest.raises(DataError, match=r"mapping values are not allowed here .* line 2, column 8"):
        read_recipe(str(tmp_path / "mine.yaml"))


@pytest.mark.parametrize(("option", "meant"), [("epoch", "epochs"), ("batch-size", "batch_size")])
def test_a_typo_is_named_and_what_is_meant(tmp_path, option, meant):
    (tmp_path / "mine.yaml").write_text(f"lr: 0.1\n{option}: 3")
    with pytest.raises(DataError, match=f"the option {option}, which there is not. Did you mean {meant}"):
        read_recipe(str(tmp_path / "mine.yaml"))


def test_one_teacher_needs_no_list(tmp_path):
    (tmp_path / "mine.yaml").write_text("teacher: runs/a\nprecision: fp32")
    assert read_recipe(str(tmp_path / "mine.yaml")) == {"teacher": ["runs/a"], "precision": "fp32"}


def test_an_unknown_name_is_told_the_known_ones():
    with pytest.raises(DataError, match="mobilenet_v2"):
        read_recipe("resnet")


@pytest.mark.slow
def test_fit_takes_a_recipe_and_what_is_given_beside_it(run, monkeypatch, tmp_path):
    seen = {}
    monkeypatch.setattr(fitting, "fit", lambda config, **more: seen.update(vars(config) | more))
    recipe = {"epochs": 3, "lr": 0.5, "init": "none", "soft_weight": 0.7, "teacher": ["a", "b"]}
    (tmp_path / "mine.yaml").write_text(json.dumps(recipe))
    command = ["fit", "--recipe", tmp_path / "mine.yaml", "--data", "d", "--split", "s", "--output", "o"]
    assert run(*command, "--epochs", 5).exit_code == 0
    assert (seen["epochs"], seen["lr"], seen["init"], seen["batch_size"]) == (5, 0.5, "none", 64)
    assert (seen["soft_weight"], seen["teachers"]) == (0.7, [Path("a"), Path("b")])
    refused = run("fit", "--recipe", "nothing", *command[3:])
    assert refused.exit_code == 1
    assert "mobilenet_v2" in refused.output
