"""Which faces the detector finds: python -m bench.found

Measured on group photos of UTKFace's faces (`AGR_UTKFACE`); the baseline is facenet-pytorch's MTCNN with its defaults.
The photos are composed of chips, in which faces are aligned, so where two boxes of a face differ, their places within
the chip show which one is off. To show which differences matter, the baseline is also compared with itself, run without
the photo's first row and column. At last, the photos are turned, as scans and some phones turn them.
"""

import io
from typing import NamedTuple

import numpy as np
import torch
from facenet_pytorch import MTCNN
from PIL import Image

from agr.detect import FaceDetector
from agr.engine import cores
from agr.faces import Faces
from agr.pictures import PictureSource

from .scenes import CASES, Scene, scene, users_pictures

LEAST = 40
"""Smallest side in pixels of a box that counts."""
SEEDS = range(100, 118)
LARGE_SEEDS = range(100, 104)
"""Seeds of the 12-megapixel photos, which take the baseline seconds."""
SAME = 0.8
"""Intersection over union above which two boxes agree."""


_NONE = Faces(np.empty((0, 4)), np.empty(0), np.empty((0, 5, 2)))


class Pair(NamedTuple):
    """The two boxes of one face: their intersection over union, and where each lies in the chip."""

    overlap: float
    theirs: np.ndarray
    ours: np.ndarray


def main() -> None:
    pictures = users_pictures()
    torch.set_num_threads(cores())
    baseline, detector = MTCNN(keep_all=True), FaceDetector()
    print(
        "| photos | faces | baseline found | here found | baseline false | here false | overlap, mean | over 0.8, % |"
    )
    print("|---|---|---|---|---|---|---|---|")
    totals, all_pairs, again = np.zeros(5, int), [], []
    for name, (n, size, chip) in CASES.items():
        seeds = LARGE_SEEDS if "megapixels" in name else SEEDS
        counts, pairs = np.zeros(5, int), []
        for seed in seeds:
            made = scene(pictures, faces=n, size=size, chip=chip, seed=seed)
            photo = Image.open(io.BytesIO(made.jpeg)).convert("RGB")
            theirs, _ = baseline.detect(photo)
            boxes = [np.empty((0, 4)) if theirs is None else theirs, detector.detect(photo).boxes]
            (found, false), (our_found, our_false) = (_found_and_false(made, each) for each in boxes)
            counts += [n, found, our_found, false, our_false]
            pairs += _pairs(made, *boxes)
            again += _pairs(made, boxes[0], _less_a_pixel(baseline, photo))
        print(_row(f"{name} ({len(seeds)} photos)", counts, pairs), flush=True)
        totals += counts
        all_pairs += pairs
    print(_row("all", totals, all_pairs))
    print(_off(all_pairs))
    print(f"The baseline and itself, a row and a column less: {_agreement(again)}\n")
    print("| photos turned by | faces | baseline found upright | here found upright |\n|---|---|---|---|")
    for quarters in range(4):
        print(_turned(pictures, baseline, detector, quarters), flush=True)


def _turned(pictures: PictureSource, baseline: MTCNN, detector: FaceDetector, quarters: int) -> str:
    """The row of how many faces are found, with their eyes where they are, in photos turned counterclockwise."""
    counts = np.zeros(3, int)
    for name, (n, size, chip) in CASES.items():
        for seed in () if "megapixels" in name else SEEDS:
            made = scene(pictures, faces=n, size=size, chip=chip, seed=seed)
            upright = Image.open(io.BytesIO(made.jpeg)).convert("RGB")
            photo = upright.rotate(90 * quarters, expand=True)
            boxes, scores, points = baseline.detect(photo, landmarks=True)
            theirs = _NONE if boxes is None else Faces(boxes, scores, points)
            for place, found in enumerate((theirs, detector.detect(photo)), start=1):
                back = found.turned((4 - quarters) % 4, photo.size)
                eyes = back.landmarks[:, 1] - back.landmarks[:, 0]
                counts[place] += _found_and_false(made, back.boxes[eyes[:, 0] > np.abs(eyes[:, 1])])[0]
            counts[0] += n
    return f"| {90 * quarters}° | {' | '.join(map(str, counts))} |"


def _row(name: str, counts: np.ndarray, pairs: list[Pair]) -> str:
    return f"| {name} | {' | '.join(map(str, counts))} | {_agreement(pairs)} |"


def _agreement(pairs: list[Pair]) -> str:
    overlaps = np.array([pair.overlap for pair in pairs])
    return f"{overlaps.mean():.2f} | {100 * np.mean(overlaps > SAME):.1f}"


def _less_a_pixel(baseline: MTCNN, photo: Image.Image) -> np.ndarray:
    boxes, _ = baseline.detect(photo.crop((1, 1, *photo.size)))
    return np.empty((0, 4)) if boxes is None else boxes + 1


def _off(pairs: list[Pair]) -> str:
    """A sentence on how far boxes that disagree lie from the mean place of those that agree."""
    agree = np.array([pair.overlap > SAME for pair in pairs])
    theirs, ours = (np.array([getattr(pair, name) for pair in pairs]) for name in ("theirs", "ours"))
    usual = np.concatenate([theirs[agree], ours[agree]]).mean(axis=0)
    off = [100 * np.abs(boxes[~agree] - usual).mean() for boxes in (theirs, ours)]
    return (
        f"The sides of the {np.sum(~agree)} that overlap by less are off their usual place in the chip by "
        f"{off[0]:.1f} % of its side (baseline) and {off[1]:.1f} % (here)."
    )


def _found_and_false(made: Scene, boxes: np.ndarray) -> tuple[int, int]:
    """The number of chips that contain the centre of a box, and of boxes whose centre is in no chip or in one that
    another box has taken. Only boxes of at least `LEAST` pixels count."""
    boxes = boxes[(boxes[:, 2:] - boxes[:, :2]).min(axis=1) >= LEAST]
    centres = (boxes[:, None, :2] + boxes[:, None, 2:]) / 2
    inside = ((centres >= made.boxes[:, :2]) & (centres <= made.boxes[:, 2:])).all(axis=2)
    hit = int(inside.any(axis=0).sum())
    return hit, len(boxes) - hit


def _pairs(made: Scene, theirs: np.ndarray, ours: np.ndarray) -> list[Pair]:
    """Each of our boxes whose centre is in a chip, paired with the baseline's box of the same face."""
    found = []
    for box in ours if len(theirs) else ours[:0]:
        overlaps, centre = _iou(box, theirs), (box[:2] + box[2:]) / 2
        chips = made.boxes[((centre >= made.boxes[:, :2]) & (centre <= made.boxes[:, 2:])).all(axis=1)]
        if overlaps.max() > 0.3 and len(chips):
            other = theirs[overlaps.argmax()]
            found.append(Pair(float(overlaps.max()), _within(other, chips[0]), _within(box, chips[0])))
    return found


def _within(box: np.ndarray, chip: np.ndarray) -> np.ndarray:
    """Left, top, right and bottom of a box as shares of the chip's side."""
    return (box - np.tile(chip[:2], 2)) / (chip[2] - chip[0])


def _iou(box: np.ndarray, others: np.ndarray) -> np.ndarray:
    low, high = np.maximum(box[:2], others[:, :2]), np.minimum(box[2:], others[:, 2:])
    common = (high - low).clip(0).prod(axis=1)
    return common / ((box[2:] - box[:2]).prod() + (others[:, 2:] - others[:, :2]).prod(axis=1) - common)


if __name__ == "__main__":
    main()
