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
"""What a worker's environment says, here and on a cluster."""


def worker_pool(workers: int, start: Callable[..., None], *args) -> ProcessPoolExecutor:
    """Processes that call `start(*args)` before they take work. `start` has to be a function that pickle can name."""
    if sys.platform == "win32":
        workers = min(workers, 61)  # as many as Windows waits for together
    # Spawned: a forked child would inherit threads, such as torch's, in an unusable state.
    return ProcessPoolExecutor(workers, get_context("spawn"), initializer=_begin, initargs=(start, *args))


def _begin(start: Callable[..., None], *args) -> None:
    signal.signal(signal.SIGINT, _end_quietly)
    os.environ |= IN_A_WORKER
    keep_freed_memory()  # before any thread starts
    Thread(target=_end_with_parent, daemon=True).start()
    start(*args)


def _end_quietly(*_: object) -> None:
    """Ctrl-C is sent to all. The parent, which speaks of it, has to notice it before it notices that a worker ended."""
    time.sleep(1)
    os._exit(130)


def _end_with_parent() -> None:
    """A parent that is killed tells nobody: its workers would wait for work forever."""
    parent = parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)
