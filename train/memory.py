"""glibc hands large blocks back to the system as soon as they are freed; training asks for the same ones a moment
later."""

import ctypes
import sys

_M_TRIM_THRESHOLD, _M_MMAP_MAX = -1, -4  # from <malloc.h>


def keep_freed_memory() -> bool:
    """Let this process keep freed memory for its next allocations. Returns whether the C library took it.

    Fresh pages must be zeroed by the kernel at first touch; with activations of 100 MB, freed and allocated at each
    step, that took half the time of a training step on a CPU.
    """
    if not sys.platform.startswith("linux"):
        return False
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)  # musl has none
    return mallopt is not None and bool(mallopt(_M_MMAP_MAX, 0)) and bool(mallopt(_M_TRIM_THRESHOLD, -1))
