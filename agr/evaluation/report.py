"""EvalReport: the content of eval_reports/<name>/.

report.json           what was evaluated on what, and every figure with its interval
predictions.parquet   a row for each image, as `COLUMNS` names them
history.csv           the training's loss parts and validation figures by epoch, if the model came with them
"""

import json
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pandas as pd
import pyarrow.parquet as pq

from agr.errors import AgrError, reason_of
from agr.labels import GENDERS, MAX_AGE, RACES, TASK_CLASSES

SCHEMA_VERSION = 1
REPORT_FILE, PREDICTIONS_FILE, HISTORY_FILE = "report.json", "predictions.parquet", "history.csv"

PROBABILITY_COLUMNS = {task: [f"prob_{task}_{label}" for label in labels] for task, labels in TASK_CLASSES.items()}
COLUMNS = [
    *("file", "detected", "has_twin", "true_age", "true_gender", "true_race"),
    *("pred_age", "age_low", "age_high", "pred_age_group", "pred_gender", "pred_race"),
    *(column for columns in PROBABILITY_COLUMNS.values() for column in columns),
]
"""Columns of the predictions. Ages are in years, classes are given by name, probabilities are 0 to 1. Labels may be
missing, and predictions are empty if no face was detected. `has_twin`: the same picture, byte by byte, is in the
training or validation data."""
_CLASS_COLUMNS = {
    "true_gender": GENDERS,
    "true_race": RACES,
    **{f"pred_{task}": labels for task, labels in TASK_CLASSES.items()},
}
_AGES = ["true_age", "pred_age", "age_low", "age_high"]
_NUMBERS = [*_AGES, *(c for part in PROBABILITY_COLUMNS.values() for c in part)]

MAX_HISTORY_COLUMNS = 100
_LARGEST = 1e9
"""Upper limit for figures, far above any real one: the largest are squares of ages, and counts."""
_ROUNDED = 0.01
"""Difference by which a predicted class may be less probable than the most probable one: the table may hold rounded
numbers."""
_OF_OTHERS = ("fit.json", "config.json", "source.json", "_collection.json")
"""Files that mark the folder of a run, of a model, of prepared data or of a collection's table."""


class ReportError(AgrError):
    """A report cannot be used; the message names the file, what was expected and what was found."""


@dataclass(frozen=True, eq=False)
class EvalReport:
    """`summary`: content of report.json; `predictions`: table with `COLUMNS`; `history`: one row per epoch, or None."""

    summary: dict
    predictions: pd.DataFrame
    history: pd.DataFrame | None = None

    def __repr__(self) -> str:
        return f"EvalReport({self.summary['name']!r}, {len(self.predictions):,} pictures)"

    def __post_init__(self) -> None:
        _check_summary(self.summary)
        _check_predictions(self.predictions)
        if self.history is not None:
            _check_history(self.history)

    def save(self, folder: str | PathLike[str]) -> None:
        """Write the report's files into `folder`, replacing those of an earlier one, which stays if writing fails."""
        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        # JSON has no NaN: a figure without a value is null.
        text = json.dumps(_without_nan(self.summary), indent=1, ensure_ascii=False, allow_nan=False)
        with TemporaryDirectory(dir=folder, prefix=".new-") as name:
            new = Path(name)
            # Probabilities hardly compress, and an uncompressed file cannot expand to more than its size (`archive`).
            self.predictions[COLUMNS].to_parquet(new / PREDICTIONS_FILE, index=False, compression=None)
            if self.history is not None and len(self.history):  # without a row, no column has a type
                self.history.to_csv(new / HISTORY_FILE, index=False)
            (new / REPORT_FILE).write_text(text + "\n", encoding="utf-8")
            for old in (REPORT_FILE, HISTORY_FILE):  # parts of an earlier report must not be taken for this one's
                (folder / old).unlink(missing_ok=True)
            for file in (PREDICTIONS_FILE, HISTORY_FILE, REPORT_FILE):  # the last one makes the report complete
                if (new / file).exists():
                    (new / file).replace(folder / file)

    @classmethod
    def load(cls, folder: str | PathLike[str]) -> "EvalReport":
        """Read what `save` wrote. Raises ReportError if a file is missing, damaged or of a newer schema."""
        folder = Path(folder)
        try:
            summary = json.loads((folder / REPORT_FILE).read_text(encoding="utf-8"), parse_constant=_no_number)
        except (OSError, ValueError, RecursionError) as error:
            reason = reason_of(error)  # the whole message would reveal where it lies on the machine
            raise ReportError(f"{folder / REPORT_FILE} cannot be read: {reason}") from error
        _check_summary(summary)
        try:
            predictions = _read_table(folder / PREDICTIONS_FILE)
            history = _read_history(folder / HISTORY_FILE) if (folder / HISTORY_FILE).exists() else None
            return cls(summary, predictions, history)
        except ReportError:
            raise
        except Exception as error:  # damaged parquet and CSV raise many types, some only where a value is looked at
            raise ReportError(f"The tables of {folder} cannot be read: {error}") from error


def expect_no_report(folder: Path, *, overwrite: bool) -> None:
    """Raise ReportError if the folder holds a report that is not to be overwritten, reports, or one of `_OF_OTHERS`."""
    if not (folder / REPORT_FILE).exists():
        if any(folder.glob(f"*/{REPORT_FILE}")):
            raise ReportError(f"{folder} is a folder of reports. Name one in it, such as {folder / 'mine'}.")
        if there := [name for name in _OF_OTHERS if (folder / name).exists()]:
            raise ReportError(f"{folder} holds something else ({there[0]}). Choose another --output.")
    if (folder / REPORT_FILE).exists() and not overwrite:
        raise ReportError(f"{folder} holds a report already. Add --overwrite, or choose another --output.")


def _read_table(path: Path) -> pd.DataFrame:
    """Those of `COLUMNS` that a file has, without its index or anything else that it may hold."""
    there = pq.read_schema(path).names
    table = pq.read_table(path, columns=[name for name in COLUMNS if name in there]).to_pandas(ignore_metadata=True)
    # A column without any label may have any type.
    types = {"true_age": float, "true_gender": object, "true_race": object}
    return table.astype({name: kind for name, kind in types.items() if name in table})


def _read_history(path: Path) -> pd.DataFrame:
    with path.open(encoding="utf-8") as lines:
        columns = max((line.count(",") + 1 for line in lines), default=0)
    if columns > MAX_HISTORY_COLUMNS:  # pandas' time grows with their square
        raise ReportError(f"{path.name} has more than {MAX_HISTORY_COLUMNS} columns")
    return pd.read_csv(path, index_col=False)


def _no_number(text: str):
    raise ValueError(f"it holds {text}, which is no number")


def _check_summary(summary: dict) -> None:
    if not isinstance(summary, dict):
        raise ReportError(f"expected {REPORT_FILE} to hold an object, got {type(summary).__name__}")
    version = summary.get("schema_version")
    if not isinstance(version, int) or not 1 <= version <= SCHEMA_VERSION:
        raise ReportError(f"{REPORT_FILE}: schema_version is {version!r}, this code reads 1 to {SCHEMA_VERSION}")
    missing = [key for key in ("name", "created", "model", "data", "figures", "groups") if key not in summary]
    if missing:
        raise ReportError(f"{REPORT_FILE}: missing key(s) {missing}")
    for part in ("all", "without_twins"):
        figures = summary["figures"].get(part) if isinstance(summary["figures"], dict) else None
        if not isinstance(figures, dict) or not all(_is_figure(figure) for figure in figures.values()):
            raise ReportError(f"{REPORT_FILE}: figures.{part} does not hold value, low, high and n of each figure")
    if not isinstance(summary["model"], dict) or not isinstance(summary["data"], dict):
        raise ReportError(f"{REPORT_FILE}: expected model and data to be objects")


def _is_figure(figure: object) -> bool:
    if not isinstance(figure, dict) or not isinstance(figure.get("n"), int):
        return False
    value, low, high = (figure.get(key, "") for key in ("value", "low", "high"))
    parts = (value, low, high)
    are_numbers = all(part is None or (type(part) in (int, float) and not abs(part) > _LARGEST) for part in parts)
    return are_numbers and (low is None) == (high is None)


def _check_predictions(table: pd.DataFrame) -> None:
    missing = [column for column in COLUMNS if column not in table]
    if missing:
        raise ReportError(f"{PREDICTIONS_FILE}: missing column(s) {missing}")
    if not len(table):
        raise ReportError(f"{PREDICTIONS_FILE}: there is no row in it")
    if not table["file"].map(lambda name: isinstance(name, str)).all():
        raise ReportError(f"{PREDICTIONS_FILE}: file holds other things than names")
    twice = table.loc[table["file"].duplicated(), "file"]
    if len(twice):
        raise ReportError(f"{PREDICTIONS_FILE}: {len(twice)} file(s) come twice, such as {str(twice.iloc[0])[:100]}")
    if table["detected"].dtype != bool or table["has_twin"].dtype != bool:
        raise ReportError(f"{PREDICTIONS_FILE}: expected detected and has_twin to be true or false")
    _check_numbers(table)
    found = table[table["detected"].to_numpy()]
    _check_classes(table, found)
    _check_probabilities(found)


def _check_classes(table: pd.DataFrame, found: pd.DataFrame) -> None:
    for column, labels in _CLASS_COLUMNS.items():
        said = table[column].dropna() if column.startswith("true_") else found[column]
        foreign = sorted(set(said.map(str)) - set(labels))
        if foreign:
            raise ReportError(f"{PREDICTIONS_FILE}: {column} has {foreign[:5]}, expected {', '.join(labels)}")


def _check_probabilities(found: pd.DataFrame) -> None:
    for task, columns in PROBABILITY_COLUMNS.items():
        probs = found[columns].to_numpy(float)
        wrong = (abs(probs.sum(axis=1) - 1) > 1e-3) | (probs < 0).any(axis=1)
        if wrong.any():
            rows = f"{wrong.sum()} row(s)"
            raise ReportError(f"{PREDICTIONS_FILE}: probabilities of {task} do not sum to 1 or are negative in {rows}")
        place_of = {label: place for place, label in enumerate(TASK_CLASSES[task])}
        told = found[f"pred_{task}"].map(place_of).to_numpy(int)
        other = probs.max(axis=1) - probs[np.arange(len(probs)), told] > _ROUNDED
        if other.any():
            raise ReportError(f"{PREDICTIONS_FILE}: pred_{task} is not the likeliest class in {other.sum()} row(s)")


def _check_numbers(table: pd.DataFrame) -> None:
    for column in _NUMBERS:
        if not pd.api.types.is_numeric_dtype(table[column]) and table[column].notna().any():
            raise ReportError(f"{PREDICTIONS_FILE}: {column} holds other things than numbers")
        numbers = table[column].to_numpy(float, na_value=np.nan)
        if column != "true_age" and not np.isfinite(numbers[table["detected"].to_numpy()]).all():
            raise ReportError(f"{PREDICTIONS_FILE}: {column} is empty for a detected face")
        if column in _AGES and ((numbers < 0) | (numbers > MAX_AGE)).any():
            raise ReportError(f"{PREDICTIONS_FILE}: {column} is not within 0 and {MAX_AGE} years everywhere")
    low, high = (table[column].to_numpy(float, na_value=np.nan) for column in ("age_low", "age_high"))
    if (low > high).any():
        raise ReportError(f"{PREDICTIONS_FILE}: age_low is above age_high somewhere")


def _check_history(history: pd.DataFrame) -> None:
    words = [str(name) for name, kind in history.dtypes.items() if not pd.api.types.is_numeric_dtype(kind)]
    if len(history.columns) > MAX_HISTORY_COLUMNS:  # it could not be read again
        raise ReportError(f"{HISTORY_FILE} has more than {MAX_HISTORY_COLUMNS} columns")
    if "epoch" not in history or words:
        raise ReportError(f"{HISTORY_FILE}: expected a column epoch and numbers only" + f", not {words}" * bool(words))


def _without_nan(value):
    if isinstance(value, dict):
        return {key: _without_nan(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_without_nan(item) for item in value]
    return None if isinstance(value, float) and not np.isfinite(value) else value
