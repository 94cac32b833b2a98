"""Faces without some of their labels."""

import numpy as np
import pytest

from agr.evaluation.curves import abstention_points
from agr.evaluation.figures import abstention_curve, age_density, cumulative_score_curve, reliability_diagram
from agr.evaluation.mislabels import mislabels
from agr.evaluation.report import EvalReport
from agr.evaluation.selection import Selection, select
from agr.evaluation.summary import figures, group_figures, groups_of
from agr.evaluation.tables import UNLABELLED, class_indices, classified, group_columns


@pytest.fixture
def partly(predictions):
    """Every third face without an age, every fourth without a race, none with a gender."""
    table = predictions.copy()
    table["true_age"] = table["true_age"].astype(float)
    table.loc[table.index[::3], "true_age"] = np.nan
    table.loc[table.index[::4], "true_race"] = None
    table["true_gender"] = None
    return table


def test_faces_without_a_label_are_left_out_of_its_figures(predictions, partly):
    found = figures(partly)
    with_race = predictions.drop(predictions.index[::4])
    assert found["race_accuracy"] == pytest.approx(figures(with_race)["race_accuracy"])
    with_age = predictions.drop(predictions.index[::3])
    for name in ("age_mae", "age_cs5", "age_group_accuracy", "age_group_ece"):
        assert found[name] == pytest.approx(figures(with_age)[name])
    assert found["gender_accuracy"]["n"] == 0
    assert np.isnan(found["gender_accuracy"]["value"])
    assert found["detected"]["n"] == 300


def test_they_are_in_no_group_of_it(partly):
    assert sum(group.n for group in groups_of(partly, ["race"])) == partly["true_race"].notna().sum()
    assert sum(group.n for group in groups_of(partly, ["age_band"])) == partly["true_age"].notna().sum()
    assert not [row for row in group_figures(partly) if "gender" in row["by"]]
    assert group_columns(partly)["true_age_group"].isna().sum() == partly["true_age"].isna().sum()


def test_they_are_no_mislabels_and_no_filter_keeps_them(partly):
    assert (class_indices(partly, "age_group")[0] == UNLABELLED).sum() == partly["true_age"].isna().sum()
    assert partly.loc[mislabels(partly, "race").index, "true_race"].notna().all()
    assert not len(mislabels(partly, "gender"))
    assert not len(select(partly, Selection(true_gender=("Male", "Female"))))


def test_their_report_can_be_saved_and_drawn(report, partly, tmp_path):
    summary = report.summary | {"figures": {"all": figures(partly), "without_twins": figures(partly)}}
    EvalReport(summary, partly).save(tmp_path)
    again = EvalReport.load(tmp_path).predictions
    assert figures(again)["race_accuracy"] == pytest.approx(figures(partly)["race_accuracy"])
    for task in ("age_group", "gender", "race"):
        labelled = classified(again, task)
        assert reliability_diagram(labelled.found).to_json()
        assert abstention_curve(labelled, 0.5, abstention_points(labelled)).to_json()
    for draw in (age_density, cumulative_score_curve):
        assert draw(again).to_json()


def test_confidence_is_that_of_the_predicted_class(predictions):
    part = classified(predictions, "race").found
    row = part.rows.iloc[0]
    assert part.confidence[0] == row[f"prob_race_{row['pred_race']}"]
