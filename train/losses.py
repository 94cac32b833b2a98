"""The loss of each head, as named parts whose sum is minimised."""

import torch
import torch.nn.functional as F
from torch import Tensor

from agr.attributes import N_AGES

AGE_SIGMA = 2.0
"""Years; width of the Gaussian around the labelled age. Apparent age is not known to the year, and neighbours should
share what they learn."""
AGE_MEAN_WEIGHT = 0.1
"""Per year of error of the mean age: makes a typical error of 5 years weigh half a nat, beside an age entropy of
about 3."""
LABEL_SMOOTHING = 0.05
"""For gender and race, about as much as the labels of identical pictures are known to contradict each other."""


def age_targets(age: Tensor, sigma: float = AGE_SIGMA) -> Tensor:
    """Ages in years (n,) -> Gaussian label distributions over 0 to 116 years (n, 117), rows summing to 1.

    Source: Gao et al., "Age Estimation Using Expectation of Label Distribution Learning" (DLDL-v2, 2018).
    """
    years = torch.arange(N_AGES, device=age.device, dtype=torch.float32)
    return torch.softmax(-((years - age.float()[:, None]) ** 2) / (2 * sigma**2), dim=1)


def attribute_losses(logits: dict[str, Tensor], age: Tensor, gender: Tensor, race: Tensor) -> dict[str, Tensor]:
    """Logits of the three heads and labels, each (n,) -> mean loss parts `age`, `age_mean`, `gender`, `race` (nats).

    `age` is the cross-entropy against `age_targets`, `age_mean` the weighted absolute error of the distribution's mean.
    """
    log_probs = F.log_softmax(logits["age"].float(), dim=1)
    mean_age = log_probs.exp() @ torch.arange(N_AGES, device=age.device, dtype=torch.float32)
    return {
        "age": -(age_targets(age) * log_probs).sum(dim=1).mean(),
        "age_mean": AGE_MEAN_WEIGHT * (mean_age - age.float()).abs().mean(),
        "gender": F.cross_entropy(logits["gender"].float(), gender, label_smoothing=LABEL_SMOOTHING),
        "race": F.cross_entropy(logits["race"].float(), race, label_smoothing=LABEL_SMOOTHING),
    }
