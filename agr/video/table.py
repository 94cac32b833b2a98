"""Flat rows, for CSV, of a video's people and of its faces by time."""

import csv
from collections.abc import Iterable
from typing import TextIO

from ..table import COLUMNS, PREDICTION_COLUMNS, face_row, prediction_row
from ..tracking import Person
from .analysis import FaceAtTime

_SEEN = ("track", "first_seen", "last_seen", "frames")
PERSON_COLUMNS = (*_SEEN, *PREDICTION_COLUMNS)
"""Columns of a person's row: seconds, number of frames, and the rest as in `Person`."""
TIME_COLUMNS = ("time", "track", *COLUMNS)
"""Columns of a face's row: seconds, the person's number (empty if found too briefly to count), and the rest as in
`Face`."""


def person_row(person: Person) -> dict:
    """Flatten a person into `PERSON_COLUMNS`."""
    said = person.to_dict()
    return {name: said[name] for name in _SEEN} | prediction_row(said)


def time_row(row: FaceAtTime) -> dict:
    """Flatten a face in a frame into `TIME_COLUMNS`."""
    return {"time": round(row.time, 3), "track": row.track, **face_row(row.face)}


def write_people(stream: TextIO, people: Iterable[Person]) -> None:
    """Write a CSV of people, one row each."""
    writer = csv.DictWriter(stream, fieldnames=PERSON_COLUMNS)
    writer.writeheader()
    writer.writerows(person_row(person) for person in people)


def time_writer(stream: TextIO) -> "csv.DictWriter[str]":
    """A writer of a CSV of faces by time, with the header written; takes the rows that `time_row` returns."""
    writer = csv.DictWriter(stream, fieldnames=TIME_COLUMNS)
    writer.writeheader()
    return writer
