"""Analyze a collection on a Ray cluster: a worker on each of its cores reads and analyzes parts; this process writes
them.

If a worker or machine dies, Ray hands the parts that it was working on to others. Since each part comes back whole or
not at all, none is lost or written twice.
"""

import logging
import os
import pickle
import socket
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path

import numpy as np

from ..config import CONFIG_FILE, WEIGHTS_FILE, ModelConfig, read_config
from ..memory import keep_freed_memory
from ..sources import Contents
from ..workers import IN_A_WORKER
from .listing import CollectionError
from .part import Part, encoded_part

PHOTOS_AT_ONCE = 2_000_000
"""Number of photos that are handed to the cluster together, which limits the names in this process's memory to some
1 GB."""
MISSING = 'Ray is not installed. Run `pip install "ray[data]>=2.40"` here and on every machine of the cluster.'


def encoded_by_cluster(
    model: Path, parts: Iterator[Part], on_photos: Callable[[int], object], *, address: str
) -> Iterator[tuple[int, bytes]]:
    """Yield each part's number and its rows as a parquet file (`encoded_part`), as soon as it is done.

    `address`: "local" starts a cluster on this machine, "auto" finds the one that it belongs to. This package and the
    model are sent along; every machine must see the photos under the same path. Raises CollectionError if Ray is not
    installed or there is no such cluster.
    """
    data = _connected(address)
    import ray
    from safetensors.numpy import load_file

    sent = (read_config(model / CONFIG_FILE), load_file(model / WEIGHTS_FILE))
    try:
        for some in _together(parts):
            photos = {part.number: len(part.items) for part in some}
            work = data.from_items([_sent(part) for part in some], override_num_blocks=len(some))
            done = work.map_batches(
                _Worker,
                fn_constructor_args=sent,
                batch_size=1,
                num_cpus=1,
                compute=data.ActorPoolStrategy(min_size=1, max_size=len(some)),  # cores may join later
                runtime_env={"env_vars": IN_A_WORKER},
            )
            for row in done.iter_rows():
                yield row["part"], row["content"]
                on_photos(photos[row["part"]])
    except ray.exceptions.RayError as error:
        raise CollectionError(
            f"The cluster gave up ({str(error).strip().splitlines()[-1]}). Every machine of it needs what "
            "requirements.txt lists. Run the same command again to continue."
        ) from error
    finally:
        ray.shutdown()


class _Worker:
    """A worker on one core of the cluster, with the model loaded."""

    def __init__(self, config: ModelConfig, weights: dict[str, np.ndarray]) -> None:
        from ..analyzer import FaceAnalyzer
        from ..detect import FaceDetector
        from ..reader import AttributeReader

        keep_freed_memory()
        self.analyzer = FaceAnalyzer(AttributeReader(config, weights), FaceDetector())
        self.contents = Contents()

    def __call__(self, batch: dict[str, np.ndarray]) -> dict[str, list]:
        (number,), (items,) = batch["part"].tolist(), batch["items"]
        content = encoded_part(self.analyzer, self.contents, Part(number, pickle.loads(items)))
        return {"part": [number], "content": [content]}


def _together(parts: Iterator[Part]) -> Iterator[list[Part]]:
    """Yield lists of parts with about `PHOTOS_AT_ONCE` photos each."""
    while first := next(parts, None):
        yield [first, *islice(parts, max(PHOTOS_AT_ONCE // len(first.items) - 1, 0))]


def _sent(part: Part) -> dict:
    return {"part": part.number, "items": pickle.dumps(part.items)}


def _expect_listener(address: str) -> None:
    """Raise OSError if nothing listens at HOST:PORT, for which Ray itself would wait many minutes."""
    host, _, port = address.rpartition(":")
    if host and port.isdecimal() and "://" not in host:
        socket.create_connection((host.strip("[]"), int(port)), timeout=10).close()


def _connected(address: str):
    for name, value in {"RAY_USAGE_STATS_ENABLED": "0", "RAY_BACKEND_LOG_LEVEL": "fatal"}.items():
        os.environ.setdefault(name, value)
    try:
        import ray
        import ray.data
    except ImportError as error:
        raise CollectionError(MISSING) from error
    try:
        _expect_listener(address)
        ray.init(
            address=address,
            include_dashboard=False,
            log_to_driver=False,
            logging_level=logging.ERROR,
            runtime_env={"py_modules": [str(Path(__file__).parents[1])]},
        )
    except (OSError, ValueError, RuntimeError) as error:
        raise CollectionError(
            f"There is no Ray cluster at {address!r} ({error}). Expected local, auto (after `ray start` on this "
            "machine) or HOST:PORT."
        ) from error
    context = ray.data.DataContext.get_current()
    context.enable_progress_bars = False
    for name in ("ray.data", "ray.data._internal"):
        logging.getLogger(name).setLevel(logging.ERROR)
    return ray.data
