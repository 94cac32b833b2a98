"""A part of a table: some consecutive photos, and their rows as a parquet file, the same wherever they are computed."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ..sources import Contents, Item
from ..table import photo_rows, schema

if TYPE_CHECKING:
    import pyarrow as pa

    from ..analyzer import FaceAnalyzer


@dataclass(frozen=True)
class Part:
    """Some consecutive photos of a collection."""

    number: int
    items: tuple[Item, ...]

    def only(self, files: set[str]) -> "Part":
        """The part with only its photos of these names."""
        return replace(self, items=tuple(item for item in self.items if item.file in files))


def encoded_part(
    analyzer: "FaceAnalyzer", contents: Contents, part: Part, on_photo: Callable[[], object] = lambda: None
) -> bytes:
    """A part's rows as a parquet file; `on_photo` is called after each photo.

    Used on this machine and by every worker of a cluster. A worker keeps its `contents` from part to part: an archive
    opened anew for each would be unpacked or searched from its start each time.
    """
    rows: list[dict] = []
    for file, result in analyzer.analyze_named((item.file, contents.source(item)) for item in part.items):
        rows += photo_rows(file, result)
        on_photo()
    return _encoded(rows)


def completed(part: Path, content: bytes) -> bytes:
    """A part, as a parquet file, in which the rows of photos that were tried again (`content`) replace their earlier
    ones."""
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    before, new = pq.read_table(part), pq.read_table(pa.BufferReader(content))
    order = {file: place for place, file in reversed(list(enumerate(before["file"].to_pylist())))}
    rows = pa.concat_tables([before.filter(pc.invert(pc.is_in(before["file"], new["file"]))), new])
    places = np.array([order[file] for file in rows["file"].to_pylist()])
    return _encoded_table(rows.take(np.argsort(places, kind="stable")))


def _encoded(rows: list[dict]) -> bytes:
    import pyarrow as pa

    return _encoded_table(pa.Table.from_pylist(rows, schema()))


def _encoded_table(table: "pa.Table") -> bytes:
    import pyarrow as pa
    import pyarrow.parquet as pq

    sink = pa.BufferOutputStream()
    pq.write_table(table, sink, compression="zstd")
    return sink.getvalue().to_pybytes()
