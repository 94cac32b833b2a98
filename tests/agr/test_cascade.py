import numpy as np
import pytest
from PIL import Image

from agr import cascade
from agr.cascade import (
    Cascade,
    corrected,
    halved,
    levels,
    neighbours,
    squared,
    strip_tops,
    window_around,
    without_contained,
)


@pytest.fixture(scope="module")
def networks():
    return Cascade()


@pytest.fixture(scope="module")
def picture(astronaut):
    return astronaut.resize((250, 250))


def test_halves_are_means_of_four_pixels(noise):
    copies = halved(Image.fromarray(noise))
    assert [copy.size for copy in copies] == [(80, 60), (40, 30), (20, 15)]
    means = noise.reshape(30, 2, 40, 2, 3).mean(axis=(1, 3))
    assert np.abs(np.asarray(copies[1]) - means).max() <= 0.5


def test_the_pyramid_begins_where_the_least_face_fills_the_window(noise):
    copies = halved(Image.fromarray(noise))
    assert [level.shape[:2] for level in levels(copies, 24, 0.5**0.5)] == [(30, 40), (21, 28), (15, 20)]
    assert [level.shape[:2] for level in levels(copies, 40, 0.5**0.5)] == [(18, 24), (13, 17)]
    assert np.array_equal(levels(copies, 24, 0.5**0.5)[0], copies[1])
    assert levels(copies, 5, 0.5**0.5)[0].shape == noise.shape  # nothing is enlarged


def test_a_strip_more_changes_nothing(networks, picture, monkeypatch):
    level, how = np.asarray(picture), {"size": (250, 250), "threshold": 0.1}
    whole = networks._proposals_of(level, 0, **how)
    monkeypatch.setattr(cascade, "STRIP", 7)
    strips = [networks._proposals_of(level, top, **how) for top in strip_tops(level)]
    strips = [np.concatenate(part) for part in zip(*strips, strict=True)]
    assert len(whole[0]) > 20
    assert len(strips[0]) >= len(whole[0])
    # At its border a strip decides without the windows of the next: most boxes are the same, the others overlap.
    same = [(np.abs(strips[0] - box).max(axis=1) < 1e-3).any() for box in whole[0]]
    assert np.mean(same) > 0.5


def test_tiles_and_batches_change_nothing(networks, picture, monkeypatch):
    rng = np.random.default_rng(0)
    corners, sides = rng.uniform(-20, 260, (90, 2)), rng.uniform(24, 200, (90, 1))
    boxes = np.concatenate([corners, corners + sides], axis=1).astype(np.float32)
    whole = networks._read("rnet", halved(picture), boxes, -1)
    monkeypatch.setattr(cascade, "TILE", 20)
    monkeypatch.setattr(cascade, "AT_ONCE", 3)
    parts = networks._read("rnet", halved(picture), boxes, -1)
    order, other = (np.lexsort(found[0].T) for found in (whole, parts))
    assert len(order) == 90
    for one, two in zip(whole, parts, strict=True):
        assert np.allclose(one[order], two[other], atol=1e-4)


def test_suppression_is_that_of_torchvision(networks):
    torch = pytest.importorskip("torch")
    from torchvision.ops import nms

    rng = np.random.default_rng(1)
    corners = rng.uniform(0, 100, (300, 2))
    boxes = np.concatenate([corners, corners + rng.uniform(10, 60, (300, 2))], axis=1).astype(np.float32)
    scores = rng.uniform(size=300).astype(np.float32)
    expected = nms(torch.from_numpy(boxes), torch.from_numpy(scores), 0.5)
    assert networks._suppressed(boxes, scores, 0.5).tolist() == expected.tolist()


def test_candidates_are_cut_from_the_copy_that_fits_them():
    sides = np.array([10, 24, 47, 49, 100, 5000])
    boxes = np.zeros((6, 4), np.float32)
    boxes[:, 2:] = sides[:, None]
    groups = {0: [], 1: [], 2: [], 3: []}
    for k, places in neighbours(boxes, 24, 4):
        groups[k] += places.tolist()
    assert groups == {0: [0, 1, 2], 1: [3], 2: [4], 3: [5]}


def test_a_window_repeats_edges(noise):
    view, corner = window_around(Image.fromarray(noise), np.array([[-3.5, -2, 10, 10], [50, 40, 90, 70]], np.float32))
    assert corner.tolist() == [-5, -3, -5, -3]
    assert view.shape == (74, 96, 3)
    assert np.array_equal(view[3:63, 5:85], noise)
    assert (view[:3, 5:85] == noise[0]).all()
    inside, corner = window_around(Image.fromarray(noise), np.array([[3, 2, 10, 10]], np.float32))
    assert np.array_equal(inside, noise[1:11, 2:11])


def test_boxes_are_moved_and_squared():
    boxes = np.array([[0, 0, 10, 20], [5, 5, 5, 9]], np.float32)
    moved = corrected(boxes, np.array([[0.1, 0.1, -0.1, -0.1], [0, 0, 0, 0]], np.float32))
    assert moved[0].tolist() == [1, 2, 9, 18]
    assert squared(moved).tolist() == [[-3, 2, 13, 18]]  # a box without width is none


def test_a_box_inside_a_better_one_goes():
    boxes = np.array([[0, 0, 100, 100], [10, 10, 40, 40], [90, 90, 190, 190], [0, 0, 0, 5]], np.float32)
    assert without_contained(boxes, np.array([0.8, 0.9, 0.7, 1.0]), 0.7).tolist() == [1, 2]


@pytest.mark.parametrize("size", [(1, 1), (12, 40), (23, 23), (24, 24), (30, 5000)])
def test_small_and_narrow_pictures_have_no_faces(networks, size):
    boxes, scores, points = networks.find(Image.new("RGB", size, (90, 120, 60)), least=24)
    assert len(boxes) == len(scores) == len(points) == 0
    assert points.shape == (0, 5, 2)
