"""Calibration on validation data after training: temperatures, and the widths of age distribution and age interval."""

from bisect import bisect_left
from dataclasses import dataclass, replace

import numpy as np

from agr.attributes import INTERVAL_AGES, SPREAD_AGES, YEARS, Attributes, respread

INTERVAL_TARGET = 0.8
"""Share of faces whose true age should lie in the interval."""
BANDS_END = (3, 7, 14, 22, 30, 42, 60, 80)
"""Ages in years at which the band around one of `INTERVAL_AGES` ends and the next begins."""
LEAST_IN_BAND = 30
"""Minimum number of faces in an age band for estimating its interval width."""
ROUNDS = 3
"""Number of passes over the ages, as each one's width affects its neighbours'; the third changes almost nothing."""
MASSES = tuple(round(0.2 + 0.005 * step, 4) for step in range(160))
TEMPERATURES = np.exp(np.linspace(np.log(0.25), np.log(4.0), 161))
SPREADS = np.exp(np.linspace(np.log(0.4), np.log(2.5), 47))


@dataclass(frozen=True)
class Calibration:
    """The calibrated values of `agr.config.ModelConfig`. The temperature of age is 1: `age_spread` scales its
    distribution instead."""

    temperatures: dict[str, float]
    age_spread: tuple[float, ...]
    interval_mass: tuple[float, ...]


def calibrate(read: Attributes, *, age: np.ndarray, gender: np.ndarray, race: np.ndarray) -> Calibration:
    """Calibrate from uncalibrated attributes and labels, each (n,).

    Sources: Guo et al., "On Calibration of Modern Neural Networks" (2017), for the temperatures; Levi et al.,
    "Evaluating and Calibrating Uncertainty Prediction in Regression Tasks" (2019), for scaling the width of the age
    distribution; `Attributes.age_interval` for the interval.
    """
    spread = best_age_spread(read.age_probs, age)
    temperatures = {
        "age": 1.0,
        "gender": best_temperature(read.gender_probs, gender),
        "race": best_temperature(read.race_probs, race),
    }
    spread_anew = Attributes(respread(read.age_probs, spread), read.gender_probs, read.race_probs)
    return Calibration(temperatures, spread, best_interval_mass(spread_anew, age))


def best_age_spread(age_probs: np.ndarray, age: np.ndarray) -> tuple[float, ...]:
    """For each of `SPREAD_AGES` the value from `SPREADS` that gives the lowest negative log-likelihood; `age_probs` (n,
    117), `age` (n,). Optimised one at a time, starting from the best common spread."""
    rows = np.arange(len(age))
    nll = np.stack([-np.log(respread(age_probs, spread)[rows, age] + 1e-12) for spread in SPREADS])  # (47, n)
    means = age_probs @ YEARS

    def total(spreads: np.ndarray) -> float:
        place = np.interp(np.log(np.interp(means, SPREAD_AGES, spreads)), np.log(SPREADS), np.arange(len(SPREADS)))
        low = place.astype(int).clip(0, len(SPREADS) - 2)
        return float((nll[low, rows] + (place - low) * (nll[low + 1, rows] - nll[low, rows])).mean())

    n = len(SPREAD_AGES)
    found = np.full(n, SPREADS[nll.mean(axis=1).argmin()])
    for i in [*range(n)] * ROUNDS:
        found[i] = min(SPREADS, key=lambda spread: total(np.where(np.arange(n) == i, spread, found)))
    return tuple(round(float(spread), 4) for spread in found)


def best_temperature(probs: np.ndarray, labels: np.ndarray) -> float:
    """The temperature, 0.25 to 4, with the lowest negative log-likelihood; `probs` (n, k), `labels` (n,)."""
    rows = np.arange(len(labels))

    def nll(temperature: float) -> float:
        powered = probs ** (1 / temperature)
        return -np.log(powered[rows, labels] / powered.sum(axis=1) + 1e-12).mean()

    return round(float(min(TEMPERATURES, key=nll)), 4)


def best_interval_mass(read: Attributes, age: np.ndarray) -> tuple[float, ...]:
    """For each of `INTERVAL_AGES` the smallest `interval_mass` whose intervals contain `INTERVAL_TARGET` of the true
    ages in the band around it. A band of fewer than `LEAST_IN_BAND` faces takes the mass found for all faces
    together."""
    n = len(INTERVAL_AGES)
    band = np.digitize(age, BANDS_END)
    found = np.full(n, _least(read, age, np.full(n, True), np.zeros(n)))
    for _ in range(ROUNDS):
        for i in range(n):
            part = band == i
            if part.sum() >= LEAST_IN_BAND:
                found[i] = _least(read[part], age[part], np.arange(n) == i, found)
    return tuple(found.tolist())


def _least(read: Attributes, age: np.ndarray, chosen: np.ndarray, masses: np.ndarray) -> float:
    """The first of `MASSES` that reaches the target share when put into the `chosen` places of `masses`, else the last.
    Bisection finds it, as no interval gets narrower with a greater mass."""

    def holds(mass: float) -> bool:
        candidate = replace(read, interval_mass=tuple(np.where(chosen, mass, masses).tolist()))
        low, high = candidate.age_interval.T
        return bool(np.mean((low <= age) & (age <= high)) >= INTERVAL_TARGET)

    return MASSES[min(bisect_left(MASSES, True, key=holds), len(MASSES) - 1)]
