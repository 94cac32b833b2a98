import numpy as np
import pytest
from PIL import Image

from agr.align import TEMPLATE
from agr.detect import FaceDetector
from agr.faces import Faces

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def detector():
    return FaceDetector()


@pytest.fixture(scope="module")
def pair(astronaut):
    """Two astronauts on one canvas, the right one at 0.6 times the size."""
    canvas = Image.new("RGB", (900, 560), (90, 90, 90))
    canvas.paste(astronaut, (20, 20))
    canvas.paste(astronaut.resize((307, 307)), (560, 100))
    return canvas


def test_the_astronaut_has_one_face_and_it_is_where_it_is(detector, astronaut):
    faces = detector.detect(astronaut)
    assert len(faces) == 1
    assert faces.scores[0] > 0.99
    left, top, right, bottom = faces.boxes[0]
    assert 160 < left < 200 < 240 < right < 280
    assert 50 < top < 90 < 150 < bottom < 200
    left_eye, right_eye, nose, left_mouth, right_mouth = faces.landmarks[0]
    assert left_eye[0] < nose[0] < right_eye[0]
    assert left_eye[1] < nose[1] < left_mouth[1]
    assert left_mouth[0] < right_mouth[0]


def test_all_faces_are_found_largest_first(detector, pair):
    faces = detector.detect(pair)
    assert len(faces) == 2
    assert faces.boxes[0][0] < 512 < faces.boxes[1][0]


def test_a_large_picture_gives_the_same_place(detector, astronaut):
    small, large = detector.detect(astronaut), detector.detect(astronaut.resize((2048, 2048), Image.Resampling.BICUBIC))
    assert np.allclose(large.boxes / 4, small.boxes, atol=6)
    assert np.allclose(large.landmarks / 4, small.landmarks, atol=3)


def test_a_face_too_small_for_the_reduced_copy_is_found_at_full_size(detector, astronaut):
    canvas = Image.new("RGB", (3600, 1200), (120, 120, 120))
    canvas.paste(astronaut.resize((192, 192), Image.Resampling.LANCZOS), (1700, 500))
    faces = detector.detect(canvas)
    assert len(faces) == 1
    assert 1700 < faces.boxes[0][0] < 1892


def test_boxes_stay_inside_the_picture(detector, astronaut):
    cut = astronaut.crop((195, 75, 330, 230))  # through the face
    boxes = detector.detect(cut).boxes
    assert len(boxes)
    for box in boxes:
        assert (box >= 0).all()
        assert box[2] <= cut.width
        assert box[3] <= cut.height


def test_a_small_face_of_a_large_picture_is_where_it_is(detector, astronaut):
    """Found at the second look alone, on a reduced copy with a border."""
    picture = Image.new("RGB", (1500, 1100), (120, 130, 140))
    picture.paste(astronaut.resize((130, 130), Image.Resampling.LANCZOS), (700, 500))
    (box,) = detector.detect(picture).boxes
    (whole,) = detector.detect(astronaut).boxes
    assert box == pytest.approx(whole * 130 / 512 + [700, 500, 700, 500], abs=5)


@pytest.mark.parametrize("size", [(20, 20), (20, 3000), (640, 480)])
def test_no_face_is_no_error(detector, size):
    faces = detector.detect(Image.new("RGB", size, (200, 180, 160)))
    assert len(faces) == 0
    assert faces.landmarks.shape == (0, 5, 2)


class Told:
    """Finds what it is told to: first in the photo, then in the bordered copy if no face was certain, then in the
    turned ones."""

    def __init__(self, *answers: list[tuple[float, float]]) -> None:
        self.answers, self.template = iter(answers), TEMPLATE

    def find(self, picture, search):
        sides, scores = np.array(next(self.answers, []), np.float32).reshape(-1, 2).T
        low, high = picture.size[0] / 2 - sides / 2, picture.size[0] / 2 + sides / 2
        boxes = np.stack([low, low, high, high], axis=1).astype(np.float32)
        points = low[:, None, None] + sides[:, None, None] * np.array(self.template)
        return Faces(boxes, scores, points.astype(np.float32))


@pytest.mark.parametrize(
    ("answers", "scores"),
    [
        ([[(60, 0.999), (60, 0.85), (100, 0.85), (100, 0.6)]], [0.85, 0.999]),  # small ones must be surer
        ([[(100, 0.8)], [(90, 0.85), (90, 0.75)]], [0.85]),  # none is sure: a closer look
        ([[(100, 0.8), (60, 0.8)], []], [0.8]),  # which may find nothing
        ([[], []], []),
    ],
)
def test_how_sure_a_face_must_be(detector, monkeypatch, answers, scores):
    monkeypatch.setattr(detector, "_cascade", Told(*answers))
    assert detector.detect(Image.new("RGB", (300, 300))).scores.tolist() == pytest.approx(scores)


@pytest.mark.parametrize(
    ("as_it_is", "turned", "is_turned"),
    [
        ([[(100, 0.98)]], [[], [(100, 0.996)], []], True),
        ([[(100, 0.98)]], [[], [(100, 0.994)], []], False),  # hardly surer
        ([[(100, 0.991), (98, 0.8), (96, 0.8)]], [[], [(100, 0.996)], []], True),  # one of many mistakes may be sure
        ([[(100, 0.991), (98, 0.96), (96, 0.8)]], [[], [(100, 0.996)], []], False),
        ([[(100, 0.8)], [(100, 0.89)]], [[], [(100, 0.96)], []], True),  # nothing is certain as it is
        ([[(100, 0.8)], [(100, 0.89)]], [[], [(100, 0.94)], []], False),
        ([[], [(100, 0.999)]], [[], [(100, 0.998)], []], False),  # found at the closer look
        ([[], []], [[], [(100, 0.96)], []], True),
    ],
)
def test_how_sure_a_turned_face_must_be(detector, monkeypatch, as_it_is, turned, is_turned):
    again = [[(100, 0.97)]]  # in the whole photo
    monkeypatch.setattr(detector, "_cascade", Told(*as_it_is, *turned, *again))
    found = detector.detect(Image.new("RGB", (300, 200)))
    left_eye, right_eye = found.landmarks[0, :2] if len(found) else [(0, 0), (1, 0)]
    assert (right_eye[0] < left_eye[0]) == is_turned  # it is the one that stands on its head


@pytest.mark.parametrize(("side", "score", "is_found"), [(151, 0.81, True), (149, 0.99, False), (151, 0.79, False)])
def test_the_third_search_finds_large_faces(detector, monkeypatch, side, score, is_found):
    nothing = [[]] * 5
    monkeypatch.setattr(detector, "_cascade", Told(*nothing, [(side, score)]))
    assert len(detector.detect(Image.new("RGB", (320, 300)))) == is_found


@pytest.mark.parametrize(
    ("change", "box"),
    [
        (lambda face: face.convert("L").convert("RGB"), (170, 105, 268, 186)),
        (lambda face: face.point(lambda level: 2 * level), (170, 60, 250, 186)),
        (lambda face: face.point(lambda level: level // 20), (170, 60, 250, 168)),
    ],
)
def test_a_portrait_in_grey_too_bright_or_too_dark_is_found_as_any_other(detector, astronaut, change, box):
    face = astronaut.crop(box)
    (as_it_is,), (changed,) = detector.detect(face).boxes, detector.detect(change(face)).boxes
    assert changed == pytest.approx(as_it_is, abs=8)


@pytest.mark.parametrize("turn", [Image.Transpose.ROTATE_90, Image.Transpose.ROTATE_180, Image.Transpose.ROTATE_270])
def test_a_turned_photo_shows_the_same_faces(detector, pair, turn):
    upright, turned = detector.detect(pair), detector.detect(pair.transpose(turn))
    quarters = {Image.Transpose.ROTATE_90: 1, Image.Transpose.ROTATE_180: 2, Image.Transpose.ROTATE_270: 3}[turn]
    assert turned.boxes == pytest.approx(upright.turned(quarters, pair.size).boxes, abs=2)
    assert turned.landmarks == pytest.approx(upright.turned(quarters, pair.size).landmarks, abs=2)


def test_what_has_no_faces_landmarks_is_none(detector, monkeypatch):
    told = Told([(100, 0.99)], [])
    told.template = tuple((1 - x, y) for x, y in TEMPLATE)  # left and right exchanged
    monkeypatch.setattr(detector, "_cascade", told)
    assert len(detector.detect(Image.new("RGB", (300, 300)))) == 0
