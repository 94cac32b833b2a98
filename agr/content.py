"""The bytes of a picture, from a file or from whatever can be read like one."""

import os
from contextlib import suppress
from pathlib import Path
from typing import Any

from .errors import ImageError, reason_of

MAX_FILE_BYTES = 500_000_000
"""Largest size of an encoded picture; the largest that is decoded comes to 400 MB, uncompressed."""
_PIECE = 1_000_000
"""Bytes that are read at once from a file whose size is not known."""
_LONGEST_NAME = 1000
"""Characters of a path beyond which a message shows its ends only."""


def printable(name: str) -> str:
    """A file's name with bytes that are not UTF-8 escaped: tables and messages cannot hold them."""
    with suppress(UnicodeEncodeError):
        name.encode()
        return name
    return name.encode(errors="backslashreplace").decode()


def read_file(name: str) -> bytes:
    """The content of a file. Raises ImageError if there is none, or more than `MAX_FILE_BYTES`."""
    if not name:
        raise ImageError("The path is empty. Expected that of a photo.")
    path, is_long = Path(name), len(name) > _LONGEST_NAME
    name = printable(f"{name[:100]}...{name[-100:]}" if is_long else name)
    if name.startswith(("http://", "https://")):
        raise ImageError("Addresses are not fetched. Download the photo, and pass its path or bytes.")
    if os.path.isdir(path):
        raise ImageError(f"{name} is a folder. Pass its photos one by one, or use python -m agr analyze.")
    try:
        with path.open("rb") as stream:
            content = _all_of(stream)
    except MemoryError as error:
        raise ImageError(f"The file {name} does not fit into memory.") from error
    except FileNotFoundError as error:
        is_address = "http:/" in name or "https:/" in name  # as the command line sees it, below the present folder
        advice = " Addresses are not fetched: download the photo, and pass its path." if is_address else ""
        raise ImageError(f"There is no file {name}.{advice}") from error
    except (OSError, ValueError) as error:
        reason = reason_of(error)
        advice = " If this is base64, pass the bytes that it encodes." if is_long else ""
        raise ImageError(f"The file {name} cannot be read: {reason}.{advice}") from error
    _check_bytes(content, f"The file {name}")
    return content


def read_stream(stream: Any) -> Any:
    """What is left in a caller's file: bytes, or whatever else its `read` returns. Raises ImageError."""
    try:
        content = _all_of(stream)
    except MemoryError as error:
        raise ImageError("The file does not fit into memory.") from error
    except Exception as error:  # ValueError if it is closed; what unpacks or downloads may raise anything
        raise ImageError(f"The file cannot be read: {error}.") from error
    is_at_end = False
    with suppress(Exception):  # not every reader knows where it is
        is_at_end = not content and stream.tell() > 0
    if is_at_end:
        raise ImageError("Nothing is left to read in the file, which was read or written before: call seek(0) first.")
    if isinstance(content, bytes):
        _check_bytes(content, "The file")
    return content


def _all_of(stream: Any) -> Any:
    """Everything up to the end, or the first `MAX_FILE_BYTES` and some. Read in pieces: `read` reserves memory for as
    much as it is asked for, and returns less from a pipe."""
    size = 0
    with suppress(Exception):  # no file of the operating system
        size = os.fstat(stream.fileno()).st_size
    part = stream.read(min(size, MAX_FILE_BYTES) + _PIECE)
    parts, held = [part], 0
    while isinstance(part, bytes) and part and (held := held + len(part)) <= MAX_FILE_BYTES:
        part = stream.read(_PIECE)
        parts.append(part)
    return b"".join(parts) if isinstance(part, bytes) else part


def _check_bytes(content: bytes, name: str) -> None:
    if len(content) > MAX_FILE_BYTES:
        raise ImageError(f"{name} has more than {MAX_FILE_BYTES // 1_000_000} MB: no photo that can be read.")
