import numpy as np
import pytest

from agr.faces import Faces


@pytest.fixture
def faces():
    boxes = np.array([[0, 0, 10, 10], [20, 20, 60, 50], [-30, 0, -10, 20]], np.float32)
    return Faces(boxes, np.array([0.9, 0.8, 0.7], np.float32), np.arange(30, dtype=np.float32).reshape(3, 5, 2))


@pytest.mark.parametrize("wrong", [{"boxes": (2, 3)}, {"scores": (3,)}, {"landmarks": (2, 4, 2)}])
def test_results_are_checked(wrong):
    shapes = {"boxes": (2, 4), "scores": (2,), "landmarks": (2, 5, 2)} | wrong
    with pytest.raises(ValueError, match=next(iter(wrong))):
        Faces(**{name: np.zeros(shape) for name, shape in shapes.items()})


def test_those_that_are_chosen_in_that_order(faces):
    assert faces[np.array([False, True, False])].scores.tolist() == pytest.approx([0.8])
    turned = faces[np.array([2, 0])]
    assert turned.scores.tolist() == pytest.approx([0.7, 0.9])
    assert turned.landmarks[0, 0].tolist() == [20, 21]


def test_in_another_picture(faces):
    there = faces.moved(5).scaled(2)
    assert there.boxes[0].tolist() == [10, 10, 30, 30]
    assert there.landmarks[0, 1].tolist() == [14, 16]
    assert there.scores is faces.scores


@pytest.mark.parametrize("quarters", [1, 2, 3])
def test_in_a_turned_picture(quarters):
    picture = np.zeros((30, 50), np.uint8)
    picture[4:9, 10:40], picture[20, 7] = 100, 255
    points = np.full((1, 5, 2), (7.5, 20.5), np.float32)
    there = Faces(np.array([[10, 4, 40, 9]], np.float32), np.ones(1), points).turned(quarters, (50, 30))
    turned = np.rot90(picture, quarters)
    rows, columns = np.nonzero(turned == 100)
    assert there.boxes[0].tolist() == [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]
    x, y = there.landmarks[0, 4]
    assert turned[int(y), int(x)] == 255


def test_what_is_in_the_picture_comes_largest_first(faces):
    inside = faces.within((50, 40))
    assert inside.boxes.tolist() == [[20, 20, 50, 40], [0, 0, 10, 10]]
    assert inside.scores.tolist() == pytest.approx([0.8, 0.9])
