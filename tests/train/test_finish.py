import numpy as np
import pytest

from train.finish import best_shift

SHARES = np.array([0.6, 0.4])


def test_the_most_balance_that_costs_nothing():
    probs = np.array([[0.9, 0.1], [0.55, 0.45], [0.1, 0.9]])
    assert best_shift(probs, np.array([0, 1, 1]), SHARES) == 1.0
    assert best_shift(probs, np.array([0, 0, 1]), SHARES) == pytest.approx(0.4)  # 0.55 / 0.45 is (0.6 / 0.4) ** 0.49
    assert best_shift(probs, np.array([0, 1, 1]), np.array([1.0, 0.0])) == 0.0


def test_half_a_standard_error_may_be_lost():
    """Of 100 faces each turning point costs one more; half a standard error of 90 % is 1.5 faces."""
    shares = np.array([0.9, 0.1])
    turned = 1 / (1 + 9.0 ** -np.array([0.15, 0.35, 0.55]))  # these change sides at 0.15, 0.35 and 0.55
    first = np.concatenate([turned, np.full(97, 0.999)])
    probs = np.stack([first, 1 - first], axis=1)
    labels = np.array([0] * 90 + [1] * 10)
    assert best_shift(probs, labels, shares) == pytest.approx(0.3)
