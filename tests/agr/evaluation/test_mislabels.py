import numpy as np
import pandas as pd
import pytest
from scipy.stats import binomtest

from agr.evaluation.mislabels import (
    ORDERS,
    RELABEL_COLUMNS,
    contradictions,
    mislabels,
    normalized_margin,
    relabel_list,
    self_confidence,
    wrong_confidence,
)
from agr.labels import AGE_GROUPS, age_group_of

PROBS = np.array([[0.7, 0.2, 0.1], [0.7, 0.2, 0.1], [0.05, 0.05, 0.9]])
LABELS = np.array([0, 2, 0])


def test_scores_are_what_their_names_say():
    assert self_confidence(PROBS, LABELS) == pytest.approx([0.7, 0.1, 0.05])
    assert wrong_confidence(PROBS, LABELS) == pytest.approx([0.2, 0.7, 0.9])
    assert normalized_margin(PROBS, LABELS) == pytest.approx([0.75, 0.2, 0.075])


@pytest.mark.parametrize("task", ["age_group", "gender", "race"])
def test_only_disagreements_are_listed_and_all_of_them(predictions, task):
    listed = mislabels(predictions, task)
    seen = predictions[predictions["detected"]]
    if task != "age_group":
        assert set(listed["file"]) == set(seen.loc[seen[f"pred_{task}"] != seen[f"true_{task}"], "file"])
    assert (listed["given"] != listed["suggested"]).all()
    for score in ("self_confidence", "normalized_margin", "wrong_confidence"):
        assert listed[score].between(0, 1).all()
    row = predictions.loc[listed.index[0]]
    assert listed["wrong_confidence"].iloc[0] == pytest.approx(row[f"prob_{task}_{listed['suggested'].iloc[0]}"])
    assert listed["self_confidence"].iloc[0] == pytest.approx(row[f"prob_{task}_{listed['given'].iloc[0]}"])


@pytest.mark.parametrize("by", ORDERS)
def test_the_most_suspicious_come_first(predictions, by):
    values = mislabels(predictions, "race", by=by)[by]
    assert values.is_monotonic_decreasing if by in ("wrong_confidence", "years_off") else values.is_monotonic_increasing


def test_an_unknown_order_is_an_error(predictions):
    with pytest.raises(ValueError, match="magic"):
        mislabels(predictions, "race", by="magic")


def test_the_relabel_list_holds_what_was_chosen_in_every_task(predictions):
    race, age = mislabels(predictions, "race")["file"].iloc[0], mislabels(predictions, "age_group")["file"].iloc[1]
    found = relabel_list(predictions, [("race", race), ("age_group", age), ("gender", "no such file")])
    assert list(found.columns) == RELABEL_COLUMNS
    by_file = predictions.set_index("file")
    assert found["task"].tolist() == ["age", "race"]
    assert found.set_index("task").loc["race", "suggested"] == by_file.at[race, "pred_race"]
    assert found.set_index("task").loc["age", "given"] == str(by_file.at[age, "true_age"])
    suggested = int(found.set_index("task").loc["age", "suggested"])
    assert AGE_GROUPS[age_group_of(suggested)] == by_file.at[age, "pred_age_group"]
    # Random predictions: the mean lies anywhere; the years are the nearest to it within the predicted group.
    inside = [a for a in range(117) if AGE_GROUPS[age_group_of(a)] == by_file.at[age, "pred_age_group"]]
    assert suggested == min(inside, key=lambda a: abs(a - by_file.at[age, "pred_age"]))
    assert not len(relabel_list(predictions, []))
    with pytest.raises(ValueError, match="expected tasks of"):
        relabel_list(predictions, [("age", age)])


def test_pairs_of_identical_pictures_count_once_and_contradict_by_their_labels():
    table = pd.DataFrame({"file": ["a", "b", "c", "d"], "true_race": ["White", "Asian", "Black", None]})
    table["true_age_group"] = ["0-2", "0-2", "54+", "54+"]
    twin = {"subset": "train", "gender": "Male"}
    twins_of = {
        "a": [twin | {"file": "b", "age": 2, "race": "Asian"}, twin | {"file": "x", "age": 3, "race": "White"}],
        "b": [twin | {"file": "a", "age": 1, "race": "White"}],  # the first pair again
        "c": [twin | {"file": "y", "age": None, "race": "Black"}],
        "d": [twin | {"file": "z", "age": 60, "race": "Black"}],  # without a race
        "e": [twin | {"file": "z", "age": 60, "race": "Black"}],  # not in the report
    }
    race, age = (contradictions(table, twins_of, task) for task in ("race", "age_group"))
    assert (race.n, race.value) == (3, pytest.approx(1 / 3))
    assert (age.n, age.value) == (3, pytest.approx(1 / 3))
    wilson = binomtest(1, 3).proportion_ci(0.95, method="wilson")
    assert (race.low, race.high) == pytest.approx((wilson.low, wilson.high))


@pytest.mark.parametrize(
    "odd",
    [None, 3, [], {"a": None}, {"a": [None, "b", {}]}, {"a": [{"file": 3, "race": "Martian", "age": -1}]},
     {"a": [{"file": [], "race": ["White"], "age": float("nan")}]}, {"a": [{"file": "a", "race": "Black", "age": 9}]},
     {"a": [{"race": "Black", "age": 9}]}],
)  # fmt: skip
@pytest.mark.parametrize("task", ["age_group", "race"])
def test_twins_of_a_report_from_anyone_are_left_out_where_they_do_not_fit(odd, task):
    table = pd.DataFrame({"file": ["a"], "true_race": ["White"], "true_age_group": ["0-2"]})
    assert contradictions(table, odd, task).n == 0
