"""Robustness: what is lost when faces are turned, blurred, darkened and the like."""

import html
import math

import pandas as pd

from agr.evaluation.bootstrap import Estimate

from ...cards import message
from ..html import csv_link, estimate_html, table_html
from ..look import Look
from ..view import Parts, View, text_slot

_COLUMNS = {
    "age_mae": ("Age error, years", 1, 2),
    "age_group_accuracy": ("Age group, %", 100, 1),
    "age_group_one_off": ("One group off, %", 100, 1),
    "gender_accuracy": ("Gender, %", 100, 1),
    "race_accuracy": ("Race, %", 100, 1),
    "detected": ("Found, %", 100, 1),
}
MISSING = "This report was made without it. Measure it with python -m train evaluate --stress."


def layout(reports: list[str]) -> Parts:
    return Parts([text_slot("robustness")])


def show(look: Look) -> list:
    conditions = look.report.summary.get("stress")
    if not isinstance(conditions, list) or not conditions:
        return [message(MISSING)]
    try:
        return [look.opened.once("robustness", lambda: _table(conditions))]
    except (KeyError, TypeError, ValueError):
        return [message("What the report says of robustness is damaged.", is_error=True)]


def _table(conditions: list[dict]) -> str:
    rows, saved = [], []
    for condition in conditions:
        gaps = {name: _estimate(condition["figures"][name]["difference"]) for name in _COLUMNS}
        rows.append(([html.escape(str(condition["condition"])), *(_cell(gaps[name], name) for name in _COLUMNS)], ""))
        for name, gap in gaps.items():
            plain, value = (condition["figures"][name][key] for key in ("plain", "value"))
            saved.append([condition["condition"], name, plain, value, gap.value, gap.low, gap.high, gap.n])
    columns = ["condition", "figure", "plain", "value", "difference", "difference_low", "difference_high", "n"]
    head = ["Condition", *(title for title, *_ in _COLUMNS.values())]
    text = message(
        f"How figures change on {conditions[0]['n']} faces of the subset, each against the same picture as it is, with "
        "the 95 % interval of the paired difference; bold where it leaves out zero. Filters do not act here."
    )
    return text + table_html(head, rows) + csv_link("robustness", pd.DataFrame(saved, columns=columns))


def _estimate(saved: dict) -> Estimate:
    """JSON has no nan: a figure without a value is null."""
    value, low, high = (math.nan if saved[key] is None else float(saved[key]) for key in ("value", "low", "high"))
    return Estimate(value, low, high, int(saved["n"]))


def _cell(gap: Estimate, name: str) -> str:
    _, factor, digits = _COLUMNS[name]
    text = estimate_html(gap, factor, digits)
    return f"<strong>{text}</strong>" if gap.low > 0 or gap.high < 0 else text


VIEW = View("Robustness", layout, show)
