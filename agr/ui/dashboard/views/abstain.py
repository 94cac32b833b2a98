"""Abstain: what is gained by answering only from some confidence on."""

import gradio as gr
import numpy as np

from agr.evaluation import figures as f

from ...cards import message
from ..html import csv_link
from ..look import Look
from ..view import Parts, View, figure_slot, text_slot


def layout(reports: list[str]) -> Parts:
    floor = gr.Slider(0, 1, 0.8, step=0.01, label="Least confidence to answer")
    sentence = text_slot("abstain")
    return Parts([sentence, figure_slot("abstain"), text_slot("abstain-table")], {"floor": floor})


def show(look: Look) -> list:
    floor, found = look.options["floor"], look.part.found
    kept = found.confidence >= floor
    points = look.once("abstain", lambda: f.abstention_points(look.table, look.task))
    figure = f.abstention_curve(look.table, look.task, floor, points=points)
    curve = csv_link("abstain", points, "Download the curve as CSV")
    if not kept.any():
        return [message(f"No face is answered with a confidence of {floor:.2f} or more."), figure, curve]
    share, right = kept.sum() / len(look.part), np.mean((found.true == found.pred)[kept])
    sentence = (
        f"From a confidence of {floor:.2f} on, {share:.1%} of the faces are answered, {right:.1%} of them rightly."
    )
    return [message(sentence), figure, curve]


VIEW = View("Abstain", layout, show)
