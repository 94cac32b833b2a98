"""What a visitor sends to be evaluated: pictures, archives of them, a CSV with their labels; or a report to open again.

Archives are read in place, within limits; nothing is unpacked onto the disk.
"""

import io
import warnings
import zipfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import groupby
from operator import itemgetter
from pathlib import Path, PurePosixPath

import pandas as pd

from .evaluation.pictures import LABELLED_ENDINGS, file_key
from .labelled import Labels, labels_of
from .labels import GENDERS, MAX_AGE, RACES

MAX_PICTURES = 1000
MAX_PICTURE_BYTES = 40_000_000
MAX_BYTES = 400_000_000
"""Of all pictures together, unpacked."""
MAX_TABLE_BYTES = 2_000_000
"""Of a CSV with labels: thirty times what a thousand pictures need."""
MAX_MEMBERS = 20_000
LONGEST_NAME = 200
MAX_RATIO = 20
"""How many times its own weight an archive may unpack to; pictures are compressed already and come to about 1."""
ARCHIVE_ENDINGS = (".zip", ".tar", ".gz", ".tgz", ".bz2", ".xz", ".7z", ".rar", ".zst")


Place = tuple[Path, str | None]
"""A file, or an archive and the name of its member."""


class UploadError(ValueError):
    """What was sent cannot be used; the message says what was wrong, what was expected and what to do."""


@dataclass(frozen=True)
class Upload:
    """Pictures with labels. `labels`: by file; `bad`: (file, reason) of what was left out."""

    labels: dict[str, Labels]
    bad: tuple[tuple[str, str], ...]
    _places: dict[str, Place]

    def __len__(self) -> int:
        return len(self._places)

    def read(self) -> Iterator[tuple[str, bytes]]:
        """(file, content) of every picture; of one that turns out damaged in its archive the content is empty."""
        yield from zip(self._places, _contents(self._places.values()), strict=True)


def open_upload(paths: list[Path]) -> Upload:
    """Look through what was sent: pictures and zips of pictures, labelled by UTKFace's names or by one CSV.

    Raises UploadError if an archive is refused, limits are passed, or nothing labelled is left.
    """
    places: dict[str, Place] = {}
    bad: list[tuple[str, str]] = []
    tables: list[tuple[str, Place]] = []
    for path, member in _everything(paths):
        name = PurePosixPath(member or path.name).name
        if name.lower().endswith(".csv"):
            tables.append((name, (path, member)))
        elif not name.lower().endswith(LABELLED_ENDINGS):
            bad.append((name, f"not a picture; expected {', '.join(LABELLED_ENDINGS)}"))
        elif len(file_key(name)) > LONGEST_NAME:
            bad.append((name[:60] + "...", f"a name of more than {LONGEST_NAME} characters"))
        elif file_key(name) in places:
            bad.append((name, "a second picture of this name"))
        else:
            places[file_key(name)] = (path, member)
    if len(places) > MAX_PICTURES:
        raise UploadError(
            f"These are {len(places)} pictures. At most {MAX_PICTURES} are evaluated at once: send fewer."
        )
    return _labelled(places, tables, bad)


def _labelled(places: dict[str, Place], tables: list[tuple[str, Place]], bad: list[tuple[str, str]]) -> Upload:
    """The pictures at `places` with the labels that their names and the only table of `tables` give them."""
    labels = {file: found for file in places if (found := labels_of(file))}
    if len(tables) > 1:
        raise UploadError(f"These are {len(tables)} CSV files ({tables[0][0]}, {tables[1][0]}, ...). Send one.")
    for name, place in tables:
        (content,) = _contents([place])
        if len(content) > MAX_TABLE_BYTES:
            raise UploadError(f"{name} has more than {MAX_TABLE_BYTES // 1_000_000} MB. Send a shorter CSV.")
        listed, wrong = read_labels(content)
        bad += wrong + [(file, "in the CSV, but no such picture was sent") for file in listed if file not in places]
        labels |= {file: _joined(labels.get(file), found) for file, found in listed.items() if file in places}
    unlabelled = [file for file in places if labels.get(file, Labels()) == Labels()]
    bad += [(file, "no label: neither a name like 26_1_2_20170116.jpg nor a row of a CSV") for file in unlabelled]
    places = {file: place for file, place in places.items() if file not in unlabelled}
    if not places:
        first = f" The first of {len(bad)} things that were wrong: {bad[0][0]}, {bad[0][1]}." if bad else ""
        raise UploadError(
            "No labelled picture was found. Expected pictures with UTKFace's names (age_gender_race_date, such as "
            f"26_1_2_20170116.jpg), or a CSV with the columns file, age, gender, race beside them.{first}"
        )
    return Upload({file: labels[file] for file in places}, tuple(bad), places)


def _joined(by_name: Labels | None, by_table: Labels) -> Labels:
    """What the table leaves empty the name may say."""
    said = {key: value for key, value in vars(by_table).items() if value is not None}
    return replace(by_name or Labels(), **said)


def is_report(path: Path) -> bool:
    """Whether a file is a report that was downloaded from the page."""
    if not zipfile.is_zipfile(path):
        return False
    try:
        with zipfile.ZipFile(path) as archive:
            return any(PurePosixPath(name).name == "report.json" for name in archive.namelist())
    except Exception:  # damage in an archive raises nearly anything; who reads it will say so
        return False


def read_labels(
    content: bytes, *, key: Callable[[str], str] = file_key
) -> tuple[dict[str, Labels], list[tuple[str, str]]]:
    """A CSV with the column file and any of age, gender, race -> labels by file, and (row, reason) of what is wrong.

    `key`: what a file's name is shortened to. Genders and races are given by name or by UTKFace's number; empty cells
    are labels that are not known.
    """
    options: dict = {"dtype": str, "keep_default_na": False, "skipinitialspace": True}
    try:
        # The header by itself: pandas would rename a column that is there twice.
        header = pd.read_csv(io.BytesIO(content), header=None, nrows=1, **options).iloc[0]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", pd.errors.ParserWarning)  # rows may end with a comma
            table = pd.read_csv(io.BytesIO(content), index_col=False, **options)
    except (ValueError, UnicodeError) as error:
        raise UploadError(f"The CSV cannot be read: {error}") from error
    table.columns = pd.Index([str(column).strip().lower() for column in header])
    twice = sorted(set(table.columns[table.columns.duplicated()]) & {"file", "age", "gender", "race"})
    if twice:
        raise UploadError(f"The CSV has the column {twice[0]} twice. Expected each once.")
    if "file" not in table or not {"age", "gender", "race"} & set(table.columns):
        raise UploadError(
            f"The CSV has the columns {', '.join(table.columns)}. Expected file and any of age, gender, race."
        )
    found: dict[str, Labels] = {}
    bad: list[tuple[str, str]] = []
    texts = (table[name] if name in table else [""] * len(table) for name in ("file", "age", "gender", "race"))
    for name, age, gender, race in zip(*texts, strict=True):
        file = key(str(name))
        try:
            labels = Labels(
                age=_age(age.strip()),
                gender=_class_of(gender.strip(), GENDERS, "gender"),
                race=_class_of(race.strip(), RACES, "race"),
            )
        except ValueError as error:
            bad.append((file[:LONGEST_NAME], f"in the CSV: {error}"))
            continue
        if found.setdefault(file, labels) != labels:
            bad.append((file[:LONGEST_NAME], "in the CSV twice, with different labels; the first row counts"))
    return found, bad


@lru_cache(1024)  # a collection's labels are a million rows of a few words
def _age(text: str) -> int | None:
    if not text:
        return None
    try:
        age = float(text)
    except ValueError:
        age = -1.0
    if not 0 <= age <= MAX_AGE:
        raise ValueError(f"age {text[:40]!r}, expected years from 0 to {MAX_AGE}")
    return int(age)


@lru_cache(1024)
def _class_of(text: str, names: tuple[str, ...], kind: str) -> int | None:
    if not text:
        return None
    by_name = {name.lower(): i for i, name in enumerate(names)} | {str(i): i for i in range(len(names))}
    if text.lower() not in by_name:
        raise ValueError(f"{kind} {text[:40]!r}, expected {', '.join(names)} or 0 to {len(names) - 1}")
    return by_name[text.lower()]


def _everything(paths: list[Path]) -> Iterator[Place]:
    """Every file that was sent: (path, None), or (archive, member). Refuses archives before anything is read."""
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
            if not PurePosixPath(member.filename).name.startswith("."):  # such as what macOS adds
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
    """What lies at each place; nothing where an archive's member is damaged or larger than it says. An archive stays
    open for all of its members that follow each other: its directory may be long."""
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
