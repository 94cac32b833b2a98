"""Photos by where they lie: how the rows of a CSV find them, and what reports call them.

A place is a photo's path in one way of writing (`place_of`): `holiday/anna/1.jpg`.
"""

import posixpath
import unicodedata
from collections import defaultdict
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pandas as pd

from .pictures import file_key

if TYPE_CHECKING:
    from .annotations import Labels


def place_of(path: str) -> str:
    """A path in one way of writing, as far as it says where it lies; its name as `file_key` has it."""
    path = unicodedata.normalize("NFC", path)  # macOS takes letters and accents apart
    parts = posixpath.normpath(path.replace("\\", "/")).split("/")
    folders = "".join(f"{part}/" for part in parts[:-1] if part not in ("", ".", ".."))
    return folders + file_key(parts[-1])


def name_of(place: str) -> str:
    """The file's own name."""
    return place.rpartition("/")[2]


def report_names(places: pd.Series) -> pd.Series:
    """What a report calls photos: by name, or where several share one by their paths below the folder that these
    share."""
    names = places.map(name_of)
    several = names.duplicated(keep=False)
    return names.where(~several, _below_their_folder(places[several]))


def _below_their_folder(places: pd.Series) -> pd.Series:
    """What lies above says nothing of the photos, but of the machine, and reports are made to be shown."""
    if not len(places):
        return places
    folder = posixpath.commonpath([posixpath.dirname(place) for place in places])
    return places.str.slice(len(folder) + 1 if folder else 0)


def labels_at(places: list[str], listed: "dict[str, Labels]") -> "tuple[dict[str, Labels], list[str], list[str]]":
    """Labels by place, of rows of a CSV by theirs; the rows that are ambiguous; and those that fit no place.

    A row names the place that it spells out, or else the only one that ends with it; if none does, the longest place
    that the row itself ends with. If several longer rows fit one place, only its exact name counts.
    """
    ending_with: dict[str, list[str]] = defaultdict(list)
    for place in places:
        for end in _ends(place):
            if end in listed:
                ending_with[end].append(place)
    there = set(places)
    found: dict[str, Labels] = {}
    ambiguous, absent = [], []
    beyond: dict[str, list[str]] = defaultdict(list)
    for row in sorted(listed, key=len):
        fits = [row] if row in there else ending_with.get(row, [])
        if len(fits) == 1:
            found[fits[0]] = listed[row]
        elif fits:
            ambiguous.append(row)
        elif shorter := next((end for end in _ends(row) if end in there), None):
            beyond[shorter].append(row)
        else:
            absent.append(row)
    for place, rows in beyond.items():
        if place in listed:
            continue
        if len(rows) == 1:
            found[place] = listed[rows[0]]
        else:
            ambiguous += rows
    return found, ambiguous, absent


def _ends(place: str) -> Iterator[str]:
    """The path, and what is left of it without its first folder, without its first two, ..."""
    while place:
        yield place
        place = place.partition("/")[2]
