"""Places of photos: how the rows of a CSV are matched to photos, and how reports name them.

A place is a photo's path in a normalized form (`place_of`), such as `holiday/anna/1.jpg`.
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
    """A path in normalized form: its folders, without "." and "..", and its name as given by `file_key`."""
    path = unicodedata.normalize("NFC", path)  # macOS separates letters and accents
    parts = posixpath.normpath(path.replace("\\", "/")).split("/")
    folders = "".join(f"{part}/" for part in parts[:-1] if part not in ("", ".", ".."))
    return folders + file_key(parts[-1])


def name_of(place: str) -> str:
    """The file name of a place."""
    return place.rpartition("/")[2]


def report_names(places: pd.Series) -> pd.Series:
    """Names of photos in a report: the file name, or, for photos that share one, the path below their common folder."""
    names = places.map(name_of)
    several = names.duplicated(keep=False)
    return names.where(~several, _below_their_folder(places[several]))


def _below_their_folder(places: pd.Series) -> pd.Series:
    """Places relative to their common folder: the folders above it tell about the machine rather than the photos, and
    reports are made to be shown."""
    if not len(places):
        return places
    folder = posixpath.commonpath([posixpath.dirname(place) for place in places])
    return places.str.slice(len(folder) + 1 if folder else 0)


def labels_at(places: list[str], listed: "dict[str, Labels]") -> "tuple[dict[str, Labels], list[str], list[str]]":
    """Match the rows of a CSV, `listed` by their own places, to `places`. Returns the labels by place, the ambiguous
    rows, and the rows that fit no place.

    A row stands for the place that equals it, or else for the only one that ends with it; if none does, for the longest
    place that the row itself ends with. If several longer rows fit one place, none of them counts.
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
    """Yield the path, then the path without its first folder, without its first two, ..."""
    while place:
        yield place
        place = place.partition("/")[2]
