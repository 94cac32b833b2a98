"""Select faces of a report: one filter for every figure of the dashboard."""

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from agr.labels import AGE_GROUPS, MAX_AGE, TASK_CLASSES, age_group_of

from .report import PROBABILITY_COLUMNS
from .tables import class_indices

ALL_AGES = (0, MAX_AGE)


@dataclass(frozen=True)
class Selection:
    """Which faces to keep. Empty tuples keep everything; classes are given by name.

    `true_gender`, `true_race`, `true_age_group`: labels that are kept. `true_age`: youngest and oldest age in years;
    unless it is every age, faces without an age are left out. `task`: the task that `predicted` and
    `confidence` refer to. `predicted`: predicted classes that are kept. `confidence`: smallest and largest probability
    of the predicted class. `twins`: whether to keep faces whose picture is in the training data too. Raises ValueError
    for unknown classes and tasks, and for impossible ranges.
    """

    task: str = "race"
    true_gender: tuple[str, ...] = ()
    true_race: tuple[str, ...] = ()
    true_age_group: tuple[str, ...] = ()
    true_age: tuple[int, int] = ALL_AGES
    predicted: tuple[str, ...] = ()
    confidence: tuple[float, float] = (0.0, 1.0)
    twins: bool = True

    def __post_init__(self) -> None:
        if self.task not in TASK_CLASSES:
            raise ValueError(f"expected a task of {tuple(TASK_CLASSES)}, got {self.task!r}")
        for task in TASK_CLASSES:
            _check_classes(task, getattr(self, f"true_{task}"))
        _check_classes(self.task, self.predicted)
        low, high = self.confidence
        if not 0 <= low <= high <= 1:
            raise ValueError(f"expected a range of confidence within 0 and 1, got {self.confidence}")
        youngest, oldest = self.true_age
        if not 0 <= youngest <= oldest <= MAX_AGE:
            raise ValueError(f"expected a range of ages within 0 and {MAX_AGE} years, got {self.true_age}")

    @property
    def chosen_by_label(self) -> list[str]:
        """The tasks by whose label faces are selected."""
        chosen = {task for task in TASK_CLASSES if getattr(self, f"true_{task}")}
        chosen |= {"age_group"} if self.true_age != ALL_AGES else set()
        return [task for task in TASK_CLASSES if task in chosen]

    @property
    def ages(self) -> list[int]:
        """The true ages in years that a selected face may have."""
        youngest, oldest = self.true_age
        groups = self.true_age_group or AGE_GROUPS
        return [age for age in range(youngest, oldest + 1) if AGE_GROUPS[age_group_of(age)] in groups]

    @property
    def senseless(self) -> set[str]:
        """Figures that make no sense for faces selected by label: the F1 of the other classes would be 0, and count as
        much; and no model is calibrated on faces that were selected by the label that it has to predict."""
        one_class = {f"{self.task}_macro_f1"} if self.predicted else set()
        return {f"{task}_{figure}" for task in self.chosen_by_label for figure in ("macro_f1", "ece")} | one_class

    @property
    def faces(self) -> "Selection":
        """This selection; unless a filter depends on the task, it is the same for every task."""
        speaks_of_task = self.predicted or self.confidence != (0.0, 1.0)
        return self if speaks_of_task else replace(self, task="race")


def select(table: pd.DataFrame, selection: Selection) -> pd.DataFrame:
    """The rows of a report's predictions that a selection keeps, in their order."""
    keep = np.ones(len(table), bool)
    for task in TASK_CLASSES:
        names = getattr(selection, f"true_{task}")
        if names:
            keep &= np.isin(class_indices(table, task)[0], _indices(task, names))
    if selection.true_age != ALL_AGES:
        ages = table["true_age"].to_numpy(float)
        youngest, oldest = selection.true_age
        keep &= (youngest <= ages) & (ages <= oldest)  # nan, of a face without an age, compares false
    if selection.predicted:
        keep &= np.isin(class_indices(table, selection.task)[1], _indices(selection.task, selection.predicted))
    if selection.confidence != (0.0, 1.0):
        confidence = table[PROBABILITY_COLUMNS[selection.task]].max(axis=1).to_numpy(float)
        low, high = selection.confidence
        keep &= (low <= confidence) & (confidence <= high)  # nan, of a face not found, compares false
    if not selection.twins:
        keep &= ~table["has_twin"].to_numpy(bool)
    return table if keep.all() else table[keep]  # a copy of a million rows takes a quarter of a gigabyte


def _check_classes(task: str, names: tuple[str, ...]) -> None:
    if isinstance(names, str) or not set(names) <= set(TASK_CLASSES[task]):
        raise ValueError(f"expected a tuple of classes of {TASK_CLASSES[task]}, got {names!r}")


def _indices(task: str, names: tuple[str, ...]) -> list[int]:
    return [TASK_CLASSES[task].index(name) for name in names]
