"""Age: predicted against true, error by age, cumulative score, how often the interval holds."""

import re
from dataclasses import replace

import gradio as gr
import numpy as np
import pandas as pd

from agr.evaluation import figures as f
from agr.evaluation.metrics import cumulative_score
from agr.evaluation.selection import Selection
from agr.evaluation.summary import LEAST_GROUP, Group, bands_of
from agr.evaluation.tables import DECADES, decades
from agr.labels import MAX_AGE

from ...cards import message
from ..html import FACES_NOTE, csv_link, estimate_html, group_rows, table_html
from ..look import Look
from ..view import Parts, View, figure_slot, text_slot

BANDS = {"true_age": "true age", "pred_age": "predicted age", "width": "width of the interval"}
"""That by which the bands can be made."""
NOTES = {
    "true_age": "By true age, the young come out as older and the old as younger, as with any estimate from noisy "
    "labels: it says how faces of an age fare, not how far to trust an answer.",
    "pred_age": "By predicted age, these are the figures of an answer as a reader sees it, who does not know the true "
    "age: the bias should be near zero here, and an interval that holds less often is too narrow for such answers.",
    "width": "By the width of the interval, which every answer shows: where it is wider, errors should be larger, and "
    "everywhere it should hold 8 times in 10. It says which answers to trust.",
}
CHOSEN = " A filter by true age is set, which no reader of an answer could: clear it for this view."

WITHIN = (2, 5, 10, 15, 20)
"""Years of the cumulative scores in the sentence."""


def layout(reports: list[str]) -> Parts:
    by = gr.Radio([(f"by {title}", name) for name, title in BANDS.items()], value="true_age", label="Bands")
    with gr.Row():
        density, bands = figure_slot("age"), figure_slot("age_error")
    with gr.Row():
        score, coverage = figure_slot("cumulative_score"), figure_slot("interval_coverage")
    return Parts([density, bands, score, coverage, text_slot("age-table")], {"age_by": by})


def show(look: Look) -> list:
    by = look.options["age_by"]
    bands, sentence, *figures = look.once(("age", by), lambda: _drawn(look.table, by, look.selection))
    return [*figures, sentence + _table(look, bands, by)]


def _drawn(table: pd.DataFrame, by: str, selection: Selection) -> list:
    """The bands, a sentence, and the four figures; `selection`: that by which the faces of `table` were chosen."""
    bands = bands_of(table, by)
    if by == "true_age":
        bands = [replace(band, names=(_kept(band.names[0], selection.ages),)) for band in bands]
    return [
        bands,
        _cumulative(table),
        f.age_density(table),
        f.age_error_by_band(bands, BANDS[by]),
        f.cumulative_score_curve(table),
        f.interval_coverage_by_band(bands, BANDS[by]),
    ]


def _kept(band: str, ages: list[int]) -> str:
    """A band named by those of its ages that the filters keep, such as "54-59" for "50-59"."""
    inside = [age for age, place in zip(ages, decades(np.array(ages)), strict=True) if DECADES[place] == band]
    starts = [age for age in inside if age - 1 not in inside]
    ends = [age for age in inside if age + 1 not in inside]
    runs = [f"{a}-{b}" if a < b else f"{a}" for a, b in zip(starts, ends, strict=True)]
    return ", ".join(runs).replace(f"-{MAX_AGE}", "+")


def _link(look: Look, band: str) -> str:
    """The name of a band by true age, such as "54-59" or "80+", linked to its faces."""
    ages = [int(age) for age in re.findall(r"\d+", band)]
    oldest = MAX_AGE if band.endswith("+") else ages[-1]
    return look.faces_link(band, youngest=ages[0], oldest=oldest, **look.of_ages)


def _table(look: Look, bands: list[Group], by: str) -> str:
    caution = CHOSEN * (by != "true_age" and "age_group" in look.selection.chosen_by_label)
    rows = [
        (
            [
                _link(look, group.names[0]) if by == "true_age" else group.names[0],
                f"{group.n:,}",
                estimate_html(group.figures["age_mae"], 1, 2),
                estimate_html(group.figures["age_bias"], 1, 2),
                estimate_html(group.figures["age_interval_coverage"]),
            ],
            "agr-faint" * (group.n < LEAST_GROUP),
        )
        for group in bands
    ]
    band = BANDS[by].capitalize() + ", years" * (by == "width")
    head = [band, "Faces", "Mean absolute error, years", "Bias, years", "80 % interval holds, %"]
    note = f'<p class="agr-note">{NOTES[by]}{caution} Bands under {LEAST_GROUP} faces are faint.</p>'
    note += FACES_NOTE * (by == "true_age")
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
