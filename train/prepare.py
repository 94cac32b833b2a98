"""Detect and align the faces of UTKFace once, and keep the crops as arrays that `fit` reads fast.

faces.csv     a row per picture: file, content (its hash), status, age, gender, race, row (into crops.npy, or -1)
crops.npy     uint8 (faces, size, size, 3), memory-mapped by `load_prepared`
source.json   what the crops were made from, and how
"""

import hashlib
import json
import shutil
from collections.abc import Iterator
from concurrent.futures import Future
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from tqdm import tqdm

from agr.align import CROP_SIGMA, TEMPLATE, crop_face
from agr.annotations import labels_of
from agr.engine import cores
from agr.errors import reason_of
from agr.images import ImageError, load_photo
from agr.pictures import DataError, PictureSource, content_hash, file_key
from agr.workers import worker_pool

from .files import alone_in, claim_folder, expect_nothing_else, write_atomically

if TYPE_CHECKING:
    from agr.detect import FaceDetector

_detector: "FaceDetector | None" = None  # of this process; set by `_start_worker`

INDEX_FILE, CROPS_FILE, SOURCE_FILE = "faces.csv", "crops.npy", "source.json"
PART_SIZE = 256
"""Number of pictures in a part, which is what an interruption may cost: a few seconds of work."""


@dataclass(frozen=True)
class Summary:
    """What `prepare` found: counts, and file names where there are few."""

    pictures: int
    faces: int
    malformed: list[str]
    undetected: list[str]
    unreadable: list[str]
    twin_groups: int


@dataclass(frozen=True)
class Prepared:
    """A prepared data set. `index` has a row for each labelled picture, indexed by file; `crops[index.row]` is its
    crop."""

    index: pd.DataFrame
    crops: np.ndarray
    source: dict


def prepare(source: Path, output: Path, *, size: int = 160, workers: int | None = None) -> Summary:
    """Detect and align the largest face of every picture in `source` and write the crops into `output`. An interrupted
    call can be repeated and continues where it stopped.

    Raises DataError if `output` holds crops of other data or another kind.
    """
    pictures = PictureSource(source)
    if not (output / SOURCE_FILE).exists():
        expect_nothing_else(output, lambda path: False)
    output.mkdir(parents=True, exist_ok=True)
    _claim(output, pictures, size)
    parts = output / "parts"
    with alone_in(output):
        if not _is_finished(output):
            parts.mkdir(exist_ok=True)
            _make_parts(pictures, parts, size, workers or cores())
            _join_parts(parts, output, size)
        shutil.rmtree(parts, ignore_errors=True)
    return _summarise(pd.read_csv(output / INDEX_FILE))


def _is_finished(output: Path) -> bool:
    """Whether both files exist; if one is missing, both are made again."""
    return (output / INDEX_FILE).exists() and (output / CROPS_FILE).exists()


def load_prepared(folder: Path) -> Prepared:
    """Open what `prepare` wrote. Raises DataError if it is missing or was not finished."""
    try:
        table = pd.read_csv(folder / INDEX_FILE)
        index = table[table["status"] != "malformed"].set_index("file")
        source = json.loads((folder / SOURCE_FILE).read_text(encoding="utf-8"))
        crops = np.load(folder / CROPS_FILE, mmap_mode="r")
    except (OSError, ValueError, KeyError) as error:
        why = reason_of(error)
        raise DataError(
            f"{folder} holds no finished prepared data ({why}). Run `python -m train prepare --data UTKFace --output "
            "FOLDER` first, and name that folder."
        ) from error
    return Prepared(index.assign(detected=index["status"] == "face"), crops, source)


def _claim(output: Path, pictures: PictureSource, size: int) -> None:
    """Record what the folder's crops are made from, and refuse to mix two kinds of crops in it."""
    mine = {
        "source": str(pictures.path.resolve()),
        "pictures": len(pictures),
        "names": hashlib.blake2b("\n".join(pictures.members).encode(), digest_size=16).hexdigest(),
        "input_size": size,
        "template": [list(point) for point in TEMPLATE],
        "crop_sigma": CROP_SIGMA,
    }
    claim_folder(output / SOURCE_FILE, mine, moved="source")


def _make_parts(pictures: PictureSource, parts: Path, size: int, workers: int) -> None:
    running: list[tuple[Future, int]] = []
    try:
        with (
            worker_pool(workers, _start_worker) as pool,
            tqdm(total=len(pictures), unit="picture", desc="prepare", smoothing=0.05) as bar,
        ):
            for number, chunk in enumerate(_chunks(pictures.read())):
                if (parts / f"{number:05d}.csv").exists():
                    bar.update(len(chunk))
                    continue
                running.append((pool.submit(_make_part, chunk, parts / f"{number:05d}", size), len(chunk)))
                if len(running) > 2 * workers:  # bounds the memory that waiting pictures take
                    _finish(running.pop(0), bar)
            for future in running:
                _finish(future, bar)
    except BrokenProcessPool as error:
        raise DataError(
            "A worker process was killed, probably because memory ran out. Run the same command again with fewer "
            "--workers: it goes on where it was."
        ) from error


def _chunks(stream: Iterator[tuple[str, bytes]]) -> Iterator[list[tuple[str, bytes]]]:
    while chunk := list(islice(stream, PART_SIZE)):
        yield chunk


def _finish(running: tuple[Future, int], bar: tqdm) -> None:
    future, pictures = running
    future.result()
    bar.update(pictures)


def _start_worker() -> None:
    global _detector
    from agr.detect import FaceDetector

    _detector = FaceDetector()


def _make_part(chunk: list[tuple[str, bytes]], path: Path, size: int) -> None:
    rows, crops = [], []
    for member, content in chunk:
        labels = labels_of(file_key(member))
        row = {
            "file": file_key(member),
            "content": content_hash(content),
            "status": "malformed",
            "age": -1,
            "gender": -1,
            "race": -1,
        }
        if labels is not None:
            crop, row["status"] = _crop_largest(content, size)
            row |= vars(labels)
            if crop is not None:
                crops.append(crop)
        rows.append(row)
    np.save(path.with_suffix(".npy"), np.array(crops, np.uint8).reshape(-1, size, size, 3))
    # The table is written last and renamed into place: if it exists, the part is complete.
    write_atomically(path.with_suffix(".csv"), lambda temporary: pd.DataFrame(rows).to_csv(temporary, index=False))


def _crop_largest(content: bytes, size: int) -> tuple[np.ndarray | None, str]:
    try:
        photo = load_photo(content)
    except ImageError:
        return None, "unreadable"
    assert _detector is not None
    faces = _detector.detect(photo.rgb)
    if not len(faces):
        return None, "undetected"
    return crop_face(photo.rgb, faces.landmarks[0], size=size), "face"


def _join_parts(parts: Path, output: Path, size: int) -> None:
    tables = [pd.read_csv(part) for part in sorted(parts.glob("*.csv"))]
    index = pd.concat(tables, ignore_index=True)
    has_crop = index["status"] == "face"
    index["row"] = np.where(has_crop, has_crop.cumsum() - 1, -1)
    _expect_room(output, int(has_crop.sum()) * size * size * 3)
    crops = np.lib.format.open_memmap(
        output / CROPS_FILE, mode="w+", dtype=np.uint8, shape=(int(has_crop.sum()), size, size, 3)
    )
    start = 0
    for part in sorted(parts.glob("*.npy")):
        block = np.load(part)
        crops[start : start + len(block)] = block
        start += len(block)
    crops.flush()
    write_atomically(output / INDEX_FILE, lambda path: index.to_csv(path, index=False))


def _expect_room(folder: Path, needed: int) -> None:
    """Raises DataError if the disk lacks `needed` bytes: if it filled up while mapped memory is written, the process
    would be killed without a message."""
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise DataError(
            f"{folder} has {free / 1e6:,.0f} MB left, the crops take {needed / 1e6:,.0f} more. Free some space and run "
            "the same command again: it goes on where it was."
        )


def _summarise(index: pd.DataFrame) -> Summary:
    def files(status: str) -> list[str]:
        return index.loc[index["status"] == status, "file"].tolist()

    groups = index["content"].value_counts()
    return Summary(
        pictures=len(index),
        faces=int((index["status"] == "face").sum()),
        malformed=files("malformed"),
        undetected=files("undetected"),
        unreadable=files("unreadable"),
        twin_groups=int((groups > 1).sum()),
    )


def source_of(data: Path) -> Path:
    """The pictures themselves: `data`, or what it was prepared from. Raises DataError if that is gone."""
    claim = data / SOURCE_FILE
    if not claim.is_file():
        return data
    try:
        source = Path(json.loads(claim.read_text(encoding="utf-8"))["source"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataError(
            f"{claim} does not say where the pictures are ({error}). Pass the pictures themselves as --data."
        ) from error
    if not source.exists():
        raise DataError(
            f"{data} was prepared from {source}, which is not there any more. Pass the pictures themselves as --data."
        )
    return source
