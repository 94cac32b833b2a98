from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from fairlearn.metrics import MetricFrame, equalized_odds_difference, selection_rate
from sklearn.metrics import accuracy_score, f1_score, recall_score

from agr.evaluation.bootstrap import Estimate
from agr.evaluation.summary import LEAST_GROUP, Group, ages_in_common, bands_of, figures, group_figures, groups_of
from agr.evaluation.tables import class_indices
from agr.labels import AGE_GROUPS, GENDERS, RACES, age_group_of


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


def test_a_recall_is_of_the_faces_of_its_class(predictions):
    counts = predictions["true_race"].value_counts()
    assert {race: figures(predictions)[f"race_recall_{race}"]["n"] for race in counts.index} == counts.to_dict()


def test_age_groups_come_from_the_true_age(predictions):
    true, _ = class_indices(predictions, "age_group")
    assert [AGE_GROUPS[i] for i in true] == [AGE_GROUPS[age_group_of(a)] for a in predictions["true_age"]]


def test_every_figure_lies_in_its_interval(predictions):
    for name, cell in figures(predictions).items():
        assert cell["value"] <= cell["high"] + 1e-9, name
        assert cell["low"] <= cell["value"] + 1e-9, name


def test_groups_partition_the_faces(predictions):
    rows = group_figures(predictions)
    for by in (["gender"], ["race"], ["age_group"], ["age_band"], ["gender", "race"]):
        assert sum(row["n"] for row in rows if row["by"] == by) == 300
    row = next(row for row in rows if row["by"] == ["gender", "race"])
    gender, race = row["group"]
    part = predictions[(predictions["true_gender"] == gender) & (predictions["true_race"] == race)]
    assert row["figures"]["gender_accuracy"]["value"] == pytest.approx(np.mean(part["pred_gender"] == gender))


def test_groups_equal_fairlearn(predictions, bundled_report):
    """Accuracy and selection rate for every group of gender and race, on random predictions and on the bundled ones."""
    for table in (predictions, bundled_report.predictions):
        hit = table["pred_race"].fillna("nothing")
        frame = MetricFrame(
            metrics={"accuracy": accuracy_score},
            y_true=table["true_race"],
            y_pred=hit,
            sensitive_features=table[["true_gender", "true_race"]],
        ).by_group
        chosen = (hit == "Indian").astype(int)
        rates = MetricFrame(
            metrics=selection_rate, y_true=chosen, y_pred=chosen, sensitive_features=table[["true_gender"]]
        ).by_group
        for group in groups_of(table, ["gender", "race"]):
            expected = frame.loc[group.names, "accuracy"]
            assert group.figures["race_accuracy"].value == pytest.approx(expected, abs=1e-9)
        for group in groups_of(table, ["gender"]):
            expected = rates.loc[group.names[0]]
            assert group.figures["race_selection_Indian"].value == pytest.approx(float(expected), abs=1e-9)


def test_at_equal_ages_every_group_has_the_ages_of_all(predictions):
    """Against weights for each face, by scikit-learn."""
    predictions = predictions[predictions["true_age"] >= 7]  # of younger ones, there are too few
    table = predictions.assign(group=predictions["true_age"].map(age_group_of))
    share, wanted = table.groupby(["true_gender", "group"]).size(), table["group"].value_counts()
    for group in groups_of(predictions, ["gender"], at_equal_ages=True):
        part = table[table["true_gender"] == group.names[0]]
        weights = part["group"].map(wanted / share[group.names[0]])
        expected = accuracy_score(part["true_race"], part["pred_race"].fillna("nothing"), sample_weight=weights)
        found = group.figures["race_accuracy"]
        assert found.value == pytest.approx(expected)
        assert found.low < found.value < found.high
        seen = part[part["detected"]]
        shares = table[table["detected"]].groupby(["true_gender", "group"]).size()[group.names[0]]
        errors = (seen["pred_age"] - seen["true_age"]).astype(float).abs()
        mae = np.average(errors, weights=seen["group"].map(wanted / shares))
        assert group.figures["age_mae"].value == pytest.approx(mae)
        assert (found.n, group.n) == (len(part), len(part))
        assert group.effective["race_accuracy"] == pytest.approx(weights.sum() ** 2 / (weights**2).sum())
        assert group.effective["race_accuracy"] < len(part)


def test_at_equal_ages_a_recall_has_the_ages_of_its_class(bundled_report):
    women = bundled_report.predictions[bundled_report.predictions["true_gender"] == "Female"]
    ages = women["true_age"].astype(int).map(age_group_of)
    counts = pd.crosstab(women["true_race"], ages)
    common = counts.columns[counts.min() >= 5]
    assert 0 < len(common) < len(AGE_GROUPS)
    women = women[ages.isin(common)].assign(group=ages)
    for group in groups_of(bundled_report.predictions, ["race"], at_equal_ages=True):
        part = women[women["true_race"] == group.names[0]]
        weights = part["group"].map(counts.sum() / counts.loc[group.names[0]])
        expected = np.average(part["pred_gender"] == "Female", weights=weights)
        found = group.figures["gender_recall_Female"]
        assert (found.value, found.n) == (pytest.approx(expected), len(part))
        assert group.effective["gender_recall_Female"] == pytest.approx(weights.sum() ** 2 / (weights**2).sum())


def test_groups_are_in_the_order_of_their_labels(predictions):
    assert [group.names[0] for group in groups_of(predictions, ["race"])] == list(RACES)
    assert [group.names[0] for group in groups_of(predictions, ["age_group"])] == list(AGE_GROUPS)


def test_without_any_detected_face_the_figures_are_there_and_nan(predictions):
    none = predictions[~predictions["detected"]]
    found = figures(none)
    assert set(found) == set(figures(predictions))
    assert found["race_accuracy"]["value"] == 0
    assert np.isnan(found["age_mae"]["value"])
    assert found["age_mae"]["n"] == 0


def test_at_equal_ages_those_without_an_age_are_left_out(predictions):
    table = predictions.assign(true_age=predictions["true_age"].where(predictions.index % 3 != 0))
    known = table[table["true_age"].notna()]
    sides = [groups_of(rows, ["gender"], at_equal_ages=True) for rows in (table, known)]
    for one, other in zip(*sides, strict=True):
        assert one.n == other.n
        assert one.figures["race_accuracy"].value == other.figures["race_accuracy"].value


def test_ages_that_a_group_has_nobody_of_are_not_compared(predictions):
    table = predictions[predictions["true_age"] >= 3]  # of younger ones, both groups have few
    table = table.assign(group=table["true_age"].map(age_group_of))
    table = table[(table["true_gender"] == "Male") | (table["group"] != 7)].drop(columns="group")
    common = dict(zip(AGE_GROUPS, ages_in_common(table, ["gender"]), strict=True))
    assert [age for age, count in common.items() if not count] == ["0-2", "54+"]
    young = table[table["true_age"] < 54]
    for one, other in zip(*(groups_of(t, ["gender"], at_equal_ages=True) for t in (table, young)), strict=True):
        assert one.figures["race_accuracy"] == other.figures["race_accuracy"]
        assert one.figures["age_mae"] == other.figures["age_mae"]
    few = table[(table["true_gender"] == "Female") | (table.groupby("true_gender").cumcount() < LEAST_GROUP - 1)]
    assert ages_in_common(few[few["true_age"] < 14], ["gender"])[1] > 0


def test_an_age_of_which_a_group_has_few_faces_is_not_compared(predictions):
    table = predictions.assign(age=predictions["true_age"].map(age_group_of))
    is_old = (table["age"] == 7) & (table["true_gender"] == "Female")
    for few, is_compared in ((4, False), (5, True)):
        kept = table[~is_old | (is_old.cumsum() <= few)]
        assert (ages_in_common(kept, ["gender"])[7] > 0) == is_compared


def test_small_is_what_rests_on_effectively_few_faces():
    even = Estimate(0.5, 0.4, 0.6, 40)
    assert not Group(("a",), 40, {"x": even}).is_small("x")
    assert Group(("a",), 40, {"x": even}, {"x": 29.9}).is_small("x")
    assert Group(("a",), 40, {"x": replace(even, n=29)}).is_small("x")


def test_the_widest_gap_of_recalls_is_fairlearns_equalized_odds_difference(predictions, bundled_report):
    """Which knows no faces that were not found."""
    for table in (predictions, bundled_report.predictions):
        found = table[table["detected"]]
        true, pred = (found[name] == "Female" for name in ("true_gender", "pred_gender"))
        expected = equalized_odds_difference(true, pred, sensitive_features=found["true_race"])
        groups = groups_of(found, ["race"])
        recalls = [[group.figures[f"gender_recall_{label}"].value for group in groups] for label in GENDERS]
        assert max(max(each) - min(each) for each in recalls) == pytest.approx(expected)


def test_shares_of_labels_equal_pandas(predictions):
    for group in groups_of(predictions, ["gender"]):
        shares = predictions[predictions["true_gender"] == group.names[0]]["true_race"].value_counts(normalize=True)
        assert {race: group.figures[f"race_labelled_{race}"].value for race in RACES} == pytest.approx(shares.to_dict())


def test_groups_none_of_whose_faces_was_found_have_figures_at_equal_ages_too(predictions):
    for group in groups_of(predictions.assign(detected=False), ["gender"], at_equal_ages=True):
        assert group.figures["race_accuracy"].value == 0
        assert np.isnan(group.figures["age_mae"].value)
        assert group.effective["age_mae"] == 0


@pytest.mark.parametrize("by", ["true_age", "pred_age"])
def test_each_face_is_in_the_decade_of_its_age(predictions, by):
    """Those not found have no predicted age, and those without a label no error."""
    table = predictions.assign(true_age=predictions["true_age"].where(predictions.index % 7 != 0))
    known = table[table["true_age"].notna() & (table["detected"] | (by == "true_age"))]
    ages = known[by].astype(float)
    names = ["0-9", "10-19", "20-29", "30-39", "40-49", "50-59", "60-69", "70-79", "80+"]
    counts = pd.cut(ages, [*range(0, 90, 10), 200], right=False, labels=names).value_counts(sort=False)
    found = bands_of(table, by)
    assert {group.names[0]: group.n for group in found} == counts.to_dict()
    old = known[(ages >= 80) & known["detected"]]
    assert found[-1].figures["age_bias"].value == pytest.approx((old["pred_age"] - old["true_age"]).mean())
    assert bands_of(table.iloc[:0], by) == []


def test_each_face_is_in_the_band_of_its_intervals_width(predictions):
    width = np.random.default_rng(0).uniform(0, 45, len(predictions))
    predictions = predictions.assign(age_low=0.0, age_high=width)
    found = predictions[predictions["detected"]]
    wide = found["age_high"] - found["age_low"]
    names = ["under 5", "5-10", "10-15", "15-20", "20-30", "30+"]
    counts = pd.cut(wide, [0, 5, 10, 15, 20, 30, 200], right=False, labels=names).value_counts(sort=False)
    bands = bands_of(predictions, "width")
    assert {band.names[0]: band.n for band in bands} == counts.to_dict()
    inside = found[wide.between(20, 30, inclusive="left")]
    (band,) = (band for band in bands if band.names == ("20-30",))
    assert band.figures["age_mae"].value == pytest.approx((inside["pred_age"] - inside["true_age"]).abs().mean())


@pytest.mark.parametrize("by", ["race", ["colour"], ["true_race"]])
def test_groups_by_anything_else_are_an_error(predictions, by):
    with pytest.raises(ValueError, match="expected one or more of"):
        groups_of(predictions, by)
