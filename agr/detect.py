"""Every face of a picture with MTCNN: the only room that knows facenet-pytorch.

Source: Zhang et al., "Joint Face Detection and Alignment Using Multitask Cascaded Convolutional Networks" (2016).
"""

from dataclasses import dataclass

import numpy as np
import torch
from facenet_pytorch import MTCNN
from PIL import Image

DETECTION_SIDE = 960
"""Pixels of the longer side on which faces are searched. MTCNN's time grows with the area; a face that is read well
is far larger than `MIN_FACE` at this size."""
MIN_FACE = 24
"""Pixels, on the reduced picture. Smaller faces hold too little to tell an age from, and searching for them costs the
most."""
STAGE_THRESHOLDS = (0.6, 0.7, 0.7)
"""Least face probability after MTCNN's three networks: the values of the paper's authors."""
MIN_SCORE = 0.90
"""Least final probability of a face that is reported. True faces score 0.98 and more, leaves, hands and folds of
cloth mostly less."""


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


_NO_FACES = Faces(np.empty((0, 4), np.float32), np.empty(0, np.float32), np.empty((0, 5, 2), np.float32))


class FaceDetector:
    """MTCNN, loaded once and used for every picture. Safe to call from several threads: it keeps no state between
    calls."""

    def __init__(self, *, device: str = "cpu") -> None:
        self._mtcnn = MTCNN(keep_all=True, min_face_size=MIN_FACE, thresholds=list(STAGE_THRESHOLDS), device=device)

    def detect(self, image: Image.Image) -> Faces:
        """Find all faces of an RGB picture with sides of at least 20 px; coordinates are pixels of `image`.

        Searches a copy whose longer side is `DETECTION_SIDE`, and the full picture only if that copy shows no face.
        """
        factor = min(1.0, DETECTION_SIDE / max(image.size))
        if factor < 1.0:
            small = image.resize(
                [max(1, round(side * factor)) for side in image.size], Image.Resampling.BILINEAR, reducing_gap=2.0
            )
            found = self._search(small, image.size)
            if len(found):
                return found
        return self._search(image, image.size)

    def _search(self, image: Image.Image, full_size: tuple[int, int]) -> Faces:
        if min(image.size) < MIN_FACE:
            return _NO_FACES  # MTCNN fails where not even one face of the least size would fit
        try:
            with torch.inference_mode():
                boxes, scores, landmarks = self._mtcnn.detect(image, landmarks=True)
        except (IndexError, ValueError):
            # facenet-pytorch leaves out candidates without area, then counts on all of them: there is no face in such.
            return _NO_FACES
        if boxes is None:
            return _NO_FACES
        zoom = np.array(full_size, np.float32) / np.array(image.size, np.float32)
        boxes = np.asarray(boxes, np.float32) * np.tile(zoom, 2)
        boxes = boxes.clip(0, np.tile(np.array(full_size, np.float32), 2))
        landmarks = np.asarray(landmarks, np.float32) * zoom
        scores = np.asarray(scores, np.float32)
        areas = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
        kept = np.flatnonzero((scores >= MIN_SCORE) & (areas > 0))
        order = kept[np.argsort(-areas[kept], kind="stable")]
        return Faces(boxes[order], scores[order], landmarks[order])
