import numpy as np
import pytest
import torch
from scipy.stats import norm

from train.losses import (
    AGE_MEAN_WEIGHT,
    AGE_SIGMA,
    LABEL_SMOOTHING,
    age_targets,
    attribute_losses,
    hard_targets,
    mixed_targets,
)


def test_targets_are_gaussians_around_the_label():
    targets = age_targets(torch.tensor([30, 0, 116])).numpy()
    assert np.allclose(targets.sum(axis=1), 1, atol=1e-6)
    assert targets.argmax(axis=1).tolist() == [30, 0, 116]
    expected = norm.pdf(np.arange(117), 30, AGE_SIGMA)
    assert np.allclose(targets[0], expected / expected.sum(), atol=1e-6)


def test_parts_equal_their_definitions():
    rng = np.random.default_rng(0)
    logits = {
        task: torch.tensor(rng.normal(size=(4, k)), dtype=torch.float32)
        for task, k in (("age", 117), ("gender", 2), ("race", 5))
    }
    age, gender, race = torch.tensor([3, 40, 77, 116]), torch.tensor([0, 1, 1, 0]), torch.tensor([4, 0, 2, 1])
    parts = attribute_losses(logits, hard_targets(age, gender, race))

    probs = {task: np.exp(v.numpy()) / np.exp(v.numpy()).sum(axis=1, keepdims=True) for task, v in logits.items()}
    assert parts["age"].item() == pytest.approx(
        -(age_targets(age).numpy() * np.log(probs["age"])).sum(axis=1).mean(), rel=1e-5
    )
    error = np.abs(probs["age"] @ np.arange(117) - age.numpy()).mean()
    assert parts["age_mean"].item() == pytest.approx(AGE_MEAN_WEIGHT * error, rel=1e-5)
    smooth = np.full((4, 5), LABEL_SMOOTHING / 5)
    smooth[np.arange(4), race.numpy()] += 1 - LABEL_SMOOTHING
    assert parts["race"].item() == pytest.approx(-(smooth * np.log(probs["race"])).sum(axis=1).mean(), rel=1e-5)


def test_the_right_answer_costs_less():
    age, gender, race = torch.tensor([30]), torch.tensor([1]), torch.tensor([2])
    right = {
        "age": age_targets(age).clamp_min(1e-9).log(),
        "gender": torch.tensor([[-5.0, 5.0]]),
        "race": torch.eye(5)[[2]] * 9,
    }
    wrong = {
        "age": age_targets(age + 20).clamp_min(1e-9).log(),
        "gender": -right["gender"],
        "race": torch.eye(5)[[3]] * 9,
    }
    good, bad = (attribute_losses(logits, hard_targets(age, gender, race)) for logits in (right, wrong))
    assert all(good[name] < bad[name] for name in good)


def test_soft_labels_are_mixed_in_by_their_weight():
    hard = hard_targets(torch.tensor([30, 50]), torch.tensor([0, 1]), torch.tensor([4, 0]))
    soft = {"age": age_targets(torch.tensor([40, 50]))}
    soft |= {"gender": torch.full((2, 2), 0.5), "race": torch.full((2, 5), 0.2)}
    assert all(torch.allclose(a, hard[name]) for name, a in mixed_targets(hard, soft, torch.zeros(2)).items())
    only_second = mixed_targets(hard, soft, torch.tensor([0.0, 1.0]))
    assert torch.allclose(only_second["gender"], torch.stack([hard["gender"][0], soft["gender"][1]]))
    half = mixed_targets(hard, soft, torch.full((2,), 0.5))
    assert torch.allclose(half["race"], (hard["race"] + soft["race"]) / 2)
    assert half["age_mean"].tolist() == pytest.approx([35, 50], abs=0.1)
    assert all(torch.allclose(half[task].sum(dim=1), torch.ones(2)) for task in ("age", "gender", "race"))
