"""Figures: the three tasks' cards."""

import pandas as pd

from agr.evaluation.summary import figures

from ..figure_cards import figure_cards
from ..html import csv_link
from ..look import Look
from ..view import Parts, View, text_slot


def layout(reports: list[str]) -> Parts:
    return Parts([text_slot("figures")])


def show(look: Look) -> list:
    chosen = _figures(look)
    rows = [{"figure": name} | cell for name, cell in chosen.items()]
    is_test = look.report.summary["data"].get("subset") == "test" and not look.is_filtered
    return [
        figure_cards(chosen, with_ancestors=is_test)
        + csv_link("figures", pd.DataFrame(rows), "Download all figures as CSV")
    ]


def _figures(look: Look) -> dict[str, dict]:
    """Of a whole report they are read from it; of a selection they are computed, once."""
    if look.is_filtered:
        return look.once("figures", lambda: figures(look.table))
    return look.report.summary["figures"]["all" if look.selection.twins else "without_twins"]


VIEW = View("Figures", layout, show)
