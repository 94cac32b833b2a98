"""Intervals against the textbook's, and against resampling the rows themselves."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binomtest
from sklearn.metrics import f1_score

from agr.evaluation import bootstrap as b
from agr.evaluation import metrics as m

RNG = np.random.default_rng(0)
N, K = 700, 5
TRUE = RNG.integers(0, K, N)
PRED = np.where(RNG.random(N) < 0.6, TRUE, RNG.integers(0, K, N))


def estimate(statistic):
    return b.estimates({"": statistic})[""]


@pytest.mark.parametrize(("right", "n"), [(0, 8), (7, 8), (8, 8), (1, 137), (136, 137), (1800, 2000)])
def test_the_interval_of_a_share_is_wilsons(right, n):
    labels = np.repeat([0, 1], n)  # for the recall, of half of the faces
    pred = np.concatenate([np.zeros(n, int), np.arange(n) < right]).astype(int)
    for statistic in (m.accuracy(labels[n:], pred[n:]), m.recall(labels, pred, 1)):
        found = estimate(statistic)
        assert (found.value, found.n) == (pytest.approx(right / n), n)
        assert (found.low, found.high) == pytest.approx(proportion_confint(right, n))
        assert found.low <= found.value <= found.high


def test_of_one_face_there_is_no_interval_and_no_doubt_where_all_are_alike():
    one = estimate(m.mean_absolute_error([30], [38]))
    assert (one.value, one.n) == (8, 1)
    assert np.isnan(one.low)
    assert np.isnan(one.high)
    labels = np.zeros(9, int)
    assert estimate(m.mean_absolute_error(labels, labels)).high == 0
    assert estimate(b.difference(m.recall(labels, labels, 0), m.recall(labels, labels, 0))).high == 0


def proportion_confint(count: int, n: int) -> tuple[float, float]:
    """Wilson's, by scipy."""
    ends = binomtest(count, n).proportion_ci(0.95, method="wilson")
    return ends.low, ends.high


@pytest.mark.parametrize("off", [0.01, 0.04])
def test_the_interval_of_a_calibration_error_holds_the_true_one(off):
    """By chance alone every bin is off: the figure is too large, and those of resamples larger still."""
    held = 0
    for seed in range(40):
        rng = np.random.default_rng(seed)
        confidence = rng.uniform(0.55, 1, 2000)
        wrong = (rng.random(2000) > confidence - off).astype(int)
        found = estimate(m.expected_calibration_error(wrong, np.stack([confidence, 1 - confidence], axis=1)))
        held += found.low <= off <= found.high
        assert 0 <= found.low <= found.value <= found.high
    assert held >= 34


def test_a_difference_of_calibration_errors_is_not_taken_for_sure():
    """Of two models that are calibrated alike, the less sure one has the larger error by chance."""
    wrong = 0
    for seed in range(30):
        rng = np.random.default_rng(seed)
        statistics = []
        for least in (0.5, 0.9):
            confidence = rng.uniform(least, 1, 1500)
            missed = (rng.random(1500) > confidence).astype(int)
            probs = np.stack([confidence, 1 - confidence], axis=1)
            statistics.append(m.expected_calibration_error(missed, probs))
        found = estimate(b.difference(*statistics))
        wrong += found.low > 0 or found.high < 0
    assert wrong < 12  # by percentiles nearly all of them


def test_reweighted_figures_equal_resampled_ones():
    """The bootstrap never draws the rows themselves; drawing them must give the same interval."""
    draws = np.random.default_rng(0).integers(0, N, size=(b.N_RESAMPLES, N))
    drawn = [f1_score(TRUE[chosen], PRED[chosen], average="macro") for chosen in draws]
    found = estimate(m.macro_f1(TRUE, PRED, K))
    assert (found.low, found.high) == pytest.approx(tuple(np.quantile(drawn, [0.025, 0.975])))


def test_many_faces_are_drawn_in_parts_with_the_same_result(monkeypatch):
    whole = b.estimates({"accuracy": m.accuracy(TRUE, PRED), "f1": m.macro_f1(TRUE, PRED, K)})
    monkeypatch.setattr(b, "_DRAWS_AT_ONCE", 5 * N)
    assert b.estimates({"accuracy": m.accuracy(TRUE, PRED), "f1": m.macro_f1(TRUE, PRED, K)}) == whole


def test_a_paired_difference_leaves_out_what_both_find_hard():
    other = np.where(RNG.random(N) < 0.95, PRED, TRUE)
    first, second = m.accuracy(TRUE, PRED), m.accuracy(TRUE, other)
    found = estimate(b.difference(first, second))
    assert found.value == pytest.approx(np.mean(other == TRUE) - np.mean(PRED == TRUE))
    alone = estimate(first)
    assert found.high - found.low < 0.6 * (alone.high - alone.low)
    changes = (other == TRUE).astype(float) - (PRED == TRUE)
    half = 1.96 * changes.std() / np.sqrt(N)
    assert found.high - found.low == pytest.approx(2 * half, rel=0.15)


def test_nothing_to_compute_from_is_nan_not_an_error():
    empty = estimate(m.mean([]))
    assert np.isnan(empty.value)
    assert empty.n == 0
    nobody = estimate(m.recall(np.zeros(3, int), np.zeros(3, int), 1))
    assert np.isnan(nobody.low)
    assert nobody.n == 0
    assert b.estimates({}) == {}


def test_statistics_over_other_faces_do_not_mix():
    mixed = {"a": m.mean([1.0, 0.0]), "b": m.mean([1.0, 2.0, 4.0]), "c": m.mean([5.0, 6.0])}
    assert b.estimates(mixed) == {name: estimate(statistic) for name, statistic in mixed.items()}
    with pytest.raises(ValueError, match="same faces"):
        b.difference(m.mean([1.0]), m.mean([1.0, 2.0]))


@pytest.fixture
def many(monkeypatch):
    """A table of 30,000 faces, sorted as names sort, of which a few carry a rare label; and what is computed of it."""
    rng = np.random.default_rng(1)
    true = np.sort(rng.choice(4, 30_000, p=[0.6, 0.3, 0.0985, 0.0015]))
    pred = np.where(rng.random(30_000) < 0.5 + 0.1 * true, true, 0)
    table = pd.DataFrame({"true": true, "pred": pred, "other": np.where(rng.random(30_000) < 0.9, pred, true)})

    def compute(part):
        true, pred, other = (part[name].to_numpy() for name in ("true", "pred", "other"))
        odd = true % 2 == 1
        return {
            "accuracy": m.accuracy(true, pred),
            "f1": m.macro_f1(true, pred, 4),
            "rare": m.recall(true, pred, 3),
            "odd": m.accuracy(true[odd], pred[odd]),
            "gap": b.difference(m.accuracy(true, pred), m.accuracy(true, other)),
        }

    return table, compute


def test_random_groups_of_faces_give_the_intervals_of_single_ones(many):
    table, compute = many
    single = {name: estimate(statistic) for name, statistic in compute(table).items()}
    statistics = b.in_random_groups(table, compute)
    assert max(len(statistic.terms) for statistic in statistics.values()) == b.GROUPS
    for name, statistic in statistics.items():
        found, expected = estimate(statistic), single[name]
        width = expected.high - expected.low
        assert found.value == pytest.approx(expected.value, abs=1e-12)
        assert found.n == expected.n
        assert (found.low, found.high) == pytest.approx((expected.low, expected.high), abs=0.12 * width), name


def test_few_faces_are_drawn_singly(many, monkeypatch):
    table, compute = many
    alone = compute(table.head(b.MOST_DRAWN))
    for name, statistic in b.in_random_groups(table.head(b.MOST_DRAWN), compute).items():
        assert np.array_equal(statistic.terms, alone[name].terms)


def test_slices_of_a_table_come_to_the_whole(many, monkeypatch):
    table, compute = many
    monkeypatch.setattr(b, "_ROWS_AT_ONCE", 7_000)
    found = b.in_random_groups(table, compute)
    assert {name: s.n for name, s in found.items()} == {name: s.n for name, s in compute(table).items()}
    for name, statistic in compute(table).items():
        assert found[name].value == pytest.approx(statistic.value, abs=1e-12)


def test_saved_estimates_come_back():
    found = b.Estimate.from_dict({"value": 0.5, "low": 0.4, "high": 0.7, "n": None})
    assert (found.value, found.low, found.high, found.n) == (0.5, 0.4, 0.7, 0)
    assert np.isnan(b.Estimate.from_dict({"value": None, "low": None, "high": None, "n": 3}).value)


def test_a_difference_of_calibration_errors_may_be_below_zero():
    rng = np.random.default_rng(0)
    sure = rng.uniform(0.6, 1, 800)
    probs = np.stack([sure, 1 - sure], axis=1)
    overconfident, calibrated = (rng.random(800) > sure - 0.3).astype(int), (rng.random(800) > sure).astype(int)
    errors = [m.expected_calibration_error(true, probs) for true in (overconfident, calibrated)]
    found = b.estimates({"": b.difference(*errors)})[""]
    assert found.low < found.value < found.high < 0


def test_the_interval_of_a_standardized_share_holds_the_true_one_where_a_stratum_is_small():
    rng, weights, sizes = np.random.default_rng(0), np.array([0.1, 0.3, 0.6]), np.array([10, 60, 400])
    shares, strata = np.array([0.7, 0.9, 0.95]), np.repeat(np.arange(3), sizes)
    true, held = weights @ shares, 0
    for _ in range(400):
        found = estimate(m.standardized(m.mean(rng.random(sizes.sum()) < shares[strata]), strata, weights))
        held += found.low <= true <= found.high
    assert held / 400 == pytest.approx(0.95, abs=0.025)


@pytest.mark.parametrize("few", [1, 3, 10, 30])
def test_the_interval_of_a_standardized_mean_holds_the_true_one_where_a_stratum_is_small(few):
    rng, weights, sizes = np.random.default_rng(0), np.array([0.5, 0.2, 0.3]), np.array([few, 60, 100])
    means, strata = np.array([6.0, 3.0, 5.0]), np.repeat(np.arange(3), sizes)
    true, held = weights @ means, 0
    for _ in range(400):
        found = estimate(m.standardized(m.mean(rng.normal(means[strata], 2.0)), strata, weights))
        held += found.low <= true <= found.high
    assert held / 400 == pytest.approx(0.95, abs=0.04)


def test_a_standardized_mean_of_single_faces_has_no_interval():
    found = estimate(m.standardized(m.mean([3.0, 5.0]), [0, 1], [1.0, 3.0]))
    assert (found.value, found.n) == (4.5, 2)
    assert np.isnan([found.low, found.high]).all()


def test_a_stratum_without_a_face_is_left_out_of_value_and_interval():
    found = estimate(m.standardized(m.mean([3.0, 5.0, 4.0]), [0, 0, 2], [1.0, 2.0, 3.0]))
    alone = estimate(m.standardized(m.mean([3.0, 5.0, 4.0]), [0, 0, 1], [1.0, 3.0]))
    assert (found.value, found.low, found.high, found.n) == (alone.value, alone.low, alone.high, 3)
    nobody = estimate(m.standardized(m.mean([3.0, 5.0]), [0, 0], [0.0, 1.0]))
    assert np.isnan([nobody.value, nobody.low, nobody.high]).all()
    assert nobody.n == 0


def test_an_error_at_equal_ages_is_never_below_zero():
    errors = [0.0, 0.1, 9.0, 0.0, 0.2]
    found = estimate(m.standardized(m.mean_absolute_error(errors, np.zeros(5)), [0, 0, 0, 1, 1], [1.0, 1.0]))
    assert found.low == 0.0 < found.value < found.high
    assert estimate(m.standardized(m.bias(np.zeros(5), errors), [0, 0, 0, 1, 1], [1.0, 1.0])).low < 0


def test_standardized_over_one_stratum_it_is_wilsons():
    right = RNG.random(200) < 0.8
    found, wilson = estimate(m.standardized(m.mean(right), np.zeros(200, int), [5.0])), estimate(m.mean(right))
    assert (found.low, found.high, found.n) == pytest.approx((wilson.low, wilson.high, wilson.n))


def test_a_difference_of_shares_of_different_faces_is_newcombes():
    """His example: Newcombe, "Interval estimation for the difference between independent proportions" (1998), table
    II, method 10."""
    shares = [estimate(m.mean(np.arange(n) < right)) for right, n in ((48, 80), (56, 70))]
    found = b.unpaired_difference(*shares)
    assert (found.value, found.n) == (pytest.approx(0.2), 70)
    assert (found.low, found.high) == pytest.approx((0.0524, 0.3339), abs=5e-5)


def test_the_interval_of_a_difference_of_means_holds_the_true_one():
    rng, held = np.random.default_rng(0), 0
    for _ in range(400):
        sides = [estimate(m.mean(rng.exponential(scale, n))) for scale, n in ((5.0, 150), (6.0, 60))]
        found = b.unpaired_difference(*sides)
        held += found.low <= 1 <= found.high
    assert held / 400 == pytest.approx(0.95, abs=0.03)
