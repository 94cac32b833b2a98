"""glibc gives each thread that allocates a heap of its own, and keeps what large photos took in each."""

import ctypes
import sys

_M_ARENA_MAX = -8  # from <malloc.h>
HEAPS = 2


def share_heaps() -> bool:
    """Let all threads of this process share `HEAPS` heaps. Returns whether the C library took it.

    A page that answers dozens of visitors has a dozen threads; with a heap each its memory grows by a half.
    """
    if not sys.platform.startswith("linux"):
        return False
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)  # musl has none
    return mallopt is not None and bool(mallopt(_M_ARENA_MAX, HEAPS))
