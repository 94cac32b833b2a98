from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from agr.attributes import Attributes
from agr.evaluation.report import EvalReport
from agr.pictures import DataError
from tests.train.conftest import ONE_EPOCH
from train.clean import RELABEL_FILE, REPORT_FOLDER, SOFT_FILE, clean, folds_of
from train.prepare import load_prepared
from train.relabel import read_relabel, relabelled
from train.soft import load_soft


def test_equal_pictures_share_a_fold_and_folds_are_even():
    content = pd.Series([f"{i % 90}" for i in range(120)])
    folds = folds_of(content, 5, seed=0)
    assert all(folds[i] == folds[i + 90] for i in range(30))
    unique = pd.Series(folds[:90]).value_counts()
    assert unique.max() - unique.min() <= 1
    assert np.array_equal(folds, folds_of(content, 5, seed=0))
    assert not np.array_equal(folds, folds_of(content, 5, seed=1))


@pytest.mark.slow
def test_every_training_face_is_judged_by_a_model_that_did_not_see_it(prepared, split, tmp_path):
    asked = {"data": prepared, "split": split, "folds": 2, "threshold": 0.3, "output": tmp_path / "clean"}
    found = clean(ONE_EPOCH, **asked)
    parts = pd.read_csv(split, index_col="file")["split"]
    train = set(parts.index[parts == "train"])
    assert set(found.report.predictions["file"]) == train
    for fold in range(2):
        kept = pd.read_csv(tmp_path / "clean" / f"fold_{fold}.csv", index_col="file")["split"]
        assert len(train - set(kept.index)) == 16
    assert load_soft(tmp_path / "clean" / SOFT_FILE, pd.Index(sorted(train)), unseen=pd.Index([]))["gender"].shape == (
        32,
        2,
    )
    assert len(EvalReport.load(tmp_path / "clean" / REPORT_FOLDER).predictions) == 32
    listed = read_relabel(tmp_path / "clean" / RELABEL_FILE)
    assert len(listed) == len(found.suspicious) > 0
    relabelled(load_prepared(prepared).index, listed)  # every given label is the data's own
    with pytest.raises(DataError, match="folds 2 then, 3 now"):
        clean(ONE_EPOCH, **asked | {"folds": 3})
    again = clean(ONE_EPOCH, **asked)  # all folds are there: nothing is trained again
    pd.testing.assert_frame_equal(again.suspicious, found.suspicious)


def test_each_face_gets_the_answer_to_its_own_crop(prepared, split, tmp_path, monkeypatch):
    parts = pd.read_csv(split)
    parts.loc[parts["file"] == "30_0_0_20179998.jpg", "split"] = "train"  # in which no face was found
    parts.to_csv(split, index=False)
    held_out, masses = {}, {}

    def trained(config, *, data, split, output, resume):
        held_out[output] = set(parts["file"]) - set(pd.read_csv(split)["file"])
        return output

    def answered(folder, crops, rows):
        assert set(rows.index) == held_out[folder]
        ages = 0.9 * np.eye(117)[rows["age"].to_numpy()] + 0.1 / 117
        masses[folder] = (0.5 + 0.1 * len(masses),) * 9  # each fold's model is calibrated by itself
        return Attributes(
            ages, np.eye(2)[1 - rows["gender"].to_numpy()], np.eye(5)[rows["race"].to_numpy()], masses[folder]
        )

    monkeypatch.setattr("train.clean.fit", trained)
    monkeypatch.setattr("train.clean.AttributeReader.load", lambda folder: folder)
    monkeypatch.setattr("train.clean.read_all", answered)
    found = clean(ONE_EPOCH, data=prepared, split=split, folds=3, threshold=0.9, output=tmp_path / "clean")
    table = found.report.predictions
    assert len(table) == 32
    assert (table["pred_race"] == table["true_race"]).all()
    assert np.allclose(table["pred_age"], 0.9 * table["true_age"] + 0.1 * 58)
    widths = table["age_high"] - table["age_low"]
    by_fold = [widths[table["file"].isin(files)].mean() for files in held_out.values()]
    assert by_fold[0] < by_fold[1] < by_fold[2]  # by the masses of its own model
    assert set(found.suspicious["file"]) == set(table["file"])  # all genders are contradicted
    rows = load_prepared(prepared).index.loc[table["file"]]
    soft = load_soft(tmp_path / "clean" / SOFT_FILE, pd.Index(table["file"]), unseen=pd.Index([]))
    assert (soft["race"].argmax(axis=1) == rows["race"]).all()
    assert (soft["gender"].argmax(axis=1) == 1 - rows["gender"]).all()


def test_first_weights_that_know_the_faces_judge_none(prepared, split, tmp_path):
    (tmp_path / "run").mkdir()
    for name in ("model.safetensors", "fit.json"):
        (tmp_path / "run" / name).touch()
    (tmp_path / "run" / "split.csv").write_text(split.read_text())
    config = replace(ONE_EPOCH, init=str(tmp_path / "run" / "model.safetensors"))
    with pytest.raises(DataError, match="trained on 32 of the 32 faces whose labels are to be judged"):
        clean(config, data=prepared, split=split, folds=2, threshold=0.9, output=tmp_path / "clean")


def test_a_list_of_ones_own_is_not_replaced(prepared, split, tmp_path):
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / RELABEL_FILE).write_text("mine")
    with pytest.raises(DataError, match=r"something else, such as relabel\.csv"):
        clean(ONE_EPOCH, data=prepared, split=split, folds=2, threshold=0.9, output=mine)
    assert [path.name for path in mine.iterdir()] == [RELABEL_FILE]
