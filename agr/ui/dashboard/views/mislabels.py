"""Mislabels: faces that the model predicts, with confidence, as another class than their label; and the list of labels
that look wrong."""

import html

import gradio as gr
import pandas as pd

from agr.evaluation.mislabels import ORDERS, contradictions, mislabels, relabel_list
from agr.labels import TASK_TITLES

from ...cards import count_of_faces, message
from ..gallery import gallery, pictures_of
from ..html import act, csv_link
from ..look import Look
from ..state import MOST_SENT
from ..view import Parts, View, click_slot, text_slot

SORTED_BY = {
    "wrong_confidence": "surest of another class",
    "self_confidence": "least sure of the label",
    "normalized_margin": "label furthest behind",
    "years_off": "largest age error",
}
MOST_MISSED = 50
"""Faces that were not found of which the names are shown."""
LEAST_PAIRS = 10
"""Number of pairs of identical pictures below which nothing is said about contradictions between their labels."""

EDIT = "It replaces each label by the suggestion: edit the list where that is wrong too."
TICK = "Tick those whose label looks wrong; the list then suggests what the model says. "


def layout(reports: list[str]) -> Parts:
    with gr.Row():
        order = gr.Radio(
            [(SORTED_BY[order], order) for order in ORDERS], value=ORDERS[0], label="Sort by", min_width=300
        )
        threshold = gr.Slider(0, 1, 0.9, step=0.01, label="Minimum confidence in the wrong class", min_width=240)
    export = click_slot("export")
    gallery_slot = click_slot("mislabels")
    return Parts(
        [gallery_slot, export, text_slot("mislabels-csv")],
        {"order": order, "threshold": threshold},
        [gallery_slot, export],
    )


def show(look: Look) -> list:
    if nothing := look.nothing():
        return [message(nothing), _export(look), ""]
    order, threshold = look.options["order"], look.options["threshold"]
    ranked = look.once(("mislabels", look.task, order), lambda: mislabels(look.table, look.task, by=order))
    by_age = order == "years_off"
    confident = ranked if by_age else ranked[ranked["wrong_confidence"] >= threshold]
    title = f"Predicted as another class than the label says: {count_of_faces(len(ranked))}"
    if by_age and look.task == "age_group":
        title = f"{count_of_faces(len(ranked))} with an age"
    if by_age:
        title += ", the largest age error first, however sure"
    elif threshold:
        title += f", {len(confident):,} of them with a probability of {threshold:.2f} or more"
    title += f". {TICK * look.opened.has_faces}A click on a face opens it."
    rows = look.table.loc[confident.index]
    note = _ages if by_age else None
    tiles = gallery(rows, look.task, pictures_of(look.opened), page=look.spot.page, ticked=look.ticked, note=note)
    return [
        message(title + _contradictions(look)) + _not_found(look) + tiles,
        _export(look),
        csv_link(f"mislabels_{look.task}", confident),
    ]


def _contradictions(look: Look) -> str:
    """A sentence on how often the labels contradict themselves, over the whole report: filters by label would choose
    among the pairs."""
    twins = look.report.summary["data"].get("twins_of")
    found = look.opened.once(
        ("contradictions", look.task), lambda: contradictions(look.opened.predictions, twins, look.task)
    )
    if found.n < LEAST_PAIRS:
        return ""
    share, low, high = (f"{100 * number:.1f}" for number in (found.value, found.low, found.high))
    return (
        f" Labels err too: of {found.n} pairs of identical pictures, of which one or both are in this report, "
        f"{round(found.n * found.value)} have contradicting {TASK_TITLES[look.task].lower()} labels "
        f"({share} %, {low} to {high})."
    )


def _not_found(look: Look) -> str:
    """The names of the faces that the detector missed, as buttons that open them."""
    missed = look.part.rows[~look.part.rows["detected"]]["file"]
    if not len(missed):
        return ""
    buttons = "".join(f"<li>{_button(file)}</li>" for file in missed[:MOST_MISSED])
    more = f"<li>and {len(missed) - MOST_MISSED:,} more</li>" if len(missed) > MOST_MISSED else ""
    return (
        f'<details class="agr-note"><summary>Not found by the detector, and so wrong: {count_of_faces(len(missed))}'
        f'</summary><ul class="agr-chosen">{buttons}{more}</ul></details>'
    )


def _button(file: str) -> str:
    return f'<button type="button" class="agr-small" {act("face", file)}>{html.escape(file)}</button>'


def _ages(row: dict) -> str:
    known = row["true_age"] == row["true_age"]
    return f"labelled {row['true_age']:.0f} years, predicted {row['pred_age']:.0f}" if known else ""


def _export(look: Look) -> str:
    chosen = relabel_list(look.opened.predictions, look.ticked)
    text = f"Suspicious labels chosen: {len(chosen)}."
    if len(look.ticked) > MOST_SENT:
        text += f" The page's address holds the last {MOST_SENT} of them: download the list before you leave."
    if not len(chosen):
        return message(text) if look.opened.has_faces else ""
    return message(text) + _chosen(look, chosen) + csv_link("relabel", chosen, "Download the relabel list")


def _chosen(look: Look, chosen: pd.DataFrame) -> str:
    """What the list is for, the `chosen` faces as buttons that open them, each with its label and what is suggested,
    and a button to untick all."""
    lines = "".join(
        f"<li>{_button(file)} {task}: {given} → {suggested}</li>"
        for file, task, given, suggested in chosen[["file", "task", "given", "suggested"]].tail(MOST_SENT).to_numpy()
    )
    return (
        f'<details class="agr-note"><summary>Show them</summary>{_use(look)}<ul class="agr-chosen">{lines}</ul>'
        f'<button type="button" class="agr-small" {act("untick", look.opened.title)}>Untick all</button></details>'
    )


def _use(look: Look) -> str:
    if look.report.summary["data"].get("subset") == "train":
        return f"<p>The list is for train fit --relabel. {EDIT}</p>"
    return (
        "<p>train fit --relabel takes such a list of training faces: from a report of train clean, or of train "
        f"evaluate --subset train. {EDIT}</p>"
    )


VIEW = View("Mislabels", layout, show)
