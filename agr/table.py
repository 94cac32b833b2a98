"""A face as one flat row, for CSV; and the rows of a photo, for tables of any size."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from .images import ImageError
from .labels import TASK_CLASSES

if TYPE_CHECKING:
    import pyarrow as pa

    from .analyzer import Face

_BOX = ("left", "top", "right", "bottom")
_PROBABILITIES = tuple((task, label) for task, labels in TASK_CLASSES.items() for label in labels)

PREDICTION_COLUMNS = (
    *("age", "age_low", "age_high"),
    *TASK_CLASSES,
    *(f"prob_{task}_{label}" for task, label in _PROBABILITIES),
)
"""Columns of a `Prediction`."""
COLUMNS = (*(f"box_{side}" for side in _BOX), "score", *PREDICTION_COLUMNS)
"""Columns of a face's row, in order; pixels, years and probabilities are as in `Face`."""


def face_row(face: Mapping[str, Any]) -> dict:
    """Flatten the fields of a `Face`, rounded (from `to_dict`) or not (from `vars`), into `COLUMNS`."""
    box = {f"box_{side}": value for side, value in zip(_BOX, face["box"], strict=True)}
    return box | {"score": face["score"]} | prediction_row(face)


def prediction_row(said: Mapping[str, Any]) -> dict:
    """Flatten the fields of a `Prediction`, of a face or a person, into `PREDICTION_COLUMNS`."""
    low, high = said["age_interval"]
    return (
        {"age": said["age"], "age_low": low, "age_high": high}
        | {task: said[task] for task in TASK_CLASSES}
        | {f"prob_{task}_{label}": said[f"{task}_probs"][label] for task, label in _PROBABILITIES}
    )


def photo_rows(file: str, result: "list[Face] | ImageError") -> list[dict]:
    """Rows of a photo, with the columns of `schema()`: one for each face, largest first; if there is no face, one row
    without a number; if the photo could not be read, one that says why. Numbers are not rounded."""
    if isinstance(result, ImageError):
        return [{"file": file, "error": str(result)}]
    rows = [{"file": file, "face": number, **face_row(vars(face))} for number, face in enumerate(result, start=1)]
    return rows or [{"file": file}]


def schema() -> "pa.Schema":
    """Columns of a table of photos: `file`, `face` (1, 2, ... in each photo; null if there is no face), `COLUMNS` in
    single precision, which is the network's own, and `error` (null if there is none)."""
    import pyarrow as pa

    words = {task: pa.string() for task in TASK_CLASSES}
    columns = {name: words.get(name, pa.float32()) for name in COLUMNS}
    return pa.schema({"file": pa.string(), "face": pa.int32(), **columns, "error": pa.string()})
