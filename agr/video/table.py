"""A video's people and its faces by time as flat rows, for CSV."""

import csv
from collections.abc import Iterable
from typing import TextIO

from ..table import COLUMNS, PREDICTION_COLUMNS, face_row, prediction_row
from ..tracking import Person
from .analysis import FaceAtTime

_SEEN = ("track", "first_seen", "last_seen", "frames")
PERSON_COLUMNS = (*_SEEN, *PREDICTION_COLUMNS)
"""Seconds, frames, and the rest as in `Person`."""
TIME_COLUMNS = ("time", "track", *COLUMNS)
"""Seconds, the person's number (empty if found too briefly to count), and the rest as in `Face`."""


def person_row(person: Person) -> dict:
    """Flatten a person into `PERSON_COLUMNS`."""
    said = person.to_dict()
    return {name: said[name] for name in _SEEN} | prediction_row(said)


def time_row(row: FaceAtTime) -> dict:
    """Flatten a face in a frame into `TIME_COLUMNS`."""
    return {"time": round(row.time, 3), "track": row.track, **face_row(row.face)}


def write_people(stream: TextIO, people: Iterable[Person]) -> None:
    """A CSV of people, a row each."""
    writer = csv.DictWriter(stream, fieldnames=PERSON_COLUMNS)
    writer.writeheader()
    writer.writerows(person_row(person) for person in people)


def time_writer(stream: TextIO) -> "csv.DictWriter[str]":
    """A CSV of faces by time, its header written; takes what `time_row` returns."""
    writer = csv.DictWriter(stream, fieldnames=TIME_COLUMNS)
    writer.writeheader()
    return writer
