import numpy as np
import pytest

from agr.attributes import Attributes
from train.calibrate import best_interval_mass, best_temperature, calibrate


def softmax(logits):
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


@pytest.mark.parametrize("true_temperature", [0.5, 1.0, 2.5])
def test_the_temperature_that_was_hidden_is_found(true_temperature):
    rng = np.random.default_rng(0)
    logits = rng.normal(0, 2, (20_000, 5))
    labels = np.array([rng.choice(5, p=p) for p in softmax(logits / true_temperature)])
    assert best_temperature(softmax(logits), labels) == pytest.approx(true_temperature, rel=0.05)


def test_the_interval_holds_eight_in_ten():
    rng = np.random.default_rng(0)
    centres = rng.uniform(20, 90, 5000)
    age = np.rint(centres + rng.normal(0, 6, 5000)).astype(int)
    probs = softmax(-((np.arange(117) - centres[:, None]) ** 2) / (2 * 3.0**2))  # sure by a factor of two too much
    read = Attributes(probs, np.full((5000, 2), 0.5), np.full((5000, 5), 0.2))
    mass = best_interval_mass(read, age)
    low, high = Attributes(probs, read.gender_probs, read.race_probs, mass).age_interval.T
    assert np.mean((low <= age) & (age <= high)) == pytest.approx(0.8, abs=0.02)
    found = calibrate(read, age=age.clip(0, 116), gender=np.zeros(5000, int), race=np.zeros(5000, int))
    assert found.temperatures["age"] == pytest.approx(4.0, rel=0.15)  # (6 / 3)²
