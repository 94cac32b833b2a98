"""Split the pictures into those for training, for validation (choosing the best epoch) and for testing."""

from pathlib import Path

import numpy as np
import pandas as pd

from agr.evaluation.report import EvalReport
from agr.pictures import DataError

from .prepare import load_prepared
from .utkface import SUBSETS

SHARES = {"valid": 0.12, "test": 0.2}
"""Shares of all pictures; the rest are for training."""


def make_split(data: Path, *, seed: int = 0, test_of: Path | None = None) -> pd.Series:
    """The subset of each labelled picture of a folder that `prepare` wrote, drawn at random and indexed by file.

    Byte-identical pictures are in the same subset. `test_of`: a report whose pictures become the test subset, so that
    figures are comparable; other pictures identical to one of them are left out. Raises DataError or ReportError.
    """
    index = load_prepared(data).index
    rest, test = index, pd.Series(dtype=str)
    if test_of:
        report = EvalReport.load(test_of)
        if (subset := report.summary["data"].get("subset", "test")) != "test":
            raise DataError(f"{test_of} is a report of the {subset} part. Expected one of the test part.")
        files = report.predictions["file"]
        absent = files[~files.isin(index.index)]
        if len(absent):
            raise DataError(f"{len(absent)} pictures of {test_of}, such as {absent.iloc[0]}, are not in {data}.")
        test = pd.Series("test", index=files)
        rest = index[~index["content"].isin(index.loc[files, "content"])]
    drawn = _drawn(rest["content"], {"valid": SHARES["valid"]} if test_of else SHARES, len(index), seed)
    split = pd.concat([test, drawn]).reindex(index.index).dropna()
    empty = [subset for subset in SUBSETS if subset not in set(split)]
    if empty:
        raise DataError(f"{len(index)} pictures are too few to share out: no {' and no '.join(empty)} picture.")
    return split


def _drawn(contents: pd.Series, shares: dict[str, float], pictures: int, seed: int) -> pd.Series:
    """The subset of each file, drawn at random; `contents`: the hash of each file's content."""
    order = np.random.default_rng(seed).permutation(np.sort(contents.unique()))
    place = contents.map(pd.Series(np.arange(len(order)), index=order))
    subset = pd.Series("train", index=contents.index)
    start = 0.0
    for name, share in shares.items():
        end = start + share * pictures * len(order) / max(1, len(contents))
        subset[(place >= round(start)) & (place < round(end))] = name
        start = end
    return subset
