"""Figures: the three tasks' cards."""

import gradio as gr
import pandas as pd

from agr.evaluation.metrics import chance_calibration_error, chance_calibration_limit
from agr.evaluation.summary import figures
from agr.evaluation.tables import classified
from agr.labels import TASK_CLASSES

from ..figure_cards import figure_cards
from ..html import csv_link
from ..look import Look
from ..view import Parts, View, text_slot

NOTE = """<p class="agr-note">Below each figure stands its 95 % interval; below an ECE, what chance alone does.</p>
<details class="agr-note"><summary>What the figures mean</summary><ul>
<li><b>Macro F1</b>: the mean over the classes of F1, which weighs faces that are missed against those that are
wrongly taken for the class.</li>
<li><b>ECE</b>, expected calibration error: how far confidence and accuracy lie apart. By chance alone even a perfectly
calibrated model has some: below stand its mean, and the limit that it exceeds in 5 of 100 cases. An ECE above that
limit is more than chance.</li>
<li><b>80 % interval holds</b>: how often the true age lies in the interval that is shown with every age.</li>
<li><b>Ancestors</b>: the two projects that this one descends from, by their own figures.</li>
<li><b>Twins</b>: pictures that are, byte by byte, in the training or validation data too.</li>
</ul></details>"""


def layout(reports: list[str]) -> Parts:
    gr.HTML(NOTE, apply_default_css=False)
    return Parts([text_slot("figures")])


def show(look: Look) -> list:
    chosen = {name: figure for name, figure in _figures(look).items() if name not in look.selection.senseless}
    rows = [{"figure": name} | cell for name, cell in chosen.items()]
    is_whole = look.selection.twins and not look.is_filtered
    cards = figure_cards(
        chosen,
        with_ancestors=is_whole and look.report.summary["data"].get("subset") == "test",
        by_chance=look.once("by chance", lambda: _by_chance(look.table)),
    )
    return [cards + csv_link("figures", pd.DataFrame(rows), "Download all figures as CSV")]


def _by_chance(table: pd.DataFrame) -> dict[str, tuple[float, float]]:
    found = {task: classified(table, task).found.probs for task in TASK_CLASSES}
    return {
        f"{task}_ece": (chance_calibration_error(probs), chance_calibration_limit(probs))
        for task, probs in found.items()
        if len(probs)
    }


def _figures(look: Look) -> dict[str, dict]:
    """Read from the report, or computed (once) for a selection."""
    if look.is_filtered:
        return look.once("figures", lambda: figures(look.table))
    return look.report.summary["figures"]["all" if look.selection.twins else "without_twins"]


VIEW = View("Figures", layout, show)
