"""Attributes of a batch of faces, derived from the network's three distributions. Does not depend on torch."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from .labels import AGE_GROUP_STARTS, GENDERS, MAX_AGE, RACES, TASK_CLASSES

if TYPE_CHECKING:
    from .config import ModelConfig

N_AGES = MAX_AGE + 1
YEARS = np.arange(N_AGES)
INTERVAL_AGES = (1, 5, 10, 18, 26, 35, 50, 70, 90)
"""Ages, in years, at which the width of the age interval is set; it is interpolated linearly between them. They are
denser for the young, who change fast, as does the precision of their predicted age."""
SPREAD_AGES = (2, 8, 18, 27, 40, 55)
"""Ages, in years, at which the width of the age distribution is set in the same way."""
PLAIN_SPREAD = (1.0,) * len(SPREAD_AGES)
"""Spread factors that leave the network's age distribution unchanged."""


class _Once:
    """A property that is computed once. Until Python 3.12, functools.cached_property locks all instances while it
    computes, and a process that is forked meanwhile would wait for the lock forever."""

    def __init__(self, compute: Callable[[Any], np.ndarray]) -> None:
        self.compute, self.__doc__ = compute, compute.__doc__

    def __get__(self, instance: Any, owner: type) -> np.ndarray:
        if instance is None:
            return self  # type: ignore[return-value]
        value = vars(instance)[self.compute.__name__] = self.compute(instance)
        return value


@dataclass(frozen=True, eq=False)
class Attributes:
    """Distributions of n faces. Age, interval and groups are all derived from `age_probs`; even so, the mean age may
    lie outside the most probable group.

    `age_probs`: (n, 117), a probability for each age of 0 to 116 whole years; `gender_probs`: (n, 2), `race_probs`:
    (n, 5), in the order of `agr.labels`. Each row sums to 1.
    `interval_mass`: one value, 0 to 1, for each of `INTERVAL_AGES`. An age belongs to the age interval if it lies
    within this central share of the distribution. Fitted on validation data so that, around each of these ages, the
    interval contains the true age 8 times in 10.
    """

    age_probs: np.ndarray
    gender_probs: np.ndarray
    race_probs: np.ndarray
    interval_mass: tuple[float, ...] = (0.8,) * len(INTERVAL_AGES)

    def __post_init__(self) -> None:
        n = len(self.age_probs)
        expected = {"age_probs": (n, N_AGES), "gender_probs": (n, len(GENDERS)), "race_probs": (n, len(RACES))}
        for name, shape in expected.items():
            if getattr(self, name).shape != shape:
                raise ValueError(f"expected {name} of shape {shape}, got {getattr(self, name).shape}")
        if len(self.interval_mass) != len(INTERVAL_AGES) or not all(0 < mass < 1 for mass in self.interval_mass):
            raise ValueError(f"expected {len(INTERVAL_AGES)} interval_mass between 0 and 1, got {self.interval_mass}")

    def __len__(self) -> int:
        return len(self.age_probs)

    def __getitem__(self, part: slice | np.ndarray) -> "Attributes":
        """The faces that a slice or a boolean mask (n,) selects."""
        return Attributes(self.age_probs[part], self.gender_probs[part], self.race_probs[part], self.interval_mass)

    @classmethod
    def concatenated(cls, parts: Sequence["Attributes"]) -> "Attributes":
        """Concatenate one or more batches, all from one model and thus with the same interval mass."""
        age, gender, race = (
            np.concatenate([getattr(part, name) for part in parts])
            for name in ("age_probs", "gender_probs", "race_probs")
        )
        if any(part.interval_mass != parts[0].interval_mass for part in parts):
            raise ValueError("expected attributes by one model, got several intervals' masses")
        return cls(age, gender, race, parts[0].interval_mass)

    @classmethod
    def from_logits(cls, logits: Mapping[str, np.ndarray], config: "ModelConfig") -> "Attributes":
        """Attributes from a network's logits for n faces, `age` (n, 117), `gender` (n, 2) and `race` (n, 5), calibrated
        by its config; in double precision, so that probabilities of any number of classes sum to 1."""
        probs = {task: softmax((logits[task] / t).astype(np.float64)) for task, t in config.temperatures.items()}
        return cls(respread(probs["age"], config.age_spread), probs["gender"], probs["race"], config.interval_mass)

    @_Once
    def age(self) -> np.ndarray:
        """Mean of the age distribution in years, shape (n,)."""
        return self.age_probs @ YEARS

    @_Once
    def age_interval(self) -> np.ndarray:
        """Low and high end in years, shape (n, 2), within 0 to 116: the first and the last age within the central share
        of the distribution that `interval_mass` sets for that age.

        Source: Vovk, "Conditional validity of inductive conformal predictors" (2012), for the label-conditional form.
        """
        centrality = np.abs(2 * (np.cumsum(self.age_probs, axis=1) - self.age_probs / 2) - 1)  # 0 at the median
        excess = centrality - np.interp(YEARS, INTERVAL_AGES, self.interval_mass)
        middle = centrality.argmin(axis=1)[:, None]
        excess -= np.maximum(np.take_along_axis(excess, middle, axis=1), 0)  # the middle always belongs to it
        inside = excess <= 0
        first, last = inside.argmax(axis=1), MAX_AGE - inside[:, ::-1].argmax(axis=1)
        return np.stack([_crossing(excess, first, first - 1), _crossing(excess, last, last + 1)], axis=1)

    @_Once
    def age_group_probs(self) -> np.ndarray:
        """Probability of each of the eight age groups, shape (n, 8)."""
        return np.add.reduceat(self.age_probs, AGE_GROUP_STARTS, axis=1)

    def of(self, i: int) -> "Prediction":
        """The prediction for face `i`."""
        probs = {"age_group": self.age_group_probs[i], "gender": self.gender_probs[i], "race": self.race_probs[i]}
        low, high = self.age_interval[i].tolist()
        said: dict[str, Any] = {"age": float(self.age[i]), "age_interval": (low, high)}
        for task, names in TASK_CLASSES.items():
            said[task] = names[probs[task].argmax()]
            said[f"{task}_probs"] = dict(zip(names, probs[task].tolist(), strict=True))
        return Prediction(**said)


@dataclass(frozen=True, eq=False, kw_only=True)
class Prediction:
    """Predicted attributes of one face, or of one person over many frames.

    `age`: years, the mean of the age distribution; `age_interval`: low and high end in years, contains the true age 8
    times in 10. `age_group`, `gender`, `race`: the most probable class; `..._probs`: class name -> probability, summing
    to 1.
    """

    age: float
    age_interval: tuple[float, float]
    age_group: str
    age_group_probs: dict[str, float]
    gender: str
    gender_probs: dict[str, float]
    race: str
    race_probs: dict[str, float]

    def summary(self) -> str:
        """One line, such as "34 years (28 to 41), Female 0.87, White 0.99"."""
        low, high = self.age_interval
        return (
            f"{self.age:.0f} years ({low:.0f} to {high:.0f}), {self.gender} {self.gender_probs[self.gender]:.2f}, "
            f"{self.race} {self.race_probs[self.race]:.2f}"
        )

    def to_dict(self) -> dict[str, Any]:
        """The fields for JSON: years rounded to a tenth, probabilities to four digits."""
        shown: dict[str, Any] = {
            "age": round(self.age, 1),
            "age_interval": [round(end, 1) for end in self.age_interval],
        }
        for task in TASK_CLASSES:
            shown[task] = getattr(self, task)
            shown[f"{task}_probs"] = {name: round(p, 4) for name, p in getattr(self, f"{task}_probs").items()}
        return shown


def softmax(logits: np.ndarray) -> np.ndarray:
    """Logits (n, k) -> probabilities (n, k)."""
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


def respread(age_probs: np.ndarray, spread: float | Sequence[float]) -> np.ndarray:
    """Rescale age distributions (n, 117) around their means to `spread` times their width. `spread`: one number, or one
    for each mean age of `SPREAD_AGES`, interpolated linearly between them. The means stay the same to some hundredths
    of a year if the result is still some years wide, unless a spread above 1 pushes probability past the first or last
    age, to which it is then added.

    A temperature would sharpen distributions too, but would move the mean of a skewed one towards its peak, and the
    mean is what training fits best.
    """
    if np.all(np.equal(spread, 1)):
        return age_probs
    ends = np.arange(N_AGES + 1) - 0.5  # an age's probability is uniform within half a year of it
    until = np.concatenate([np.zeros((len(age_probs), 1)), np.cumsum(age_probs, axis=1)], axis=1)
    means = (age_probs @ YEARS)[:, None]
    sources = means + (ends - means) / np.interp(means, SPREAD_AGES, np.broadcast_to(spread, len(SPREAD_AGES)))
    moved = np.array([np.interp(source, ends, row) for source, row in zip(sources, until, strict=True)])
    moved = moved.reshape(until.shape)
    moved[:, 0], moved[:, -1] = 0, until[:, -1]
    return np.diff(moved, axis=1)


def _crossing(values: np.ndarray, inside: np.ndarray, outside: np.ndarray) -> np.ndarray:
    """Age at which each row of `values` (n, 117) crosses 0, interpolated between the column `inside`, where it is at
    most 0, and its neighbour `outside`, both (n,). The first and the last age, which have no neighbour, stay as they
    are."""
    rows, beyond = np.arange(len(values)), outside.clip(0, MAX_AGE)
    low, high = values[rows, inside], values[rows, beyond]
    share = np.divide(-low, high - low, out=np.zeros(len(values)), where=beyond != inside)
    return inside + (beyond - inside) * share
