"""Values of statistics and their 95 % confidence intervals, most of them from resampled faces."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import NormalDist

import numpy as np
import pandas as pd

from .metrics import Statistic, Stratified

N_RESAMPLES = 1000
CONFIDENCE = 0.95
_Z = NormalDist().inv_cdf((1 + CONFIDENCE) / 2)
_DRAWS_AT_ONCE = 4_000_000
"""Largest number of draws in memory, which limits it to some 100 MB, however many faces there are."""
MOST_DRAWN, GROUPS = 25_000, 5_000
"""Number of faces above which random groups of faces are drawn instead of single ones (UTKFace has fewer), and the
number of these groups. They add a random error of 1 % to an interval's width."""
_OWN_SPREAD = 30
"""Number of faces from which a stratum has a variance of its own; smaller ones take the pooled variance of the faces
of all strata around the means of these."""
_ROWS_AT_ONCE = 50_000
"""Number of rows of a table that are grouped at once, which limits the memory of their terms to some 60 MB."""


@dataclass(frozen=True)
class Estimate:
    """A figure with the ends of its 95 % interval, from n faces. All are nan if there was nothing to compute the figure
    from. Only the ends are nan if there was one face, or one in each stratum, which gives no variance; shares have an
    interval even then."""

    value: float
    low: float
    high: float
    n: int

    @classmethod
    def from_dict(cls, saved: Mapping[str, float | None]) -> "Estimate":
        """The estimate in a report's JSON, which has null in place of nan."""
        value, low, high = (np.nan if (end := saved[key]) is None else float(end) for key in ("value", "low", "high"))
        return cls(value, low, high, int(saved["n"] or 0))


def estimates(statistics: Mapping[str, Statistic]) -> dict[str, Estimate]:
    """Value and interval of each statistic. A share gets Wilson's interval; a weighted mean (`Stratified`) one that is
    combined from those of its strata; any other the percentile bootstrap interval, or, if resampling biases it
    (`Statistic.is_biased`), the basic one, which extends as far below the value as resamples lie above it.

    Resamples are the same for all statistics over n faces, and for every call with the same n. For fewer than some
    thirty faces the bootstrap's intervals are too narrow.
    Sources: Wilson, "Probable Inference, the Law of Succession, and Statistical Inference" (1927); Efron and
    Tibshirani, "An Introduction to the Bootstrap" (1993), chapter 13; Davison and Hinkley, "Bootstrap Methods and their
    Application" (1997), section 5.2 (basic limits).
    """
    found = {name: _of_share(statistic) for name, statistic in statistics.items() if statistic.is_share}
    found |= {name: _of_strata(each) for name, each in statistics.items() if isinstance(each, Stratified)}
    others = {name: statistic for name, statistic in statistics.items() if name not in found}
    for n in {len(statistic.terms) for statistic in others.values()}:
        found |= _over(n, {name: s for name, s in others.items() if len(s.terms) == n})
    return {name: found[name] for name in statistics}


def estimate(statistic: Statistic) -> Estimate:
    """Value and interval of a single statistic, as `estimates` gives them."""
    return estimates({"": statistic})[""]


def _of_share(statistic: Statistic) -> Estimate:
    n, share = statistic.n, statistic.value
    if not n:
        return Estimate(np.nan, np.nan, np.nan, 0)
    low, high = _wilson(np.array(share), np.array(n))
    return Estimate(share, float(low), float(high), n)


def _of_strata(statistic: Stratified) -> Estimate:
    """Combine the intervals of the strata. The bootstrap's interval would be too narrow where few faces of a stratum
    have a large weight, as it never sees any but these.

    Source: Zou and Donner, "Construction of confidence limits about effect measures: a general approach" (2008).
    """
    sums, counts, squares = np.split(statistic.terms.sum(axis=0), 3)
    there = (counts > 0) & (statistic.weights > 0)
    if not there.any():
        return Estimate(np.nan, np.nan, np.nan, 0)
    n, weights = counts[there], statistic.weights[there] / statistic.weights[there].sum()
    means = sums[there] / n
    if statistic.are_shares:
        low, high = _wilson(means, n)
    else:
        half = _Z * np.sqrt(_variances((squares[there] - n * means**2).clip(0), n) / n)
        low, high = means - half, means + half
    below, above = (float(np.sqrt(((weights * (end - means)) ** 2).sum())) for end in (low, high))
    value = float(weights @ means)
    return Estimate(value, float(np.maximum(statistic.least, value - below)), value + above, round(n.sum()))


def _variances(squares: np.ndarray, n: np.ndarray) -> np.ndarray:
    """Variance of the values in each stratum, from the sums of `squares` of their distances to its mean; nan if no
    stratum has two faces."""
    free = n - 1
    pooled = squares.sum() / free.sum() if free.sum() else np.nan
    return np.where(n < _OWN_SPREAD, pooled, squares / np.maximum(free, 1))


def _wilson(share: np.ndarray, n: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    centre = (share + _Z**2 / (2 * n)) / (1 + _Z**2 / n)
    half = _Z / (1 + _Z**2 / n) * np.sqrt(share * (1 - share) / n + _Z**2 / (4 * n**2))
    return np.where(share > 0, centre - half, 0.0), np.where(share < 1, centre + half, 1.0)


def _over(n: int, statistics: dict[str, Statistic]) -> dict[str, Estimate]:
    if not n:
        return dict.fromkeys(statistics, Estimate(np.nan, np.nan, np.nan, 0))
    ends = np.cumsum([statistic.terms.shape[1] for statistic in statistics.values()])
    terms = np.concatenate([statistic.terms for statistic in statistics.values()], axis=1)
    sums = np.concatenate([weights @ terms for weights in _resamples(n)])
    parts = np.split(sums, ends[:-1], axis=1)
    return {name: _estimate(s, part) for (name, s), part in zip(statistics.items(), parts, strict=True)}


def difference(a: Statistic, b: Statistic) -> Statistic:
    """Figure b minus figure a, for two statistics over the same faces in the same order. As they are resampled in
    pairs, faces that are hard for both do not widen the interval. Raises ValueError for statistics over different
    numbers of faces."""
    if len(a.terms) != len(b.terms):
        raise ValueError(f"expected statistics over the same faces, got {len(a.terms)} and {len(b.terms)}")
    middle = a.terms.shape[1]
    return Statistic(
        np.concatenate([a.terms, b.terms], axis=1),
        lambda sums: b.finish(sums[..., middle:]) - a.finish(sums[..., :middle]),
        a.faces,
        is_biased=a.is_biased or b.is_biased,
    )


def unpaired_difference(a: Estimate, b: Estimate) -> Estimate:
    """Figure b minus figure a, of different faces, with an interval from theirs; n is the smaller of the two.

    Source: Zou and Donner, "Construction of confidence limits about effect measures: a general approach" (2008); for
    shares, it is Newcombe's interval.
    """
    low = np.hypot(b.value - b.low, a.high - a.value)
    high = np.hypot(b.high - b.value, a.value - a.low)
    value = b.value - a.value
    return Estimate(value, float(value - low), float(value + high), min(a.n, b.n))


def in_random_groups(
    table: pd.DataFrame, compute: Callable[[pd.DataFrame], dict[str, Statistic]]
) -> dict[str, Statistic]:
    """The statistics that `compute` returns for a table. If the table has more than `MOST_DRAWN` rows, the terms of its
    faces are summed in `GROUPS` random groups of about the same size.

    Values are the same. Intervals are those of single faces, up to a random error: a sum over n faces varies as much if
    n / g groups of g faces are drawn. Time and memory then no longer grow with resamples times faces. Tables with
    equally many rows are grouped alike, so that differences stay paired.
    Source: Wolter, "Introduction to Variance Estimation" (2007), chapter 2 (random groups).
    """
    n = len(table)
    if n <= MOST_DRAWN:
        return compute(table)
    order = np.random.default_rng(0).permutation(n)
    slices = np.array_split(order, -(-n // _ROWS_AT_ONCE))
    parts = [
        {
            name: _grouped(statistic, max(1, GROUPS // len(slices)))
            for name, statistic in compute(table.iloc[some]).items()
        }
        for some in slices
    ]
    return {name: _joined([part[name] for part in parts]) for name in parts[0]}


def _grouped(statistic: Statistic, groups: int) -> Statistic:
    """Sum the terms of faces, which are in random order, in groups: each consists of every `groups`th face."""
    n, k = statistic.terms.shape
    if n <= groups:
        return statistic
    whole = np.zeros((-(-n // groups) * groups, k))
    whole[:n] = statistic.terms
    return replace(statistic, terms=whole.reshape(-1, groups, k).sum(axis=0), faces=n)


def _joined(parts: Sequence[Statistic]) -> Statistic:
    terms = np.concatenate([part.terms for part in parts])
    return replace(parts[0], terms=terms, faces=sum(part.n for part in parts))


def _resamples(n: int) -> Iterator[np.ndarray]:
    """Yield how often each of n faces is drawn in each resample with replacement: parts of an (N_RESAMPLES, n) array
    whose rows sum to n."""
    rng = np.random.default_rng(0)
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
    value = statistic.value
    if statistic.n == 1:
        return Estimate(value, np.nan, np.nan, 1)
    if statistic.is_biased:
        low, high = max(statistic.least, min(value, 2 * value - high)), max(value, 2 * value - low)
    return Estimate(value, float(low), float(high), statistic.n)
