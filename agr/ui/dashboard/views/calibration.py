"""Calibration: is a confidence of 0.9 right nine times in ten?"""

from collections.abc import Iterator

import gradio as gr
import pandas as pd

from agr.evaluation import figures as f
from agr.evaluation import metrics as m
from agr.evaluation.bootstrap import Estimate, estimate
from agr.evaluation.curves import calibration_bins
from agr.evaluation.summary import LEAST_GROUP
from agr.evaluation.tables import Classified, classified
from agr.labels import TASK_CLASSES, TASK_TITLES

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
    filtered = look.selection.chosen_by_label
    tasks = [task for task in TASK_CLASSES if task not in filtered]
    titles = " and ".join(TASK_TITLES[task].lower() for task in filtered)
    why = message(NO_MODEL_IS.format(titles)) if filtered else ""
    if not tasks:
        return [None] * len(TASK_CLASSES) + [why]
    *figures, table = look.once("calibration", lambda: _drawn([classified(look.table, task).found for task in tasks]))
    return [*figures, why + table]


def _drawn(tasks: list[Classified]) -> list:
    """A figure for each task, None where it is not among the `tasks`, whose faces were found; and the tables."""
    bins = pd.concat([calibration_bins(found).assign(task=found.task) for found in tasks])
    diagrams = {found.task: f.reliability_diagram(found) for found in tasks}
    rows = [row for found in tasks for row in _by_class(found)]
    cells = [
        (
            [f"{TASK_TITLES[task]}: {label}", f"{right.n:,}", f"{100 * confidence:.1f}", estimate_html(right)],
            "agr-faint" * (right.n < LEAST_GROUP),
        )
        for task, label, confidence, right in rows
    ]
    said = [(task, label, right.n, sure, right.value, right.low, right.high) for task, label, sure, right in rows]
    columns = ["task", "predicted", "n", "confidence", "accuracy", "accuracy_low", "accuracy_high"]
    return [
        *map(diagrams.get, TASK_CLASSES),
        message(BY_CLASS)
        + table_html(["Predicted", "Faces", "Confidence, %", "Right, %"], cells)
        + csv_link("by_predicted_class", pd.DataFrame(said, columns=columns))
        + csv_link("calibration", bins[["task", "confidence", "accuracy", "n"]], "Download the bins as CSV"),
    ]


def _by_class(found: Classified) -> Iterator[tuple[str, str, float, Estimate]]:
    """(task, predicted class, mean confidence, accuracy) of every class that was predicted."""
    for i, label in enumerate(TASK_CLASSES[found.task]):
        said = found.where(found.pred == i)
        if len(said):
            yield found.task, label, float(said.confidence.mean()), estimate(m.accuracy(said.true, said.pred))


VIEW = View("Calibration", layout, show)
