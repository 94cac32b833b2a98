"""Confusion: the matrix as a grid to click and as a figure to save, the faces of the chosen cell, and each class's
recall, precision and F1 score."""

import gradio as gr
import numpy as np
import pandas as pd

from agr.evaluation import figures as f
from agr.evaluation import metrics as m
from agr.evaluation.summary import LEAST_GROUP, Group, classes_of
from agr.labels import TASK_CLASSES

from ...cards import count_of_faces, message
from ..gallery import chosen, gallery, pictures_of
from ..grid import confusion_grid
from ..html import csv_link, estimate_html, face_columns, group_rows, table_html
from ..look import Look
from ..view import Parts, View, click_slot, figure_slot, text_slot


def layout(reports: list[str]) -> Parts:
    with gr.Row():
        shown = [("counts", "counts"), ("shares of rows", "rows"), ("shares of columns", "columns")]
        by = gr.Radio(shown, value="rows", label="Show")
        with gr.Column(min_width=240):
            hide = gr.Checkbox(False, label="hide the diagonal", info="so that errors stand out")
    with gr.Row():
        with gr.Column(min_width=420):
            grid = click_slot("grid")
        heatmap = figure_slot("confusion")
    inside = click_slot("cell-faces")
    outputs = [grid, heatmap, inside, text_slot("cell-csv"), text_slot("classes")]
    return Parts(outputs, {"by": by, "hide": hide}, [grid, inside])


def show(look: Look) -> list:
    if nothing := look.nothing():
        return [message(nothing), None, "", "", ""]
    counts, by, hide = _counts(look), look.options["by"], look.options["hide"]
    cell = look.spot.cell if look.spot.cell and max(look.spot.cell) < len(counts) else None
    labels = TASK_CLASSES[look.task]
    table = pd.DataFrame(counts, index=pd.Index(labels, name="true \\ predicted"), columns=list(labels))
    grid = confusion_grid(counts, look.task, by=by, hide_diagonal=hide, chosen=cell)
    grid += csv_link(f"confusion_{look.task}", table.reset_index(), "Download the counts as CSV")
    heatmap = look.once(
        ("heatmap", look.task, by, hide), lambda: f.confusion_heatmap(counts, look.task, by=by, hide_diagonal=hide)
    )
    grid = _caution(look) + grid
    groups = look.once(("classes", look.task), lambda: classes_of(look.part.rows, look.task))
    classes = _classes(groups, look.task)
    if cell is None:
        return [message("Choose a cell to see its faces.") + grid, heatmap, "", "", classes]
    true, pred = (labels[i] for i in cell)
    said = f"True {true}, predicted {pred}: {count_of_faces(int(counts[cell]))}, below."
    return [message(said) + grid, heatmap, *_faces(look, cell), classes]


def _classes(groups: list[Group], task: str) -> str:
    """A table of the recall, precision and F1 score of each class."""
    rows = []
    for group in groups:
        recall, precision, f1 = (group.figures[name] for name in ("recall", "precision", "f1"))
        cells = [*group.names, f"{recall.n:,}", estimate_html(recall), f"{precision.n:,}", estimate_html(precision)]
        rows.append(([*cells, estimate_html(f1)], "agr-faint" * (group.n < LEAST_GROUP)))
    head = ["Class", "Labelled", "Recall, %", "Predicted", "Precision, %", "F1, %"]
    note = f'<p class="agr-note">With 95 % intervals; classes of fewer than {LEAST_GROUP} faces are faint.</p>'
    return table_html(head, rows) + note + csv_link(f"classes_{task}", group_rows(groups, ["class"]))


def _caution(look: Look) -> str:
    """A warning if a filter makes the shares meaningless."""
    by, selection = look.options["by"], look.selection
    if by == "rows" and selection.predicted:
        return message("Faces are filtered by predicted class, and so are the shares of rows: look at counts.")
    if by == "columns" and look.task in selection.chosen_by_label:
        return message("Faces are filtered by true class, and so are the shares of columns: look at counts.")
    return ""


def _counts(look: Look) -> np.ndarray:
    part = look.part
    return m.confusion_matrix(part.true, part.pred, len(TASK_CLASSES[look.task]))


def _faces(look: Look, cell: tuple[int, int]) -> list[str]:
    """Tiles, and their faces as a CSV."""
    true, pred = (TASK_CLASSES[look.task][i] for i in cell)
    part = look.part
    inside = part.rows[(part.true == cell[0]) & (part.pred == cell[1])]
    title = f"true {true}, predicted {pred}: {count_of_faces(len(inside))}"
    if not len(inside):
        return [message(f"{title}. There is none to show."), ""]
    inside = inside.sort_values(f"prob_{look.task}_{pred}", ascending=False, kind="stable")
    is_error = cell[0] != cell[1]  # a label that the model agrees with is not suspicious
    tiles = gallery(
        inside, look.task, pictures_of(look.opened), page=look.spot.page, ticked=look.ticked if is_error else None
    )
    said = message(f"{title}, the most confident first.") + chosen(look) * is_error
    return [said + tiles, csv_link("faces", inside[face_columns(look.task)])]


VIEW = View("Confusion", layout, show)
