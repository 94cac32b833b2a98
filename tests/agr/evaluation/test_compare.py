import numpy as np
import pytest

from agr.evaluation.compare import COMPARED, common, compare, contradicted, disagreements
from agr.evaluation.summary import figures


@pytest.fixture
def better(predictions):
    """The same faces in another order, with every fifth race made right, and a few files missing."""
    table = predictions.copy()
    chosen = table.index[::5][table.loc[table.index[::5], "detected"].to_numpy()]
    for i in chosen:
        race = table.at[i, "true_race"]
        for other in ("White", "Black", "Asian", "Indian", "Others"):
            table.at[i, f"prob_race_{other}"] = 0.9 if other == race else 0.025
        table.at[i, "pred_race"] = race
    return table.iloc[::-1].iloc[10:]


def test_only_common_files_are_compared_in_one_order(predictions, better):
    first, second = common(predictions, better)
    assert first["file"].tolist() == second["file"].tolist()
    assert len(first) == len(predictions) - 10


def test_a_tables_index_does_not_matter(predictions):
    for odd in (
        predictions.rename_axis("id"),
        predictions.set_index("file", drop=False),
        predictions.set_axis([0] * len(predictions)),
    ):
        one, other = common(odd, predictions)
        assert one["file"].tolist() == other["file"].tolist() == predictions["file"].tolist()


def test_labels_that_nobody_has_are_common(predictions):
    one, other = common(predictions.assign(true_gender=None), predictions.assign(true_gender=float("nan")))
    assert len(one) == len(other) == len(predictions)


def test_files_that_are_labelled_otherwise_are_not_common(predictions):
    other = predictions.assign(true_age=predictions["true_age"] + (predictions.index == 3))
    assert len(common(predictions, other)[0]) == len(predictions) - 1


def test_figures_are_those_of_each_report_and_their_difference(predictions, better):
    first, second = common(predictions, better)
    rows = {row.name: row for row in compare(first, second)}
    assert list(rows) == list(COMPARED)
    for table, side in ((first, "first"), (second, "second")):
        expected = figures(table)
        for name in COMPARED:
            assert getattr(rows[name], side) == pytest.approx(expected[name]["value"]), name
    race = rows["race_accuracy"]
    assert race.difference.value == pytest.approx(race.second - race.first)
    assert race.difference.low > 0
    assert rows["age_mae"].difference == pytest.approx(type(race.difference)(0, 0, 0, rows["age_mae"].difference.n))


def test_every_figure_can_be_compared_where_one_model_found_fewer_faces(predictions):
    names = [name for name in figures(predictions) if "recall" not in name]
    fewer = predictions.assign(detected=predictions["detected"] & (predictions.index % 7 > 0))
    rows = {row.name: row for row in compare(predictions, fewer, names)}
    assert rows["age_bias"].difference.n == fewer["detected"].sum()
    assert rows["age_bias"].first == rows["age_bias"].second  # over the faces that both found


def test_faces_that_only_one_gets_right(predictions, better):
    first, second = common(predictions, better)
    only_first, only_second = disagreements(first, second, "race")
    right = [(t["pred_race"] == t["true_race"]).to_numpy() for t in (first, second)]
    assert len(only_first) == np.sum(right[0] & ~right[1]) == 0
    assert set(only_second) == set(first["file"][right[1] & ~right[0]])


def test_labels_that_both_contradict_alike(predictions, better):
    first, second = common(predictions, better)
    found = contradicted(first, second, "race")
    pairs = zip(first.to_dict("records"), second.to_dict("records"), strict=True)
    expected = {
        a["file"]: min(a[f"prob_race_{a['pred_race']}"], b[f"prob_race_{a['pred_race']}"])
        for a, b in pairs
        if a["detected"] and b["detected"] and a["pred_race"] == b["pred_race"] != a["true_race"]
    }
    assert len(expected) > 3
    assert found.to_dict() == pytest.approx(expected)
    assert found.is_monotonic_decreasing


def test_tables_in_another_order_are_refused(predictions):
    with pytest.raises(ValueError, match="same order"):
        compare(predictions, predictions.iloc[::-1])


def test_each_model_is_measured_on_the_faces_that_both_found(predictions):
    said = [column for column in predictions if column.startswith(("pred_", "prob_", "age_"))]
    poorer = predictions.copy()
    lost = poorer.index[poorer["detected"]][:40]
    poorer.loc[lost, "detected"] = False
    poorer.loc[lost, said] = None
    first, second = common(predictions, poorer)
    rows = {row.name: row for row in compare(first, second)}
    for name in ("age_mae", "age_mse", "age_interval_coverage", "race_ece", "gender_ece", "age_group_ece"):
        assert (rows[name].difference.value, rows[name].difference.n) == (0, second["detected"].sum()), name
    assert rows["race_accuracy"].second < rows["race_accuracy"].first


@pytest.mark.parametrize(
    ("label", "values"),
    [("true_age", (100, 101)), ("true_gender", ("Male", "Female")), ("true_race", ("White", "Black"))],
)
def test_files_with_any_other_label_are_not_common(predictions, label, values):
    first, second = (predictions.copy() for _ in values)
    for table, value in zip((first, second), values, strict=True):
        table.loc[3, label] = value
    assert len(common(first, second)[0]) == len(predictions) - 1


def test_a_label_is_contradicted_as_surely_as_the_less_sure_model_says(predictions):
    row = predictions[predictions["detected"] & (predictions["pred_gender"] != predictions["true_gender"])].head(1)
    pred, true = (f"prob_gender_{row[f'{kind}_gender'].iloc[0]}" for kind in ("pred", "true"))
    sides = [row.assign(**{pred: p, true: 1 - p}) for p in (0.9, 0.6)]
    assert contradicted(*sides, "gender").tolist() == pytest.approx([0.6])
