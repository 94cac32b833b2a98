import numpy as np
import pytest

from train.finish import best_shift

SHARES = np.array([0.6, 0.4])


def test_the_most_balance_that_costs_nothing():
    probs = np.array([[0.9, 0.1], [0.55, 0.45], [0.1, 0.9]])
    assert best_shift(probs, np.array([0, 1, 1]), SHARES) == 1.0
    assert best_shift(probs, np.array([0, 0, 1]), SHARES) == pytest.approx(0.4)  # 0.55 / 0.45 is (0.6 / 0.4) ** 0.49
    assert best_shift(probs, np.array([0, 1, 1]), np.array([1.0, 0.0])) == 0.0
