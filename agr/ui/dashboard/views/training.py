"""Training: loss parts and figures on valid, by epoch."""

import gradio as gr

from agr.evaluation import figures as f

from ...cards import message
from ..html import csv_link
from ..look import Look
from ..view import Parts, View, figure_slot, text_slot

NOTE = (
    "The loss is that of training, with varied pictures and soft labels; the figures on valid are those of averaged "
    "weights. A dashed line marks the epoch that was kept, the best one on valid. Task and filters have no effect here."
)


def layout(reports: list[str]) -> Parts:
    with gr.Row():
        plots = [figure_slot("loss"), figure_slot("valid"), figure_slot("valid_age")]
    return Parts([*plots, text_slot("training-table")])


def show(look: Look) -> list:
    history = look.report.history
    if history is None:
        return [None, None, None, message("This report came without a history of its training.")]
    shares = [c for c in map(str, history.columns) if c.startswith("valid_") and c.endswith(("_accuracy", "_one_off"))]
    ages = [c for c in map(str, history.columns) if c == "valid_age_mae"]
    return [
        f.training_curves(history, "train_", "Loss parts on train"),
        f.training_curves(history, "valid_", "Accuracies on valid", shares),
        f.training_curves(history, "valid_", "Age error on valid, years", ages),
        message(_what(look) + NOTE) + csv_link("history", history, "Download the history as CSV"),
    ]


def _what(look: Look) -> str:
    """Which training this is, if there were several."""
    recipe = look.report.summary["model"].get("recipe")
    if not isinstance(recipe, dict):
        return ""
    averaged, earlier = recipe.get("averaged", 0), _earlier(recipe)
    said = ""
    if isinstance(averaged, int) and averaged > 1:
        said += f"Of the first of the {averaged} runs whose weights were averaged. "
    if earlier:
        which = f", the last of {earlier}" if earlier > 1 else ""
        said += f"It began with the weights of an earlier training{which}: so it is good from the first epoch on. "
    return said


def _earlier(recipe: dict) -> int:
    """Number of trainings before this one, each of which began with the weights of the one before."""
    before = recipe.get("init_config")
    return 1 + _earlier(before) if isinstance(before, dict) else 0


VIEW = View("Training", layout, show)
