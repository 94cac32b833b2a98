"""What can be read off the network's three distributions, for a batch of faces. Knows no torch."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from .labels import AGE_GROUP_STARTS, GENDERS, MAX_AGE, RACES

N_AGES = MAX_AGE + 1


@dataclass(frozen=True, eq=False)
class Attributes:
    """Distributions of n faces. Age, interval and groups are all read from `age_probs`, so they never contradict each
    other.

    `age_probs`: (n, 117), a probability for each age of 0 to 116 whole years; `gender_probs`: (n, 2), `race_probs`:
    (n, 5), in the order of `agr.labels`. Each row sums to 1.
    `interval_mass`: share of the age distribution, 0 to 1, that the age interval spans; chosen on validation data so
    that the interval holds the true age 8 times in 10.
    """

    age_probs: np.ndarray
    gender_probs: np.ndarray
    race_probs: np.ndarray
    interval_mass: float = 0.8

    def __post_init__(self) -> None:
        n = len(self.age_probs)
        expected = {"age_probs": (n, N_AGES), "gender_probs": (n, len(GENDERS)), "race_probs": (n, len(RACES))}
        for name, shape in expected.items():
            if getattr(self, name).shape != shape:
                raise ValueError(f"expected {name} of shape {shape}, got {getattr(self, name).shape}")
        if not 0 < self.interval_mass < 1:
            raise ValueError(f"expected interval_mass between 0 and 1, got {self.interval_mass}")

    def __len__(self) -> int:
        return len(self.age_probs)

    def __getitem__(self, part: slice) -> "Attributes":
        return Attributes(self.age_probs[part], self.gender_probs[part], self.race_probs[part], self.interval_mass)

    @classmethod
    def concatenated(cls, parts: Sequence["Attributes"]) -> "Attributes":
        """One batch after the other; all of one model, so of one interval mass. At least one part."""
        age, gender, race = (
            np.concatenate([getattr(part, name) for part in parts])
            for name in ("age_probs", "gender_probs", "race_probs")
        )
        return cls(age, gender, race, parts[0].interval_mass)

    @cached_property
    def age(self) -> np.ndarray:
        """Mean of the age distribution in years, shape (n,)."""
        return self.age_probs @ np.arange(N_AGES)

    @cached_property
    def age_interval(self) -> np.ndarray:
        """Low and high end in years, shape (n, 2): the central `interval_mass` of the age distribution."""
        tail = (1 - self.interval_mass) / 2
        return np.stack([age_quantile(self.age_probs, tail), age_quantile(self.age_probs, 1 - tail)], axis=1)

    @cached_property
    def age_group_probs(self) -> np.ndarray:
        """Probability of each of the eight age groups, shape (n, 8)."""
        return np.add.reduceat(self.age_probs, AGE_GROUP_STARTS, axis=1)


def age_quantile(age_probs: np.ndarray, q: float) -> np.ndarray:
    """Age in years below which the share `q` of each distribution lies; `age_probs` (n, 117) -> (n,), within 0 to 116.

    Each year's mass is spread evenly over the year around it, so the answer moves smoothly between whole years.
    """
    cumulative = np.cumsum(age_probs, axis=1)
    bins = (cumulative < q).sum(axis=1).clip(max=N_AGES - 1)
    rows = np.arange(len(age_probs))
    mass = age_probs[rows, bins]
    below = cumulative[rows, bins] - mass
    into = np.divide(q - below, mass, out=np.full(len(bins), 0.5), where=mass > 0)
    return (bins - 0.5 + into).clip(0, MAX_AGE)
