import numpy as np
import pytest
from PIL import Image

from agr import cascade
from agr.cascade import (
    CERTAIN,
    Cascade,
    Search,
    apply_offsets,
    best_of,
    cut,
    halved,
    levels,
    strip_tops,
    to_squares,
)
from agr.faces import Faces


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
    level, how = (
        np.asarray(picture),
        {"size": (250, 250), "search": Search(min_face_size=46, pnet_threshold=0.1, level_nms=0.5)},
    )
    whole = networks._proposals_of(level, 0, **how)
    monkeypatch.setattr(cascade, "STRIP", 7)
    strips = [networks._proposals_of(level, top, **how) for top in strip_tops(level)]
    strips = [np.concatenate(part) for part in zip(*strips, strict=True)]
    assert len(whole[0]) > 20
    assert len(strips[0]) >= len(whole[0])
    # At its border a strip decides without the windows of the next: most boxes are the same, the others overlap.
    same = [(np.abs(strips[0] - box).max(axis=1) < 1e-3).any() for box in whole[0]]
    assert np.mean(same) > 0.5


def test_batches_change_nothing(networks, picture, monkeypatch):
    rng = np.random.default_rng(0)
    corners, sides = rng.uniform(-20, 260, (90, 2)), rng.uniform(24, 200, (90, 1))
    boxes = np.concatenate([corners, corners + sides], axis=1).astype(np.float32)
    whole = networks._read("rnet", halved(picture), boxes, -1)
    monkeypatch.setattr(cascade, "AT_ONCE", 3)
    parts = networks._read("rnet", halved(picture), boxes, -1)
    assert len(whole[0]) == 90
    for one, two in zip(whole, parts, strict=True):
        assert np.allclose(one, two, atol=1e-4)


def test_suppression_is_that_of_torchvision(networks):
    torch = pytest.importorskip("torch")
    from torchvision.ops import nms

    rng = np.random.default_rng(1)
    corners = rng.uniform(0, 100, (300, 2))
    boxes = np.concatenate([corners, corners + rng.uniform(10, 60, (300, 2))], axis=1).astype(np.float32)
    scores = rng.uniform(size=300).astype(np.float32)
    expected = nms(torch.from_numpy(boxes), torch.from_numpy(scores), 0.5)
    assert networks._suppressed(boxes, scores, 0.5).tolist() == expected.tolist()


@pytest.mark.parametrize(("side", "copy"), [(10, 0), (24, 0), (47, 0), (49, 1), (100, 2), (5000, 3)])
def test_candidates_are_cut_from_the_copy_that_fits_them(side, copy):
    copies = [Image.new("RGB", (5120 // 2**k, 5120 // 2**k), (k, 0, 0)) for k in range(4)]
    assert (cut(copies, np.array([[5, 5, 5 + side, 5 + side]], np.float32), 24)[0, :, :, 0] == copy).all()


def test_a_cut_is_the_mean_of_what_it_covers_and_repeats_edges(noise):
    picture = Image.fromarray(noise)
    boxes = np.array([[10, 5, 34, 29], [10.5, 5.5, 34.5, 29.5], [-6, -4, 18, 20], [70, 50, 94, 74]], np.float32)
    plain, between, low, high = cut([picture], boxes, 24).astype(int)
    assert np.array_equal(plain, noise[5:29, 10:34])
    means = sum(noise[5 + y : 29 + y, 10 + x : 34 + x].astype(int) for x in (0, 1) for y in (0, 1)) / 4
    assert np.abs(between - means).max() <= 1
    assert np.array_equal(low[4:, 6:], noise[:20, :18])
    assert (low[:4, 6:] == noise[0, :18]).all()
    assert np.array_equal(high[:10, :10], noise[50:, 70:])
    assert (high[10:, 10:] == noise[-1, -1]).all()


def test_boxes_are_moved_and_squared():
    boxes = np.array([[0, 0, 10, 20], [5, 5, 5, 9]], np.float32)
    moved = apply_offsets(boxes, np.array([[0.1, 0.1, -0.1, -0.1], [0, 0, 0, 0]], np.float32))
    assert moved[0].tolist() == [1, 2, 9, 18]
    assert to_squares(moved).tolist() == [[-3, 2, 13, 18]]  # a box without width is none


def test_a_box_inside_a_better_one_goes():
    boxes = np.array([[0, 0, 100, 100], [10, 10, 40, 40], [90, 90, 190, 190], [0, 0, 0, 5]], np.float32)
    looks = Faces(boxes, np.array([0.8, 0.9, 0.7, 1.0]), np.zeros((4, 5, 2)))
    assert best_of(looks, 0.7).boxes.tolist() == boxes[[1, 2]].tolist()


def test_boxes_and_landmarks_are_the_mean_of_all_looks_at_the_same_face():
    boxes = np.array([[0, 0, 100, 100], [0, 0, 100, 80], [10, 10, 40, 40], [200, 0, 300, 100]], np.float32)
    scores = np.array([0.9, 0.99, 0.8, 0.95], np.float32)
    points = np.array([[[50, 40]], [[52, 44]], [[20, 20]], [[250, 40]]], np.float32).repeat(5, axis=1)
    found = best_of(Faces(boxes, scores, points), 0.7)
    assert found.boxes.tolist() == [[0, 0, 100, 90], [200, 0, 300, 100]]
    assert found.scores.tolist() == scores[[1, 3]].tolist()
    assert found.landmarks[:, 0].tolist() == [[51, 42], [250, 40]]  # without what one overlaps too little
    assert (points[1, 0].tolist(), boxes[1].tolist()) == ([52, 44], [0, 0, 100, 80])  # as they were


def test_a_face_that_was_cut_badly_is_looked_at_again(networks, picture):
    copies = halved(picture)
    found = networks.find(picture, Search(min_face_size=46))
    assert len(found) == 1
    badly = to_squares(found.boxes + np.float32(0.35) * np.tile(found.sides, 2))  # right and down
    first = networks._looks(copies, badly, -1)
    assert first.scores < CERTAIN
    again = networks._looked_at_again(copies, first)
    assert again.scores > max(first.scores, CERTAIN)
    assert np.abs(again.boxes - found.boxes).max() < np.abs(first.boxes - found.boxes).max()
    assert np.abs(again.landmarks - found.landmarks).max() < np.abs(first.landmarks - found.landmarks).max()


def test_only_doubtful_faces_are_looked_at_again(networks, picture, monkeypatch):
    asked, again = [], Cascade._looked_at_again
    monkeypatch.setattr(Cascade, "_looked_at_again", lambda *args: asked.append(args) or again(*args))
    assert (networks.find(picture, Search(min_face_size=46)).scores >= CERTAIN).all()
    assert not asked
    monkeypatch.setattr(cascade, "CERTAIN", 1.01)
    assert len(networks.find(picture, Search(min_face_size=46))) == len(asked) == 1


@pytest.mark.parametrize("size", [(1, 1), (12, 40), (23, 23), (24, 24), (30, 5000)])
def test_small_and_narrow_pictures_have_no_faces(networks, size):
    found = networks.find(Image.new("RGB", size, (90, 120, 60)), Search(min_face_size=24))
    assert len(found) == 0
    assert found.landmarks.shape == (0, 5, 2)
