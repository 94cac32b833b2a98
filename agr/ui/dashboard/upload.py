"""Opens what a visitor uploads to be evaluated: pictures, zips of pictures, a CSV with labels, or a saved report.

Archives are read in place, within limits; nothing is unpacked to disk.
"""

import zipfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import groupby
from operator import itemgetter
from pathlib import Path, PurePosixPath

import pandas as pd

from agr.annotations import LONGEST_NAME, LabelError, Labels, labels_of, read_labels
from agr.errors import AgrError
from agr.pictures import LABELLED_ENDINGS
from agr.places import labels_at, name_of, place_of, report_names

MAX_PICTURES = 1000
MAX_PICTURE_BYTES = 40_000_000
MAX_BYTES = 400_000_000
"""Size of all pictures together, uncompressed."""
MAX_TABLE_BYTES = 2_000_000
"""Size of a CSV with labels: thirty times what a thousand pictures need."""
MAX_MEMBERS = 20_000
MAX_RATIO = 20
"""Largest compression ratio of an archive; pictures are compressed already, so theirs is about 1."""
ARCHIVE_ENDINGS = (".zip", ".tar", ".gz", ".tgz", ".bz2", ".xz", ".7z", ".rar", ".zst")


Place = tuple[Path, str | None]
"""A file (path, None), or a member of an archive (path, name)."""


class UploadError(AgrError):
    """The upload cannot be used; the message says what is wrong, what was expected and what to do."""


@dataclass(frozen=True)
class Upload:
    """Pictures with labels. `labels`: by file; `bad`: (file, reason) of the pictures and rows of the CSV that were left
    out; `sent`: number of pictures that were sent, those left out among them."""

    labels: dict[str, Labels]
    bad: tuple[tuple[str, str], ...]
    sent: int
    _places: dict[str, Place]

    def __len__(self) -> int:
        return len(self._places)

    def read(self) -> Iterator[tuple[str, bytes]]:
        """(file, content) of every picture; the content is empty if it is damaged in its archive."""
        yield from zip(self._places, _contents(self._places.values()), strict=True)


def open_upload(paths: list[Path]) -> Upload:
    """Find the pictures in the uploaded files and zips, and their labels, from UTKFace's file names or from one CSV.

    Raises UploadError if an archive is refused, a limit is exceeded, or no labelled picture is left.
    """
    places: dict[str, Place] = {}
    bad: list[tuple[str, str]] = []
    sent = 0
    tables: list[tuple[str, Place]] = []
    for path, member in _everything(paths):
        name = PurePosixPath(member or path.name).name
        if name.lower().endswith(".csv"):
            tables.append((name, (path, member)))
            continue
        if not name.lower().endswith(LABELLED_ENDINGS):
            bad.append((name, f"not a picture; expected {', '.join(LABELLED_ENDINGS)}"))
            continue
        sent += 1
        if len(place := place_of(member or path.name)) > LONGEST_NAME:
            bad.append((name[:60] + "...", f"a name of more than {LONGEST_NAME} characters"))
        elif place in places:
            bad.append((name, "a second picture of this name"))
        else:
            places[place] = (path, member)
    if len(places) > MAX_PICTURES:
        raise UploadError(
            f"These are {len(places)} pictures. At most {MAX_PICTURES} are evaluated at once: send fewer."
        )
    return _labelled(places, tables, bad, sent)


def _labelled(
    places: dict[str, Place], tables: list[tuple[str, Place]], bad: list[tuple[str, str]], sent: int
) -> Upload:
    """The pictures at `places`, with labels from their names and from the only table in `tables`."""
    of_files = len(bad)
    labels = {place: found for place in places if (found := labels_of(name_of(place)))}
    if len(tables) > 1:
        raise UploadError(f"These are {len(tables)} CSV files ({tables[0][0]}, {tables[1][0]}, ...). Send one.")
    for name, place in tables:
        (content,) = _contents([place])
        if len(content) > MAX_TABLE_BYTES:
            raise UploadError(f"{name} has more than {MAX_TABLE_BYTES // 1_000_000} MB. Send a shorter CSV.")
        try:
            listed, wrong = read_labels(content)
        except LabelError as error:
            raise UploadError(str(error)) from error
        by_table, ambiguous, absent = labels_at(list(places), listed)
        bad += wrong + [(row, "in the CSV, but no such picture was sent") for row in absent]
        bad += [(row, "in the CSV, and several pictures fit: name its folder too") for row in ambiguous]
        labels |= {place: _joined(labels.get(place), each) for place, each in by_table.items()}
    unlabelled = [place for place in places if labels.get(place, Labels()) == Labels()]
    told = {name_of(file) for file, _ in bad[of_files:]}  # those whose row cannot be used
    bad += [
        (place, "no label: neither a name like 26_1_2_20170116.jpg nor a row of a CSV")
        for place in unlabelled
        if name_of(place) not in told
    ]
    places = {place: where for place, where in places.items() if place not in unlabelled}
    if not places:
        first = f" The first of {len(bad)} things that were wrong: {bad[0][0]}, {bad[0][1]}." if bad else ""
        raise UploadError(
            "No labelled picture was found. Expected pictures with UTKFace's names (age_gender_race_date, such as "
            f"26_1_2_20170116.jpg), or a CSV with the columns file, age, gender, race beside them.{first}"
        )
    names = dict(zip(places, report_names(pd.Series(list(places))), strict=True))
    labels = {file: labels[place] for place, file in names.items()}
    return Upload(labels, tuple(bad), sent, {names[place]: where for place, where in places.items()})


def _joined(by_name: Labels | None, by_table: Labels) -> Labels:
    """Labels from the table, and from the file's name where the table has none."""
    said = {key: value for key, value in vars(by_table).items() if value is not None}
    return replace(by_name or Labels(), **said)


def is_report(path: Path) -> bool:
    """Whether a file looks like a report that was downloaded from the page."""
    if not zipfile.is_zipfile(path):
        return False
    try:
        with zipfile.ZipFile(path) as archive:
            return any(PurePosixPath(name).name == "report.json" for name in archive.namelist())
    except Exception:  # damage in an archive raises nearly anything; who reads it will say so
        return False


def _everything(paths: list[Path]) -> Iterator[Place]:
    """Every uploaded file, and every member of the archives. Archives are refused before anything is read."""
    total = 0
    for path in paths:
        if not path.name.lower().endswith(ARCHIVE_ENDINGS):
            total += path.stat().st_size
            _check_total(total)
            yield path, None
            continue
        for member in _members(path):
            total += member.file_size
            _check_total(total)
            if not PurePosixPath(member.filename).name.startswith("."):  # such as files that macOS adds
                yield path, member.filename


def _check_total(total: int) -> None:
    if total > MAX_BYTES:
        raise UploadError(f"This unpacks to more than {MAX_BYTES // 1_000_000} MB. Send fewer pictures.")


def _members(path: Path) -> list[zipfile.ZipInfo]:
    if not zipfile.is_zipfile(path):
        raise UploadError(
            f"{path.name} is not a zip that can be read. Pack the pictures as a .zip, or send them as they are."
        )
    try:
        with zipfile.ZipFile(path) as archive:
            members = [member for member in archive.infolist() if not member.is_dir()]
    except Exception as error:  # damage in an archive raises nearly anything
        raise UploadError(f"{path.name} is damaged ({error}). Pack it again.") from error
    if len(members) > MAX_MEMBERS:
        raise UploadError(
            f"{path.name} is refused: it holds {len(members)} files; at most {MAX_MEMBERS} are looked at."
        )
    for member in members:
        name = member.filename.replace("\\", "/")
        if name.startswith("/") or ".." in PurePosixPath(name).parts or ":" in name.split("/")[0]:
            raise UploadError(f"{path.name} is refused: {name!r} would leave its folder.")
        if name.lower().endswith(ARCHIVE_ENDINGS):
            raise UploadError(
                f"{path.name} is refused: it holds another archive, {name!r}. Send the pictures themselves."
            )
        if member.flag_bits & 1:
            raise UploadError(f"{path.name} is locked with a password. Pack it without one.")
    weight, unpacked = path.stat().st_size, sum(member.file_size for member in members)
    if unpacked > MAX_RATIO * weight:
        raise UploadError(
            f"{path.name} is refused: it unpacks to {unpacked / weight:.0f} times its weight; pictures come to about 1."
        )
    return members


def _contents(places: Iterable[Place]) -> Iterator[bytes]:
    """The content at each place; empty if an archive's member is damaged or larger than declared. An archive stays open
    for consecutive members, as reading its directory may take long."""
    for path, group in groupby(places, key=itemgetter(0)):
        members = [member for _, member in group]
        if members[0] is None:
            yield path.read_bytes()
            continue
        try:
            archive = zipfile.ZipFile(path)
        except Exception:  # damage in an archive raises nearly anything
            yield from [b""] * len(members)
            continue
        with archive:
            for member in members:
                yield _member(archive, member or "")


def _member(archive: zipfile.ZipFile, name: str) -> bytes:
    try:
        with archive.open(name) as stream:
            size = min(archive.getinfo(name).file_size, MAX_PICTURE_BYTES)
            content = stream.read(size + 1)
            return content if len(content) <= size else b""
    except Exception:  # damage in an archive raises nearly anything
        return b""
