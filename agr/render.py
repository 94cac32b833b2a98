"""Draw boxes, numbers and short captions on a display-sized copy of the photo."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from statistics import median
from typing import TYPE_CHECKING

from PIL import Image, ImageDraw, ImageFont

from .images import ImageSource, Photo, load_photo

if TYPE_CHECKING:
    from .analyzer import Face
    from .attributes import Prediction

DISPLAY_SIDE = 1280
"""Longer side of the copy in pixels: as much as a page shows, and a fraction of a photo's file size."""
LETTERS = 36
"""Ratio of the picture's longer side to the height of captions: legible where it is 400 pixels wide, on a phone."""
CROWD, LEAST_LETTERS = 20, 10
"""Number of faces above which captions are no higher than half a face, because they would cover the faces, and the
smallest height of captions then, in pixels."""
BOX_COLOUR, TEXT_COLOUR, BACK_COLOUR = (255, 176, 0), (20, 20, 20), (255, 176, 0)

Rect = tuple[float, float, float, float]


@dataclass(frozen=True)
class Mark:
    """What to draw for one face: `box`, in pixels of a picture of the width that `draw_faces` is given; `caption`; and
    `number`, if that is not its position among the marks."""

    box: Rect
    caption: str
    number: int | None = None


def draw_faces(photo: Image.Image, marks: Sequence[Mark], *, width: int | None = None) -> Image.Image:
    """A reduced copy of an RGB photo with each face boxed and captioned, numbered from 1 or as the marks say.

    `width`: width in pixels of the picture that the boxes refer to, if that is not `photo` itself. A caption is placed
    where it covers no other face, and shortened to the face's number where only that fits.
    """
    picture = photo.copy()
    picture.thumbnail((DISPLAY_SIDE, DISPLAY_SIDE), Image.Resampling.LANCZOS, reducing_gap=2.0)
    zoom = picture.width / (width or photo.width)
    boxes = [(m.box[0] * zoom, m.box[1] * zoom, m.box[2] * zoom, m.box[3] * zoom) for m in marks]
    draw = ImageDraw.Draw(picture)
    line = max(2, round(max(picture.size) / 400))
    for box in boxes:
        draw.rectangle(box, outline=(0, 0, 0), width=line + 2)
        draw.rectangle(box, outline=BOX_COLOUR, width=line)
    letters = _letters(boxes, max(picture.size))
    numbers = [order if mark.number is None else mark.number for order, mark in enumerate(marks, start=1)]
    texts = [(f"{number} · {mark.caption}", str(number)) for number, mark in zip(numbers, marks, strict=True)]
    for text, place in place_captions(texts, boxes, size=picture.size, letters=letters):
        draw.rectangle(place, fill=BACK_COLOUR)
        draw.text((place[0] + 4, place[1] + 2), text, fill=TEXT_COLOUR, font=_font(letters))
    return picture


def annotated(image: ImageSource | Photo, faces: "Sequence[Face]") -> Image.Image:
    """A photo of at most `DISPLAY_SIDE` pixels with its faces boxed, numbered and captioned, such as "1 · F 34".

    `faces`: its faces, as `FaceAnalyzer.analyze` returned them. Raises ImageError if the photo cannot be read.
    """
    photo = load_photo(image)
    return draw_faces(photo.rgb, [Mark(face.box, caption(face)) for face in faces], width=photo.width)


def caption(said: "Prediction") -> str:
    """A short caption for a box, such as "F 34"."""
    return f"{said.gender[0]} {said.age:.0f}"


@cache
def _font(letters: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size=letters)


def _letters(boxes: Sequence[Rect], side: int) -> int:
    """The height of captions in pixels."""
    height = max(13, round(side / LETTERS))
    if len(boxes) <= CROWD:
        return height
    return max(LEAST_LETTERS, min(height, round(median(bottom - top for _, top, _, bottom in boxes) / 2)))


def place_captions(
    texts: Sequence[Sequence[str]], boxes: Sequence[Rect], *, size: tuple[int, int], letters: int
) -> list[tuple[str, Rect]]:
    """Choose for each box a text and its rectangle, in pixels of a picture of that `size`.

    `texts`: for each box, its caption in shorter and shorter forms; the first that overlaps no other box or caption is
    chosen. `letters`: height of the text in pixels. A text begins 4 pixels to the right of its rectangle's left edge
    and 2 below its top.
    """
    taken, placed, font = list(boxes), [], _font(letters)
    for forms, box in zip(texts, boxes, strict=True):
        others = [rect for rect in taken if rect is not box]
        text, place = _place(font, forms, box, others, size)
        placed.append((text, place))
        taken.append(place)
    return placed


def _place(font, texts: Sequence[str], box: Rect, others: Sequence[Rect], size: tuple[int, int]) -> tuple[str, Rect]:
    """The first text and rectangle that overlap nothing; if there are none, the shortest text where it covers least."""
    candidates = [(text, rect) for text in texts for rect in _around(font, text, box, size)]
    for text, rect in candidates:
        if all(_overlap(rect, other) == 0 for other in others):
            return text, rect
    shortest = [candidate for candidate in candidates if candidate[0] == texts[-1]]
    return min(shortest, key=lambda candidate: sum(_overlap(candidate[1], other) for other in others))


def _around(font, text: str, box: Rect, size: tuple[int, int]) -> list[Rect]:
    """Rectangles for a caption: above, below, and inside the box at its top and bottom, moved into the picture."""
    left, top, right, bottom = font.getbbox(text)
    width, height = right - min(left, 0) + 8, bottom - min(top, 0) + 6
    xs = (box[0], box[2] - width)
    ys = (box[1] - height, box[3], box[1], box[3] - height)
    corners = [(min(max(x, 0), size[0] - width), min(max(y, 0), size[1] - height)) for y in ys for x in xs]
    return [(x, y, x + width, y + height) for x, y in corners]


def _overlap(a: Rect, b: Rect) -> float:
    return max(0.0, min(a[2], b[2]) - max(a[0], b[0])) * max(0.0, min(a[3], b[3]) - max(a[1], b[1]))
