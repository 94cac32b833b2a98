"""Figures of merit. Each is tested against an independent implementation; each raises ValueError for arrays of unequal
shapes.

Every figure here is a function of sums over faces: a metric returns a `Statistic` with the terms of each face and the
function that turns their sums into the figure. So one mechanism gives the value and, from reweighted sums, its
bootstrap interval (`bootstrap.py`).
"""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike

N_BINS = 15
"""Number of bins of the calibration error, the same as in most publications."""
NOT_FOUND = -100
"""Predicted class of a face that the detector did not find: wrong for every class, and never one off."""


_CHANCE_DRAWS = 20_000
"""Number of draws for a quantile of the ECE by chance, whose random error is then below 1 %."""


@dataclass(frozen=True, eq=False)
class Statistic:
    """A figure as a function of sums over faces. `terms`: (n, k), the contribution of each of n faces; `finish`: sums
    of shape (..., k) -> figures of shape (...).

    `faces`: number of faces, if a row of `terms` is the sum over several (`bootstrap.in_random_groups`). `is_share`:
    whether the figure is a count (first column) divided by a count (second column). `is_biased`: whether resampling
    makes the figure systematically larger, as it does with distances. `least`: the lowest value it can have.
    """

    terms: np.ndarray
    finish: Callable[[np.ndarray], np.ndarray]
    faces: int | None = None
    is_share: bool = False
    is_biased: bool = False
    least: float = -np.inf

    @property
    def n(self) -> int:
        """Number of faces that the figure is about; for a recall, those of its class."""
        if self.is_share:
            return round(self.terms[:, 1].sum())
        return len(self.terms) if self.faces is None else self.faces

    @property
    def value(self) -> float:
        """The figure over all faces; nan if there is nothing to compute it from."""
        return float(self.finish(self.terms.sum(axis=0)))


@dataclass(frozen=True, eq=False)
class Stratified(Statistic):
    """The weighted mean of a mean or a share in each of k strata. `terms`: (n, 3k), the value, 1 and the squared value
    of each face, at the place of its stratum; `weights`: (k,)."""

    weights: np.ndarray = field(kw_only=True)
    are_shares: bool = field(kw_only=True)

    @property
    def effective(self) -> float:
        """Number of faces of a simple sample that would be as informative: where few faces of a stratum stand for many,
        far below n.

        Source: Kish, "Survey Sampling" (1965): (sum of the faces' weights)² / (sum of their squares).
        """
        counts = np.split(self.terms.sum(axis=0), 3)[1]
        there = (counts > 0) & (self.weights > 0)
        weights = self.weights[there]
        return float(weights.sum() ** 2 / (weights**2 / counts[there]).sum()) if there.any() else 0.0


def mean(values: ArrayLike, *, least: float = -np.inf) -> Statistic:
    """Mean of one number per face, shape (n,), none below `least`; for booleans, the share that is true."""
    values = np.asarray(values)
    terms = np.stack([values.astype(np.float64), np.ones(len(values))], axis=1)
    return Statistic(terms, _first_by_second, is_share=values.dtype == bool, least=least)


def accuracy(true: ArrayLike, pred: ArrayLike) -> Statistic:
    """Share of class indices, shape (n,), that are equal; 0 to 1, higher is better."""
    true, pred = _same_length(true, pred)
    return mean(true == pred)


def one_off_accuracy(true: ArrayLike, pred: ArrayLike) -> Statistic:
    """Share of ordered class indices, shape (n,), that are at most one class apart; 0 to 1, higher is better."""
    true, pred = _same_length(true, pred)
    return mean(np.abs(true - pred) <= 1)


def mean_absolute_error(true: ArrayLike, pred: ArrayLike) -> Statistic:
    """Mean of |pred - true|, both of shape (n,), in the unit of the input; 0 is best."""
    true, pred = _same_length(true, pred)
    return mean(np.abs(pred - true), least=0.0)


def mean_squared_error(true: ArrayLike, pred: ArrayLike) -> Statistic:
    """Mean of (pred - true)², both of shape (n,), in the squared unit of the input; 0 is best."""
    true, pred = _same_length(true, pred)
    return mean((pred - true) ** 2, least=0.0)


def bias(true: ArrayLike, pred: ArrayLike) -> Statistic:
    """Mean of pred - true, both of shape (n,): above 0 if faces are taken for older than they are; 0 is best."""
    true, pred = _same_length(true, pred)
    return mean(pred - true)


def cumulative_score(true: ArrayLike, pred: ArrayLike, *, years: float) -> Statistic:
    """CS@k: share of faces whose error is at most `years`, from ages in years, shape (n,); nan predictions count as
    wrong; 0 to 1, higher is better."""
    true, pred = _same_length(true, pred)
    return mean(np.abs(pred - true) <= years)


def coverage(true: ArrayLike, low: ArrayLike, high: ArrayLike) -> Statistic:
    """Share of true values inside [low, high], all of shape (n,); for an 80 % interval it should be 0.8."""
    true, low = _same_length(true, low)
    true, high = _same_length(true, high)
    return mean((low <= true) & (true <= high))


def recall(true: ArrayLike, pred: ArrayLike, label: int) -> Statistic:
    """Share of the faces of class `label` that are predicted as such, from class indices (n,); nan if there is none."""
    true, pred = _same_length(true, pred)
    of_class = true == label
    terms = np.stack([of_class & (pred == label), of_class], axis=1).astype(float)
    return Statistic(terms, _first_by_second, is_share=True)


def precision(true: ArrayLike, pred: ArrayLike, label: int) -> Statistic:
    """Share of the faces predicted as class `label` that are of it, from class indices (n,); nan if there is none."""
    return recall(pred, true, label)


def f1(true: ArrayLike, pred: ArrayLike, label: int) -> Statistic:
    """Harmonic mean of the recall and the precision of class `label`, from class indices (n,); nan if the class neither
    occurs nor is predicted."""
    true, pred = _same_length(true, pred)
    of_class, told = true == label, pred == label
    terms = np.stack([2 * (of_class & told), of_class.astype(int) + told], axis=1).astype(float)
    return Statistic(terms, _first_by_second)


def selection_rate(pred: ArrayLike, label: int) -> Statistic:
    """Share of faces that are predicted as class `label`, rightly or not, from predicted classes (n,); 0 to 1."""
    return mean(np.asarray(pred) == label)


def macro_f1(true: ArrayLike, pred: ArrayLike, n_classes: int) -> Statistic:
    """Unweighted mean of the F1 scores of the classes that occur or are predicted, as in scikit-learn, from class
    indices (n,); nan if there is none."""
    true, pred = _same_length(true, pred)
    labels = np.arange(n_classes)
    is_true, is_pred = true[:, None] == labels, pred[:, None] == labels
    terms = np.concatenate([is_true & is_pred, is_true, is_pred], axis=1).astype(float)

    def finish(sums: np.ndarray) -> np.ndarray:
        hits, actual, predicted = np.split(sums, 3, axis=-1)
        scores, occurs = _ratio(2 * hits, actual + predicted), actual + predicted > 0
        return _ratio(np.where(occurs, scores, 0).sum(axis=-1), occurs.sum(axis=-1))

    return Statistic(terms, finish)


def confidence_bins(confidence: np.ndarray) -> np.ndarray:
    """Index of the bin, out of `N_BINS` equal ones, that each confidence lies in; bins are open below and closed above,
    so that the last one includes 1."""
    return np.clip(np.ceil(confidence * N_BINS).astype(int) - 1, 0, N_BINS - 1)


def expected_calibration_error(true: ArrayLike, probs: np.ndarray) -> Statistic:
    """ECE: mean distance between confidence and accuracy over `N_BINS` equal bins of confidence; 0 to 1, 0 is best.

    `true`: (n,) class indices; `probs`: (n, k). Source: Guo et al., "On Calibration of Modern Neural Networks" (2017).
    """
    true, pred = _same_length(true, probs.argmax(axis=1))
    confidence = probs.max(axis=1)
    bins = confidence_bins(confidence)
    gap = (pred == true) - confidence
    terms = np.zeros((len(true), N_BINS + 1))
    terms[np.arange(len(true)), bins] = gap
    terms[:, -1] = 1

    def finish(sums: np.ndarray) -> np.ndarray:
        return _ratio(np.abs(sums[..., :-1]).sum(axis=-1), sums[..., -1])

    return Statistic(terms, finish, is_biased=True, least=0.0)


def chance_calibration_error(probs: np.ndarray) -> float:
    """The expected ECE of a perfectly calibrated model for n faces with these probabilities (n, k): in every bin some
    more or fewer predictions are right by chance. nan if there is no face.

    Source: Roelofs et al., "Mitigating Bias in Calibration Error Estimation" (2022), who measure it; here the mean
    absolute deviation of a normal variable approximates that of each bin's count.
    """
    return float(np.sqrt(2 / np.pi) * _chance_deviations(probs).sum()) if len(probs) else float("nan")


def chance_calibration_limit(probs: np.ndarray) -> float:
    """The ECE that a perfectly calibrated model exceeds by chance in 5 of 100 cases, for n faces with these
    probabilities (n, k). An ECE above it is more than chance. nan if there is no face.

    The bins' normal variables, as in `chance_calibration_error`, are drawn, the same ones at every call.
    """
    if not len(probs):
        return float("nan")
    draws = np.abs(np.random.default_rng(0).standard_normal((_CHANCE_DRAWS, N_BINS)))
    return float(np.quantile(draws @ _chance_deviations(probs), 0.95))


def _chance_deviations(probs: np.ndarray) -> np.ndarray:
    """What each bin contributes to the ECE of a perfectly calibrated model: the standard deviation, (N_BINS,)."""
    confidence = probs.max(axis=1)
    variances = np.bincount(confidence_bins(confidence), confidence * (1 - confidence), N_BINS)
    return np.sqrt(variances) / len(probs)


def standardized(statistic: Statistic, strata: ArrayLike, weights: ArrayLike) -> Stratified:
    """A mean or a share over faces, as it would be if k strata held faces in proportion to `weights` (k,).

    `strata`: (n,), index of each face's stratum. Strata without a face are left out, and the others' weights scaled up.
    Source: direct standardization, as in Rothman, Greenland and Lash, "Modern Epidemiology" (2008), chapter 3.
    """
    weights = np.asarray(weights, float)
    strata, values = np.asarray(strata), statistic.terms[:, 0]
    if strata.shape != values.shape:
        raise ValueError(f"expected a stratum for each of {len(values)} faces, got {strata.shape}")
    terms = np.zeros((len(strata), 3, len(weights)))
    terms[np.arange(len(strata)), :, strata] = np.stack([values, np.ones(len(values)), values**2], axis=1)

    def finish(sums: np.ndarray) -> np.ndarray:
        values, counts, _ = np.split(sums, 3, axis=-1)
        there = np.where(counts > 0, weights, 0.0)
        return _ratio((np.nan_to_num(_ratio(values, counts)) * there).sum(axis=-1), there.sum(axis=-1))

    return Stratified(
        terms.reshape(len(strata), 3 * len(weights)),
        finish,
        least=statistic.least,
        weights=weights,
        are_shares=statistic.is_share,
    )


def confusion_matrix(true: ArrayLike, pred: ArrayLike, n_classes: int) -> np.ndarray:
    """Counts, int (n_classes, n_classes): row = true class, column = predicted class; faces not found are left out."""
    true, pred = _same_length(true, pred)
    found = pred != NOT_FOUND
    true, pred = true.astype(np.int64), pred.astype(np.int64)  # of an empty list, floats
    return np.bincount(true[found] * n_classes + pred[found], minlength=n_classes**2).reshape(n_classes, n_classes)


def _first_by_second(sums: np.ndarray) -> np.ndarray:
    return _ratio(sums[..., 0], sums[..., 1])


def _ratio(numerator: np.ndarray, denominator: np.ndarray) -> np.ndarray:
    numerator, denominator = np.broadcast_arrays(np.asarray(numerator, float), np.asarray(denominator, float))
    return np.divide(numerator, denominator, out=np.full(numerator.shape, np.nan), where=denominator > 0)


def _same_length(true: ArrayLike, pred: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    """Both as int64 or float64: differences of smaller or unsigned integers would overflow."""
    true, pred = (_wide(np.asarray(values)) for values in (true, pred))
    if true.shape != pred.shape or true.ndim != 1:
        raise ValueError(f"expected two arrays of one and the same shape (n,), got {true.shape} and {pred.shape}")
    return true, pred


def _wide(values: np.ndarray) -> np.ndarray:
    return values.astype(np.int64 if values.dtype.kind in "iub" else np.float64)
