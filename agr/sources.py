"""Sources of photos: files, folders, archives read in place, and lists of paths. There may be any number of photos, of
which one is held in memory at a time.

Photos are read where they are analyzed: an `Item` only says where a photo is, so that it can be sent to another process
or machine.
"""

import bz2
import codecs
import gzip
import lzma
import os
import tarfile
import zipfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO

from .content import MAX_FILE_BYTES, printable
from .errors import AgrError, ImageError, reason_of
from .images import PICTURE_ENDINGS

TAR_ENDINGS = (".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tbz2", ".tar.xz", ".txz")
ARCHIVE_ENDINGS = (".zip", *TAR_ENDINGS)
VIDEO_ENDINGS = tuple(
    f".{kind}"
    for kind in "mp4 m4v mov 3gp webm mkv avi mpg mpeg ts mts m2ts wmv flv ogv".split()  # noqa: SIM905
)
LIST_ENDING = ".txt"
_HIDDEN = ("$recycle.bin", "system volume information", "@eadir", "#recycle")
"""Folders of Windows and of network drives that hold deleted files or thumbnails."""
_SPARSE = -1
"""Length recorded for a sparse file, of whose bytes the archive leaves some out."""
_OPENERS: dict[bytes, Callable] = {b"\x1f\x8b": gzip.open, b"BZh": bz2.open, b"\xfd7zXZ": lzma.open}


class SourceError(AgrError):
    """An archive or a list cannot be searched for photos; the message names the file and says what is wrong with it."""


@dataclass(frozen=True)
class Item:
    """One photo. `file`: its name in results; `path`: absolute path of the file that holds it; `place`: its name in a
    zip, or its offset in an unpacked tar and its length, both in bytes; None if the file is the photo."""

    file: str
    path: str
    place: str | tuple[int, int] | None = None


def photos_of(paths: Iterable[Path]) -> Iterator[Item]:
    """Yield every photo of files, folders, archives and lists (one path per line), in a fixed order.

    A missing file is an item too: it is reported with the others that cannot be read. Raises SourceError if an archive
    or a list cannot be read.
    """
    for path in paths:
        name = path.name.lower()
        if os.path.isdir(path):  # Path.is_dir raises if access is denied
            yield from _folder(str(path), set())
        elif is_archive(path):
            yield from _archive(path)
        elif os.path.isfile(path) and name.endswith(LIST_ENDING):
            yield from _list(path)
        else:
            yield _file(str(path))


def is_archive(path: Path) -> bool:
    """Whether a path is a file with the ending of an archive."""
    return os.path.isfile(path) and path.name.lower().endswith(ARCHIVE_ENDINGS)


class Contents:
    """Reads the content of items. The last archive stays open; for one thread, and fastest in the items' own order."""

    def __init__(self) -> None:
        self._path: str | None = None
        self._open: zipfile.ZipFile | IO[bytes] | None = None

    def source(self, item: Item) -> str | bytes | ImageError:
        """The input for `FaceAnalyzer`: a path, the bytes of an archive's member, or the error in reading these."""
        if item.place is None:
            return item.path
        try:
            return self._member(item.path, item.place)
        except ImageError as error:
            return error
        except Exception as error:  # damage in an archive raises nearly anything
            return ImageError(f"It cannot be read from its archive: {error}")

    def _member(self, path: str, place: str | tuple[int, int]) -> bytes:
        if path != self._path:
            self._close()
            self._open, self._path = (zipfile.ZipFile(path) if isinstance(place, str) else _unpacked(path)), path
        if isinstance(place, str):
            assert isinstance(self._open, zipfile.ZipFile)
            _check_size(self._open.getinfo(place).file_size)
            return self._open.read(place)
        assert self._open is not None
        assert not isinstance(self._open, zipfile.ZipFile)
        start, length = place
        if length == _SPARSE:
            raise ImageError("Its archive holds it without its empty parts. Pack it again without tar's -S.")
        _check_size(length)
        self._open.seek(start)  # unpacks a compressed tar up to here; from its start, if backwards
        content = self._open.read(length)
        if len(content) < length:
            raise ImageError("Its archive has become shorter since it was looked through.")
        return content

    def _close(self) -> None:
        if self._open is not None:
            self._open.close()
        self._open = self._path = None


def _folder(folder: str, searched: set[tuple[int, int | str]]) -> Iterator[Item]:
    """`searched`: folders searched before, as (device, inode): links may form cycles, or lead to the same photos
    twice."""
    try:
        itself = os.stat(folder)
        identity = (itself.st_dev, itself.st_ino or os.path.realpath(folder))  # some file systems have no inodes
        if identity in searched:
            return
        searched.add(identity)
        with os.scandir(folder) as found:
            entries = sorted(found, key=lambda entry: entry.name)
    except OSError:
        yield _file(folder)  # reported with the photos that cannot be read
        return
    for entry in entries:
        if is_hidden(entry.name):
            continue
        try:
            is_folder = entry.is_dir()
        except OSError:  # a link to itself, or to where access is denied
            yield _file(entry.path)
            continue
        if is_folder:
            yield from _folder(entry.path, searched)
        elif _is_picture(entry.name) and not _is_pipe(entry):
            yield _file(entry.path)


def _is_pipe(entry: os.DirEntry) -> bool:
    """Whether it exists but is neither file nor folder, such as a pipe, on which reading would wait. A broken link is
    not: it is read, and the error reported."""
    if entry.is_file(follow_symlinks=False):  # needs no system call on most file systems
        return False
    return os.path.exists(entry.path) and not os.path.isfile(entry.path)


def _list(path: Path) -> Iterator[Item]:
    try:
        with path.open("rb") as stream:
            is_wide = stream.read(2) in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)  # PowerShell's redirection
        with path.open(encoding="utf-16" if is_wide else "utf-8-sig", errors="surrogateescape") as lines:
            for line in lines:
                name = line.rstrip("\r\n")
                if name and not name.lower().endswith(VIDEO_ENDINGS):
                    yield _file(name)
    except (OSError, UnicodeError) as error:
        raise SourceError(f"The list {path} cannot be read: {reason_of(error)}.") from error


def _archive(path: Path) -> Iterator[Item]:
    place_of = str(path.absolute())
    try:
        with damage_named(path, SourceError):
            for name, place in _zip(path) if path.name.lower().endswith(".zip") else _tar(path):
                inside = PurePosixPath(name.replace("\\", "/"))
                if _is_picture(inside.name) and not any(map(is_hidden, inside.parts)):
                    yield Item(printable(f"{path}/{name}"), place_of, place)
    except OSError as error:
        raise SourceError(f"{path} cannot be read: {reason_of(error)}.") from error


@contextmanager
def damage_named(archive: Path, error: type[ValueError]) -> Iterator[None]:
    """Raise `error`, with a message, for any exception that damage to the archive causes, be it OSError or
    IndexError."""
    try:
        yield
    except error:
        raise
    except Exception as damage:
        if isinstance(damage, OSError) and damage.errno is not None:  # missing file, full disk; gzip sets none
            raise
        raise error(f"{archive} is damaged or cut off ({damage}). Get or make it again.") from damage


def _zip(path: Path) -> Iterator[tuple[str, str]]:
    with zipfile.ZipFile(path) as archive:
        seen: set[str] = set()
        for member in archive.infolist():
            if not member.is_dir() and member.filename not in seen:  # of two with the same name only one can be read
                seen.add(member.filename)
                yield member.filename, member.filename


def _tar(path: Path) -> Iterator[tuple[str, tuple[int, int]]]:
    with tarfile.open(path) as archive:
        places: dict[str, tuple[int, int]] = {}
        for member in _members(archive):
            if member.isreg():
                yield member.name, _place(member)
            elif member.islnk():  # a hard link to an earlier file
                places = places or _linked(path)
                if member.linkname in places:
                    yield member.name, places[member.linkname]


def _linked(path: Path) -> dict[str, tuple[int, int]]:
    """Places of those files in a tar that hard links refer to; not of all, as a tar may hold millions."""
    with tarfile.open(path) as archive:
        targets = {member.linkname for member in _members(archive) if member.islnk()}
    with tarfile.open(path) as archive:
        return {
            member.name: _place(member) for member in _members(archive) if member.isreg() and member.name in targets
        }


def _place(member: tarfile.TarInfo) -> tuple[int, int]:
    return member.offset_data, _SPARSE if member.issparse() else member.size


def _members(archive: tarfile.TarFile) -> Iterator[tarfile.TarInfo]:
    while (member := archive.next()) is not None:
        archive.members = []  # type: ignore[attr-defined]  # otherwise it would keep all members seen so far
        yield member


def _unpacked(path: str) -> IO[bytes]:
    return (opener_of(path) or open)(path, "rb")


def opener_of(path: str | Path) -> Callable | None:
    """The function that opens a compressed file, recognized by its first bytes, as `open` does a plain one; None if the
    file is not compressed."""
    with open(path, "rb") as stream:
        start = stream.read(6)
    return next((opener for magic, opener in _OPENERS.items() if start.startswith(magic)), None)


def _file(name: str) -> Item:
    return Item(printable(name), os.path.abspath(name))


def _is_picture(name: str) -> bool:
    return name.lower().endswith(PICTURE_ENDINGS)


def is_hidden(name: str) -> bool:
    """Whether a name is hidden: thumbnails, recycle bins, files that macOS adds."""
    return (name.startswith(".") and name not in (".", "..")) or name.lower() in _HIDDEN


def _check_size(size: int) -> None:
    if size > MAX_FILE_BYTES:
        raise ImageError(f"It unpacks to {size / 1e6:.0f} MB. At most {MAX_FILE_BYTES // 1_000_000} MB are read.")
