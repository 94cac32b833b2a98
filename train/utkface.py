"""UTKFace, a folder or archive of pictures whose names are their labels, and the files of its subsets.

Terms: non-commercial research; the pictures belong to their owners.
"""

from pathlib import Path

import pandas as pd

from agr.pictures import DataError, file_key

SUBSETS = ("train", "valid", "test")


def read_split(path: Path) -> pd.Series:
    """Read a CSV with the columns `file` and `split` (train, valid or test).

    Returns the subset of each file, indexed by `file_key`. Raises DataError, naming what is wrong.
    """
    try:
        table = pd.read_csv(path, dtype=str)
    except (OSError, ValueError) as error:
        raise DataError(f"The split {path} cannot be read as CSV: {str(error)[:300]}") from error
    missing = {"file", "split"} - set(table.columns)
    if missing:
        raise DataError(
            f"The split {path} lacks the column(s) {sorted(missing)}; it has {str(list(table.columns))[:300]}."
        )
    if unnamed := int(table["file"].isna().sum()):
        raise DataError(f"The split {path} has {unnamed} row(s) without a file.")
    table["file"] = table["file"].map(file_key)
    foreign = sorted(set(table["split"].dropna()) - set(SUBSETS)) + (["(empty)"] if table["split"].isna().any() else [])
    if foreign:
        raise DataError(f"The split {path} names the subset(s) {foreign}; expected {', '.join(SUBSETS)}.")
    twice = table.loc[table["file"].duplicated(), "file"]
    if len(twice):
        raise DataError(f"The split {path} names {len(twice)} file(s) twice, such as {twice.iloc[0]}.")
    return table.set_index("file")["split"]


def subset_files(split: pd.Series, subset: str, available: pd.Index) -> pd.Index:
    """The files of one subset, in the split's order. Raises DataError if any is not among the `available` ones."""
    files = split.index[split == subset]
    absent = files.difference(available)
    if len(absent):
        raise DataError(
            f"The split names {len(absent)} {subset} file(s) that are not in the data, "
            f"such as {', '.join(absent[:3])}. "
            "Use the split that belongs to this data, or prepare the data again."
        )
    if not len(files):
        raise DataError(f"The split has no {subset} files.")
    return files
