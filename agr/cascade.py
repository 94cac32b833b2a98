"""MTCNN's three networks in ONNX Runtime; each examines more closely the candidates that the one before let through.

Source: Zhang et al., "Joint Face Detection and Alignment Using Multitask Cascaded Convolutional Networks" (2016).
Differences from facenet-pytorch, which has the same weights: the pyramid is built from bytes, by halving; candidates
are cut from the copy of the picture that fits their size; and areas outside the picture repeat its edge pixels, whereas
facenet-pytorch stretches a crop that the border cuts off.
"""

import math
from dataclasses import dataclass, fields

import numpy as np
from PIL import Image

from .engine import Network, even_parts, in_parallel
from .faces import Faces
from .forks import ForkSafeLock
from .images import cut_out
from .mtcnn import load_weights

WINDOW, STRIDE = 12, 2
"""Side of P-Net's window, and step between two windows, in pixels."""
PNET_NMS, ONET_NMS = 0.7, 0.7
"""Overlap up to which non-maximum suppression keeps two boxes: over all levels together after P-Net (intersection over
union), and at the end (intersection over the smaller box)."""
ONET_THRESHOLD = 0.7
"""Smallest face probability of O-Net that counts as a face."""
SAME_FACE = 0.6
"""Intersection over union from which two of O-Net's boxes count as looks at the same face."""
CERTAIN = 0.9
"""Face probability from which O-Net looks only once: all but one in a hundred true faces score 0.98 or more."""
INPUT_SIDE = {"rnet": 24, "onet": 48}
"""Side in pixels of a network's input crops."""
ALSO_SAYS = {"rnet": [(4,)], "onet": [(4,), (10,)]}
"""Shapes of a network's further outputs for each box: corrections of the box, and O-Net's landmarks in it."""
AT_ONCE = 16
"""Largest number of candidates in a batch: its activations then fit into the processor's cache, and while one thread
cuts a batch, another can compute."""
STRIP = 48
"""Number of window rows that P-Net processes at once, for the same reason; it also keeps memory independent of the
picture's size."""
MOST_PROPOSALS = 2000
"""Largest number of windows of one strip that go on, the most probable ones: it bounds time and memory for pictures of
noise. Photos of dozens of faces have hundreds."""


@dataclass(frozen=True)
class Search:
    """How closely a picture is searched.

    `min_face_size`: pixels of the smallest face; somewhat smaller ones are found too.
    `scale_factor`: scale of each level of the pyramid relative to the one before; the paper's authors use 0.71.
    `pnet_threshold`, `rnet_threshold`: smallest face probability, 0 to 1. The authors use 0.6 for P-Net; letting more
    candidates through costs less than finer steps of the pyramid.
    `level_nms`, `rnet_nms`: overlap (intersection over union) above which only the better of two boxes stays: within a
    level of the pyramid, and after R-Net. The authors use 0.5 and 0.7; the latter lets twice as many candidates through
    to O-Net and finds no additional face.
    """

    min_face_size: float
    scale_factor: float = 0.6
    pnet_threshold: float = 0.35
    rnet_threshold: float = 0.7
    level_nms: float = 0.4
    rnet_nms: float = 0.5


class Cascade:
    """The networks, loaded once. Safe to call from several threads: keeps no state between calls."""

    def __init__(self) -> None:
        # Crops are so small that threads cutting in parallel mostly wait for the interpreter: one cuts, others compute.
        self._cutting = ForkSafeLock()
        self._networks = {name: Network(name, tensors) for name, tensors in load_weights().items()}
        self._suppression = Network("nms", {})

    def find(self, picture: Image.Image, search: Search) -> Faces:
        """Faces of an RGB picture, best first; boxes may extend beyond it."""
        copies = halved(picture)
        boxes = to_squares(self._proposals(copies, search))
        boxes, scores, corrections = self._read("rnet", copies, boxes, search.rnet_threshold)
        kept = self._suppressed(boxes, scores, search.rnet_nms)
        boxes = to_squares(apply_offsets(boxes[kept], corrections[kept]))
        found = best_of(self._looks(copies, boxes, ONET_THRESHOLD), ONET_NMS)
        if (found.scores >= CERTAIN).all():
            return found
        return best_of(self._looked_at_again(copies, found), ONET_NMS)

    def _looks(self, copies: list[Image.Image], boxes: np.ndarray, threshold: float) -> Faces:
        """O-Net's faces in square boxes (n, 4) with a score above the threshold: often several looks at the same
        face."""
        boxes, scores, corrections, landmarks = self._read("onet", copies, boxes, threshold)
        return Faces(apply_offsets(boxes, corrections), scores, points_in(boxes, landmarks))

    def _looked_at_again(self, copies: list[Image.Image], found: Faces) -> Faces:
        """Cut faces that are not `CERTAIN` again, around the boxes that O-Net gave them, and keep the better of both
        looks: faces that were cut badly gain from this, leaves and folds of cloth seldom do."""
        doubtful = np.flatnonzero(found.scores < CERTAIN)
        again = self._looks(copies, to_squares(found.boxes[doubtful]), -1)
        better = again.scores > found.scores[doubtful]
        first = np.ones(len(found), bool)
        first[doubtful[better]] = False
        return joined(found[first], again[better])

    def _proposals(self, copies: list[Image.Image], search: Search) -> np.ndarray:
        """Boxes (n, 4), in pixels of the first copy, that P-Net takes for faces."""
        strips = [
            (level, top)
            for level in levels(copies, search.min_face_size, search.scale_factor)
            for top in strip_tops(level)
        ]

        def of(strip: tuple[np.ndarray, int]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
            return self._proposals_of(*strip, copies[0].size, search)

        found = in_parallel(of, strips)
        if not found:
            return np.empty((0, 4), np.float32)
        boxes, scores, corrections = (np.concatenate(part) for part in zip(*found, strict=True))
        kept = self._suppressed(boxes, scores, PNET_NMS)
        return apply_offsets(boxes[kept], corrections[kept])

    def _proposals_of(
        self, level: np.ndarray, top: int, size: tuple[int, int], search: Search
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Boxes, scores and corrections from the strip of a level that begins at row `top`. The boxes are in pixels of
        a picture of width and height `size`."""
        scores, corrections = self._networks["pnet"](picture=level[top : top + STRIDE * STRIP + WINDOW - STRIDE])
        rows, columns = np.nonzero(scores >= search.pnet_threshold)
        best = np.argsort(-scores[rows, columns], kind="stable")[:MOST_PROPOSALS]
        rows, columns = rows[best], columns[best]
        corners = np.stack([STRIDE * columns, top + STRIDE * rows], axis=1)
        zoom = np.array([size[0] / level.shape[1], size[1] / level.shape[0]] * 2)
        boxes = (np.concatenate([corners, corners + WINDOW], axis=1) * zoom).astype(np.float32)
        kept = self._suppressed(boxes, scores[rows, columns], search.level_nms)
        return boxes[kept], scores[rows, columns][kept], corrections[:, rows, columns].T[kept]

    def _read(self, name: str, copies: list[Image.Image], boxes: np.ndarray, threshold: float) -> list[np.ndarray]:
        """The square boxes (n, 4) that a network scores above `threshold`, their scores (n,), and the network's further
        outputs for them (`ALSO_SAYS`)."""

        def read(some: np.ndarray) -> list[np.ndarray]:
            with self._cutting:
                crops = cut(copies, some, INPUT_SIDE[name])
            return [some, *self._networks[name](crops=crops)]

        if not len(boxes):
            return [np.empty((0, *shape), np.float32) for shape in ((4,), (), *ALSO_SAYS[name])]
        parts = in_parallel(read, even_parts(boxes, AT_ONCE))
        found = [np.concatenate(part) for part in zip(*parts, strict=True)]
        kept = found[1] > threshold
        return [part[kept] for part in found]

    def _suppressed(self, boxes: np.ndarray, scores: np.ndarray, overlap: float) -> np.ndarray:
        """Indices of the boxes that no better one overlaps by more than `overlap` (intersection over union)."""
        limit = np.array([overlap], np.float32)
        return self._suppression(boxes=boxes[None], scores=scores[None, None], overlap=limit)[0][:, 2]


def strip_tops(level: np.ndarray) -> range:
    """The first rows of the strips in which P-Net processes a level; strips overlap as far as successive windows do."""
    return range(0, len(level) - WINDOW + STRIDE, STRIDE * STRIP)


def halved(picture: Image.Image) -> list[Image.Image]:
    """The picture at full size, half, a quarter, ... as long as P-Net's window fits into it."""
    copies = [picture]
    while min(copies[-1].size) >= 2 * WINDOW:
        copies.append(copies[-1].reduce(2))
    return copies


def levels(copies: list[Image.Image], least: float, step: float) -> list[np.ndarray]:
    """The pyramid that P-Net searches, uint8 (h, w, 3), each level `step` times as large as the one before. On the
    first level, a face of `least` pixels in the first copy fills P-Net's window. Each level is made from the smallest
    copy that is at least as large."""

    def level(scale: float) -> np.ndarray:
        copy = copies[min(math.floor(-math.log2(scale)), len(copies) - 1)]
        size = (round(width * scale), round(height * scale))
        return np.asarray(copy if size == copy.size else copy.resize(size, Image.Resampling.BOX))

    width, height = copies[0].size
    scales = [min(1.0, WINDOW / least)]
    while min(height, width) * scales[-1] >= WINDOW:
        scales.append(scales[-1] * step)
    return in_parallel(level, scales[:-1])


def cut(copies: list[Image.Image], boxes: np.ndarray, side: int) -> np.ndarray:
    """Cut square boxes, in pixels of the first copy, (n, 4) -> uint8 (n, side, side, 3); edge pixels are repeated where
    a box extends beyond the picture.

    Each box is cut from the copy in which it measures `side` to twice as many pixels; smaller ones from the first copy,
    larger ones from the last.
    """
    places = np.floor(np.log2((boxes[:, 2] - boxes[:, 0]) / side)).clip(0, len(copies) - 1).astype(int)
    on_copies = boxes / 2.0 ** places[:, None]
    sheet = Image.new("RGB", (side, side * len(boxes)))  # separate arrays would add a quarter of the time
    for i, (k, box) in enumerate(zip(places, on_copies.tolist(), strict=True)):
        sheet.paste(_cut_one(copies[k], box, side), (0, side * i))
    return np.asarray(sheet).reshape(-1, side, side, 3)


def _cut_one(copy: Image.Image, box: list[float], side: int) -> Image.Image:
    left, top, right, bottom = box
    x, y = math.floor(left), math.floor(top)
    if x < 0 or y < 0 or right > copy.width or bottom > copy.height:
        copy = cut_out(copy, x, y, math.ceil(right), math.ceil(bottom))
        left, top, right, bottom = left - x, top - y, right - x, bottom - y
    return copy.resize((side, side), Image.Resampling.BILINEAR, (left, top, right, bottom))


def apply_offsets(boxes: np.ndarray, corrections: np.ndarray) -> np.ndarray:
    """Move each side of each box by its correction, a fraction of the box's width or height."""
    sides = np.tile(boxes[:, 2:] - boxes[:, :2], 2)
    return boxes + corrections * sides


def to_squares(boxes: np.ndarray) -> np.ndarray:
    """Widen boxes to squares around their centres; boxes without an area are dropped."""
    sides = boxes[:, 2:] - boxes[:, :2]
    boxes, sides = boxes[(sides > 0).all(axis=1)], sides[(sides > 0).all(axis=1)]
    centres, half = (boxes[:, :2] + boxes[:, 2:]) / 2, sides.max(axis=1, keepdims=True) / 2
    return np.concatenate([centres - half, centres + half], axis=1)


def points_in(boxes: np.ndarray, landmarks: np.ndarray) -> np.ndarray:
    """Landmarks as fractions of the boxes, all x and then all y, (n, 10) -> pixels (n, 5, 2)."""
    fractions = landmarks.reshape(-1, 2, 5).transpose(0, 2, 1)
    return boxes[:, None, :2] + fractions * (boxes[:, 2:] - boxes[:, :2])[:, None]


def joined(*parts: Faces) -> Faces:
    """Concatenate faces."""
    return Faces(*(np.concatenate([getattr(part, field.name) for part in parts]) for field in fields(Faces)))


def best_of(looks: Faces, share: float) -> Faces:
    """Non-maximum suppression: drops each face that overlaps a better one by more than `share` of the smaller box; best
    first. Landmarks, and boxes of faces that are `CERTAIN`, are averaged over all looks at the same face (`SAME_FACE`):
    each look alone is randomly off by a pixel or two, and the predicted attributes change with it.

    Source: Gidaris and Komodakis, "Object Detection via a Multi-Region and Semantic Segmentation-Aware CNN Model"
    (2015), who average boxes in this way.
    """
    boxes, scores, areas = looks.boxes, looks.scores, looks.sides.clip(0).prod(axis=1)
    kept: list[int] = []
    mean_boxes, mean_landmarks = boxes.copy(), looks.landmarks.copy()
    for i in np.argsort(-scores, kind="stable"):
        low, high = np.maximum(boxes[i, :2], boxes[:, :2]), np.minimum(boxes[i, 2:], boxes[:, 2:])
        common = (high - low).clip(0).prod(axis=1)
        if areas[i] > 0 and (common[kept] <= share * np.minimum(areas[i], areas[kept])).all():
            kept.append(i)
            same = common >= SAME_FACE * (areas[i] + areas - common)
            mean_landmarks[i] = looks.landmarks[same].mean(axis=0)
            if scores[i] >= CERTAIN:  # others get another look, at the best look's box
                mean_boxes[i] = boxes[same].mean(axis=0)
    return Faces(mean_boxes, scores, mean_landmarks)[np.array(kept, dtype=int)]
