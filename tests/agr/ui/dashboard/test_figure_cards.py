import math

from agr.evaluation.bootstrap import Estimate
from agr.evaluation.compare import Compared
from agr.ui.dashboard.figure_cards import figure_cards
from agr.ui.dashboard.html import pager
from agr.ui.dashboard.views.compare import _table

NONE = Estimate(math.nan, math.nan, math.nan, 0)


def test_a_figure_of_no_face_is_a_dash():
    text = figure_cards(
        {"age_mae": {"value": math.nan, "low": math.nan, "high": math.nan, "n": 0}}, with_ancestors=True
    )
    assert "nan" not in text
    assert "–" in text
    shown = _table([Compared("age_mae", math.nan, math.nan, NONE)], 0, ("one", "two")).split("<a")[0]
    assert "nan" not in shown


def test_a_button_keeps_its_name_from_page_to_page():
    """By it the focus finds back to the button that was pressed."""
    for page in (0, 1, 2):
        assert pager(90, page, 30).count('data-key="Next"') == 1
