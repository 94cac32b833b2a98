"""Soft labels: for each training face, the distributions predicted by a model that was not trained on it, to be mixed
into its labels."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from agr.attributes import N_AGES, Attributes
from agr.labels import GENDERS, RACES
from agr.pictures import DataError

from .files import write_atomically

COLUMNS = {
    "age": [f"age_{year}" for year in range(N_AGES)],
    "gender": [f"gender_{name}" for name in GENDERS],
    "race": [f"race_{name}" for name in RACES],
}


def save_soft(path: Path, files: pd.Index, reads: Sequence[Attributes]) -> None:
    """Write the distributions of `files`, in their order, in half precision: its three digits are more than they are
    accurate to. `reads`: the predictions of one model after another."""
    parts = [np.concatenate([read.age_probs, read.gender_probs, read.race_probs], axis=1) for read in reads]
    values = np.concatenate(parts).astype(np.float16)
    names = [name for part in COLUMNS.values() for name in part]
    table = pd.DataFrame(values, columns=names).assign(file=list(files))
    write_atomically(path, lambda temporary: table.to_parquet(temporary, index=False, compression="zstd"))


def load_soft(path: Path, files: pd.Index, *, unseen: pd.Index) -> dict[str, np.ndarray]:
    """Distributions of `files`, in their order: `age` (n, 117), `gender` (n, 2), `race` (n, 5), float32.

    Raises DataError if the file is not such a table, lacks one of the files, or holds some of `unseen`: the models that
    predicted the table were trained on most of its pictures.
    """
    try:
        table = pd.read_parquet(path).set_index("file")
        known = table.index.intersection(unseen)
        if len(known):
            raise DataError(
                f"{path} was made with {len(known)} of the split's valid or test pictures, such as {known[0]}: what it "
                "says was learnt from them. Take the split that it was made with."
            )
        missing = files.difference(table.index)
        if len(missing):
            raise DataError(f"{path} has no soft label for {len(missing)} training face(s), such as {missing[0]}.")
        if table.index.duplicated().any():
            raise DataError(f"{path} names {table.index[table.index.duplicated()][0]} twice.")
        found = {task: table.loc[files, names].to_numpy(np.float32) for task, names in COLUMNS.items()}
        if not all(np.allclose(probs.sum(axis=1), 1, atol=1e-3) for probs in found.values()):
            raise DataError(f"{path} holds other things than distributions: some do not sum to 1.")
        return found
    except (OSError, KeyError, ValueError) as error:
        if isinstance(error, DataError):
            raise
        raise DataError(f"{path} holds no soft labels ({error}). Make them with `python -m train clean`.") from error
