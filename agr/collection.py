"""A collection of photos of any size into one table, on disk in parts, so that whatever stops it costs a part at most.

The photos have a fixed order; part i holds the rows of photos i * k to (i + 1) * k, and is there whole or not at all.
So a run that goes on knows from the parts' names what is left, on one machine and on many.
"""

import hashlib
import json
import os
import sys
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from .images import ImageError
from .sources import Contents, Item, photos_of
from .table import photo_rows, schema

if TYPE_CHECKING:
    from .analyzer import Face, FaceAnalyzer

CLAIM_FILE = "_collection.json"
"""Says what the table is of. Readers of parquet pass over names that begin with an underscore."""
FORMAT = 1
_UNFINISHED = ".new"
PARTS, LEAST_IN_PART, MOST_IN_PART = 4000, 25, 2000
"""About how many parts there are, and photos in each: small enough to lose little, large enough to be read fast."""


class CollectionError(ValueError):
    """The table cannot be written or read; the message says what was wrong, what was expected and what to do."""


@dataclass(frozen=True)
class Part:
    """Some consecutive photos."""

    number: int
    items: tuple[Item, ...]


@dataclass(frozen=True)
class Listing:
    """How many photos there are, and a hash of their names and order."""

    photos: int
    digest: str

    @property
    def in_part(self) -> int:
        return min(max(self.photos // PARTS, LEAST_IN_PART), MOST_IN_PART)


@dataclass(frozen=True)
class Counts:
    """What a table holds: `photos`, of them `without_face` and `unreadable`, and `faces`."""

    photos: int
    faces: int
    without_face: int
    unreadable: int


def analyze_collection(
    inputs: list[Path], output: Path, *, model: str | None = None, revision: str | None = None, ray: str | None = None
) -> Counts:
    """Analyze every photo of `inputs` into the folder `output`, or go on where an earlier run was stopped.

    `ray`: "local", "auto" or the address of a Ray cluster that shares the work; by default all cores of this machine.
    Raises CollectionError, SourceError or ModelError.
    """
    from .pretrained import find_model

    folder = find_model(model, revision=revision)
    listing = _listed(_shown(photos_of(inputs), desc="Looking for photos"))
    if not listing.photos:
        raise CollectionError(f"There is no photo in {', '.join(map(str, inputs))}.")
    _claim(
        output, {"format": FORMAT, "photos": asdict(listing), "inputs": _identified(inputs), "model": _model(folder)}
    )
    _clear_away(output)
    done = {number for number in range(-(-listing.photos // listing.in_part)) if os.path.exists(_path(output, number))}
    finished = sum(min(listing.in_part, listing.photos - number * listing.in_part) for number in done)
    again = hashlib.blake2b(digest_size=16)
    left = (part for part in _parts(_hashed(photos_of(inputs), again), listing.in_part) if part.number not in done)
    bar = _bar(total=listing.photos, initial=finished)
    with bar:
        for number, content in _computed(folder, left, ray, bar.update):
            write_whole(_path(output, number), content)
    if again.hexdigest() != listing.digest:
        raise CollectionError(
            f"The photos have changed while they were read. Remove {output} and start again, or some will be missing."
        )
    return counts_of(output)


def encoded_part(
    analyzer: "FaceAnalyzer", contents: Contents, part: Part, seen: Callable[[int], object] = lambda photos: None
) -> bytes:
    """A part's rows as a parquet file; `seen` is told of every photo that is done.

    The same here and on every worker of a cluster, which keeps its `contents`: an archive opened anew for each part
    would be unpacked or looked through from its start each time.
    """
    rows: list[dict] = []
    for file, result in analyzed(analyzer, ((item.file, contents.source(item)) for item in part.items)):
        rows += photo_rows(file, result)
        seen(1)
    return _encoded(rows)


def analyzed(
    analyzer: "FaceAnalyzer", photos: Iterable[tuple[str, str | bytes | ImageError]]
) -> Iterator[tuple[str, "list[Face] | ImageError"]]:
    """For each (file, source), in order: file, and its faces or why there are none. What could not even be read is
    passed through in its place."""
    waiting: deque[tuple[str, ImageError | None]] = deque()

    def readable() -> Iterator[str | bytes]:
        for file, source in photos:
            if isinstance(source, ImageError):
                waiting.append((file, source))
            else:
                waiting.append((file, None))
                yield source

    for result in analyzer.analyze_many(readable()):
        while (error := waiting[0][1]) is not None:
            yield waiting.popleft()[0], error
        yield waiting.popleft()[0], result
    for file, error in waiting:
        assert error is not None
        yield file, error


def counts_of(output: Path) -> Counts:
    """What a table holds, of this and earlier runs. Raises CollectionError if a part of it cannot be read."""
    import pyarrow.dataset as ds

    with damage_named(output):
        table, face, error = ds.dataset(output), ds.field("face"), ds.field("error")
        if not table.files:  # stopped before the first part
            return Counts(0, 0, 0, 0)
        first, faces = table.count_rows(filter=face == 1), table.count_rows(filter=face.is_valid())
        unreadable, rows = table.count_rows(filter=error.is_valid()), table.count_rows()
    without = rows - faces - unreadable
    return Counts(first + without + unreadable, faces, without, unreadable)


@contextmanager
def damage_named(output: Path) -> Iterator[None]:
    """Raises CollectionError for whatever pyarrow raises while it reads the table: of a damaged part that may be one of
    its own errors or an OSError."""
    import pyarrow as pa

    try:
        yield
    except (pa.ArrowException, OSError) as damage:
        raise CollectionError(
            f"A part of {output} is damaged ({str(damage)[:300]}). Delete that file and run the same analyze again."
        ) from damage


def claim_of(output: Path) -> dict:
    """What a table is of. Raises CollectionError if there is no such table."""
    try:
        claim = json.loads((output / CLAIM_FILE).read_text(encoding="utf-8"))
        if not isinstance(claim, dict) or claim.get("format") != FORMAT:
            raise ValueError(f"expected format {FORMAT}")
        if missing := {"photos", "inputs", "model"} - set(claim):
            raise ValueError(f"missing: {', '.join(sorted(missing))}")
        return claim
    except (OSError, ValueError) as error:
        raise CollectionError(
            f"{output} is not a table that python -m agr analyze --output FOLDER.parquet wrote ({error})."
        ) from error


def write_whole(path: Path, content: bytes) -> None:
    """Under a temporary name first: after a crash, of this program or the machine, the file is there whole or not."""
    beside = path.with_name(f"_{path.name}.{os.getpid()}{_UNFINISHED}")  # two programs may write the same
    try:
        with beside.open("wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        beside.replace(path)
    except OSError as error:
        raise CollectionError(f"{path} cannot be written: {error.strerror}.") from error


def _computed(
    folder: Path, parts: Iterator[Part], ray: str | None, seen: Callable[[int], object]
) -> Iterator[tuple[int, bytes]]:
    if ray is not None:
        from .ray_run import encoded_by_cluster

        return encoded_by_cluster(folder, parts, seen, address=ray)
    from .local_run import encoded_by_cores

    return encoded_by_cores(folder, parts, seen)


def _claim(output: Path, claim: dict) -> None:
    """Take an empty place, or find that it is already this table's."""
    if os.path.exists(output) and not os.path.isdir(output):
        raise CollectionError(
            f"{output} is a file. Expected a folder of an earlier run, or nothing: choose another name."
        )
    if not os.path.exists(output) or all(entry.name.endswith(_UNFINISHED) for entry in output.iterdir()):
        try:
            output.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise CollectionError(f"{output} cannot be made: {error.strerror}.") from error
        write_whole(output / CLAIM_FILE, json.dumps(claim, indent=1).encode() + b"\n")
        return
    earlier = claim_of(output)
    if earlier["model"]["digest"] != claim["model"]["digest"]:
        raise CollectionError(
            f"{output} was begun with another model or version ({earlier['model']['name']}). Go on with that one, or "
            "choose another name for the output."
        )
    if (earlier["photos"], earlier["inputs"]) != (claim["photos"], claim["inputs"]):
        raise CollectionError(
            f"{output} was begun with other photos ({earlier['photos']['photos']} of "
            f"{', '.join(path for path, _ in earlier['inputs'])}), or some were added, removed or are named otherwise "
            f"now ({claim['photos']['photos']}). Choose another name for the output."
        )


def _clear_away(output: Path) -> None:
    """What a run that was killed left half-written, an hour ago or more: what is younger may be another run's."""
    for left in output.glob(f"_*{_UNFINISHED}"):
        with suppress(OSError):
            if time.time() - left.stat().st_mtime > 3600:
                left.unlink()


def _identified(inputs: list[Path]) -> list[list]:
    """Absolute paths, and sizes in bytes of what is a file: two archives may hold the same names."""
    return [[str(path.absolute()), os.path.getsize(path) if os.path.isfile(path) else None] for path in inputs]


def _model(folder: Path) -> dict:
    from .config import CODE_VERSION, CONFIG_FILE, WEIGHTS_FILE, ModelError
    from .reader import AttributeReader

    reader = AttributeReader.load(folder)
    # The version too: another one may read the same weights otherwise.
    digest = hashlib.blake2b(CODE_VERSION.encode(), digest_size=16)
    try:
        for name in (CONFIG_FILE, WEIGHTS_FILE):
            digest.update((folder / name).read_bytes())
    except OSError as error:
        raise ModelError(f"{error.filename} cannot be read: {error.strerror}") from error
    facts = {"backbone": reader.config.backbone, "input_size": reader.config.input_size}
    return {"name": str(folder.absolute()), "digest": digest.hexdigest(), **facts, "parameters": reader.parameters}


def _listed(items: Iterable[Item]) -> Listing:
    digest = hashlib.blake2b(digest_size=16)
    return Listing(sum(1 for _ in _hashed(items, digest)), digest.hexdigest())


def _hashed(items: Iterable[Item], digest) -> Iterator[Item]:
    for item in items:
        # The path too: relative ones, such as in a list, mean other photos from another folder.
        digest.update(f"{item.file}\0{item.path}\0{item.place}\n".encode(errors="surrogateescape"))
        yield item


def _parts(items: Iterator[Item], size: int) -> Iterator[Part]:
    number = 0
    while some := tuple(islice(items, size)):
        yield Part(number, some)
        number += 1


def _path(output: Path, number: int) -> Path:
    return output / f"part-{number:05d}.parquet"


def _encoded(rows: list[dict]) -> bytes:
    import pyarrow as pa
    import pyarrow.parquet as pq

    sink = pa.BufferOutputStream()
    pq.write_table(pa.Table.from_pylist(rows, schema()), sink, compression="zstd")
    return sink.getvalue().to_pybytes()


def _shown(items: Iterable[Item], *, desc: str) -> Iterator[Item]:
    yield from _bar(iterable=items, desc=desc, leave=False)


def _bar(**options):
    """Photos done, a rate and an estimate, on standard error: twice a second on a terminal, in a log twice a minute."""
    from tqdm import tqdm

    every = 0.5 if sys.stderr.isatty() else 30
    return tqdm(unit=" photos", mininterval=every, maxinterval=every, smoothing=0.05, file=sys.stderr, **options)
