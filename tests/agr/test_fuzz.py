"""Whatever bytes come in, nothing but the documented errors come out."""

import io

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from agr.images import FORMATS, MAX_SIDE, MIN_SIDE, ImageError, load_photo

pytestmark = pytest.mark.slow
PICTURE = Image.fromarray(np.random.default_rng(0).integers(0, 256, (40, 50, 3), dtype=np.uint8))


def encoded(format: str) -> bytes:
    buffer = io.BytesIO()
    exif = Image.Exif()
    exif[274] = 6
    PICTURE.save(buffer, format, exif=exif)
    return buffer.getvalue()


WHOLE = {format: encoded(format) for format in FORMATS}
EDITS = st.lists(
    st.tuples(st.floats(0, 1, exclude_max=True), st.binary(min_size=1, max_size=8)), min_size=1, max_size=6
)


def damaged(content: bytes, edits, keep: float) -> bytes:
    """Some bytes overwritten, mostly in the header, and the end cut off."""
    changed = bytearray(content)
    for place, new in edits:
        at = int(place**3 * len(changed))
        changed[at : at + len(new)] = new
    return bytes(changed[: max(1, int(keep * len(changed)))])


def is_read_or_refused(content: bytes) -> None:
    try:
        photo = load_photo(content)
    except ImageError:
        return
    assert photo.rgb.mode == "RGB"
    assert MIN_SIDE <= min(photo.rgb.size) <= max(photo.rgb.size) <= MAX_SIDE


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=300))
def test_random_bytes(content):
    is_read_or_refused(content)


@pytest.mark.parametrize("format", FORMATS)
@settings(max_examples=100, deadline=None)
@given(edits=EDITS, keep=st.one_of(st.just(1.0), st.floats(0, 1)))
def test_damaged_pictures(format, edits, keep):
    is_read_or_refused(damaged(WHOLE[format], edits, keep))


@settings(max_examples=100, deadline=None)
@given(
    shape=st.lists(st.integers(0, 60), max_size=4),
    dtype=st.sampled_from(["uint8", "bool", "int16", "uint16", "float32", "float64", "object", "U3"]),
)
def test_arrays_of_every_kind(shape, dtype):
    try:
        photo = load_photo(np.zeros(shape, dtype))
    except ImageError:
        return
    assert photo.rgb.mode == "RGB"


@pytest.mark.parametrize("other", [None, 5, 2.5, object(), [1], {"path": "x"}, bytearray(b"x"), "\0", "a" * 5000, ""])
def test_things_that_are_no_picture(other):
    with pytest.raises(ImageError):
        load_photo(other)
