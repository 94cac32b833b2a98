"""Intervals against the textbook's, and against resampling the rows themselves."""

import numpy as np
import pytest
from sklearn.metrics import f1_score

from agr.evaluation import bootstrap as b
from agr.evaluation import metrics as m

RNG = np.random.default_rng(0)
N, K = 700, 5
TRUE = RNG.integers(0, K, N)
PRED = np.where(RNG.random(N) < 0.6, TRUE, RNG.integers(0, K, N))


def test_the_interval_of_a_share_is_the_binomial_one():
    correct = RNG.random(2000) < 0.9
    found = b.estimate(m.mean(correct))
    half = 1.96 * np.sqrt(correct.mean() * (1 - correct.mean()) / 2000)
    assert found.value == pytest.approx(correct.mean())
    assert found.low == pytest.approx(correct.mean() - half, abs=0.002)
    assert found.high == pytest.approx(correct.mean() + half, abs=0.002)
    assert found.n == 2000


def test_reweighted_figures_equal_resampled_ones():
    """The bootstrap never draws the rows themselves; drawing them must give the same interval."""
    draws = np.random.default_rng(0).integers(0, N, size=(b.N_RESAMPLES, N))
    drawn = [f1_score(TRUE[chosen], PRED[chosen], average="macro") for chosen in draws]
    found = b.estimate(m.macro_f1(TRUE, PRED, K))
    assert (found.low, found.high) == pytest.approx(tuple(np.quantile(drawn, [0.025, 0.975])))


def test_many_faces_are_drawn_in_parts_with_the_same_result(monkeypatch):
    whole = b.estimates({"accuracy": m.accuracy(TRUE, PRED), "f1": m.macro_f1(TRUE, PRED, K)})
    monkeypatch.setattr(b, "_DRAWS_AT_ONCE", 5 * N)
    assert b.estimates({"accuracy": m.accuracy(TRUE, PRED), "f1": m.macro_f1(TRUE, PRED, K)}) == whole


def test_a_paired_difference_leaves_out_what_both_find_hard():
    other = np.where(RNG.random(N) < 0.95, PRED, TRUE)
    first, second = m.accuracy(TRUE, PRED), m.accuracy(TRUE, other)
    found = b.estimate(b.difference(first, second))
    assert found.value == pytest.approx(np.mean(other == TRUE) - np.mean(PRED == TRUE))
    alone = b.estimate(first)
    assert found.high - found.low < 0.6 * (alone.high - alone.low)
    changes = (other == TRUE).astype(float) - (PRED == TRUE)
    half = 1.96 * changes.std() / np.sqrt(N)
    assert found.high - found.low == pytest.approx(2 * half, rel=0.15)


def test_nothing_to_compute_from_is_nan_not_an_error():
    empty = b.estimate(m.mean([]))
    assert np.isnan(empty.value)
    assert empty.n == 0
    assert np.isnan(b.estimate(m.recall(np.zeros(3, int), np.zeros(3, int), 1)).low)
    assert b.estimates({}) == {}


def test_statistics_over_other_faces_do_not_mix():
    with pytest.raises(ValueError, match="same faces"):
        b.estimates({"a": m.mean([1.0]), "b": m.mean([1.0, 2.0])})
    with pytest.raises(ValueError, match="same faces"):
        b.difference(m.mean([1.0]), m.mean([1.0, 2.0]))
