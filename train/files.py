"""Atomic writes, folders locked for one process, hashes and listings of files."""

import json
import os
import re
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from errno import ENOSPC
from pathlib import Path

from filelock import FileLock, Timeout

from agr.errors import reason_of
from agr.pictures import DataError, content_hash

from .run_folder import BEST_FOLDER

LOCK_FILE = ".lock"
_HALF_WRITTEN = re.compile(r"\.[0-9a-f]{8}\.tmp$")
"""Ending of a file that a process was killed while writing."""


def write_atomically(path: Path, write: Callable[[Path], object]) -> None:
    """Call `write` with a temporary path beside `path`, then rename it into place.

    Raises DataError if that fails, and leaves nothing half-written behind.
    """
    temporary = path.with_name(f"{path.name}.{secrets.token_hex(4)}.tmp")  # two processes may write the same file
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write(temporary)
        with temporary.open("rb+") as written:  # or a power cut could leave an empty file under the name
            os.fsync(written.fileno())
        temporary.replace(path)
    except (OSError, RuntimeError) as error:  # torch.save reports a full disk as RuntimeError
        is_full = not isinstance(error, OSError) or error.errno == ENOSPC
        what_to_do = "Free some space or choose" if is_full else "Choose"
        raise DataError(
            f"{path} could not be written ({reason_of(error)}). {what_to_do} another folder; "
            "what was there before is untouched."
        ) from error
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)


def claim_folder(path: Path, mine: dict, *, moved: str | None = None) -> None:
    """Write what a folder is made from into its JSON file `path`. Raises DataError if the file is damaged or holds
    other values already; only that of the key `moved` may change."""
    if path.exists():
        try:
            theirs = json.loads(path.read_text(encoding="utf-8"))
            changed = [
                "other pictures" if key == "names" else f"{key} {theirs.get(key)} then, {mine[key]} now"
                for key in mine
                if mine[key] != theirs.get(key) and key != moved
            ]
        except (ValueError, AttributeError) as error:
            raise DataError(f"{path} is damaged ({error}). Choose another --output, or delete this one.") from error
        if changed:
            raise DataError(
                f"{path.parent} was started with other settings: {'; '.join(changed)}. Go on with the same ones, or "
                "choose another --output."
            )
    write_atomically(path, lambda temporary: temporary.write_text(json.dumps(mine, indent=2) + "\n"))


def expect_nothing_else(folder: Path, is_own: Callable[[Path], bool]) -> None:
    """Raises DataError if the folder exists and holds anything but its lock, what a killed process left half-written,
    and files for which `is_own` is true."""
    there = [path for path in sorted(folder.iterdir()) if path.name != LOCK_FILE] if folder.is_dir() else []
    if foreign := next((path.name for path in there if not _HALF_WRITTEN.search(path.name) and not is_own(path)), None):
        raise DataError(f"{folder} holds something else, such as {foreign}. Choose another --output.")


@contextmanager
def alone_in(folder: Path) -> Iterator[None]:
    """Lock the folder for this process, and delete what killed ones left half-written in it. Raises DataError if
    another one has locked it."""
    lock = FileLock(folder / LOCK_FILE)
    try:
        lock.acquire(timeout=0)
    except Timeout as error:
        raise DataError(f"Another process works in {folder}. Wait for it, or choose another --output.") from error
    try:
        for left in [*folder.glob("*.tmp"), *folder.glob(f"{BEST_FOLDER}/*.tmp")]:
            if _HALF_WRITTEN.search(left.name):
                with suppress(OSError):
                    left.unlink()
        yield
    finally:
        lock.release()


def content_hash_of(path: Path) -> str:
    """Hash of a file's content. Raises DataError if it cannot be read."""
    try:
        return content_hash(path.read_bytes())
    except OSError as error:
        raise DataError(f"{path} cannot be read: {reason_of(error)}.") from error


def files_in(folder: Path) -> dict[str, Path]:
    """Every file below a folder, sorted, keyed by its relative path with forward slashes."""
    return {file.relative_to(folder).as_posix(): file for file in sorted(folder.rglob("*")) if file.is_file()}
