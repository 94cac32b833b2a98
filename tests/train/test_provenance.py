"""What a model knows, at first and second hand."""

from pathlib import Path

import pandas as pd
import pytest

from agr.pictures import DataError
from train.provenance import expect_unseen, expect_untrained, keep_split, training_is_known, unknown_trainings


def test_a_model_is_not_measured_on_what_it_knows(tmp_path):
    (tmp_path / "fit.json").touch()
    parts = {"a": "train", "b": "train", "c": "valid", "d": "test"}
    pd.DataFrame(parts.items(), columns=["file", "split"]).to_csv(tmp_path / "split.csv", index=False)
    expect_unseen(tmp_path, pd.Index(["d", "e"]), "test")
    expect_unseen(tmp_path, pd.Index(["c", "d"]), "valid")
    expect_unseen(tmp_path, pd.Index(["a", "d"]), "train")
    with pytest.raises(DataError, match="was trained on 1 of the split's 1 test"):
        expect_unseen(tmp_path / "best", pd.Index(["a"]), "test")
    expect_unseen(tmp_path / "elsewhere", pd.Index(["a"]), "test")  # nothing is known of it
    with pytest.raises(DataError, match="was trained on 1 and chosen by 1 of the split's 3 test pictures"):
        expect_unseen(tmp_path, pd.Index(["a", "c", "d"]), "test")
    with pytest.raises(DataError, match="was trained on 2 of the split's 2 valid pictures"):
        expect_unseen(tmp_path, pd.Index(["a", "b"]), "valid")


def test_what_was_learnt_at_second_hand_is_not_measured_on_either(tmp_path):
    """From a run, by one whose split leaves some of its pictures out."""
    splits = {"first": {"a": "train", "b": "train", "c": "valid"}, "second": {"b": "valid", "c": "valid", "d": "train"}}
    for run in ("one", "two", "three"):
        (tmp_path / run).mkdir()
        (tmp_path / run / "fit.json").touch()
    for name, parts in splits.items():
        pd.DataFrame(parts.items(), columns=["file", "split"]).to_csv(tmp_path / f"{name}.csv", index=False)
    keep_split(tmp_path / "first.csv", tmp_path / "one", learnt_from=[])
    keep_split(tmp_path / "second.csv", tmp_path / "two", learnt_from=[tmp_path / "one" / "best"])
    keep_split(tmp_path / "second.csv", tmp_path / "three", learnt_from=[tmp_path / "one", tmp_path / "two"])
    assert len(list((tmp_path / "three").glob("*.csv"))) == 2  # the second's own, and the first's once
    for run in ("two", "three"):
        with pytest.raises(DataError, match="trained on 3 and chosen by 1 of the split's 4 test pictures"):
            expect_unseen(tmp_path / run, pd.Index([*"abcd"]), "test")
    assert training_is_known(tmp_path / "two" / "best")
    assert not training_is_known(tmp_path)


def test_the_folder_that_one_stands_in_is_a_runs_best_epoch_too(tmp_path, monkeypatch):
    (tmp_path / "run" / "best").mkdir(parents=True)
    (tmp_path / "run" / "split.csv").write_text("file,split\na.jpg,train\n")
    (tmp_path / "run" / "fit.json").touch()
    monkeypatch.chdir(tmp_path / "run" / "best")
    assert training_is_known(Path())
    with pytest.raises(DataError, match="trained on 1"):
        expect_unseen(Path(), pd.Index(["a.jpg"]), "test")


def test_a_split_beside_other_peoples_weights_does_not_say_what_they_know(tmp_path):
    (tmp_path / "split.csv").write_text("file,split\na,train\nb,valid\n")
    (tmp_path / "imagenet.safetensors").touch()
    expect_unseen(tmp_path, pd.Index(["a", "b"]), "test")
    expect_untrained(tmp_path, pd.Index(["a"]))
    keep_split(tmp_path / "split.csv", tmp_path / "run", learnt_from=[tmp_path])
    assert [path.name for path in (tmp_path / "run").iterdir()] == ["split.csv"]


def test_what_is_learnt_from_a_model_that_tells_nothing_is_marked_and_passed_on(tmp_path):
    (tmp_path / "split.csv").write_text("file,split\na,train\n")
    for name in ("untold", "one", "two", "three", "four"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "config.json").write_text('{"schema_version": 4}')
    (tmp_path / "others").mkdir()  # weights of somebody else's
    (tmp_path / "broken" / "best").mkdir(parents=True)  # a run that was broken off has a config only there
    (tmp_path / "broken" / "best" / "config.json").write_text('{"schema_version": 4}')
    assert unknown_trainings([tmp_path / "others"]) == []
    for model in (tmp_path / "untold", tmp_path / "broken", tmp_path / "broken" / "best"):
        (said,) = unknown_trainings([model])
        assert said.startswith(f"The folder of {'untold' if model.name == 'untold' else 'broken'} does not say which")
    keep_split(tmp_path / "split.csv", tmp_path / "one", learnt_from=[tmp_path / "untold", tmp_path / "others"])
    keep_split(tmp_path / "split.csv", tmp_path / "two", learnt_from=[tmp_path / "one"])
    keep_split(tmp_path / "split.csv", tmp_path / "three", learnt_from=[tmp_path / "others"])
    keep_split(tmp_path / "split.csv", tmp_path / "four", learnt_from=[tmp_path / "broken"])
    assert [name for name in ("one", "two", "three", "four") if training_is_known(tmp_path / name)] == ["three"]
