import numpy as np
import pytest
import torch

from train.config import FitConfig
from train.optimization import ema_decay, learning_rate, parameter_groups, update_ema


def test_learning_rate_warms_up_and_falls():
    config = FitConfig(epochs=10, lr=1.0, warmup_epochs=1)
    rates = [learning_rate(step, 100, config) for step in range(1000)]
    assert rates[0] < 0.02
    assert max(rates) == pytest.approx(1, abs=0.01)
    assert np.argmax(rates) in range(98, 102)
    assert rates[-1] == pytest.approx(0.01, abs=0.001)
    assert rates[101:] == sorted(rates[101:], reverse=True)


def test_the_average_moves_by_one_minus_the_decay():
    one, two = torch.nn.BatchNorm1d(3), torch.nn.BatchNorm1d(3)
    with torch.no_grad():
        two.weight.fill_(3.0)
        two.num_batches_tracked.fill_(7)
    update_ema(one, two, 0.9)
    assert torch.allclose(one.weight, torch.full((3,), 1.2))
    assert one.num_batches_tracked == 7


def test_the_average_forgets_the_first_weights_soon():
    assert ema_decay(0, 0.998) == pytest.approx(0.1)
    assert ema_decay(90, 0.998) == pytest.approx(0.91)
    assert ema_decay(100_000, 0.998) == 0.998


def test_filters_decay_and_biases_do_not():
    decayed, kept = parameter_groups(torch.nn.Sequential(torch.nn.Conv2d(3, 4, 1), torch.nn.BatchNorm2d(4)), 0.02)
    assert ([p.ndim for p in decayed["params"]], decayed["weight_decay"]) == ([4], 0.02)
    assert ([p.ndim for p in kept["params"]], kept["weight_decay"]) == ([1, 1, 1], 0.0)
