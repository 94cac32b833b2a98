"""Load a photo, from whatever may hold one, as an upright RGB picture of bounded size, or raise an `ImageError` that
says what is wrong."""

import io
import os
import warnings
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import dataclass
from os import PathLike
from typing import IO

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from .content import read_file, read_stream
from .errors import ImageError
from .forks import ForkSafeLock

MAX_PIXELS = 100_000_000
"""Largest number of pixels in a picture. Larger ones, which would take 800 MB and more, are refused before they are
decoded."""
MAX_PIXELS_OF = dict.fromkeys(("WEBP", "AVIF", "HEIF"), 50_000_000)
"""The same limit for formats that cost several times as much to decode, and in which a few bytes can encode that many
pixels."""
LARGE = 16_000_000
"""Number of pixels above which only one picture is decoded at a time, so that the memory of several does not add up."""
MAX_SCANS = 200
"""Largest number of scans in a JPEG: each can go over all pixels again with only a few bytes. Ten are usual."""
MAX_EXIF = 100
"""Largest number of EXIF headers in a file: Pillow removes them one by one, and copies the rest each time."""
MAX_SIDE = 4096
"""Longer side, in pixels, to which larger pictures are reduced: a face of interest is then still far larger than the
network's input."""
MIN_SIDE = 20
"""Smallest side of a picture in pixels: MTCNN cannot search smaller ones, and no face in one could be analyzed."""
_STRIP = 1_000_000
"""Number of pixels that are converted at once."""
FORMATS = ("JPEG", "PNG", "WEBP", "AVIF", "GIF", "BMP", "TIFF", "HEIF")
"""Formats that are decoded: some of Pillow's others hand the file to external programs, and none is used for photos."""
PICTURE_ENDINGS = tuple(
    f".{kind}"
    for kind in "jpg jpeg jfif png webp avif gif bmp tif tiff heic heif hif".split()  # noqa: SIM905
)
"""Endings of files in these formats, in lower case."""
_HEIF = {b"ftyp" + brand for brand in (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1")}
"""Signatures of HEIC photos (iPhones, some cameras), which follow the first four bytes. AVIF uses the last two too."""

ImageSource = str | PathLike[str] | bytes | bytearray | memoryview | IO[bytes] | Image.Image | np.ndarray


@dataclass(frozen=True)
class Photo:
    """An upright RGB picture, ready for detection.

    `rgb`: mode "RGB", sides of `MIN_SIDE` to `MAX_SIDE` pixels.
    `width`, `height`: pixels of the upright input before any reduction; the coordinates that users see refer to these.
    """

    rgb: Image.Image
    width: int
    height: int

    @property
    def scale(self) -> float:
        """Pixels of the upright input for each pixel of `rgb`; 1 unless the input was reduced."""
        return max(self.width, self.height) / max(self.rgb.size)


_large = ForkSafeLock()
"""Lock for decoding a picture of more than `LARGE` pixels."""
_foreign = ForkSafeLock()
"""Lock for decoding a picture object that belongs to the caller."""
_filters = ForkSafeLock()
"""Lock for filtering warnings: filters apply to the whole process, and threads would restore each other's."""


def load_photo(source: "ImageSource | Photo", *, max_pixels: int = MAX_PIXELS) -> Photo:
    """Load a path, encoded bytes, a binary file, a PIL image or a uint8 array: grey (h, w) or (h, w, 1), RGB (h, w, 3)
    or RGBA (h, w, 4), not OpenCV's BGR. A Photo is returned as it is.

    Pictures of more than `max_pixels`, `MAX_PIXELS` or `MAX_PIXELS_OF` their format are refused before decoding.
    EXIF orientation is applied, transparency is composited on white, 16-bit grey is scaled to 8 bits, and the first
    frame of an animation is used, of a PIL image the one that it is at. Raises ImageError for anything that cannot be
    read.
    """
    if isinstance(source, Photo):
        return source
    image = _open(source, max_pixels)
    _check_size(image, min(max_pixels, MAX_PIXELS_OF.get(image.format or "", MAX_PIXELS)))
    width, height = image.size
    ours = not isinstance(source, Image.Image)  # a caller's own picture must not be changed
    try:
        if ours:
            # JPEG can decode straight to a half, a quarter or an eighth, which saves time and memory for large photos.
            image.draft("RGB", (MAX_SIDE, MAX_SIDE))
        with _large if image.width * image.height > LARGE else nullcontext():
            rgb, turned = _decoded(image, ours)
    except MemoryError as error:
        raise ImageError(f"The picture, {width}×{height} pixels, does not fit into memory: reduce it first.") from error
    except Exception as error:  # Pillow's decoders raise OSError, SyntaxError, struct.error, ... on damaged files
        raise ImageError(
            f"The picture is damaged or cut off and cannot be decoded ({error}). Try saving it again."
        ) from error
    if turned:
        width, height = height, width
    if min(rgb.size) < MIN_SIDE:
        raise ImageError(f"The picture is {width}×{height} pixels: too narrow to hold a face that can be read.")
    return Photo(rgb, width, height)


def _decoded(image: Image.Image, ours: bool) -> tuple[Image.Image, bool]:
    """The upright RGB picture, with sides up to `MAX_SIDE`, and whether width and height were exchanged."""
    with nullcontext() if ours else _foreign:  # two threads may be given the same picture
        image.load()
    size = image.size
    rgb = _to_rgb(_upright(image, in_place=ours))
    turned = rgb.size != size
    if max(rgb.size) > MAX_SIDE:
        rgb.thumbnail((MAX_SIDE, MAX_SIDE), Image.Resampling.LANCZOS, reducing_gap=3.0)
    return rgb, turned


def cut_out(picture: Image.Image, left: int, top: int, right: int, bottom: int) -> Image.Image:
    """Crop a rectangle of at least one pixel each way; areas outside the picture repeat its nearest pixel."""
    width, height = picture.size
    if left >= 0 and top >= 0 and right <= width and bottom <= height:
        return picture.crop((left, top, right, bottom))
    columns, rows = np.arange(left, right).clip(0, width - 1), np.arange(top, bottom).clip(0, height - 1)
    x, y = int(columns[0]), int(rows[0])
    inside = np.asarray(picture.crop((x, y, int(columns[-1]) + 1, int(rows[-1]) + 1)))
    return Image.fromarray(inside[rows - y][:, columns - x])


def _open(source: ImageSource, max_pixels: int) -> Image.Image:
    if isinstance(source, Image.Image):
        return source
    if isinstance(source, np.ndarray):
        return _from_array(source)
    if isinstance(source, (str, PathLike)):
        source = read_file(os.fsdecode(source))
    elif isinstance(source, (bytearray, memoryview)):
        source = bytes(source)
    elif hasattr(source, "read"):
        source = read_stream(source)
    if not isinstance(source, bytes):
        raise ImageError(
            f"Expected a path, bytes, a file of bytes, a PIL image or an array, got {type(source).__name__}."
        )
    if not source:
        raise ImageError("The file is empty (0 bytes). Expected a photo, such as a JPEG or PNG.")
    if source.count(b"Exif\0\0") > MAX_EXIF:
        raise ImageError("The picture's header is damaged: it holds EXIF data over and over. Try saving it again.")
    try:
        with _filters, warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # `_check_size` decides, with our own limit
            image = Image.open(io.BytesIO(source), formats=_formats_of(source))
    except Image.DecompressionBombError as error:
        raise ImageError(_too_large("far too many pixels", max_pixels)) from error
    except UnidentifiedImageError as error:
        if source[4:12] in _HEIF:
            raise ImageError("The HEIC picture is damaged or cut off. Try saving it again, as a JPEG.") from error
        raise ImageError(
            "This is not a picture that can be read. Expected a JPEG, PNG, WebP, AVIF, HEIC, GIF, BMP or TIFF."
        ) from error
    except Exception as error:  # a damaged header can raise nearly anything
        raise ImageError(f"The picture's header is damaged ({error}). Try saving it again.") from error
    _check_work(image, source)
    return image


def _formats_of(content: bytes) -> tuple[str, ...]:
    """The formats for Pillow to try. The plugin for HEIF takes 0.1 s to load, so it is loaded only for such files."""
    if content[4:12] not in _HEIF:
        return tuple(format for format in FORMATS if format != "HEIF")
    from pillow_heif import register_heif_opener

    register_heif_opener(decode_threads=1)  # the cores process several photos in parallel
    return FORMATS


def _from_array(array: np.ndarray) -> Image.Image:
    channels_fit = array.ndim == 2 or (array.ndim == 3 and array.shape[2] in (1, 3, 4))
    if array.dtype != np.uint8 or not channels_fit:
        advice = ""
        if array.dtype.kind == "f":
            advice = " If its values are 0 to 1, pass (array * 255).astype('uint8')."
        elif array.ndim == 3 and array.shape[0] in (1, 3, 4):
            advice = " Channels come last: array.transpose(1, 2, 0)."
        raise ImageError(
            "Expected a uint8 array of shape (h, w), (h, w, 3) or (h, w, 4) with values 0 to 255, "
            f"got {array.dtype} of shape {array.shape}.{advice}"
        )
    if array.size == 0:
        raise ImageError(f"The array is empty: shape {array.shape}.")
    return Image.fromarray(array[:, :, 0] if array.ndim == 3 and array.shape[2] == 1 else array)


def _check_size(image: Image.Image, most: int) -> None:
    width, height = image.size
    if width * height > most:
        raise ImageError(_too_large(f"{width}×{height} pixels", most))
    if min(width, height) < MIN_SIDE:
        raise ImageError(
            f"The picture is {width}×{height} pixels. Expected at least {MIN_SIDE} on each side: use a larger one."
        )


def _check_work(image: Image.Image, content: bytes) -> None:
    """Raise ImageError for pictures that take minutes to decode, and that no camera or program of today writes."""
    if image.format in ("JPEG", "MPO") and content.count(b"\xff\xda") > MAX_SCANS:
        raise ImageError(f"The JPEG is made of more than {MAX_SCANS} scans. Try saving it again.")
    if image.format == "BMP" and any(tile[0] == "bmp_rle" for tile in image.tile):  # type: ignore[attr-defined]
        raise ImageError("Compressed BMP pictures are not read. Save it as a PNG.")


def _too_large(size: str, most: int) -> str:
    return f"The picture has {size}. At most {most // 1_000_000} megapixels can be read: reduce it first."


def _upright(image: Image.Image, *, in_place: bool) -> Image.Image:
    """The picture turned as its EXIF orientation says; a copy, unless `in_place`, which saves the copy's memory."""
    try:
        if not in_place:
            return ImageOps.exif_transpose(image)
        ImageOps.exif_transpose(image, in_place=True)
    except MemoryError:
        raise
    except Exception:  # damaged EXIF raises nearly anything, and is no reason to refuse a picture that decodes
        return image if in_place else image.copy()
    return image


def _to_rgb(image: Image.Image) -> Image.Image:
    if image.mode == "RGB" and "transparency" not in image.info:
        return image
    white = _white(image) if image.mode.startswith("I") or image.mode == "F" else 0.0
    rgb = Image.new("RGB", image.size)
    for strip in _strips(image):  # intermediate results take up to 20 bytes per pixel
        rgb.paste(_strip_to_rgb(image.crop(strip), white), strip[:2])
    return rgb


def _strips(image: Image.Image) -> Iterator[tuple[int, int, int, int]]:
    """Boxes (left, top, right, bottom) of about a megapixel that cover the image."""
    width, height = image.size
    rows = max(1, _STRIP // width)
    for top in range(0, height, rows):
        yield 0, top, width, min(top + rows, height)


def _strip_to_rgb(strip: Image.Image, white: float) -> Image.Image:
    if white:
        return Image.fromarray((_values(strip) * (255.0 / white)).clip(0, 255).round().astype(np.uint8)).convert("RGB")
    if strip.mode == "La":  # premultiplied grey cannot be converted to anything else
        strip = strip.convert("LA")
    if strip.has_transparency_data:
        paper = Image.new("RGBA", strip.size, "white")
        return Image.alpha_composite(paper, strip.convert("RGBA")).convert("RGB")
    return strip.convert("RGB")


def _white(image: Image.Image) -> float:
    """The value of white in grey of more than 8 bits. PIL's own `convert` clips at 255, which would make it all
    white."""
    top = max(_values(image.crop(strip)).max(initial=0.0) for strip in _strips(image))
    if image.mode == "F" and top <= 1.0:
        return 1.0
    return 255.0 if top <= 255.0 and not image.mode.startswith("I;16") else 65535.0


def _values(strip: Image.Image) -> np.ndarray:
    return np.nan_to_num(np.asarray(strip, dtype=np.float64), nan=0.0, posinf=65535.0, neginf=0.0)
