"""Landmarks -> the aligned crop: the one crop for training, evaluation and serving.

A similarity transform (rotation, one scale, shift) takes MTCNN's five landmarks onto a fixed template. Photos are far
sharper than the data that the network learns from, and a network that never saw such detail reads it as wrinkles; so
the crop is low-pass filtered to one softness, `CROP_SIGMA`, from whatever size of face it is taken.
"""

import math

import numpy as np
from PIL import Image, ImageFilter

from .images import cut_out

Points = np.ndarray | tuple[tuple[float, ...], ...]
TEMPLATE = (
    (59.8 / 200, 57.7 / 200),
    (138.2 / 200, 57.6 / 200),
    (98.7 / 200, 104.9 / 200),
    (63.5 / 200, 139.3 / 200),
    (133.9 / 200, 139.2 / 200),
)
"""Where left eye, right eye, nose, left and right mouth corner (as seen in the picture) come to lie, as fractions of
the crop's side: the mean of `agr.detect`'s landmarks over UTKFace's own aligned chips, so that a crop holds what a chip
does. facenet-pytorch's own landmarks would not do: most of these faces reach out of their chips, and it stretches what
is left of them, so that its eyes come to lie a tenth of the side above where they are."""

MIN_TEMPLATE_FIT = 0.2
"""Least `fit_of` landmarks to the template that a crop is cut for. With landmarks in a wrong order, or x and y
exchanged, the similarity shrinks the face to a point, and its crop would need gigabytes."""
CROP_SIGMA = 0.8
"""Standard deviation, in pixels of the crop, of the blur that a crop is brought to when its source is sharper."""
_SOURCE_SIGMA = 0.5
"""A sharp picture's own blur, in its pixels: the least that sampling without aliasing allows for."""
_LINEAR_BLUR = 1 / 6
"""Variance, in pixels of the source, of the blur that linear interpolation between them is, on average."""
_WORKING_OVERSAMPLING = 1.4
"""Large faces are first reduced to this many pixels for each pixel of the crop, which keeps every later step small.
Three times as many would change the crop by 0.6 of 255 levels (RMS)."""


def crop_face(image: Image.Image, landmarks: np.ndarray, *, size: int, template: Points = TEMPLATE) -> np.ndarray:
    """Cut one face out of an RGB picture.

    `landmarks`: shape (5, 2), x and y in pixels of `image`, in the order of `TEMPLATE`. `size`: side of the crop in
    pixels. `template`: where the landmarks come to lie, (5, 2), as fractions of that side.
    Returns uint8 of shape (size, size, 3). What lies outside the picture repeats its nearest edge pixel.
    Raises ValueError if the landmarks have another shape, are not finite or do not lie as a face's do.
    """
    landmarks = np.asarray(landmarks, dtype=np.float64)
    if landmarks.shape != (5, 2) or not np.isfinite(landmarks).all():
        raise ValueError(
            f"expected 5 finite landmarks, shape (5, 2), got shape {landmarks.shape}: {landmarks.tolist()}"
        )
    if fit_of(landmarks, template) < MIN_TEMPLATE_FIT:
        raise ValueError(
            "the landmarks do not lie as a face's do; expected x and y of left eye, right eye, nose, left and right "
            f"mouth corner as seen in the picture, got {landmarks.tolist()}"
        )
    to_crop = similarity(landmarks, np.asarray(template) * size)
    window, to_crop = _cut_window(image, to_crop, size)
    window, to_crop = _reduce(window, to_crop)
    variance = (CROP_SIGMA / _scale_of(to_crop)) ** 2 - _SOURCE_SIGMA**2
    # Of a window this blurred, interpolation need not be better than linear, which takes a third of the time.
    is_soft = variance > 0.5
    window = _blurred(window, variance - _LINEAR_BLUR if is_soft else variance)
    # PIL wants the map from the crop's pixels to the source's.
    inverse = np.linalg.inv(to_crop)
    resampling = Image.Resampling.BILINEAR if is_soft else Image.Resampling.BICUBIC
    return np.asarray(window.transform((size, size), Image.Transform.AFFINE, tuple(inverse[:2].ravel()), resampling))


def _blurred(window: Image.Image, variance: float) -> Image.Image:
    """Blurred by a box of that variance, in pixels. Three boxes, as in PIL's Gaussian blur, would take three times as
    long and change the crop by 1 of 255 levels (RMS).

    Source: Gwosdek et al., "Theoretical Foundations of Gaussian Convolution by Extended Box Filtering" (2011).
    """
    if variance <= 0:
        return window
    whole = math.floor((math.sqrt(12 * variance + 1) - 1) / 2)
    part = (2 * whole + 1) * (whole * (whole + 1) - 3 * variance) / (6 * (variance - (whole + 1) ** 2))
    return window.filter(ImageFilter.BoxBlur(whole + part))


def similarity(source: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Least-squares rotation, uniform scale and shift from `source` onto `target`, both of shape (n, 2).

    Returns the homogeneous matrix, shape (3, 3). Raises ValueError if all source points coincide.
    Source: Umeyama, "Least-squares estimation of transformation parameters between two point patterns" (1991);
    in the plane, without reflection, it is one complex division.
    """
    points = source @ np.array([1, 1j])
    goals = target @ np.array([1, 1j])
    centred = points - points.mean()
    spread = np.vdot(centred, centred).real
    if spread < 1e-9:
        raise ValueError(f"the landmarks lie on one point: {source.tolist()}")
    turn = np.vdot(centred, goals - goals.mean()) / spread
    shift = goals.mean() - turn * points.mean()
    return np.array([[turn.real, -turn.imag, shift.real], [turn.imag, turn.real, shift.imag], [0.0, 0.0, 1.0]])


def fit_of(source: Points, target: Points) -> float:
    """How alike two patterns of points lie, both (n, 2), whatever their place, size and turn: 0 to 1, the share of the
    target's spread that `similarity` reaches; 0 if the points of one coincide."""
    one, other = (np.asarray(points, float) @ np.array([1, 1j]) for points in (source, target))
    one, other = one - one.mean(), other - other.mean()
    spreads = np.vdot(one, one).real * np.vdot(other, other).real
    return float(abs(np.vdot(one, other)) / math.sqrt(spreads)) if spreads > 0 else 0.0


def _scale_of(matrix: np.ndarray) -> float:
    return math.hypot(matrix[0, 0], matrix[1, 0])


def _cut_window(image: Image.Image, to_crop: np.ndarray, size: int) -> tuple[Image.Image, np.ndarray]:
    """The upright rectangle around the crop, edge pixels repeated where it leaves the picture."""
    margin = 4 * CROP_SIGMA + 2
    low, high = -margin, size + margin
    corners = np.array([[low, low, 1], [high, low, 1], [low, high, 1], [high, high, 1]]) @ np.linalg.inv(to_crop).T
    left, top = np.floor(corners.min(axis=0)[:2]).astype(int)
    right, bottom = np.ceil(corners.max(axis=0)[:2]).astype(int)
    return cut_out(image, left, top, right, bottom), to_crop @ np.array([[1, 0, left], [0, 1, top], [0, 0, 1.0]])


def _reduce(window: Image.Image, to_crop: np.ndarray) -> tuple[Image.Image, np.ndarray]:
    """Shrink a window of a large face, antialiased, to `_WORKING_OVERSAMPLING` times the crop's resolution."""
    factor = _WORKING_OVERSAMPLING * _scale_of(to_crop)
    if factor >= 1:
        return window, to_crop
    reduced = (max(1, round(window.width * factor)), max(1, round(window.height * factor)))
    # Each axis has its own exact factor after rounding; the difference is below one pixel over the whole window.
    back = np.diag([window.width / reduced[0], window.height / reduced[1], 1.0])
    return window.resize(reduced, Image.Resampling.BOX), to_crop @ back
