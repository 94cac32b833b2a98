"""Keep freed memory for reuse. By default glibc returns large blocks to the system as soon as they are freed, although
the next photo or training step asks for the same ones a moment later."""

import ctypes
import sys
import time
from functools import cache
from threading import Thread

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD, _M_MMAP_MAX, _M_ARENA_MAX = -1, -3, -4, -8  # from <malloc.h>
_LARGEST_THRESHOLD = 32 * 2**20
"""Largest mmap threshold, in bytes, that glibc accepts."""
KEPT = 256 * 2**20
"""Bytes of freed memory that are kept when analyzing photos: about what one photo of 12 megapixels takes."""
GIVE_BACK_EVERY = 10.0
"""Seconds between two returns of free memory to the system. Photos of many sizes leave holes in the heap, by which a
process would grow for as long as it runs; each return costs one photo of 12 megapixels a quarter of its time."""


def keep_freed_memory(most: int | None = KEPT) -> bool:
    """Let this process keep up to `most` bytes of freed memory (None: all) for its next allocations. Returns whether
    the C library accepted the settings.

    The kernel zeroes fresh pages when they are first touched: that took a quarter of the time of a 12-megapixel photo,
    and half of a training step with its 100 MB of activations. Unless `most` is None, glibc is limited to one heap,
    because each thread's own would keep this much (so call this before any thread starts), and a background thread
    gives free memory back every `GIVE_BACK_EVERY` seconds.
    """
    if not sys.platform.startswith("linux"):
        return False
    library = ctypes.CDLL(None)
    if not hasattr(library, "mallopt"):  # musl has none
        return False
    if most is None:
        return _told(library, {_M_MMAP_MAX: 0, _M_TRIM_THRESHOLD: -1})
    taken = _told(library, {_M_MMAP_THRESHOLD: _LARGEST_THRESHOLD, _M_TRIM_THRESHOLD: most, _M_ARENA_MAX: 1})
    if taken:
        _start_giving_back()
    return taken


def _told(library: ctypes.CDLL, options: dict[int, int]) -> bool:
    return all(library.mallopt(option, value) for option, value in options.items())


@cache
def _start_giving_back() -> None:
    """Start the thread that gives memory back, once per process."""

    def give_back() -> None:
        while True:
            time.sleep(GIVE_BACK_EVERY)
            ctypes.CDLL(None).malloc_trim(0)

    Thread(target=give_back, name="memory", daemon=True).start()
