"""Group photos for benchmarks: faces from the user's UTKFace on a larger canvas, and where each one is."""

import io
import os
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from agr.annotations import labels_of
from agr.images import load_photo
from agr.pictures import PictureSource, file_key

CASES = {  # faces, size, range of the chips' sides: a face's box is about 0.8 of its chip
    "webcam 640×480, 1 face": (1, (640, 480), (160, 260)),
    "640×480, 6 faces": (6, (640, 480), (60, 160)),
    "1280×960, 1 face": (1, (1280, 960), (200, 400)),
    "1280×960, 6 faces": (6, (1280, 960), (60, 300)),
    "1280×960, 17 faces": (17, (1280, 960), (60, 220)),
    "1920×1440, 30 faces": (30, (1920, 1440), (60, 260)),
    "12 megapixels, 6 faces": (6, (4000, 3000), (120, 900)),
    "12 megapixels, 30 faces": (30, (4000, 3000), (60, 600)),
}


@dataclass(frozen=True, eq=False)
class Scene:
    """`jpeg`: the encoded photo. `boxes`: float (n, 4), the left, top, right and bottom of each pasted chip, in
    pixels."""

    jpeg: bytes
    boxes: np.ndarray


def users_pictures() -> PictureSource:
    """The user's UTKFace, whose faces the photos are made of. Ends the program if AGR_UTKFACE does not name it."""
    if not (faces := os.environ.get("AGR_UTKFACE")):
        sys.exit("Set AGR_UTKFACE to your UTKFace (folder, .zip or .tar.gz): the photos are made of its faces.")
    return PictureSource(Path(faces))


def scene(pictures: PictureSource, *, faces: int, size: tuple[int, int], chip: tuple[int, int], seed: int = 0) -> Scene:
    """A photo of `size` pixels with `faces` chips that do not overlap, their sides drawn from the range `chip`."""
    rng = np.random.default_rng(seed)
    canvas = background(size, rng)
    boxes: list[tuple[int, int, int, int]] = []
    for content in _chips(pictures, faces, rng):
        side, left, top = _free_place(boxes, size, chip, rng)
        canvas.paste(load_photo(content).rgb.resize((side, side), Image.Resampling.LANCZOS), (left, top))
        boxes.append((left, top, left + side, top + side))
    buffer = io.BytesIO()
    canvas.save(buffer, "JPEG", quality=92)
    return Scene(buffer.getvalue(), np.array(boxes, float))


def background(size: tuple[int, int], rng: np.random.Generator) -> Image.Image:
    """Coloured clouds with detail at every scale, like the power spectrum of photos."""
    width, height = size
    total = np.zeros((height, width, 3), np.float32)
    for octave in range(2, 10):
        coarse = Image.fromarray(rng.integers(0, 256, (2**octave, 2**octave, 3), dtype=np.uint8))
        total += np.asarray(coarse.resize(size, Image.Resampling.BICUBIC), np.float32) / 2 ** (octave - 1)
    return Image.fromarray((total / 2).clip(0, 255).astype(np.uint8))


def _chips(pictures: PictureSource, n: int, rng: np.random.Generator) -> list[bytes]:
    files = [key for key in map(file_key, pictures.members) if labels_of(key) is not None]
    return [pictures.find(files[i]) for i in rng.choice(len(files), n, replace=False)]


def _free_place(taken, size, chip, rng) -> tuple[int, int, int]:
    for _ in range(10_000):
        side = int(rng.integers(chip[0], chip[1] + 1))
        left, top = int(rng.integers(0, size[0] - side + 1)), int(rng.integers(0, size[1] - side + 1))
        if all(left >= x2 or top >= y2 or left + side <= x1 or top + side <= y1 for x1, y1, x2, y2 in taken):
            return side, left, top
    raise ValueError(f"{len(taken) + 1} chips of {chip} pixels do not fit into {size}")
