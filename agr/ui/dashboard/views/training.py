"""Training: loss parts and figures on valid, by epoch."""

import gradio as gr

from agr.evaluation import figures as f

from ...cards import message
from ..html import csv_link
from ..look import Look
from ..view import Parts, View, figure_slot, text_slot

_NOT_SHARES = ("valid_age_mae", "valid_score")


def layout(reports: list[str]) -> Parts:
    with gr.Row():
        plots = [figure_slot("loss"), figure_slot("valid"), figure_slot("valid_age")]
    return Parts([*plots, text_slot("training-table")])


def show(look: Look) -> list:
    history = look.report.history
    if history is None:
        return [None, None, None, message("This report came without a history of its training.")]
    shares = [c for c in map(str, history.columns) if c.startswith("valid_") and c not in _NOT_SHARES]
    ages = [c for c in map(str, history.columns) if c == "valid_age_mae"]
    return [
        f.training_curves(history, "train_", "Loss parts on train"),
        f.training_curves(history[["epoch", *shares]], "valid_", "Accuracies on valid"),
        f.training_curves(history[["epoch", *ages]], "valid_", "Age error on valid, years"),
        message(_what(look) + " Task and filters have no effect here.")
        + csv_link("history", history, "Download the history as CSV"),
    ]


def _what(look: Look) -> str:
    recipe = look.report.summary["model"].get("recipe")
    averaged = recipe.get("averaged", 0) if isinstance(recipe, dict) else 0
    if isinstance(averaged, int) and averaged > 1:
        return f"Of the first of the {averaged} runs whose weights were averaged."
    return "Of the whole run."


VIEW = View("Training", layout, show)
