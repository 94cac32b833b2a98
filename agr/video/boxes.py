"""Check the sample counts that an MP4 declares before FFmpeg trusts them: a single number can demand gigabytes."""

import os
import struct
from collections.abc import Iterator
from typing import BinaryIO

_HOLD_OTHERS = {b"moov", b"trak", b"mdia", b"minf", b"stbl", b"moof", b"traf"}
_COUNT_AT = {b"stsz": 8, b"stz2": 8, b"stts": 4, b"ctts": 4, b"stsc": 4, b"stco": 4, b"co64": 4, b"trun": 4}
"""Boxes that list samples -> offset of the number of samples in their content, in bytes."""
_MOST_BOXES = 100_000


def most_samples(file: BinaryIO) -> int:
    """The largest number of samples that a box of an MP4 or MOV declares; 0 for other files. Each sample takes at least
    one byte of the file, and FFmpeg allocates memory for all of them at once.

    Source: ISO/IEC 14496-12, "ISO base media file format", sections 4.2 and 8.
    """
    size = os.fstat(file.fileno()).st_size
    return max((_count(file, kind, start) for kind, start in _boxes(file, 0, size)), default=0)


def _count(file: BinaryIO, kind: bytes, start: int) -> int:
    file.seek(start + _COUNT_AT[kind])
    four = file.read(4)
    return struct.unpack(">I", four)[0] if len(four) == 4 else 0


def _boxes(file: BinaryIO, start: int, end: int) -> Iterator[tuple[bytes, int]]:
    """Yield the kind and the content's offset of each box that lists samples, between two offsets in the file."""
    waiting, left = [(start, end)], _MOST_BOXES
    while waiting and left:
        at, end = waiting.pop()
        while at + 8 <= end and left:
            left -= 1
            file.seek(at)
            length, kind = struct.unpack(">I4s", file.read(8).ljust(8, b"\0"))
            content = at + 8
            if length == 1:
                length, content = struct.unpack(">Q", file.read(8).ljust(8, b"\0"))[0], at + 16
            until = end if length == 0 else min(at + length, end)
            if until < content:
                break
            if kind in _HOLD_OTHERS:
                waiting.append((content, until))
            elif kind in _COUNT_AT:
                yield kind, content
            at = until
