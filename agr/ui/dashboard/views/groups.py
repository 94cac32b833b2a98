"""Groups: a figure for each group of faces with its interval, and the widest gap in words."""

import gradio as gr

from agr.evaluation import figures as f
from agr.evaluation.summary import Group, groups_of
from agr.labels import TASK_CLASSES

from ...cards import message
from ..html import csv_link, estimate_html, table_html
from ..look import Look
from ..tables import group_rows
from ..view import Parts, View, figure_slot, text_slot

KINDS = ["accuracy", "selection rate", "age error", "age bias", "80 % interval holds"]
_AGE_FIGURES = {"age error": "age_mae", "age bias": "age_bias", "80 % interval holds": "age_interval_coverage"}
_COLUMNS = {
    "Gender, %": ("gender_accuracy", 100, 1),
    "Race, %": ("race_accuracy", 100, 1),
    "Age group, %": ("age_group_accuracy", 100, 1),
    "Age error, years": ("age_mae", 1, 2),
    "Age bias, years": ("age_bias", 1, 2),
}
"""Columns of the table: a figure of each group, its factor and digits."""


def layout(reports: list[str]) -> Parts:
    with gr.Row():
        group_by = gr.CheckboxGroup(
            [("gender", "gender"), ("race", "race"), ("age group", "age_group")],
            value=["race"],
            label="Group by",
            min_width=300,
        )
        figure = gr.Radio(
            KINDS, value=KINDS[0], label="Figure (accuracy and selection rate are the task's)", min_width=300
        )
    gap = text_slot("gap")
    return Parts([gap, figure_slot("groups"), text_slot("groups-table")], {"group_by": group_by, "figure": figure})


def show(look: Look) -> list:
    by = tuple(look.options["group_by"] or ())
    if not by:
        return [message("Choose at least one way to group."), None, ""]
    groups = look.once(("groups", by), lambda: groups_of(look.table, by))
    if not groups:
        return [message("The filters leave no face with such labels."), None, ""]
    kind = look.options["figure"]
    names = _figures_of(kind, look.task)
    title = f"{f.TASK_TITLES[look.task]}: {kind}" if kind in KINDS[:2] else kind
    drawn = f.group_bars(groups, names, title)
    widest = _widest(groups, names)
    return [message(_gap(groups, widest, names[widest])), drawn, _table(groups, by)]


def _figures_of(kind: str, task: str) -> dict[str, str]:
    """Figure -> what it is called: one, or a selection rate for each class."""
    if kind == "selection rate":
        return {f"{task}_selection_{label}": f"predicted {label}" for label in TASK_CLASSES[task]}
    return {_AGE_FIGURES.get(kind, f"{task}_accuracy"): kind}


def _sure(groups: list[Group], name: str) -> list[Group]:
    return [group for group in groups if group.figures[name].n >= f.LEAST_GROUP]


def _widest(groups: list[Group], names: dict[str, str]) -> str:
    """The figure with the widest gap among groups that are large enough."""

    def width(name: str) -> float:
        values = [group.figures[name].value for group in _sure(groups, name)]
        return max(values) - min(values) if len(values) > 1 else -1.0

    return max(names, key=width)


def _gap(groups: list[Group], name: str, label: str) -> str:
    """The largest difference between groups of 30 faces and more, in words."""
    sure = _sure(groups, name)
    if len(sure) < 2:
        return f"Fewer than two groups have {f.LEAST_GROUP} faces or more: no gap to name."
    low, high = (pick(sure, key=lambda group: group.figures[name].value) for pick in (min, max))

    def said(group: Group) -> str:
        estimate = group.figures[name]
        in_years = name in ("age_mae", "age_bias")
        value = f"{estimate.value:.2f} years" if in_years else f"{100 * estimate.value:.1f} %"
        return f"{', '.join(group.names)} {value} (n = {estimate.n})"

    return f"The widest gap ({label}): {said(low)}, {said(high)}. Groups under {f.LEAST_GROUP} faces are grey."


def _table(groups: list[Group], by: tuple[str, ...]) -> str:
    rows = [
        (
            [
                ", ".join(group.names),
                str(group.n),
                *(_cell(group, name, factor, digits) for name, factor, digits in _COLUMNS.values()),
            ],
            "agr-grey" * (group.n < f.LEAST_GROUP),
        )
        for group in groups
    ]
    return table_html(["Group", "Faces", *_COLUMNS], rows) + csv_link("groups", group_rows(groups, by))


def _cell(group: Group, name: str, factor: float, digits: int) -> str:
    """Grey where few faces of a large group carry the label; of a small group the whole row is."""
    text = estimate_html(group.figures[name], factor, digits)
    is_small = group.figures[name].n < f.LEAST_GROUP <= group.n
    return f'<span class="agr-grey">{text}</span>' if is_small else text


VIEW = View("Groups", layout, show)
