"""Numbers in an MP4 that its bytes cannot hold are not believed."""

import struct

import pytest

from agr.video.boxes import most_samples
from agr.video.frames import Frames, VideoError
from tests.clips import walk, write_clip


def box(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I4s", 8 + len(content), kind) + content


def in_boxes(content: bytes, *kinds: bytes) -> bytes:
    for kind in reversed(kinds):
        content = box(kind, content)
    return content


TABLE = (b"moov", b"trak", b"mdia", b"minf", b"stbl")


def counted(tmp_path, content: bytes) -> int:
    (tmp_path / "a.mp4").write_bytes(content)
    with (tmp_path / "a.mp4").open("rb") as file:
        return most_samples(file)


@pytest.mark.parametrize(
    ("inner", "path"),
    [
        (box(b"stsz", struct.pack(">III", 0, 1, 50_000_000)), TABLE),
        (box(b"stts", struct.pack(">II", 0, 50_000_000)), TABLE),
        (box(b"trun", struct.pack(">II", 0, 50_000_000)), (b"moof", b"traf")),
    ],
)
def test_they_are_found_wherever_they_stand(tmp_path, inner, path):
    ahead = box(b"ftyp", b"isom\0\0\0\0") + box(b"mdat", b"stsz" * 9)
    assert counted(tmp_path, ahead + in_boxes(inner, *path)) == 50_000_000
    long = struct.pack(">I4sQ", 1, b"free", 24) + bytes(8)  # with a length of eight bytes
    assert counted(tmp_path, ahead + long + in_boxes(inner, *path)) == 50_000_000
    (tmp_path / "a.mp4").write_bytes(ahead + in_boxes(inner, *path))
    with pytest.raises(VideoError, match="more frames than it has bytes"):
        list(Frames(tmp_path / "a.mp4", rate=5))


@pytest.mark.parametrize("content", [b"", b"\0" * 20, b"\0\0\0\x04moov", box(b"moov", b"\0\0\0\x01trak"), b"x" * 99])
def test_damage_holds_nothing(tmp_path, content):
    assert counted(tmp_path, content) == 0


def test_a_real_clip_has_as_many_as_it_has(tmp_path):
    path = write_clip(tmp_path / "clip.mp4", walk(2))
    with path.open("rb") as file:
        assert 0 < most_samples(file) < path.stat().st_size
