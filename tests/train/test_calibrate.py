from dataclasses import replace

import numpy as np
import pytest

from agr.attributes import Attributes, respread
from train.calibrate import BANDS_END, LEAST_IN_BAND, best_age_spread, best_interval_mass, best_temperature, calibrate


def softmax(logits):
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


@pytest.mark.parametrize("true_temperature", [0.5, 1.0, 2.5])
def test_the_temperature_that_was_hidden_is_found(true_temperature):
    rng = np.random.default_rng(0)
    logits = rng.normal(0, 2, (20_000, 5))
    labels = np.array([rng.choice(5, p=p) for p in softmax(logits / true_temperature)])
    assert best_temperature(softmax(logits), labels) == pytest.approx(true_temperature, rel=0.05)


def made_up(age, pred, sigma):
    probs = softmax(-((np.arange(117) - pred[:, None]) ** 2) / (2 * sigma**2))
    return Attributes(probs, np.full((len(age), 2), 0.5), np.full((len(age), 5), 0.2))


def holds(read, age, masses):
    low, high = replace(read, interval_mass=masses).age_interval.T
    return (low <= age) & (age <= high)


def test_the_interval_holds_eight_in_ten_of_every_age():
    rng = np.random.default_rng(0)
    age = rng.integers(0, 100, 8000)
    pred = 40 + 0.9 * (age - 40) + rng.normal(0, 1 + age / 15)  # extremes squeezed to the middle, the old seen worse
    read = made_up(age, pred, 5.0)
    masses = best_interval_mass(read, age)
    flat = next((mass,) * 9 for mass in np.linspace(0.4, 0.99, 60) if holds(read, age, (mass,) * 9).mean() >= 0.8)
    bands = [np.digitize(age, BANDS_END) == band for band in range(9)]
    for part in bands:
        assert holds(read, age, masses)[part].mean() == pytest.approx(0.8, abs=0.03)
    assert min(holds(read, age, flat)[part].mean() for part in bands) < 0.7


def test_each_task_has_a_temperature_of_its_own():
    rng = np.random.default_rng(0)
    n, hidden = 3000, {"gender": 0.5, "race": 2.0}
    logits = {"gender": rng.normal(0, 2, (n, 2)), "race": rng.normal(0, 2, (n, 5))}
    shares = {task: softmax(logits[task] / hidden[task]).cumsum(axis=1) for task in hidden}
    labels = {task: (shares[task] > rng.random((n, 1))).argmax(axis=1) for task in hidden}
    age = rng.integers(0, 100, n)
    read = Attributes(made_up(age, age, 5.0).age_probs, softmax(logits["gender"]), softmax(logits["race"]))
    found = calibrate(read, age=age, **labels).temperatures
    assert found == {task: pytest.approx(value, rel=0.15) for task, value in (hidden | {"age": 1.0}).items()}


def test_an_age_without_faces_takes_what_suits_all():
    rng = np.random.default_rng(0)
    centres = rng.uniform(20, 90, 2500)
    age = np.rint(centres + rng.normal(0, 6, 2500)).astype(int).clip(20, 99)
    read = made_up(age, centres, 3.0)  # sure by a factor of two too much
    masses = best_interval_mass(read, age)
    assert holds(read, age, masses).mean() == pytest.approx(0.8, abs=0.02)
    low, high = replace(read, interval_mass=masses[:1] * 9).age_interval.T
    assert np.mean((low <= age) & (age <= high)) == pytest.approx(0.8, abs=0.03)
    found = calibrate(read, age=age, gender=np.zeros(2500, int), race=np.zeros(2500, int))
    assert found.age_spread[3:] == pytest.approx([6 / 3] * 3, rel=0.1)
    assert found.temperatures["age"] == 1


@pytest.mark.parametrize("true_spread", [0.7, 1.0, 1.6])
def test_the_age_spread_that_was_hidden_is_found(true_spread):
    rng = np.random.default_rng(0)
    read = made_up(np.zeros(3000), rng.uniform(30, 70, 3000), 6.0)
    true = respread(read.age_probs, true_spread)
    age = np.array([rng.choice(117, p=probs) for probs in true])
    assert best_age_spread(read.age_probs, age)[4:] == pytest.approx([true_spread] * 2, rel=0.1)


def test_each_age_has_a_spread_of_its_own():
    rng = np.random.default_rng(0)
    read = made_up(np.zeros(8000), rng.uniform(2, 70, 8000), 6.0)
    hidden = (0.6, 0.6, 0.8, 0.9, 1.2, 1.5)
    age = np.array([rng.choice(117, p=probs) for probs in respread(read.age_probs, hidden)])
    assert best_age_spread(read.age_probs, age) == pytest.approx(hidden, rel=0.15)


def test_the_interval_is_fitted_to_the_width_that_is_used():
    rng = np.random.default_rng(0)
    age = rng.integers(0, 100, 2000)
    read = made_up(age, age + rng.normal(0, 8, 2000), 5.0)
    found = calibrate(read, age=age, gender=np.zeros(2000, int), race=np.zeros(2000, int))
    assert min(found.age_spread[1:]) > 1.3
    spread = respread(read.age_probs, found.age_spread)
    low, high = Attributes(spread, read.gender_probs, read.race_probs, found.interval_mass).age_interval.T
    assert np.mean((low <= age) & (age <= high)) == pytest.approx(0.8, abs=0.015)


def test_a_band_of_few_faces_takes_what_suits_all():
    rng = np.random.default_rng(0)
    age = np.concatenate([rng.integers(0, 80, 800), np.full(LEAST_IN_BAND - 1, 85)])
    pred = np.minimum(age + rng.normal(0, 5, len(age)) + 40 * (age == 85), 110)
    assert best_interval_mass(made_up(age, pred, 5.0), age)[8] < 0.9
    age, pred = np.append(age, 85), np.append(pred, 110)
    assert best_interval_mass(made_up(age, pred, 5.0), age)[8] > 0.95


def test_who_is_over_a_hundred_counts_to_the_last_band():
    rng = np.random.default_rng(0)
    age = np.concatenate([rng.integers(0, 80, 800), np.full(60, 105)])
    pred = np.where(age == 105, 85, age + rng.normal(0, 5, len(age)))
    assert best_interval_mass(made_up(age, pred, 5.0), age)[8] > 0.95
