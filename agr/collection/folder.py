"""The folder of a collection's table: what the table was made from, its parts, and the counts of what they hold."""

import json
import os
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from ..errors import reason_of
from ..sources import Item
from .listing import UNFINISHED, CollectionError, Listing, is_listing, listing_of, write_listing, write_whole

CLAIM_FILE = "_collection.json"
"""File that says what the table was made from. Readers of parquet skip names that begin with an underscore."""
FORMAT = 1


@dataclass(frozen=True)
class Counts:
    """Numbers of `photos` and `faces` in a table, and of the photos `without_face` and `unreadable`."""

    photos: int
    faces: int
    without_face: int
    unreadable: int


def claim(output: Path, photos: Iterable[Item], facts: dict) -> Listing:
    """Claim an empty or missing folder for the table of these `photos`, or check that it already holds a table with the
    same `facts`, its `inputs` and `model`. Returns the listing of the photos that exist now. Raises CollectionError."""
    if os.path.exists(output) and not os.path.isdir(output):
        raise CollectionError(
            f"{output} is a file. Expected a folder of an earlier run, or nothing: choose another name."
        )
    if os.path.exists(output / CLAIM_FILE) or not _is_empty(output):
        _compare(claim_of(output), facts, output)
        return listing_of(photos)
    try:
        output.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise CollectionError(f"{output} cannot be made: {reason_of(error)}.") from error
    try:
        listing = write_listing(photos, output)
        if not listing.photos:
            raise CollectionError(f"There is no photo in {', '.join(path for path, _ in facts['inputs'])}.")
    except ValueError:
        with suppress(OSError):  # the folder was not empty before
            output.rmdir()
        raise
    if os.path.exists(output / CLAIM_FILE):  # another run was faster: looking for photos may take minutes
        _compare(claim_of(output), facts, output)
        return listing
    said = {"format": FORMAT, "photos": asdict(listing)} | facts
    write_whole(output / CLAIM_FILE, json.dumps(said, indent=1).encode() + b"\n")
    return listing


def _is_empty(output: Path) -> bool:
    """Whether the folder is missing or empty, or holds only what a run left that was stopped before it claimed the
    folder."""
    if not os.path.exists(output):
        return True
    try:
        return all(entry.name.endswith(UNFINISHED) or is_listing(entry) for entry in output.iterdir())
    except OSError as error:
        raise CollectionError(f"{output} cannot be read: {reason_of(error)}.") from error


def _compare(earlier: dict, facts: dict, output: Path) -> None:
    """Raise CollectionError if a table was begun with another model or other inputs."""
    if earlier["model"]["digest"] != facts["model"]["digest"]:
        raise CollectionError(
            f"{output} was begun with another model or version ({earlier['model']['name']}). Go on with that one, or "
            "choose another name for the output."
        )
    if earlier["inputs"] != facts["inputs"]:
        raise CollectionError(
            f"{output} was begun with other photos ({earlier['photos']['photos']} of "
            f"{', '.join(path for path, _ in earlier['inputs'])}). Choose another name for the output."
        )


def unread_of(part: Path) -> set[str]:
    """Files of a part that could not be read. Raises CollectionError if the part itself cannot be read."""
    import pyarrow.parquet as pq

    with table_damage_named(part.parent):
        table = pq.read_table(part, columns=["file", "error"], filters=[("error", "!=", "")])
    return set(table["file"].to_pylist())


def clear_away(output: Path) -> None:
    """Delete files that a killed run left half-written at least an hour ago: younger ones may belong to another run."""
    for left in output.glob(f"_*{UNFINISHED}"):
        with suppress(OSError):
            if time.time() - left.stat().st_mtime > 3600:
                left.unlink()


def counts_of(output: Path) -> Counts:
    """The counts of a table, over this and earlier runs. Raises CollectionError if a part of it cannot be read."""
    import pyarrow.dataset as ds

    with table_damage_named(output):
        table, face, error = ds.dataset(output), ds.field("face"), ds.field("error")
        if not table.files:  # the run was stopped before its first part
            return Counts(0, 0, 0, 0)
        first, faces = table.count_rows(filter=face == 1), table.count_rows(filter=face.is_valid())
        unreadable, rows = table.count_rows(filter=error.is_valid()), table.count_rows()
    without = rows - faces - unreadable
    return Counts(first + without + unreadable, faces, without, unreadable)


@contextmanager
def table_damage_named(output: Path) -> Iterator[None]:
    """Raise CollectionError for any error of pyarrow in reading the table: for a damaged part it raises one of its own
    errors or an OSError."""
    import pyarrow as pa

    try:
        yield
    except (pa.ArrowException, OSError) as damage:
        raise CollectionError(
            f"A part of {output} is damaged ({str(damage)[:300]}). Delete that file and run the same analyze again."
        ) from damage


def claim_of(output: Path) -> dict:
    """What a table was made from. Raises CollectionError if there is no such table."""
    try:
        claim = json.loads((output / CLAIM_FILE).read_text(encoding="utf-8"))
        if not isinstance(claim, dict) or claim.get("format") != FORMAT:
            raise ValueError(f"expected format {FORMAT}")
        if missing := {"photos", "inputs", "model"} - set(claim):
            raise ValueError(f"missing: {', '.join(sorted(missing))}")
        Listing(**claim["photos"])
        return claim
    except (OSError, ValueError, TypeError) as error:
        why = "it is a file" if os.path.isfile(output) else reason_of(error)
        raise CollectionError(
            f"{output} is not a table that python -m agr analyze --output FOLDER.parquet wrote ({why}). Such a table "
            "is a folder; CSV and JSON lines do not become reports."
        ) from error


def part_path(output: Path, number: int) -> Path:
    return output / f"part-{number:05d}.parquet"
