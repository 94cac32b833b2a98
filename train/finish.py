"""From the best weights to the model that is used: race head balanced, temperatures and interval calibrated, all chosen
on the valid part.

Source of the balance: Menon et al., "Long-tail learning via logit adjustment" (2021).
"""

import math
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from agr.labels import RACES
from agr.model import AttributeNet

from .calibrate import calibrate
from .prepare import Prepared
from .soft import read_all

SHIFTS = np.arange(11) / 10


def finish(net: AttributeNet, prepared: Prepared, train: pd.DataFrame, valid: pd.DataFrame, output: Path) -> float:
    """Write `net`, as training left it, as a finished model folder; returns the strength of its balance, 0 to 1.

    `train`, `valid`: rows of the two parts, as `rows_of` gives them.
    """
    device = next(net.parameters()).device
    net = net.calibrated(temperatures=dict.fromkeys(net.config.temperatures, 1.0), interval_mass=0.8).to(device)
    shift = _balance(net, read_all(net, prepared.crops, valid).race_probs, train["race"], valid["race"])
    labels = {name: valid[name].to_numpy() for name in ("age", "gender", "race")}
    found = calibrate(read_all(net, prepared.crops, valid), **labels)
    net.calibrated(temperatures=found.temperatures, interval_mass=found.interval_mass).save(output)
    return shift


def _balance(net: AttributeNet, probs: np.ndarray, train: pd.Series, valid: pd.Series) -> float:
    """Take some of the races' frequencies in training out of the race logits, in place."""
    shares = np.bincount(train, minlength=len(RACES)) / len(train)
    shift = best_shift(probs, valid.to_numpy(), shares)
    with torch.no_grad():
        bias = net.get_parameter("heads.race.bias")
        bias.sub_(shift * torch.tensor(np.log(shares + 1e-12), dtype=bias.dtype, device=bias.device))
    return shift


def best_shift(probs: np.ndarray, labels: np.ndarray, shares: np.ndarray) -> float:
    """How much of the classes' frequency to take out of the logits, 0 to 1: the most that costs no accuracy which the
    validation data could tell, half a standard error.

    `probs` (n, k), `labels` (n,), of validation data; `shares` (k,) of the classes in training, all above 0.
    """
    if not (shares > 0).all():
        return 0.0
    right = [((np.log(probs + 1e-12) - shift * np.log(shares)).argmax(axis=1) == labels).mean() for shift in SHIFTS]
    least = right[0] - 0.5 * math.sqrt(right[0] * (1 - right[0]) / len(labels))
    return float(SHIFTS[max(i for i, accuracy in enumerate(right) if accuracy >= least)])
