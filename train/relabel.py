"""Labels to be corrected: the list that the dashboard saves, applied to the training faces."""

from pathlib import Path

import pandas as pd

from agr.labels import GENDERS, MAX_AGE, RACES
from agr.pictures import DataError

COLUMNS = ("file", "task", "given", "suggested")
_CLASSES = {"gender": GENDERS, "race": RACES}


def read_relabel(path: Path) -> pd.DataFrame:
    """Read a CSV with `COLUMNS`; `task` is age (in years), gender or race (by name).

    Returns the same columns, with `given` and `suggested` encoded as `prepare` does. Raises DataError, naming the line.
    """
    try:
        table = pd.read_csv(path, dtype=str, keep_default_na=False)
    except (OSError, ValueError) as error:
        raise DataError(f"The relabel list {path} cannot be read as CSV: {error}") from error
    missing = [column for column in COLUMNS if column not in table]
    if missing:
        raise DataError(f"The relabel list {path} lacks the column(s) {missing}; it has {list(table.columns)}.")
    # The dashboard puts an apostrophe before names that a spreadsheet would take for formulas.
    table["file"] = table["file"].str.replace(r"^'(?=[=+\-@\t\r])", "", regex=True)
    twice = table[["file", "task"]].duplicated()
    if twice.any():
        row = table[twice].iloc[0]
        raise DataError(f"The relabel list {path} names the {row['task']} of {row['file']} twice.")
    rows = [
        {"file": row["file"], "task": row["task"]}
        | {key: _code(str(row["task"]), str(row[key]), f"{path}, line {line}") for key in ("given", "suggested")}
        for line, row in enumerate(table.to_dict("records"), start=2)
    ]
    return pd.DataFrame(rows, columns=list(COLUMNS))


def relabelled(rows: pd.DataFrame, corrections: pd.DataFrame) -> tuple[pd.DataFrame, int]:
    """Apply the corrections to `rows`, indexed by file with the columns age, gender and race; also returns how many.

    Corrections of other files are ignored. Raises DataError if that leaves none, or if a label is not the one that was
    `given`: then the list was made for other data.
    """
    mine = corrections[corrections["file"].isin(rows.index)]
    if len(corrections) and not len(mine):
        raise DataError(
            f"None of the {len(corrections)} corrected labels is of a training face. Make the list from a report of "
            "the train part: that of `clean`, or of `evaluate --subset train`."
        )
    rows = rows.copy()
    for correction in mine.to_dict("records"):
        file, task, given = correction["file"], correction["task"], correction["given"]
        now = rows.loc[file].to_dict()[task]
        if now != given:
            raise DataError(
                f"The relabel list says that the {task} of {file} is {_name(task, given)}, but it is "
                f"{_name(task, now)}. It was made for other data."
            )
        rows.at[file, task] = correction["suggested"]
    return rows, len(mine)


def _name(task: str, code: int) -> str:
    return _CLASSES[task][code] if task in _CLASSES else str(code)


def _code(task: str, text: str, where: str) -> int:
    if task == "age" and text.isdecimal() and int(text) <= MAX_AGE:
        return int(text)
    if task in _CLASSES and text in _CLASSES[task]:
        return _CLASSES[task].index(text)
    expected = f"0 to {MAX_AGE} years" if task == "age" else ", ".join(_CLASSES.get(task, ("age, gender or race",)))
    what = f"{task} {text!r}" if task in ("age", *_CLASSES) else f"task {task!r}"
    raise DataError(f"{where}: {what}, expected {expected}.")
