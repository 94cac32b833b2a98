"""Parts of the split: their faces, a network's predictions on them, and the figures that choose the best epoch."""

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from tqdm import tqdm

from agr.attributes import Attributes
from agr.evaluation.metrics import accuracy, mean_absolute_error, one_off_accuracy
from agr.labels import age_group_of
from agr.pictures import DataError

from .prepare import Prepared
from .utkface import subset_files

if TYPE_CHECKING:
    from agr.reader import AttributeReader

    from .model import AttributeNet

READ_BATCH = 128


def valid_figures(read: Attributes, rows: pd.DataFrame) -> dict[str, float]:
    """Figures on the valid part. `score`, by which the best epoch is chosen, is the mean accuracy of the three tasks
    minus 0.01 per year of age MAE."""
    groups, pred_groups = rows["age"].map(age_group_of).to_numpy(), read.age_group_probs.argmax(1)
    figures = {
        "age_mae": mean_absolute_error(rows["age"], read.age).value,
        "age_group_accuracy": accuracy(groups, pred_groups).value,
        "age_group_one_off": one_off_accuracy(groups, pred_groups).value,
        "gender_accuracy": accuracy(rows["gender"], read.gender_probs.argmax(1)).value,
        "race_accuracy": accuracy(rows["race"], read.race_probs.argmax(1)).value,
    }
    mean = (figures["age_group_accuracy"] + figures["gender_accuracy"] + figures["race_accuracy"]) / 3
    return figures | {"score": mean - 0.01 * figures["age_mae"]}


def rows_of(prepared: Prepared, split: pd.Series, subset: str) -> pd.DataFrame:
    """The detected faces of a part of the split. Raises DataError if there are none."""
    rows = prepared.index.loc[subset_files(split, subset, prepared.index.index)]
    if not rows["detected"].any():
        raise DataError(f"In none of the {len(rows)} pictures of the split's {subset} part a face was found.")
    return rows[rows["detected"]]


def read_all(net: "AttributeReader | AttributeNet", crops: np.ndarray, rows: pd.DataFrame) -> Attributes:
    """Attributes of the prepared crops of all `rows`, in their order."""
    places = rows["row"].to_numpy()
    parts = []
    with tqdm(total=len(rows), desc="read", unit="face", leave=False) as bar:
        for start in range(0, len(rows), READ_BATCH):
            parts.append(net.read(crops[places[start : start + READ_BATCH]]))
            bar.update(len(parts[-1]))
    return Attributes.concatenated(parts)
