"""Temperatures and the width of the age interval, chosen on validation data after training."""

from dataclasses import dataclass

import numpy as np

from agr.attributes import Attributes

INTERVAL_TARGET = 0.8
"""Share of faces whose true age the interval should hold."""


@dataclass(frozen=True)
class Calibration:
    """`temperatures`: what to divide each task's logits by. `interval_mass`: see `agr.attributes.Attributes`."""

    temperatures: dict[str, float]
    interval_mass: float


def calibrate(read: Attributes, *, age: np.ndarray, gender: np.ndarray, race: np.ndarray) -> Calibration:
    """Calibrate from uncalibrated attributes and labels, each (n,).

    Source: Guo et al., "On Calibration of Modern Neural Networks" (2017), for the temperatures.
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


def best_interval_mass(read: Attributes, age: np.ndarray) -> float:
    """The smallest share of the age distribution whose central interval holds `INTERVAL_TARGET` of the true ages."""
    for mass in np.linspace(0.5, 0.99, 99):
        low, high = Attributes(read.age_probs, read.gender_probs, read.race_probs, float(mass)).age_interval.T
        if np.mean((low <= age) & (age <= high)) >= INTERVAL_TARGET:
            break
    return round(float(mass), 4)


def _tempered(probs: np.ndarray, temperature: float) -> np.ndarray:
    powered = probs ** (1 / temperature)
    return powered / powered.sum(axis=1, keepdims=True)
