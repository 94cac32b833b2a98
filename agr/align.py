"""Cut the aligned crop of a face, given its landmarks. Training, evaluation and serving all use this crop.

A similarity transform (rotation, uniform scale, shift) maps MTCNN's five landmarks onto a fixed template. Photos are
far sharper than the training data, and a network that never saw such detail takes it for wrinkles; so every crop is
low-pass filtered to the same blur, `CROP_SIGMA`, whatever the size of the face in the photo.
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
"""Positions of left eye, right eye, nose, left and right mouth corner (as seen in the picture) in a crop, as fractions
of its side: the mean of `agr.detect`'s landmarks over UTKFace's own aligned chips, so that a crop shows the same part
of a face as a chip. facenet-pytorch's landmarks are unsuitable: most of these faces extend beyond their chips, and it
stretches what is left of them, so that it places the eyes a tenth of the side too high."""

MIN_TEMPLATE_FIT = 0.2
"""Smallest `fit_of` landmarks to the template for which a crop is cut. With landmarks in the wrong order, or x and y
exchanged, the similarity shrinks the face to a point, and its crop would need gigabytes."""
CROP_SIGMA = 0.8
"""Standard deviation, in pixels of the crop, of the blur to which crops from sharper sources are brought."""
_SOURCE_SIGMA = 0.5
"""Standard deviation, in source pixels, of a sharp picture's own blur: the least that sampling without aliasing
allows."""
_LINEAR_BLUR = 1 / 6
"""Average variance, in source pixels, of the blur caused by linear interpolation."""
_WORKING_OVERSAMPLING = 1.4
"""Resolution, in pixels per pixel of the crop, to which large faces are first reduced to make every later step cheap.
Three times as much would change the crop by 0.6 of 255 levels (RMS)."""


def crop_face(image: Image.Image, landmarks: np.ndarray, *, size: int, template: Points = TEMPLATE) -> np.ndarray:
    """Cut one face out of an RGB picture.

    `landmarks`: shape (5, 2), x and y in pixels of `image`, in the order of `TEMPLATE`. `size`: side of the crop in
    pixels. `template`: positions of the landmarks in the crop, (5, 2), as fractions of that side.
    Returns uint8 of shape (size, size, 3). Areas outside the picture repeat its nearest edge pixel.
    Raises ValueError if the landmarks have another shape, are not finite or are not arranged like those of a face.
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
    # Linear interpolation is good enough for a window this blurred, and takes a third of the time.
    is_soft = variance > 0.5
    window = _blurred(window, variance - _LINEAR_BLUR if is_soft else variance)
    # PIL expects the mapping from the crop's pixels to the source's.
    inverse = np.linalg.inv(to_crop)
    resampling = Image.Resampling.BILINEAR if is_soft else Image.Resampling.BICUBIC
    return np.asarray(window.transform((size, size), Image.Transform.AFFINE, tuple(inverse[:2].ravel()), resampling))


def _blurred(window: Image.Image, variance: float) -> Image.Image:
    """The window after a box blur of the given variance, in pixels. Three box blurs, as in PIL's Gaussian blur, would
    take three times as long and change the crop by 1 of 255 levels (RMS).

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
    """Similarity of two point patterns, both (n, 2), regardless of position, size and rotation: 0 to 1, the share of
    the target's spread that `similarity` reproduces; 0 if all points of either pattern coincide."""
    one, other = (np.asarray(points, float) @ np.array([1, 1j]) for points in (source, target))
    one, other = one - one.mean(), other - other.mean()
    spreads = np.vdot(one, one).real * np.vdot(other, other).real
    return float(abs(np.vdot(one, other)) / math.sqrt(spreads)) if spreads > 0 else 0.0


def _scale_of(matrix: np.ndarray) -> float:
    return math.hypot(matrix[0, 0], matrix[1, 0])


def _cut_window(image: Image.Image, to_crop: np.ndarray, size: int) -> tuple[Image.Image, np.ndarray]:
    """The upright rectangle around the crop, with edge pixels repeated where it extends beyond the picture."""
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
