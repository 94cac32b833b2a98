"""glibc hands large blocks back to the system as soon as they are freed; a moment later the next photo, or the next
step of a training run, asks for the same ones."""

import ctypes
import sys

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD, _M_MMAP_MAX, _M_ARENA_MAX = -1, -3, -4, -8  # from <malloc.h>
_LARGEST_THRESHOLD = 32 * 2**20
"""Bytes; glibc takes no greater one."""
KEPT = 256 * 2**20
"""Bytes that whoever analyzes photos keeps: about what one of 12 megapixels takes."""


def keep_freed_memory(most: int | None = KEPT) -> bool:
    """Let this process keep up to `most` bytes of freed memory (None: all) for its next allocations. Returns whether
    the C library took it.

    Fresh pages must be zeroed by the kernel at first touch: of a photo of 12 megapixels that took a quarter of the
    time, of a training step, with activations of 100 MB, a half. All threads share one heap then, for each of their own
    would keep as much: call it before there are any.
    """
    if not sys.platform.startswith("linux"):
        return False
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)  # musl has none
    if mallopt is None:
        return False
    if most is None:
        options = {_M_MMAP_MAX: 0, _M_TRIM_THRESHOLD: -1}
    else:
        options = {_M_MMAP_THRESHOLD: _LARGEST_THRESHOLD, _M_TRIM_THRESHOLD: most, _M_ARENA_MAX: 1}
    return all(mallopt(option, value) for option, value in options.items())
