"""ONNX Runtime: networks from the graphs of `agr/graphs` and their weights, and this machine's cores to run them on."""

import json
import logging
import math
import os
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from functools import cache
from itertools import count
from pathlib import Path
from threading import Lock
from typing import TypeVar

import numpy as np
import onnxruntime as ort

from .errors import AgrError

Item = TypeVar("Item")
Result = TypeVar("Result")
GRAPHS = Path(__file__).parent / "graphs"
"""Networks without weights, written by `train.graphs`."""


CPU_LIMIT = Path("/sys/fs/cgroup/cpu.max")
"""Where Linux says how much of the cores a container may use."""
DETECTOR_GRAPHS = ("pnet", "rnet", "onet", "nms")


class GraphError(AgrError):
    """Weights do not fit a graph; the message names the tensor, what was expected and what came."""


@cache
def cores() -> int:
    """Cores that this process may use: a container is often given fewer than the machine has, and AGR_CORES limits
    them further."""
    available = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    with suppress(OSError, ValueError):  # no such limit
        quota, period = CPU_LIMIT.read_text(encoding="utf-8").split()
        available = min(available, math.ceil(int(quota) / int(period)))
    if chosen := os.environ.get("AGR_CORES", ""):
        try:
            available = min(available, int(chosen))
        except ValueError:
            logging.warning("AGR_CORES is %r, expected a whole number: it is ignored.", chosen)
    return max(1, available)


def backbones() -> tuple[str, ...]:
    """Backbones that there is a graph of. `python -m train graphs` makes more."""
    return tuple(sorted({path.stem for path in GRAPHS.glob("*.onnx")} - set(DETECTOR_GRAPHS)))


def expected_tensors(graph: str) -> dict[str, tuple[int, ...]]:
    """Name and shape of each tensor that a graph wants."""
    return {
        name: tuple(shape) for name, shape in json.loads((GRAPHS / f"{graph}.json").read_text(encoding="utf-8")).items()
    }


class Network:
    """A graph with its weights. A call computes on as many cores as there are `threads`; several threads may call at
    once.

    On few cores, parts of a photo side by side (`in_parallel`) are faster than all cores on one part after the other;
    more threads are for what has no parts.
    """

    def __init__(self, graph: str, weights: Mapping[str, np.ndarray], *, threads: int = 1) -> None:
        """Raises GraphError if a tensor is missing, of another shape or not finite."""
        tensors = {name: _checked(weights, name, shape) for name, shape in expected_tensors(graph).items()}
        options = ort.SessionOptions()
        options.intra_op_num_threads = threads
        # Threads that wait for the next layer stay awake, but not for the next call: others compute in between.
        options.add_session_config_entry("session.force_spinning_stop", "1")
        options.enable_cpu_mem_arena = False  # what a large photo took is given back
        options.add_external_initializers(
            list(tensors), [ort.OrtValue.ortvalue_from_numpy(tensor) for tensor in tensors.values()]
        )
        content = (GRAPHS / f"{graph}.onnx").read_bytes()
        self._session = ort.InferenceSession(content, options, providers=["CPUExecutionProvider"])

    def __call__(self, **inputs: np.ndarray) -> list[np.ndarray]:
        """The graph's outputs, in its order."""
        return self._session.run(None, inputs)


_photos_in_work, _counting = 0, Lock()
_here = threading.local()
"""`share`: cores that this thread may take for the photo it has in work."""


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
    """Cores for what this thread computes: all of them, or a photo's share."""
    return getattr(_here, "share", None) or cores()


def even_parts(items: np.ndarray, at_once: int) -> list[np.ndarray]:
    """As many parts for each core, of at most `at_once` items and of about the same size."""
    rounds = math.ceil(len(items) / (cores() * at_once))
    return np.array_split(items, min(len(items), cores() * rounds))


def in_parallel(function: Callable[[Item], Result], items: Iterable[Item]) -> list[Result]:
    """What `function` gives for each item, in order. The calling thread computes, and of its `share` of the cores
    those that are free help."""
    if share() == 1:
        return [function(item) for item in items]
    waiting = list(items)
    results: dict[int, Result] = {}
    places = count()  # `next` of it is atomic: each item is taken once

    def work() -> None:
        while (place := next(places)) < len(waiting):
            results[place] = function(waiting[place])

    helpers = [_helpers().submit(work) for _ in range(min(share(), len(waiting)) - 1)]
    work()
    for helper in helpers:
        if not helper.cancel():  # one that has not begun has nothing left to do
            helper.result()
    return [results[place] for place in range(len(waiting))]


@cache
def _helpers() -> ThreadPoolExecutor:
    """For the whole process: however many photos are in work, no more of these than cores."""
    return ThreadPoolExecutor(max(1, cores() - 1), thread_name_prefix="compute")


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
