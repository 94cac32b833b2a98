"""Predictions -> every figure of a report, with its interval: overall, without twins, by group."""

from dataclasses import asdict

import numpy as np
import pandas as pd

from agr.labels import AGE_GROUP_STARTS, AGE_GROUPS, TASK_CLASSES

from . import metrics as m
from .report import PROBABILITY_COLUMNS

GROUPINGS = (("gender",), ("race",), ("age_group",), ("age_band",), ("gender", "race"))
AGE_BAND = 20
"""Years of an age band."""


def figures(table: pd.DataFrame) -> dict[str, dict]:
    """Every figure of a table of predictions: name -> value, ends of the 95 % interval, n.

    A face that was not detected counts as wrong in every accuracy, recall and CS@5; errors in years and calibration are
    over the detected faces only, as their n shows.
    """
    found = table[table["detected"].to_numpy(bool)]
    all_weights, found_weights = m.bootstrap_weights(len(table)), m.bootstrap_weights(len(found))
    estimates = {name: m.estimate(statistic, all_weights) for name, statistic in _over_all(table).items()}
    estimates |= {name: m.estimate(statistic, found_weights) for name, statistic in _over_detected(found).items()}
    return {name: asdict(value) for name, value in estimates.items()}


def values(table: pd.DataFrame) -> dict[str, dict]:
    """The same figures without their intervals, quick enough for each change of a selection: name -> value, n."""
    found = table[table["detected"].to_numpy(bool)]
    statistics = _over_all(table) | _over_detected(found)
    return {name: {"value": s.value, "low": None, "high": None, "n": len(s.terms)} for name, s in statistics.items()}


def group_figures(table: pd.DataFrame) -> list[dict]:
    """The main figures for each group of `GROUPINGS`: {"by", "group", "n", "figures"}."""
    table = table.assign(**group_columns(table))
    rows = []
    for by in GROUPINGS:
        for group, part in table.groupby([f"true_{name}" for name in by], sort=False, observed=True):
            chosen = {name: value for name, value in figures(part).items() if name in _GROUP_FIGURES}
            rows.append({"by": list(by), "group": list(group), "n": len(part), "figures": chosen})
    return rows


_GROUP_FIGURES = (
    "age_group_accuracy",
    "gender_accuracy",
    "race_accuracy",
    "age_mae",
    "age_bias",
    "age_interval_coverage",
)


def group_columns(table: pd.DataFrame) -> dict[str, pd.Series]:
    """`true_age_group` and `true_age_band` (such as "20-39"), ordered categories, for grouping."""
    ages = table["true_age"].to_numpy(dtype=int)
    bands = [*(f"{start}-{start + AGE_BAND - 1}" for start in range(0, 80, AGE_BAND)), "80+"]
    groups = np.array(AGE_GROUPS)[age_groups(ages)]
    named_bands = np.array(bands)[(ages // AGE_BAND).clip(max=len(bands) - 1)]
    return {
        "true_age_group": pd.Series(pd.Categorical(groups, list(AGE_GROUPS), ordered=True), table.index),
        "true_age_band": pd.Series(pd.Categorical(named_bands, bands, ordered=True), table.index),
    }


def age_groups(ages: np.ndarray) -> np.ndarray:
    """Indices into `AGE_GROUPS` of whole ages, shape (n,)."""
    return np.searchsorted(AGE_GROUP_STARTS, ages, side="right") - 1


def class_indices(table: pd.DataFrame, task: str) -> tuple[np.ndarray, np.ndarray]:
    """True and predicted class indices of a task, each (n,); `NOT_FOUND` where no face was detected."""
    labels = pd.Index(TASK_CLASSES[task])
    pred = np.where(table["detected"], labels.get_indexer(pd.Index(table[f"pred_{task}"])), m.NOT_FOUND)
    if task == "age_group":
        true = age_groups(table["true_age"].to_numpy(dtype=int))
    else:
        true = labels.get_indexer(pd.Index(table[f"true_{task}"]))
    return true, pred


def _over_all(table: pd.DataFrame) -> dict[str, m.Statistic]:
    statistics: dict[str, m.Statistic] = {"detected": m.mean(table["detected"])}
    for task, labels in TASK_CLASSES.items():
        true, pred = class_indices(table, task)
        statistics[f"{task}_accuracy"] = m.accuracy(true, pred)
        statistics[f"{task}_macro_f1"] = m.macro_f1(true, pred, len(labels))
        statistics |= {f"{task}_recall_{label}": m.recall(true, pred, i) for i, label in enumerate(labels)}
    statistics["age_group_one_off"] = m.one_off_accuracy(*class_indices(table, "age_group"))
    statistics["age_cs5"] = m.cumulative_score(table["true_age"], table["pred_age"], years=5)
    return statistics


def _over_detected(found: pd.DataFrame) -> dict[str, m.Statistic]:
    age, pred = found["true_age"], found["pred_age"].astype(float)
    statistics = {
        "age_mae": m.mean_absolute_error(age, pred),
        "age_mse": m.mean_squared_error(age, pred),
        "age_bias": m.bias(age, pred),
        "age_interval_coverage": m.coverage(age, found["age_low"].astype(float), found["age_high"].astype(float)),
    }
    for task, columns in PROBABILITY_COLUMNS.items():
        statistics[f"{task}_ece"] = m.expected_calibration_error(
            class_indices(found, task)[0], found[columns].to_numpy(float)
        )
    return statistics
