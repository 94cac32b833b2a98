"""Forked processes, as `multiprocessing` and some servers make them: only the thread that forks lives on in the child.
Locks that others held would stay locked there, and pools would wait for threads that are gone."""

import os
from collections.abc import Callable
from threading import Lock
from weakref import WeakSet


def in_child(action: Callable[[], None]) -> None:
    """Call `action` in every process that is forked from this one, before anything else runs there."""
    if hasattr(os, "register_at_fork"):  # not on Windows, which does not fork
        os.register_at_fork(after_in_child=action)


class ForkSafeLock:
    """A lock that is free in a forked process, whoever held it before. Do not fork while you hold it."""

    def __init__(self) -> None:
        self._lock = Lock()
        _locks.add(self)

    def __enter__(self) -> None:
        self._lock.acquire()

    def __exit__(self, *_: object) -> None:
        self._lock.release()

    def renew(self) -> None:
        self._lock = Lock()


_locks: WeakSet[ForkSafeLock] = WeakSet()


def _renew_all() -> None:
    for lock in _locks:
        lock.renew()


in_child(_renew_all)
