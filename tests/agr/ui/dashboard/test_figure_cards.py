import math

import pytest

from agr.evaluation.bootstrap import Estimate
from agr.evaluation.compare import Compared
from agr.ui.dashboard.figure_cards import direction, figure_cards
from agr.ui.dashboard.html import difference_html, estimate_html, pager
from agr.ui.dashboard.views.compare import _table

NONE = Estimate(math.nan, math.nan, math.nan, 0)


def test_a_figure_of_no_face_is_a_dash():
    empty = {"value": math.nan, "low": math.nan, "high": math.nan, "n": 0}
    text = figure_cards({"age_mae": empty, "age_mse": dict.fromkeys(empty)}, with_ancestors=True, by_chance={})
    assert "nan" not in text
    assert text.count("<td>–</td>") == text.count("<td>")


def test_a_figure_without_an_interval_stands_alone():
    assert estimate_html(Estimate(8.234, math.nan, math.nan, 1), 1, 2) == "8.23"


def test_what_chance_alone_would_give_stands_beside_a_calibration_error_in_place_of_its_interval():
    figures = {"race_ece": {"value": 0.014, "low": 0.003, "high": 0.016, "n": 100}}
    by_chance = {"race_ece": (0.0107, 0.0162), "gender_ece": (0.5, 0.6)}
    text = figure_cards(figures, with_ancestors=False, by_chance=by_chance)
    assert (
        "<small>a perfectly calibrated model: 0.011, in 95 of 100 cases below 0.016</small></th><td>0.014</td>" in text
    )
    assert "0.500" not in text
    assert "<td>0.014</td>" in figure_cards(figures, with_ancestors=False, by_chance={})


@pytest.mark.parametrize(
    ("gap", "text"),
    [
        (Estimate(0.02, 0.01, 0.03, 30), "<strong>+2.0<small>+1.0 to +3.0</small></strong>"),
        (Estimate(-0.02, -0.03, -0.01, 30), "<strong>-2.0<small>-3.0 to -1.0</small></strong>"),
        (Estimate(0.02, 0.01, 0.03, 29), "+2.0<small>+1.0 to +3.0</small>"),  # few faces leave out zero by chance
        (Estimate(-0.00001, -0.01, 0.01, 900), "+0.0<small>-1.0 to +1.0</small>"),
    ],
)
def test_a_difference_is_bold_if_it_is_not_chance(gap, text):
    assert difference_html(gap) == text


def test_a_difference_that_is_not_chance_is_never_shown_as_if_it_reached_zero():
    assert "+0.04 to +0.60" in difference_html(Estimate(0.003, 0.0004, 0.006, 30))


@pytest.mark.parametrize(("value", "better", "said"), [(1, 1, "better"), (-1, 1, "worse"), (1, -1, "worse")])
def test_a_difference_says_for_which_it_speaks(value, better, said):
    text = difference_html(Estimate(value, value - 0.1, value + 0.1, 30), better=better)
    assert f">{said}</small>" in text
    assert "better" not in difference_html(Estimate(0.1, -0.1, 0.3, 30), better=better)


def test_what_is_better_depends_on_the_figure():
    names = ("age_mae", "race_ece", "race_accuracy", "age_cs5", "age_interval_coverage", "age_bias")
    assert [direction(name) for name in names] == [-1, -1, 1, 1, 0, 0]


def test_of_nothing_no_difference_is_made():
    shown = _table([Compared("age_mae", math.nan, math.nan, NONE)], 0, ("one", "two")).split("<a")[0]
    assert "nan" not in shown


def test_a_button_keeps_its_name_from_page_to_page():
    """By it the focus finds back to the button that was pressed."""
    for page in (0, 1, 2):
        assert pager(90, page, 30).count('data-key="Next"') == 1
