"""Every face of a picture, with MTCNN: how large faces are looked for, and what is reported of them."""

import numpy as np
from PIL import Image

from .align import TEMPLATE, fit_of
from .cascade import CERTAIN, Cascade, Search
from .faces import Faces

FIRST = Search(min_face_size=46)
"""Faces down to 40 pixels of the photo are found. Smaller ones are looked for only where there is none of this size:
they hold little to tell an age from, and looking for them costs the most."""
LAST = Search(
    min_face_size=24, scale_factor=0.5**0.125, pnet_threshold=0.4, rnet_threshold=0.3, level_nms=0.5, rnet_nms=0.7
)
"""Where there is none: more is let through to O-Net; babies' faces from close by, mostly."""
LAST_SIDE = 1024
"""Pixels of the longer side to which the photo is reduced then."""
LAST_LIKELY = 0.8
"""Least probability of a face then."""
BORDER = 0.5
"""Of the shorter side: what is added around the photo then, edge pixels repeated, for faces that fill it."""
LIKELY = 0.7
"""Least probability of a large face that is reported beside others; small ones have to be `CERTAIN`: leaves, hands and
folds of cloth that are not are mostly small."""
MIN_FACE_FIT = 0.7
"""Of landmarks to `agr.align.TEMPLATE`, as `fit_of` has it, for a face: UTKFace's have 0.85 and more."""
SMALL, SMALL_SHARE = 80, 1 / 32
"""What is small: less than that many pixels, or that share of the photo's longer side."""


class FaceDetector:
    """Loaded once and used for every picture. Safe to call from several threads: it keeps no state between calls."""

    def __init__(self) -> None:
        self._cascade = Cascade()

    def detect(self, image: Image.Image) -> Faces:
        """Find all faces of an RGB picture; coordinates are pixels of `image`.

        Looks for those of 40 pixels and more; if none is certain, again for smaller ones and for those that the
        picture's border cuts off.
        """
        found = self._cascade.find(image, FIRST)
        is_small = found.sides.min(axis=1) < max(SMALL, SMALL_SHARE * max(image.size))
        found = _likely(found, np.where(is_small, CERTAIN, LIKELY)).within(image.size)
        if found.scores.max(initial=0) >= CERTAIN:
            return found
        closer = self._last_resort(image)
        return closer if len(closer) else found

    def _last_resort(self, image: Image.Image) -> Faces:
        small = image.copy()
        small.thumbnail((LAST_SIDE, LAST_SIDE), Image.Resampling.BOX)
        margin = round(BORDER * min(small.size))
        bordered = np.pad(np.asarray(small), ((margin, margin), (margin, margin), (0, 0)), mode="edge")
        padded = Image.fromarray(bordered)
        found = self._cascade.find(padded, LAST)
        zoom = max(image.size) / max(small.size)
        return _likely(found, LAST_LIKELY).moved(-margin).scaled(zoom).within(image.size)


def _likely(found: Faces, least: float | np.ndarray) -> Faces:
    fits = np.array([fit_of(points, TEMPLATE) for points in found.landmarks])
    return found[(found.scores >= least) & (fits >= MIN_FACE_FIT)]
