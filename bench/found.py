"""Which faces are found: python -m bench.found

On group photos of UTKFace's faces (`AGR_UTKFACE`); the baseline is facenet-pytorch's MTCNN with its defaults.
"""

import io
import os
import sys
from pathlib import Path

import numpy as np
import torch
from facenet_pytorch import MTCNN
from PIL import Image

from agr.detect import FaceDetector
from agr.engine import cores
from agr.evaluation.pictures import PictureSource

from .scenes import CASES, Scene, scene

LEAST = 40
"""Pixels: faces of this size and more are counted."""
SEEDS = range(100, 118)
LARGE_SEEDS = range(100, 104)
"""Of the photos of 12 megapixels, which take the baseline seconds."""


def main() -> None:
    if not (faces := os.environ.get("AGR_UTKFACE")):
        sys.exit("Set AGR_UTKFACE to your UTKFace (folder, .zip or .tar.gz): the photos are made of its faces.")
    pictures = PictureSource(Path(faces))
    torch.set_num_threads(cores())
    baseline, detector = MTCNN(keep_all=True), FaceDetector()
    print("| photos | faces | baseline found | here found | baseline false | here false | overlap of boxes |")
    print("|---|---|---|---|---|---|---|")
    totals = np.zeros(5, int)
    for name, (n, size, chip) in CASES.items():
        seeds = LARGE_SEEDS if "megapixels" in name else SEEDS
        counts, overlaps = np.zeros(5, int), []
        for seed in seeds:
            made = scene(pictures, faces=n, size=size, chip=chip, seed=seed)
            photo = Image.open(io.BytesIO(made.jpeg)).convert("RGB")
            theirs, _ = baseline.detect(photo)
            boxes = [np.empty((0, 4)) if theirs is None else theirs, detector.detect(photo).boxes]
            (found, false), (our_found, our_false) = (_found_and_false(made, each) for each in boxes)
            counts += [n, found, our_found, false, our_false]
            overlaps += _overlaps(*boxes)
        print(_row(f"{name} ({len(seeds)} photos)", counts, overlaps), flush=True)
        totals += counts
    print(_row("all", totals, []))


def _row(name: str, counts: np.ndarray, overlaps: list[float]) -> str:
    # Of faces that both find: the least overlap, all but the worst in twenty.
    worst = f"{np.quantile(overlaps, 0.05):.2f}" if overlaps else ""
    return f"| {name} | {' | '.join(map(str, counts))} | {worst} |"


def _found_and_false(made: Scene, boxes: np.ndarray) -> tuple[int, int]:
    """The number of chips in which a box has its centre, and of boxes that have theirs in none, or in one that another
    box has taken. Boxes of `LEAST` pixels and more count."""
    boxes = boxes[(boxes[:, 2:] - boxes[:, :2]).min(axis=1) >= LEAST]
    centres = (boxes[:, None, :2] + boxes[:, None, 2:]) / 2
    inside = ((centres >= made.boxes[:, :2]) & (centres <= made.boxes[:, 2:])).all(axis=2)
    hit = int(inside.any(axis=0).sum())
    return hit, len(boxes) - hit


def _overlaps(theirs: np.ndarray, ours: np.ndarray) -> list[float]:
    """Intersection over union of each of our boxes with theirs of the same face."""
    best = [_iou(box, theirs).max() for box in ours] if len(theirs) else []
    return [float(value) for value in best if value > 0.3]


def _iou(box: np.ndarray, others: np.ndarray) -> np.ndarray:
    low, high = np.maximum(box[:2], others[:, :2]), np.minimum(box[2:], others[:, 2:])
    common = (high - low).clip(0).prod(axis=1)
    return common / ((box[2:] - box[:2]).prod() + (others[:, 2:] - others[:, :2]).prod(axis=1) - common)


if __name__ == "__main__":
    main()
