"""Age: predicted against true, error by age, cumulative score, how often the interval holds."""

import gradio as gr
import pandas as pd

from agr.evaluation import figures as f
from agr.evaluation.metrics import cumulative_score
from agr.evaluation.summary import LEAST_GROUP, groups_of

from ...cards import message
from ..html import csv_link, estimate_html, group_rows, table_html
from ..look import Look
from ..view import Parts, View, figure_slot, text_slot

SMALL = (
    f'<p class="agr-note">Bands under {LEAST_GROUP} faces are faint. By true age, the young come out as older and '
    "the old as younger, as with any estimate from noisy labels.</p>"
)

WITHIN = (2, 5, 10, 15, 20)
"""Years of the cumulative scores in the sentence."""


def layout(reports: list[str]) -> Parts:
    with gr.Row():
        density, bands = figure_slot("age"), figure_slot("age_error")
    with gr.Row():
        score, coverage = figure_slot("cumulative_score"), figure_slot("interval_coverage")
    return Parts([density, bands, score, coverage, text_slot("age-table")])


def show(look: Look) -> list:
    return look.once("age", lambda: _drawn(look.table))


def _drawn(table: pd.DataFrame) -> list:
    bands = groups_of(table, ["age_band"])
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
    head = ["Age", "Faces", "Mean absolute error, years", "Bias, years", "80 % interval holds, %"]
    return [
        f.age_density(table),
        f.age_error_by_band(bands),
        f.cumulative_score_curve(table),
        f.interval_coverage_by_band(bands),
        _cumulative(table) + table_html(head, rows) + SMALL + csv_link("age_bands", group_rows(bands, ["age"])),
    ]


def _cumulative(table: pd.DataFrame) -> str:
    """Some points of the cumulative score curve in a sentence."""
    labelled = table[table["true_age"].notna().to_numpy()]
    if not len(labelled):
        return ""
    true, pred = labelled["true_age"], labelled["pred_age"].astype(float)
    shares = {years: cumulative_score(true, pred, years=years).value for years in WITHIN}
    return message(f"Within {', '.join(f'{years} years {100 * share:.0f} %' for years, share in shares.items())}.")


VIEW = View("Age", layout, show)
