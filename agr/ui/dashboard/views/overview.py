"""Figures: the three tasks' cards."""

import pandas as pd

from agr.evaluation.metrics import chance_calibration_error
from agr.evaluation.selection import Selection
from agr.evaluation.summary import figures
from agr.evaluation.tables import classified
from agr.labels import TASK_CLASSES

from ..figure_cards import figure_cards
from ..html import csv_link
from ..look import Look
from ..view import Parts, View, text_slot


def layout(reports: list[str]) -> Parts:
    return Parts([text_slot("figures")])


def show(look: Look) -> list:
    chosen = {name: figure for name, figure in _figures(look).items() if name not in _senseless(look.selection)}
    rows = [{"figure": name} | cell for name, cell in chosen.items()]
    is_whole = look.selection.twins and not look.is_filtered
    cards = figure_cards(
        chosen,
        with_ancestors=is_whole and look.report.summary["data"].get("subset") == "test",
        by_chance=look.once("by chance", lambda: _by_chance(look.table)),
    )
    return [cards + csv_link("figures", pd.DataFrame(rows), "Download all figures as CSV")]


def _senseless(selection: Selection) -> set[str]:
    """Of faces of some classes alone, the F1 of the others would be 0, and count as much."""
    return {f"{task}_macro_f1" for task in TASK_CLASSES if getattr(selection, f"true_{task}")}


def _by_chance(table: pd.DataFrame) -> dict[str, float]:
    return {f"{task}_ece": chance_calibration_error(classified(table, task).found.probs) for task in TASK_CLASSES}


def _figures(look: Look) -> dict[str, dict]:
    """Of a whole report they are read from it; of a selection they are computed, once."""
    if look.is_filtered:
        return look.once("figures", lambda: figures(look.table))
    return look.report.summary["figures"]["all" if look.selection.twins else "without_twins"]


VIEW = View("Figures", layout, show)
