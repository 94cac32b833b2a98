"""Reading a table of predictions: class indices, groups, and which faces carry a label at all."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from agr.labels import AGE_GROUP_STARTS, AGE_GROUPS, TASK_CLASSES

from .metrics import NOT_FOUND
from .report import PROBABILITY_COLUMNS

AGE_BAND = 20
"""Width of an age band in years."""
AGE_BANDS = (*(f"{start}-{start + AGE_BAND - 1}" for start in range(0, 80, AGE_BAND)), "80+")
DECADE = 10
"""Width in years of the narrower bands that the dashboard shows; those of 20 years stand in reports."""
DECADES = (*(f"{start}-{start + DECADE - 1}" for start in range(0, 80, DECADE)), "80+")
WIDTH_STARTS = (0, 5, 10, 15, 20, 30)
WIDTHS = ("under 5", "5-10", "10-15", "15-20", "20-30", "30+")
"""Bands of the width of an age interval, in years, and where each begins; it is a real number, and ends where the next
begins."""
UNLABELLED = -1
"""True class of a face that carries no label of the task."""


@dataclass(frozen=True, eq=False)
class Classified:
    """The n faces of a table that carry a label of one task: their rows, and their true and predicted class indices,
    each (n,); `pred` is `NOT_FOUND` where no face was detected."""

    task: str
    rows: pd.DataFrame
    true: np.ndarray
    pred: np.ndarray

    def __len__(self) -> int:
        return len(self.rows)

    def where(self, keep: np.ndarray) -> "Classified":
        """The faces that a mask (n,) selects."""
        return Classified(self.task, self.rows[keep], self.true[keep], self.pred[keep])

    @cached_property
    def found(self) -> "Classified":
        """The detected faces."""
        return self.where(self.pred != NOT_FOUND)

    @cached_property
    def probs(self) -> np.ndarray:
        """Probability of each class, (n, k)."""
        return self.rows[PROBABILITY_COLUMNS[self.task]].to_numpy(float)

    @cached_property
    def confidence(self) -> np.ndarray:
        """Probability of the predicted class, (n,); nan where no face was detected."""
        return self.probs.max(axis=1)


def classified(table: pd.DataFrame, task: str) -> Classified:
    """The faces of `table` that carry a label of `task`."""
    true, pred = class_indices(table, task)
    whole = Classified(task, table, true, pred)
    labelled = true != UNLABELLED
    return whole if labelled.all() else whole.where(labelled)


def with_age(table: pd.DataFrame) -> pd.DataFrame:
    """The detected faces whose age is labelled."""
    return table[table["detected"].to_numpy(bool) & table["true_age"].notna().to_numpy()]


def class_indices(table: pd.DataFrame, task: str) -> tuple[np.ndarray, np.ndarray]:
    """True and predicted class indices of a task, each (n,): `UNLABELLED` or `NOT_FOUND` where there is none."""
    labels = pd.Index(TASK_CLASSES[task])
    pred = np.where(table["detected"], labels.get_indexer(pd.Index(table[f"pred_{task}"])), NOT_FOUND)
    if task == "age_group":
        return age_groups(table["true_age"].to_numpy(dtype=float)), pred
    return labels.get_indexer(pd.Index(table[f"true_{task}"])), pred


def age_groups(ages: np.ndarray) -> np.ndarray:
    """Indices into `AGE_GROUPS` of ages in years, shape (n,); `UNLABELLED` for nan."""
    return np.where(np.isnan(ages), UNLABELLED, np.searchsorted(AGE_GROUP_STARTS, ages, side="right") - 1)


def decades(ages: np.ndarray) -> np.ndarray:
    """Indices into `DECADES` of ages in years, shape (n,), none of them nan."""
    return (ages // DECADE).astype(int).clip(max=len(DECADES) - 1)


def widths(table: pd.DataFrame) -> np.ndarray:
    """Indices into `WIDTHS` of the age intervals of detected faces, shape (n,)."""
    years = (table["age_high"] - table["age_low"]).to_numpy(float)
    return np.searchsorted(WIDTH_STARTS, years, side="right") - 1


def group_columns(table: pd.DataFrame) -> dict[str, pd.Series]:
    """`true_age_group` and `true_age_band` (such as "20-39"), ordered categories, for grouping."""
    ages = table["true_age"].to_numpy(dtype=float)
    bands = np.where(np.isnan(ages), UNLABELLED, (ages // AGE_BAND).clip(max=len(AGE_BANDS) - 1)).astype(int)

    def column(codes: np.ndarray, names: tuple[str, ...]) -> pd.Series:
        kind = pd.CategoricalDtype(list(names), ordered=True)
        return pd.Series(pd.Categorical.from_codes(codes.tolist(), dtype=kind), table.index)

    return {"true_age_group": column(age_groups(ages), AGE_GROUPS), "true_age_band": column(bands, AGE_BANDS)}
