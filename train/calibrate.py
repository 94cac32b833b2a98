"""Temperatures and the widths of the age interval, chosen on validation data after training."""

from dataclasses import dataclass, replace

import numpy as np

from agr.attributes import INTERVAL_AGES, Attributes
from agr.evaluation.tables import AGE_BAND

INTERVAL_TARGET = 0.8
"""Share of faces whose true age the interval should hold."""
LEAST_IN_BAND = 30
"""Faces of an age band from which its width can be told."""
ROUNDS = 3
"""Passes over the bands, as each one's width weighs on its neighbours': the third changes nothing of note."""
MASSES = tuple(round(0.4 + 0.005 * step, 4) for step in range(120))


@dataclass(frozen=True)
class Calibration:
    """`temperatures`: what to divide each task's logits by. `interval_mass`: see `agr.attributes.Attributes`."""

    temperatures: dict[str, float]
    interval_mass: tuple[float, ...]


def calibrate(read: Attributes, *, age: np.ndarray, gender: np.ndarray, race: np.ndarray) -> Calibration:
    """Calibrate from uncalibrated attributes and labels, each (n,).

    Sources: Guo et al., "On Calibration of Modern Neural Networks" (2017), for the temperatures;
    `Attributes.age_interval` for the interval.
    """
    probs = {"age": read.age_probs, "gender": read.gender_probs, "race": read.race_probs}
    labels = {"age": age, "gender": gender, "race": race}
    temperatures = {task: best_temperature(probs[task], labels[task]) for task in probs}
    sharpened = Attributes(_tempered(read.age_probs, temperatures["age"]), read.gender_probs, read.race_probs)
    return Calibration(temperatures, best_interval_mass(sharpened, age))


def best_temperature(probs: np.ndarray, labels: np.ndarray) -> float:
    """The temperature, 0.25 to 4, with the lowest negative log-likelihood; `probs` (n, k), `labels` (n,)."""
    candidates = np.exp(np.linspace(np.log(0.25), np.log(4.0), 161))
    rows = np.arange(len(labels))
    nll = [-np.log(_tempered(probs, t)[rows, labels] + 1e-12).mean() for t in candidates]
    return round(float(candidates[int(np.argmin(nll))]), 4)


def best_interval_mass(read: Attributes, age: np.ndarray) -> tuple[float, ...]:
    """The smallest `interval_mass` with which the interval holds `INTERVAL_TARGET` of the true ages in each band of
    `AGE_BAND` years around one of `INTERVAL_AGES`; a band of fewer than `LEAST_IN_BAND` faces takes the mass that suits
    all together."""
    n = len(INTERVAL_AGES)
    band = np.minimum(age // AGE_BAND, n - 1)
    found = np.full(n, _least(read, age, np.full(n, True), np.zeros(n)))
    for _ in range(ROUNDS):
        for i in range(n):
            part = band == i
            if part.sum() >= LEAST_IN_BAND:
                found[i] = _least(_rows(read, part), age[part], np.arange(n) == i, found)
    return tuple(found.tolist())


def _least(read: Attributes, age: np.ndarray, chosen: np.ndarray, masses: np.ndarray) -> float:
    """The first of `MASSES` that, in the `chosen` places of `masses`, has the interval hold the target share, or the
    last."""
    for mass in MASSES:
        candidate = replace(read, interval_mass=tuple(np.where(chosen, mass, masses).tolist()))
        low, high = candidate.age_interval.T
        if np.mean((low <= age) & (age <= high)) >= INTERVAL_TARGET:
            break
    return mass


def _rows(read: Attributes, part: np.ndarray) -> Attributes:
    return Attributes(read.age_probs[part], read.gender_probs[part], read.race_probs[part])


def _tempered(probs: np.ndarray, temperature: float) -> np.ndarray:
    powered = probs ** (1 / temperature)
    return powered / powered.sum(axis=1, keepdims=True)
