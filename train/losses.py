"""The loss of each head, as named parts whose sum is minimised."""

import torch
import torch.nn.functional as F
from torch import Tensor

from agr.attributes import N_AGES
from agr.config import HEADS
from agr.labels import GENDERS, RACES

AGE_SIGMA = 2.0
"""Standard deviation in years of the Gaussian around the labelled age. Apparent age is not known to the year, and
neighbouring ages should share what they learn."""
AGE_MEAN_WEIGHT = 0.1
"""Weight of the mean age's error, per year: a typical 5 years add half a nat to an age cross-entropy of about 3."""
LABEL_SMOOTHING = 0.05
"""Label smoothing of gender and race. It moves 2.5 and 4 % of the target to other classes, where identical pictures
suggest that 6 and 10 % of the labels are wrong."""


def age_targets(age: Tensor) -> Tensor:
    """Ages in years (n,) -> Gaussian label distributions over 0 to 116 years (n, 117), rows summing to 1.

    Source: Gao et al., "Age Estimation Using Expectation of Label Distribution Learning" (DLDL-v2, 2018).
    """
    years = torch.arange(N_AGES, device=age.device, dtype=torch.float32)
    return torch.softmax(-((years - age.float()[:, None]) ** 2) / (2 * AGE_SIGMA**2), dim=1)


def hard_targets(age: Tensor, gender: Tensor, race: Tensor) -> dict[str, Tensor]:
    """Labels, each (n,) -> a distribution for each task, `age` (n, 117), `gender` (n, 2), `race` (n, 5), and the mean
    age, `age_mean` (n,)."""
    smooth = {
        task: F.one_hot(labels, len(names)).float() * (1 - LABEL_SMOOTHING) + LABEL_SMOOTHING / len(names)
        for task, labels, names in (("gender", gender, GENDERS), ("race", race, RACES))
    }
    return {"age": age_targets(age), **smooth, "age_mean": age.float()}


def mixed_targets(hard: dict[str, Tensor], soft: dict[str, Tensor], weight: Tensor) -> dict[str, Tensor]:
    """Blend labels (`hard`) with other models' predictions (`soft`, a distribution per task); `weight`: the share of
    `soft`, (n,) in 0 to 1.

    Source: Hinton, Vinyals and Dean, "Distilling the Knowledge in a Neural Network" (2015).
    """
    years = torch.arange(N_AGES, device=soft["age"].device, dtype=torch.float32)
    soft = soft | {"age_mean": soft["age"] @ years}
    return {
        name: torch.lerp(labels, soft[name].to(labels), weight.view(-1, *[1] * (labels.ndim - 1)))
        for name, labels in hard.items()
    }


def attribute_losses(logits: dict[str, Tensor], targets: dict[str, Tensor]) -> dict[str, Tensor]:
    """Logits of the three heads and targets as `hard_targets` gives them -> mean loss parts `age`, `age_mean`,
    `gender`, `race` (nats).

    All are cross-entropies except `age_mean`, the weighted absolute error of the age distribution's mean.
    """
    parts = {task: F.cross_entropy(logits[task].float(), targets[task]) for task in HEADS}
    years = torch.arange(N_AGES, device=logits["age"].device, dtype=torch.float32)
    error = (logits["age"].float().softmax(dim=1) @ years - targets["age_mean"]).abs().mean()
    return parts | {"age_mean": AGE_MEAN_WEIGHT * error}
