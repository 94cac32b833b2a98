import numpy as np
from PIL import Image

from agr import render
from agr.render import BACK_COLOUR, DISPLAY_SIDE, Mark, draw_faces

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
