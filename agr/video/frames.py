"""Read upright RGB frames and their times from video files, with one frame in memory at a time. If some of a file can
be read, what is wrong with it is reported, not raised."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from os import PathLike
from stat import S_ISREG
from typing import Any, BinaryIO

import av
import numpy as np
from av.error import FFmpegError
from av.stream import Disposition
from PIL import Image

from ..content import printable
from ..engine import cores
from ..errors import AgrError, reason_of
from ..images import MIN_SIDE, Photo
from .boxes import most_samples

MAX_SIDE = 1920
"""Longer side, in pixels, to which larger frames are reduced: it limits memory and time, and a face of 80 pixels in a
4K frame is still found."""
MAX_PIXELS = 4096 * 2304
"""Largest number of pixels in a frame as stored in the file: a decoder keeps a dozen of them. Larger videos are
refused."""
_CONTAINERS = "mov,matroska,avi,mpegts,mpeg,flv,asf,ogg"
"""FFmpeg's names of the formats that are opened. Others, such as playlists, refer to further files, which nobody meant
to open."""
_EXPECTED = "Expected a video: MP4, MOV, WebM, MKV, AVI, MPEG, WMV, FLV or OGV."
_BACKWARDS = 1.0
"""Seconds by which times may fall back: if by more, two recordings were joined, and the second continues where the
first ended."""
_FORWARDS = 3600.0
"""Longest time in seconds that a frame is shown: if times leap ahead by more, they are damaged or two recordings were
joined."""
_MOST_BETWEEN = 1000
"""Largest number of frames decoded between two that are used: a second of the fastest cameras. A file with more is made
to keep this program busy."""
_NO_FRAME_COUNT = 1 << 30
"""Placeholder for the number of frames in an AVI that was written as a stream."""
_MOST_ASPECT = 8.0
"""Largest ratio of a pixel's width to its height, or the reverse; a file that states more is damaged, and 1 is used."""


class VideoError(AgrError):
    """No part of the file can be read as a video, or a video cannot be written; the message says why and what to do."""


@dataclass(frozen=True, eq=False)
class Frame:
    """A frame at `time`, in seconds from the video's beginning. `photo`: upright, with square pixels; its `width` and
    `height` are those of the video as displayed."""

    time: float
    photo: Photo


class Frames:
    """The frames of a video, given by its path or as an open file; they can be iterated once.

    These can be read at any time: `seconds`: how much of the video was read; `done`: the same as a share of what is to
    be read, 0 to 1; `problem`: what was wrong, as sentences, or None; complete after the last frame.
    """

    def __init__(
        self, source: str | PathLike[str] | BinaryIO, *, rate: float, side: int = MAX_SIDE, longest: float | None = None
    ) -> None:
        if not rate > 0:
            raise ValueError(f"Expected a rate above 0 frames a second, got {rate}.")
        self._source, self._side, self._longest = source, side, longest
        self._period = 1 / rate
        self._jitter = min(0.25 / rate, 0.004)  # seconds by which a frame may come too early
        self._duration: float | None = None  # as declared by the file
        self._last: float | None = None
        self._shift = 0.0
        self._undecoded = 0
        self._begun = self._shown = False
        self._notes: list[str] = []
        self.seconds = 0.0
        self.done = 0.0

    @property
    def problem(self) -> str | None:
        notes = list(self._notes)
        if self._undecoded:
            notes.append(f"The file is damaged: {self._undecoded} part(s) of it could not be decoded, or not well.")
        return " ".join(notes) or None

    def __iter__(self) -> Iterator[Frame]:
        """Yield `rate` frames per second, from the beginning, or all if there are fewer. Raises VideoError if none can
        be read, and RuntimeError the second time, as times would continue from the first."""
        if self._begun:
            raise RuntimeError("The frames of a video are gone through once. Open it anew.")
        self._begun = True
        with open_video(self._source) as file, _opened(file) as container:
            stream = _video_stream(container)
            self._duration = _announced(container, stream)
            step = 1 / float(stream.average_rate or 30)
            begin = None if stream.start_time is None else float(stream.start_time * stream.time_base)
            due, passed = 0.0, 0
            for decoded in self._decoded(container, stream):
                passed += 1
                if passed > _MOST_BETWEEN:
                    self._notes.append(f"It holds more than {_MOST_BETWEEN} frames in a moment: the rest was not read.")
                    break
                self._undecoded += decoded.is_corrupt
                begin = decoded.time if begin is None else begin
                time = self._moment(decoded, begin or 0.0, step)
                if time is None:
                    continue
                if self._longest is not None and time >= self._longest:
                    self._cut_short()
                    return
                shown = float((decoded.duration or 0) * stream.time_base)
                self._passed(file, time + (shown if 0 < shown <= _FORWARDS else step))
                if time >= due - self._jitter:
                    due, passed = self._after(due, time), 0
                    try:
                        photo = _photo(decoded, stream.sample_aspect_ratio, self._side)
                    except (FFmpegError, ValueError, MemoryError):
                        self._undecoded += 1
                        continue
                    self._shown = True
                    yield Frame(time, photo)
            self._ended(stream, step, alone=len(container.streams) == 1)

    def _after(self, due: float, time: float) -> float:
        """When the next frame is due after one at `time`: a period after this one was due, so that a video of 8 frames
        a second has 5 a second read where 5 are asked for; after a pause, a period after this one. Never at once."""
        later = due + self._period
        return max(later if later > time else time + self._period, time + self._period / 4)

    def _decoded(self, container, stream) -> Iterator[av.VideoFrame]:
        packets = container.demux(stream)
        while True:
            try:
                packet = next(packets, None)
            except (FFmpegError, OSError):  # nothing beyond this point can be read
                packet = None
            try:
                yield from stream.codec_context.decode(packet)  # None: what the decoder still holds
            except EOFError:
                return
            except FFmpegError:
                self._undecoded += 1
            if packet is None or packet.size == 0:
                return

    def _moment(self, frame: av.VideoFrame, begin: float, step: float) -> float | None:
        """Seconds from the beginning, always increasing; None for a frame that is not later than the one before."""
        before = -step if self._last is None else self._last
        if frame.time is None:
            time = before + step
        else:
            time = frame.time - begin + self._shift
            if before - time > _BACKWARDS or time - before > _FORWARDS:
                joined = before + step
                if time > joined and self._duration:  # it includes the leap, or is damaged as well
                    left = self._duration - (time - joined)
                    self._duration = left if left > 0 else None
                self._shift += joined - time
                time = joined
        if time <= before:
            return None
        self._last = time
        return max(time, 0.0)

    def _passed(self, file: BinaryIO, seconds: float) -> None:
        self.seconds = seconds if self._longest is None else min(seconds, self._longest)
        if self._duration:
            share = seconds / min(self._duration, self._longest or self._duration)
        else:  # recordings made by browsers do not declare their duration
            share = file.tell() / os.fstat(file.fileno()).st_size
        self.done = max(self.done, min(1.0, share))

    def _cut_short(self) -> None:
        known = f" of its {self._duration:.0f}" if self._duration else ""
        self._notes.append(f"Only the first {self._longest:.0f} seconds{known} were read.")

    def _ended(self, stream, step: float, *, alone: bool) -> None:
        if not self._shown:
            raise VideoError(
                "No frame of the video can be decoded: the file is damaged or cut off. Try copying it again."
            )
        slack = max(3 * step, 0.25) if stream.duration else 1.0
        if not (stream.duration or alone) and self._duration:  # other streams, such as sound, may last longer
            slack = max(5.0, 0.1 * self._duration)
        if self._duration and self.seconds < self._duration - slack:
            self._notes.append(
                f"The file is cut off or damaged: {self.seconds:.1f} of {self._duration:.1f} seconds can be read."
            )


@contextmanager
def open_video(source: str | PathLike[str] | BinaryIO) -> Iterator[BinaryIO]:
    """The file, open for the duration of the context; a file that is already open stays open. Raises VideoError.

    A file that is deleted while it is open can still be read, except on Windows.
    """
    if not isinstance(source, (str, PathLike)):
        try:
            source.fileno()
        except (AttributeError, OSError, ValueError) as error:
            if getattr(source, "closed", False):
                raise VideoError("The file is closed.") from error
            kind = type(source).__name__
            raise VideoError(f"Expected the path of a video, got {kind}: save it as a file first.") from error
        yield source
        return
    name = printable(str(source))
    try:
        file = open(source, "rb")  # noqa: SIM115
    except FileNotFoundError as error:
        raise VideoError(f"There is no file {name}.") from error
    except (OSError, ValueError) as error:
        raise VideoError(f"The file {name} cannot be read: {reason_of(error)}.") from error
    with file:
        status = os.fstat(file.fileno())
        if not S_ISREG(status.st_mode):
            raise VideoError(
                f"{name} is a pipe or a device, and a video is read more than once: save it as a file first."
            )
        if not status.st_size:
            raise VideoError(f"The file is empty (0 bytes). {_EXPECTED}")
        yield file


@contextmanager
def _opened(file: BinaryIO) -> Iterator:
    """Open the video in FFmpeg, which is given the open file, never its name: names can be network addresses."""
    file.seek(0)
    head = file.read(12)
    file.seek(0)
    if head[4:8] == b"ftyp" and most_samples(file) > os.fstat(file.fileno()).st_size:
        raise VideoError("The video says that it holds more frames than it has bytes. Try copying it again.")
    file.seek(0)
    try:
        container = av.open(file, options={"format_whitelist": _CONTAINERS}, metadata_errors="replace")
    except (FFmpegError, OSError, ValueError) as error:
        if head[4:8] == b"ftyp":
            raise VideoError(
                "The video is cut off or damaged: its table of contents, often at the file's end, cannot be read. "
                "Try copying it again."
            ) from error
        raise VideoError(f"This is not a video that can be read. {_EXPECTED}") from error
    with container:
        yield container


def _video_stream(container) -> Any:
    streams = [s for s in container.streams.video if not s.disposition & Disposition.attached_pic]
    if not streams:
        raise VideoError("The file holds no pictures, only sound or nothing at all. Expected a video.")
    stream = streams[0]
    context = stream.codec_context
    if context is None:
        raise VideoError("The video is in a format that cannot be decoded. Try converting it to MP4 (H.264).")
    if context.width * context.height > MAX_PIXELS:
        raise VideoError(
            f"The video has frames of {context.width}×{context.height} pixels. At most 4096×2304 can be read: "
            "reduce it first."
        )
    if 0 < min(context.width, context.height) < MIN_SIDE:
        raise VideoError(
            f"The video has frames of {context.width}×{context.height} pixels. Expected at least {MIN_SIDE} a side."
        )
    context.options = {"max_pixels": str(MAX_PIXELS)}  # frames can change their size later
    context.thread_type = "AUTO"
    context.thread_count = cores()
    return stream


def _announced(container, stream) -> float | None:
    """Duration in seconds that the file declares, if it does."""
    seconds = (container.duration or 0) / av.time_base
    if stream.duration:
        seconds = float(stream.duration * stream.time_base)
    elif container.duration and "matroska" in container.format.name:  # counted from 0, wherever its times begin
        seconds -= max(container.start_time or 0, 0) / av.time_base
    # The duration of an AVI that is cut off is that of what is left, but its number of frames, if any, is the original.
    if container.format.name == "avi" and stream.average_rate and stream.frames < _NO_FRAME_COUNT:
        seconds = max(seconds, float(stream.frames / stream.average_rate))
    return seconds if seconds > 0 else None


def _photo(frame: av.VideoFrame, aspect: Fraction | None, side: int) -> Photo:
    """The frame upright and with square pixels, its longer side reduced to `side` pixels, but its shorter side at least
    `MIN_SIDE`."""
    pixel = float(aspect or 1)
    if not 1 / _MOST_ASPECT <= pixel <= _MOST_ASPECT:
        pixel = 1.0
    width, height = max(1, round(frame.width * pixel)), frame.height
    zoom = max(min(1.0, side / max(width, height)), MIN_SIDE / min(width, height))
    small = frame.reformat(
        width=max(1, round(width * zoom)), height=max(1, round(height * zoom)), format="rgb24", dst_color_range="JPEG"
    )
    turned, array = _upright(small.to_ndarray(), _display_matrix(frame))
    return Photo(Image.fromarray(array), *((height, width) if turned else (width, height)))


def _display_matrix(frame: av.VideoFrame) -> tuple[int, int, int, int]:
    """a, b, c, d of the transform x' = ax + cy, y' = bx + dy, which makes a frame upright (libavutil's display.h)."""
    data: Any = frame.side_data.get("DISPLAYMATRIX")
    if data is None:
        return 1, 0, 0, 1
    a, b, _, c, d = np.frombuffer(bytes(data), np.int32)[:5].tolist()
    return a, b, c, d


def _upright(array: np.ndarray, matrix: tuple[int, int, int, int]) -> tuple[bool, np.ndarray]:
    """Whether width and height were swapped, and the array, turned by quarter turns and mirrored as `matrix` says."""
    a, b, c, d = matrix
    turned = abs(b) + abs(c) > abs(a) + abs(d)
    if turned:
        array = array.swapaxes(0, 1)
    row_sign, column_sign = (b, c) if turned else (d, a)
    array = array[:: -1 if row_sign < 0 else 1, :: -1 if column_sign < 0 else 1]
    return turned, np.ascontiguousarray(array)
