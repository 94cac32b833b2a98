"""Detection of all faces in a picture with MTCNN: which sizes are searched for, and which findings are reported."""

from dataclasses import replace

import numpy as np
from PIL import Image, ImageOps

from .align import TEMPLATE, fit_of
from .cascade import CERTAIN, Cascade, Search
from .faces import Faces

FIRST = Search(min_face_size=46)
"""Settings of the first search, which finds faces down to 40 pixels of the photo. Smaller ones are searched for only if
it finds no certain face: they hold little to tell an age from, and searching for them costs the most."""
LAST = Search(
    min_face_size=24, scale_factor=0.5**0.125, pnet_threshold=0.4, rnet_threshold=0.3, level_nms=0.5, rnet_nms=0.7
)
"""Settings of the second search, which follows if the first finds no certain face. It lets more candidates through to
O-Net; the faces that it adds are mostly close-ups of babies."""
LAST_SIDE = 1024
"""Longer side, in pixels, to which the photo is reduced for the second search."""
LAST_LIKELY = 0.8
"""Smallest probability of a face that the second search reports."""
BORDER = 0.5
"""Width of the border, as a share of the photo's shorter side, that is added for the second search by repeating edge
pixels, for faces that fill the photo."""
LIKELY = 0.7
"""Smallest probability of a large face that the first search reports; small ones have to be `CERTAIN`, because leaves,
hands and folds of cloth that are mistaken for faces are mostly small."""
MIN_FACE_FIT = 0.7
"""Smallest `fit_of` landmarks to `agr.align.TEMPLATE` for a face: UTKFace's faces have 0.85 and more."""
SMALL, SMALL_SHARE = 80, 1 / 32
"""Size below which a face is small: the larger of this many pixels and this share of the photo's longer side."""
UPRIGHT, HALF_UPRIGHT = 0.99, 0.95
"""Probabilities from which a photo is taken for upright, of the surest face and of half of the faces. Nine in ten
upright photos of one face reach them, all of groups, and one in a hundred of those that lie on their side or stand on
their head: in a turned photo of thirty faces, one of many mistakes may be sure, but not half of them."""
TURNED_CERTAIN, TURNED_LIKELY = 0.995, 0.95
"""Smallest probability of the surest face for which a photo is taken as turned: in general, and where no face is
`CERTAIN` in the photo as it is. Of 23,707 upright pictures of UTKFace none reaches it, but for one that is turned."""
TURNED_SIDE = 640
"""Longer side, in pixels, to which the photo is reduced to find out which side is up."""
PORTRAIT = 0.5
"""Smallest size, as a share of the photo's shorter side, of a face that the third search reports: smaller things that
look like faces are mostly none."""
TURNS = {1: Image.Transpose.ROTATE_90, 2: Image.Transpose.ROTATE_180, 3: Image.Transpose.ROTATE_270}
"""Counterclockwise, by quarters of a circle."""


class FaceDetector:
    """A detector, loaded once and used for every picture. Safe to call from several threads: it keeps no state between
    calls."""

    def __init__(self) -> None:
        self._cascade = Cascade()

    def detect(self, image: Image.Image) -> Faces:
        """Find all faces of an RGB picture; coordinates are pixels of `image`.

        Searches for faces of 40 pixels and more; if none is certain, searches again for smaller ones and for those that
        the picture's border cuts off. If the picture shows a surer face when it is turned, it is taken to lie on its
        side or to stand on its head: `Faces.landmarks` then begin with the eye that is left once it is upright. In a
        picture without a face, a large one is searched for once more, with all levels of brightness equally frequent.
        """
        found = self._found(image)
        return found if len(found) else self._portrait(image)

    def _found(self, image: Image.Image) -> Faces:
        found = self._search(image)
        if _surest(found) >= UPRIGHT and np.median(found.scores) >= HALF_UPRIGHT:
            return found
        if _surest(found) < CERTAIN:
            closer = self._last_resort(image)
            found = closer if len(closer) else found
        return self._turned_upright(image, found)

    def _search(self, image: Image.Image) -> Faces:
        found = self._cascade.find(image, FIRST)
        is_small = found.sides.min(axis=1) < max(SMALL, SMALL_SHARE * max(image.size))
        return _likely(found, np.where(is_small, CERTAIN, LIKELY)).within(image.size)

    def _turned_upright(self, image: Image.Image, found: Faces) -> Faces:
        """The faces of the picture turned to where it shows the surest one; `found`, of the picture as it is, unless
        that is sure enough to take the picture as turned."""
        small = _reduced(image, TURNED_SIDE)
        surest = {n: _surest(self._search(small.transpose(turn))) for n, turn in TURNS.items()}
        quarters = max(surest, key=lambda n: surest[n])
        least = max(_surest(found), TURNED_LIKELY if _surest(found) < CERTAIN else TURNED_CERTAIN)
        if surest[quarters] <= least:
            return found
        upright = image.transpose(TURNS[quarters])
        turned = self._search(upright).turned(4 - quarters, upright.size)
        return turned if len(turned) else found

    def _portrait(self, image: Image.Image) -> Faces:
        """Large faces of the picture in which all levels of brightness are equally frequent. This brings out faces that
        are too bright, too dark or grey: of 99 faces of UTKFace's training part that are not found once they are grey,
        72 are found so, and of 66 that are not found 30 % brighter, 44; and none in 1,378 pictures without faces."""
        small = _reduced(image, LAST_SIDE)
        found = self._last_resort(_equalized(small), least=0.9 * PORTRAIT)
        large = found[found.sides.min(axis=1) >= PORTRAIT * min(small.size)]
        return large.scaled(max(image.size) / max(small.size)).within(image.size)

    def _last_resort(self, image: Image.Image, least: float = 0.0) -> Faces:
        """Faces of the second search; `least`: size of the smallest, as a share of the shorter side."""
        small = _reduced(image, LAST_SIDE)
        search = replace(LAST, min_face_size=max(LAST.min_face_size, least * min(small.size)))
        margin = round(BORDER * min(small.size))
        bordered = np.pad(np.asarray(small), ((margin, margin), (margin, margin), (0, 0)), mode="edge")
        padded = Image.fromarray(bordered)
        found = self._cascade.find(padded, search)
        zoom = max(image.size) / max(small.size)
        return _likely(found, LAST_LIKELY).moved(-margin).scaled(zoom).within(image.size)


def _reduced(image: Image.Image, side: int) -> Image.Image:
    """A copy whose longer side has at most `side` pixels."""
    copy = image.copy()
    copy.thumbnail((side, side), Image.Resampling.BOX)
    return copy


def _equalized(image: Image.Image) -> Image.Image:
    brightness, *colours = image.convert("YCbCr").split()
    return Image.merge("YCbCr", [ImageOps.equalize(brightness), *colours]).convert("RGB")


def _surest(found: Faces) -> float:
    return found.scores.max(initial=0)


def _likely(found: Faces, least: float | np.ndarray) -> Faces:
    fits = np.array([fit_of(points, TEMPLATE) for points in found.landmarks])
    return found[(found.scores >= least) & (fits >= MIN_FACE_FIT)]
