"""Calibration: is a confidence of 0.9 right nine times in ten?"""

import gradio as gr
import pandas as pd

from agr.evaluation import figures as f
from agr.evaluation import metrics as m
from agr.evaluation.bootstrap import estimates
from agr.evaluation.summary import LEAST_GROUP
from agr.evaluation.tables import classified
from agr.labels import TASK_CLASSES

from ...cards import message
from ..html import csv_link, estimate_html, table_html
from ..look import Look
from ..view import Parts, View, figure_slot, text_slot

BY_CLASS = (
    "By predicted class: how sure the model was on average, and how often it was right. Classes that were raised, so "
    "that they are found more often, are less often right than they say."
)

NO_MODEL_IS = (
    "Not shown for {}: among faces that are chosen by what a model is to guess, none is calibrated. Clear that filter."
)


def layout(reports: list[str]) -> Parts:
    with gr.Row():
        plots = [figure_slot(f"calibration_{task}") for task in TASK_CLASSES]
    return Parts([*plots, text_slot("calibration-table")])


def show(look: Look) -> list:
    filtered = [task for task in TASK_CLASSES if getattr(look.selection, f"true_{task}")]
    tasks = [task for task in TASK_CLASSES if task not in filtered]
    titles = " and ".join(f.TASK_TITLES[task].lower() for task in filtered)
    why = message(NO_MODEL_IS.format(titles)) if filtered else ""
    if not tasks:
        return [None] * len(TASK_CLASSES) + [why]
    *figures, table = look.once("calibration", lambda: _drawn(look.table, tasks))
    return [*figures, why + table]


def _drawn(table: pd.DataFrame, tasks: list[str]) -> list:
    bins = pd.concat([f.calibration_bins(table, task).assign(task=task) for task in tasks])
    rows = _by_class(table, tasks)
    cells = [
        (
            [f"{f.TASK_TITLES[task]}: {label}", f"{right.n:,}", f"{100 * confidence:.1f}", estimate_html(right)],
            "agr-faint" * (right.n < LEAST_GROUP),
        )
        for task, label, confidence, right in rows
    ]
    said = [(task, label, right.n, sure, right.value, right.low, right.high) for task, label, sure, right in rows]
    columns = ["task", "predicted", "n", "confidence", "accuracy", "accuracy_low", "accuracy_high"]
    return [
        *(f.reliability_diagram(table, task) if task in tasks else None for task in TASK_CLASSES),
        message(BY_CLASS)
        + table_html(["Predicted", "Faces", "Confidence, %", "Right, %"], cells)
        + csv_link("by_predicted_class", pd.DataFrame(said, columns=columns))
        + csv_link("calibration", bins[["task", "confidence", "accuracy", "n"]], "Download the bins as CSV"),
    ]


def _by_class(table: pd.DataFrame, tasks: list[str]) -> list[tuple]:
    """(task, predicted class, mean confidence, accuracy) of every class that was predicted."""
    rows = []
    for task in tasks:
        labels = TASK_CLASSES[task]
        found = classified(table, task).found
        for i, label in enumerate(labels):
            said = found.where(found.pred == i)
            if len(said):
                right = estimates({"": m.accuracy(said.true, said.pred)})[""]
                rows.append((task, label, float(said.confidence.mean()), right))
    return rows


VIEW = View("Calibration", layout, show)
