import numpy as np
import pytest

from agr.attributes import Attributes, age_quantile
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


def test_quantiles_match_sampling():
    rng = np.random.default_rng(1)
    probs = rng.dirichlet(np.full(117, 2.0))
    samples = rng.choice(117, size=200_000, p=probs) + rng.uniform(-0.5, 0.5, 200_000)
    for q in (0.05, 0.1, 0.5, 0.9):
        assert age_quantile(probs[None], q)[0] == pytest.approx(np.quantile(samples, q), abs=0.4)


def test_the_interval_holds_the_mass_it_says_and_stays_in_range(random):
    low, high = random.age_interval.T
    assert (low <= high).all()
    assert (low >= 0).all()
    assert (high <= MAX_AGE).all()
    certain = batch(np.eye(117)[[0, 30, 116]])
    assert np.allclose(certain.age, [0, 30, 116])
    assert (np.abs(certain.age_interval - certain.age[:, None]) <= 0.5).all()


def test_batches_are_cut_and_joined(random):
    joined = Attributes.concatenated([random[:20], random[20:]])
    assert np.array_equal(joined.age_probs, random.age_probs)
    assert len(random[3:5]) == 2


@pytest.mark.parametrize("shape", [(3, 116), (3, 118)])
def test_a_wrong_shape_is_an_error_that_says_so(shape):
    with pytest.raises(ValueError, match=r"age_probs of shape \(3, 117\)"):
        batch(np.ones(shape))


def test_interval_mass_is_checked():
    with pytest.raises(ValueError, match="interval_mass"):
        batch(np.eye(117)[:1], interval_mass=1.0)
