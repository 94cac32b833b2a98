"""Analyze a collection of photos of any size into one table, stored in parts, so that an interruption costs at most the
parts in progress.

The photos are listed once (`listing`); part i holds the rows of photos i * k to (i + 1) * k of that list, and exists
whole or not at all. So a resumed run knows from the parts' names what is left, on one machine and on many.
"""

import hashlib
import os
import sys
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from os import PathLike
from pathlib import Path

from ..errors import reason_of
from ..sources import Item, is_archive, photos_of
from .folder import Counts, claim, claim_of, clear_away, counts_of, part_path, unread_of
from .listing import CollectionError, Listing, read_listing, write_whole
from .part import Part, completed

PARTS, LEAST_IN_PART, MOST_IN_PART = 4000, 25, 2000
"""Approximate number of parts, and smallest and largest number of photos in each: small enough to lose little, large
enough to be read fast."""


def analyze_collection(
    inputs: Iterable[str | PathLike[str]],
    output: str | PathLike[str],
    *,
    model: str | None = None,
    ray: str | None = None,
    retry: bool = False,
) -> Counts:
    """Analyze every photo of `inputs` into the folder `output`, or resume an earlier run that was stopped, with the
    photos that existed when it was begun.

    `ray`: "local", "auto" or the address of a Ray cluster that shares the work; by default all cores of this machine.
    `retry`: whether to try photos once more that could not be read. Raises SourceError, ModelError or CollectionError;
    the last also if the table is finished, but the photos have changed since it was begun.
    """
    from ..pretrained import find_model

    if isinstance(inputs, (str, PathLike)):
        raise TypeError(f"Expected several paths, got one ({inputs}): put it into a list.")
    paths, output = [Path(path) for path in inputs], Path(output)
    if absent := [str(path) for path in paths if not os.path.lexists(path)]:
        raise CollectionError(f"There is no {' and no '.join(absent)}.")
    folder = find_model(model)
    now = claim(output, _shown(photos_of(paths)), _facts(paths, folder))
    listing = Listing(**claim_of(output)["photos"])
    clear_away(output)
    in_part = _in_part(listing.photos)
    done = {number for number in range(-(-listing.photos // in_part)) if os.path.exists(part_path(output, number))}
    unread = {number: files for number in done if retry and (files := unread_of(part_path(output, number)))}
    finished = sum(min(in_part, listing.photos - number * in_part) for number in done)
    finished -= sum(map(len, unread.values()))
    items = read_listing(output, listing) if finished < listing.photos else iter(())
    left = _left(_parts(items, in_part), done, unread)
    bar = _bar(total=listing.photos, initial=finished)
    with bar:
        for number, content in _computed(folder, left, ray, bar.update):
            path = part_path(output, number)
            write_whole(path, completed(path, content) if number in unread else content)
    return _checked(output, listing, now)


def _checked(output: Path, listing: Listing, now: Listing) -> Counts:
    """The counts of a finished table. Raises CollectionError if it does not hold the listed photos, or if these are not
    the photos that there are `now`."""
    counts = counts_of(output)
    if counts.photos != listing.photos:
        raise CollectionError(
            f"{output} holds {counts.photos:,} photos where {listing.photos:,} are expected: a part of it is of "
            "something else. Choose another name for the output and start again."
        )
    if now != listing:
        raise CollectionError(
            f"{output} is finished, with the {listing.photos:,} photos that were there when it was begun. Some were "
            f"added, removed or renamed since ({now.photos:,} now): choose another name for a table of these."
        )
    return counts


def _computed(
    folder: Path, parts: Iterator[Part], ray: str | None, on_photos: Callable[[int], object]
) -> Iterator[tuple[int, bytes]]:
    if ray is not None:
        from .ray_run import encoded_by_cluster

        return encoded_by_cluster(folder, parts, on_photos, address=ray)
    from .local_run import encoded_by_cores

    return encoded_by_cores(folder, parts, on_photos)


def _facts(inputs: list[Path], model: Path) -> dict:
    """What identifies a table: the absolute paths of its inputs, the sizes of archives in bytes (two archives may hold
    the same names), and the model."""
    sizes = (os.path.getsize(path) if is_archive(path) else None for path in inputs)
    return {
        "inputs": [[str(path.absolute()), size] for path, size in zip(inputs, sizes, strict=True)],
        "model": _model(model),
    }


def _model(folder: Path) -> dict:
    from ..config import CODE_VERSION, CONFIG_FILE, WEIGHTS_FILE, ModelError
    from ..reader import AttributeReader

    reader = AttributeReader.load(folder)
    # The digest covers the code's version, too: another one may compute something else from the same weights.
    digest = hashlib.blake2b(CODE_VERSION.encode(), digest_size=16)
    try:
        for name in (CONFIG_FILE, WEIGHTS_FILE):
            digest.update((folder / name).read_bytes())
    except OSError as error:
        raise ModelError(f"{error.filename} cannot be read: {reason_of(error)}") from error
    facts = {"backbone": reader.config.backbone, "input_size": reader.config.input_size}
    return {"name": str(folder.absolute()), "digest": digest.hexdigest(), **facts, "parameters": reader.parameters}


def _left(parts: Iterator[Part], done: set[int], unread: dict[int, set[str]]) -> Iterator[Part]:
    """The parts to compute: those that are not `done`, and the `unread` photos of those that are."""
    for part in parts:
        if part.number in unread:
            yield part.only(unread[part.number])
        elif part.number not in done:
            yield part


def _in_part(photos: int) -> int:
    """Number of photos in a part of a collection of `photos`."""
    return min(max(photos // PARTS, LEAST_IN_PART), MOST_IN_PART)


def _parts(items: Iterator[Item], size: int) -> Iterator[Part]:
    number = 0
    while some := tuple(islice(items, size)):
        yield Part(number, some)
        number += 1


def _shown(items: Iterable[Item]) -> Iterator[Item]:
    yield from _bar(iterable=items, desc="Looking for photos", leave=False)


def _bar(**options):
    """A progress bar on standard error: photos done, rate and remaining time. It is updated twice a second on a
    terminal, and twice a minute in a log."""
    from tqdm import tqdm

    every = 0.5 if sys.stderr.isatty() else 30
    return tqdm(unit=" photos", mininterval=every, maxinterval=every, smoothing=0.05, file=sys.stderr, **options)
