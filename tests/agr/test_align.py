"""The crop: where it comes from, and that its softness does not depend on the size of the face."""

import numpy as np
import pytest
from PIL import Image

from agr.align import CROP_SIGMA, TEMPLATE, _blurred, crop_face, fit_of, similarity

POINTS = np.array(TEMPLATE)


def transformed(points, *, scale, degrees, shift):
    turn = np.deg2rad(degrees)
    rotation = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    return scale * points @ rotation.T + shift


def test_similarity_finds_the_transform_that_was_applied():
    target = transformed(POINTS, scale=130, degrees=25, shift=(40, -7))
    matrix = similarity(POINTS, target)
    assert np.allclose(POINTS @ matrix[:2, :2].T + matrix[:2, 2], target)


def test_similarity_equals_least_squares():
    target = POINTS * 90 + np.random.default_rng(0).normal(0, 3, (5, 2))
    # a·x - b·y + c = u, b·x + a·y + d = v, solved without any structure
    x, y = POINTS.T
    zero, one = np.zeros(5), np.ones(5)
    system = np.concatenate([np.stack([x, -y, one, zero], 1), np.stack([y, x, zero, one], 1)])
    a, b, c, d = np.linalg.lstsq(system, target.T.ravel(), rcond=None)[0]
    assert np.allclose(similarity(POINTS, target)[:2], [[a, -b, c], [b, a, d]])


@pytest.mark.parametrize("scale", [40, 128, 500, 1500])
@pytest.mark.parametrize("degrees", [0, -30, 100])
def test_landmarks_come_to_lie_on_the_template(scale, degrees):
    landmarks = transformed(POINTS, scale=scale, degrees=degrees, shift=(0, 0))
    landmarks -= landmarks.min(axis=0) - 0.4 * scale
    side = int(landmarks.max() + 0.4 * scale)
    picture = Image.new("RGB", (side, side))
    for x, y in landmarks:
        r = max(1.5, scale / 60)
        picture.paste((255, 255, 255), (round(x - r), round(y - r), round(x + r), round(y + r)))
    crop = crop_face(picture, landmarks, size=128).astype(float).sum(axis=2)
    for x, y in POINTS * 128:
        rows, columns = np.mgrid[int(y) - 8 : int(y) + 9, int(x) - 8 : int(x) + 9]
        weights = crop[rows, columns]
        # Pixel i covers i to i + 1, so its centre is at i + 0.5.
        found = ((columns + 0.5) * weights).sum() / weights.sum(), ((rows + 0.5) * weights).sum() / weights.sum()
        assert np.allclose(found, (x, y), atol=128 / scale * 0.75 + 0.15)


def test_a_large_face_ends_as_soft_as_a_small_one(astronaut):
    """The same face, enlarged, gives the same crop; a nearest-neighbour or unfiltered one would differ."""
    landmarks = np.array([[201, 100], [238, 99], [218, 122], [204, 140], [237, 139]], float)
    crops = [
        crop_face(astronaut.resize((512 * k, 512 * k), Image.Resampling.BICUBIC), landmarks * k, size=96).astype(float)
        for k in (2, 4, 8)
    ]
    for crop in crops[1:]:
        assert np.abs(crop - crops[0]).mean() < 2


def test_detail_beyond_the_crops_resolution_is_averaged_not_aliased():
    """A checkerboard of single pixels in a large face is grey, not a pattern."""
    board = np.indices((1000, 1000)).sum(axis=0) % 2 * 255
    picture = Image.fromarray(np.repeat(board[..., None], 3, axis=2).astype(np.uint8))
    crop = crop_face(picture, POINTS * 900 + 50, size=128)
    assert np.abs(crop.astype(float) - 127.5).max() < 3


def test_outside_the_picture_the_edge_is_repeated():
    picture = Image.new("RGB", (200, 200), (10, 120, 60))
    crop = crop_face(picture, POINTS * 200 - 80, size=64)
    assert (crop == (10, 120, 60)).all()


def test_a_face_wholly_outside_still_gives_a_crop():
    assert crop_face(Image.new("RGB", (50, 50)), POINTS * 60 + 500, size=64).shape == (64, 64, 3)


MIRRORED, ROWS_FIRST = 30 * POINTS[[1, 0, 2, 4, 3]], 30 * POINTS[:, ::-1]


@pytest.mark.parametrize(
    "landmarks", [np.zeros((4, 2)), np.full((5, 2), np.nan), np.ones((5, 2)), MIRRORED, ROWS_FIRST]
)
def test_unusable_landmarks_are_an_error(landmarks):
    with pytest.raises(ValueError, match="landmarks"):
        crop_face(Image.new("RGB", (50, 50)), landmarks, size=64)


def test_the_fit_is_that_of_what_a_similarity_leaves():
    points = POINTS + np.random.default_rng(1).normal(0, 0.1, (5, 2))
    matrix = similarity(points, POINTS)
    left = POINTS - (points @ matrix[:2, :2].T + matrix[:2, 2])
    explained = 1 - (left**2).sum() / ((POINTS - POINTS.mean(axis=0)) ** 2).sum()
    assert fit_of(points, POINTS) == pytest.approx(explained**0.5)
    assert fit_of(transformed(points, scale=70, degrees=130, shift=(5, 9)), POINTS) == pytest.approx(explained**0.5)
    assert fit_of(points, np.ones((5, 2))) == 0


@pytest.mark.parametrize("scale", [256, 400, 900])
def test_a_crop_is_as_soft_as_it_says(scale):
    """The slope of an edge is a Gaussian of CROP_SIGMA's width, whatever the size of the face."""
    picture = np.zeros((2 * scale, 2 * scale, 3), np.uint8)
    picture[:, scale:] = 255
    crop = crop_face(Image.fromarray(picture), POINTS * scale + scale / 2, size=128)
    slope = np.diff(crop[64, :, 0].astype(float)) / 255
    place = np.arange(127)
    width = np.sqrt(((place - (place * slope).sum()) ** 2 * slope).sum())
    assert width == pytest.approx(CROP_SIGMA, rel=0.04)


def test_a_small_face_is_enlarged_without_steps():
    ramp = np.broadcast_to(np.arange(0, 240, 4, dtype=np.uint8)[None, :, None], (60, 60, 3))
    crop = crop_face(Image.fromarray(ramp), POINTS * 30 + 15, size=128)
    steps = np.diff(crop[64, :, 0].astype(int))
    assert set(steps.tolist()) <= {0, 1, 2}  # 4 levels a pixel are 0.94 a pixel of the crop
    assert steps.reshape(-1)[3:123].reshape(-1, 8).sum(axis=1) == pytest.approx(np.full(15, 7.5), abs=1.5)


@pytest.mark.parametrize("variance", [0.2, 0.6, 0.84, 1.7, 4.0, 9.0])
def test_a_blur_has_the_variance_that_was_asked_for(variance):
    edge = Image.new("L", (80, 3))
    edge.paste(255, (40, 0, 80, 3))
    spread = np.diff(np.asarray(_blurred(edge, variance), float)[1]) / 255
    places = np.arange(len(spread)) - 39
    assert (spread * places).sum() == pytest.approx(0, abs=0.02)
    assert (spread * places**2).sum() == pytest.approx(variance, rel=0.05)
