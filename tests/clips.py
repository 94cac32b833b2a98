"""Videos for tests, made of the portrait that may be shown."""

import struct
from collections.abc import Iterable
from fractions import Fraction
from functools import cache
from pathlib import Path

import av
import numpy as np
from PIL import Image

from tests.conftest import ASTRONAUT

SIZE = (320, 240)
_TICKS = 1000


def scene(place: float = 0.5, *, size: tuple[int, int] = SIZE) -> Image.Image:
    """A face, 0 (left) to 1 (right) of the way through the picture."""
    face = _face()
    picture = Image.new("RGB", size, (90, 110, 120))
    picture.paste(face, (round(place * (size[0] - 117)), (size[1] - 130) // 2))
    return picture


@cache
def _face() -> Image.Image:
    return Image.open(ASTRONAUT).convert("RGB").crop((130, 20, 310, 220)).resize((117, 130))


def walk(seconds: float, *, fps: float = 15) -> list[tuple[float, Image.Image]]:
    """A face that crosses the picture at an even pace: (time, picture)."""
    count = round(seconds * fps)
    return [(i / fps, scene(i / count)) for i in range(count)]


def write_clip(
    path: Path,
    pictures: Iterable[tuple[float, Image.Image]],
    *,
    codec: str = "libx264",
    aspect: Fraction | None = None,
    sound: int = 0,
    options: dict | None = None,
) -> Path:
    """Encode pictures of the times given; `sound` adds so many seconds of silence."""
    with av.open(str(path), "w", options={"movflags": "faststart"} if path.suffix == ".mp4" else {}) as container:
        stream = container.add_stream(codec, rate=30)
        audio = container.add_stream("aac", rate=8000) if sound else None
        stream.pix_fmt = "yuv420p"
        stream.options = {"preset": "ultrafast"} if options is None and codec == "libx264" else options or {}
        for place, (time, picture) in enumerate(pictures):
            if place == 0:
                stream.width, stream.height = picture.size
                stream.codec_context.time_base = Fraction(1, _TICKS)
                if aspect:
                    stream.codec_context.sample_aspect_ratio = aspect
            frame = av.VideoFrame.from_image(picture)
            frame.pts, frame.time_base = round(time * _TICKS), Fraction(1, _TICKS)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
        if audio is not None:
            _silence(container, audio, sound)
    return path


def write_sound(path: Path) -> Path:
    """A file of silence alone."""
    with av.open(str(path), "w") as container:
        _silence(container, container.add_stream("aac", rate=8000), 1)
    return path


def _silence(container, audio, seconds: int) -> None:
    for place in range(8 * seconds):
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
        frame.sample_rate, frame.pts = 8000, 1024 * place
        container.mux(audio.encode(frame))
    container.mux(audio.encode(None))


def turned(path: Path, target: Path, matrix: tuple[int, int, int, int]) -> Path:
    """A copy of an MP4 whose header says a, b, c, d of the display matrix, as phones do."""
    content = bytearray(path.read_bytes())
    begin = content.index(b"tkhd") + 44
    a, b, c, d = (value << 16 for value in matrix)
    content[begin : begin + 36] = struct.pack(">9i", a, b, 0, c, d, 0, 0, 0, 1 << 30)
    target.write_bytes(content)
    return target
