"""Figures with their doubt: values and 95 % intervals of statistics, from resampled faces."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from .metrics import Statistic

N_RESAMPLES = 1000
CONFIDENCE = 0.95
_DRAWS_AT_ONCE = 4_000_000
"""Bounds the memory to some 100 MB, however many faces there are."""


@dataclass(frozen=True)
class Estimate:
    """A figure with the ends of its 95 % interval, from n faces. All are nan where there was nothing to compute it
    from."""

    value: float
    low: float
    high: float
    n: int


def estimates(statistics: Mapping[str, Statistic]) -> dict[str, Estimate]:
    """Value and percentile bootstrap interval of each statistic; all of them are over the same n faces.

    The faces are drawn alike for all statistics and for every call with the same n.
    Source: Efron and Tibshirani, "An Introduction to the Bootstrap" (1993), chapter 13.
    """
    if not statistics:
        return {}
    sizes = {len(statistic.terms) for statistic in statistics.values()}
    if len(sizes) > 1:
        raise ValueError(f"expected statistics over the same faces, got {sorted(sizes)} faces")
    (n,) = sizes
    if not n:
        return dict.fromkeys(statistics, Estimate(np.nan, np.nan, np.nan, 0))
    ends = np.cumsum([statistic.terms.shape[1] for statistic in statistics.values()])
    terms = np.concatenate([statistic.terms for statistic in statistics.values()], axis=1)
    sums = np.concatenate([weights @ terms for weights in _resamples(n)])
    parts = np.split(sums, ends[:-1], axis=1)
    return {name: _estimate(s, part) for (name, s), part in zip(statistics.items(), parts, strict=True)}


def estimate(statistic: Statistic) -> Estimate:
    """Value and interval of one statistic, as `estimates` gives them."""
    return estimates({"": statistic})[""]


def difference(a: Statistic, b: Statistic) -> Statistic:
    """Figure b less figure a, of two statistics over the same faces in the same order: resampled in pairs, what both
    find hard does not widen its interval."""
    if len(a.terms) != len(b.terms):
        raise ValueError(f"expected statistics over the same faces, got {len(a.terms)} and {len(b.terms)}")
    middle = a.terms.shape[1]
    return Statistic(
        np.concatenate([a.terms, b.terms], axis=1),
        lambda sums: b.finish(sums[..., middle:]) - a.finish(sums[..., :middle]),
    )


def _resamples(n: int, seed: int = 0) -> Iterator[np.ndarray]:
    """How often each of n faces is drawn in each resample with replacement: parts of an (N_RESAMPLES, n) array whose
    rows sum to n."""
    rng = np.random.default_rng(seed)
    left, at_once = N_RESAMPLES, max(1, _DRAWS_AT_ONCE // n)
    while left:
        rows = min(left, at_once)
        draws = rng.integers(0, n, size=(rows, n))
        draws += np.arange(rows)[:, None] * n
        yield np.bincount(draws.ravel(), minlength=rows * n).reshape(rows, n).astype(np.float64)
        left -= rows


def _estimate(statistic: Statistic, sums: np.ndarray) -> Estimate:
    resampled = statistic.finish(sums)
    tail = (1 - CONFIDENCE) / 2
    low, high = np.nanquantile(resampled, [tail, 1 - tail]) if np.isfinite(resampled).any() else (np.nan, np.nan)
    return Estimate(statistic.value, float(low), float(high), len(statistic.terms))
