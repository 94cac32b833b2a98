"""UTKFace as its users have it: a folder or archive of pictures whose names are their labels.

Terms: non-commercial research; the pictures belong to their owners.
"""

import hashlib
import re
import tarfile
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import pandas as pd

from agr.labels import MAX_AGE

PICTURE_ENDINGS = (".jpg", ".jpeg", ".png", ".webp", ".avif", ".chip")
SUBSETS = ("train", "valid", "test")

# The separators after the time stamp are free: a few of the data set's own names have a blank or no dot before "jpg".
_NAME = re.compile(r"(?P<age>\d{1,3})_(?P<gender>[01])_(?P<race>[0-4])_\d+")


class DataError(ValueError):
    """The data is not as expected; the message names the file, what was expected and what to do."""


@dataclass(frozen=True)
class Labels:
    """What a file's name says: age in years, indices into `agr.labels.GENDERS` and `RACES`."""

    age: int
    gender: int
    race: int


def labels_of(name: str) -> Labels | None:
    """Labels from a name such as `26_1_2_20170116174525125.jpg.chip.jpg`; None if it does not follow the pattern."""
    match = _NAME.match(name)
    if match is None or int(match["age"]) > MAX_AGE:
        return None
    return Labels(age=int(match["age"]), gender=int(match["gender"]), race=int(match["race"]))


def file_key(path: str) -> str:
    """The name that splits and reports use: the file's own up to ".chip", so that every copy of the data set agrees."""
    return PurePosixPath(path.replace("\\", "/")).name.split(".chip")[0]


def content_hash(data: bytes) -> str:
    """Equal for pictures that are equal byte by byte."""
    return hashlib.blake2b(data, digest_size=16).hexdigest()


class PictureSource:
    """The pictures of a folder, .zip or .tar(.gz), read in place and in a fixed order.

    Raises DataError if there is no such thing or no picture in it.
    """

    def __init__(self, path: Path) -> None:
        self.path = Path(path)
        if not self.path.exists():
            raise DataError(f"There is no {self.path}. Expected UTKFace as a folder, a .zip or a .tar.gz.")
        self.members = self._members()
        if not self.members:
            raise DataError(f"No picture ({', '.join(PICTURE_ENDINGS)}) in {self.path}.")

    def __len__(self) -> int:
        return len(self.members)

    def read(self) -> Iterator[tuple[str, bytes]]:
        """(member's path, content) of every picture, in the order of `members`."""
        if self.path.is_dir():
            for member in self.members:
                yield member, (self.path / member).read_bytes()
        elif zipfile.is_zipfile(self.path):
            with zipfile.ZipFile(self.path) as archive:
                for member in self.members:
                    yield member, archive.read(member)
        else:
            yield from self._read_tar()

    def _read_tar(self) -> Iterator[tuple[str, bytes]]:
        wanted = set(self.members)
        with tarfile.open(self.path) as archive:  # front to back: a compressed tar cannot be read out of order
            for member in archive:
                content = archive.extractfile(member) if member.name in wanted else None
                if content is not None:
                    yield member.name, content.read()

    def _members(self) -> list[str]:
        if self.path.is_dir():
            found = sorted(file.relative_to(self.path).as_posix() for file in self.path.rglob("*") if file.is_file())
        elif zipfile.is_zipfile(self.path):
            with zipfile.ZipFile(self.path) as archive:
                found = sorted(archive.namelist())
        elif tarfile.is_tarfile(self.path):
            with tarfile.open(self.path) as archive:
                found = [member.name for member in archive if member.isfile()]
        else:
            raise DataError(f"{self.path} is neither a folder nor a .zip nor a .tar.gz that can be read.")
        return [name for name in found if _is_picture(name)]


def _is_picture(path: str) -> bool:
    name = PurePosixPath(path).name
    return not name.startswith(".") and name.lower().endswith(PICTURE_ENDINGS)


def read_split(path: Path) -> pd.Series:
    """Read a CSV with the columns `file` and `split` (train, valid or test).

    Returns the subset of each file, indexed by file. Raises DataError, naming what is wrong.
    """
    try:
        table = pd.read_csv(path, dtype=str)
    except (OSError, ValueError) as error:
        raise DataError(f"The split {path} cannot be read as CSV: {error}") from error
    missing = {"file", "split"} - set(table.columns)
    if missing:
        raise DataError(f"The split {path} lacks the column(s) {sorted(missing)}; it has {list(table.columns)}.")
    foreign = sorted(set(table["split"].dropna()) - set(SUBSETS)) + (["(empty)"] if table["split"].isna().any() else [])
    if foreign:
        raise DataError(f"The split {path} names the subset(s) {foreign}; expected {', '.join(SUBSETS)}.")
    twice = table.loc[table["file"].duplicated(), "file"]
    if len(twice):
        raise DataError(f"The split {path} names {len(twice)} file(s) twice, such as {twice.iloc[0]}.")
    return table.set_index("file")["split"]


def subset_files(split: pd.Series, subset: str, available: pd.Index) -> pd.Index:
    """The files of one subset, in the split's order. Raises DataError if any is not among the `available` ones."""
    files = split.index[split == subset]
    absent = files.difference(available)
    if len(absent):
        raise DataError(
            f"The split names {len(absent)} {subset} file(s) that are not in the data, "
            f"such as {', '.join(absent[:3])}. "
            "Use the split that belongs to this data, or prepare the data again."
        )
    if not len(files):
        raise DataError(f"The split has no {subset} files.")
    return files
