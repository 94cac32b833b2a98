import numpy as np
import pytest
from sklearn.metrics import accuracy_score, f1_score, recall_score

from agr.evaluation.summary import class_indices, figures, group_figures
from agr.labels import AGE_GROUPS, RACES, age_group_of


def test_accuracies_count_undetected_faces_as_wrong(predictions):
    found = figures(predictions)
    pred = predictions["pred_race"].fillna("nothing")
    assert found["race_accuracy"]["value"] == pytest.approx(accuracy_score(predictions["true_race"], pred))
    assert found["race_accuracy"]["n"] == 300
    assert found["detected"]["value"] == pytest.approx(predictions["detected"].mean())
    for race in RACES:
        expected = recall_score(predictions["true_race"], pred, labels=[race], average=None, zero_division=0)[0]
        assert found[f"race_recall_{race}"]["value"] == pytest.approx(expected)


def test_macro_f1_equals_scikit_learn(predictions):
    pred = predictions["pred_gender"].fillna("nothing")
    expected = f1_score(predictions["true_gender"], pred, average="macro", labels=["Male", "Female"])
    assert figures(predictions)["gender_macro_f1"]["value"] == pytest.approx(expected)


def test_age_figures_are_over_detected_faces(predictions):
    found, seen = figures(predictions), predictions[predictions["detected"]]
    error = (seen["pred_age"] - seen["true_age"]).astype(float)
    assert found["age_mae"]["value"] == pytest.approx(error.abs().mean())
    assert found["age_mse"]["value"] == pytest.approx((error**2).mean())
    assert found["age_mae"]["n"] == len(seen) < 300
    assert found["age_cs5"]["value"] == pytest.approx((error.abs() <= 5).sum() / 300)
    assert found["age_interval_coverage"]["value"] == pytest.approx((error.abs() <= 8).mean())


def test_age_groups_come_from_the_true_age(predictions):
    true, _ = class_indices(predictions, "age_group")
    assert [AGE_GROUPS[i] for i in true] == [AGE_GROUPS[age_group_of(a)] for a in predictions["true_age"]]


def test_every_figure_lies_in_its_interval(predictions):
    for name, cell in figures(predictions).items():
        # Resampling adds noise to each bin, so a calibration error's interval may lie above its value.
        assert cell["value"] <= cell["high"] + 1e-9, name
        assert cell["low"] <= cell["value"] + 1e-9 or name.endswith("_ece"), name


def test_groups_partition_the_faces(predictions):
    rows = group_figures(predictions)
    for by in (["gender"], ["race"], ["age_group"], ["age_band"], ["gender", "race"]):
        assert sum(row["n"] for row in rows if row["by"] == by) == 300
    row = next(row for row in rows if row["by"] == ["gender", "race"])
    gender, race = row["group"]
    part = predictions[(predictions["true_gender"] == gender) & (predictions["true_race"] == race)]
    assert row["figures"]["gender_accuracy"]["value"] == pytest.approx(np.mean(part["pred_gender"] == gender))


def test_without_any_detected_face_the_figures_are_there_and_nan(predictions):
    none = predictions[~predictions["detected"]]
    found = figures(none)
    assert set(found) == set(figures(predictions))
    assert found["race_accuracy"]["value"] == 0
    assert np.isnan(found["age_mae"]["value"])
    assert found["age_mae"]["n"] == 0
