"""Groups: a figure with its interval for each group of faces, and the widest gap in a sentence."""

import gradio as gr
import pandas as pd
from gradio.components import Component

from agr.evaluation import figures as f
from agr.evaluation.summary import LEAST_GROUP, Group, ages_in_common, groups_of
from agr.labels import AGE_GROUPS, TASK_CLASSES, TASK_TITLES

from ...cards import message
from ..figure_cards import TITLES
from ..html import csv_link, estimate_html, group_rows, table_html
from ..look import Look
from ..view import Parts, View, figure_slot, text_slot

KINDS = ["accuracy", "selection rate", "age error", "age bias", "80 % interval holds"]
SAME = (
    "Grouped by {0}, the share that is taken for each {0} is the confusion matrix, and no gap between groups: choose "
    "another way to group, or another figure."
)
_AGE_FIGURES = {"age error": "age_mae", "age bias": "age_bias", "80 % interval holds": "age_interval_coverage"}
_COLUMNS = ("gender_accuracy", "race_accuracy", "age_group_accuracy", "age_mae", "age_bias")
_YEARS_APART = 5.0
"""Difference between the mean ages of two groups from which a message says that age affects their figures too."""


def layout(reports: list[str]) -> Parts:
    with gr.Row():
        group_by = gr.CheckboxGroup(
            [("gender", "gender"), ("race", "race"), ("age group", "age_group")],
            value=["race"],
            label="Group by",
            min_width=300,
        )
        figure = gr.Radio(
            KINDS, value=KINDS[0], label="Figure", info="accuracy and selection rate are the task's", min_width=400
        )
        at_equal_ages = gr.Checkbox(
            False, label="at equal ages", info="as if every group had the ages of all these faces", min_width=240
        )
    gap = text_slot("gap")
    controls: dict[str, Component] = {"group_by": group_by, "figure": figure, "at_equal_ages": at_equal_ages}
    return Parts([gap, figure_slot("groups"), text_slot("groups-table")], controls)


def show(look: Look) -> list:
    by = tuple(look.options["group_by"] or ())
    if not by:
        return [message("Choose at least one way to group."), None, ""]
    is_by_age = "age_group" in by
    at_equal_ages = bool(look.options["at_equal_ages"]) and not is_by_age  # groups by age have one age each
    groups = look.once(("groups", by, at_equal_ages), lambda: groups_of(look.table, by, at_equal_ages=at_equal_ages))
    if not groups:
        return [
            message(look.nothing() or "None of these faces has such labels: choose another way to group."),
            None,
            "",
        ]
    kind = look.options["figure"]
    if kind == "selection rate" and look.task in by:
        return [message(SAME.format(TASK_TITLES[look.task].lower())), None, _table(groups, by, {})]
    names = _figures_of(kind, look.task)
    title = f"{TASK_TITLES[look.task]}: {kind}" if kind in KINDS[:2] else kind
    drawn = f.group_bars(groups, names, title + ", at equal ages" * at_equal_ages)
    widest = _widest(groups, names)
    said = _gap(groups, widest, names[widest])
    if is_by_age and look.options["at_equal_ages"]:
        said += " “At equal ages” has no effect while faces are grouped by age."
    if at_equal_ages:
        said += look.once(("common ages", by), lambda: _left_out(look.table, by))
    elif not is_by_age:
        said += look.once(("ages", by), lambda: _ages(look.table, by))
    return [message(said), drawn, _table(groups, by, names)]


def _left_out(table: pd.DataFrame, by: tuple[str, ...]) -> str:
    """A sentence on the ages that are not compared, as some group has no face of that age."""
    absent = [age for age, count in zip(AGE_GROUPS, ages_in_common(table, by), strict=True) if not count]
    if not absent:
        return ""
    return f" Compared without the ages {', '.join(absent)}: there some group has no face."


def _ages(table: pd.DataFrame, by: tuple[str, ...]) -> str:
    """A sentence on the groups' mean ages, if these are too far apart to compare the figures as they are."""
    aged = table[table["true_age"].notna()]
    ages = aged.groupby([aged[f"true_{name}"] for name in by], observed=True)["true_age"].agg(["mean", "size"])
    mean = ages["mean"][ages["size"] >= LEAST_GROUP]
    if len(mean) < 2 or mean.max() - mean.min() < _YEARS_APART:
        return ""
    low, high = (", ".join(name) if isinstance(name, tuple) else name for name in (mean.idxmin(), mean.idxmax()))
    return (
        f" The groups differ in age too, from {mean.min():.0f} years on average ({low}) to {mean.max():.0f} ({high}), "
        "and so in how hard they are: compare them at equal ages."
    )


def _figures_of(kind: str, task: str) -> dict[str, str]:
    """Name -> title: of one figure, or of a selection rate for each class."""
    if kind == "selection rate":
        return {f"{task}_selection_{label}": f"predicted {label}" for label in TASK_CLASSES[task]}
    return {_AGE_FIGURES.get(kind, f"{task}_accuracy"): kind}


def _sure(groups: list[Group], name: str) -> list[Group]:
    return [group for group in groups if group.figures[name].n >= LEAST_GROUP]


def _widest(groups: list[Group], names: dict[str, str]) -> str:
    """The figure with the widest gap between groups that are large enough."""

    def width(name: str) -> float:
        values = [group.figures[name].value for group in _sure(groups, name)]
        return max(values) - min(values) if len(values) > 1 else -1.0

    return max(names, key=width)


def _gap(groups: list[Group], name: str, label: str) -> str:
    """The largest difference between groups of 30 faces and more, in words."""
    sure = _sure(groups, name)
    if len(sure) < 2:
        return f"Fewer than two groups have {LEAST_GROUP} faces or more: no gap to name."
    low, high = (pick(sure, key=lambda group: group.figures[name].value) for pick in (min, max))
    factor, digits, unit = (1, 2, "years") if name in f.IN_YEARS else (100, 1, "%")

    def said(group: Group) -> str:
        e = group.figures[name]
        value, least, most = (f"{factor * number:.{digits}f}" for number in (e.value, e.low, e.high))
        return f"{', '.join(group.names)} {value} {unit} ({least} to {most}, n = {e.n})"

    grey = f"Groups under {LEAST_GROUP} faces are faint."
    if low.figures[name].value == high.figures[name].value:
        return f"No gap ({label}): {said(low)}, and so the others. {grey}"
    return (
        f"The widest gap ({label}): {said(low)}, {said(high)}. The more groups there are, the wider it is by chance "
        f"alone: mind the intervals. {grey}"
    )


def _table(groups: list[Group], by: tuple[str, ...], chosen: dict[str, str]) -> str:
    """The `chosen` figures (name -> title), which are drawn above, followed by the usual ones."""
    columns = [*chosen, *(name for name in _COLUMNS if name not in chosen)]
    # TITLES has no selection rates.
    titles = {name: (f"{label}, %", 100, 1) for name, label in chosen.items()} | TITLES
    rows = [
        (
            [", ".join(group.names), f"{group.n:,}", *(_cell(group, name, *titles[name][1:]) for name in columns)],
            "agr-faint" * (group.n < LEAST_GROUP),
        )
        for group in groups
    ]
    head = ["Group", "Faces", *(titles[name][0] for name in columns)]
    return table_html(head, rows) + csv_link("groups", group_rows(groups, by))


def _cell(group: Group, name: str, factor: float, digits: int) -> str:
    """Faint if few faces of a large group have the label; for a small group, the whole row is faint."""
    text = estimate_html(group.figures[name], factor, digits)
    is_small = group.figures[name].n < LEAST_GROUP <= group.n
    return f'<span class="agr-faint">{text}</span>' if is_small else text


VIEW = View("Groups", layout, show)
