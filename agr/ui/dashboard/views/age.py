"""Age: predicted against true, error by age, cumulative score, how often the interval holds."""

import gradio as gr
import pandas as pd

from agr.evaluation import figures as f
from agr.evaluation.metrics import cumulative_score
from agr.evaluation.summary import LEAST_GROUP, Group, decades_of

from ...cards import message
from ..html import csv_link, estimate_html, group_rows, table_html
from ..look import Look
from ..view import Parts, View, figure_slot, text_slot

AGES = {"true_age": "true age", "pred_age": "predicted age"}
"""Ages by which the bands can be made."""
NOTES = {
    "true_age": "By true age, the young come out as older and the old as younger, as with any estimate from noisy "
    "labels: it says how faces of an age fare, not how far to trust an answer.",
    "pred_age": "By predicted age, these are the figures of an answer as a reader sees it, who does not know the true "
    "age: the bias should be near zero here, and an interval that holds less often is too narrow for such answers.",
}
WITHIN = (2, 5, 10, 15, 20)
"""Years of the cumulative scores in the sentence."""


def layout(reports: list[str]) -> Parts:
    by = gr.Radio([(f"by {title}", name) for name, title in AGES.items()], value="true_age", label="Bands")
    with gr.Row():
        density, bands = figure_slot("age"), figure_slot("age_error")
    with gr.Row():
        score, coverage = figure_slot("cumulative_score"), figure_slot("interval_coverage")
    return Parts([density, bands, score, coverage, text_slot("age-table")], {"age_by": by})


def show(look: Look) -> list:
    by = look.options["age_by"]
    return look.once(("age", by), lambda: _drawn(look.table, by))


def _drawn(table: pd.DataFrame, by: str) -> list:
    bands = decades_of(table, by)
    return [
        f.age_density(table),
        f.age_error_by_band(bands, AGES[by]),
        f.cumulative_score_curve(table),
        f.interval_coverage_by_band(bands, AGES[by]),
        _cumulative(table) + _table(bands, by),
    ]


def _table(bands: list[Group], by: str) -> str:
    rows = [
        (
            [
                group.names[0],
                f"{group.n:,}",
                estimate_html(group.figures["age_mae"], 1, 2),
                estimate_html(group.figures["age_bias"], 1, 2),
                estimate_html(group.figures["age_interval_coverage"]),
            ],
            "agr-faint" * (group.n < LEAST_GROUP),
        )
        for group in bands
    ]
    age = AGES[by].capitalize()
    head = [age, "Faces", "Mean absolute error, years", "Bias, years", "80 % interval holds, %"]
    note = f'<p class="agr-note">{NOTES[by]} Bands under {LEAST_GROUP} faces are faint.</p>'
    return table_html(head, rows) + note + csv_link("age_bands", group_rows(bands, [by]))


def _cumulative(table: pd.DataFrame) -> str:
    """Some points of the cumulative score curve in a sentence."""
    labelled = table[table["true_age"].notna().to_numpy()]
    if not len(labelled):
        return ""
    true, pred = labelled["true_age"], labelled["pred_age"].astype(float)
    shares = {years: cumulative_score(true, pred, years=years).value for years in WITHIN}
    return message(f"Within {', '.join(f'{years} years {100 * share:.0f} %' for years, share in shares.items())}.")


VIEW = View("Age", layout, show)
