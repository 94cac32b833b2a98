"""Average the weights of models with a common start (a model soup), then balance and calibrate the mean.

Source: Wortsman et al., "Model soups: averaging weights of multiple fine-tuned models improves accuracy without
increasing inference time" (2022).
"""

import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import torch
from tqdm import tqdm

from agr.config import WEIGHTS_FILE
from agr.evaluation.report import HISTORY_FILE
from agr.memory import keep_freed_memory
from agr.pictures import DataError

from .files import content_hash_of, expect_nothing_else
from .finish import Balance, finish
from .model import AttributeNet
from .prepare import Prepared, load_prepared
from .provenance import expect_fair, keep_split
from .record import begins_a_run, read_run, taught_by, write_record
from .run_folder import BEST_FOLDER, RECORD_FILE, run_of, trained
from .utkface import read_split
from .validation import read_all, rows_of, valid_figures


@dataclass(frozen=True)
class Averaged:
    """How the mean was balanced, and the scores on the valid part (`train.validation.valid_figures`) of the models
    (`scores`) and of their `mean`, all before balancing and calibration."""

    balance: Balance
    scores: tuple[float, ...]
    mean: float


def average(models: list[Path], *, data: Path, split: Path, output: Path) -> Averaged:
    """Write the mean of `models` (one or more) as a model folder.

    The models need a common start, as when one of them was trained from another's weights: otherwise their mean is
    useless. From a run, the weights of its best epoch are taken, before balancing and calibration. Raises ModelError or
    DataError if the models do not fit each other or the data.
    """
    if len({trained(folder).resolve() for folder in models}) < len(models):
        raise DataError("A model is named twice. Expected each once.")
    is_one_of_them = output.resolve() in [folder.resolve() for folder in models]  # an interrupted run
    if (output / WEIGHTS_FILE).exists() or ((output / RECORD_FILE).exists() and not is_one_of_them):
        raise DataError(f"{output} holds a model or a training run already. Choose another --output.")
    if not is_one_of_them:
        expect_nothing_else(output, lambda path: path.name == BEST_FOLDER or begins_a_run(path, split))
    keep_freed_memory(None)
    prepared, parts = load_prepared(data), read_split(split)
    valid = rows_of(prepared, parts, "valid")
    for warning in expect_fair(models, parts, valid.index):
        tqdm.write(warning, file=sys.stderr)
    runs = [read_run(folder) for folder in models]
    nets = [AttributeNet.load(trained(folder)) for folder in models]
    _expect_alike(nets, data, prepared)
    scores = tuple(_score(net, prepared, valid) for net in nets)
    net = nets[0]
    net.load_state_dict(mean_of_states([other.state_dict() for other in nets]))
    mean = _score(net, prepared, valid)
    hashes = [content_hash_of(trained(folder) / WEIGHTS_FILE) for folder in models]
    keep_split(split, output, learnt_from=models)
    net.save(output / BEST_FOLDER)
    balance = finish(net, prepared, valid, output)
    if runs[0]:
        write_record(output, _record_of_mean(runs[0], runs[1:], hashes) | {"balance": balance})
    history = run_of(models[0]) / HISTORY_FILE
    if history.is_file() and history.resolve() != (output / HISTORY_FILE).resolve():
        shutil.copy(history, output)
    return Averaged(balance, scores, mean)


def _expect_alike(nets: list[AttributeNet], data: Path, prepared: Prepared) -> None:
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


def _score(net: AttributeNet, prepared: Prepared, valid: pd.DataFrame) -> float:
    return valid_figures(read_all(net, prepared.crops, valid), valid)["score"]


def mean_of_states(states: list[dict[str, torch.Tensor]]) -> dict[str, torch.Tensor]:
    """The mean of each tensor, except the batch counters of normalisation layers: being integers, they come from the
    first state."""
    return {
        name: torch.stack([state[name] for state in states]).mean(dim=0) if first.is_floating_point() else first
        for name, first in states[0].items()
    }


def _record_of_mean(first: dict, others: list[dict | None], hashes: list[str]) -> dict:
    """The first run's record, with the hashes of all averaged weights and the backbones that taught the other runs. A
    mean of means counts as the mean of all their models."""
    teachers = set().union(*(taught_by(run) for run in others))
    runs = zip([first, *others], hashes, strict=True)
    weights = [own for run, hash in runs for own in (run or {}).get("averaged") or [hash]]
    return first | {
        "averaged": weights,
        "averaged_backbones": sorted({*first.get("averaged_backbones", []), *teachers}),
    }
