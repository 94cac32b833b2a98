"""A face as one flat row, for CSV."""

from .labels import TASK_CLASSES

_BOX = ("left", "top", "right", "bottom")
_PROBABILITIES = tuple((task, label) for task, labels in TASK_CLASSES.items() for label in labels)

COLUMNS = (
    *(f"box_{side}" for side in _BOX),
    "score",
    "age",
    "age_low",
    "age_high",
    *TASK_CLASSES,
    *(f"prob_{task}_{label}" for task, label in _PROBABILITIES),
)
"""Names of a row's columns, in order; pixels, years and probabilities as in `Face`."""


def face_row(face: dict) -> dict:
    """Flatten what `Face.to_dict` returns into `COLUMNS`."""
    low, high = face["age_interval"]
    return (
        {f"box_{side}": value for side, value in zip(_BOX, face["box"], strict=True)}
        | {"score": face["score"], "age": face["age"], "age_low": low, "age_high": high}
        | {task: face[task] for task in TASK_CLASSES}
        | {f"prob_{task}_{label}": face[f"{task}_probs"][label] for task, label in _PROBABILITIES}
    )
