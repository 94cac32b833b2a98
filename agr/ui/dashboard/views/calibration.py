"""Calibration: is a confidence of 0.9 right nine times in ten?"""

import gradio as gr
import pandas as pd

from agr.evaluation import figures as f
from agr.labels import TASK_CLASSES

from ..html import csv_link
from ..look import Look
from ..view import Parts, View, figure_slot, text_slot


def layout(reports: list[str]) -> Parts:
    with gr.Row():
        plots = [figure_slot(f"calibration_{task}") for task in TASK_CLASSES]
    return Parts([*plots, text_slot("calibration-table")])


def show(look: Look) -> list:
    return look.once("calibration", lambda: _drawn(look.table))


def _drawn(table: pd.DataFrame) -> list:
    rows = pd.concat([f.calibration_bins(table, task).assign(task=task) for task in TASK_CLASSES])
    return [
        *(f.reliability_diagram(table, task) for task in TASK_CLASSES),
        csv_link("calibration", rows[["task", "confidence", "accuracy", "n"]], "Download the bins as CSV"),
    ]


VIEW = View("Calibration", layout, show)
