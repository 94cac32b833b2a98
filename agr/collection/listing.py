"""The list of a collection's photos, in order. It is written to a file once, so that a resumed run uses the same
photos."""

import hashlib
import json
import os
import secrets
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from ..errors import AgrError, reason_of
from ..sources import Item

UNFINISHED = ".new"
_AT_ONCE = 10_000


class CollectionError(AgrError):
    """The table cannot be written or read; the message says what was wrong, what was expected and what to do."""


@dataclass(frozen=True)
class Listing:
    """A list of photos in brief: how many there are, and a hash of their paths and order."""

    photos: int
    digest: str


def listing_of(items: Iterable[Item]) -> Listing:
    """The listing of these items, from a single pass that keeps none of them."""
    digest = hashlib.blake2b(digest_size=16)
    photos = 0
    for item in items:
        # Not the name that a photo was given: the same one may be named from another folder.
        digest.update(os.fsencode(f"{item.path}\0{item.place}\n"))
        photos += 1
    return Listing(photos, digest.hexdigest())


def write_listing(items: Iterable[Item], folder: Path) -> Listing:
    """The listing of these items, which are also written to a file in `folder`, whole or not at all; no file is written
    if there are none. Raises CollectionError."""
    import pyarrow as pa

    names = pa.schema({"file": pa.string(), "path": pa.binary(), "place": pa.string()})
    options = pa.ipc.IpcWriteOptions(compression="zstd")
    beside = _beside(folder / "photos.arrow")

    def kept(stream: "pa.ipc.RecordBatchStreamWriter") -> Iterator[Item]:
        rest = iter(items)
        while some := list(islice(rest, _AT_ONCE)):
            rows = [{"file": i.file, "path": os.fsencode(i.path), "place": json.dumps(i.place)} for i in some]
            stream.write_batch(pa.RecordBatch.from_pylist(rows, names))
            yield from some

    try:
        with beside.open("wb") as sink, pa.ipc.new_stream(sink, names, options=options) as stream:
            listing = listing_of(kept(stream))
        if listing.photos:
            beside.replace(_path(folder, listing))
        return listing
    except OSError as error:
        raise CollectionError(f"{beside} cannot be written: {reason_of(error)}.") from error
    finally:
        with suppress(OSError):
            beside.unlink(missing_ok=True)


def read_listing(folder: Path, listing: Listing) -> Iterator[Item]:
    """Yield the items that were written. Raises CollectionError if the file is missing or damaged."""
    import pyarrow as pa

    path = _path(folder, listing)
    try:
        with path.open("rb") as source, pa.ipc.open_stream(source) as batches:
            for batch in batches:
                for row in batch.to_pylist():
                    place = json.loads(row["place"])
                    place = tuple(place) if isinstance(place, list) else place
                    yield Item(row["file"], os.fsdecode(row["path"]), place)
    except (pa.ArrowException, OSError, ValueError) as error:
        raise CollectionError(
            f"{path}, which lists the table's photos, is missing or damaged ({str(error)[:300]}). Choose another name "
            "for the output and start again."
        ) from error


def is_listing(path: Path) -> bool:
    """Whether a file was written by `write_listing`."""
    return path.name.startswith("_photos-")


def _path(folder: Path, listing: Listing) -> Path:
    """A path with the digest in its name: if two programs begin the same table at once, each finds the list that the
    claim refers to."""
    return folder / f"_photos-{listing.digest}.arrow"


def write_whole(path: Path, content: bytes) -> None:
    """Write a file, under a temporary name first: after a crash of this program or the machine, it exists whole or not
    at all."""
    beside = _beside(path)
    try:
        with beside.open("wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        beside.replace(path)
    except OSError as error:
        raise CollectionError(f"{path} cannot be written: {reason_of(error)}.") from error


def _beside(path: Path) -> Path:
    """A temporary path that no other process uses: two programs, on one machine or on two, may write the same file."""
    return path.with_name(f"_{path.name}.{secrets.token_hex(4)}{UNFINISHED}")
