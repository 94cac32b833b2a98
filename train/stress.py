"""Stress test: how far a model's figures drop under other photographic conditions. Each condition is applied to the
same sample of pictures and compared pair by pair with the originals."""

import io
from collections.abc import Callable, Iterator
from dataclasses import asdict
from functools import partial

import numpy as np
import pandas as pd
from PIL import Image, ImageEnhance, ImageFilter, ImageOps
from tqdm import tqdm

from agr.analyzer import FaceAnalyzer
from agr.annotations import Labels
from agr.evaluation.compare import Compared, compare
from agr.images import load_photo
from agr.pictures import PictureSource
from agr.predictions import predict, table_of

SAMPLE = 5000
"""Largest number of pictures, enough for all of UTKFace's test part: telling a drop of one point from chance takes
thousands of faces, not hundreds."""
FIGURES = ("age_mae", "age_group_accuracy", "age_group_one_off", "gender_accuracy", "race_accuracy", "detected")
GREY = (124, 116, 104)
"""ImageNet's mean colour, which fills the space around a picture."""
BLUR_SIDE = 128
"""Side in pixels of the picture at which the blur's σ is 1 pixel; σ scales with the picture."""


def _turned(image: Image.Image, degrees: float) -> Image.Image:
    return image.rotate(degrees, Image.Resampling.BICUBIC, fillcolor=GREY)


def _scaled(image: Image.Image, factor: float) -> Image.Image:
    return ImageOps.scale(image, factor, Image.Resampling.BICUBIC)


def _compressed(image: Image.Image) -> Image.Image:
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=40)
    return Image.open(buffer).convert("RGB")


def _blurred(image: Image.Image) -> Image.Image:
    return image.filter(ImageFilter.GaussianBlur(min(image.size) / BLUR_SIDE))


CONDITIONS: dict[str, Callable[[Image.Image], Image.Image]] = {
    "in a larger picture": lambda image: ImageOps.expand(image, image.size, GREY),  # three times as wide and high
    "turned by 20° to the left": partial(_turned, degrees=20),
    "turned by 20° to the right": partial(_turned, degrees=-20),
    "half the size": partial(_scaled, factor=0.5),
    "1.6 times the size": partial(_scaled, factor=1.6),
    "enlarged four times": partial(_scaled, factor=4),
    "30 % darker": lambda image: ImageEnhance.Brightness(image).enhance(0.7),
    "30 % brighter": lambda image: ImageEnhance.Brightness(image).enhance(1.3),
    "JPEG, quality 40": _compressed,
    "grey": lambda image: ImageOps.grayscale(image).convert("RGB"),
    "mirrored": ImageOps.mirror,
    "sharpened (radius 2, 150 %)": lambda image: image.filter(ImageFilter.UnsharpMask(2, 150, 0)),
    "blurred (1 px of 128)": _blurred,
}


def stress(
    analyzer: FaceAnalyzer, pictures: PictureSource, table: pd.DataFrame, labels: dict[str, Labels]
) -> list[dict]:
    """For each of `CONDITIONS`: its name, n, and for each of `FIGURES` the value on the originals, the value under the
    condition, and the paired difference with its 95 % interval. The age error covers faces found both times.

    `table`: predictions on the originals, of which up to `SAMPLE`, evenly spaced in the files' order, are used.
    """
    chosen = np.unique(np.linspace(0, len(table) - 1, min(SAMPLE, len(table))).astype(int))
    plain = table.iloc[chosen].reset_index(drop=True)
    found = []
    with tqdm(total=len(CONDITIONS) * len(plain), unit="picture", desc="stress", smoothing=0.05) as bar:
        for name, change in CONDITIONS.items():
            contents = _changed(pictures, plain["file"].tolist(), change, bar)
            again = table_of(row for row, _ in predict(analyzer, contents, labels))
            rows = compare(plain, again, FIGURES)
            found.append({"condition": name, "n": len(plain), "figures": {row.name: _entry(row) for row in rows}})
    return found


def _entry(row: Compared) -> dict:
    return {"plain": row.first, "value": row.second, "difference": asdict(row.difference)}


def _changed(
    pictures: PictureSource, files: list[str], change: Callable[[Image.Image], Image.Image], bar: tqdm
) -> Iterator[tuple[str, bytes]]:
    for file in files:
        content = pictures.find(file) or b""
        buffer = io.BytesIO()
        change(load_photo(content).rgb).save(buffer, "PNG", compress_level=1)
        yield file, buffer.getvalue()
        bar.update()
