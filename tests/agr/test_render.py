import numpy as np
import pytest
from PIL import Image

from agr import render
from agr.render import BACK_COLOUR, BOX_COLOUR, DISPLAY_SIDE, TEXT_COLOUR, Mark, draw_faces, place_captions

GREY = (90, 90, 90)


def filled(picture: Image.Image) -> np.ndarray:
    """Where the caption's colour is, bool (h, w)."""
    return (np.asarray(picture) == BACK_COLOUR).all(axis=2)


def test_the_photo_itself_is_untouched_and_the_copy_display_sized():
    photo = Image.new("RGB", (3000, 1500), GREY)
    picture = draw_faces(photo, [Mark((100, 100, 900, 900), "F 34")])
    assert max(picture.size) == DISPLAY_SIDE
    assert photo.getcolors() == [(3000 * 1500, GREY)]
    assert filled(picture).any()


def test_boxes_may_refer_to_a_larger_original():
    photo = Image.new("RGB", (600, 600), GREY)
    one = draw_faces(photo, [Mark((100, 200, 300, 400), "F 34")])
    two = draw_faces(photo, [Mark((200, 400, 600, 800), "F 34")], width=1200)
    assert np.array_equal(np.asarray(one), np.asarray(two))


def test_captions_cover_no_other_face():
    """Faces side by side and one above the other, with room between them."""
    boxes = [(x, y, x + 150, y + 150) for y in (80, 300, 520) for x in (40, 220, 400, 580, 760)]
    picture = draw_faces(Image.new("RGB", (960, 720), GREY), [Mark(box, "F 34") for box in boxes])
    plain = draw_faces(Image.new("RGB", (960, 720), GREY), [])
    changed = np.abs(np.asarray(picture).astype(int) - np.asarray(plain).astype(int)).sum(axis=2) > 0
    for left, top, right, bottom in boxes:
        assert not changed[top + 8 : bottom - 8, left + 8 : right - 8].any()


def test_a_crowd_is_drawn_inside_the_picture():
    rng = np.random.default_rng(0)
    corners = rng.uniform(0, 260, (30, 2))
    boxes = [(x, y, x + 40, y + 40) for x, y in corners.tolist()]
    assert draw_faces(Image.new("RGB", (300, 300), GREY), [Mark(box, "M 101") for box in boxes]).size == (300, 300)


def test_no_face_is_the_photo():
    photo = Image.new("RGB", (300, 200), GREY)
    assert draw_faces(photo, []).getcolors() == [(60_000, GREY)]


def test_a_mark_has_its_own_number_or_its_place(monkeypatch):
    told = []
    monkeypatch.setattr(render, "place_captions", lambda texts, *_, **__: told.extend(texts) or [])
    box = (10, 10, 50, 50)
    draw_faces(Image.new("RGB", (90, 90)), [Mark(box, "F 34"), Mark(box, "M 3", number=7)])
    assert told == [("1 · F 34", "1"), ("7 · M 3", "7")]


def test_a_long_caption_stays_inside_the_picture():
    ((_, place),) = place_captions([("1 · a long caption", "1")], [(150, 0, 199, 119)], size=(200, 120), letters=13)
    assert 0 <= place[0] <= place[2] <= 200
    assert 0 <= place[1] <= place[3] <= 120


def test_boxes_and_captions_are_drawn_where_they_belong():
    marks = [Mark((200, 160, 400, 280), "F 34")]  # of a picture that is twice as wide
    drawn = np.asarray(draw_faces(Image.new("RGB", (600, 300), GREY), marks, width=1200))
    edge = (drawn[110, :] == BOX_COLOUR).all(axis=1).nonzero()[0]
    assert edge.min() == pytest.approx(100, abs=3)
    assert edge.max() == pytest.approx(200, abs=3)
    written = (drawn == TEXT_COLOUR).all(axis=2).nonzero()[1]
    assert 90 <= written.min() <= written.max() <= 200


def test_captions_of_a_crowd_are_small():
    small, large = [(0, 0, 60, 30)] * 21, [(0, 0, 60, 400)] * 21
    letters = [render._letters(boxes, 1280) for boxes in (small, small[:20], large, [(0, 0, 9, 9)] * 21)]
    assert letters == [15, 36, 36, 10]
    assert render._letters(small[:1], 300) == 13
