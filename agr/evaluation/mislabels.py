"""Faces whose label contradicts a confident prediction: either the model is wrong, or the label.

Each score rates the given label, 0 to 1. Sources: Northcutt, Jiang and Chuang, "Confident Learning: Estimating
Uncertainty in Dataset Labels" (2021); Kuan and Mueller, "Model-agnostic label quality scoring" (2022).
"""

from collections.abc import Collection

import numpy as np
import pandas as pd

from agr.labels import AGE_GROUP_STARTS, AGE_GROUPS, MAX_AGE, TASK_CLASSES, age_group_of

from .bootstrap import Estimate, estimate
from .metrics import mean
from .tables import classified

ORDERS = ("wrong_confidence", "self_confidence", "normalized_margin", "years_off")
"""Scores by which a gallery can be sorted, the first being the default. Their largest, smallest, smallest and largest
values, respectively, come first."""
_GREATEST_FIRST = {"wrong_confidence", "years_off"}

RELABEL_COLUMNS = ["file", "task", "given", "suggested", "self_confidence", "normalized_margin", "wrong_confidence"]
"""Columns of the list of suspicious labels. `task` is age, gender or race; ages are in years."""


def self_confidence(probs: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Probability of the given label; `probs` (n, k), `labels` (n,) -> (n,), 0 to 1, low is suspicious."""
    return probs[np.arange(len(labels)), labels]


def normalized_margin(probs: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """The given label's probability minus the largest other, mapped from -1..1 to 0..1; (n,), low is suspicious."""
    return (self_confidence(probs, labels) - wrong_confidence(probs, labels) + 1) / 2


def wrong_confidence(probs: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Largest probability of any class but the given one; (n,), 0 to 1, high is suspicious."""
    others = probs.copy()
    others[np.arange(len(labels)), labels] = -np.inf
    return others.max(axis=1)


def mislabels(table: pd.DataFrame, task: str, *, by: str = "wrong_confidence") -> pd.DataFrame:
    """Detected faces whose predicted class is not the given one, most suspicious first. Of age groups by `years_off`,
    all detected faces: the oldest may be decades off in a group that has no end.

    `by`: one of `ORDERS`; others raise ValueError. Returns `file`, `task`, `given`, `suggested`, the three scores and
    `years_off` (|predicted - true age|), with the index of `table`.
    """
    if by not in ORDERS:
        raise ValueError(f"expected an order of {ORDERS}, got {by!r}")
    found = classified(table, task).found
    names = np.array(TASK_CLASSES[task])
    scored = pd.DataFrame(
        {
            "file": found.rows["file"],
            "task": task,
            "given": names[found.true],
            "suggested": names[found.pred],
            "self_confidence": self_confidence(found.probs, found.true),
            "normalized_margin": normalized_margin(found.probs, found.true),
            "wrong_confidence": wrong_confidence(found.probs, found.true),
            "years_off": (found.rows["pred_age"] - found.rows["true_age"]).abs().astype(float),
        },
        index=found.rows.index,
    )
    is_listed = (found.true != found.pred) | (task == "age_group" and by == "years_off")
    return scored[is_listed].sort_values(by, ascending=by not in _GREATEST_FIRST, kind="stable")


def _age_in(ages: np.ndarray, groups: pd.Series) -> list[str]:
    """Whole years nearest to the predicted mean ages within the predicted groups: a mean may lie outside its group."""
    places = [AGE_GROUPS.index(group) for group in groups]
    ends = (*(start - 1 for start in AGE_GROUP_STARTS[1:]), MAX_AGE)
    return [str(int(np.clip(round(age), AGE_GROUP_STARTS[i], ends[i]))) for age, i in zip(ages, places, strict=True)]


def relabel_list(table: pd.DataFrame, chosen: Collection[tuple[str, str]]) -> pd.DataFrame:
    """The list of suspicious labels, with `RELABEL_COLUMNS`, for those of the `chosen` (task, file) pairs whose
    prediction contradicts the label; for age groups, all of them. Raises ValueError for an unknown task.

    Training needs ages rather than age groups: for an age group the labelled age in years is listed, with the predicted
    one as suggestion.
    """
    if unknown := {task for task, _ in chosen} - {*TASK_CLASSES}:
        raise ValueError(f"expected tasks of {tuple(TASK_CLASSES)}, got {sorted(unknown)}")
    parts = []
    for task in TASK_CLASSES:
        files = [file for name, file in chosen if name == task]
        by = "years_off" if task == "age_group" else ORDERS[0]
        part = mislabels(table[table["file"].isin(files)], task, by=by)
        if task == "age_group":
            rows = table.loc[part.index]
            part = part.assign(
                task="age",
                given=rows["true_age"].astype(int).astype(str),
                suggested=_age_in(rows["pred_age"].astype(float).to_numpy(), part["suggested"]),
            )
        parts.append(part)
    return pd.concat(parts)[RELABEL_COLUMNS].reset_index(drop=True)


def contradictions(table: pd.DataFrame, twins_of: object, task: str) -> Estimate:
    """The share of pairs of identical pictures whose labels of a task contradict each other: no model is right on both.

    `table`: predictions, with `true_age_group`; `twins_of`: as in a report's summary, for each file the identical
    pictures, with their labels. Three copies count as three pairs, which makes the interval a little too narrow. Pairs
    of which a label is missing are left out, and so is whatever does not fit: a report may come from anyone.
    """
    given = table.set_index("file")[f"true_{task}"].dropna().to_dict()
    differs = {}
    for file, twins in twins_of.items() if isinstance(twins_of, dict) else ():
        for twin in twins if isinstance(twins, list) else ():
            other = _label_of(twin, task) if isinstance(twin, dict) else None
            if file in given and other is not None and twin.get("file") not in (file, None):
                differs[frozenset((file, str(twin["file"])))] = given[file] != other
    return estimate(mean(np.array([*differs.values()], bool)))


def _label_of(twin: dict, task: str) -> str | None:
    """The class of an identical picture; None if it carries no such label."""
    if task != "age_group":
        return twin[task] if twin.get(task) in TASK_CLASSES[task] else None
    age = twin.get("age")
    return AGE_GROUPS[age_group_of(int(age))] if isinstance(age, (int, float)) and 0 <= age <= MAX_AGE else None
