"""The mean of the weights of models that share their first steps, balanced and calibrated anew.

Source: Wortsman et al., "Model soups: averaging weights of multiple fine-tuned models improves accuracy without
increasing inference time" (2022).
"""

import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import torch

from agr.config import WEIGHTS_FILE
from agr.evaluation.report import HISTORY_FILE

from .config import RECIPE_FILE
from .files import content_hash_of
from .finish import Balance, finish
from .fit import rows_of, valid_figures
from .model import AttributeNet
from .prepare import Prepared, load_prepared
from .run_folder import SPLIT_FILE, expect_unseen, write_recipe
from .soft import read_all
from .teach import load_trained, weights_file
from .utkface import DataError, read_split


@dataclass(frozen=True)
class Averaged:
    """How the mean was balanced; and the `scores` of the models, and of their `mean`, on the valid part
    (`train.fit.valid_figures`), all as training left them."""

    balance: Balance
    scores: tuple[float, ...]
    mean: float


def average(models: list[Path], *, data: Path, split: Path, output: Path) -> Averaged:
    """Write the mean of `models`, which may be one, as a model folder.

    One of them should have been trained from another's weights: models without a common start do not average. Of a run
    those weights count that training left, not yet balanced. Raises ModelError or DataError if they do not fit each
    other or the data.
    """
    if (output / WEIGHTS_FILE).exists():
        raise DataError(f"{output} holds a model already. Choose another --output.")
    prepared, parts = load_prepared(data), read_split(split)
    valid = rows_of(prepared, parts, "valid")
    for folder in models:
        expect_unseen(folder, valid.index, "valid")
        expect_unseen(folder, parts.index[parts == "test"], "test")
    nets = [load_trained(folder) for folder in models]
    kinds = {(c.backbone, c.input_size, c.mean, c.std, c.template) for c in (net.config for net in nets)}
    if len(kinds) > 1:
        raise DataError(
            "The models are of different backbones, input sizes, input statistics or templates: only like ones can be "
            "averaged."
        )
    if (size := nets[0].config.input_size) != prepared.source["input_size"]:
        raise DataError(
            f"The models read crops of {size} pixels, {data} holds some of {prepared.source['input_size']}. Prepare "
            f"the data with --size {size}."
        )
    scores = tuple(_score(net, prepared, valid) for net in nets)
    net = nets[0]
    net.load_state_dict(mean_of_states([other.state_dict() for other in nets]))
    mean = _score(net, prepared, valid)
    hashes = [content_hash_of(weights_file(folder)) for folder in models]
    output.mkdir(parents=True, exist_ok=True)
    if split.resolve() != (output / SPLIT_FILE).resolve():
        shutil.copyfile(split, output / SPLIT_FILE)
    balance = finish(net, prepared, valid, output)
    _tell(models, hashes, balance, output)
    return Averaged(balance, scores, mean)


def _score(net: AttributeNet, prepared: Prepared, valid: pd.DataFrame) -> float:
    return valid_figures(read_all(net, prepared.crops, valid), valid)["score"]


def mean_of_states(states: list[dict[str, torch.Tensor]]) -> dict[str, torch.Tensor]:
    """The mean of each tensor; of the normalisation layers' counters, which are whole numbers, the first."""
    return {
        name: torch.stack([state[name] for state in states]).mean(dim=0) if first.is_floating_point() else first
        for name, first in states[0].items()
    }


def _tell(models: list[Path], hashes: list[str], balance: Balance, output: Path) -> None:
    """The first model's recipe and history, what was done since, and the backbones that the others learnt from."""
    first = models[0]
    if (first / RECIPE_FILE).is_file():
        run, *others = (_recipe_in(folder) for folder in models)
        learnt = sorted({*run.get("averaged_backbones", []), *(name for other in others for name in _taught_by(other))})
        write_recipe(output, run | {"averaged": hashes, "averaged_backbones": learnt, "balance": balance})
    if (first / HISTORY_FILE).is_file():
        shutil.copy(first / HISTORY_FILE, output)


def _recipe_in(folder: Path) -> dict:
    path = folder / RECIPE_FILE
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}


def _taught_by(run: dict | None) -> Iterator[str]:
    """The backbones that a run, or one before it, was taught by."""
    while run:
        yield from run.get("teacher_backbones", [])
        yield from run.get("averaged_backbones", [])
        run = run.get("init_config")
