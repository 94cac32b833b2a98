import numpy as np
import pytest

from train.finish import MOST, best_offsets


def two_classes(margins, labels):
    """Probabilities whose logits differ by `margins` in favour of the first class."""
    first = 1 / (1 + np.exp(-np.array(margins)))
    return np.stack([first, 1 - first], axis=1), np.array(labels)


def test_half_a_standard_error_may_be_lost():
    """100 faces, 80 of them of the first class; of these two turn at 0.12, four at 0.33. Half a standard error of 80 %
    is two faces. One of the second class turns at 0.27, another at 0.42; the other 18 are not found."""
    margins = [0.12] * 2 + [0.33] * 4 + [6.0] * 74 + [0.27, 0.42] + [6.0] * 18
    probs, labels = two_classes(margins, [0] * 80 + [1] * 20)
    offsets = best_offsets(probs, labels)
    assert offsets.tolist() == pytest.approx([0, 0.3])  # at 0.15 one is lost and one found; at 0.35 one more is lost


def test_what_costs_nothing_is_taken_as_long_as_it_helps():
    probs, labels = two_classes([0.12, 0.22, 0.32, 6, 6, 6, -6, -6], [1, 1, 1, 0, 0, 0, 1, 1])
    assert best_offsets(probs, labels).tolist() == pytest.approx([0, 0.35])


def test_the_weakest_of_several_is_raised_and_no_more_than_bounded():
    rng = np.random.default_rng(0)
    probs, labels = rng.dirichlet(np.ones(4), 400), rng.integers(0, 3, 400)  # nobody is of the last class
    probs[np.arange(400), labels] += np.array([1.0, 0.8, 0.2])[labels]
    probs /= probs.sum(axis=1, keepdims=True)
    offsets = best_offsets(probs, labels)
    assert offsets.argmax() == 2
    assert offsets[3] == 0
    assert offsets.max() <= MOST

    def recalls(pred):
        return [(pred[labels == k] == k).mean() for k in range(3)]

    assert min(recalls((np.log(probs) + offsets).argmax(axis=1))) > min(recalls(probs.argmax(axis=1)))
