"""Detection of all faces in a picture with MTCNN: which sizes are searched for, and which findings are reported."""

import numpy as np
from PIL import Image

from .align import TEMPLATE, fit_of
from .cascade import CERTAIN, Cascade, Search
from .faces import Faces

FIRST = Search(min_face_size=46)
"""Settings of the first search, which finds faces down to 40 pixels of the photo. Smaller ones are searched for only if
it finds no certain face: they hold little to tell an age from, and searching for them costs the most."""
LAST = Search(
    min_face_size=24, scale_factor=0.5**0.125, pnet_threshold=0.4, rnet_threshold=0.3, level_nms=0.5, rnet_nms=0.7
)
"""Settings of the second search, which follows if the first finds no certain face. It lets more candidates through to
O-Net; the faces that it adds are mostly close-ups of babies."""
LAST_SIDE = 1024
"""Longer side, in pixels, to which the photo is reduced for the second search."""
LAST_LIKELY = 0.8
"""Smallest probability of a face that the second search reports."""
BORDER = 0.5
"""Width of the border, as a share of the photo's shorter side, that is added for the second search by repeating edge
pixels, for faces that fill the photo."""
LIKELY = 0.7
"""Smallest probability of a large face that the first search reports; small ones have to be `CERTAIN`, because leaves,
hands and folds of cloth that are mistaken for faces are mostly small."""
MIN_FACE_FIT = 0.7
"""Smallest `fit_of` landmarks to `agr.align.TEMPLATE` for a face: UTKFace's faces have 0.85 and more."""
SMALL, SMALL_SHARE = 80, 1 / 32
"""Size below which a face is small: the larger of this many pixels and this share of the photo's longer side."""


class FaceDetector:
    """A detector, loaded once and used for every picture. Safe to call from several threads: it keeps no state between
    calls."""

    def __init__(self) -> None:
        self._cascade = Cascade()

    def detect(self, image: Image.Image) -> Faces:
        """Find all faces of an RGB picture; coordinates are pixels of `image`.

        Searches for faces of 40 pixels and more; if none is certain, searches again for smaller ones and for those that
        the picture's border cuts off.
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
