"""The labelled pictures behind a report, read in place from the user's own copy; nothing is kept or copied."""

import hashlib
import os
import re
import shutil
import tarfile
import unicodedata
import zipfile
from collections import Counter, defaultdict
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path, PurePosixPath
from tempfile import TemporaryFile
from threading import Lock

from .errors import AgrError, reason_of
from .images import PICTURE_ENDINGS
from .sources import damage_named, is_hidden, opener_of

_CHIP = re.compile(r"\.chip(\.[^.]*)?$")
LABELLED_ENDINGS = (*PICTURE_ENDINGS, ".chip")
"""Endings of labelled pictures' names; the last one occurs in some copies of UTKFace."""


class DataError(AgrError):
    """The data is not as expected; the message names the file, what was expected and what to do."""


def file_key(path: str) -> str:
    """The name of a picture in splits and reports: the file's name without an ending such as ".chip" or ".chip.jpg", so
    that it is the same for every copy of the data set."""
    return _CHIP.sub("", _composed(path).replace("\\", "/").rstrip("/").rpartition("/")[2])


def _composed(path: str) -> str:
    """The path with each letter and its accents as one character, which macOS separates."""
    return unicodedata.normalize("NFC", path)


def content_hash(data: bytes) -> str:
    """A hash that is equal for pictures that are equal byte by byte."""
    return hashlib.blake2b(data, digest_size=16).hexdigest()


class PictureSource:
    """The pictures of a folder, .zip or .tar(.gz), read in place: all in a fixed order, or one by its key.

    Raises DataError if the path is none of these or holds no picture. Safe to use from several threads.
    """

    def __init__(self, path: Path) -> None:
        self.path = Path(path)
        if not os.path.exists(self.path):  # Path.exists raises if access is denied
            raise DataError(
                f"There is no {self.path}, or no access to it. Expected UTKFace as a folder, a .zip or a .tar.gz."
            )
        self._lock = Lock()  # an open archive has a single file position
        try:
            with damage_named(self.path, DataError):
                found = self._members()
        except OSError as error:
            raise DataError(f"{self.path} cannot be read: {reason_of(error)}.") from error
        self._copies = Counter(found)  # of members with the same name the last counts, as in unpacking
        self._places: dict[str, list[str]] = defaultdict(list)
        for member in self._copies:
            self._places[file_key(member)].append(member)
        found = list(self._copies)
        # Some copies of UTKFace hold a picture in two folders: the first counts.
        self.members = [member for member in found if self._places[file_key(member)][0] == member]
        if not self.members:
            raise DataError(f"No picture ({', '.join(LABELLED_ENDINGS)}) in {self.path}.")

    def __len__(self) -> int:
        return len(self.members)

    def read(self) -> Iterator[tuple[str, bytes]]:
        """Yield (member's path, content) of every picture, in the order of `members`, or of the archive if it is a tar.
        Raises DataError if it is damaged."""
        if self.path.is_dir():
            for member in self.members:
                yield member, (self.path / member).read_bytes()
            return
        with damage_named(self.path, DataError):
            yield from self._read_zip() if zipfile.is_zipfile(self.path) else self._read_tar()

    def _read_zip(self) -> Iterator[tuple[str, bytes]]:
        with zipfile.ZipFile(self.path) as archive:
            for member in self.members:
                yield member, archive.read(member)

    def find(self, key: str) -> bytes | None:
        """Content of the picture whose `file_key` is `key`, and whose folders match those in `key`, if it has any; None
        if there is none."""
        member = self._at(key)
        if member is None:
            return None
        if self.path.is_dir():
            return (self.path / member).read_bytes()
        with self._lock, damage_named(self.path, DataError):
            archive = self._archive
            if isinstance(archive, DataError):
                raise archive
            if isinstance(archive, zipfile.ZipFile):
                return archive.read(member)
            content = archive.extractfile(member)
            return content.read() if content else None

    def _at(self, key: str) -> str | None:
        folder, _, name = key.rpartition("/")
        end = f"/{folder}" if folder else ""
        places = self._places.get(name, ())
        return next((each for each in places if f"/{_composed(each)}".rpartition("/")[0].endswith(end)), None)

    @cached_property
    def _archive(self) -> zipfile.ZipFile | tarfile.TarFile | DataError:
        """The open archive, or the error if it is damaged. Kept, because reading an archive's directory again for each
        face would take longer than the face itself, and meeting the damage again as long."""
        try:
            with damage_named(self.path, DataError):
                return zipfile.ZipFile(self.path) if zipfile.is_zipfile(self.path) else _plain_tar(self.path)
        except DataError as damage:
            return damage

    def _read_tar(self) -> Iterator[tuple[str, bytes]]:
        left = {member: self._copies[member] for member in self.members}
        with tarfile.open(self.path) as archive:  # front to back: a compressed tar cannot be read out of order
            for member in archive:
                if member.name not in left or not _is_file(member):
                    continue
                left[member.name] -= 1
                if not left[member.name] and (content := archive.extractfile(member)):
                    yield member.name, content.read()

    def _members(self) -> list[str]:
        if self.path.is_dir():
            found = sorted(file.relative_to(self.path).as_posix() for file in self.path.rglob("*") if file.is_file())
        elif zipfile.is_zipfile(self.path):
            with zipfile.ZipFile(self.path) as archive:
                found = sorted(archive.namelist())
        elif tarfile.is_tarfile(self.path):
            with tarfile.open(self.path) as archive:
                found = [member.name for member in archive if _is_file(member)]
        else:
            raise DataError(f"{self.path} is neither a folder nor a .zip nor a .tar.gz that can be read.")
        return [name for name in found if _is_picture(name)]


def _plain_tar(path: Path) -> tarfile.TarFile:
    """An open tar with direct access to each member. A compressed one is first unpacked into a temporary file, which is
    gone when this process ends: to seek backwards, it would have to be read again from its start."""
    unpack = opener_of(path)
    if unpack is None:
        return tarfile.open(path)
    plain = TemporaryFile()  # noqa: SIM115  # lives as long as the tar that reads it
    with unpack(path) as stream:
        shutil.copyfileobj(stream, plain, 1 << 20)
    plain.seek(0)
    return tarfile.open(fileobj=plain)


def _is_file(member: tarfile.TarInfo) -> bool:
    """Whether a member is a file, or a hard link to an earlier one."""
    return member.isfile() or member.islnk()


def _is_picture(path: str) -> bool:
    return path.lower().endswith(LABELLED_ENDINGS) and not any(map(is_hidden, PurePosixPath(path).parts))
