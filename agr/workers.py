"""Worker processes: one core each, and none outlives the program that started it."""

import os
import signal
import sys
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context, parent_process
from threading import Thread

from .memory import keep_freed_memory

IN_A_WORKER = {"AGR_CORES": "1"}
"""Environment variables of a worker, on this machine and on a cluster."""


def worker_pool(workers: int, start: Callable[..., None], *args) -> ProcessPoolExecutor:
    """Processes that call `start(*args)` before they take work. `start` must be a function that pickle can import."""
    if sys.platform == "win32":
        workers = min(workers, 61)  # the most processes that Windows can wait for at once
    # Spawned: a forked child would inherit threads, such as torch's, in an unusable state.
    return ProcessPoolExecutor(workers, get_context("spawn"), initializer=_begin, initargs=(start, *args))


def _begin(start: Callable[..., None], *args) -> None:
    signal.signal(signal.SIGINT, _end_quietly)
    os.environ |= IN_A_WORKER
    keep_freed_memory()  # before any thread starts
    Thread(target=_end_with_parent, daemon=True).start()
    start(*args)


def _end_quietly(*_: object) -> None:
    """Ctrl-C reaches all processes. The parent, which reports it, must notice it before it notices a worker's end."""
    time.sleep(1)
    os._exit(130)


def _end_with_parent() -> None:
    """A parent that is killed cannot tell its workers, which would wait for work forever."""
    parent = parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)
