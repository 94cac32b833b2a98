"""Compute every figure of a report from predictions, with its interval: overall, without twins, by group."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import partial

import numpy as np
import pandas as pd

from agr.labels import AGE_GROUPS, TASK_CLASSES

from . import metrics as m
from .bootstrap import Estimate, estimates, in_random_groups
from .tables import (
    AGE_BANDS,
    DECADES,
    WIDTHS,
    age_groups,
    class_indices,
    classified,
    decades,
    group_columns,
    widths,
    with_age,
)

GROUPINGS = (("gender",), ("race",), ("age_group",), ("age_band",), ("gender", "race"))
_BY = {name for names in GROUPINGS for name in names}
AGE_ERRORS = ("age_mae", "age_mse", "age_bias", "age_interval_coverage")
"""Age figures that are over the detected faces only."""
GROUP_FIGURES = (
    *("age_group_accuracy", "gender_accuracy", "race_accuracy"),
    *("age_mae", "age_bias", "age_interval_coverage"),
)
LEAST_GROUP = 30
"""Number of faces below which a group is drawn faint, and left out of the gap that is stated between groups."""

LEAST_AT_AN_AGE = 5
"""Number of faces of an age group that each group must have to be compared at that age: with fewer, single faces would
stand for all of that age, and decide the figure."""


@dataclass(frozen=True)
class Group:
    """The figures of the `n` faces that share some labels, such as ("Female", "Asian"). `effective`: at equal ages, the
    effective number of faces of each figure (`Stratified.effective`)."""

    names: tuple[str, ...]
    n: int
    figures: dict[str, Estimate]
    effective: dict[str, float] = field(default_factory=dict)

    def is_small(self, figure: str) -> bool:
        """Whether a figure rests on (effectively) fewer faces than `LEAST_GROUP`."""
        return self.effective.get(figure, self.figures[figure].n) < LEAST_GROUP


def figures(table: pd.DataFrame) -> dict[str, dict]:
    """Every figure of a table of predictions: name -> value, ends of the 95 % interval, n.

    A face that was not detected counts as wrong in every accuracy, recall and CS@5; errors in years and calibration are
    over the detected faces only, and faces without a label of the task are left out, as n shows.
    """
    return {name: asdict(value) for name, value in estimates(statistics(table)).items()}


def group_figures(table: pd.DataFrame) -> list[dict]:
    """The main figures for each group of `GROUPINGS`: {"by", "group", "n", "figures"}."""
    return [
        {
            "by": list(by),
            "group": list(group.names),
            "n": group.n,
            "figures": {name: asdict(group.figures[name]) for name in GROUP_FIGURES},
        }
        for by in GROUPINGS
        for group in groups_of(table, by)
    ]


def groups_of(table: pd.DataFrame, by: Sequence[str], *, at_equal_ages: bool = False) -> list[Group]:
    """`GROUP_FIGURES` and, of every class, the recall, the selection rate and the share of labels, for each group of
    faces with the same true labels `by`: one or more of gender, race, age_group, age_band. Faces without these labels
    belong to no group.

    `at_equal_ages`: whether to compute the figures as if every group had the age distribution of all groups together.
    The gender of small children is hard to tell, so a group with more of them would seem to be treated worse. Only
    `ages_in_common` count, and faces without an age do not. A recall is of the ages of all faces of its class.
    Raises ValueError for anything else in `by`.
    """
    if isinstance(by, str) or not set(by) <= _BY:
        raise ValueError(f"expected one or more of {sorted(_BY)} as a sequence, got {by!r}")
    table = table.assign(**group_columns(table))
    if at_equal_ages:
        table = table[table["true_age"].notna()]
    compute = partial(_group_statistics, standards=_standards(table, by) if at_equal_ages else {})
    found = []
    for names, part in table.groupby([f"true_{name}" for name in by], observed=True, sort=False):
        computed = in_random_groups(part, compute)
        effective = {name: each.effective for name, each in computed.items() if isinstance(each, m.Stratified)}
        found.append(Group(tuple(map(str, names)), len(part), estimates(computed), effective))
    return sorted(found, key=lambda group: [_place(name, kind) for name, kind in zip(group.names, by, strict=True)])


def classes_of(table: pd.DataFrame, task: str) -> list[Group]:
    """`recall`, `precision` and `f1` of each class of a task, among the faces that carry a label of it, n being those
    of the class. A face that was not detected counts as missed."""
    labels = TASK_CLASSES[task]

    def compute(some: pd.DataFrame) -> dict[str, m.Statistic]:
        part = classified(some, task)
        return {
            f"{name} {label}": of(part.true, part.pred, i)
            for i, label in enumerate(labels)
            for name, of in (("recall", m.recall), ("precision", m.precision), ("f1", m.f1))
        }

    found = estimates(in_random_groups(table, compute))
    each = ({name: found[f"{name} {label}"] for name in ("recall", "precision", "f1")} for label in labels)
    return [Group((label,), of["recall"].n, of) for label, of in zip(labels, each, strict=True)]


def bands_of(table: pd.DataFrame, by: str) -> list[Group]:
    """`AGE_ERRORS` for each of `DECADES` that has faces, `by` "true_age" or "pred_age", or for each of `WIDTHS`, by
    "width" (of the interval). Faces without a true age are left out, and, unless by true age, those that were not
    detected."""
    aged = table[table["true_age"].notna().to_numpy()] if by == "true_age" else with_age(table)
    names = WIDTHS if by == "width" else DECADES
    places = widths(aged) if by == "width" else decades(aged[by].to_numpy(float))
    found = []
    for place in np.unique(places):
        part = aged[places == place]
        errors = in_random_groups(part, lambda some: _age_errors(with_age(some)))
        found.append(Group((names[place],), len(part), estimates(errors)))
    return found


def _standards(table: pd.DataFrame, by: Sequence[str]) -> dict[str, np.ndarray]:
    """The ages in common (`ages_in_common`) of the faces of each class, by the name of its recall, and, by "", of all
    faces."""
    labelled = table[["true_age", "true_gender", "true_race"]]  # a copy of all columns would be large
    found = {"": ages_in_common(labelled, by)}
    for task, labels in TASK_CLASSES.items():
        true = class_indices(table, task)[0]
        found |= {f"{task}_recall_{label}": ages_in_common(labelled[true == i], by) for i, label in enumerate(labels)}
    return found


def _group_statistics(part: pd.DataFrame, *, standards: Mapping[str, np.ndarray]) -> dict[str, m.Statistic]:
    """`standards`: as of `_standards`, or empty if the figures are not to be standardized."""
    found: dict[str, m.Statistic] = {}
    for task, labels in TASK_CLASSES.items():
        chosen = classified(part, task)
        true, pred = chosen.true, chosen.pred
        of_task = {f"{task}_accuracy": m.accuracy(true, pred)}
        of_task |= {f"{task}_selection_{label}": m.selection_rate(pred, i) for i, label in enumerate(labels)}
        of_task |= {f"{task}_labelled_{label}": m.selection_rate(true, i) for i, label in enumerate(labels)}
        ages = chosen.rows["true_age"].to_numpy(float)
        found |= {name: _at_ages(each, ages, standards.get("")) for name, each in of_task.items()}
        for i, label in enumerate(labels):
            of_class, name = true == i, f"{task}_recall_{label}"
            right = m.selection_rate(pred[of_class], i)
            found[name] = _at_ages(right, ages[of_class], standards.get(name))
    aged = with_age(part)
    ages = aged["true_age"].to_numpy(float)
    errors = _age_errors(aged)
    return found | {name: _at_ages(each, ages, standards.get("")) for name, each in errors.items()}


def _at_ages(statistic: m.Statistic, ages: np.ndarray, standard: np.ndarray | None) -> m.Statistic:
    """`statistic` over faces of some `ages`, standardized to the `standard` number of faces in each of `AGE_GROUPS`."""
    return statistic if standard is None else m.standardized(statistic, age_groups(ages), standard)


def ages_in_common(table: pd.DataFrame, by: Sequence[str]) -> np.ndarray:
    """Number of faces in each of `AGE_GROUPS`; 0 for an age group of which any group of `LEAST_GROUP` faces or more has
    fewer than `LEAST_AT_AN_AGE`, as it could not be compared at these ages."""
    aged = table[table["true_age"].notna()].assign(**group_columns(table))
    counts = _age_counts(aged)
    for _, part in aged.groupby([f"true_{name}" for name in by], observed=True):
        if len(part) >= LEAST_GROUP:
            counts[_age_counts(part) < LEAST_AT_AN_AGE] = 0
    return counts


def _age_counts(table: pd.DataFrame) -> np.ndarray:
    return np.bincount(age_groups(table["true_age"].to_numpy(float)), minlength=len(AGE_GROUPS))


def statistics(table: pd.DataFrame) -> dict[str, m.Statistic]:
    """The statistics that `figures` estimates."""
    return in_random_groups(table, _statistics)


def _statistics(table: pd.DataFrame) -> dict[str, m.Statistic]:
    found: dict[str, m.Statistic] = {"detected": m.mean(table["detected"])}
    parts = {task: classified(table, task) for task in TASK_CLASSES}
    for task, part in parts.items():
        labels = TASK_CLASSES[task]
        found[f"{task}_accuracy"] = m.accuracy(part.true, part.pred)
        found[f"{task}_macro_f1"] = m.macro_f1(part.true, part.pred, len(labels))
        found |= {f"{task}_recall_{label}": m.recall(part.true, part.pred, i) for i, label in enumerate(labels)}
        if task == "age_group":
            found["age_group_one_off"] = m.one_off_accuracy(part.true, part.pred)
            found["age_cs5"] = m.cumulative_score(
                part.rows["true_age"].astype(float), part.rows["pred_age"].astype(float), years=5
            )
    found |= _age_errors(with_age(table))
    for task, part in parts.items():
        found[f"{task}_ece"] = m.expected_calibration_error(part.found.true, part.found.probs)
    return found


def _age_errors(found: pd.DataFrame) -> dict[str, m.Statistic]:
    age, pred, low, high = (found[c].astype(float) for c in ("true_age", "pred_age", "age_low", "age_high"))
    errors = (
        m.mean_absolute_error(age, pred),
        m.mean_squared_error(age, pred),
        m.bias(age, pred),
        m.coverage(age, low, high),
    )
    return dict(zip(AGE_ERRORS, errors, strict=True))


def _place(name: str, kind: str) -> int:
    return (AGE_BANDS if kind == "age_band" else TASK_CLASSES[kind]).index(name)
