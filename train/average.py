"""The mean of the weights of models that share their first steps, with its race head balanced and calibrated anew.

Sources: Wortsman et al., "Model soups: averaging weights of multiple fine-tuned models improves accuracy without
increasing inference time" (2022); Menon et al., "Long-tail learning via logit adjustment" (2021).
"""

import json
import shutil
from pathlib import Path

import numpy as np
import torch

from agr.config import WEIGHTS_FILE
from agr.evaluation.report import HISTORY_FILE
from agr.labels import RACES
from agr.model import AttributeNet

from .files import content_hash_of
from .fit import calibrate_best, rows_of
from .prepare import load_prepared
from .soft import read_all
from .utkface import DataError, read_split

SHIFTS = np.arange(11) / 10


def average(models: list[Path], *, data: Path, split: Path, output: Path) -> float:
    """Write the mean of `models`, which may be one, as a model folder; returns the strength of its balance, 0 to 1.

    One of them should have been trained from another's weights: models without a common start do not average. Raises
    ModelError or DataError if they do not fit each other or the data.
    """
    if output.exists():
        raise DataError(f"{output} is there already. Choose another --output.")
    prepared, parts = load_prepared(data), read_split(split)
    train, valid = (rows_of(prepared, parts, subset) for subset in ("train", "valid"))
    nets = [AttributeNet.load(folder) for folder in models]
    if len({(net.config.backbone, net.config.input_size) for net in nets}) > 1:
        raise DataError("The models are of different backbones or input sizes: only like ones can be averaged.")
    net = nets[0]
    net.load_state_dict(mean_of_states([other.state_dict() for other in nets]))
    shares = np.bincount(train["race"], minlength=len(RACES)) / len(train)
    shift = best_shift(read_all(net, prepared.crops, valid).race_probs, valid["race"].to_numpy(), shares)
    with torch.no_grad():
        net.get_parameter("heads.race.bias").sub_(shift * torch.tensor(np.log(shares + 1e-12), dtype=torch.float32))
    net.save(output)
    calibrate_best(output, prepared, valid, torch.device("cpu"))
    _tell(models, shift, output)
    return shift


def mean_of_states(states: list[dict[str, torch.Tensor]]) -> dict[str, torch.Tensor]:
    """The mean of each tensor; of the normalisation layers' counters, which are whole numbers, the first."""
    return {
        name: torch.stack([state[name] for state in states]).mean(dim=0) if first.is_floating_point() else first
        for name, first in states[0].items()
    }


def best_shift(probs: np.ndarray, labels: np.ndarray, shares: np.ndarray) -> float:
    """How much of the classes' frequency to take out of the logits, 0 to 1: the most that costs no accuracy.

    `probs` (n, k), `labels` (n,), of validation data; `shares` (k,) of the classes in training, all above 0.
    """
    if not (shares > 0).all():
        return 0.0
    right = [((np.log(probs + 1e-12) - shift * np.log(shares)).argmax(axis=1) == labels).mean() for shift in SHIFTS]
    return float(SHIFTS[max(i for i, accuracy in enumerate(right) if accuracy >= right[0])])


def _tell(models: list[Path], shift: float, output: Path) -> None:
    """The first model's recipe and history, and what was done since."""
    first = models[0]
    if (first / "fit.json").is_file():
        run = json.loads((first / "fit.json").read_text())
        run |= {"averaged": [content_hash_of(folder / WEIGHTS_FILE) for folder in models], "race_shift": shift}
        (output / "fit.json").write_text(json.dumps(run, indent=2) + "\n")
    if (first / HISTORY_FILE).is_file():
        shutil.copy(first / HISTORY_FILE, output)
