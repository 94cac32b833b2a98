"""Every face of a picture, with MTCNN: how large faces are looked for, and what is reported of them."""

from dataclasses import dataclass

import numpy as np
from PIL import Image

from .align import TEMPLATE, fit_of
from .cascade import OVERLAP, SURE, THRESHOLDS, Cascade

LEAST_FACE = 46
"""Pixels of the photo; faces down to 40 are found too. Smaller ones are looked for only where there is none of this
size: they hold little to tell an age from, and looking for them costs the most."""
LAST_SIDE, LAST_LEAST, LAST_STEP, LAST_MIN_SCORE = 1024, 24, 0.5**0.125, 0.8
"""Where there is none: pixels of the longer side to which the photo is reduced, pixels of the smallest face on it, the
steps between the sizes that are looked for, and the least probability."""
LAST_THRESHOLDS, LAST_OVERLAP = THRESHOLDS | {"pnet": 0.4, "rnet": 0.3}, OVERLAP | {"level": 0.5, "rnet": 0.7}
"""More is let through to O-Net then: babies' faces from close by, mostly."""
BORDER = 0.5
"""Of the shorter side: what is added around the photo then, edge pixels repeated, for faces that fill it."""
LIKELY = 0.7
"""Least probability of a large face that is reported beside others; small ones have to be `SURE`: leaves, hands and
folds of cloth that are not are mostly small."""
LEAST_FIT = 0.7
"""Of landmarks to `agr.align.TEMPLATE`, as `fit_of` has it, for a face: UTKFace's have 0.85 and more."""
SMALL, SMALL_SHARE = 80, 1 / 32
"""What is small: less than that many pixels, or that share of the photo's longer side."""


@dataclass(frozen=True, eq=False)
class Faces:
    """All faces found in one picture, largest first.

    `boxes`: float32 (n, 4), left, top, right, bottom in pixels, inside the picture.
    `scores`: float32 (n,), probability 0 to 1 that this is a face.
    `landmarks`: float32 (n, 5, 2), x and y in pixels of left eye, right eye, nose, left and right mouth corner as seen.
    """

    boxes: np.ndarray
    scores: np.ndarray
    landmarks: np.ndarray

    def __post_init__(self) -> None:
        n = len(self.boxes)
        expected = {"boxes": (n, 4), "scores": (n,), "landmarks": (n, 5, 2)}
        for name, shape in expected.items():
            if getattr(self, name).shape != shape:
                raise ValueError(f"expected {name} of shape {shape}, got {getattr(self, name).shape}")

    def __len__(self) -> int:
        return len(self.boxes)

    def scaled(self, factor: float) -> "Faces":
        """The same faces in a picture enlarged by `factor`."""
        return Faces(self.boxes * np.float32(factor), self.scores, self.landmarks * np.float32(factor))

    def moved(self, offset: float) -> "Faces":
        """The same faces in a picture with so many pixels more at the left and at the top."""
        return Faces(self.boxes + np.float32(offset), self.scores, self.landmarks + np.float32(offset))

    def within(self, size: tuple[int, int]) -> "Faces":
        """Boxes cut at the edges of a picture of that width and height, those outside left out, largest first."""
        boxes = self.boxes.clip(0, np.tile(np.array(size, np.float32), 2))
        areas = (boxes[:, 2:] - boxes[:, :2]).prod(axis=1)
        order = np.argsort(-areas, kind="stable")[: (areas > 0).sum()]
        return Faces(boxes[order], self.scores[order], self.landmarks[order])


class FaceDetector:
    """Loaded once and used for every picture. Safe to call from several threads: it keeps no state between calls."""

    def __init__(self) -> None:
        self._cascade = Cascade()

    def detect(self, image: Image.Image) -> Faces:
        """Find all faces of an RGB picture; coordinates are pixels of `image`.

        Looks for those of `LEAST_FACE` pixels and more; if none is sure, for smaller ones and for such as reach out of
        the picture.
        """
        boxes, scores, points = self._cascade.find(image, least=LEAST_FACE)
        is_small = (boxes[:, 2:] - boxes[:, :2]).min(axis=1) < max(SMALL, SMALL_SHARE * max(image.size))
        found = _likely((boxes, scores, points), np.where(is_small, SURE, LIKELY)).within(image.size)
        if found.scores.max(initial=0) >= SURE:
            return found
        closer = self._last_resort(image)
        return closer if len(closer) else found

    def _last_resort(self, image: Image.Image) -> Faces:
        small = image.copy()
        small.thumbnail((LAST_SIDE, LAST_SIDE), Image.Resampling.BOX)
        margin = round(BORDER * min(small.size))
        bordered = np.pad(np.asarray(small), ((margin, margin), (margin, margin), (0, 0)), mode="edge")
        padded = Image.fromarray(bordered)
        more = {"thresholds": LAST_THRESHOLDS, "overlap": LAST_OVERLAP}
        found = self._cascade.find(padded, least=LAST_LEAST, step=LAST_STEP, **more)
        zoom = max(image.size) / max(small.size)
        return _likely(found, LAST_MIN_SCORE).moved(-margin).scaled(zoom).within(image.size)


def _likely(found: tuple[np.ndarray, ...], least: float | np.ndarray) -> Faces:
    fits = np.array([fit_of(points, TEMPLATE) for points in found[2]])
    kept = (found[1] >= least) & (fits >= LEAST_FIT)
    return Faces(*(part[kept] for part in found))
