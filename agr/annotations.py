"""Labels that people gave to faces: in a picture's file name, as in UTKFace, or in the rows of a CSV."""

import io
import re
import warnings
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import pandas as pd

from .errors import AgrError
from .labels import GENDERS, MAX_AGE, RACES
from .places import place_of

COLUMNS = ("file", "age", "gender", "race")
"""Columns of a CSV of labels."""
LONGEST_NAME = 200
"""Largest number of characters in a picture's name."""
LONGEST_PATH, MOST_COLUMNS = 1000, 100
"""Largest number of characters in a path and of columns in a CSV: with more, pandas or the search for the photo would
take minutes."""
# Anything may follow the time stamp: a few of the data set's own names have a blank, or no dot, before "jpg".
_NAME = re.compile(r"(?P<age>\d{1,3})_(?P<gender>[01])_(?P<race>[0-4])_\d+")


class LabelError(AgrError):
    """A CSV of labels cannot be used; the message says what was wrong and what was expected."""


@dataclass(frozen=True)
class Labels:
    """Labels of one face: age in years, indices into `agr.labels.GENDERS` and `RACES`; None where unknown."""

    age: int | None = None
    gender: int | None = None
    race: int | None = None

    def named(self) -> dict[str, int | str | None]:
        """Age, and the names of gender and race, as reports use them."""
        return {
            "age": self.age,
            "gender": None if self.gender is None else GENDERS[self.gender],
            "race": None if self.race is None else RACES[self.race],
        }


def labels_of(name: str) -> Labels | None:
    """Labels from a name such as `26_1_2_20170116174525125.jpg.chip.jpg`; None if it does not follow the pattern."""
    match = _NAME.match(name)
    if match is None or int(match["age"]) > MAX_AGE:
        return None
    return Labels(age=int(match["age"]), gender=int(match["gender"]), race=int(match["race"]))


def read_labels(content: bytes) -> tuple[dict[str, Labels], list[tuple[str, str]]]:
    """Parse a CSV of labels; returns the labels by the file's place (`agr.places.place_of`), and (file or column,
    reason) for each problem.

    The CSV is separated by commas, semicolons or tabs, and has the column file and any of age, gender, race. Ages are
    in years, and 25.9 counts as 25; genders and races are given by name or by UTKFace's number; empty cells are unknown
    labels. Raises LabelError for anything else.
    """
    table, separator = _table_of(content)
    found: dict[str, Labels] = {}
    bad = _unused_columns(table)
    texts = (table[name] if name in table else [""] * len(table) for name in COLUMNS)
    for row in zip(*texts, strict=True):
        name, *labels = (text.strip() for text in row)
        if not any((name, *labels)):  # spreadsheets leave empty rows
            continue
        if len(name) > LONGEST_PATH:
            bad.append((name[:LONGEST_NAME], f"in the CSV: a path of more than {LONGEST_PATH} characters"))
            continue
        if not name:
            bad.append(("a row", "in the CSV without the name of a file"))
            continue
        file = place_of(name)
        read, wrong = _labels_in(labels, separator)
        bad += [(file[:LONGEST_NAME], f"in the CSV: {reason}") for reason in wrong]
        if wrong and read == Labels():
            continue
        if found.setdefault(file, read) != read:
            bad.append((file[:LONGEST_NAME], "in the CSV twice, with different labels; the first row counts"))
    return found, bad


def _table_of(content: bytes) -> tuple[pd.DataFrame, str]:
    """The CSV's cells as text, with column names in lower case, and its separator. Raises LabelError."""
    first = content.lstrip().partition(b"\n")[0]
    separator = max(",;\t", key=lambda each: first.count(each.encode()))  # spreadsheets choose it by locale
    if first.count(separator.encode()) >= MOST_COLUMNS:
        raise LabelError(f"The CSV has more than {MOST_COLUMNS} columns. Expected file and any of age, gender, race.")
    options: dict = {"dtype": str, "keep_default_na": False, "skipinitialspace": True, "sep": separator}
    try:
        # The header is read separately, because pandas would rename duplicate columns.
        header = pd.read_csv(io.BytesIO(content), header=None, nrows=1, **options).iloc[0]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", pd.errors.ParserWarning)  # rows may end with a comma
            table = pd.read_csv(io.BytesIO(content), index_col=False, **options)
    except ValueError as error:
        raise LabelError(f"The CSV cannot be read: {error}") from error
    table.columns = pd.Index([str(column).strip().lower() for column in header])
    twice = sorted(set(table.columns[table.columns.duplicated()]) & {*COLUMNS})
    if twice:
        raise LabelError(f"The CSV has the column {twice[0]} twice. Expected each once.")
    if "file" not in table or not {*COLUMNS[1:]} & {*table.columns}:
        raise LabelError(
            f"The CSV has the columns {', '.join(table.columns)}. Expected file and any of age, gender, race."
        )
    return table, separator


def _unused_columns(table: pd.DataFrame) -> list[tuple[str, str]]:
    """(column, reason) for each unused column, if the column of a label is missing: one of them may be meant for it."""
    if {*COLUMNS} <= {*table.columns}:
        return []
    why = "a column of the CSV that is not used: expected file, age, gender, race"
    return [(name[:LONGEST_NAME], why) for name in table.columns if name not in COLUMNS]


def _labels_in(texts: Sequence[str], separator: str) -> tuple[Labels, list[str]]:
    """Labels from the texts of age, gender and race in a row of a CSV, and what is wrong with those that are left
    out."""
    age, gender, race = texts
    readings: dict[str, Callable[[], int | None]] = {
        "age": lambda: _age(age if separator == "," else age.replace(",", ".")),
        "gender": lambda: _class_of(gender, GENDERS, "gender"),
        "race": lambda: _class_of(race, RACES, "race"),
    }
    found, wrong = {}, []
    for kind, read in readings.items():
        try:
            found[kind] = read()
        except ValueError as error:
            wrong.append(str(error))
    return Labels(**found), wrong


def twins_among(content: Mapping[str, str], labels: Mapping[str, Labels]) -> dict[str, list[dict]]:
    """For each file whose picture also exists under other names: these files, each with its labels. `content`: file ->
    a value that is equal for equal pictures (`agr.pictures.content_hash`)."""
    alike: dict[str, list[str]] = defaultdict(list)
    for file, picture in content.items():
        alike[picture].append(file)
    groups = [files for files in alike.values() if len(files) > 1]
    return {
        file: [{"file": other} | labels[other].named() for other in files if other != file]
        for files in groups
        for file in files
    }


@lru_cache(1024)  # a collection may have a million rows of labels, but few distinct values
def _age(text: str) -> int | None:
    if not text:
        return None
    try:
        age = float(text)
    except ValueError:
        age = -1.0
    if not 0 <= age < MAX_AGE + 1:
        raise ValueError(f"age {text[:40]!r}, expected years from 0 to {MAX_AGE}")
    return int(age)


@lru_cache(1024)
def _class_of(text: str, names: tuple[str, ...], kind: str) -> int | None:
    if not text:
        return None
    by_name = {name.lower(): i for i, name in enumerate(names)} | {str(i): i for i in range(len(names))}
    by_name |= {"m": 0, "f": 1} if names is GENDERS else {"other": RACES.index("Others")}
    named = text.lower().removesuffix(".0")  # as pandas writes a column of numbers with empty cells
    if named not in by_name:
        raise ValueError(f"{kind} {text[:40]!r}, expected {', '.join(names)} or 0 to {len(names) - 1}")
    return by_name[named]
