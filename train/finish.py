"""Make the final model from the best weights: raise the logits of its weakest race and age group, then calibrate its
temperatures, age distribution and age interval. All of this is chosen on the valid part.

Source of the balancing: Menon et al., "Long-tail learning via logit adjustment" (2021), but with offsets chosen on
validation data instead of derived from class frequencies.
"""

import math
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from agr.attributes import N_AGES, PLAIN_SPREAD
from agr.config import HEADS
from agr.labels import AGE_GROUPS, RACES, age_group_of

from .calibrate import calibrate
from .model import AttributeNet
from .prepare import Prepared
from .validation import read_all

STEP, MOST = 0.05, 2.0
"""Step by which a class's logit is raised, and the most that it can be raised, in nats."""

Balance = dict[str, dict[str, float]]
"""Task ("race", "age_group") -> class -> offset added to its logit, in nats; classes without an offset are left out."""


def finish(net: AttributeNet, prepared: Prepared, valid: pd.DataFrame, output: Path) -> Balance:
    """Balance and calibrate `net`, as training left it, and write it as a finished model folder. `valid`: the rows of
    the valid part, from `rows_of`."""
    net = net.calibrated(temperatures=dict.fromkeys(net.config.temperatures, 1.0), age_spread=PLAIN_SPREAD)
    read = read_all(net, prepared.crops, valid)
    group_of = np.array([age_group_of(age) for age in range(N_AGES)])
    labels = {name: valid[name].to_numpy() for name in HEADS}
    races = best_offsets(read.race_probs, labels["race"])
    groups = best_offsets(read.age_group_probs, group_of[labels["age"]])
    _add(net, "race", races)
    _add(net, "age", groups[group_of])
    found = calibrate(read_all(net, prepared.crops, valid), **labels)
    net.calibrated(**asdict(found)).save(output)
    return {"race": _named(RACES, races), "age_group": _named(AGE_GROUPS, groups)}


def best_offsets(probs: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Offsets (k,) for the logits of the classes that make the lowest recall of any class as high as possible.

    In each step the currently weakest class is raised, as long as accuracy drops by no more than half a standard error.
    `probs` (n, k) and `labels` (n,) are of validation data.
    """
    logits, steps = np.log(probs + 1e-12), np.zeros(probs.shape[1], int)
    known = np.unique(labels)
    best, highest, least = steps, -1.0, 0.0
    while steps.max() <= round(MOST / STEP):
        pred = (logits + STEP * steps).argmax(axis=1)
        right = (pred == labels).mean()
        if right < least:
            break
        least = least or right - 0.5 * math.sqrt(right * (1 - right) / len(labels))
        recalls = [(pred[labels == k] == k).mean() for k in known]
        if min(recalls) > highest:
            best, highest = steps, min(recalls)
        steps = steps + (np.arange(len(steps)) == known[np.argmin(recalls)])
    return STEP * best


@torch.no_grad()
def _add(net: AttributeNet, task: str, offsets: np.ndarray) -> None:
    bias = net.get_parameter(f"heads.{task}.bias")
    bias.add_(torch.tensor(offsets, dtype=bias.dtype, device=bias.device))


def _named(names: tuple[str, ...], offsets: np.ndarray) -> dict[str, float]:
    return {name: round(value, 2) for name, value in zip(names, offsets.tolist(), strict=True) if value}
