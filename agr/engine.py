"""ONNX Runtime: networks built from the graphs in `agr/graphs` and their weights, and the use of this machine's cores
to run them."""

import json
import logging
import math
import os
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from functools import cache
from itertools import count
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import onnxruntime as ort

from .errors import AgrError
from .forks import ForkSafeLock, in_child

Item = TypeVar("Item")
Result = TypeVar("Result")
GRAPHS = Path(__file__).parent / "graphs"
"""Folder of the networks' graphs, without weights, written by `train.graphs`."""


CPU_LIMIT = Path("/sys/fs/cgroup/cpu.max")
"""File in which Linux states how much CPU time a container may use."""
DETECTOR_GRAPHS = ("pnet", "rnet", "onet", "nms")


class GraphError(AgrError):
    """Weights do not fit a graph; the message names the tensor, what was expected and what was found."""


@cache
def cores() -> int:
    """Number of cores that this process may use: a container often has fewer than the machine, and AGR_CORES limits
    them further."""
    available = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    with suppress(OSError, ValueError):  # there is no such limit
        quota, period = CPU_LIMIT.read_text(encoding="utf-8").split()
        available = min(available, math.ceil(int(quota) / int(period)))
    if chosen := os.environ.get("AGR_CORES", ""):
        try:
            available = min(available, int(chosen))
        except ValueError:
            logging.getLogger(__name__).warning("AGR_CORES is %r, expected a whole number: it is ignored.", chosen)
    return max(1, available)


def backbones() -> tuple[str, ...]:
    """Names of the backbones for which there is a graph. `python -m train graphs` makes more."""
    return tuple(sorted({path.stem for path in GRAPHS.glob("*.onnx")} - set(DETECTOR_GRAPHS)))


def expected_tensors(graph: str) -> dict[str, tuple[int, ...]]:
    """Name and shape of each tensor that a graph needs."""
    return {
        name: tuple(shape) for name, shape in json.loads((GRAPHS / f"{graph}.json").read_text(encoding="utf-8")).items()
    }


class Network:
    """A graph with its weights. A call computes on `threads` cores; several threads may call it at the same time.

    On few cores, computing parts of a photo in parallel (`in_parallel`) is faster than using all cores for one part
    after the other; more `threads` are for inputs that cannot be divided.
    """

    def __init__(self, graph: str, weights: Mapping[str, np.ndarray], *, threads: int = 1) -> None:
        """Raises GraphError if a tensor is missing, of another shape or not finite."""
        tensors = {name: _checked(weights, name, shape) for name, shape in expected_tensors(graph).items()}
        options = ort.SessionOptions()
        options.intra_op_num_threads = threads
        # The session's threads spin while they wait for the next layer, but not for the next call: others compute then.
        options.add_session_config_entry("session.force_spinning_stop", "1")
        options.enable_cpu_mem_arena = False  # memory that a large photo took is given back
        options.add_external_initializers(
            list(tensors), [ort.OrtValue.ortvalue_from_numpy(tensor) for tensor in tensors.values()]
        )
        content = (GRAPHS / f"{graph}.onnx").read_bytes()
        self._session = ort.InferenceSession(content, options, providers=["CPUExecutionProvider"])

    def __call__(self, **inputs: np.ndarray) -> list[np.ndarray]:
        """The outputs, in the graph's order."""
        return self._session.run(None, inputs)


_photos_in_work, _counting = 0, ForkSafeLock()
_here = threading.local()
"""Each thread's own state. `share`: number of cores that this thread may use for the photo it is processing."""


@contextmanager
def photo_in_work() -> Iterator[None]:
    """Marks this thread as processing one photo. While n photos are being processed, each may use 1/n of the cores:
    beyond that, threads that help each other would only wait for one another."""
    global _photos_in_work
    before = getattr(_here, "share", None)
    with _counting:
        _photos_in_work += 1
        _here.share = max(1, cores() // _photos_in_work)
    try:
        yield
    finally:
        with _counting:
            _photos_in_work -= 1
        _here.share = before


def share() -> int:
    """Number of cores that this thread may use: its photo's share, or all if it processes no photo."""
    return getattr(_here, "share", None) or cores()


def even_parts(items: np.ndarray, at_once: int) -> list[np.ndarray]:
    """Split items into parts of about equal size, of at most `at_once` items, with equally many parts per core."""
    rounds = math.ceil(len(items) / (cores() * at_once))
    return np.array_split(items, min(len(items), cores() * rounds))


def in_parallel(function: Callable[[Item], Result], items: Iterable[Item]) -> list[Result]:
    """The result of `function` for each item, in order. The calling thread computes, with the help of those cores of
    its `share` that are free."""
    if share() == 1:
        return [function(item) for item in items]
    waiting = list(items)
    results: dict[int, Result] = {}
    places = count()  # `next` of it is atomic: each item is taken once

    def work() -> None:
        while (place := next(places)) < len(waiting):
            results[place] = function(waiting[place])

    helpers = [future for _ in range(min(share(), len(waiting)) - 1) if (future := begun(_helpers(), work))]
    work()
    for helper in helpers:
        if not helper.cancel():  # a helper that has not begun has nothing left to do
            helper.result()
    return [results[place] for place in range(len(waiting))]


def begun(pool: Executor, function: Callable[..., Result], *args: Any) -> "Future[Result] | None":
    """The call, begun by a thread of the pool; None if there are no threads any more, because the main thread has
    ended: threads that Python still waits for go on alone."""
    try:
        return pool.submit(function, *args)
    except RuntimeError as error:
        if "shutdown" not in str(error):  # such as that no thread can be started, though the call may still be made
            raise
        return None


@cache
def _helpers() -> ThreadPoolExecutor:
    """The thread pool of the whole process: however many photos are being processed, there are no more helpers than
    cores."""
    return ThreadPoolExecutor(max(1, cores() - 1), thread_name_prefix="compute")


def _begin_anew() -> None:
    """In a forked process there are no helpers, and no photo is being processed."""
    global _photos_in_work
    _photos_in_work = 0
    _helpers.cache_clear()


in_child(_begin_anew)


def _checked(weights: Mapping[str, np.ndarray], name: str, shape: tuple[int, ...]) -> np.ndarray:
    if name not in weights:
        raise GraphError(f"the tensor {name} is missing")
    try:
        tensor = np.ascontiguousarray(weights[name], dtype=np.float32)
    except ValueError as error:
        raise GraphError(f"{name} holds no numbers") from error
    if tensor.shape != shape:
        raise GraphError(f"expected {name} of shape {shape}, got {tensor.shape}")
    if not np.isfinite(tensor).all():
        raise GraphError(f"{name} holds values that are no numbers")
    return tensor
