"""Robustness: how much worse the figures are when faces are rotated, blurred, darkened and the like."""

import html

import pandas as pd

from agr.evaluation.bootstrap import Estimate

from ...cards import message
from ..figure_cards import TITLES, direction
from ..html import csv_link, difference_html, table_html
from ..look import Look
from ..view import Parts, View, text_slot

_TITLES = TITLES | {"detected": ("Found, %", 100, 1)}
MISSING = "This report has no robustness figures. python -m train evaluate --stress adds them."


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
    shown = {name: _TITLES[name] for name in conditions[0]["figures"] if name in _TITLES}
    rows, saved = [], []
    for condition in conditions:
        gaps = {name: Estimate.from_dict(condition["figures"][name]["difference"]) for name in shown}
        cells = (
            difference_html(gaps[name], factor, digits, better=direction(name))
            for name, (_, factor, digits) in shown.items()
        )
        rows.append(([html.escape(str(condition["condition"])), *cells], ""))
        for name, gap in gaps.items():
            plain, value = (_number(condition["figures"][name][key]) for key in ("plain", "value"))
            saved.append([condition["condition"], name, plain, value, gap.value, gap.low, gap.high, gap.n])
    columns = ["condition", "figure", "plain", "value", "difference", "difference_low", "difference_high", "n"]
    head = ["Condition", *(title for title, *_ in shown.values())]
    differences = len(rows) * len(shown)
    text = message(
        f"How figures change on {conditions[0]['n']:,} faces of the subset, each against the same picture as it is, "
        "with the 95 % interval of the paired difference; bold where it leaves out zero, as by chance alone "
        f"{0.05 * differences:.0f} of these {differences} would. Task and filters have no effect here."
    )
    plain = conditions[0]["figures"]
    as_it_is = [
        f"{plain[name]['plain'] * factor:.{digits}f}" if plain[name]["plain"] is not None else "–"
        for name, (_, factor, digits) in shown.items()
    ]
    rows.insert(0, (["as it is", *as_it_is], "agr-first"))
    return text + table_html(head, rows) + csv_link("robustness", pd.DataFrame(saved, columns=columns))


def _number(value: object) -> float | None:
    """Check the type: a report may come from anyone, and a list times a number would be a very long list."""
    if value is not None and not isinstance(value, (int, float)):
        raise TypeError(f"expected a number, got {type(value).__name__}")
    return value


VIEW = View("Robustness", layout, show)
