"""Which pictures a model was trained on, directly or through models that it learnt from: no figure may be measured on
them."""

import json
import shutil
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from agr.config import CONFIG_FILE
from agr.pictures import DataError

from .files import content_hash_of, write_atomically
from .run_folder import EARLIER, RECORD_FILE, SPLIT_FILE, UNKNOWN_FILE, run_of, trained
from .utkface import SUBSETS, read_split


def keep_split(split: Path, output: Path, *, learnt_from: Sequence[Path]) -> None:
    """Copy the split into the run's folder (unless it is already there), and the splits of the models that the run
    learns from."""
    output.mkdir(parents=True, exist_ok=True)
    if split.resolve() != (output / SPLIT_FILE).resolve():
        write_atomically(output / SPLIT_FILE, lambda path: shutil.copyfile(split, path))
    if unknown := unknown_trainings(learnt_from):
        sentences = "".join(f"{sentence}\n" for sentence in unknown)
        write_atomically(output / UNKNOWN_FILE, lambda path: path.write_text(sentences, encoding="utf-8"))
    copies = {content_hash_of(split): output / SPLIT_FILE}
    for earlier in (path for model in learnt_from for path in _splits_of(model)):
        name = content_hash_of(earlier)
        if name not in copies:
            copies[name] = output / f"{EARLIER}{name[:12]}.csv"
            shutil.copyfile(earlier, copies[name])


def expect_unseen(model: Path, files: pd.Index, subset: str) -> None:
    """Raises DataError if the run in `model` was trained on some of the `files` of `subset` (valid or test), or, for
    test, used some of them to choose its best epoch. Nothing is known, and nothing raised, for a folder that does not
    record its training."""
    before = zip(SUBSETS[: SUBSETS.index(subset)], ("trained on", "chosen by"), strict=False)
    theirs = _parts_of(model, files)
    counts = [f"{how} {count}" for part, how in before if (count := theirs.get(part, 0))]
    if counts:
        raise DataError(
            f"{model} was {' and '.join(counts)} of the split's {len(files)} {subset} pictures. Take the split by "
            f"which it was trained, {run_of(model) / SPLIT_FILE}."
        )


def expect_fair(models: Sequence[Path], parts: pd.Series, valid: pd.Index) -> list[str]:
    """Check `models` before something learns from them. Raises DataError if one of them has seen valid or test
    pictures, and returns a warning for each whose training is unknown. `parts`: the subset of each file of the split;
    `valid`: the files of its valid part that are in the data."""
    for model in models:
        expect_unseen(model, valid, "valid")
        expect_unseen(model, parts.index[parts == "test"], "test")
    return unknown_trainings(models)


def expect_untrained(model: Path, files: pd.Index) -> None:
    """Raises DataError if the model was trained on some of the `files` whose labels are to be judged, or if it is one
    of this project's and its folder does not record what it was trained on."""
    if count := _parts_of(model, files).get("train", 0):
        raise DataError(
            f"{model} was trained on {count} of the {len(files)} faces whose labels are to be judged: it would repeat "
            "them. Begin with other weights, such as --init imagenet."
        )
    if _is_silent(model):
        raise DataError(
            f"The folder of {model} does not say which pictures it was trained on: if these are among them, it would "
            "repeat their labels. Begin with other weights, such as --init imagenet."
        )


def training_is_known(model: Path) -> bool:
    """Whether a model's folder records which pictures it, and the models that it learnt from, were trained on."""
    return bool(_splits_of(model)) and not (run_of(model) / UNKNOWN_FILE).exists()


def is_ours(folder: Path) -> bool:
    """Whether this code wrote the model in a folder; a config.json alone does not tell, as other people's weights may
    have one."""
    try:
        return "schema_version" in json.loads((folder / CONFIG_FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError, TypeError):
        return False


def unknown_trainings(models: Iterable[Path]) -> list[str]:
    """A warning for each model whose training pictures are unknown."""
    return [
        f"The folder of {run_of(model.resolve()).name} does not say which pictures it was trained on: if valid or test "
        "pictures are among them, the figures of what learns from it are too good."
        for model in models
        if _is_silent(model)
    ]


def _is_silent(model: Path) -> bool:
    """Whether a model is one of this project's but its folder does not record what it was trained on. For an
    interrupted run, the folder of the best epoch tells whose it is."""
    return is_ours(trained(model)) and not training_is_known(model)


def _parts_of(model: Path, files: pd.Index) -> dict[str, int]:
    """How many of the `files` a run, or one that it learnt from, was trained on (train) and chosen by (valid)."""
    theirs = [read_split(path).reindex(files) for path in _splits_of(model)]
    found, rest = {}, np.ones(len(files), bool)
    for part in SUBSETS[:2]:
        of_part = rest & np.any([(split == part).to_numpy() for split in theirs], axis=0)
        found[part], rest = int(of_part.sum()), rest & ~of_part
    return found


def _splits_of(model: Path) -> list[Path]:
    """The split that a run was trained with, and those of the runs that it learnt from; empty if the folder is not a
    run."""
    folder = run_of(model)
    if not ((folder / RECORD_FILE).is_file() or is_ours(trained(model))):
        return []  # a split may lie beside other people's weights
    return [path for path in (folder / SPLIT_FILE, *sorted(folder.glob(f"{EARLIER}*.csv"))) if path.is_file()]
