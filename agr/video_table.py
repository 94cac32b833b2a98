"""A video's people and its faces by time as flat rows, for CSV."""

import csv
from collections.abc import Iterable
from typing import TextIO

from .labels import TASK_CLASSES
from .table import COLUMNS, face_row
from .tracking import Pooled
from .video import Row

_BOX_AND_SCORE = 5
_READ = COLUMNS[_BOX_AND_SCORE:]
PERSON_COLUMNS = ("track", "first_seen", "last_seen", "frames", *_READ)
"""Seconds, frames, and the rest as in `Pooled`."""
TIME_COLUMNS = ("time", "track", *COLUMNS)
"""Seconds, the person's number (empty if found too briefly to count), and the rest as in `Face`."""


def person_dict(person: Pooled) -> dict:
    """What JSON shows: `Pooled.to_dict`, its number called as rows by time call it."""
    fields = person.to_dict()
    return {"track": fields.pop("number"), **fields}


def person_row(person: Pooled) -> dict:
    """Flatten a person into `PERSON_COLUMNS`."""
    fields = person_dict(person)
    low, high = fields["age_interval"]
    return (
        {name: fields[name] for name in ("track", "first_seen", "last_seen", "frames", "age")}
        | {"age_low": low, "age_high": high}
        | {task: fields[task] for task in TASK_CLASSES}
        | {
            f"prob_{task}_{label}": fields[f"{task}_probs"][label]
            for task, labels in TASK_CLASSES.items()
            for label in labels
        }
    )


def time_row(row: Row) -> dict:
    """Flatten a face in a frame into `TIME_COLUMNS`."""
    return {"time": round(row.time, 3), "track": row.track, **face_row(row.face)}


def write_people(stream: TextIO, people: Iterable[Pooled]) -> None:
    """A CSV of people, a row each."""
    writer = csv.DictWriter(stream, fieldnames=PERSON_COLUMNS)
    writer.writeheader()
    writer.writerows(person_row(person) for person in people)


def time_writer(stream: TextIO) -> "csv.DictWriter[str]":
    """A CSV of faces by time, its header written; takes what `time_row` returns."""
    writer = csv.DictWriter(stream, fieldnames=TIME_COLUMNS)
    writer.writeheader()
    return writer
