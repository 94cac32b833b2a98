"""Every figure against an independent computation."""

import numpy as np
import pytest
import torch
from sklearn import metrics as reference
from torchmetrics.classification import MulticlassCalibrationError

from agr.evaluation import metrics as m

RNG = np.random.default_rng(0)
N, K = 700, 5
TRUE = RNG.integers(0, K, N)
PROBS = RNG.dirichlet(np.full(K, 0.4), N) * 0.6
PROBS[np.arange(N), TRUE] += 0.4
PRED = PROBS.argmax(axis=1)
AGES = RNG.integers(0, 117, N)
GUESSES = AGES + RNG.normal(1.5, 7, N)


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (m.accuracy(TRUE, PRED), reference.accuracy_score(TRUE, PRED)),
        (m.macro_f1(TRUE, PRED, K), reference.f1_score(TRUE, PRED, average="macro")),
        (m.recall(TRUE, PRED, 2), reference.recall_score(TRUE, PRED, labels=[2], average=None)[0]),
        (m.precision(TRUE, PRED, 2), reference.precision_score(TRUE, PRED, labels=[2], average=None)[0]),
        (m.f1(TRUE, PRED, 2), reference.f1_score(TRUE, PRED, labels=[2], average=None)[0]),
        (m.mean_absolute_error(AGES, GUESSES), reference.mean_absolute_error(AGES, GUESSES)),
        (m.mean_squared_error(AGES, GUESSES), reference.mean_squared_error(AGES, GUESSES)),
        (m.bias(AGES, GUESSES), GUESSES.mean() - AGES.mean()),
        (m.one_off_accuracy(TRUE, PRED), sum(abs(int(t) - int(p)) <= 1 for t, p in zip(TRUE, PRED, strict=True)) / N),
    ],
    ids=["accuracy", "macro_f1", "recall", "precision", "f1", "mae", "mse", "bias", "one_off"],
)
def test_values_equal_the_reference(ours, theirs):
    assert ours.value == pytest.approx(theirs, abs=1e-12)


def test_macro_f1_with_a_class_that_never_occurs():
    true, pred = np.array([0, 0, 1]), np.array([0, 1, 1])
    for k, said in ((2, pred), (3, np.array([0, 2, 1])), (4, pred)):  # only said, neither
        assert m.macro_f1(true, said, k).value == pytest.approx(
            reference.f1_score(true, said, average="macro", zero_division=0)
        )


def test_confusion_matrix_equals_scikit_learn():
    assert np.array_equal(m.confusion_matrix(TRUE, PRED, K), reference.confusion_matrix(TRUE, PRED))


def test_calibration_error_equals_a_bin_by_bin_computation():
    """The definition, spelled out: for each bin, its share times |accuracy - confidence|."""
    confidence, correct = PROBS.max(axis=1), PRED == TRUE
    expected = 0.0
    for low in np.arange(m.N_BINS) / m.N_BINS:
        inside = (confidence > low) & (confidence <= low + 1 / m.N_BINS)
        if inside.any():
            expected += inside.mean() * abs(correct[inside].mean() - confidence[inside].mean())
    assert m.expected_calibration_error(TRUE, PROBS).value == pytest.approx(expected, abs=1e-12)


def test_calibration_error_equals_torchmetrics():
    theirs = MulticlassCalibrationError(num_classes=K, n_bins=m.N_BINS, norm="l1")
    expected = theirs(torch.tensor(PROBS), torch.tensor(TRUE)).item()
    assert m.expected_calibration_error(TRUE, PROBS).value == pytest.approx(expected, abs=1e-6)  # theirs is in float32


def test_calibration_error_of_certain_predictions():
    certain = np.eye(K)[TRUE]
    assert m.expected_calibration_error(TRUE, certain).value == 0
    assert m.expected_calibration_error((TRUE + 1) % K, certain).value == 1


def test_cumulative_score_and_coverage():
    error = np.abs(GUESSES - AGES)
    assert m.cumulative_score(AGES, GUESSES, years=5).value == pytest.approx(np.count_nonzero(error <= 5) / N)
    assert m.coverage(AGES, AGES - 1, AGES + 1).value == 1
    assert m.coverage(AGES, AGES + 1, AGES + 2).value == 0


def test_a_face_that_was_not_found_is_wrong_everywhere():
    true, pred = np.array([0, 4, 2]), np.full(3, m.NOT_FOUND)
    assert m.accuracy(true, pred).value == 0
    assert m.one_off_accuracy(true, pred).value == 0
    assert m.recall(true, pred, 4).value == 0
    assert m.cumulative_score(true, np.full(3, np.nan), years=5).value == 0
    assert m.confusion_matrix(true, pred, K).sum() == 0


def test_shapes_are_checked():
    with pytest.raises(ValueError, match="one and the same shape"):
        m.accuracy([1, 2], [1])


@pytest.mark.parametrize(("n", "classes"), [(60, 2), (3000, 2), (3000, 5)])
def test_a_calibrated_model_has_the_calibration_error_of_chance(n, classes):
    rng = np.random.default_rng(3)
    probs = rng.dirichlet(np.full(classes, 0.5), n)
    drawn = [
        m.expected_calibration_error((probs.cumsum(axis=1) > rng.random((n, 1))).argmax(axis=1), probs).value
        for _ in range(1000)
    ]
    assert m.chance_calibration_error(probs) == pytest.approx(np.mean(drawn), rel=0.1)
    assert np.isnan(m.chance_calibration_error(np.empty((0, classes))))
    assert np.mean(np.array(drawn) > m.chance_calibration_limit(probs)) == pytest.approx(0.05, abs=0.02)
    assert m.chance_calibration_limit(probs) == m.chance_calibration_limit(probs)
    assert np.isnan(m.chance_calibration_limit(np.empty((0, classes))))


def test_a_standardized_mean_is_that_of_the_strata_weighted():
    strata = RNG.integers(0, 4, N)
    strata[strata == 2] = 3  # the third one is empty
    right, weights = TRUE == PRED, np.array([10, 20, 30, 40])
    means = np.array([right[strata == i].mean() for i in (0, 1, 3)])
    found = m.standardized(m.accuracy(TRUE, PRED), strata, weights)
    assert found.value == pytest.approx(np.average(means, weights=weights[[0, 1, 3]]))
    own = m.standardized(m.accuracy(TRUE, PRED), strata, np.bincount(strata))
    assert own.value == pytest.approx(right.mean())
    assert own.n == N


def test_years_count_to_the_last():
    assert m.cumulative_score([30, 30, 30], [35.0, 25.0, 35.1], years=5).value == pytest.approx(2 / 3)


def test_no_confidence_falls_out_of_the_bins():
    assert m.confidence_bins(np.array([0.0, 1 / 15, 0.5, 1.0])).tolist() == [0, 0, 7, 14]


def test_small_and_unsigned_integers_do_not_overflow():
    few, many = np.array([25, 10], np.uint8), np.array([30, 30], np.uint8)
    assert m.mean_absolute_error(many, few).value == 12.5
    assert m.bias(many, few).value == -12.5
    assert m.mean_squared_error(few.astype(np.int8), many.astype(np.int8)).value == 212.5
    assert m.one_off_accuracy(np.array([0, 1], np.uint8), np.array([1, 0], np.uint8)).value == 1
    assert m.confusion_matrix([], [], 2).tolist() == [[0, 0], [0, 0]]


def test_unequal_lengths_are_refused():
    with pytest.raises(ValueError, match="one and the same shape"):
        m.expected_calibration_error([0], PROBS[:3])
    with pytest.raises(ValueError, match="a stratum for each of 1"):
        m.standardized(m.mean([1.0]), [0, 1], [1, 1])
