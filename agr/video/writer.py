"""The annotated video: the path of each person's box through it, and an MP4 that browsers play."""

import secrets
from array import array
from bisect import bisect_right
from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path

import av
from av.error import FFmpegError
from PIL import Image

from ..engine import cores
from ..errors import reason_of
from ..render import Rect
from .frames import VideoError

_TICKS = 90_000
"""Ticks per second in the written file: they match the times of every frame rate to a hundredth of a millisecond."""
_BT709, _LIMITED = 1, 1
"""Colour space and range that browsers assume for an untagged video; they are written explicitly."""


class BoxPath:
    """One person's boxes through a video, 40 bytes each: some megabytes for hours."""

    def __init__(self) -> None:
        self._times = array("d")
        self._boxes = array("d")

    def add(self, time: float, box: Rect) -> None:
        """Append a box; `time` must be later than before."""
        self._times.append(time)
        self._boxes.extend(box)

    def at(self, time: float, *, gap: float) -> Rect | None:
        """The box at a time: interpolated linearly between two that are at most `gap` seconds apart; otherwise the last
        one, for up to a quarter of that; otherwise None."""
        after = bisect_right(self._times, time)
        if after == 0:
            return None
        before, since = after - 1, time - self._times[after - 1]
        if after < len(self._times) and self._times[after] - self._times[before] <= gap:
            share = since / (self._times[after] - self._times[before])
            a, b = self._box(before), self._box(after)
            return tuple(p + share * (q - p) for p, q in zip(a, b, strict=True))  # type: ignore[return-value]
        return self._box(before) if since <= gap / 4 else None

    def _box(self, place: int) -> Rect:
        return tuple(self._boxes[4 * place : 4 * place + 4])  # type: ignore[return-value]


class _Writer:
    def __init__(self, container, rate: float) -> None:
        self._container, self._stream = container, None
        self._rate = rate
        self.finished = False

    def write(self, picture: Image.Image, time: float) -> None:
        """Append a picture at `time` seconds, later than the one before. The first sets the size, rounded down to even
        numbers."""
        stream = self._stream = self._stream or self._begun(picture)
        size = (stream.width, stream.height)
        if picture.size != size:
            even = (picture.width // 2 * 2, picture.height // 2 * 2)
            picture = picture.crop((0, 0, *size)) if even == size else picture.resize(size)
        frame = av.VideoFrame.from_image(picture).reformat(
            format="yuv420p", dst_colorspace=_BT709, dst_color_range=_LIMITED
        )
        frame.pts, frame.time_base = round(time * _TICKS), Fraction(1, _TICKS)
        self._put(stream.encode(frame))

    def finish(self) -> None:
        """Write what the encoder still holds, which completes the video."""
        if self._stream is not None:
            self._put(self._stream.encode(None))
            self.finished = True

    def _begun(self, picture: Image.Image):
        stream = self._container.add_stream("libx264", rate=Fraction(self._rate).limit_denominator(1001))
        stream.width, stream.height = (max(2, side // 2 * 2) for side in picture.size)
        stream.pix_fmt = "yuv420p"
        stream.options = {"preset": "veryfast", "crf": "23"}
        context = stream.codec_context
        context.time_base = Fraction(1, _TICKS)
        context.thread_count = cores()
        context.colorspace = context.color_primaries = context.color_trc = _BT709
        context.color_range = _LIMITED
        return stream

    def _put(self, packets) -> None:
        for packet in packets:
            packet.duration = round(_TICKS / self._rate)  # nothing else says how long the last one is shown
            self._container.mux(packet)


@contextmanager
def mp4_writer(path: Path, *, rate: float) -> Iterator[_Writer]:
    """A writer of a silent H.264 MP4 of about `rate` frames per second. Unless it is finished, no file is left.

    Raises VideoError if it cannot be written.
    """
    part = path.with_name(f"{path.name}.{secrets.token_hex(4)}.part")  # of two programs that write it, the last wins
    try:
        with av.open(str(part), "w", format="mp4", options={"movflags": "+faststart"}) as container:
            writer = _Writer(container, rate)
            yield writer
        if writer.finished:
            part.replace(path)
    except (FFmpegError, OSError) as error:
        raise VideoError(f"{path} cannot be written: {reason_of(error)}.") from error
    finally:
        part.unlink(missing_ok=True)
