"""Abstain: the accuracy if only faces above a confidence are answered, their share, and by group who is left out and
how many of the answers are right."""

import gradio as gr
import pandas as pd

from agr.evaluation import figures as f
from agr.evaluation import metrics as m
from agr.evaluation.bootstrap import estimate
from agr.evaluation.curves import abstention_points
from agr.evaluation.summary import LEAST_GROUP
from agr.labels import TASK_CLASSES, TASK_TITLES

from ...cards import count_of_faces, message
from ..html import csv_link, estimate_html, table_html
from ..look import Look
from ..view import Parts, View, figure_slot, text_slot


def layout(reports: list[str]) -> Parts:
    floor = gr.Slider(0, 1, 0.8, step=0.01, label="Minimum confidence to answer")
    sentence = text_slot("abstain")
    return Parts([sentence, figure_slot("abstain"), text_slot("abstain-table")], {"floor": floor})


def show(look: Look) -> list:
    if nothing := look.nothing():
        return [message(nothing), None, ""]
    floor, found = look.options["floor"], look.part.found
    kept = found.confidence >= floor
    points = look.once(("abstain", look.task), lambda: abstention_points(look.part))
    figure = f.abstention_curve(look.part, floor, points)
    curve = _abstained(look, floor) + csv_link("abstain", points, "Download the curve as CSV")
    if not kept.any():
        return [message(f"No face is answered with a confidence of {floor:.2f} or more."), figure, curve]
    right = estimate(m.accuracy(found.true[kept], found.pred[kept]))
    share = 100 * right.n / len(look.part)
    sentence = (
        f"From a confidence of {floor:.2f} on, {right.n:,} of {count_of_faces(len(look.part))} are answered "
        f"({share:.1f} %), {100 * right.value:.1f} % of them rightly ({100 * right.low:.1f} to {100 * right.high:.1f})."
    )
    return [message(sentence), figure, curve]


def _abstained(look: Look, floor: float) -> str:
    """A table of the share of each group that is not answered, those not found among them, and of how many answers are
    right."""
    part = look.part
    is_left, is_right = ~(part.confidence >= floor), part.true == part.pred
    rows, saved = [], []
    for name in ("gender", "race", "age_group"):
        groups = part.rows[f"true_{name}"]
        for label in TASK_CLASSES[name]:
            inside = (groups == label).to_numpy()
            if not inside.any():
                continue
            count, share = int(is_left[inside].sum()), estimate(m.mean(is_left[inside]))
            right = estimate(m.mean(is_right[inside & ~is_left]))
            said = estimate_html(right)
            if right.n < LEAST_GROUP:
                said = f'<span class="agr-faint">{said}</span>'
            cells = [f"{TASK_TITLES[name]}: {label}", f"{share.n:,}", f"{count:,}", estimate_html(share), said]
            rows.append((cells, "agr-faint" * (share.n < LEAST_GROUP)))
            counts = {"by": name, "group": label, "n": share.n, "not_answered": count, "answered": right.n}
            saved.append({**counts, "right": right.value, "right_low": right.low, "right_high": right.high})
    head = ["Group", "Faces", "Not answered, or not found", "The same, %", "Right, of those answered, %"]
    return table_html(head, rows) + csv_link("abstain_groups", pd.DataFrame(saved), "Download the table as CSV")


VIEW = View("Abstain", layout, show)
