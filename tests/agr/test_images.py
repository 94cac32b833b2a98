"""Every kind of input becomes upright RGB, or an error that says what is wrong."""

import base64
import io
import math
import os
import subprocess
import sys
import time
import tracemalloc
import warnings
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from agr import content, images
from agr.images import FORMATS, MAX_SIDE, ImageError, cut_out, load_photo

RED, WHITE = (200, 30, 30), (255, 255, 255)


def near(colour, expected, tolerance=6):
    return np.allclose(colour, expected, atol=tolerance)


def test_path_bytes_pil_and_array_agree(tmp_path, noise, encoded):
    image = Image.fromarray(noise)
    data = encoded(image, "PNG")
    (tmp_path / "a.png").write_bytes(data)
    for source in (tmp_path / "a.png", str(tmp_path / "a.png"), data, image, noise):
        photo = load_photo(source)
        assert np.array_equal(np.asarray(photo.rgb), noise)
        assert (photo.width, photo.height, photo.scale) == (80, 60, 1.0)


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGB", "CMYK", "YCbCr", "HSV", "LAB"])
def test_modes_become_rgb(mode):
    image = Image.new("RGB", (40, 30), (255, 255, 255)).convert("RGB")
    converted = image.convert("L").convert(mode) if mode in ("1", "P") else image
    if mode not in ("1", "P", "LAB"):
        converted = image.convert(mode)
    rgb = load_photo(converted).rgb
    assert rgb.mode == "RGB"
    assert near(rgb.getpixel((5, 5)), WHITE)


@pytest.mark.parametrize(("mode", "clear"), [("RGBA", (9, 9, 9, 0)), ("LA", (9, 0)), ("La", (0, 0)), ("PA", None)])
def test_transparency_is_composed_on_white(mode, clear):
    image = (
        Image.new("RGBA", (40, 30), (9, 9, 9, 0)).convert("PA") if mode == "PA" else Image.new(mode, (40, 30), clear)
    )
    assert near(load_photo(image).rgb.getpixel((5, 5)), WHITE)


def test_a_transparent_palette_is_composed_on_white(encoded):
    image = Image.new("P", (40, 30), 0)
    image.putpalette([10, 10, 10, 200, 30, 30])
    image.putpixel((3, 3), 1)
    rgb = load_photo(encoded(image, "PNG", transparency=0)).rgb
    assert near(rgb.getpixel((20, 20)), WHITE)
    assert near(rgb.getpixel((3, 3)), RED)


@pytest.mark.parametrize("value", [0, 20_000, 65_535])
def test_16_bit_grey_is_scaled_not_clipped(value, encoded):
    image = Image.fromarray(np.full((30, 40), value, np.uint16))
    assert image.mode == "I;16"
    for source in (image, encoded(image, "PNG"), encoded(image, "TIFF")):
        assert near(load_photo(source).rgb.getpixel((5, 5)), (value / 257,) * 3, 1)


@pytest.mark.parametrize("format", FORMATS)
def test_formats(format, encoded):
    rgb = load_photo(encoded(Image.new("RGB", (64, 48), RED), format)).rgb
    assert rgb.size == (64, 48)
    assert near(rgb.getpixel((30, 30)), RED)


def test_of_an_animation_the_first_frame_counts(encoded):
    frames = [Image.new("RGB", (40, 30), colour) for colour in (RED, (0, 0, 255))]
    data = encoded(frames[0], "GIF", save_all=True, append_images=frames[1:])
    assert near(load_photo(data).rgb.getpixel((5, 5)), RED)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_is_applied(orientation, encoded):
    upright = Image.new("RGB", (60, 40), WHITE)
    upright.paste(RED, (0, 0, 20, 20))
    turn = {1: None, 2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}[orientation]  # PIL's transpose that undoes each
    stored = upright if turn is None else upright.transpose(turn)
    exif = Image.Exif()
    exif[274] = orientation
    photo = load_photo(encoded(stored, "JPEG", quality=95, exif=exif))
    assert photo.rgb.size == (60, 40) == (photo.width, photo.height)
    assert near(photo.rgb.getpixel((5, 5)), RED, 20)


@pytest.mark.parametrize("orientation", [3, 6])
def test_a_heic_picture_is_turned_once(orientation, encoded):
    """Its container says how, and so do most cameras' EXIF in it."""
    stored = Image.new("RGB", (60, 40), WHITE)
    stored.paste(RED, (0, 0, 20, 20))
    exif = Image.Exif()
    exif[274] = orientation
    photo = load_photo(encoded(stored, "HEIF", quality=95, exif=exif.tobytes()))
    turned = stored.transpose({3: Image.Transpose.ROTATE_180, 6: Image.Transpose.ROTATE_270}[orientation])
    assert photo.rgb.size == turned.size == (photo.width, photo.height)
    assert np.abs(np.asarray(photo.rgb, float) - np.asarray(turned)).mean() < 10


def test_heic_is_loaded_only_for_a_heic_picture(tmp_path, encoded):
    picture = Image.new("RGB", (64, 48), RED)
    (tmp_path / "a.jpg").write_bytes(encoded(picture, "JPEG"))
    (tmp_path / "a.heic").write_bytes(encoded(picture, "HEIF"))
    code = """if True:
        import sys
        from agr.images import load_photo
        for name in sys.argv[1:]:
            load_photo(name)
            print("pillow_heif" in sys.modules)"""
    command = [sys.executable, "-c", code, str(tmp_path / "a.jpg"), str(tmp_path / "a.heic")]
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout.split() == ["False", "True"]


def test_damaged_exif_is_no_reason_to_refuse(encoded):
    data = encoded(Image.new("RGB", (64, 48), RED), "JPEG", exif=b"Exif\0\0II*\0\xff\xff\xff\xff garbage")
    assert load_photo(data).rgb.size == (64, 48)


def test_a_long_picture_is_reduced_and_remembers_its_size(encoded):
    exif = Image.Exif()
    exif[274] = 6
    photo = load_photo(encoded(Image.new("RGB", (6000, 3000), RED), "JPEG", exif=exif))
    assert max(photo.rgb.size) <= MAX_SIDE
    assert (photo.width, photo.height) == (3000, 6000)
    assert photo.scale == pytest.approx(6000 / photo.rgb.height)


def test_the_callers_picture_is_not_changed(encoded, tmp_path):
    (tmp_path / "big.jpg").write_bytes(encoded(Image.new("RGB", (9000, 300), RED), "JPEG"))
    image = Image.open(tmp_path / "big.jpg")
    assert max(load_photo(image).rgb.size) == MAX_SIDE
    assert image.size == (9000, 300)


def test_a_huge_picture_is_refused_before_it_is_decoded(encoded, monkeypatch):
    data = encoded(Image.new("1", (20_000, 6_000)), "PNG")
    monkeypatch.setattr(Image.Image, "load", lambda self: pytest.fail("decoded"))
    with pytest.raises(ImageError, match=r"20000×6000.*100 megapixels"):
        load_photo(data)


@pytest.mark.parametrize("format", ["WEBP", "AVIF", "HEIF"])
def test_of_what_takes_more_to_decode_fewer_pixels_are_read(format, encoded, monkeypatch):
    monkeypatch.setattr(images, "MAX_PIXELS_OF", {format: 3_000_000})
    picture = encoded(Image.new("RGB", (2000, 2000)), format)
    monkeypatch.setattr(Image.Image, "load", lambda self: pytest.fail("decoded"))
    with pytest.raises(ImageError, match=r"2000×2000.*At most 3 megapixels"):
        load_photo(picture)


def test_what_takes_minutes_to_decode_is_refused(encoded):
    picture = encoded(Image.new("RGB", (64, 48), RED), "JPEG", progressive=True)
    scan = picture[picture.rindex(b"\xff\xda") : -2]
    with pytest.raises(ImageError, match="scans"):
        load_photo(picture[:-2] + 300 * scan + picture[-2:])
    header = b"BM" + bytes(8) + (54 + 1024).to_bytes(4, "little")
    info = b"".join(n.to_bytes(4, "little") for n in (40, 64, 48)) + b"\1\0\x08\0\1\0\0\0" + bytes(20)
    with pytest.raises(ImageError, match="Compressed BMP"):
        load_photo(header + info + bytes(1024) + b"\0\1")


def test_endless_exif_is_refused(encoded):
    """Pillow alone would take minutes."""
    picture = encoded(Image.new("RGB", (64, 48), RED), "JPEG")
    segment = b"\xff\xe1" + (65_532 + 2).to_bytes(2, "big") + b"Exif\0\0" * 10_922
    with pytest.raises(ImageError, match="EXIF data over and over"):
        load_photo(picture[:2] + 60 * segment + picture[2:])


def test_large_pictures_are_decoded_one_at_a_time(encoded, monkeypatch):
    monkeypatch.setattr(images, "LARGE", 1000)
    at_once, most = [], []
    to_rgb = images._to_rgb

    def watched(image):
        at_once.append(1)
        most.append(len(at_once))
        time.sleep(0.02)
        at_once.pop()
        return to_rgb(image)

    monkeypatch.setattr(images, "_to_rgb", watched)
    picture = encoded(Image.new("RGB", (64, 48), RED), "PNG")
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(load_photo, [picture] * 8))
    assert max(most) == 1


def test_a_decompression_bomb_is_refused(encoded):
    with pytest.raises(ImageError, match="100 megapixels"):
        load_photo(encoded(Image.new("1", (30_000, 20_000)), "PNG"))


@pytest.mark.parametrize("format", [format for format in FORMATS if format != "BMP"])
def test_a_cut_off_picture_says_so(format, noise, encoded):
    data = encoded(Image.fromarray(noise).resize((300, 200)), format)
    with pytest.raises(ImageError):
        load_photo(data[: len(data) // 2])


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (b"", "empty"),
        (b"not a picture at all", "not a picture"),
        (b"\0\0\0\x18ftypheic" + bytes(400), "HEIC.*as a JPEG"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 50 50\n", "not a picture"),
        (Image.new("RGB", (19, 100)), r"19×100.*at least 20"),
        (np.zeros((30, 30, 3)), "uint8 array.*float64"),
        (np.zeros((30, 30, 2), np.uint8), r"\(30, 30, 2\)"),
        (np.zeros((0, 30, 3), np.uint8), "empty"),
        (42, "int"),
        ("no/such/file.jpg", r"no file no/such/file.jpg\.$"),
        ("/photos/https:/example.com/a.jpg", r"no file .*\. Addresses are not fetched: download"),
        (".", "is a folder"),
        ("", "path is empty"),
        ("https://example.com/a.jpg", "not fetched"),
        (np.zeros((3, 30, 30), np.uint8), "Channels come last"),
        (np.zeros((30, 30, 3)), "astype"),
        (io.StringIO("x"), "got str"),
        (Image.new("RGB", (50_000, 25)), "too narrow"),
    ],
)
def test_each_kind_of_bad_input_has_its_message(source, message):
    with pytest.raises(ImageError, match=message):
        load_photo(source)


def test_a_huge_file_is_refused_before_it_is_held(tmp_path, monkeypatch):
    with (tmp_path / "huge.jpg").open("wb") as stream:
        stream.truncate(2_000_001)
    monkeypatch.setattr(content, "MAX_FILE_BYTES", 2_000_000)
    with pytest.raises(ImageError, match="more than 2 MB"):
        load_photo(tmp_path / "huge.jpg")


def test_two_pictures_in_one_jpeg_are_read_as_the_first(encoded):
    second = Image.new("RGB", (64, 48), (0, 0, 255))
    data = encoded(Image.new("RGB", (64, 48), RED), "MPO", save_all=True, append_images=[second])
    assert near(load_photo(data).rgb.getpixel((5, 5)), RED)


def test_a_callers_picture_that_several_ask_about_at_once_is_decoded_once(noise, encoded):
    content = encoded(Image.fromarray(np.asarray(noise)).resize((1500, 1500)), "JPEG")
    for _ in range(5):
        shared = Image.open(io.BytesIO(content))
        with ThreadPoolExecutor(4) as pool:
            photos = list(pool.map(load_photo, [shared] * 4))
        assert {photo.rgb.tobytes() for photo in photos} == {photos[0].rgb.tobytes()}


def test_the_programs_own_filters_of_warnings_stay(encoded):
    """They are one list for all threads."""
    content, before = encoded(Image.new("RGB", (30, 30)), "PNG"), list(warnings.filters)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(load_photo, [content] * 400))
    assert warnings.filters == before


def test_a_window_repeats_edges(noise):
    picture = Image.fromarray(noise)
    assert np.array_equal(cut_out(picture, 3, 2, 11, 10), noise[2:10, 3:11])
    padded = np.pad(noise, ((3, 4), (5, 6), (0, 0)), mode="edge")
    assert np.array_equal(cut_out(picture, -5, -3, 86, 64), padded)
    assert np.array_equal(cut_out(picture, 500, 500, 502, 501), np.full((1, 2, 3), noise[-1, -1]))


def test_a_callers_picture_with_damaged_exif_is_left_as_it_is(monkeypatch):
    def damaged(image):
        raise ValueError("damaged")

    monkeypatch.setattr(images.ImageOps, "exif_transpose", damaged)
    picture = Image.new("RGB", (6000, 3000), RED)
    assert load_photo(picture).rgb.size == (4096, 2048)
    assert picture.size == (6000, 3000)


@pytest.mark.parametrize("mode", ["L", "LA", "La", "P", "RGBA", "CMYK", "I;16", "I", "F", "1"])
def test_converted_in_strips_a_picture_is_the_same(mode, noise, monkeypatch):
    if mode in ("I;16", "I", "F"):
        values = np.arange(70 * 40).reshape(70, 40) * 23
        picture = Image.fromarray(values.astype({"I;16": np.uint16, "I": np.int32, "F": np.float32}[mode]))
    else:
        picture = Image.fromarray(np.resize(noise, (70, 40, 4)))
        picture = picture.convert("LA").convert("La") if mode == "La" else picture.convert(mode)
    assert picture.mode == mode
    whole = np.asarray(load_photo(picture).rgb)
    monkeypatch.setattr(images, "_STRIP", 300)
    assert np.array_equal(np.asarray(load_photo(picture).rgb), whole)
    assert whole.std() > 1


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="the peak of a process is read from /proc")
@pytest.mark.parametrize(
    ("mode", "format"),
    [
        *(("RGB", format) for format in ("PNG", "WEBP", "AVIF", "HEIF")),
        *[("RGBA", "PNG"), ("I;16", "PNG"), ("F", "TIFF"), ("P", "GIF")],
    ],
)
def test_decoding_takes_at_most_seventeen_bytes_a_pixel(mode, format, tmp_path):
    """What README states for 100 megapixels, on 16; in a process of its own, as its peak is asked for."""
    Image.new(mode, (4000, 4000), 7).save(tmp_path / "picture", format)
    code = """if True:
        import re, sys
        from pathlib import Path
        from agr.images import load_photo
        peak = lambda: int(re.search(r"VmHWM:\\s+(\\d+) kB", Path("/proc/self/status").read_text())[1])
        load_photo("agr/ui/examples/astronaut.jpg")
        before = peak()
        load_photo(sys.argv[1])
        print(peak() - before)"""
    command = [sys.executable, "-c", code, str(tmp_path / "picture")]
    kilobytes = int(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    assert 3 * 16_000_000 < kilobytes * 1024 < 17 * 16_000_000


def test_names_that_are_no_text_are_named_all_the_same(tmp_path):
    for name in (os.fsdecode(b"caf\xe9.jpg"), b"caf\xe9.jpg"):
        with pytest.raises(ImageError, match=r"caf\\udce9\.jpg") as caught:
            load_photo(tmp_path / name if isinstance(name, str) else _Entry(os.fsencode(tmp_path) + b"/" + name))
        str(caught.value).encode()


class _Entry:
    """As os.scandir gives where it was asked with bytes."""

    def __init__(self, path: bytes) -> None:
        self.path = path

    def __fspath__(self) -> bytes:
        return self.path


@pytest.mark.parametrize("kind", [io.BytesIO, bytearray, memoryview])
def test_bytes_may_come_in_any_shape(kind):
    buffer = io.BytesIO()
    Image.new("RGB", (40, 30)).save(buffer, "PNG")
    assert load_photo(kind(buffer.getvalue())).rgb.size == (40, 30)


def test_a_grey_array_may_have_a_last_axis():
    assert load_photo(np.full((30, 40, 1), 7, np.uint8)).rgb.getpixel((0, 0)) == (7, 7, 7)


def test_an_array_may_be_transparent():
    array = np.zeros((30, 40, 4), np.uint8)
    array[:, 20:] = (9, 8, 7, 255)
    rgb = load_photo(array).rgb
    assert (rgb.getpixel((0, 0)), rgb.getpixel((39, 29))) == ((255, 255, 255), (9, 8, 7))
    with pytest.raises(ImageError, match="uint8 array"):
        load_photo(np.zeros((30, 40, 5), np.uint8))


def test_a_file_that_is_closed_is_said():
    closed = io.BytesIO(b"x")
    closed.close()
    with pytest.raises(ImageError, match="closed file"):
        load_photo(closed)


class Dripping(io.RawIOBase):
    """A stream that returns less than was asked for, as a pipe does, and breaks after `breaks_at` bytes."""

    def __init__(self, content: bytes, breaks_at: float = math.inf) -> None:
        self.content, self.breaks_at, self.place = content, breaks_at, 0

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        if self.place > self.breaks_at:
            raise EOFError("compressed file ended")
        part = self.content[self.place : self.place + 100]
        self.place += len(part)
        return part


def test_a_stream_is_read_to_its_end(noise, encoded):
    content = encoded(Image.fromarray(noise), "PNG")
    assert load_photo(Dripping(content)).rgb.tobytes() == noise.tobytes()
    with pytest.raises(ImageError, match="compressed file ended"):  # whatever a reader raises
        load_photo(Dripping(content, breaks_at=300))


def test_a_reader_that_can_only_read_is_enough():
    for held, message in ((b"", "0 bytes"), (b"junk", "not a picture")):
        with pytest.raises(ImageError, match=message):
            load_photo(SimpleNamespace(read=io.BytesIO(held).read))


def test_a_file_that_was_read_before_is_not_called_empty(noise, encoded):
    file = io.BytesIO(encoded(Image.fromarray(noise), "PNG"))
    load_photo(file)
    with pytest.raises(ImageError, match=r"seek\(0\)"):
        load_photo(file)
    with pytest.raises(ImageError, match="0 bytes"):
        load_photo(io.BytesIO())


def test_a_small_file_takes_little_memory(tmp_path, noise, encoded):
    (tmp_path / "a.png").write_bytes(encoded(Image.fromarray(noise), "PNG"))
    tracemalloc.start()
    try:
        load_photo(tmp_path / "a.png")
        with (tmp_path / "a.png").open("rb") as file:
            load_photo(file)
        assert tracemalloc.get_traced_memory()[1] < 20_000_000
    finally:
        tracemalloc.stop()


def test_a_picture_as_text_is_not_quoted_whole(noise, encoded):
    with pytest.raises(ImageError, match="base64") as raised:
        load_photo(base64.b64encode(encoded(Image.fromarray(noise), "PNG")).decode())
    assert len(str(raised.value)) < 500
