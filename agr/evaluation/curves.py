"""The numbers that some of the figures draw, and that are saved as a CSV beside them."""

import numpy as np
import pandas as pd

from . import metrics as m
from .tables import Classified

NORMALIZATIONS = ("counts", "rows", "columns")
_CURVE_POINTS = 1000


def normalized(counts: np.ndarray, by: str) -> np.ndarray:
    """A confusion matrix (k, k), normalized by one of `NORMALIZATIONS`: as counts, or as shares of its rows (true
    classes) or columns, where empty rows or columns stay 0. Raises ValueError for another `by`."""
    if by == "counts":
        return counts.astype(float)
    if by not in NORMALIZATIONS:
        raise ValueError(f"expected one of {NORMALIZATIONS}, got {by!r}")
    sums = counts.sum(axis=1 if by == "rows" else 0, keepdims=True)
    return np.divide(counts, sums, out=np.zeros(counts.shape), where=sums > 0)


def calibration_bins(found: Classified) -> pd.DataFrame:
    """Mean `confidence`, `accuracy` and number `n` of detected faces in each non-empty one of `metrics.N_BINS` bins."""
    bins = m.confidence_bins(found.confidence)
    counts = np.bincount(bins, minlength=m.N_BINS)
    filled = counts > 0
    sums = (np.bincount(bins, values, m.N_BINS) for values in (found.confidence, found.pred == found.true))
    confidence, accuracy = (part[filled] / counts[filled] for part in sums)
    return pd.DataFrame(
        {"bin": np.flatnonzero(filled), "confidence": confidence, "accuracy": accuracy, "n": counts[filled]}
    )


def abstention_points(labelled: Classified) -> pd.DataFrame:
    """For falling thresholds of `confidence`, the share of faces that are `answered`, and the `accuracy` of these
    answers. Starts at 1 % of the faces, because the first few are noise; at most `_CURVE_POINTS` points."""
    found = labelled.found
    order = np.argsort(-found.confidence, kind="stable")
    accuracy = np.cumsum((found.true == found.pred)[order]) / np.arange(1, len(order) + 1)
    start = len(order) // 100
    places = np.unique(np.linspace(start, len(order) - 1, _CURVE_POINTS).round().astype(int)) if len(order) else order
    return pd.DataFrame(
        {
            "confidence": found.confidence[order][places],
            "answered": (places + 1) / max(1, len(labelled)),
            "accuracy": accuracy[places],
        }
    )
