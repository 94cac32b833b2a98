"""Analyze a collection on this machine: a worker process on each core analyzes one part after the other; this process
writes them.

A photo is processed by one core from start to end. That wastes less than several cores for one photo, and its numbers
are then the same, to the bit, however many cores or machines share the work.
"""

import multiprocessing
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, wait
from concurrent.futures.process import BrokenProcessPool
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from ..engine import cores
from ..errors import reason_of
from ..sources import Contents
from ..workers import worker_pool
from .listing import CollectionError
from .part import Part, encoded_part

if TYPE_CHECKING:
    from ..analyzer import FaceAnalyzer

_LOOK_EVERY = 0.25
"""Seconds between two checks of the workers' progress."""
_worker: "tuple[FaceAnalyzer, Contents, multiprocessing.sharedctypes.Synchronized] | Exception | None" = None
"""A worker's own state: what it computes with, or the error that prevented its start."""


def encoded_by_cores(
    model: Path, parts: Iterator[Part], on_photos: Callable[[int], object]
) -> Iterator[tuple[int, bytes]]:
    """Yield each part's number and its rows as a parquet file, as soon as it is done. `on_photos` is called with the
    number of photos done since its last call."""
    try:
        photos = multiprocessing.get_context("spawn").Value("Q", 0)
    except OSError as error:
        raise CollectionError(f"There is no shared memory for the workers: {reason_of(error)} (/dev/shm).") from error
    pool = worker_pool(cores(), _start, model, photos)
    running: set[Future] = set()
    told = 0
    try:
        while True:
            running |= {pool.submit(_work, part) for part in islice(parts, 2 * cores() - len(running))}
            if not running:
                return
            done, running = wait(running, _LOOK_EVERY, FIRST_COMPLETED)
            now = photos.value
            on_photos(now - told)
            told = now
            for future in done:
                yield future.result()
    except BrokenProcessPool as error:
        if not told:
            raise CollectionError(
                "The worker processes ended before they had done anything: memory ran out, or a script has its calls "
                'not below `if __name__ == "__main__":`, where workers, who read it too, skip them.'
            ) from error
        raise CollectionError(
            "A worker process was killed, probably because memory ran out. Run the same command again to continue, "
            "with AGR_CORES=1 before it to take the least memory."
        ) from error
    finally:
        workers = list((pool._processes or {}).values())  # `shutdown` forgets them
        pool.shutdown(wait=False, cancel_futures=True)
        for worker in workers:
            worker.terminate()


def _start(model: Path, photos: "multiprocessing.sharedctypes.Synchronized") -> None:
    global _worker
    try:
        from ..analyzer import FaceAnalyzer

        _worker = FaceAnalyzer.from_pretrained(model), Contents(), photos
    except Exception as error:  # raised here, it would look as if the process had been killed
        _worker = error


def _work(part: Part) -> tuple[int, bytes]:
    assert _worker is not None
    if isinstance(_worker, Exception):
        raise _worker
    analyzer, contents, photos = _worker

    def count() -> None:
        with photos.get_lock():
            photos.value += 1

    return part.number, encoded_part(analyzer, contents, part, count)
