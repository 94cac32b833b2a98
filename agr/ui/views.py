"""What each view of the dashboard shows of a look at a report: HTML and Plotly figures. Knows no Gradio."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from agr.evaluation import figures as f
from agr.evaluation import metrics as m
from agr.evaluation.mislabels import RELABEL_COLUMNS, mislabels
from agr.evaluation.report import PROBABILITY_COLUMNS, EvalReport
from agr.evaluation.selection import Selection, select
from agr.evaluation.summary import class_indices, group_columns, values
from agr.labels import TASK_CLASSES

from .cards import data_link, message
from .figure_cards import figure_cards
from .grid import confusion_grid, gallery

PAGE_SIZE = 24
"""Faces of a gallery that are shown at once."""
GROUP_FIGURES = {
    "Race accuracy": ("accuracy", "race"),
    "Gender accuracy": ("accuracy", "gender"),
    "Age group accuracy": ("accuracy", "age_group"),
    "Age error (years)": ("age_error", None),
}


@dataclass(frozen=True)
class Look:
    """What the visitor has chosen. `table`: the selected predictions, with `true_age_group` beside them."""

    report: EvalReport
    selection: Selection
    table: pd.DataFrame
    is_filtered: bool
    options: dict[str, Any]

    @property
    def task(self) -> str:
        return self.selection.task


def look_at(report: EvalReport, chosen: Sequence, options: dict[str, Any]) -> Look:
    _, task, twins, gender, race, age_group, predicted, least, most = chosen
    selection = Selection(
        task=task,
        true_gender=tuple(gender or ()),
        true_race=tuple(race or ()),
        true_age_group=tuple(age_group or ()),
        # Between a change of task and its answer the old task's classes are still chosen.
        predicted=tuple(name for name in predicted or () if name in TASK_CLASSES[task]),
        confidence=(min(least, most), max(least, most)),
        twins=twins,
    )
    table = select(report.predictions, selection)
    table = table.assign(true_age_group=group_columns(table)["true_age_group"])
    is_filtered = replace(selection, task="race", twins=True) != Selection()
    return Look(report, selection, table, is_filtered, options)


def sentence_of(look: Look) -> str:
    n, model, data = len(look.table), look.report.summary["model"], look.report.summary["data"]
    found = int(look.table["detected"].sum())
    return (
        f"{n} of {len(look.report.predictions)} faces, {found} detected. {model.get('backbone', 'Model')} on "
        f"{data.get('name', 'data')}, {data.get('subset', '')} subset, evaluated {look.report.summary['created'][:10]}."
    )


def views_of(find: Callable[[str], bytes | None]) -> dict[str, Callable[[Look], list]]:
    """What each view answers to a look, in the order of its components."""
    return {
        "Figures": lambda look: [_figures_view(look)],
        "Confusion": lambda look: _confusion_view(look, find),
        "Mislabels": lambda look: _mislabels_view(look, find),
        "Age": lambda look: [
            f.age_density(look.table),
            f.age_error_by_band(look.table),
            f.cumulative_score_curve(look.table),
        ],
        "Calibration": lambda look: [f.reliability_diagram(look.table, look.task)],
        "Groups": _groups_view,
        "Abstain": _abstain_view,
        "Training": _training_view,
    }


def _figures_view(look: Look) -> str:
    """Figures of an unfiltered report are read from it; those of a selection are computed, without their intervals."""
    if look.is_filtered:
        return figure_cards(values(look.table))
    return figure_cards(look.report.summary["figures"]["all" if look.selection.twins else "without_twins"])


def _confusion_view(look: Look, find: Callable[[str], bytes | None]) -> list:
    true, pred = class_indices(look.table, look.task)
    counts = m.confusion_matrix(true, pred, len(TASK_CLASSES[look.task]))
    by, hide, cell = look.options["by"], look.options["hide"], look.options["cell"]
    cell = (cell[0], cell[1]) if cell and max(cell) < len(counts) else None
    grid = confusion_grid(counts, look.task, by=by, hide_diagonal=hide, chosen=cell)
    heatmap = f.confusion_heatmap(counts, look.task, by=by, hide_diagonal=hide)
    if cell is None:
        return [grid, heatmap, message("Choose a cell to see its faces.")]
    labels = TASK_CLASSES[look.task]
    inside = look.table[(true == cell[0]) & (pred == cell[1])]
    title = f"true {labels[cell[0]]}, predicted {labels[cell[1]]}: {len(inside)} faces"
    if not len(inside):
        return [grid, heatmap, message(f"{title}. There is none to show.")]
    confidence = inside[f"prob_{look.task}_{labels[cell[1]]}"].astype(float)
    ordered = inside.loc[confidence.sort_values(ascending=False).index]
    return [grid, heatmap, message(_shown(title, ordered)) + gallery(ordered.head(PAGE_SIZE), look.task, find)]


def _mislabels_view(look: Look, find: Callable[[str], bytes | None]) -> list:
    ranked = mislabels(look.table, look.task, by=look.options["order"].replace(" ", "_"))
    confident = ranked[ranked["wrong_confidence"] >= look.options["threshold"]]
    title = (
        f"{len(ranked)} faces are predicted as another class than their label says, {len(confident)} of them with a "
        f"probability of {look.options['threshold']:.2f} or more. Choose those whose label looks wrong"
    )
    rows = look.table.loc[confident.index]
    ticked = look.options["ticked"]
    marked = mislabels(look.report.predictions, look.task).query("file in @ticked")
    export = message(f"Suspicious labels chosen: {len(marked)}.")
    if len(marked):
        export += data_link("relabel.csv", "Download the relabel list", marked[RELABEL_COLUMNS].to_csv(index=False))
    faces = gallery(rows.head(PAGE_SIZE), look.task, find, ticked=ticked)
    return [message(_shown(title, rows)) + faces, export]


def _shown(title: str, rows: pd.DataFrame) -> str:
    return f"{title}; the first {PAGE_SIZE} are shown." if len(rows) > PAGE_SIZE else f"{title}."


def _groups_view(look: Look) -> list:
    by = [f"true_{name}" for name in look.options["group_by"]]
    if not by:
        return [None, message("Choose at least one way to group.")]
    kind, task = GROUP_FIGURES[look.options["figure"]]
    names, estimates = [], []
    for group, part in look.table.groupby(by, observed=True):
        found = part[part["detected"].to_numpy(bool)] if kind == "age_error" else part
        if not len(found):
            continue
        names.append(", ".join(map(str, group)))
        statistic = (
            m.accuracy(*class_indices(found, task))
            if task
            else m.mean_absolute_error(found["true_age"], found["pred_age"].astype(float))
        )
        estimates.append(m.estimate(statistic, m.bootstrap_weights(len(found))))
    if not names:
        return [None, message("No face is left by the filters.")]
    figure = f.group_bars(names, estimates, look.options["figure"])
    return [figure, message(_gap(names, estimates, kind == "accuracy"))]


def _gap(names: list[str], estimates: list[m.Estimate], is_share: bool) -> str:
    """The largest difference between groups of 30 faces and more, in words."""
    sure = [(e, name) for name, e in zip(names, estimates, strict=True) if e.n >= f.LEAST_GROUP]
    if len(sure) < 2:
        return f"Fewer than two groups have {f.LEAST_GROUP} faces or more: no gap to name."
    low, high = min(sure, key=lambda pair: pair[0].value), max(sure, key=lambda pair: pair[0].value)

    def said(e: m.Estimate) -> str:
        return f"{100 * e.value:.1f} % (n = {e.n})" if is_share else f"{e.value:.2f} years (n = {e.n})"

    return f"The widest gap: {low[1]} {said(low[0])}, {high[1]} {said(high[0])}. Groups under {f.LEAST_GROUP} are grey."


def _abstain_view(look: Look) -> list:
    found = look.table[look.table["detected"].to_numpy(bool)]
    confidence = found[PROBABILITY_COLUMNS[look.task]].max(axis=1).to_numpy(float)
    true, pred = class_indices(found, look.task)
    kept, floor = confidence >= look.options["floor"], look.options["floor"]
    if not kept.any():
        return [message(f"No face is answered with a confidence of {floor:.2f} or more."), None]
    share, right = kept.sum() / len(look.table), np.mean((true == pred)[kept])
    sentence = (
        f"From a confidence of {floor:.2f} on, {share:.1%} of the faces are answered, {right:.1%} of them rightly."
    )
    return [message(sentence), f.abstention_curve(look.table, look.task, floor)]


def _training_view(look: Look) -> list:
    history = look.report.history
    if history is None:
        return [None, None]
    shares = [
        c for c in map(str, history.columns) if c.startswith("valid_") and c not in ("valid_age_mae", "valid_score")
    ]
    return [
        f.training_curves(history, "train_", "Loss parts on train"),
        f.training_curves(history[["epoch", *shares]], "valid_", "Accuracies on valid"),
    ]
