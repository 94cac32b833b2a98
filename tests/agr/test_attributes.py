from dataclasses import replace

import numpy as np
import pytest

from agr.attributes import Attributes, respread, softmax
from agr.config import ModelConfig
from agr.labels import MAX_AGE, age_group_of


def batch(age_probs, **options):
    n = len(age_probs)
    return Attributes(np.asarray(age_probs), np.full((n, 2), 0.5), np.full((n, 5), 0.2), **options)


@pytest.fixture
def random():
    return batch(np.random.default_rng(0).dirichlet(np.full(117, 0.1), size=50))


def test_age_is_the_mean(random):
    assert np.allclose(random.age, [np.average(np.arange(117), weights=p) for p in random.age_probs])


def test_age_groups_are_sums_of_their_years(random):
    expected = np.zeros((50, 8))
    for age in range(MAX_AGE + 1):
        expected[:, age_group_of(age)] += random.age_probs[:, age]
    assert np.allclose(random.age_group_probs, expected)
    assert np.allclose(random.age_group_probs.sum(axis=1), 1)


def test_of_equal_masses_the_interval_is_the_central_part():
    rng = np.random.default_rng(1)
    probs = rng.dirichlet(np.full(117, 2.0))
    samples = rng.choice(117, size=200_000, p=probs) + rng.uniform(-0.5, 0.5, 200_000)
    for mass in (0.1, 0.5, 0.8, 0.9):
        ends = np.quantile(samples, [(1 - mass) / 2, (1 + mass) / 2])
        assert batch(probs[None], interval_mass=(mass,) * 9).age_interval[0] == pytest.approx(ends, abs=0.6)


def test_an_age_counts_by_its_own_mass():
    probs = np.exp(-((np.arange(117) - 50) ** 2) / (2 * 12.0**2))
    probs /= probs.sum()
    (low, high), (wide_low, wide_high) = (
        batch(probs[None], interval_mass=masses).age_interval[0] for masses in ((0.6,) * 9, (*(0.6,) * 7, 0.95, 0.95))
    )
    assert low == pytest.approx(50 - 0.8416 * 12, abs=0.1)  # 20 and 80 % of a normal distribution
    assert wide_low == low
    assert high == pytest.approx(50 + 0.8416 * 12, abs=0.1)
    assert wide_high == pytest.approx(50 + 1.96 * 12, abs=0.1)  # beyond 70, 95 % count


def test_the_interval_holds_the_middle_and_stays_in_range(random):
    for masses in ((0.8,) * 9, (0.01,) * 9, (0.4, 0.9, 0.5, 0.95, 0.6, 0.3, 0.9, 0.2, 0.7)):
        low, high = replace(random, interval_mass=masses).age_interval.T
        middle = np.abs(np.cumsum(random.age_probs, axis=1) - random.age_probs / 2 - 0.5).argmin(axis=1)
        assert (low <= middle).all()
        assert (high >= middle).all()
        assert (low >= 0).all()
        assert (high <= MAX_AGE).all()
    certain = batch(np.eye(117)[[0, 30, 116]])
    assert np.allclose(certain.age, [0, 30, 116])
    assert (np.abs(certain.age_interval - certain.age[:, None]) <= 1).all()


def test_batches_are_cut_and_joined(random):
    read = replace(random, interval_mass=(*(0.5,) * 5, 0.6, 0.7, 0.8, 0.9))
    joined = Attributes.concatenated([read[:20], read[20:]])
    assert np.array_equal(joined.age_probs, read.age_probs)
    assert np.array_equal(joined.age_interval, read.age_interval)
    assert len(read[3:5]) == 2
    other = replace(random[20:], interval_mass=(0.5,) * 9)
    assert other[:3].interval_mass == other.interval_mass
    with pytest.raises(ValueError, match="by one model"):
        Attributes.concatenated([random[:20], other])


@pytest.mark.parametrize("shape", [(3, 116), (3, 118)])
def test_a_wrong_shape_is_an_error_that_says_so(shape):
    with pytest.raises(ValueError, match=r"age_probs of shape \(3, 117\)"):
        batch(np.ones(shape))


def test_interval_mass_is_checked():
    for masses in ((*(0.8,) * 8, 1.0), (0.8,)):
        with pytest.raises(ValueError, match="interval_mass"):
            batch(np.eye(117)[:1], interval_mass=masses)


@pytest.mark.parametrize("spread", [0.3, 0.8, 1.0, 1.7])
def test_another_spread_scales_the_width_and_keeps_the_mean(spread):
    probs = np.random.default_rng(0).gamma(0.3, size=(20, 117)) * (np.abs(np.arange(117) - 55) < 30)
    probs /= probs.sum(axis=1, keepdims=True)
    changed = respread(probs, spread)
    assert changed.sum(axis=1) == pytest.approx(1, abs=1e-12)
    assert (changed >= 0).all()
    years = np.arange(117)
    assert changed @ years == pytest.approx(probs @ years, abs=0.05 if spread > 0.5 else 0.2)

    def variance(of):
        return of @ years**2 - (of @ years) ** 2

    # Each age counts for a year around it, whose own variance of a twelfth is scaled too.
    assert variance(changed) + 1 / 12 == pytest.approx(spread**2 * (variance(probs) + 1 / 12), rel=0.06)


@pytest.mark.parametrize("age", [0, 116])
def test_what_leaves_the_ages_falls_on_the_last(age):
    certain = np.eye(117)[[age]]
    wider = respread(certain, 3.0)
    assert wider.sum() == pytest.approx(1)
    assert wider[0, age] == pytest.approx(2 / 3)
    assert respread(certain, 0.5) == pytest.approx(certain)
    assert respread(np.empty((0, 117)), 0.5).shape == (0, 117)


def test_large_logits_do_not_overflow():
    assert softmax(np.array([[1000.0, 999.0]])) == pytest.approx(np.array([[0.731, 0.269]]), abs=1e-3)


def test_probabilities_sum_to_1_in_double_precision():
    ages = np.random.default_rng(0).normal(size=(50, MAX_AGE + 1)).astype(np.float32)
    logits = {"age": ages, "gender": np.zeros((50, 2), np.float32), "race": np.zeros((50, 5), np.float32)}
    read = Attributes.from_logits(logits, ModelConfig())
    assert np.abs(read.age_probs.sum(axis=1) - 1).max() < 1e-12


def test_each_age_has_a_spread_of_its_own():
    probs = np.exp(-((np.arange(117) - np.array([[18], [22.5], [90]])) ** 2) / (2 * 3.0**2))
    probs /= probs.sum(axis=1, keepdims=True)
    changed = respread(probs, (1, 1, 0.5, 1.0, 1, 2.0))
    years = np.arange(117)
    widths = np.sqrt(changed @ years**2 - (changed @ years) ** 2)
    assert widths == pytest.approx([1.5, 0.75 * 3, 6], rel=0.03)
