"""What the figures draw, against plain computations on the same predictions."""

import numpy as np
import pandas as pd
import pytest
from sklearn.calibration import calibration_curve
from sklearn.metrics import confusion_matrix

from agr.evaluation import curves as c
from agr.evaluation import figures as f
from agr.evaluation import metrics as m
from agr.evaluation.bootstrap import Estimate
from agr.evaluation.report import PROBABILITY_COLUMNS
from agr.evaluation.summary import Group, bands_of, groups_of
from agr.evaluation.tables import class_indices, classified

TASKS = ("age_group", "gender", "race")
COUNTS = np.array([[8, 2, 0], [1, 3, 0], [0, 0, 0]])


@pytest.mark.parametrize(("by", "axis"), [("rows", "true"), ("columns", "pred")])
def test_normalization_equals_scikit_learn(by, axis, predictions):
    true, pred = class_indices(predictions[predictions["detected"]], "race")
    counts = m.confusion_matrix(true, pred, 5)
    assert c.normalized(counts, by) == pytest.approx(confusion_matrix(true, pred, normalize=axis))


def test_empty_classes_stay_zero_and_an_unknown_normalization_is_an_error():
    assert c.normalized(COUNTS, "rows")[2].tolist() == [0, 0, 0]
    with pytest.raises(ValueError, match="diagonal"):
        c.normalized(COUNTS, "diagonal")


def test_the_heatmap_shows_the_matrix_and_may_hide_its_diagonal():
    counts = np.arange(25).reshape(5, 5)
    heat = f.confusion_heatmap(counts, "race", by="counts", hide_diagonal=False).data[0]
    assert np.array_equal(heat.z, counts)
    assert heat.text[1][2] == "7"
    hidden = f.confusion_heatmap(counts, "race", by="rows", hide_diagonal=True).data[0]
    assert np.isnan(np.diag(hidden.z)).all()
    assert set(np.diag(hidden.text)) == {""}
    for counts, by, row, column in (([[3, 1], [0, 0]], "rows", 1, 0), ([[3, 0], [1, 0]], "columns", 0, 1)):
        heat = f.confusion_heatmap(np.array(counts), "gender", by=by, hide_diagonal=False).data[0]
        assert heat.text[row][column] == "–"


def test_cells_are_written_as_counts_or_in_percent():
    counts = np.array([[1200, 0], [0, 0]])
    whole, rows = (
        f.confusion_heatmap(counts, "gender", by=by, hide_diagonal=False).data[0] for by in ("counts", "rows")
    )
    assert [list(row) for row in whole.text] == [["1,200", "0"], ["0", "0"]]
    assert [list(row) for row in rows.text] == [["100 %", "0 %"], ["–", "–"]]
    assert np.array_equal(rows.customdata, counts)


@pytest.mark.parametrize("task", TASKS)
def test_the_reliability_curve_equals_scikit_learn(predictions, task):
    found = predictions[predictions["detected"]]
    probs = found[PROBABILITY_COLUMNS[task]].to_numpy(float)
    correct = probs.argmax(axis=1) == class_indices(found, task)[0]
    accuracy, confidence = calibration_curve(correct, probs.max(axis=1), n_bins=m.N_BINS)
    line = f.reliability_diagram(classified(predictions, task).found).data[2]
    assert np.asarray(line.x) == pytest.approx(confidence)
    assert np.asarray(line.y) == pytest.approx(accuracy)


@pytest.mark.parametrize("task", TASKS)
def test_abstaining_ends_at_the_plain_accuracy(predictions, task):
    labelled = classified(predictions, task)
    curve = f.abstention_curve(labelled, 0.8, c.abstention_points(labelled))
    found = predictions[predictions["detected"]]
    true, pred = class_indices(found, task)
    confidence = found[PROBABILITY_COLUMNS[task]].max(axis=1)
    assert curve.data[0].y[-1] == pytest.approx(np.mean(true == pred))
    assert curve.data[0].x[-1] == pytest.approx(len(found) / len(predictions))
    assert curve.data[1].y[0] == pytest.approx(np.mean((true == pred)[confidence >= 0.8]))


def test_the_cumulative_score_counts_faces_not_found_as_wrong(predictions):
    line = f.cumulative_score_curve(predictions).data[0]
    error = (predictions["pred_age"].astype(float) - predictions["true_age"]).abs()
    assert line.y[5] == pytest.approx((error <= 5).sum() / len(predictions))


@pytest.mark.parametrize(("by", "of"), [("true_age", "true age"), ("pred_age", "predicted age")])
def test_age_bands_hold_their_own_faces(predictions, by, of):
    bands = bands_of(predictions, by)
    drawn = f.age_error_by_band(bands, of)
    mae, bias = drawn.data
    ages = predictions[by].astype(float)
    found = predictions[predictions["detected"] & (ages >= 20) & (ages < 30)]
    error = (found["pred_age"] - found["true_age"]).astype(float)
    place = list(mae.x).index("20-29")
    assert mae.y[place] == pytest.approx(error.abs().mean())
    assert bias.y[place] == pytest.approx(error.mean())
    assert mae.customdata[place] == len(found)
    holds = found["true_age"].between(found["age_low"], found["age_high"])
    coverage = f.interval_coverage_by_band(bands, of)
    assert coverage.data[0].y[place] == pytest.approx(holds.mean())
    for figure in (drawn, coverage):
        assert figure.layout.xaxis.title.text == f"{of}, years"
        assert figure.layout.xaxis.type == "category"  # or Plotly would take "10-12" for a date


def test_density_counts_every_detected_face(predictions):
    assert f.age_density(predictions).data[0].customdata[..., 0].sum() == predictions["detected"].sum()


def test_density_has_true_ages_across_and_predicted_ones_up(predictions):
    old = predictions[predictions["detected"] & (predictions["true_age"] >= 60)]
    too_young = old.assign(pred_age=old["true_age"] - 30.0)
    heat = f.age_density(too_young).data[0]
    up, across = np.nonzero(heat.customdata[..., 0])
    assert len(up)
    assert np.asarray(heat.x)[across] - np.asarray(heat.y)[up] == pytest.approx(np.full(len(up), 30))
    assert heat.customdata[31 // 2, 61 // 2, 1:].tolist() == [60, 61, 30, 32]  # what hovering says


def test_intervals_reach_from_their_lower_to_their_upper_end():
    group = Group(("a",), 200, {"accuracy": Estimate(0.9, 0.8, 0.95, 200)})
    error = f.group_bars([group], {"accuracy": "accuracy"}, "accuracy").data[0].error_y
    assert (error.symmetric, error.array[0], error.arrayminus[0]) == (
        False,
        pytest.approx(0.05),
        pytest.approx(0.1),
    )


def test_bins_are_as_wide_as_they_are_however_few_are_filled(predictions):
    sure = predictions[predictions[PROBABILITY_COLUMNS["gender"]].max(axis=1) > 14 / 15]
    bars, *_ = f.reliability_diagram(classified(sure, "gender").found).data
    assert len(bars.x) == 1
    assert bars.width == pytest.approx(1 / 15)


def test_axes_of_shares_go_from_nothing_to_all(predictions):
    bands = groups_of(predictions, ["age_band"])
    for figure in (f.interval_coverage_by_band(bands, "true age"), f.cumulative_score_curve(predictions)):
        assert (figure.layout.yaxis.range, figure.layout.yaxis.tickformat) == ((0, 1), ".0%")


def test_small_bands_are_faint_too():
    bands = [Group(("0-19",), n, dict.fromkeys(("age_mae", "age_bias"), Estimate(5, 4, 6, n))) for n in (29, 30)]
    assert [bar.marker.opacity for bar in f.age_error_by_band(bands[:1], "age").data] == [(f.FAINT,), (f.FAINT,)]
    assert f.age_error_by_band(bands[1:], "age").data[0].marker.opacity == (1.0,)


def test_small_groups_are_faint():
    groups = [
        Group(("a",), 200, {"accuracy": Estimate(0.9, 0.8, 0.95, 200)}),
        Group(("b",), 12, {"accuracy": Estimate(0.5, 0.1, 0.9, 12)}),
        Group(("c",), 0, {"accuracy": Estimate(np.nan, np.nan, np.nan, 0)}),
    ]
    bar = f.group_bars(groups, {"accuracy": "accuracy"}, "accuracy").data[0]
    assert list(bar.marker.opacity) == [1.0, f.FAINT]
    assert list(bar.x) == ["a", "b"]


def test_every_part_of_the_history_has_its_curve(report):
    assert [line.name for line in f.training_curves(report.history, "train_", "Loss").data] == ["age"]


@pytest.mark.parametrize("task", TASKS)
def test_an_empty_selection_draws_empty_figures(predictions, task):
    none = predictions.iloc[:0]
    labelled = classified(none, task)
    assert f.reliability_diagram(labelled.found).to_json()
    assert f.abstention_curve(labelled, 0.5, c.abstention_points(labelled)).to_json()
    for draw in (f.age_density, f.cumulative_score_curve):
        assert draw(none).to_json()


def test_abstaining_answers_the_surest_first(predictions):
    labelled = classified(predictions, "race")
    points = c.abstention_points(labelled)
    assert points["confidence"].is_monotonic_decreasing
    found = predictions[predictions["detected"]]
    confidence = found[PROBABILITY_COLUMNS["race"]].max(axis=1).astype(float)
    surest = found.loc[confidence.sort_values(ascending=False, kind="stable").index]
    is_right = surest["pred_race"] == surest["true_race"]
    for place in (50, 150):
        answered = round(points.iloc[place]["answered"] * len(predictions))
        assert points.iloc[place]["accuracy"] == pytest.approx(is_right[:answered].mean())
    marked = f.abstention_curve(labelled, 0.8, points).data[1]
    assert marked.x[0] == pytest.approx((confidence >= 0.8).sum() / len(predictions))


def test_the_heatmap_says_which_way_it_is_read():
    layout = f.confusion_heatmap(np.eye(5, dtype=int), "race", by="rows", hide_diagonal=False).layout
    assert (layout.xaxis.title.text, layout.yaxis.title.text) == ("predicted", "true")
    assert (layout.xaxis.type, layout.yaxis.type, layout.yaxis.autorange) == ("category", "category", "reversed")


def test_the_reliability_diagram_says_what_chance_does_and_which_bins_are_small(predictions):
    found = classified(predictions, "race").found
    drawn = f.reliability_diagram(found)
    bars, _, line = drawn.data
    is_small = c.calibration_bins(found)["n"] < f.LEAST_GROUP
    assert 0 < is_small.sum() < len(is_small)
    assert (np.array(line.marker.opacity) < 1).tolist() == is_small.tolist()
    assert sum(bars.y) == pytest.approx(1)
    error = m.expected_calibration_error(found.true, found.probs).value
    chance, limit = m.chance_calibration_error(found.probs), m.chance_calibration_limit(found.probs)
    title = drawn.layout.title.text
    assert f"ECE {error:.3f}<br>" in title
    assert f"by chance {chance:.3f}, 95 % of times below {limit:.3f}<" in title


def test_bars_of_groups_have_their_unit_and_order(predictions):
    groups = groups_of(predictions, ["gender", "race"])
    years = f.group_bars(groups, {"age_mae": "error"}, "Error")
    shares = f.group_bars(groups, {"race_accuracy": "race"}, "Accuracy")
    assert years.layout.title.text.endswith("years")
    assert (years.layout.yaxis.tickformat, shares.layout.yaxis.tickformat) == ("", ".0%")
    assert list(shares.data[0].x)[:2] == ["Male, White", "Male, Black"]
    assert f.interval_coverage_by_band(bands_of(predictions, "true_age"), "true age").layout.shapes[0].y0 == 0.8


def test_the_cumulative_score_counts_whole_years_to_their_end(predictions):
    off = predictions[predictions["detected"]].assign(pred_age=lambda table: table["true_age"] + 3.0)
    assert list(f.cumulative_score_curve(off).data[0].y[2:4]) == [0, 1]


def test_the_density_is_a_logarithm_of_counts(predictions):
    heat = f.age_density(predictions).data[0]
    assert np.nanmax(heat.z) == pytest.approx(np.log10(heat.customdata[..., 0].max()))


def test_a_curve_of_the_history_begins_at_its_first_epoch():
    history = pd.DataFrame({"epoch": [3, 4], "train_age": [3.0, 2.5], "no_train_x": [1, 1]})
    (line,) = f.training_curves(history, "train_", "Loss").data
    assert list(line.x) == [3, 4]


def test_the_epoch_that_was_kept_is_marked():
    history = pd.DataFrame({"epoch": [3, 4, 5], "train_age": [3.0, 2.5, 2.4], "valid_score": [0.7, 0.8, 0.75]})
    drawn = f.training_curves(history, "train_", "Loss")
    assert [line.x0 for line in drawn.layout.shapes] == [4]
    for less in (history.drop(columns="valid_score"), history.assign(epoch=[3, np.nan, 5])):
        assert not f.training_curves(less, "train_", "Loss").layout.shapes


def test_bars_of_many_groups_lie_one_below_the_other(predictions):
    groups = groups_of(predictions, ["race", "age_group"])
    assert len(groups) > 12
    drawn = f.group_bars(groups, {"race_accuracy": "race"}, "Accuracy")
    (bars,) = drawn.data
    assert bars.orientation == "h"
    assert list(bars.y) == [", ".join(group.names) for group in groups]
    assert bars.x[0] == groups[0].figures["race_accuracy"].value
    assert (drawn.layout.xaxis.tickformat, drawn.layout.yaxis.autorange) == (".0%", "reversed")
    assert drawn.layout.height > 20 * len(groups)


def test_hovering_says_figures_as_tables_do():
    groups = [
        Group(("a",), 355, {"accuracy": Estimate(0.414, 0.364, 0.466, 355), "age_mae": Estimate(5.432, 5, 6, 1355)}),
        Group(("b",), 1, {"accuracy": Estimate(1, np.nan, np.nan, 1), "age_mae": Estimate(-0.001, np.nan, np.nan, 1)}),
    ]
    shares = f.group_bars(groups, {"accuracy": "race"}, "Accuracy").data[0]
    assert shares.hovertext == ("41.4 % (36.4 to 46.6), n = 355", "100.0 %, n = 1")
    years = f.group_bars(groups, {"age_mae": "error"}, "Error").data[0]
    assert years.hovertext == ("5.43 years (5.00 to 6.00), n = 1,355", "0.00 years, n = 1")
    assert "%{hovertext}" in shares.hovertemplate


def test_hovering_says_what_a_value_is(predictions, report):
    bars, line, _ = f.reliability_diagram(classified(predictions, "race").found).data
    assert bars.hovertext[-1] == "0.93 to 1.00"
    assert sum(bars.customdata) == predictions["detected"].sum()
    assert line.hoverinfo == "skip"
    columns = ["train_age", "valid_race_accuracy", "valid_age_group_one_off", "valid_age_mae"]
    history = pd.DataFrame({"epoch": [1], **{column: [0.5] for column in columns}})
    said = [curve.hovertemplate for curve in f.training_curves(history, "", "All", columns).data]
    assert [text.split(": ")[1].split("<")[0] for text in said] == [
        "%{y:.3f}",
        "%{y:.1%}",
        "%{y:.1%}",
        "%{y:.2f} years",
    ]


def test_a_stray_drag_hides_nothing_of_bars_and_matrices(predictions, report):
    labelled, groups = classified(predictions, "race"), groups_of(predictions, ["race"])
    whole = [
        f.confusion_heatmap(np.eye(5, dtype=int), "race", by="rows", hide_diagonal=False),
        f.reliability_diagram(labelled.found),
        f.group_bars(groups, {"race_accuracy": "race"}, "Accuracy"),
        f.age_error_by_band(groups_of(predictions, ["age_band"]), "true age"),
    ]
    for figure in whole:
        assert figure.layout.dragmode is False
        assert figure.layout.xaxis.fixedrange
        assert figure.layout.yaxis.fixedrange
    curves = [
        f.abstention_curve(labelled, 0.8, c.abstention_points(labelled)),
        f.age_density(predictions),
        f.training_curves(report.history, "train_", "Loss"),
    ]
    assert all(figure.layout.dragmode == "zoom" and not figure.layout.xaxis.fixedrange for figure in curves)


def test_the_title_stands_out_and_a_single_curve_needs_no_legend(predictions, report):
    one = f.training_curves(report.history, "train_", "Loss").layout
    assert one.showlegend is False
    assert one.title.font.size > one.xaxis.title.font.size == one.yaxis.title.font.size
    assert f.reliability_diagram(classified(predictions, "race").found).layout.showlegend
