"""Groups: a figure with its interval for each group of faces, and the widest gap in a sentence."""

import gradio as gr
import pandas as pd
from gradio.components import Component

from agr.evaluation import figures as f
from agr.evaluation.bootstrap import unpaired_difference
from agr.evaluation.summary import LEAST_AT_AN_AGE, LEAST_GROUP, Group, ages_in_common, groups_of
from agr.labels import AGE_GROUPS, TASK_CLASSES, TASK_TITLES

from ...cards import message
from ..figure_cards import TITLES
from ..html import FACES_NOTE, csv_link, estimate_html, group_rows, table_html
from ..look import Look
from ..view import Parts, View, figure_slot, text_slot

KINDS = ["accuracy", "selection rate", "recall of each class", "age error", "age bias", "80 % interval holds"]
_OF_TASK = KINDS[:3]
_OF_CLASSES = {"selection rate": ("selection", "predicted"), "recall of each class": ("recall", "recall of")}
"""Kinds with a figure for each class: its name in `Group.figures`, and what stands before the class in its title."""
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
        with gr.Column(scale=2, min_width=300):
            group_by = gr.CheckboxGroup(
                [("gender", "gender"), ("race", "race"), ("age group", "age_group")], value=["race"], label="Group by"
            )
            at_equal_ages = gr.Checkbox(
                False, label="at equal ages", info="as if every group had the ages of all these faces"
            )
        with gr.Column(scale=3, min_width=300):
            figure = gr.Radio(KINDS, value=KINDS[0], label="Figure", info="the first three are the task's")
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
    if kind in _OF_CLASSES and look.task in by:
        return [message(SAME.format(TASK_TITLES[look.task].lower())), None, _table(look, groups, by, {})]
    names = _figures_of(kind, look.task)
    title = f"{TASK_TITLES[look.task]}: {kind}" if kind in _OF_TASK else kind
    drawn = f.group_bars(groups, names, title + ", at equal ages" * at_equal_ages)
    widest = _widest(groups, names)
    said = _gap(groups, widest, names[widest])
    if kind == "recall of each class" and len(names) == 2 and len(_sure(groups, widest)) > 1:
        said += " If every face is found, the wider of the two classes' gaps is the equalized odds difference."
    if is_by_age and look.options["at_equal_ages"]:
        said += " “At equal ages” has no effect while faces are grouped by age."
    if at_equal_ages:
        label = widest.removeprefix(f"{look.task}_recall_") if kind == "recall of each class" else None
        said += look.once(("common ages", by, look.task, label), lambda: _left_out(look.table, by, look.task, label))
    elif not is_by_age:
        said += look.once(("ages", by), lambda: _ages(look.table, by))
    return [message(said), drawn, _table(look, groups, by, names | _labelled(names))]


def _left_out(table: pd.DataFrame, by: tuple[str, ...], task: str, label: str | None) -> str:
    """A sentence on the ages that are not compared, as some group has few faces of that age, or, if a `label` of the
    task is given, few that carry it."""
    if label:
        table = table[table[f"true_{task}"] == label]
    there = {*table["true_age_group"].dropna()}
    common = dict(zip(AGE_GROUPS, ages_in_common(table, by), strict=True))
    absent = [age for age, count in common.items() if age in there and not count]
    if not absent:
        return ""
    faces = f"faces labelled {label}" if label else "faces"
    return f" Compared without the ages {', '.join(absent)}: there some group has fewer than {LEAST_AT_AN_AGE} {faces}."


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
    """Name -> title: of one figure, or of one for each class."""
    if kind in _OF_CLASSES:
        name, title = _OF_CLASSES[kind]
        return {f"{task}_{name}_{label}": f"{title} {label}" for label in TASK_CLASSES[task]}
    return {_AGE_FIGURES.get(kind, f"{task}_accuracy"): kind}


def _labelled(names: dict[str, str]) -> dict[str, str]:
    """Name -> title: for each selection rate, the share of faces that are labelled as the class."""
    return {
        _label_rate(name): title.replace("predicted", "labelled")
        for name, title in names.items()
        if _label_rate(name) != name
    }


def _label_rate(selection_rate: str) -> str:
    return selection_rate.replace("_selection_", "_labelled_")


def _sure(groups: list[Group], name: str) -> list[Group]:
    return [group for group in groups if not group.is_small(name)]


def _widest(groups: list[Group], names: dict[str, str]) -> str:
    """The figure with the widest gap between groups that are large enough."""

    def width(name: str) -> float:
        values = [group.figures[name].value for group in _sure(groups, name)]
        return max(values) - min(values) if len(values) > 1 else -1.0

    return max(names, key=width)


def _gap(groups: list[Group], name: str, title: str) -> str:
    """The largest difference between groups that are not small, in words."""
    sure, effectively = _sure(groups, name), "effectively " * bool(groups[0].effective)
    if len(sure) < 2:
        return f"Fewer than two groups have {effectively}{LEAST_GROUP} faces or more: no gap to name."
    low, high = (pick(sure, key=lambda group: group.figures[name].value) for pick in (min, max))
    factor, digits, unit = (1, 2, "years") if name in f.IN_YEARS else (100, 1, "%")

    def said(group: Group) -> str:
        e = group.figures[name]
        value, least, most = (f"{factor * number:.{digits}f}" for number in (e.value, e.low, e.high))
        n = f"{e.n}, {effectively}{group.effective[name]:.0f}" if effectively else f"{e.n}"
        return f"{', '.join(group.names)} {value} {unit} ({least} to {most}, n = {n})"

    grey = f"Groups {effectively}under {LEAST_GROUP} faces are faint."
    gap = unpaired_difference(low.figures[name], high.figures[name])
    if not gap.value:
        return f"No gap ({title}): {said(low)}, and so the others. {grey}"
    size, least, most = (f"{factor * number:.{digits}f}" for number in (gap.value, gap.low, gap.high))
    return (
        f"The widest gap ({title}) is {size} {'points' if unit == '%' else unit} ({least} to {most}, not corrected for "
        f"being chosen as the widest): {said(low)}, {said(high)}.{_in_labels(low, high, name)} The more groups there "
        f"are, the wider it is by chance alone. {grey}"
    )


def _in_labels(low: Group, high: Group, name: str) -> str:
    """A sentence on how much of a gap between selection rates is in the labels already."""
    if _label_rate(name) == name:
        return ""
    low_rate, high_rate = (group.figures[_label_rate(name)].value for group in (low, high))
    in_labels = round(100 * (high_rate - low_rate), 1)
    other_way = " the other way" * (in_labels < 0)
    return f" The labels themselves differ by {abs(in_labels):.1f} points{other_way}."


def _table(look: Look, groups: list[Group], by: tuple[str, ...], chosen: dict[str, str]) -> str:
    """The `chosen` figures (name -> title), most of which are drawn above, followed by the usual ones. A group's name
    leads to its faces."""
    columns = [*chosen, *(name for name in _COLUMNS if name not in chosen)]
    # TITLES has no figures of single classes.
    titles = {name: (f"{title}, %", 100, 1) for name, title in chosen.items()} | TITLES
    at_equal_ages = any(group.effective for group in groups)
    of_ages = look.of_ages if look.options["figure"] in _AGE_FIGURES else {}
    rows = []
    for group in groups:
        is_small = all(group.is_small(name) for name in columns)
        # The figures of fewer faces, such as those of one class, are faint where these are too few.
        effective = [f"{max(group.effective[name] for name in columns):,.0f}"] if at_equal_ages else []
        cells = [_cell(group, name, *titles[name][1:], is_faint=not is_small) for name in columns]
        only = {task: [label] for task, label in zip(by, group.names, strict=True)}
        link = look.faces_link(", ".join(group.names), **only, **of_ages)
        rows.append(([link, f"{group.n:,}", *effective, *cells], "agr-faint" * is_small))
    head = ["Group", "Faces", *["Effectively"] * at_equal_ages, *(titles[name][0] for name in columns)]
    return table_html(head, rows) + FACES_NOTE * bool(chosen) + csv_link("groups", group_rows(groups, by))


def _cell(group: Group, name: str, factor: float, digits: int, *, is_faint: bool) -> str:
    """`is_faint`: whether a figure of few faces is faint; where all of a group are, the whole row is."""
    text = estimate_html(group.figures[name], factor, digits)
    return f'<span class="agr-faint">{text}</span>' if is_faint and group.is_small(name) else text


VIEW = View("Groups", layout, show)
