"""Compare: two reports on the same files, the faces that only one of them gets right, and those whose label both
contradict."""

import math
from dataclasses import replace

import gradio as gr
import pandas as pd

from agr.evaluation.compare import Compared, common, compare, contradicted, disagreements
from agr.evaluation.report import PROBABILITY_COLUMNS, ReportError
from agr.evaluation.selection import select
from agr.evaluation.summary import LEAST_GROUP

from ...cards import count_of_faces, message
from ..figure_cards import TITLES, direction
from ..gallery import chosen, gallery, heading, pictures_of
from ..html import csv_link, difference_html, estimate_html, face_columns, table_html
from ..look import NO_FACE, Look
from ..view import Parts, View, click_slot, text_slot

SIDES = ["only the other is right", "only this one is right", "both contradict the label alike"]
UNHEEDED = (
    "This view ignores the filters by predicted class and confidence: faces chosen by one model's confidence would "
    "make the other look better than it is."
)
SURE = 0.9
"""Probability from which on a contradiction counts as sure."""


def layout(reports: list[str]) -> Parts:
    with gr.Row():
        other = gr.Dropdown(
            reports,
            value=reports[1] if len(reports) > 1 else None,
            label="Compare with",
            elem_id="other",
            min_width=240,
        )
        side = gr.Radio(SIDES, value=SIDES[0], label="Show faces where", min_width=300)
    table = text_slot("compare")
    tiles = click_slot("compare-faces")
    return Parts([table, tiles, text_slot("compare-csv")], {"other": other, "side": side}, [tiles])


def show(look: Look) -> list:
    if isinstance(look.other, ReportError):
        return [message(str(look.other), is_error=True), "", ""]
    if look.other is None or look.other is look.opened:
        return [message("Choose another report to compare this one with."), "", ""]
    selection = replace(look.selection, predicted=(), confidence=(0.0, 1.0))
    first = look.opened.once((selection.faces, "table"), lambda: select(look.opened.predictions, selection))
    second = look.other.predictions
    if not len(first):
        return [message(NO_FACE), "", ""]
    # A comparison with a visitor's own report is cached in that one, never in a report that all visitors share.
    keeper = look.other if look.other.is_own else look.opened
    key = (selection.faces, look.opened.title, look.other.title)
    this, other = keeper.once((key, "common"), lambda: common(first, second))
    if not len(this):
        return [message("The two reports have no labelled file in common: there is nothing to compare."), "", ""]
    rows = keeper.once((key, "compare"), lambda: compare(this, other))
    rows = [row for row in rows if row.name not in selection.senseless]
    names = (look.opened.title, look.other.title)
    replaced = look.options["other"] == look.opened.title
    said = message(f"{names[0]} is the open report: compared with {names[1]}.") if replaced else ""
    said += message(UNHEEDED) if selection != look.selection else ""
    return [said + _table(rows, len(this), names), *_faces(look, this, other, look.other.title)]


def _table(rows: list[Compared], n: int, names: tuple[str, str]) -> str:
    text = message(
        f"{n:,} files are in both with the same labels. The difference is {names[1]} minus {names[0]}, with its "
        f"95 % interval from resampled pairs; it is bold where the interval, of {LEAST_GROUP} faces or more, excludes "
        "zero, except for calibration errors, whose intervals are rough. Of twenty figures without any difference, "
        "about one is bold by chance."
    )
    cells = []
    for row in rows:
        title, factor, digits = TITLES[row.name]
        is_rough = row.name.endswith("_ece")
        gap = row.difference
        said = (
            estimate_html(gap, factor, digits, signed=True)
            if is_rough
            else difference_html(gap, factor, digits, better=direction(row.name))
        )
        values = ("–" if math.isnan(value) else f"{value * factor:.{digits}f}" for value in (row.first, row.second))
        cells.append(([title, said, *values], ""))
    table = pd.DataFrame(
        [
            [row.name, row.first, row.second, row.difference.value, row.difference.low, row.difference.high]
            for row in rows
        ],
        columns=["figure", *names, "difference", "difference_low", "difference_high"],
    )
    return text + table_html(["Figure", "Difference", *names], cells, is_sortable=False) + csv_link("compare", table)


def _faces(look: Look, this: pd.DataFrame, other: pd.DataFrame, name: str) -> list[str]:
    """Tiles, and their faces as a CSV."""
    if look.options["side"] == SIDES[2]:
        return _contradicted(look, this, other)
    first, second = disagreements(this, other, look.task)
    is_other_right = look.options["side"] == SIDES[0]
    files, wrong = (second, this) if is_other_right else (first, other)
    this, other, wrong = (t[t["file"].isin(files)].set_index("file", drop=False) for t in (this, other, wrong))
    sureness = wrong[PROBABILITY_COLUMNS[look.task]].max(axis=1)
    rows = this.loc[sureness.sort_values(ascending=False, kind="stable").index]  # undetected faces come last
    title = (
        f"Only {name} is right: {count_of_faces(len(second))}; only {look.opened.title}: {len(first):,}. Below are "
        f"those of {name if is_other_right else look.opened.title}, first those of which the other was surest."
    )
    tiles = gallery(
        rows, look.task, pictures_of(look.opened), page=look.spot.page,
        note=lambda row: f"the other: {heading(other.loc[row['file']].to_dict(), look.task)[1]}",
    )  # fmt: skip
    return [message(title) + tiles, csv_link("disagreements", rows[face_columns(look.task)])]


def _contradicted(look: Look, this: pd.DataFrame, other: pd.DataFrame) -> list[str]:
    sureness = contradicted(this, other, look.task)
    rows = this.set_index("file", drop=False).loc[sureness.index]
    title = message(
        f"Both models give {count_of_faces(len(sureness))} the same class, and the label another; for "
        f"{(sureness >= SURE).sum()} of them both are at least {SURE:.0%} sure. Where models err alike and are sure, "
        "the label is often wrong, unless one model was taught by the other: open the faces to judge."
    )
    tiles = gallery(rows, look.task, pictures_of(look.opened), page=look.spot.page, ticked=look.ticked)
    table = rows[face_columns(look.task)].assign(sureness=sureness.to_numpy())
    return [title + chosen(look) + tiles, csv_link("contradicted", table)]


VIEW = View("Compare", layout, show)
