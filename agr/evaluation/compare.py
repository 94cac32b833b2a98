"""Compare two reports on the same files: their differences, with confidence intervals."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from .bootstrap import Estimate, difference, estimates
from .metrics import NOT_FOUND
from .summary import AGE_ERRORS, statistics
from .tables import classified

COMPARED = (
    *("age_mae", "age_mse", "age_cs5", "age_interval_coverage", "age_group_accuracy", "age_group_one_off"),
    *("gender_accuracy", "race_accuracy", "race_macro_f1", "age_group_ece", "gender_ece", "race_ece"),
)


@dataclass(frozen=True)
class Compared:
    """One figure of two models over the same n faces. `difference`: the second minus the first, with the interval of
    the paired difference."""

    name: str
    first: float
    second: float
    difference: Estimate


def common(first: pd.DataFrame, second: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The rows of the files that both tables of predictions hold with the same labels, in the same order."""
    types = {"file": object, "true_age": float, "true_gender": object, "true_race": object}  # also of empty columns
    one, other = (
        table[[*types]].reset_index(drop=True).astype(types).assign(place=np.arange(len(table)))
        for table in (first, second)
    )
    pairs = one.merge(other, on=[*types])
    return first.iloc[pairs["place_x"]], second.iloc[pairs["place_y"]]


def compare(first: pd.DataFrame, second: pd.DataFrame, names: Sequence[str] = COMPARED) -> list[Compared]:
    """Figures of two tables over the same files in the same order, as `common` gives them.

    Errors in years and calibration are over the faces that both models found. Raises ValueError for other tables.
    """
    if first["file"].tolist() != second["file"].tolist():
        raise ValueError("expected two tables over the same files in the same order")
    both = first["detected"].to_numpy(bool) & second["detected"].to_numpy(bool)
    whole, found = (statistics(first), statistics(second)), (statistics(first[both]), statistics(second[both]))
    pairs = {name: [part[name] for part in (found if _is_over_detected(name) else whole)] for name in names}
    gaps = estimates({name: difference(a, b) for name, (a, b) in pairs.items()})
    return [Compared(name, a.value, b.value, gaps[name]) for name, (a, b) in pairs.items()]


def disagreements(first: pd.DataFrame, second: pd.DataFrame, task: str) -> tuple[np.ndarray, np.ndarray]:
    """The files that only the first table gets right, and those that only the second does; tables as for `compare`."""
    a, b = classified(first, task), classified(second, task)
    right_a, right_b = a.true == a.pred, b.true == b.pred
    files = a.rows["file"].to_numpy()
    return files[right_a & ~right_b], files[right_b & ~right_a]


def contradicted(first: pd.DataFrame, second: pd.DataFrame, task: str) -> pd.Series:
    """The faces for which both models predict the same class, but not the labelled one; tables as for `compare`.

    Returns, by file, the smaller of the two models' probabilities of that class, 0 to 1, largest first. The more
    confident both models are, the more likely it is that the label is wrong, all the more if the models have little in
    common.
    """
    a, b = classified(first, task), classified(second, task)
    alike = (a.pred == b.pred) & (a.pred != a.true) & (a.pred != NOT_FOUND)
    sureness = np.minimum(a.where(alike).confidence, b.where(alike).confidence)
    files = pd.Index(a.rows["file"].to_numpy()[alike], name="file")
    return pd.Series(sureness, files, name="sureness").sort_values(ascending=False, kind="stable")


def _is_over_detected(name: str) -> bool:
    return name in AGE_ERRORS or name.endswith("_ece")
