"""The faces that a detector finds in a picture."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, eq=False)
class Faces:
    """Faces of one picture.

    `boxes`: float32 (n, 4), left, top, right, bottom in pixels.
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

    def __getitem__(self, chosen: np.ndarray) -> "Faces":
        """The faces that a mask (n,) or indices (m,) select, in that order."""
        return Faces(self.boxes[chosen], self.scores[chosen], self.landmarks[chosen])

    @property
    def sides(self) -> np.ndarray:
        """Width and height of each box, (n, 2)."""
        return self.boxes[:, 2:] - self.boxes[:, :2]

    def scaled(self, factor: float) -> "Faces":
        """The same faces in a picture enlarged by `factor`."""
        return Faces(self.boxes * np.float32(factor), self.scores, self.landmarks * np.float32(factor))

    def moved(self, offset: float) -> "Faces":
        """The same faces in a picture with `offset` more pixels at the left and at the top."""
        return Faces(self.boxes + np.float32(offset), self.scores, self.landmarks + np.float32(offset))

    def turned(self, quarters: int, size: tuple[int, int]) -> "Faces":
        """The same faces after a picture of that width and height is turned counterclockwise by quarters of a circle;
        the order of the landmarks stays."""
        boxes, landmarks, (width, height) = self.boxes, self.landmarks, size
        for _ in range(quarters):
            left, top, right, bottom = boxes.T
            boxes = np.stack([top, width - right, bottom, width - left], axis=1)
            landmarks = np.stack([landmarks[..., 1], width - landmarks[..., 0]], axis=2)
            width, height = height, width
        return Faces(boxes, self.scores, landmarks)

    def within(self, size: tuple[int, int]) -> "Faces":
        """The faces with boxes clipped to a picture of that width and height, without those outside, largest first."""
        cut = Faces(self.boxes.clip(0, np.tile(np.array(size, np.float32), 2)), self.scores, self.landmarks)
        areas = cut.sides.prod(axis=1)
        return cut[np.argsort(-areas, kind="stable")[: (areas > 0).sum()]]
